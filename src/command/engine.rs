//! The one door between the commands and the stages: every call to the prober, the planner and the engine is here, so
//! that the commands know one error type and one set of names.

use std::path::Path;

use super::CommandError;
use crate::av;
use crate::clip::{self, Recipe};
use crate::media::MediaInfo;
use crate::transcode::plan::{self, Plan};
use crate::transcode::{self, Outcome, Progress, Request, explain};

pub(super) use crate::av::Interrupt;
pub(super) use crate::transcode::Job;

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
pub(super) fn run(job: &Job<'_>, progress: &Progress, interrupt: &Interrupt) -> Outcome {
    transcode::run(job, progress, interrupt)
}

/// Returns the linked libraries and their versions.
pub(super) fn versions() -> Vec<(&'static str, String)> {
    av::versions()
}

/// Makes a recording.
pub(super) fn make_clip(recipe: &Recipe, path: &Path) -> Result<(), CommandError> {
    clip::write(recipe, path).map_err(CommandError::stage)
}
