//! What can be wrong with how others are to be told. A target that does not take an event is no error: see `Refused`.

use crate::failure::{Failure, FailureClass};

/// Nobody can be told.
#[derive(Debug, thiserror::Error)]
pub enum NotifyError {
    /// A secret cannot be used. Nothing of it is repeated.
    #[error("line {line} of {setting} is no secret that signs: {why}")]
    Secret {
        /// The setting that names its file.
        setting: &'static str,
        /// Which line of that file.
        line: usize,
        /// What is wrong with it.
        why: &'static str,
    },
}

impl Failure for NotifyError {
    fn code(&self) -> &'static str {
        match self {
            Self::Secret { .. } => "WEBHOOK_SECRET",
        }
    }

    fn class(&self) -> FailureClass {
        match self {
            Self::Secret { .. } => FailureClass::Configuration,
        }
    }

    fn cure(&self) -> &'static str {
        match self {
            Self::Secret { .. } => {
                "write whsec_ and base64 after it, or any text of 24 bytes or more; `openssl rand -base64 32` makes one"
            }
        }
    }
}
