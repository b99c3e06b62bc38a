//! Why a source cannot be planned for: the request contradicts itself, or the source has nothing to make.
//!
//! Only what can be known from values stands here; what goes wrong while doing it is `TranscodeError`.

use crate::failure::{Failure, FailureClass};
use crate::media::{Container, Encoder};

/// A request that cannot be carried out, or a source that cannot be taken.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PlanError {
    /// Rate-control values that are missing, impossible, or do not go together.
    #[error("{what}")]
    RateControl {
        /// What is wrong.
        what: String,
        /// What to write instead.
        cure: &'static str,
    },
    /// `--rate-control copy` beside something that only encoding can do.
    #[error("--rate-control copy encodes nothing, so {what} cannot be honoured")]
    CopyContradicted {
        /// The other wish.
        what: &'static str,
    },
    /// `--rate-control copy`, and nothing of what was asked can be copied.
    #[error("nothing can be copied: {}", reasons.join("; "))]
    NothingToCopy {
        /// Why, one entry per rendition.
        reasons: Vec<String>,
    },
    /// A preset that the encoder does not have.
    #[error("{} has no preset {preset:?}; it has {}", encoder.name(), encoder.presets().join(", "))]
    Preset {
        /// The encoder.
        encoder: Encoder,
        /// What was asked for.
        preset: String,
    },
    /// A raw encoder option that the plan sets itself, or that would break it.
    #[error("the encoder option {name:?} is not free: {why}")]
    EncoderOption {
        /// The option, or the key within `x264-params`.
        name: String,
        /// What it would break, or what sets it.
        why: &'static str,
    },
    /// The keyframe grid has no sensible distance.
    #[error("a keyframe every {seconds} s is not possible")]
    KeyframeInterval {
        /// What was asked for.
        seconds: f64,
    },
    /// An AAC bitrate that makes no sense.
    #[error("sound at {bits_per_second} bit/s is not possible")]
    AudioBitrate {
        /// What was asked for.
        bits_per_second: u64,
    },
    /// The same rendition twice with different settings: both would be the same file.
    #[error("{name} is asked for twice with different settings")]
    RenditionTwice {
        /// Its name.
        name: String,
    },
    /// A container that we only read.
    #[error("{container} is not a container that is written here")]
    Container {
        /// What was asked for.
        container: Container,
    },
    /// The container has no place for what the encoder makes.
    #[error("{container} cannot hold {}, which {} makes", encoder.codec(), encoder.name())]
    NotHeld {
        /// The container.
        container: Container,
        /// The encoder.
        encoder: Encoder,
    },
    /// The source has neither picture nor sound.
    #[error("the source has neither a picture nor sound")]
    NoVideo,
    /// The source has sound alone, and that is to be left out.
    #[error("the source has sound alone: without it nothing is left")]
    NothingLeft,
    /// The source ends early.
    #[error("the source ends early: {present_seconds:.1} s are there{}", promised(*declared_seconds))]
    Truncated {
        /// Seconds of media that are there.
        present_seconds: f64,
        /// Seconds the header promises, where it does.
        declared_seconds: Option<f64>,
    },
    /// A picture size no encoder takes.
    #[error("a picture of {width}x{height} cannot be encoded")]
    PictureSize {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
}

fn promised(declared_seconds: Option<f64>) -> String {
    declared_seconds.map_or_else(String::new, |seconds| format!(" of the {seconds:.1} s that its header promises"))
}

impl Failure for PlanError {
    fn code(&self) -> &'static str {
        match self {
            Self::RateControl { .. } => "USAGE_RATE_CONTROL",
            Self::CopyContradicted { .. } | Self::NothingToCopy { .. } => "USAGE_COPY",
            Self::Preset { .. } => "USAGE_PRESET",
            Self::EncoderOption { .. } => "USAGE_ENCODER_OPTION",
            Self::KeyframeInterval { .. } => "USAGE_KEYINT",
            Self::AudioBitrate { .. } | Self::NothingLeft => "USAGE_AUDIO",
            Self::RenditionTwice { .. } => "USAGE_RENDITION",
            Self::Container { .. } => "USAGE_CONTAINER",
            Self::NotHeld { .. } => "USAGE_CONTAINER_CODEC",
            Self::NoVideo => "MEDIA_NO_VIDEO",
            Self::Truncated { .. } => "MEDIA_TRUNCATED",
            // No picture's header could be read, so there was no size to find.
            Self::PictureSize { width: 0, height: 0 } => "MEDIA_UNDECODABLE",
            Self::PictureSize { .. } => "MEDIA_PICTURE_SIZE",
        }
    }

    fn class(&self) -> FailureClass {
        match self {
            Self::NoVideo | Self::Truncated { .. } | Self::PictureSize { .. } => FailureClass::Source,
            _ => FailureClass::Usage,
        }
    }

    fn cure(&self) -> &'static str {
        match self {
            Self::RateControl { cure, .. } => cure,
            Self::CopyContradicted { .. } => "leave out one of the two",
            Self::NothingToCopy { .. } => "leave out --rate-control copy, and what does not fit is encoded",
            Self::Preset { .. } => "name one of the encoder's presets",
            Self::EncoderOption { .. } => "leave it out of --enc; the program's own options set what may be set",
            Self::KeyframeInterval { .. } => "give --keyint in seconds, above 0 and at most 600",
            Self::AudioBitrate { .. } => "give 16k to 512k, as in --audio aac:128k",
            Self::RenditionTwice { .. } => "name it once",
            Self::Container { .. } => "use flv, mp4, mkv or ts",
            Self::NotHeld { .. } => "write another container, as with --container mp4, or use --encoder x264",
            Self::NoVideo => "look at the file with reelmill probe, and fetch or record it again",
            Self::NothingLeft => "leave out --audio none",
            Self::Truncated { .. } => "fetch the source again, or take what is there with --accept-truncated",
            Self::PictureSize { .. } => "the sides of a picture are 2 to 16384 pixels",
        }
    }
}
