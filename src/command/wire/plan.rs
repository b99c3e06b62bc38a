//! A plan in JSON: the decision per rendition, its reason, and the effective settings.

use std::collections::BTreeMap;

use serde::Serialize;

use super::source;
use crate::media::RateControl;
use crate::transcode::plan::{Action, AudioPlan, Plan, RenditionPlan, VideoPlan};

/// A whole plan, before anything is done.
#[derive(Serialize)]
pub(super) struct Planning<'a> {
    container: &'static str,
    renditions: Vec<Planned<'a>>,
    notes: &'a [String],
}

/// One rendition's decision.
#[derive(Serialize)]
pub(super) struct Planned<'a> {
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
    preset: &'a str,
    rate_control: Rate,
    width: u32,
    height: u32,
    frame_rate: String,
    timing: &'static str,
    keyint_seconds: f64,
    threads: u32,
    scaler: &'static str,
    deinterlace: bool,
    rotation_degrees: u16,
    to_limited_range: bool,
    tone_map: bool,
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
    Vbr { bits_per_second: u64, max_bits_per_second: u64, buffer_bits: u64 },
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
    pub(super) fn of(plan: &'a Plan) -> Self {
        Self {
            container: plan.container.name(),
            renditions: plan.renditions.iter().map(|rendition| Planned::of(plan, rendition)).collect(),
            notes: &plan.notes,
        }
    }
}

impl<'a> Planned<'a> {
    pub(super) fn of(plan: &Plan, rendition: &'a RenditionPlan) -> Self {
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
        preset: &video.preset,
        rate_control: rate(video.rate_control),
        width: video.width,
        height: video.height,
        frame_rate: video.frame_rate.to_string(),
        timing: source::timing(video.timing),
        keyint_seconds: video.keyint_seconds,
        threads: video.threads,
        scaler: if video.zimg { "zimg" } else { "swscale" },
        deinterlace: plan.prepare.deinterlace,
        rotation_degrees: plan.prepare.rotation.degrees(),
        to_limited_range: video.to_limited_range,
        tone_map: video.tone_map,
        encoder_options: video.encoder_options.iter().map(|(key, value)| (&**key, &**value)).collect(),
    }
}

const fn rate(rate: RateControl) -> Rate {
    match rate {
        RateControl::Crf(crf) => Rate::Crf { crf },
        RateControl::Cq(cq) => Rate::Cq { cq },
        RateControl::Cbr { bitrate, bufsize } => Rate::Cbr { bits_per_second: bitrate, buffer_bits: bufsize },
        RateControl::Abr { bitrate } => Rate::Abr { bits_per_second: bitrate },
        RateControl::Vbr { bitrate, maxrate, bufsize } => {
            Rate::Vbr { bits_per_second: bitrate, max_bits_per_second: maxrate, buffer_bits: bufsize }
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
