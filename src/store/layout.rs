//! The files of a database: the names beside it, who owns them, and how one takes another's place.
//!
//! What is in them is the other files' matter.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, chown};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::StoreError;
use crate::atomic_file;

/// The database's name in the data folder.
pub const FILE_NAME: &str = "reelmill.db";
/// Its owner's only: bookings name classes and their addresses.
const PRIVATE_MODE: u32 = 0o600;
/// Damaged files that are kept; one more is refused rather than any of them lost.
const DAMAGED_MAX: u32 = 1000;

/// The names of a database and of what lies beside it.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    database: PathBuf,
}

impl Layout {
    /// Returns the layout around `database`. Absolute, since SQLite would take `file:` in front for an address.
    pub(super) fn around(database: &Path) -> Result<Self, StoreError> {
        let absolute = std::path::absolute(database).map_err(file_error(database))?;
        Ok(Self { database: absolute })
    }

    pub(super) fn database(&self) -> &Path {
        &self.database
    }

    /// Returns the database's name with `suffix` behind it.
    pub(super) fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = self.database.clone().into_os_string();
        name.push(suffix);
        name.into()
    }

    pub(super) fn wal(&self) -> PathBuf {
        self.beside("-wal")
    }

    /// Returns the journal of the older way, which only copies put in place by hand have.
    pub(super) fn journal(&self) -> PathBuf {
        self.beside("-journal")
    }

    fn set_aside_as(&self, number: u32) -> PathBuf {
        self.beside(&format!(".damaged-{number}"))
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.beside(".lock")
    }

    pub(super) fn backup(&self) -> PathBuf {
        self.beside(".backup")
    }

    /// Returns the name under which a database is made before it gets its own.
    pub(super) fn draft(&self) -> PathBuf {
        self.beside(".new")
    }

    /// Returns the backup, if there is one.
    pub(super) fn found_backup(&self) -> Option<PathBuf> {
        Some(self.backup()).filter(|path| is_there(path))
    }

    /// Returns how many bytes wait in the log; 0 where there is none.
    pub(super) fn wal_bytes(&self) -> u64 {
        fs::metadata(self.wal()).map_or(0, |metadata| metadata.len())
    }

    /// Returns the database that was set aside last, if there is one.
    pub(super) fn found_aside(&self) -> Option<PathBuf> {
        (1..=DAMAGED_MAX).rev().map(|number| self.set_aside_as(number)).find(|path| is_there(path))
    }

    /// Moves the database and its log aside and returns its new name; nothing where there is none.
    ///
    /// The database first: without it nothing opens what is left, while without its log it would open and lack what
    /// was last committed.
    pub(super) fn set_aside(&self) -> Result<Option<PathBuf>, StoreError> {
        // Above the highest, so that the last one set aside is always the highest.
        let highest = (1..=DAMAGED_MAX).rev().find(|number| is_there(&self.set_aside_as(*number)));
        let number = highest.map_or(1, |highest| highest + 1);
        if number > DAMAGED_MAX {
            return Err(StoreError::BackupExists(self.set_aside_as(DAMAGED_MAX)));
        }
        let aside = Self { database: self.set_aside_as(number) };
        let is_kept = rename_if_there(&self.database, &aside.database)?;
        rename_if_there(&self.wal(), &aside.wal())?;
        // Of a copy put in place by hand. It would be played back into whatever has the database's name next.
        rename_if_there(&self.journal(), &aside.journal())?;
        // The index of the log is made from the log by whoever opens it.
        remove_if_there(&self.beside("-shm"))?;
        atomic_file::sync_folder(&self.database).map_err(file_error(&self.database))?;
        Ok(is_kept.then_some(aside.database))
    }
}

/// What a person wants to know about a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// When it was made.
    pub made: SystemTime,
}

impl BackupFile {
    /// Looks at the file; nothing where there is none.
    pub(super) fn at(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        Some(Self { path: path.to_owned(), bytes: metadata.len(), made: metadata.modified().ok()? })
    }
}

/// Returns the closure that turns an error of the system on `path` into ours.
pub(super) fn file_error(path: &Path) -> impl Fn(io::Error) -> StoreError {
    move |source| StoreError::File { path: path.to_owned(), source }
}

/// Returns whether something has that name; what cannot be looked at counts as there, so that nothing takes its place.
pub(super) fn is_there(path: &Path) -> bool {
    !matches!(fs::symlink_metadata(path), Err(error) if error.kind() == io::ErrorKind::NotFound)
}

/// Makes an empty file that only its owner may read, and gives it to the owner of its folder: a command run by root
/// must not leave files that the node cannot open.
pub(super) fn create_private(path: &Path) -> Result<File, StoreError> {
    let make = || {
        let file = File::options().create_new(true).read(true).write(true).mode(PRIVATE_MODE).open(path)?;
        let folder = fs::metadata(path.parent().unwrap_or(Path::new(".")))?;
        let made = file.metadata()?;
        if rustix::process::geteuid().is_root() && (made.uid(), made.gid()) != (folder.uid(), folder.gid()) {
            chown(path, Some(folder.uid()), Some(folder.gid()))?;
        }
        Ok(file)
    };
    make().map_err(file_error(path))
}

/// Removes a database that was never finished, with what SQLite made beside it.
pub(super) fn remove_draft(path: &Path) -> Result<(), StoreError> {
    let draft = Layout { database: path.to_owned() };
    for leftover in [draft.beside("-journal"), draft.beside("-wal"), draft.beside("-shm"), draft.database] {
        remove_if_there(&leftover)?;
    }
    Ok(())
}

/// Brings a finished draft to the disk, while what it is to replace is still in its place: a disk that fails now has cost
/// nothing.
pub(super) fn sync_draft(path: &Path) -> Result<(), StoreError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(file_error(path))
}

fn remove_if_there(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(file_error(path)(error)),
        _ => Ok(()),
    }
}

fn rename_if_there(from: &Path, to: &Path) -> Result<bool, StoreError> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        result => result.map(|()| true).map_err(file_error(from)),
    }
}
