//! Room that is small, and remembers what was asked of it.

use std::sync::{Arc, Mutex};

use reelmill::room::{NoRoom, Room, RoomSource};

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

/// Room for so many bytes of all files together.
#[derive(Debug)]
pub(crate) struct SmallRooms {
    bytes: u64,
    files: Mutex<Vec<u64>>,
}

/// One file's part of it.
#[derive(Debug)]
struct File {
    rooms: Arc<SmallRooms>,
    index: usize,
}

impl SmallRooms {
    /// Room for files of at most `bytes` together.
    pub(crate) fn new(bytes: u64) -> Arc<Self> {
        Arc::new(Self { bytes, files: Mutex::default() })
    }

    /// Returns what each file was granted last and has not given back.
    pub(crate) fn granted(&self) -> Vec<u64> {
        self.files.lock().unwrap().iter().copied().filter(|bytes| *bytes > 0).collect()
    }
}

impl RoomSource for SmallRooms {
    fn file(self: Arc<Self>) -> Arc<dyn Room> {
        let mut files = self.files.lock().unwrap();
        files.push(0);
        let index = files.len() - 1;
        drop(files);
        Arc::new(File { rooms: self, index })
    }
}

impl Room for File {
    fn reach(&self, bytes: u64) -> Result<(), NoRoom> {
        let mut files = self.rooms.files.lock().unwrap();
        let others: u64 = files.iter().sum::<u64>() - files[self.index];
        if others + bytes > self.rooms.bytes {
            return Err(NoRoom(format!("{bytes} bytes beside {others}, of {}", self.rooms.bytes)));
        }
        files[self.index] = bytes;
        Ok(())
    }
}
