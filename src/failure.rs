//! What kind of failure an error is, and the exit code that tells a calling program so.
//!
//! Every error enum of the crate answers [`Failure`]; nothing else decides retries or exit codes.

use std::io::{self, ErrorKind};

/// Who must do something about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureClass {
    /// It may work when tried again.
    Transient,
    /// The recording is at fault: trying again is useless.
    Source,
    /// The machine is full: space, memory.
    Capacity,
    /// What was asked for cannot be.
    Usage,
    /// The output is in the way.
    Output,
    /// The configuration is wrong.
    Configuration,
    /// We are at fault.
    Bug,
    /// Somebody asked us to stop.
    Cancelled,
}

impl FailureClass {
    /// Every class.
    pub const ALL: [Self; 8] = [
        Self::Transient,
        Self::Source,
        Self::Capacity,
        Self::Usage,
        Self::Output,
        Self::Configuration,
        Self::Bug,
        Self::Cancelled,
    ];

    /// Returns the name in messages between processes.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Transient => "transient",
            Self::Source => "source",
            Self::Capacity => "capacity",
            Self::Usage => "usage",
            Self::Output => "output",
            Self::Configuration => "configuration",
            Self::Bug => "bug",
            Self::Cancelled => "cancelled",
        }
    }

    /// Returns the class of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }
}

/// What every error of the crate can say about itself.
pub trait Failure: std::error::Error {
    /// Returns the stable code, `MEDIA_TRUNCATED`, listed in `docs/errors.md`.
    fn code(&self) -> &'static str;
    /// Returns who must do something.
    fn class(&self) -> FailureClass;
    /// Returns what to do about it, one sentence without a full stop; empty where the text says it already.
    fn cure(&self) -> &'static str;
    /// Returns what is to be told besides, a line each: the parts of a failure that has several.
    fn details(&self) -> Vec<String> {
        Vec::new()
    }
}

/// A failure that another process met, in its own words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failed {
    /// Its code.
    pub code: &'static str,
    /// Who must do something.
    pub class: FailureClass,
    /// What happened, with its causes in one line.
    pub message: String,
    /// What to do about it.
    pub cure: &'static str,
    /// What is to be told besides.
    pub details: Vec<String>,
}

impl Failed {
    /// Returns what is told of a failure, its causes in one line.
    pub fn of(error: &dyn Failure) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            message.push_str(&format!(": {cause}"));
            source = cause.source();
        }
        Self { code: error.code(), class: error.class(), message, cure: error.cure(), details: error.details() }
    }
}

impl Failure for Failed {
    fn code(&self) -> &'static str {
        self.code
    }

    fn class(&self) -> FailureClass {
        self.class
    }

    fn cure(&self) -> &'static str {
        self.cure
    }

    fn details(&self) -> Vec<String> {
        self.details.clone()
    }
}

/// Returns whether the system says that the disk is full: a disk without room for one more name is as full as one without
/// room for bytes.
pub fn is_disk_full(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

/// The process's exit codes, for every command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// Everything asked for is done and proven.
    Done = 0,
    /// Failed for a reason not named below.
    Failure = 1,
    /// The command line cannot be understood or contradicts itself.
    Usage = 2,
    /// The source is damaged, cut short, or no media that we take.
    BadInput = 3,
    /// The output exists, or is the source.
    OutputRefused = 4,
    /// Disk, network or object storage failed.
    Storage = 5,
    /// Some renditions are done, some failed.
    Partial = 6,
    /// Another run holds the output; try again later.
    Temporary = 75,
    /// The configuration is missing or wrong.
    BadConfiguration = 78,
    /// Stopped by Ctrl-C.
    Interrupted = 130,
    /// Stopped by SIGTERM.
    Terminated = 143,
}

impl ExitCode {
    /// Returns the code for a failure of this class. A stop by signal is told apart by the caller.
    pub const fn from_class(class: FailureClass) -> Self {
        match class {
            FailureClass::Transient => Self::Temporary,
            FailureClass::Source => Self::BadInput,
            FailureClass::Capacity => Self::Storage,
            FailureClass::Usage => Self::Usage,
            FailureClass::Output => Self::OutputRefused,
            FailureClass::Configuration => Self::BadConfiguration,
            FailureClass::Bug => Self::Failure,
            FailureClass::Cancelled => Self::Interrupted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_is_found_by_its_name() {
        for class in FailureClass::ALL {
            assert_eq!(FailureClass::parse(class.name()), Some(class));
        }
    }
}
