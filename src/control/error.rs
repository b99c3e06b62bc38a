//! What can go wrong between the one who asks and the one who is asked, and how a failure is handed on.

use std::io;
use std::path::{Path, PathBuf};

use crate::failure::{Failed, Failure, FailureClass};

/// A request was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// No process listens; whoever asked may take the lock.
    #[error("nobody listens at {}", .0.display())]
    Nobody(PathBuf),
    /// Another process listens already.
    #[error("another process listens at {}", .0.display())]
    InUse(PathBuf),
    /// The name of the socket belongs to something else.
    #[error("{} is in the way of the control socket", .0.display())]
    Taken(PathBuf),
    /// The one who asks is somebody else's.
    #[error("{} takes requests of its own user and of root only", .0.display())]
    Forbidden(PathBuf),
    /// It does not take the request now.
    #[error("the running process does not take the request: {0}")]
    Busy(String),
    /// It never takes such a request.
    #[error("the running process, {role}, takes no request {request}")]
    Unsupported {
        /// What it is.
        role: &'static str,
        /// What it was asked for.
        request: &'static str,
    },
    /// The other side is of another release.
    #[error("the other side speaks {0:?}, not reelmill.control/1")]
    Version(String),
    /// A line that cannot be understood.
    #[error("the other side said what cannot be understood: {0}")]
    Line(String),
    /// The connection ended before the answer.
    #[error("the running process broke off before it answered: {0}")]
    Broken(String),
    /// The socket cannot be made or used.
    #[error("cannot {operation} {}", path.display())]
    Socket {
        /// What was tried.
        operation: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The running process took the request and failed; it says everything itself.
    #[error(transparent)]
    Failed(#[from] Failed),
}

impl ControlError {
    /// Returns the closure that turns an error of the system into ours.
    pub(super) fn socket(operation: &'static str, path: &Path) -> impl Fn(io::Error) -> Self {
        move |source| Self::Socket { operation, path: path.to_owned(), source }
    }
}

impl Failure for ControlError {
    fn code(&self) -> &'static str {
        match self {
            Self::Nobody(_) => "CONTROL_NOBODY",
            Self::InUse(_) => "CONTROL_IN_USE",
            Self::Taken(_) => "CONTROL_NAME_TAKEN",
            Self::Forbidden(_) => "CONTROL_FORBIDDEN",
            Self::Busy(_) => "CONTROL_BUSY",
            Self::Unsupported { .. } => "CONTROL_UNSUPPORTED",
            Self::Version(_) => "CONTROL_VERSION",
            Self::Line(_) => "CONTROL_LINE",
            Self::Broken(_) => "CONTROL_BROKEN",
            Self::Socket { .. } => "CONTROL_SOCKET",
            Self::Failed(failed) => failed.code(),
        }
    }

    fn class(&self) -> FailureClass {
        match self {
            Self::Nobody(_) | Self::InUse(_) | Self::Busy(_) | Self::Unsupported { .. } | Self::Broken(_) => {
                FailureClass::Transient
            }
            Self::Taken(_) => FailureClass::Output,
            Self::Forbidden(_) | Self::Version(_) => FailureClass::Configuration,
            Self::Line(_) => FailureClass::Bug,
            Self::Socket { .. } => FailureClass::Capacity,
            Self::Failed(failed) => failed.class(),
        }
    }

    fn cure(&self) -> &'static str {
        match self {
            Self::Nobody(_) => "start reelmill worker",
            Self::InUse(_) => "stop that process first, or wait for it",
            Self::Taken(_) => "move it away",
            Self::Forbidden(_) => "run the command as the user of the data folder, or as root",
            Self::Busy(_) => "try again in a moment",
            Self::Unsupported { .. } => "wait until that process has ended",
            Self::Version(_) => "restart the worker, so that both are of the same release",
            Self::Line(_) => "this is a fault in reelmill; please report it with the log of -vv",
            Self::Broken(_) => "look with reelmill cache stat whether the worker is well, then ask again",
            Self::Socket { .. } => "check the data folder and its permissions",
            Self::Failed(failed) => failed.cure(),
        }
    }

    fn details(&self) -> Vec<String> {
        match self {
            Self::Failed(failed) => failed.details(),
            _ => Vec::new(),
        }
    }
}
