//! What can go wrong between us and FFmpeg's libraries, in words for people.

use std::io;
use std::path::PathBuf;

use super::sys;
use crate::failure::{Failure, FailureClass, is_disk_full};
use crate::room::NoRoom;

/// A failed call into libav: which one, and libav's own text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{call}: {text}")]
pub struct LibavError {
    /// The function.
    pub call: &'static str,
    /// libav's error number, negative.
    pub code: i32,
    /// libav's text for it.
    pub text: String,
}

impl From<sys::Failed> for LibavError {
    fn from(failed: sys::Failed) -> Self {
        Self { call: failed.call, code: failed.code, text: sys::error_text(failed.code) }
    }
}

/// An operation of this module failed.
#[derive(Debug, thiserror::Error)]
pub enum AvError {
    /// The file cannot be opened or read at all.
    #[error("cannot open {}", path.display())]
    Open {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A folder, a pipe, a device.
    #[error("{} is not a regular file", path.display())]
    NotAFile {
        /// Which.
        path: PathBuf,
    },
    /// No bytes, or a header and nothing after it.
    #[error("the file holds no media: {detail}")]
    Empty {
        /// What there is instead.
        detail: String,
    },
    /// The content looks like no media format.
    #[error("the content is not a media format that is known here")]
    NotMedia,
    /// A format that we do not open: playlists, raw dumps, image sequences.
    #[error("the content is {format:?}, which is not on the list of formats that are opened")]
    FormatForbidden {
        /// libav's name of it.
        format: String,
    },
    /// An MP4 whose index was never written.
    #[error("the index (moov box) is missing: the recording was cut off before its end was written")]
    NoIndex,
    /// The header cannot be understood.
    #[error("the header is damaged")]
    Header(#[source] LibavError),
    /// A picture larger than we decode.
    #[error("a picture of {width}x{height} pixels is above the limit of {limit} pixels")]
    TooLarge {
        /// Pixels across.
        width: i64,
        /// Pixels down.
        height: i64,
        /// Most pixels in all.
        limit: u64,
    },
    /// More streams than we follow.
    #[error("{count} streams are above the limit of {limit}")]
    TooManyStreams {
        /// How many.
        count: usize,
        /// How many are allowed.
        limit: usize,
    },
    /// The disk or network under the file failed while reading.
    #[error("reading the source failed")]
    Read(#[source] LibavError),
    /// Nothing here decodes this codec.
    #[error("there is no decoder for {codec:?}")]
    NoDecoder {
        /// libav's name of the codec.
        codec: String,
    },
    /// The media is scrambled and no key is known.
    #[error("the media is encrypted")]
    Encrypted,
    /// A decoder gave up for good.
    #[error("decoding failed")]
    Decode(#[source] LibavError),
    /// The linked libavcodec has no such encoder.
    #[error("the linked libavcodec has no encoder {name:?}")]
    NoEncoder {
        /// libavcodec's name.
        name: String,
    },
    /// The encoder or muxer does not know an option.
    #[error("{owner} has no option {option:?}{}", suggestion.as_ref().map(|name| format!("; did you mean {name:?}?")).unwrap_or_default())]
    UnknownOption {
        /// Encoder or muxer.
        owner: String,
        /// What was given.
        option: String,
        /// The nearest name it does know.
        suggestion: Option<String>,
    },
    /// The encoder refused its settings.
    #[error("{encoder} refused its settings")]
    EncoderSettings {
        /// libavcodec's name.
        encoder: String,
        /// libav's word.
        source: LibavError,
    },
    /// Encoding failed under way.
    #[error("encoding failed")]
    Encode(#[source] LibavError),
    /// A filter chain cannot be built or failed.
    #[error("the filter chain {chain:?} failed")]
    Filter {
        /// In libavfilter's syntax.
        chain: String,
        /// libav's word.
        source: LibavError,
    },
    /// The disk refuses the output.
    #[error("cannot write {}", path.display())]
    Disk {
        /// The file being written.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Whoever keeps count of the disk refuses the output.
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
    /// The muxer refuses what it is to write.
    #[error("writing {} failed", path.display())]
    Write {
        /// The file being written.
        path: PathBuf,
        /// libav's word.
        source: LibavError,
    },
    /// Somebody asked us to stop.
    #[error("stopped on request")]
    Cancelled,
    /// The deadline passed.
    #[error("the deadline passed")]
    Late,
    /// libav misbehaved or ran out of memory.
    #[error("an internal call failed")]
    Internal(#[source] LibavError),
}

impl From<sys::Failed> for AvError {
    fn from(failed: sys::Failed) -> Self {
        Self::Internal(failed.into())
    }
}

impl Failure for AvError {
    fn code(&self) -> &'static str {
        match self {
            Self::Open { .. } => "SOURCE_UNREADABLE",
            Self::NotAFile { .. } => "SOURCE_NOT_A_FILE",
            Self::Empty { .. } => "MEDIA_EMPTY",
            Self::NotMedia => "MEDIA_NOT_MEDIA",
            Self::FormatForbidden { .. } => "MEDIA_FORMAT_FORBIDDEN",
            Self::NoIndex => "MEDIA_NO_INDEX",
            Self::Header(_) | Self::Decode(_) => "MEDIA_CORRUPT",
            Self::TooLarge { .. } => "MEDIA_LIMIT_DIMENSIONS",
            Self::TooManyStreams { .. } => "MEDIA_LIMIT_STREAMS",
            Self::Read(_) => "SOURCE_READ",
            Self::NoDecoder { .. } => "MEDIA_CODEC_UNSUPPORTED",
            Self::Encrypted => "MEDIA_ENCRYPTED",
            Self::NoEncoder { .. } => "ENCODER_MISSING",
            Self::UnknownOption { .. } => "USAGE_UNKNOWN_OPTION",
            Self::EncoderSettings { .. } => "USAGE_ENCODER_SETTINGS",
            Self::Encode(_) => "ENCODE_FAILED",
            Self::Filter { .. } => "FILTER_FAILED",
            Self::Disk { source, .. } if is_disk_full(source) => "DISK_FULL",
            Self::Disk { .. } | Self::Write { .. } => "OUTPUT_WRITE",
            Self::NoRoom(error) => error.code(),
            Self::Cancelled => "CANCELLED",
            Self::Late => "DEADLINE",
            Self::Internal(_) => "INTERNAL",
        }
    }

    fn class(&self) -> FailureClass {
        match self {
            Self::Open { .. }
            | Self::NotAFile { .. }
            | Self::Empty { .. }
            | Self::NotMedia
            | Self::FormatForbidden { .. }
            | Self::NoIndex
            | Self::Header(_)
            | Self::TooLarge { .. }
            | Self::TooManyStreams { .. }
            | Self::NoDecoder { .. }
            | Self::Encrypted
            | Self::Decode(_) => FailureClass::Source,
            Self::NoEncoder { .. } | Self::UnknownOption { .. } | Self::EncoderSettings { .. } => {
                FailureClass::Usage
            }
            Self::Read(_) | Self::Disk { .. } | Self::Write { .. } => FailureClass::Capacity,
            Self::NoRoom(error) => error.class(),
            Self::Late => FailureClass::Transient,
            Self::Cancelled => FailureClass::Cancelled,
            Self::Encode(_) | Self::Filter { .. } | Self::Internal(_) => FailureClass::Bug,
        }
    }

    fn cure(&self) -> &'static str {
        match self {
            Self::Open { .. } => "check the path and its permissions",
            Self::NotAFile { .. } => "give the path of a recording",
            Self::Empty { .. } => "fetch or record the source again",
            Self::NotMedia => "check that the file is a recording, not a web page or an archive",
            Self::FormatForbidden { .. } => {
                "give the recording itself: flv, mp4, mkv, webm, ts, mpg, avi, asf, wav, mp3, aac or ogg"
            }
            Self::NoIndex => "fetch the source again, or repair it with a tool that rebuilds the index",
            Self::Header(_) | Self::Decode(_) => "fetch or record the source again",
            Self::TooLarge { .. } | Self::TooManyStreams { .. } => "the source is refused to protect the machine",
            Self::Read(_) => "check the disk or network that holds the source, then run the command again",
            Self::NoDecoder { .. } => "the source must be converted by other means first",
            Self::Encrypted => "give an unencrypted recording",
            Self::NoEncoder { .. } => "choose another --encoder, or link FFmpeg libraries built with this one",
            Self::UnknownOption { .. } => "check --enc; `ffmpeg -h encoder=NAME` lists an encoder's options",
            Self::EncoderSettings { .. } => "check --enc, --preset and the rate-control options",
            Self::NoRoom(error) => error.cure(),
            Self::Disk { source, .. } if is_disk_full(source) => "free some space, or choose another output folder",
            Self::Disk { .. } | Self::Write { .. } => "check the disk that holds the output",
            Self::Late => "allow more time",
            Self::Cancelled => "run the same command again",
            Self::Encode(_) | Self::Filter { .. } | Self::Internal(_) => {
                "please report it with the output of `reelmill version --verbose` and the source"
            }
        }
    }
}
