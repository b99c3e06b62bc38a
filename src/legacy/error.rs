//! What can go wrong while an older node is looked at.

use std::io;
use std::path::PathBuf;

use crate::failure::{Failure, FailureClass};

/// Why an older node cannot be taken over.
#[derive(Debug, thiserror::Error)]
pub enum LegacyError {
    /// Its recordings lie elsewhere than this node's cache.
    #[error("the cache is {}, not {}: set cache.root = \"{}\"", root.display(), folder.display(), folder.display())]
    NotTheRoot {
        /// Where the recordings lie.
        folder: PathBuf,
        /// Where the configuration has the cache.
        root: PathBuf,
    },
    /// The folder of its recordings cannot be listed.
    #[error("cannot list {}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There are more files than any node has.
    #[error("{} holds more than {most} files", path.display())]
    TooMany {
        /// The folder.
        path: PathBuf,
        /// How many are taken.
        most: usize,
    },
    /// The address of Redis is none.
    #[error("the address of Redis cannot be understood")]
    RedisAddress,
    /// Redis cannot be asked.
    #[error("cannot ask Redis at {place}: {cause}")]
    Redis {
        /// Where, without user and password.
        place: String,
        /// What it said.
        cause: String,
    },
}

impl Failure for LegacyError {
    fn code(&self) -> &'static str {
        match self {
            Self::NotTheRoot { .. } => "LEGACY_NOT_THE_ROOT",
            Self::Folder { .. } | Self::TooMany { .. } => "LEGACY_FOLDER",
            Self::RedisAddress => "LEGACY_REDIS_ADDRESS",
            Self::Redis { .. } => "LEGACY_REDIS",
        }
    }

    fn class(&self) -> FailureClass {
        match self {
            Self::NotTheRoot { .. } => FailureClass::Configuration,
            Self::Folder { .. } | Self::TooMany { .. } => FailureClass::Source,
            Self::RedisAddress => FailureClass::Usage,
            Self::Redis { .. } => FailureClass::Transient,
        }
    }

    fn cure(&self) -> &'static str {
        match self {
            Self::NotTheRoot { .. } => "recordings are taken over where they lie; set cache.root and run it again",
            Self::Folder { .. } => {
                "check the name and its permissions; it is the old system's folder of recordings"
            }
            Self::TooMany { .. } => "name the folder that holds a folder for each recording",
            Self::RedisAddress => "write it like redis://127.0.0.1:6379/0 or unix:///run/redis.sock",
            Self::Redis { .. } => "check the address and that Redis runs; nothing was changed",
        }
    }
}
