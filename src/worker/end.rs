//! Why the daemon ends although nobody told it to.

use super::supervise::GaveUp;
use crate::failure::{Failure, FailureClass};
use crate::store::StoreError;

/// The daemon cannot go on: the process is to end, and to be begun anew.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The database takes nothing any more.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A part of it ended again and again.
    #[error("the {name} ended again and again: {why}")]
    GaveUp {
        /// Which part.
        name: &'static str,
        /// How it ended last.
        why: String,
    },
}

impl From<GaveUp> for WorkerError {
    fn from(GaveUp { name, why }: GaveUp) -> Self {
        Self::GaveUp { name, why }
    }
}

impl Failure for WorkerError {
    fn code(&self) -> &'static str {
        match self {
            Self::Store(error) => error.code(),
            Self::GaveUp { .. } => "WORKER_GAVE_UP",
        }
    }

    fn class(&self) -> FailureClass {
        match self {
            Self::Store(error) => error.class(),
            Self::GaveUp { .. } => FailureClass::Bug,
        }
    }

    fn cure(&self) -> &'static str {
        match self {
            Self::Store(error) => error.cure(),
            Self::GaveUp { .. } => "start it again; if it ends again, the log says why",
        }
    }
}
