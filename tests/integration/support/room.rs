//! Room that is small, and remembers what was asked of it.

use std::sync::{Arc, Mutex};

use reelmill::room::{NoRoom, Room};

/// Room for so many bytes of one file.
#[derive(Debug)]
pub(crate) struct SmallRoom {
    bytes: u64,
    asked: Mutex<Vec<u64>>,
}

impl SmallRoom {
    /// Room for a file of at most `bytes`.
    pub(crate) fn new(bytes: u64) -> Arc<Self> {
        Arc::new(Self { bytes, asked: Mutex::default() })
    }

    /// Returns every length that was asked for, in order.
    pub(crate) fn asked(&self) -> Vec<u64> {
        self.asked.lock().unwrap().clone()
    }

    /// Returns the length that was granted last.
    pub(crate) fn granted(&self) -> u64 {
        self.asked().into_iter().rfind(|bytes| *bytes <= self.bytes).unwrap_or(0)
    }
}

impl Room for SmallRoom {
    fn reach(&self, bytes: u64) -> Result<(), NoRoom> {
        self.asked.lock().unwrap().push(bytes);
        if bytes <= self.bytes {
            Ok(())
        } else {
            Err(NoRoom(format!("{bytes} bytes, of {} there are", self.bytes)))
        }
    }
}
