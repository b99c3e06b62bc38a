//! What can go wrong on the way from a source to its renditions.

use crate::failure::{Failure, FailureClass};

/// A transcode failed.
#[derive(Debug, thiserror::Error)]
pub enum TranscodeError {
    /// Somebody asked us to stop.
    #[error("stopped on request")]
    Cancelled,
}

impl Failure for TranscodeError {
    fn code(&self) -> &'static str {
        match self {
            Self::Cancelled => "CANCELLED",
        }
    }

    fn class(&self) -> FailureClass {
        match self {
            Self::Cancelled => FailureClass::Cancelled,
        }
    }

    fn cure(&self) -> &'static str {
        match self {
            Self::Cancelled => "run the same command again",
        }
    }
}
