//! The node's work, put together from the stages: today the way from an address to a file in the cache.
//!
//! ```text
//! Errand ─▶ cache: here? ── no ──▶ look ─▶ room ─▶ download ─▶ media: take in ─▶ commit ─▶ Acquired
//!             │ yes, of this address            (work folder)
//!             └ yes, of another ─▶ look: the same recording? ── no ──▶ the same way, and renamed over
//! ```
//!
//! What opens media goes through one interface ([`Media`]): in this process for the command line, in one of its own ([`Child`])
//! for the daemon.
//!
//! Here stages are chained and their failures judged: what is kept for the next try, what goes. How a stage works is its
//! own business, what a person is told the commands'.

mod acquire;
mod child;
mod error;
mod media;
mod place;
mod progress;
mod prover;

pub use acquire::{Acquired, Acquirer, Errand, State, Stop};
pub use child::{Bounds, Child, Fault, NotServed, serve};
pub use error::AcquireError;
pub use media::{Facts, InProcess, Media, MediaError, TakeIn, TakenIn, Transcode, Transcoded};
pub use progress::{Progress, Snapshot};
pub use prover::MediaProver;
