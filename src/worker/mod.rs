//! The daemon: bookings in, the right rendition held on this node's disk before class, or the reason why not; and the way of a
//! single recording from its address into the cache, which commands use too.
//!
//! ```text
//! message ─▶ intake ─▶ desk: decide, one transaction ─▶ jobs ─▶ dispatcher ─▶ executor ─▶ desk ─▶ events
//!                                                                              │
//! Errand ─▶ acquire: cache: here? ── no ──▶ look ─▶ room ─▶ download ─▶ media: take in ─▶ commit ─▶ Acquired
//!                      │ yes, of this address           (work folder)
//!                      └ yes, of another ─▶ look: the same recording? ── no ──▶ the same way, and renamed over
//! ```
//!
//! What opens media goes through one interface ([`Media`]): in this process for the command line, in one of its own ([`Child`])
//! for the daemon.
//!
//! What opens media goes through one interface ([`Media`]): in this process for the command line, in one of its own ([`Child`])
//! for the daemon.
//!
//! Here stages are chained and their failures judged: what is kept for the next try, what goes. How a stage works is its
//! own business, what a person is told the commands'.
//!
//! Invariants: state changes in the desk alone, and nobody is told before that is on the disk (`node`); a live booking has
//! somebody who brings it on (`desk`); a class is ready only when its file is committed and held for it (`executor`).

mod acquire;
mod ask;
mod child;
mod daemon;
mod desk;
mod dispatcher;
mod end;
mod envelope;
mod error;
mod estimate;
mod executor;
mod figures;
mod files;
mod health;
mod herald;
mod intake;
mod media;
mod message;
mod node;
mod pace;
mod place;
mod predict;
mod progress;
mod prover;
mod recovery;
mod slack;
mod supervise;
mod terms;
mod upkeep;
mod view;

pub use acquire::{Acquired, Acquirer, Errand, State, Stop};
pub use child::{Bounds, Child, Fault, NotServed, serve};
pub use daemon::{Daemon, Part, Work, part};
pub use end::WorkerError;
pub use error::AcquireError;
pub use media::{Facts, InProcess, Limits, Media, MediaError, TakeIn, TakenIn, Transcode, Transcoded};
pub use node::{Node, Parts};
pub use progress::{Progress, Snapshot};
pub use prover::MediaProver;
pub use terms::Terms;
pub use view::{
    Advance, BookingFilter, BookingView, Check, Events, Health, JobView, Order, Page, Pin, Taken, Tiding,
};
