//! The result of a run in JSON (`reelmill.transcode/1`), and a plan: the decision per rendition, its reason, and the
//! effective settings.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use crate::command::engine;
use crate::command::footprint::Cost;
use crate::command::probe::wire::{Source, timing};
use crate::command::wire::{ErrorBody, pretty, rounded};
use crate::media::{Cap, MediaInfo, RateControl};
use crate::transcode::plan::{Action, AudioPlan, Cut, Plan, RenditionPlan, VideoPlan};
use crate::transcode::{Finished, Outcome, RenditionOutcome};

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
    resumed: Option<Resumed>,
}

/// What of an earlier, interrupted run was taken up.
#[derive(Serialize)]
struct Resumed {
    chunks: usize,
    reused_chunks: usize,
    finished_before: bool,
    discarded: Option<&'static str>,
}

/// A whole plan, before anything is done.
#[derive(Serialize)]
pub(in crate::command) struct Planning<'a> {
    container: &'static str,
    renditions: Vec<Planned<'a>>,
    notes: &'a [String],
}

/// One rendition's decision.
#[derive(Serialize)]
pub(in crate::command) struct Planned<'a> {
    name: String,
    action: &'static str,
    reason: String,
    merged: Vec<String>,
    settings: Option<Settings<'a>>,
    audio: Audio,
}

/// How a picture is encoded.
#[derive(Serialize)]
struct Settings<'a> {
    encoder: &'static str,
    /// The encoder asked for, and why another is used; the latter only where one is.
    encoder_asked: &'static str,
    encoder_reason: Option<&'a str>,
    preset: &'a str,
    rate_control: Rate,
    width: u32,
    height: u32,
    frame_rate: String,
    timing: &'static str,
    keyint_seconds: f64,
    threads: u32,
    chunks: Option<usize>,
    scaler: &'static str,
    deinterlace: bool,
    rotation_degrees: u16,
    to_limited_range: bool,
    tone_map: bool,
    pixel_format: &'static str,
    encoder_options: BTreeMap<&'a str, &'a str>,
}

/// A way to spend bits with its numbers beside its name: `{"mode":"crf","crf":24.0}`.
#[derive(Serialize)]
#[serde(tag = "mode", rename_all = "lowercase")]
enum Rate {
    Crf { crf: f64 },
    Cq { cq: u8 },
    Cbr { bits_per_second: u64, buffer_bits: u64 },
    Abr { bits_per_second: u64 },
    Vbr { bits_per_second: u64, max_bits_per_second: Option<u64>, buffer_bits: Option<u64> },
}

/// What is done with the sound, with its numbers where it is encoded.
#[derive(Serialize)]
#[serde(tag = "action", rename_all = "lowercase")]
enum Audio {
    None,
    Copy,
    Aac { bits_per_second: u64, sample_rate: u32, channels: u32 },
}

impl<'a> Planning<'a> {
    pub(in crate::command) fn of(plan: &'a Plan) -> Self {
        Self {
            container: plan.container.name(),
            renditions: plan.renditions.iter().map(|rendition| Planned::of(plan, rendition)).collect(),
            notes: &plan.notes,
        }
    }
}

impl<'a> Planned<'a> {
    pub(in crate::command) fn of(plan: &Plan, rendition: &'a RenditionPlan) -> Self {
        let settings = match &rendition.action {
            Action::Transcode(video) => Some(settings(plan, video)),
            _ => None,
        };
        Self {
            name: rendition.name.to_string(),
            action: rendition.action.name(),
            reason: rendition.reasons.join("; "),
            merged: rendition.merged.iter().map(ToString::to_string).collect(),
            settings,
            audio: audio(&rendition.audio),
        }
    }
}

fn settings<'a>(plan: &Plan, video: &'a VideoPlan) -> Settings<'a> {
    Settings {
        encoder: video.encoder.name(),
        encoder_asked: video.stands_in.as_ref().map_or(video.encoder, |stand_in| stand_in.asked).name(),
        encoder_reason: video.stands_in.as_ref().map(|stand_in| stand_in.why.as_str()),
        preset: &video.preset,
        rate_control: rate(video.rate_control),
        width: video.width,
        height: video.height,
        frame_rate: video.frame_rate.to_string(),
        timing: timing(video.timing),
        keyint_seconds: video.keyint_seconds,
        threads: video.threads,
        chunks: match &plan.cut {
            Cut::Chunks(chunks) => Some(chunks.len()),
            Cut::Whole { .. } => None,
        },
        scaler: if video.zimg { "zimg" } else { "swscale" },
        deinterlace: plan.prepare.deinterlace,
        rotation_degrees: plan.prepare.rotation.degrees(),
        to_limited_range: video.to_limited_range,
        tone_map: video.tone_map,
        pixel_format: video.pixel_format,
        encoder_options: video.encoder_options.iter().map(|(key, value)| (&**key, &**value)).collect(),
    }
}

const fn rate(rate: RateControl) -> Rate {
    match rate {
        RateControl::Crf(crf) => Rate::Crf { crf },
        RateControl::Cq(cq) => Rate::Cq { cq },
        RateControl::Cbr { bitrate, bufsize } => Rate::Cbr { bits_per_second: bitrate, buffer_bits: bufsize },
        RateControl::Abr { bitrate } => Rate::Abr { bits_per_second: bitrate },
        RateControl::Vbr { bitrate, cap: Some(Cap { maxrate, bufsize }) } => {
            Rate::Vbr { bits_per_second: bitrate, max_bits_per_second: Some(maxrate), buffer_bits: Some(bufsize) }
        }
        RateControl::Vbr { bitrate, cap: None } => {
            Rate::Vbr { bits_per_second: bitrate, max_bits_per_second: None, buffer_bits: None }
        }
    }
}

const fn audio(plan: &AudioPlan) -> Audio {
    match plan {
        AudioPlan::None => Audio::None,
        AudioPlan::Copy => Audio::Copy,
        AudioPlan::Aac(aac) => Audio::Aac {
            bits_per_second: aac.bits_per_second,
            sample_rate: aac.sample_rate,
            channels: aac.channels,
        },
    }
}

/// Returns the document of a finished run.
pub(in crate::command) fn transcode_document(
    path: &Path,
    info: &MediaInfo,
    plan: &Plan,
    outcome: &Outcome,
    cost: Cost,
) -> String {
    let pairs = plan.renditions.iter().zip(&outcome.renditions);
    pretty(&TranscodeDocument {
        schema: "reelmill.transcode/1",
        source: Source::of(path, info),
        renditions: pairs.map(|(planned, done)| rendition(plan, planned, done)).collect(),
        notes: &plan.notes,
        wall_seconds: rounded(cost.wall_seconds),
        cpu_seconds: cost.cpu_seconds,
        peak_memory_bytes: cost.peak_memory_bytes,
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
        codec: file.video_codec.as_deref(),
        audio_codec: file.audio_codec.as_deref(),
        verified: file.verified,
        repairs: &file.repairs,
        resumed: Some(Resumed {
            chunks: file.resumption.chunks,
            reused_chunks: file.resumption.reused,
            finished_before: file.is_found,
            discarded: file.resumption.discarded,
        }),
    }
}
