//! The decision: copy, remux, transcode or refuse, per rendition, each with its reason.
//!
//! Pure: values in, values out. No file is opened and no libav call made here, so the whole of it is tested as a
//! table, and `--explain` prints exactly what would be done.

use crate::media::{Container, Encoder, RateControl, Ratio, RenditionName, Rotation, Timing};

/// What will be done with a source.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The container of every output.
    pub container: Container,
    /// What is done to every picture once, before the renditions part ways.
    pub prepare: Prepare,
    /// The outputs, largest first.
    pub renditions: Vec<RenditionPlan>,
    /// Decisions about the source as a whole: what is left out, what is repaired.
    pub notes: Vec<String>,
}

/// Steps that all renditions share, done once per frame at the source's size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prepare {
    /// Interlaced pictures become whole ones, one frame per frame.
    pub deinterlace: bool,
    /// Turned upright; the output carries no rotation.
    pub rotation: Rotation,
}

/// One output.
#[derive(Clone, Debug, PartialEq)]
pub struct RenditionPlan {
    /// The name as asked, or after the source's own size.
    pub name: RenditionName,
    /// Other names asked for that would have come out the same and are served by this one.
    pub merged: Vec<RenditionName>,
    /// What is done with the picture.
    pub action: Action,
    /// Why, one sentence fragment each; never empty.
    pub reasons: Vec<String>,
    /// What is done with the sound.
    pub audio: AudioPlan,
}

/// What is done with a rendition's picture.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// The file's bytes are copied untouched.
    Copy,
    /// The picture's packets are copied into a new container (its sound may still be encoded).
    Remux,
    /// Decoded and encoded.
    Transcode(VideoPlan),
    /// Not made.
    Refuse,
}

impl Action {
    /// Returns the name in the JSON result.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Copy => "copy",
            Self::Remux => "remux",
            Self::Transcode(_) => "transcode",
            Self::Refuse => "refuse",
        }
    }
}

/// How a picture is encoded: the effective settings.
#[derive(Clone, Debug, PartialEq)]
pub struct VideoPlan {
    /// The encoder.
    pub encoder: Encoder,
    /// Its preset.
    pub preset: String,
    /// How it spends bits.
    pub rate_control: RateControl,
    /// Width in pixels, even.
    pub width: u32,
    /// Height in pixels, even.
    pub height: u32,
    /// Full-range samples are brought into the limited range.
    pub to_limited_range: bool,
    /// High dynamic range is mapped to BT.709.
    pub tone_map: bool,
    /// Scaled by zimg; swscale takes what zimg cannot.
    pub zimg: bool,
    /// The encoder's own threads: by picture size, never by the number of jobs, so that the bytes do not depend on it.
    pub threads: u32,
    /// Frames per second, for the encoder's time base (constant) or its rate control (variable).
    pub frame_rate: Ratio,
    /// Whether times are put on the even grid or passed through.
    pub timing: Timing,
    /// Distance of the keyframe grid in seconds.
    pub keyint_seconds: f64,
    /// Raw encoder options, applied last.
    pub encoder_options: Vec<(String, String)>,
}

/// What is done with the sound.
#[derive(Clone, Debug, PartialEq)]
pub enum AudioPlan {
    /// No sound in the output.
    None,
    /// Packets copied.
    Copy,
    /// Decoded and encoded to AAC, once for all renditions that want the same.
    Aac(AacPlan),
}

/// How sound is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AacPlan {
    /// Bits per second.
    pub bits_per_second: u64,
    /// Samples per second.
    pub sample_rate: u32,
    /// Channels: 1, 2, or the source's.
    pub channels: u32,
}
