//! The disk cache: recordings that classes need, within limits, each whole or not there.

mod error;
mod holder;
mod key;
mod report;

pub use error::CacheError;
pub use holder::{Held, Holder, HolderKind};
pub use key::Key;
pub use report::{DiskFigures, EntryState, EntryView, Eviction, Limits, Scrubbed, Stat, Tally, Why};
