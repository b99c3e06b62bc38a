//! The one door between the commands and the stages: every call to the prober, the planner and the engine is here, so
//! that the commands know one error type and one set of names.

use std::io;
use std::path::{Path, PathBuf};

use super::CommandError;
use crate::av;
use crate::clip::{self, Recipe};
use crate::media::MediaInfo;
use crate::transcode::plan::{self, Plan};
use crate::transcode::{self, Outcome, Progress, Request, explain};

pub(super) use crate::av::Interrupt;
pub(super) use crate::transcode::{
    Identity, Job, OutputRecord, has_journal, has_progress, is_journal, is_resumable, remember,
};

/// Probes a recording.
pub(super) fn probe(source: &Path, interrupt: &Interrupt) -> Result<MediaInfo, CommandError> {
    av::probe(source, interrupt).map_err(CommandError::stage)
}

/// Decides what to do.
pub(super) fn plan(info: &MediaInfo, request: &Request) -> Result<Plan, CommandError> {
    plan::plan(info, request).map_err(CommandError::stage)
}

/// Decides what to do with the encoders that this machine has.
pub(super) fn plan_here(info: &MediaInfo, request: Request) -> Result<Plan, CommandError> {
    let planned = plan(info, &request)?;
    match transcode::unavailable(&planned) {
        None => Ok(planned),
        why => plan(info, &Request { unavailable: why, ..request }),
    }
}

/// Finds out whether the encoders take the plan's options, which only they know.
pub(super) fn try_encoders(plan: &Plan) -> Result<(), CommandError> {
    transcode::try_encoders(plan).map_err(CommandError::stage)
}

/// Returns the plan in words.
pub(super) fn explain(info: &MediaInfo, plan: &Plan, source: &str, outputs: &[String]) -> String {
    explain::text(info, plan, source, outputs)
}

/// Returns the equivalent ffmpeg line.
pub(super) fn ffmpeg_line(info: &MediaInfo, plan: &Plan, source: &str, outputs: &[String]) -> String {
    explain::ffmpeg_line(info, plan, source, outputs)
}

/// Returns what each rendition of `plan` is made from and with.
pub(super) fn identities(source: &Path, plan: &Plan) -> io::Result<Vec<Identity>> {
    plan.renditions.iter().map(|rendition| Identity::of(source, plan, rendition)).collect()
}

/// Returns what is known of `output`, if an earlier run finished it for this `identity`.
pub(super) fn finished(work_folders: &[PathBuf], identity: &Identity, output: &Path) -> Option<OutputRecord> {
    transcode::finished(work_folders, identity, output)
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
