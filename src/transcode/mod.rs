//! From a source and a plan to finished renditions.
//!
//! `plan` decides (pure) · `filter` and `encoder` spell the decision for FFmpeg · `engine` carries it out.

pub mod chunk;
pub mod encoder;
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

pub use encoder::x264;
pub use engine::{
    Identity, Job, OutputRecord, finished, has_journal, has_progress, is_journal, is_resumable, remember, run,
    try_encoders, unavailable,
};
pub use error::TranscodeError;
pub use outcome::{Finished, Outcome, RenditionOutcome, Resumption};
pub use progress::{Phase, Progress, RenditionProgress};
pub use request::{AudioRequest, RateControlRequest, RenditionRequest, Request};
