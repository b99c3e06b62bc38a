//! From a source and a plan to finished renditions.
//!
//! `plan` decides (pure) · `filter` and `x264` spell the decision for FFmpeg · `engine` carries it out.

pub mod chunk;
mod engine;
mod error;
pub mod explain;
pub mod filter;
mod outcome;
pub mod plan;
mod progress;
mod request;
#[cfg(test)]
pub(crate) mod sample;
pub mod x264;

pub use engine::{
    Identity, Job, OutputRecord, finished, has_journal, has_progress, is_journal, is_resumable, remember, run,
    try_encoders,
};
pub use error::TranscodeError;
pub use outcome::{Finished, Outcome, RenditionOutcome, Resumption};
pub use progress::{Phase, Progress, RenditionProgress};
pub use request::{AudioRequest, RateControlRequest, RenditionRequest, Request};
