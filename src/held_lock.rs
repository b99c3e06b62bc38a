//! A lock on a file or folder that one holder has at a time, this process' others among them, and that ends with its holder.
//!
//! Advisory (`flock`): it keeps out who asks for it too, and is gone with the process however that ends. What an open file
//! that has it is good for is the caller's business.

use std::fs::{File, TryLockError};
use std::io;
use std::ops::{Deref, DerefMut};

/// An open file with its lock. Dropping it lets go at once.
///
/// Closing the file would not do that: a child that another thread is starting has a copy of every descriptor until its
/// program begins, and the lock lives as long as any copy. Whoever asked again in that moment would be refused by nobody.
#[derive(Debug)]
pub struct HeldLock(File);

/// Why there is no lock.
#[derive(Debug)]
pub enum NotHeld {
    /// Somebody has it; the file, in which that may be told.
    ByOther(File),
    /// The file system refuses.
    Refused(io::Error),
}

impl HeldLock {
    /// Locks `file`, unless somebody has it. Waits for nobody.
    ///
    /// # Errors
    /// There is another holder, or the file system has no locks.
    pub fn take(file: File) -> Result<Self, NotHeld> {
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(NotHeld::ByOther(file)),
            Err(TryLockError::Error(error)) => Err(NotHeld::Refused(error)),
        }
    }
}

impl Drop for HeldLock {
    fn drop(&mut self) {
        // A file system that has given a lock takes it back; if not, closing the file does, which comes next.
        let _ = self.0.unlock();
    }
}

impl Deref for HeldLock {
    type Target = File;

    fn deref(&self) -> &File {
        &self.0
    }
}

impl DerefMut for HeldLock {
    fn deref_mut(&mut self) -> &mut File {
        &mut self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_let_go_though_a_child_has_a_copy_of_its_descriptor() {
        let folder = tempfile::tempdir().unwrap();
        let open = || File::open(folder.path()).unwrap();
        let lock = HeldLock::take(open()).unwrap();
        let copy = lock.try_clone().unwrap();
        assert!(matches!(HeldLock::take(open()), Err(NotHeld::ByOther(_))));
        drop(lock);
        HeldLock::take(open()).unwrap();
        drop(copy);
    }
}
