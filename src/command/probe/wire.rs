//! A recording in JSON (`reelmill.probe/1`): the shortcuts a caller wants first, then all that is known of its streams.

use std::path::Path;

use serde::Serialize;

use crate::command::oddity;
use crate::command::transcode::wire::Planning;
use crate::command::wire::{ErrorBody, pretty};
use crate::failure::Failure;
use crate::media::{AudioInfo, Chroma, Dynamics, MediaInfo, Oddity, OtherStream, Range, Scan, Timing, VideoInfo};
use crate::transcode::plan::Plan;

/// What `reelmill probe --json` answers.
#[derive(Serialize)]
struct ProbeDocument<'a> {
    schema: &'static str,
    source: Source<'a>,
    plan: Option<Planning<'a>>,
    /// Why there is no plan.
    refusal: Option<ErrorBody>,
}

/// Returns the document of a probe, with the plan or why there is none.
pub(in crate::command) fn probe_document(
    path: &Path,
    info: &MediaInfo,
    plan: Result<&Plan, &dyn Failure>,
) -> String {
    pretty(&ProbeDocument {
        schema: "reelmill.probe/1",
        source: Source::of(path, info),
        plan: plan.ok().map(Planning::of),
        refusal: plan.err().map(ErrorBody::of),
    })
}

/// A recording. The shortcuts repeat what `video` says, null where there is no picture.
#[derive(Serialize)]
pub(in crate::command) struct Source<'a> {
    path: String,
    container: &'static str,
    bytes: u64,
    duration_seconds: f64,
    declared_duration_seconds: Option<f64>,
    frames: Option<u64>,
    width: Option<u32>,
    height: Option<u32>,
    codec: Option<&'a str>,
    index_first: bool,
    video: Option<Video<'a>>,
    audio: Option<Audio<'a>>,
    other_streams: Vec<Other<'a>>,
    oddities: Vec<OddityBody>,
}

/// The chosen picture stream; names of formats and colors are FFmpeg's, ratios are `num/den` or a whole number.
#[derive(Serialize)]
struct Video<'a> {
    stream_index: usize,
    codec: &'a str,
    profile: Option<&'a str>,
    width: u32,
    height: u32,
    pixel_format: &'a str,
    bit_depth: u8,
    chroma: &'static str,
    sample_aspect_ratio: String,
    rotation_degrees: u16,
    range: &'static str,
    color_primaries: Option<&'a str>,
    color_transfer: Option<&'a str>,
    color_matrix: Option<&'a str>,
    high_dynamic_range: bool,
    scan: &'static str,
    frame_rate: String,
    timing: &'static str,
    packets: u64,
    keyframes: u64,
    longest_keyframe_gap_seconds: f64,
    start_seconds: f64,
    end_seconds: f64,
    bytes: u64,
    bits_per_second: f64,
}

/// The chosen sound stream.
#[derive(Serialize)]
struct Audio<'a> {
    stream_index: usize,
    codec: &'a str,
    sample_rate: u32,
    channels: u32,
    layout: &'a str,
    packets: u64,
    start_seconds: f64,
    end_seconds: f64,
    bytes: u64,
}

/// A stream that is left out.
#[derive(Serialize)]
struct Other<'a> {
    stream_index: usize,
    what: &'a str,
}

/// Something unusual: `name` is stable, `text` is for people and may change.
#[derive(Serialize)]
struct OddityBody {
    name: &'static str,
    text: String,
}

impl<'a> Source<'a> {
    pub(in crate::command) fn of(path: &Path, info: &'a MediaInfo) -> Self {
        let picture = info.video.as_ref();
        Self {
            path: path.to_string_lossy().into_owned(),
            container: info.container.name(),
            bytes: info.bytes,
            duration_seconds: info.duration_seconds,
            declared_duration_seconds: info.declared_duration_seconds,
            frames: picture.map(|video| video.packets),
            width: picture.map(|video| video.width),
            height: picture.map(|video| video.height),
            codec: picture.map(|video| video.codec.name()),
            index_first: info.index_first,
            video: picture.map(video),
            audio: info.audio.as_ref().map(audio),
            other_streams: info.other_streams.iter().map(other).collect(),
            oddities: info.oddities.iter().map(oddity_body).collect(),
        }
    }
}

fn video(video: &VideoInfo) -> Video<'_> {
    Video {
        stream_index: video.stream_index,
        codec: video.codec.name(),
        profile: video.profile.as_deref(),
        width: video.width,
        height: video.height,
        pixel_format: &video.pixel_format.name,
        bit_depth: video.pixel_format.bit_depth,
        chroma: chroma(video.pixel_format.chroma),
        sample_aspect_ratio: video.sample_aspect_ratio.to_string(),
        rotation_degrees: video.rotation.degrees(),
        range: range(video.range),
        color_primaries: video.color.primaries.as_deref(),
        color_transfer: video.color.transfer.as_deref(),
        color_matrix: video.color.matrix.as_deref(),
        high_dynamic_range: video.color.dynamics() == Dynamics::High,
        scan: scan(video.scan),
        frame_rate: video.frame_rate.to_string(),
        timing: timing(video.timing),
        packets: video.packets,
        keyframes: video.keyframes,
        longest_keyframe_gap_seconds: video.longest_keyframe_gap_seconds,
        start_seconds: video.start_seconds,
        end_seconds: video.end_seconds,
        bytes: video.bytes,
        bits_per_second: video.bits_per_second().round(),
    }
}

fn audio(audio: &AudioInfo) -> Audio<'_> {
    Audio {
        stream_index: audio.stream_index,
        codec: audio.codec.name(),
        sample_rate: audio.sample_rate,
        channels: audio.channels,
        layout: &audio.layout,
        packets: audio.packets,
        start_seconds: audio.start_seconds,
        end_seconds: audio.end_seconds,
        bytes: audio.bytes,
    }
}

fn other(stream: &OtherStream) -> Other<'_> {
    Other { stream_index: stream.stream_index, what: &stream.what }
}

fn oddity_body(found: &Oddity) -> OddityBody {
    OddityBody { name: oddity::name(found), text: found.to_string() }
}

const fn chroma(chroma: Chroma) -> &'static str {
    match chroma {
        Chroma::C420 => "4:2:0",
        Chroma::C422 => "4:2:2",
        Chroma::C444 => "4:4:4",
        Chroma::Gray => "gray",
        Chroma::Rgb => "rgb",
        Chroma::Other => "other",
    }
}

const fn range(range: Range) -> &'static str {
    match range {
        Range::Limited => "limited",
        Range::Full => "full",
        Range::Unknown => "unknown",
    }
}

const fn scan(scan: Scan) -> &'static str {
    match scan {
        Scan::Progressive => "progressive",
        Scan::TopFieldFirst => "top_field_first",
        Scan::BottomFieldFirst => "bottom_field_first",
    }
}

pub(in crate::command) const fn timing(timing: Timing) -> &'static str {
    match timing {
        Timing::Constant => "constant",
        Timing::Variable => "variable",
    }
}
