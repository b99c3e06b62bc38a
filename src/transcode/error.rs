//! What can go wrong on the way from a source to its renditions.

use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::sync::Arc;

use crate::av::AvError;
use crate::failure::{Failure, FailureClass, is_disk_full};
use crate::proof::ProofError;
use crate::room::NoRoom;

/// A transcode failed.
#[derive(Debug, thiserror::Error)]
pub enum TranscodeError {
    /// The layer beneath failed.
    #[error(transparent)]
    Av(#[from] AvError),
    /// The finished file is not what it should be.
    #[error("the output did not pass its proof")]
    Proof(#[from] ProofError),
    /// Something that several renditions share failed.
    #[error(transparent)]
    Shared(Arc<TranscodeError>),
    /// Too much of the picture cannot be decoded.
    #[error("{lost} of {total} pictures cannot be decoded and {damaged} are damaged")]
    Corrupt {
        /// Pictures that never came out.
        lost: u64,
        /// Pictures that came out damaged.
        damaged: u64,
        /// Pictures there should be.
        total: u64,
    },
    /// Too much of the sound cannot be decoded.
    #[error("{lost} of {total} packets of sound cannot be decoded")]
    SoundCorrupt {
        /// Packets that gave nothing.
        lost: u64,
        /// Packets there are.
        total: u64,
    },
    /// Pictures are missing though nothing was reported.
    #[error("{decoded} pictures came out of {total} packets, without an error from the decoder")]
    Unexplained {
        /// Pictures that came out.
        decoded: u64,
        /// Packets that went in.
        total: u64,
    },
    /// Nothing at all could be decoded.
    #[error("not one picture could be decoded")]
    NothingDecoded,
    /// The plan refuses this rendition.
    #[error("refused: {reason}")]
    Refused {
        /// The plan's reason.
        reason: String,
    },
    /// A file could not be copied or given its final name.
    #[error("cannot {operation} {}", path.display())]
    File {
        /// `copy`, `write`, `publish` …
        operation: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Whoever keeps count of the disk refuses a file.
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
    /// The sound went on without a picture for too long.
    #[error("{packets} packets of sound came while no picture did")]
    NoPicture {
        /// How many were held back.
        packets: usize,
    },
    /// No thread could be started.
    #[error("cannot start a thread")]
    Thread {
        /// Why.
        source: io::Error,
    },
    /// A defect of ours.
    #[error("a thread panicked: {message}")]
    Panicked {
        /// Its message.
        message: String,
    },
    /// The feed stopped before the source's end; it knows why.
    #[error("the source was not read to its end")]
    FeedEnded,
}

impl TranscodeError {
    /// Returns an error that tells what `error` tells.
    pub(super) fn shared(error: &Arc<Self>) -> Self {
        Self::Shared(Arc::clone(error))
    }
}

impl Failure for TranscodeError {
    fn code(&self) -> &'static str {
        match self {
            Self::Av(error) => error.code(),
            Self::Proof(error) => error.code(),
            Self::Shared(error) => error.code(),
            Self::Corrupt { .. } | Self::SoundCorrupt { .. } | Self::Unexplained { .. } | Self::NothingDecoded => {
                "MEDIA_UNDECODABLE"
            }
            Self::Refused { .. } => "PLAN_REFUSED",
            Self::File { source, .. } if is_disk_full(source) => "DISK_FULL",
            Self::File { source, .. } if source.kind() == ErrorKind::AlreadyExists => "OUTPUT_EXISTS",
            Self::File { .. } => "OUTPUT_WRITE",
            Self::NoRoom(error) => error.code(),
            Self::NoPicture { .. } => "MEDIA_NO_FIRST_PICTURE",
            Self::Thread { .. } => "THREAD_LIMIT",
            Self::Panicked { .. } | Self::FeedEnded => "INTERNAL",
        }
    }

    fn class(&self) -> FailureClass {
        match self {
            Self::Av(error) => error.class(),
            Self::Proof(error) => error.class(),
            Self::Shared(error) => error.class(),
            Self::Corrupt { .. }
            | Self::SoundCorrupt { .. }
            | Self::Unexplained { .. }
            | Self::NothingDecoded
            | Self::NoPicture { .. } => FailureClass::Source,
            Self::Refused { .. } => FailureClass::Output,
            Self::File { source, .. } if source.kind() == ErrorKind::AlreadyExists => FailureClass::Output,
            Self::File { .. } => FailureClass::Capacity,
            Self::NoRoom(error) => error.class(),
            Self::Thread { .. } => FailureClass::Transient,
            Self::Panicked { .. } | Self::FeedEnded => FailureClass::Bug,
        }
    }

    fn cure(&self) -> &'static str {
        match self {
            Self::Av(error) => error.cure(),
            Self::Proof(error) => error.cure(),
            Self::Shared(error) => error.cure(),
            Self::Corrupt { .. }
            | Self::SoundCorrupt { .. }
            | Self::Unexplained { .. }
            | Self::NothingDecoded
            | Self::NoPicture { .. } => "fetch or record the source again",
            Self::Refused { .. } => "leave out --rate-control copy, or ask for what the source is",
            Self::File { source, .. } if is_disk_full(source) => "free some space, or choose another output folder",
            Self::File { source, .. } if source.kind() == ErrorKind::AlreadyExists => {
                "a file of that name came while this one was made; add -y to overwrite, or name another output"
            }
            Self::NoRoom(error) => error.cure(),
            Self::File { .. } => "check the disk that holds the output",
            Self::Thread { .. } => "raise the limit on processes, or run fewer jobs at once",
            Self::Panicked { .. } | Self::FeedEnded => {
                "please report it with the output of `reelmill version --verbose` and the source"
            }
        }
    }
}
