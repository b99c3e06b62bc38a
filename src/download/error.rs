//! What can go wrong between an address and a whole file.

use std::io;
use std::path::PathBuf;

use super::guard::Refusal;
use crate::failure::{Failure, FailureClass, is_disk_full};
use crate::room::NoRoom;

/// A download failed.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// The address cannot be read.
    #[error("{url:?} is no address to fetch from: {why}")]
    UrlInvalid {
        /// As it was given.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// The guard refuses to dial.
    #[error(transparent)]
    Forbidden(#[from] Refusal),
    /// The origin sends us somewhere that we do not follow.
    #[error("the origin redirects {0}")]
    Redirect(String),
    /// A partial answer does not continue what is here.
    #[error("the origin's partial answer does not fit: {0}")]
    RangeMismatch(String),
    /// The body is longer than was said.
    #[error("the origin sent more than the {expected} bytes that it promised")]
    LengthMismatch {
        /// What was promised.
        expected: u64,
    },
    /// The body is compressed, though that was not asked for.
    #[error("the origin sent the body encoded as {0:?}")]
    Encoded(String),
    /// The origin says no, for good.
    #[error("the origin answered with status {0}")]
    Status(u16),
    /// What the origin says is no HTTP.
    #[error("the origin does not speak HTTP")]
    Protocol(#[source] hyper::Error),
    /// The certificate or the handshake is refused.
    #[error("no secure connection to {host}")]
    Tls {
        /// Who was dialled.
        host: String,
        /// What the handshake said.
        source: io::Error,
    },
    /// A certificate file cannot be used.
    #[error("cannot read certificates from {}", path.display())]
    CertificateFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The file is not the one that was asked for.
    #[error("the SHA-256 is {actual}, not {expected}")]
    Hash {
        /// As asked for, or as the origin said.
        expected: String,
        /// Of the bytes that came.
        actual: String,
        /// The origin has told the expected one itself, so that these bytes are of no use; else it may be mistyped.
        is_told: bool,
    },
    /// More bytes than the caller takes.
    #[error("the recording has more than {0} bytes")]
    TooLarge(u64),
    /// No connection.
    #[error("cannot reach {host}")]
    Unreachable {
        /// Who was dialled.
        host: String,
        /// What the system said.
        source: io::Error,
    },
    /// The connection broke off.
    #[error("the connection broke off after {0} bytes")]
    Interrupted(u64),
    /// Nothing, or next to nothing, comes.
    #[error("the origin stalled: {0}")]
    Stalled(String),
    /// The origin says no, for now.
    #[error("the origin is not able to answer (status {0})")]
    Server(u16),
    /// Another run fetches the same file.
    #[error("another run is fetching into {}", .0.display())]
    Busy(PathBuf),
    /// The part file's name is taken by something else.
    #[error("{} is in the way of the part file and not ours", .0.display())]
    PartTaken(PathBuf),
    /// The final name is taken.
    #[error("{} exists already", .0.display())]
    Exists(PathBuf),
    /// The disk refuses.
    #[error("cannot write {}", path.display())]
    Disk {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Whoever keeps count of the disk refuses.
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
    /// The disk lost what it had taken: what is in the file from here on nobody knows.
    #[error("the disk failed to keep {}", path.display())]
    Sync {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A thread or the runtime cannot be started.
    #[error("cannot start a thread")]
    Thread(#[source] io::Error),
    /// Somebody asked us to stop.
    #[error("stopped on request")]
    Cancelled,
}

impl DownloadError {
    /// Returns whether another attempt may go better.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Interrupted(_) | Self::Stalled(_) | Self::Server(_))
    }

    /// Returns whether what has been fetched so far is of no use to anybody.
    pub(super) fn discards_part(&self) -> bool {
        matches!(
            self,
            Self::RangeMismatch(_)
                | Self::LengthMismatch { .. }
                | Self::Hash { is_told: true, .. }
                | Self::Sync { .. }
                | Self::TooLarge(_)
        )
    }
}

impl Failure for DownloadError {
    fn code(&self) -> &'static str {
        match self {
            Self::UrlInvalid { .. } => "URL_INVALID",
            Self::Forbidden(_) => "URL_FORBIDDEN",
            Self::Redirect(_) => "DL_REDIRECT_REFUSED",
            Self::RangeMismatch(_) => "DL_RANGE_MISMATCH",
            Self::LengthMismatch { .. } => "DL_LENGTH_MISMATCH",
            Self::Encoded(_) => "DL_ENCODED",
            Self::Status(_) => "DL_HTTP_STATUS",
            Self::Protocol(_) => "DL_PROTOCOL",
            Self::Tls { .. } => "DL_TLS",
            Self::CertificateFile { .. } => "DL_CERTIFICATE_FILE",
            Self::Hash { .. } => "DL_HASH_MISMATCH",
            Self::TooLarge(_) => "DL_TOO_LARGE",
            Self::Unreachable { .. } => "DL_UNREACHABLE",
            Self::Interrupted(_) => "DL_INTERRUPTED",
            Self::Stalled(_) => "DL_STALLED",
            Self::Server(_) => "DL_SERVER",
            Self::Busy(_) => "OUTPUT_BUSY",
            Self::PartTaken(_) => "PART_TAKEN",
            Self::Exists(_) => "OUTPUT_EXISTS",
            Self::Disk { source, .. } if is_disk_full(source) => "DISK_FULL",
            Self::Disk { .. } => "OUTPUT_WRITE",
            Self::NoRoom(error) => error.code(),
            Self::Sync { .. } => "DISK_SYNC",
            Self::Thread(_) => "THREAD_LIMIT",
            Self::Cancelled => "CANCELLED",
        }
    }

    fn class(&self) -> FailureClass {
        match self {
            Self::UrlInvalid { .. } | Self::Forbidden(_) | Self::CertificateFile { .. } => FailureClass::Usage,
            Self::Redirect(_)
            | Self::RangeMismatch(_)
            | Self::LengthMismatch { .. }
            | Self::Encoded(_)
            | Self::Status(_)
            | Self::Protocol(_)
            | Self::Tls { .. }
            | Self::Hash { .. }
            | Self::TooLarge(_) => FailureClass::Source,
            Self::Unreachable { .. }
            | Self::Interrupted(_)
            | Self::Stalled(_)
            | Self::Server(_)
            | Self::Busy(_)
            | Self::Thread(_) => FailureClass::Transient,
            Self::PartTaken(_) | Self::Exists(_) => FailureClass::Output,
            Self::NoRoom(error) => error.class(),
            Self::Disk { .. } | Self::Sync { .. } => FailureClass::Capacity,
            Self::Cancelled => FailureClass::Cancelled,
        }
    }

    fn cure(&self) -> &'static str {
        match self {
            Self::UrlInvalid { .. } => "write it like https://origin.example/lesson.flv",
            Self::Forbidden(refusal) => refusal.cure(),
            Self::Redirect(_) => "fetch from where the recording really is",
            Self::RangeMismatch(_) | Self::LengthMismatch { .. } => {
                "the origin is at fault; fetch again, or from elsewhere"
            }
            Self::Encoded(_) => "switch compression off at the origin; recordings gain nothing by it",
            Self::Status(_) => "check the address, and what the origin wants to see before it answers",
            Self::Protocol(_) => "check that the address and the port are a web server's",
            Self::Tls { .. } => {
                "check that the port speaks TLS and the origin's certificate; --ca-file names a private authority"
            }
            Self::CertificateFile { .. } => "name a PEM file with certificates in it",
            Self::Hash { is_told: true, .. } => "fetch again: the bytes changed on their way",
            Self::Hash { .. } => {
                "check the hash you gave: with the right one the bytes that are here will do; else add --no-resume"
            }
            Self::TooLarge(_) => "allow more bytes, or check what the address leads to",
            Self::Unreachable { .. } => "check the name, the port and the network, then run the command again",
            Self::Interrupted(_) | Self::Stalled(_) | Self::Server(_) => {
                "run the command again later: it goes on where it can"
            }
            Self::Busy(_) => "wait for it to finish, or name another output with -o",
            Self::PartTaken(_) => "move it away, or name another output with -o",
            Self::Exists(_) => "add -y to overwrite, or name another output with -o",
            Self::Disk { .. } => "choose a folder you may write to, or free space on its disk",
            Self::NoRoom(error) => error.cure(),
            Self::Sync { .. } => "check the disk, then fetch again: nothing of this file can be trusted",
            Self::Thread(_) => "raise the limit on threads, or run fewer jobs at once",
            Self::Cancelled => "run the same command again: it goes on where it can",
        }
    }
}
