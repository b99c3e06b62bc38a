//! Room on a disk that somebody keeps count of: whoever writes asks before the bytes come.
//!
//! A leaf, so that stages can ask without knowing who counts.

use std::fmt::Debug;
use std::sync::Arc;

use crate::failure::{Failure, FailureClass};

/// There is no room for more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no room for more: {0}")]
pub struct NoRoom(pub String);

impl Failure for NoRoom {
    fn code(&self) -> &'static str {
        "CACHE_FULL"
    }

    fn class(&self) -> FailureClass {
        FailureClass::Capacity
    }

    fn cure(&self) -> &'static str {
        "raise the limits of [cache], let go of what is held, or free some of the disk"
    }
}

/// Room for one file that grows.
pub trait Room: Debug + Send + Sync {
    /// Asks that the file may be `bytes` long. To be called before it is; a smaller number than before gives the rest back.
    ///
    /// # Errors
    /// There is no room for that much, and nothing can make any.
    fn reach(&self, bytes: u64) -> Result<(), NoRoom>;
}

/// Who gives room to each of the files that a job makes.
pub trait RoomSource: Debug + Send + Sync {
    /// Returns room for one more file, which has none yet.
    fn file(self: Arc<Self>) -> Arc<dyn Room>;
}
