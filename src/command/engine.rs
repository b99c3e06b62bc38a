//! The one door between the commands and the stages: every call to the prober, the planner and the engine is here.
//!
//! Stand-in in part: this tree has a prober and a planner but no engine and no demo yet. `Job` and `run` become
//! `transcode::{Job, run}` where the engine is merged, `demo` moves to its own file.

use std::path::{Path, PathBuf};

use super::{CommandError, Console};
use crate::av;
use crate::cli::DemoArgs;
use crate::failure::{ExitCode, Failure, FailureClass};
use crate::media::MediaInfo;
use crate::transcode::plan::{self, Plan};
use crate::transcode::{Outcome, Progress, Request, explain};

pub(super) use crate::av::Interrupt;

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
pub(super) fn probe(source: &Path, interrupt: &Interrupt) -> Result<MediaInfo, CommandError> {
    av::probe(source, interrupt).map_err(CommandError::stage)
}

/// Decides what to do.
pub(super) fn plan(info: &MediaInfo, request: &Request) -> Result<Plan, CommandError> {
    plan::plan(info, request).map_err(CommandError::stage)
}

/// Returns the plan in words.
pub(super) fn explain(info: &MediaInfo, plan: &Plan, source: &str, outputs: &[String]) -> String {
    explain::text(info, plan, source, outputs)
}

/// Returns the equivalent ffmpeg line.
pub(super) fn ffmpeg_line(info: &MediaInfo, plan: &Plan, source: &str, outputs: &[String]) -> String {
    explain::ffmpeg_line(info, plan, source, outputs)
}

/// Carries the plan out; blocks.
pub(super) fn run(job: &Job<'_>, _progress: &Progress, _interrupt: &Interrupt) -> Outcome {
    tracing::debug!(?job, "this build has no engine");
    Outcome { renditions: Vec::new() }
}

/// Returns the linked libraries and their versions.
pub(super) fn versions() -> Vec<(&'static str, String)> {
    av::versions()
}

/// Makes a clip and transcodes it.
pub(super) fn demo(args: &DemoArgs, _console: &Console) -> Result<ExitCode, CommandError> {
    tracing::debug!(folder = %args.folder.display(), "this build has no demo");
    Err(CommandError::stage(EngineAbsent))
}
