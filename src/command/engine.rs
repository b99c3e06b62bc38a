//! The one door between the commands and the stages: every call to the prober, the planner and the engine is here.
//!
//! Stand-in: this tree has no engine yet, so each call answers `ENGINE_ABSENT`. Where the engine is merged this file
//! is replaced by one that calls `av::probe`, `transcode::plan::plan`, `transcode::explain` and `transcode::run`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{CommandError, Console};
use crate::cli::DemoArgs;
use crate::failure::{ExitCode, Failure, FailureClass};
use crate::media::MediaInfo;
use crate::transcode::plan::Plan;
use crate::transcode::{Outcome, Progress, Request};

/// Tells a running stage to stop.
#[derive(Clone, Debug, Default)]
pub(super) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Asks for the stop.
    pub(super) fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Returns whether a stop was asked for.
    #[expect(dead_code, reason = "the engine asks this")]
    pub(super) fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What the engine is handed.
#[derive(Debug)]
#[expect(dead_code, reason = "the engine reads these")]
pub(super) struct Job<'a> {
    /// The recording.
    pub(super) source: &'a Path,
    /// What probing told of it.
    pub(super) info: &'a MediaInfo,
    /// What to do.
    pub(super) plan: &'a Plan,
    /// One path to each rendition of the plan.
    pub(super) outputs: &'a [PathBuf],
    /// Where unfinished files live, on the outputs' file system.
    pub(super) work_folder: &'a Path,
    /// Whether outputs are proven before they get their names.
    pub(super) verify: bool,
}

/// There is no engine in this build.
#[derive(Debug, thiserror::Error)]
#[error("this build has no engine")]
struct EngineAbsent;

impl Failure for EngineAbsent {
    fn code(&self) -> &'static str {
        "ENGINE_ABSENT"
    }

    fn class(&self) -> FailureClass {
        FailureClass::Bug
    }

    fn cure(&self) -> &'static str {
        "build a tree that has one"
    }
}

/// Probes a recording.
pub(super) fn probe(_source: &Path, _interrupt: &Interrupt) -> Result<MediaInfo, CommandError> {
    Err(CommandError::stage(EngineAbsent))
}

/// Decides what to do.
pub(super) fn plan(_info: &MediaInfo, _request: &Request) -> Result<Plan, CommandError> {
    Err(CommandError::stage(EngineAbsent))
}

/// Returns the plan in words.
pub(super) fn explain(_info: &MediaInfo, _plan: &Plan, _source: &str, _outputs: &[String]) -> String {
    String::new()
}

/// Returns the equivalent ffmpeg line.
pub(super) fn ffmpeg_line(_info: &MediaInfo, _plan: &Plan, _source: &str, _outputs: &[String]) -> String {
    String::new()
}

/// Carries the plan out; blocks.
pub(super) fn run(job: &Job<'_>, _progress: &Progress, _interrupt: &Interrupt) -> Outcome {
    tracing::debug!(?job, "this build has no engine");
    Outcome { renditions: Vec::new() }
}

/// Returns the linked libraries and their versions.
pub(super) fn versions() -> Vec<(&'static str, String)> {
    Vec::new()
}

/// Makes a clip and transcodes it.
pub(super) fn demo(args: &DemoArgs, _console: &Console) -> Result<ExitCode, CommandError> {
    tracing::debug!(folder = %args.folder.display(), "this build has no demo");
    Err(CommandError::stage(EngineAbsent))
}
