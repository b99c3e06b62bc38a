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

/// Returns room for one more file, where it is counted.
pub fn for_one_more(rooms: Option<&Arc<dyn RoomSource>>) -> Option<Arc<dyn Room>> {
    rooms.map(|rooms| Arc::clone(rooms).file())
}

/// What one file that is being written may use of its room; without a room, all that the disk has.
#[derive(Debug, Default)]
pub struct Grant {
    room: Option<Arc<dyn Room>>,
    bytes: u64,
}

impl Grant {
    /// Returns the grant of a file of which nothing is there yet.
    pub fn new(room: Option<Arc<dyn Room>>) -> Self {
        Self { room, bytes: 0 }
    }

    /// Asks that the file may be `bytes` long, unless it may already.
    ///
    /// # Errors
    /// As [`Room::reach`]; what was granted before stays so.
    pub fn reach(&mut self, bytes: u64) -> Result<(), NoRoom> {
        if bytes > self.bytes { self.settle(bytes) } else { Ok(()) }
    }

    /// Asks that the file may be `bytes` long and not longer: another one takes its place, or its length is known at last.
    ///
    /// # Errors
    /// As [`Room::reach`]; what was granted before stays so.
    pub fn settle(&mut self, bytes: u64) -> Result<(), NoRoom> {
        if let Some(room) = &self.room {
            room.reach(bytes)?;
        }
        self.bytes = bytes;
        Ok(())
    }

    /// Gives everything back: the file is gone.
    pub fn give_back(&mut self) {
        if self.settle(0).is_err() {
            tracing::warn!("no room for nothing: what a file had is not counted as free");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Room for ten bytes, and what was asked of it.
    #[derive(Debug, Default)]
    struct Ten(Mutex<Vec<u64>>);

    impl Room for Ten {
        fn reach(&self, bytes: u64) -> Result<(), NoRoom> {
            self.0.lock().unwrap().push(bytes);
            if bytes <= 10 { Ok(()) } else { Err(NoRoom(format!("{bytes} of 10 bytes"))) }
        }
    }

    #[test]
    fn room_is_asked_for_what_is_new_and_given_back_with_the_file() {
        let ten = Arc::new(Ten::default());
        let mut grant = Grant::new(Some(Arc::clone(&ten) as Arc<dyn Room>));
        grant.reach(8).unwrap();
        grant.reach(5).unwrap();
        assert_eq!(grant.reach(11).unwrap_err().code(), "CACHE_FULL");
        grant.reach(8).unwrap();
        grant.settle(4).unwrap();
        grant.reach(5).unwrap();
        grant.give_back();
        assert_eq!(*ten.0.lock().unwrap(), [8, 11, 4, 5, 0]);
        Grant::default().reach(u64::MAX).unwrap();
    }
}
