//! The JSON that programs read: results, errors, progress lines. Field names are a contract; the schema's number
//! rises when one changes its meaning. Domain values are copied into these structs and never serialize themselves.

mod plan;
mod source;

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::engine;
use super::footprint;
use super::progress::View;
use crate::failure::Failure;
use crate::media::MediaInfo;
use crate::transcode::plan::{Plan, RenditionPlan};
use crate::transcode::{Finished, Outcome, RenditionOutcome};

use plan::{Planned, Planning};
use source::Source;

/// What `reelmill transcode --json` answers.
#[derive(Serialize)]
struct TranscodeDocument<'a> {
    schema: &'static str,
    source: Source<'a>,
    renditions: Vec<Rendition<'a>>,
    notes: &'a [String],
    wall_seconds: f64,
    cpu_seconds: Option<f64>,
    peak_memory_bytes: Option<u64>,
    versions: BTreeMap<&'static str, String>,
}

/// One output: what was planned, what came of it, and the error where nothing did.
#[derive(Serialize)]
struct Rendition<'a> {
    path: String,
    #[serde(flatten)]
    planned: Planned<'a>,
    #[serde(flatten)]
    finished: Measured<'a>,
    error: Option<ErrorBody>,
}

/// Measured from the finished file; all null where there is none.
#[derive(Default, Serialize)]
struct Measured<'a> {
    frames: Option<u64>,
    duration_seconds: Option<f64>,
    bytes: Option<u64>,
    sha256: Option<&'a str>,
    width: Option<u32>,
    height: Option<u32>,
    codec: Option<&'a str>,
    audio_codec: Option<&'a str>,
    verified: bool,
    repairs: &'a [String],
}

/// An error as a program sees it.
#[derive(Serialize)]
struct ErrorBody {
    code: &'static str,
    message: String,
    cure: &'static str,
}

impl ErrorBody {
    fn of(error: &dyn Failure) -> Self {
        Self { code: error.code(), message: super::chain(error), cure: error.cure() }
    }
}

/// A failure before there was any result.
#[derive(Serialize)]
struct ErrorDocument {
    schema: &'static str,
    error: ErrorBody,
}

/// What `reelmill probe --json` answers.
#[derive(Serialize)]
struct ProbeDocument<'a> {
    schema: &'static str,
    source: Source<'a>,
    plan: Option<Planning<'a>>,
    /// Why there is no plan.
    refusal: Option<ErrorBody>,
}

/// One line of `--progress json`.
#[derive(Serialize)]
struct ProgressLine {
    r#type: &'static str,
    rendition: String,
    phase: &'static str,
    frame: u64,
    frames_total: u64,
    fps: f64,
    speed: f64,
    percent: f64,
    eta_seconds: Option<f64>,
}

/// The last line of `--progress json`.
#[derive(Serialize)]
struct EndLine {
    r#type: &'static str,
    wall_seconds: f64,
    renditions: Vec<EndRendition>,
}

#[derive(Serialize)]
struct EndRendition {
    rendition: String,
    phase: &'static str,
    frame: u64,
}

/// Returns the document of a finished run.
pub(super) fn transcode_document(
    path: &Path,
    info: &MediaInfo,
    plan: &Plan,
    outcome: &Outcome,
    wall_seconds: f64,
) -> String {
    let pairs = plan.renditions.iter().zip(&outcome.renditions);
    pretty(&TranscodeDocument {
        schema: "reelmill.transcode/1",
        source: Source::of(path, info),
        renditions: pairs.map(|(planned, done)| rendition(plan, planned, done)).collect(),
        notes: &plan.notes,
        wall_seconds: rounded(wall_seconds),
        cpu_seconds: footprint::cpu_seconds(),
        peak_memory_bytes: footprint::peak_memory_bytes(),
        versions: versions(),
    })
}

/// Returns the libraries' versions and our own.
fn versions() -> BTreeMap<&'static str, String> {
    let own = ("reelmill", env!("CARGO_PKG_VERSION").to_owned());
    engine::versions().into_iter().chain([own]).collect()
}

fn rendition<'a>(plan: &Plan, planned: &'a RenditionPlan, done: &'a RenditionOutcome) -> Rendition<'a> {
    Rendition {
        path: done.path.to_string_lossy().into_owned(),
        planned: Planned::of(plan, planned),
        finished: done.result.as_ref().map(measured).unwrap_or_default(),
        error: done.result.as_ref().err().map(|error| ErrorBody::of(error)),
    }
}

fn measured(file: &Finished) -> Measured<'_> {
    Measured {
        frames: Some(file.frames),
        duration_seconds: Some(file.duration_seconds),
        bytes: Some(file.bytes),
        sha256: Some(&file.sha256),
        width: Some(file.width),
        height: Some(file.height),
        codec: Some(&file.video_codec),
        audio_codec: file.audio_codec.as_deref(),
        verified: file.verified,
        repairs: &file.repairs,
    }
}

/// Returns the document of a probe, with the plan or why there is none.
pub(super) fn probe_document(path: &Path, info: &MediaInfo, plan: Result<&Plan, &dyn Failure>) -> String {
    pretty(&ProbeDocument {
        schema: "reelmill.probe/1",
        source: Source::of(path, info),
        plan: plan.ok().map(Planning::of),
        refusal: plan.err().map(ErrorBody::of),
    })
}

/// Returns the document of a failure before there was any result.
pub(super) fn error_document(error: &dyn Failure) -> String {
    pretty(&ErrorDocument { schema: "reelmill.error/1", error: ErrorBody::of(error) })
}

/// Returns the line that tells where a rendition is.
pub(super) fn progress_line(view: &View) -> String {
    compact(&ProgressLine {
        r#type: "progress",
        rendition: view.name.to_string(),
        phase: view.phase.name(),
        frame: view.frames,
        frames_total: view.frames_total,
        fps: rounded(view.fps),
        speed: rounded(view.speed),
        percent: rounded(view.percent),
        eta_seconds: view.eta_seconds.map(rounded),
    })
}

/// Returns the line that ends the progress.
pub(super) fn end_line(views: &[View], wall_seconds: f64) -> String {
    let rendition = |view: &View| EndRendition {
        rendition: view.name.to_string(),
        phase: view.phase.name(),
        frame: view.frames,
    };
    let renditions = views.iter().map(rendition).collect();
    compact(&EndLine { r#type: "end", wall_seconds: rounded(wall_seconds), renditions })
}

/// Returns measurements of our own to the thousandth: further digits are noise.
fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

const PLAIN: &str = "these structs hold strings, numbers and lists only, which always serialize";

fn pretty(value: &impl Serialize) -> String {
    serde_json::to_string_pretty(value).expect(PLAIN)
}

fn compact(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect(PLAIN)
}

#[cfg(test)]
mod tests;
