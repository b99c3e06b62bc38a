//! One process at a time writes a database: the lock that it holds as long as it has it open.
//!
//! Advisory, and gone with its process however that ends. The file stays, so that everybody locks the same one.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::Path;

use super::StoreError;
use super::layout::{Layout, create_private, file_error, is_there};
use crate::held_lock::{HeldLock, NotHeld};

/// The lock; dropping it lets go.
#[derive(Debug)]
pub(super) struct Lock {
    _file: HeldLock,
}

impl Lock {
    /// Takes the lock, or tells who has it.
    pub(super) fn take(layout: &Layout) -> Result<Self, StoreError> {
        let path = layout.lock();
        let mut file = HeldLock::take(open(&path)?).map_err(|why| match why {
            NotHeld::ByOther(mut file) => {
                StoreError::InUse { path: layout.database().to_owned(), pid: holder(&mut file) }
            }
            NotHeld::Refused(error) => file_error(&path)(error),
        })?;
        // For the one who is refused. A disk without room for four digits is no reason not to start.
        let told =
            file.set_len(0).and_then(|()| file.rewind()).and_then(|()| write!(file, "{}", std::process::id()));
        if let Err(error) = told {
            tracing::debug!(path = %path.display(), %error, "cannot write who holds the lock");
        }
        Ok(Self { _file: file })
    }
}

/// Refuses where another process has the database open for writing: for whoever prepares something before opening it.
pub fn refuse_if_in_use(database: &Path) -> Result<(), StoreError> {
    Lock::take(&Layout::around(database)?).map(drop)
}

fn open(path: &Path) -> Result<File, StoreError> {
    if !is_there(path) {
        match create_private(path) {
            // Somebody else was quicker; then it is there.
            Err(_) if is_there(path) => {}
            result => return result,
        }
    }
    File::options().read(true).write(true).open(path).map_err(file_error(path))
}

fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
