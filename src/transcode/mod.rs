//! From a source and a plan to finished renditions.
//!
//! `plan` decides (pure) · `filter` and `x264` spell the decision for FFmpeg · `pipeline` carries it out.

mod error;
mod outcome;
pub mod plan;
mod progress;
mod request;

pub use error::TranscodeError;
pub use outcome::{Finished, Outcome, RenditionOutcome};
pub use progress::{Phase, Progress, RenditionProgress};
pub use request::{AudioRequest, RateControlRequest, RenditionRequest, Request};
