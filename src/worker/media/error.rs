//! What can go wrong with a job's work on media: whatever a stage says, in its own words.

use std::io;
use std::path::Path;
use std::time::Duration;

use crate::failure::{Failed, Failure, FailureClass};
use crate::proof::ProofError;
use crate::transcode::TranscodeError;
use crate::transcode::plan::PlanError;

/// Work on media failed.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// It is no recording, or not the whole of one.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// Nothing can be made of it.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Making something of it failed.
    #[error(transparent)]
    Transcode(#[from] TranscodeError),
    /// The process that did the work broke down.
    #[error("the process that worked on it crashed ({how}){}", last_words(last))]
    Crashed {
        /// The signal, or what it did.
        how: String,
        /// The last line that it said; empty where it said none.
        last: String,
    },
    /// The process that did the work ran out of memory.
    #[error("the process that worked on it ran out of memory: {0}")]
    OutOfMemory(String),
    /// The process that did the work got nowhere.
    #[error("the process that worked on it moved nothing for {} s and was ended", .0.as_secs_f64())]
    Stalled(Duration),
    /// The process that did the work went on and on.
    #[error("the process that worked on it did not come to an end in {} s and was ended", .0.as_secs_f64())]
    Endless(Duration),
    /// It lasts longer than is taken on.
    #[error("it lasts {seconds:.0} s, above the limit of {limit} s")]
    TooLong {
        /// How long, by its packets.
        seconds: f64,
        /// How long one may last.
        limit: u64,
    },
    /// Its pictures are more work than is taken on.
    #[error("its pictures have {pixels} pixels in all, above the limit of {limit}")]
    TooMuchWork {
        /// Pixels of all pictures together.
        pixels: u64,
        /// How many there may be.
        limit: u64,
    },
    /// No process could be started for it.
    #[error("no process could be started for it")]
    Start(#[source] io::Error),
    /// Somebody asked us to stop.
    #[error("stopped")]
    Stopped,
    /// Another process did the work, and says itself what went wrong.
    #[error(transparent)]
    Told(#[from] Failed),
}

impl MediaError {
    /// Returns the closure that turns an error of the disk that is worked on into ours.
    pub(super) fn file(operation: &'static str, path: &Path) -> impl Fn(io::Error) -> Self {
        move |source| TranscodeError::File { operation, path: path.to_owned(), source }.into()
    }

    /// Returns whose words these are, where they are not our own.
    fn inner(&self) -> Option<&dyn Failure> {
        match self {
            Self::Proof(error) => Some(error),
            Self::Plan(error) => Some(error),
            Self::Transcode(error) => Some(error),
            Self::Told(failed) => Some(failed),
            _ => None,
        }
    }
}

fn last_words(last: &str) -> String {
    if last.is_empty() { String::new() } else { format!(": {last}") }
}

impl Failure for MediaError {
    fn code(&self) -> &'static str {
        match self {
            Self::Crashed { .. } => "MEDIA_CRASHED",
            Self::OutOfMemory(_) => "MEDIA_OOM",
            Self::Stalled(_) | Self::Endless(_) => "MEDIA_STALLED",
            Self::TooLong { .. } => "MEDIA_LIMIT_DURATION",
            Self::TooMuchWork { .. } => "MEDIA_LIMIT_WORK",
            Self::Start(_) => "MEDIA_START",
            Self::Stopped => "CANCELLED",
            _ => self.inner().map_or("INTERNAL", Failure::code),
        }
    }

    fn class(&self) -> FailureClass {
        match self {
            // Most often it is the recording; a node that counts its tries finds out.
            Self::Crashed { .. } | Self::Stalled(_) | Self::Endless(_) | Self::Start(_) => FailureClass::Transient,
            Self::OutOfMemory(_) => FailureClass::Capacity,
            Self::TooLong { .. } | Self::TooMuchWork { .. } => FailureClass::Source,
            Self::Stopped => FailureClass::Cancelled,
            _ => self.inner().map_or(FailureClass::Bug, Failure::class),
        }
    }

    fn cure(&self) -> &'static str {
        match self {
            Self::Crashed { .. } => "fetch the source again; please report the source if it persists",
            Self::OutOfMemory(_) => "raise transcode.memory_max, or run fewer jobs at once",
            Self::Stalled(_) | Self::Endless(_) => {
                "look whether the disk answers; raise transcode.stall_time where it is merely slow"
            }
            Self::TooLong { .. } => "raise transcode.duration_max where recordings of that length are wanted",
            Self::TooMuchWork { .. } => "raise transcode.gigapixels_max where so much work is wanted",
            Self::Start(_) => "raise the limit on processes, or run fewer jobs at once",
            Self::Stopped => "run the same command again",
            _ => self.inner().map_or("", Failure::cure),
        }
    }

    fn details(&self) -> Vec<String> {
        self.inner().map_or_else(Vec::new, Failure::details)
    }
}

impl From<MediaError> for ProofError {
    /// Says of a look into a file what came of it: to the cache every reason is one why the file is not proven.
    fn from(error: MediaError) -> Self {
        match error {
            MediaError::Proof(error) => error,
            other => Self::Told(Failed::of(&other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_speaks_for_itself_and_a_process_that_breaks_down_is_spoken_for() {
        let stalled = || MediaError::Stalled(Duration::from_secs(30));
        assert_eq!(stalled().to_string(), "the process that worked on it moved nothing for 30 s and was ended");
        let torn = ProofError::Torn { detail: "no end".to_owned() };
        for (error, code, class) in [
            (MediaError::from(torn), "PROOF_TORN", FailureClass::Source),
            (PlanError::NoVideo.into(), "MEDIA_NO_VIDEO", FailureClass::Source),
            (Failed::of(&stalled()).into(), "MEDIA_STALLED", FailureClass::Transient),
            (stalled(), "MEDIA_STALLED", FailureClass::Transient),
            (MediaError::Start(io::ErrorKind::WouldBlock.into()), "MEDIA_START", FailureClass::Transient),
            (MediaError::OutOfMemory("all".to_owned()), "MEDIA_OOM", FailureClass::Capacity),
            (MediaError::Stopped, "CANCELLED", FailureClass::Cancelled),
        ] {
            assert_eq!((error.code(), error.class()), (code, class));
            assert!(!error.cure().is_empty());
            // To the cache it says the same.
            assert_eq!(ProofError::from(error).code(), code);
        }
        let crashed = MediaError::Crashed { how: "SIGSEGV".to_owned(), last: String::new() };
        assert_eq!(crashed.to_string(), "the process that worked on it crashed (SIGSEGV)");
        assert_eq!(crashed.code(), "MEDIA_CRASHED");
    }
}
