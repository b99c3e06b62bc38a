//! What can go wrong with the database, told apart by what somebody can do about it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{ErrorCode, ffi};

use crate::failure::{Failure, FailureClass, is_disk_full};

/// The store refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no database, where one is needed or where one has been.
    #[error("there is no database {}{}{}", path.display(), BackupNote(backup.as_deref()), AsideNote(aside.as_deref()))]
    Missing {
        /// Where it should be.
        path: PathBuf,
        /// The backup beside it.
        backup: Option<PathBuf>,
        /// What was there before somebody set it aside, perhaps to mend it.
        aside: Option<PathBuf>,
    },
    /// The file does not hold what was written to it.
    #[error("the database {} is damaged, {finding}{}", path.display(), BackupNote(backup.as_deref()))]
    Damaged {
        /// The file; it is never changed or replaced by this.
        path: PathBuf,
        /// The first thing found.
        finding: String,
        /// The backup beside it.
        backup: Option<PathBuf>,
    },
    /// A later release has written it.
    #[error("the database {} has schema {found}, and this program knows schemas up to {known}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The schema of the file.
        found: i64,
        /// The last schema that we know.
        known: i64,
    },
    /// An earlier release has written it, and reading does not change it.
    #[error("the database {} has schema {found}, and this program reads schema {known}", path.display())]
    Older {
        /// The file.
        path: PathBuf,
        /// The schema of the file.
        found: i64,
        /// The schema that we read.
        known: i64,
    },
    /// A database, but not ours.
    #[error("{} is another program's database (application id {application_id:#x})", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What it says it is.
        application_id: i64,
    },
    /// Another process has it open for writing.
    #[error("the database {} is in use{}", path.display(), ProcessNote(*pid))]
    InUse {
        /// The file.
        path: PathBuf,
        /// The process that holds it.
        pid: Option<u32>,
    },
    /// The SQLite that we are linked with is one of those that lose data.
    #[error("the linked SQLite {version} can damage databases")]
    Library {
        /// Its version.
        version: String,
    },
    /// The file or its folder cannot be opened or written.
    #[error("cannot write the database {}: {cause}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        cause: String,
    },
    /// A file beside the database cannot be read or written.
    #[error("cannot use {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The backup would take another file's place.
    #[error("{} exists already", .0.display())]
    BackupExists(PathBuf),
    /// Another program holds the write lock, or more is waiting than will be done in time.
    #[error("the database is busy: {0}")]
    Busy(String),
    /// No room for what was to be written; what was there is unharmed, and reading goes on.
    #[error("the disk of the database is full")]
    Full,
    /// The disk failed under the database; what is on it is not known until it is opened anew.
    #[error("the database failed and takes nothing more: {0}")]
    Failed(String),
    /// A thread of the store cannot be started.
    #[error("cannot start the thread {name}")]
    Thread {
        /// Which one.
        name: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The database does not take what we say: a mistake of ours.
    #[error("the database refused a statement: {0}")]
    Statement(String),
    /// The work of a transaction broke off; nothing of it was kept.
    #[error("a transaction's work broke off")]
    Panicked,
}

/// The end of a sentence about a database that cannot be used.
struct BackupNote<'a>(Option<&'a Path>);

impl fmt::Display for BackupNote<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(path) => write!(formatter, "; its backup is {}", path.display()),
            None => formatter.write_str("; there is no backup of it"),
        }
    }
}

struct AsideNote<'a>(Option<&'a Path>);

impl fmt::Display for AsideNote<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |path| write!(formatter, "; what was there is {}", path.display()))
    }
}

struct ProcessNote(Option<u32>);

impl fmt::Display for ProcessNote {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |pid| write!(formatter, " by process {pid}"))
    }
}

/// What an error of SQLite means for the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Somebody else has the lock.
    Busy,
    /// No room.
    Full,
    /// The disk failed. Final: after a failed fsync nobody knows what of the file is on the disk.
    Failed(String),
    /// The file is not what it should be. Final.
    Damaged(String),
    /// A value that no version of ours wrote.
    Row(String),
    /// No permission, or a file system without writing.
    Unwritable(String),
    /// Our mistake.
    Statement(String),
}

impl Fault {
    /// Tells what `error` means.
    pub(super) fn of(error: &rusqlite::Error) -> Self {
        let text = error.to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed) => {
                Self::Busy
            }
            Some(ErrorCode::DiskFull) => Self::Full,
            // The index of the log could not grow: the same full disk, told by another call.
            Some(ErrorCode::SystemIoFailure)
                if error.sqlite_extended_error_code() == Some(ffi::SQLITE_IOERR_SHMSIZE) =>
            {
                Self::Full
            }
            Some(ErrorCode::SystemIoFailure) => Self::Failed(text),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged(text),
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                Self::Unwritable(text)
            }
            Some(_) => Self::Statement(text),
            None => Self::of_value(error, text),
        }
    }

    /// Tells a value that cannot be read from a statement that cannot be made.
    fn of_value(error: &rusqlite::Error, text: String) -> Self {
        match error {
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::Utf8Error(..) => Self::Row(text),
            _ => Self::Statement(text),
        }
    }

    /// Returns whether nothing may be done with the database any more.
    pub(super) fn is_final(&self) -> bool {
        matches!(self, Self::Failed(_) | Self::Damaged(_))
    }
}

impl Failure for StoreError {
    fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "DB_MISSING",
            Self::Damaged { .. } => "DB_DAMAGED",
            Self::Newer { .. } => "DB_NEWER",
            Self::Older { .. } => "DB_OLDER",
            Self::Foreign { .. } => "DB_FOREIGN",
            Self::InUse { .. } => "DB_IN_USE",
            Self::Library { .. } => "DB_LIBRARY",
            Self::File { source, .. } if is_disk_full(source) => "DISK_FULL",
            Self::Unwritable { .. } | Self::File { .. } => "DB_UNWRITABLE",
            Self::BackupExists(_) => "OUTPUT_EXISTS",
            Self::Busy(_) => "DB_BUSY",
            Self::Full => "DISK_FULL",
            Self::Failed(_) => "DB_FAILED",
            Self::Thread { .. } => "THREAD_LIMIT",
            Self::Statement(_) | Self::Panicked => "INTERNAL",
        }
    }

    fn class(&self) -> FailureClass {
        match self {
            Self::InUse { .. } | Self::Busy(_) | Self::Thread { .. } => FailureClass::Transient,
            Self::BackupExists(_) => FailureClass::Output,
            Self::Statement(_) | Self::Panicked | Self::Library { .. } => FailureClass::Bug,
            _ => FailureClass::Capacity,
        }
    }

    fn cure(&self) -> &'static str {
        match self {
            Self::Missing { backup: None, aside: Some(_), .. } => {
                "give that file, and its -wal where there is one, their names back and mend it again; or move both away to begin with nothing"
            }
            Self::Missing { backup: None, .. } => "check --data-folder; a node makes its database when it starts",
            Self::Missing { .. } => {
                "put the backup in place with reelmill db restore, or move it away to begin with nothing"
            }
            Self::Damaged { .. } => {
                "nothing was changed; reelmill db restore puts the backup in place, reelmill db rebuild-index \
                 saves what can still be read, and both keep the damaged file"
            }
            Self::Newer { .. } => "run the release that wrote it, or a later one",
            Self::Older { .. } => "start the node with this release: it brings its database up to date",
            Self::Foreign { .. } => "check --data-folder, or move that file away",
            Self::InUse { .. } => "stop that process first, or wait for it",
            Self::Library { .. } => "build with the bundled SQLite",
            Self::File { source, .. } if is_disk_full(source) => "free some space",
            Self::Unwritable { .. } | Self::File { .. } => "check the folder, its owner and its permissions",
            Self::BackupExists(_) => "name another file, or move that one away",
            Self::Busy(_) => "end what else works on the database, and try again",
            Self::Full => "free some space; writing goes on by itself when there is room",
            Self::Failed(_) => "check the disk, then start again: what was acknowledged is there",
            Self::Thread { .. } => "raise the limit on processes",
            Self::Statement(_) | Self::Panicked => {
                "this is a fault in reelmill; please report it with the log of -vv"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::health::Health;
    use crate::store::layout::Layout;

    #[test]
    fn every_error_of_the_database_has_one_meaning_and_only_the_disk_s_and_damage_are_final() {
        for (code, meaning, is_final) in [
            (ffi::SQLITE_BUSY, "DB_BUSY", false),
            (ffi::SQLITE_LOCKED, "DB_BUSY", false),
            (ffi::SQLITE_FULL, "DISK_FULL", false),
            (ffi::SQLITE_IOERR_SHMSIZE, "DISK_FULL", false),
            (ffi::SQLITE_IOERR_FSYNC, "DB_FAILED", true),
            (ffi::SQLITE_IOERR_WRITE, "DB_FAILED", true),
            (ffi::SQLITE_IOERR_READ, "DB_FAILED", true),
            (ffi::SQLITE_CORRUPT, "DB_DAMAGED", true),
            (ffi::SQLITE_NOTADB, "DB_DAMAGED", true),
            (ffi::SQLITE_READONLY, "DB_UNWRITABLE", false),
            (ffi::SQLITE_CANTOPEN, "DB_UNWRITABLE", false),
            (ffi::SQLITE_CONSTRAINT_CHECK, "INTERNAL", false),
        ] {
            let health = Health::new(Layout::around(Path::new("x.db")).unwrap());
            let error = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
            assert_eq!(health.refuse(&error).code(), meaning, "{error}");
            let after = health.check().map_err(|error| error.code());
            assert_eq!(after, if is_final { Err(meaning) } else { Ok(()) }, "{error}");
        }
    }

    #[test]
    fn a_disk_without_room_is_full_whoever_meets_it() {
        let full = StoreError::File { path: "x".into(), source: io::ErrorKind::StorageFull.into() };
        assert_eq!([full.code(), StoreError::Full.code()], ["DISK_FULL", "DISK_FULL"]);
        assert_eq!([full.class(), StoreError::Full.class()], [FailureClass::Capacity; 2]);
    }
}
