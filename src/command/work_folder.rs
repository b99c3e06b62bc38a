//! The folder where unfinished outputs live: made and locked before the work, gone after it, unless it holds finished
//! chunks that the next run can take up.
//!
//! The lock is advisory and dies with its process, so a killed run leaves a folder but no lock; the next run takes it,
//! and keeps of it what it can use. A folder of that name without our lock file in it is somebody else's and is never
//! touched.

use std::ffi::OsStr;
use std::fs::{self, DirEntry, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::{CommandError, engine};
use crate::atomic_file::is_same_file;
use crate::held_lock::{HeldLock, NotHeld};

const LOCK: &str = "lock";

/// A locked work folder; dropping it removes it with all that is in it, unless that is to be kept.
#[derive(Debug)]
pub(super) struct WorkFolder {
    path: PathBuf,
    keeps_progress: bool,
    _lock: HeldLock,
}

/// What becomes of the things that an earlier run left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leftovers {
    /// Whatever can be taken up stays.
    Resume,
    /// All of it goes.
    Remove,
}

impl WorkFolder {
    /// Makes and locks the folder `path`, or takes over the leftover of a killed run.
    pub(super) fn claim(path: &Path, leftovers: Leftovers) -> Result<Self, CommandError> {
        // A run that finishes at this very moment may remove the folder between our steps; it can do so only once,
        // and a few tries outlast several such runs in a row.
        const TRIES: usize = 5;
        for _ in 0..TRIES {
            if let Some(lock) = try_claim(path)? {
                let folder = Self { path: path.to_owned(), keeps_progress: true, _lock: lock };
                let left = folder.clean(leftovers).map_err(|error| unwritable(path, error))?;
                if left > 0 {
                    tracing::info!(path = %path.display(), left, "removed what a killed run left");
                }
                return Ok(folder);
            }
        }
        Err(CommandError::OutputBusy(path.to_owned()))
    }

    /// Returns where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Lets go of what is in it: when it is dropped, it goes too.
    pub(super) fn forget(&mut self) {
        self.keeps_progress = false;
    }

    /// Returns whether it will stay: there is something in it that the next run can take up.
    pub(super) fn stays(&self) -> bool {
        self.keeps_progress && engine::has_progress(&self.path)
    }

    /// Removes everything but the lock, and but what is to be taken up; returns how many things that were. What tells of
    /// the others goes last.
    fn clean(&self, leftovers: Leftovers) -> io::Result<usize> {
        let is_kept = |name: &OsStr| {
            name == LOCK || (leftovers == Leftovers::Resume && name.to_str().is_some_and(engine::is_resumable))
        };
        let mut removed = 0;
        let mut entries: Vec<DirEntry> = fs::read_dir(&self.path)?.collect::<io::Result<_>>()?;
        entries.sort_by_key(|entry| entry.file_name().to_str().is_some_and(engine::is_journal));
        for entry in entries {
            if is_kept(&entry.file_name()) {
                continue;
            }
            if entry.file_type()?.is_dir() {
                fs::remove_dir_all(entry.path())?;
            } else {
                fs::remove_file(entry.path())?;
            }
            removed += 1;
        }
        Ok(removed)
    }
}

impl Drop for WorkFolder {
    /// The lock file goes last, and while the lock is held: whoever waits for it sees the folder whole or gone.
    fn drop(&mut self) {
        if self.stays() {
            if let Err(error) = self.clean(Leftovers::Resume) {
                tracing::warn!(path = %self.path.display(), %error, "cannot tidy the work folder");
            }
            return;
        }
        let removed = self.clean(Leftovers::Remove).and_then(|_| fs::remove_file(self.path.join(LOCK)));
        if let Err(error) = removed.and_then(|()| fs::remove_dir(&self.path)) {
            tracing::warn!(path = %self.path.display(), %error, "cannot remove the work folder");
        }
    }
}

/// Removes a folder without anything but a lock that nobody holds: what a run leaves that is killed in its last step.
pub(super) fn tidy(path: &Path) {
    let is_bare = |entries: fs::ReadDir| entries.flatten().all(|entry| entry.file_name() == LOCK);
    if fs::read_dir(path).is_ok_and(is_bare) {
        // In use, or not ours: then it stays.
        let _ = WorkFolder::claim(path, Leftovers::Resume);
    }
}

fn unwritable(path: &Path, source: io::Error) -> CommandError {
    CommandError::OutputUnwritable { path: path.to_owned(), source }
}

/// Returns the lock, or nothing when the folder vanished under our hands.
fn try_claim(path: &Path) -> Result<Option<HeldLock>, CommandError> {
    match fs::create_dir(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => check_ours(path)?,
        result => result.map_err(|error| unwritable(path, error))?,
    }
    let lock_path = path.join(LOCK);
    let file = match File::options().create(true).truncate(false).write(true).open(&lock_path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            // The disk had room for the folder and no more. Only an empty folder can be removed so, and a run that
            // is about to put its lock into it makes it anew.
            let _ = fs::remove_dir(path);
            return Err(unwritable(path, error));
        }
        Ok(file) => file,
    };
    match HeldLock::take(file) {
        Ok(lock) => Ok(is_same_file(&lock, &lock_path).then_some(lock)),
        Err(NotHeld::ByOther(_)) => Err(CommandError::OutputBusy(path.to_owned())),
        Err(NotHeld::Refused(error)) => Err(unwritable(path, error)),
    }
}

/// Refuses a folder that no run of ours made: not empty, and without our lock.
fn check_ours(path: &Path) -> Result<(), CommandError> {
    let taken = || CommandError::WorkFolderTaken(path.to_owned());
    let metadata = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        result => result.map_err(|error| unwritable(path, error))?,
    };
    if !metadata.is_dir() {
        return Err(taken());
    }
    let has_lock = fs::symlink_metadata(path.join(LOCK)).is_ok_and(|lock| lock.is_file());
    let is_empty = || fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
    if has_lock || is_empty() { Ok(()) } else { Err(taken()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Failure;

    fn refused(path: &Path) -> &'static str {
        WorkFolder::claim(path, Leftovers::Resume).unwrap_err().code()
    }

    #[test]
    fn one_run_at_a_time_holds_the_folder_and_leaves_nothing() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("lesson.reelmill");
        let folder = WorkFolder::claim(&path, Leftovers::Resume).unwrap();
        fs::write(folder.path().join("part"), "half").unwrap();
        assert_eq!(refused(&path), "OUTPUT_BUSY");
        assert!(path.join("part").try_exists().unwrap());
        drop(folder);
        assert!(!path.try_exists().unwrap());
        WorkFolder::claim(&path, Leftovers::Resume).unwrap();
    }

    #[test]
    fn what_a_killed_run_left_is_cleaned_and_taken() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("lesson.reelmill");
        fs::create_dir_all(path.join("deep")).unwrap();
        fs::write(path.join("lock"), "").unwrap();
        fs::write(path.join("deep/part"), "half").unwrap();
        let folder = WorkFolder::claim(&path, Leftovers::Resume).unwrap();
        assert!(!path.join("deep").try_exists().unwrap());
        drop(folder);
    }

    #[test]
    fn a_folder_of_somebody_else_is_never_touched() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("lesson.reelmill");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("diary.txt"), "mine").unwrap();
        assert_eq!(refused(&path), "WORK_FOLDER_TAKEN");
        assert_eq!(fs::read_to_string(path.join("diary.txt")).unwrap(), "mine");
        let link = root.path().join("link.reelmill");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert_eq!(refused(&link), "WORK_FOLDER_TAKEN");
    }
}
