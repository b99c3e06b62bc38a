//! What can go wrong with the cache.

use std::io;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, FailureClass, is_disk_full};
use crate::proof::ProofError;
use crate::room::NoRoom;
use crate::store::StoreError;

/// Why something cannot be done with the cache.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// No such name can be.
    #[error("{text:?} is no key of a file in the cache: {why}")]
    Key {
        /// What was given.
        text: String,
        /// What is wrong with it.
        why: String,
    },
    /// The root is not where it was.
    #[error("{root} is not the cache's disk: {why}", root = .root.display())]
    NotMounted {
        /// The root as configured.
        root: PathBuf,
        /// How that is known.
        why: String,
    },
    /// The root is another node's.
    #[error("{root} is another node's cache", root = .root.display())]
    Foreign {
        /// The root as configured.
        root: PathBuf,
    },
    /// Another process has it open.
    #[error("the cache {root} is in use{}", .pid.map_or(String::new(), |pid| format!(" by process {pid}")), root = .root.display())]
    InUse {
        /// The root as configured.
        root: PathBuf,
        /// Which process, where it said so.
        pid: Option<u32>,
    },
    /// Nothing may go, and there is no room.
    #[error(transparent)]
    Full(#[from] NoRoom),
    /// Something else is where a file or folder of ours must be.
    #[error("{path} is in the way: {what}", path = .path.display())]
    Taken {
        /// Where.
        path: PathBuf,
        /// What it is.
        what: String,
    },
    /// Somebody holds it.
    #[error("{key} is held by {holder}")]
    Held {
        /// The file.
        key: String,
        /// Who, and until when.
        holder: String,
    },
    /// It is not here.
    #[error("{0} is not in the cache")]
    Missing(String),
    /// It was found damaged, and is no longer here.
    #[error("{key} was damaged and has been moved aside: {why}")]
    Damaged {
        /// The file.
        key: String,
        /// What was found.
        why: String,
    },
    /// What is to be committed is not what was proven.
    #[error("{path} is not the file that was proven: {why}", path = .path.display())]
    NotProven {
        /// The work file.
        path: PathBuf,
        /// What differs.
        why: String,
    },
    /// The job's folder is in use.
    #[error("job {0} has its work folder already")]
    JobTaken(String),
    /// The disk took no more, or gave an error.
    #[error("{operation} {path}", path = .path.display())]
    Disk {
        /// What was done.
        operation: &'static str,
        /// To which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The disk did not keep a file's bytes or its name.
    #[error("the disk failed to keep {path}", path = .path.display())]
    Sync {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Somebody asked us to stop.
    #[error("stopped")]
    Cancelled,
    /// It cannot be said whether a file is whole.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// The database refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl CacheError {
    /// Returns the closure that turns an error of the system into ours.
    pub(super) fn disk(operation: &'static str, path: &Path) -> impl Fn(io::Error) -> Self {
        move |source| Self::Disk { operation, path: path.to_owned(), source }
    }
}

impl Failure for CacheError {
    fn code(&self) -> &'static str {
        match self {
            Self::Key { .. } => "CACHE_KEY",
            Self::NotMounted { .. } => "CACHE_DIR_NOT_MOUNTED",
            Self::Foreign { .. } => "CACHE_FOREIGN",
            Self::InUse { .. } => "CACHE_IN_USE",
            Self::Full(inner) => inner.code(),
            Self::Taken { .. } => "CACHE_NAME_TAKEN",
            Self::Held { .. } => "CACHE_HELD",
            Self::Missing(_) => "CACHE_MISSING",
            Self::Damaged { .. } => "CACHE_DAMAGED",
            Self::NotProven { .. } => "CACHE_NOT_PROVEN",
            Self::JobTaken(_) => "CACHE_JOB_TAKEN",
            Self::Disk { source, .. } if is_disk_full(source) => "DISK_FULL",
            Self::Disk { .. } => "CACHE_DISK",
            Self::Sync { .. } => "DISK_SYNC",
            Self::Cancelled => "CANCELLED",
            Self::Proof(inner) => inner.code(),
            Self::Store(inner) => inner.code(),
        }
    }

    fn class(&self) -> FailureClass {
        match self {
            Self::Key { .. } | Self::Missing(_) => FailureClass::Usage,
            Self::Foreign { .. } => FailureClass::Configuration,
            Self::InUse { .. } | Self::Damaged { .. } | Self::JobTaken(_) => FailureClass::Transient,
            Self::NotMounted { .. } | Self::Disk { .. } | Self::Sync { .. } => FailureClass::Capacity,
            Self::Full(inner) => inner.class(),
            Self::Taken { .. } | Self::Held { .. } => FailureClass::Output,
            Self::NotProven { .. } => FailureClass::Bug,
            Self::Cancelled => FailureClass::Cancelled,
            Self::Proof(inner) => inner.class(),
            Self::Store(inner) => inner.class(),
        }
    }

    fn cure(&self) -> &'static str {
        match self {
            Self::Key { .. } => {
                "a key is RECORD, RECORD_720P or INSTITUTION/RECORD_720P, of letters, digits and - _ ."
            }
            Self::NotMounted { .. } => {
                "mount the disk, or set cache.root to where the cache is now; where the disk was replaced, run reelmill \
                 cache claim"
            }
            Self::Foreign { .. } => {
                "set cache.root to this node's own folder; to take that one over for good, remove .reelmill-cache in it and \
                 run reelmill cache claim"
            }
            Self::InUse { .. } => "stop that process first, or wait for it",
            Self::Full(inner) => inner.cure(),
            Self::Taken { .. } => "move it out of the cache's folder",
            Self::Held { .. } => "let the class end, or unpin it; reelmill cache why tells more",
            Self::Missing(_) => "reelmill cache ls lists what is there",
            Self::Damaged { .. } => "fetch it again; what was found lies in .quarantine below the root",
            Self::NotProven { .. } => "this is a fault in reelmill; please report it with the log of -vv",
            Self::JobTaken(_) => "wait for the other one to end",
            Self::Disk { source, .. } if is_disk_full(source) => "free some space",
            Self::Disk { .. } => "check the disk and the folder's permissions",
            Self::Sync { .. } => "check the disk; nothing of the file was kept",
            Self::Cancelled => "run the same command again",
            Self::Proof(inner) => inner.cure(),
            Self::Store(inner) => inner.cure(),
        }
    }
}
