//! Why a file is not what it should be, with the numbers.

use std::io;
use std::path::PathBuf;

use crate::av::AvError;
use crate::failure::{Failed, Failure, FailureClass};
use crate::media::Oddity;

/// A file did not pass.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// It cannot even be opened as media.
    #[error("the finished file cannot be read back")]
    Unreadable(#[source] AvError),
    /// The disk failed under it.
    #[error("reading {} failed", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Frames were lost or invented.
    #[error("{actual} frames where {expected} were expected")]
    Frames {
        /// Frames that went in.
        expected: u64,
        /// Frames that came out.
        actual: u64,
    },
    /// The pictures have another size.
    #[error("pictures of {}x{} where {}x{} were expected", actual.0, actual.1, expected.0, expected.1)]
    Size {
        /// Width and height they should have, in pixels.
        expected: (u32, u32),
        /// Width and height they have.
        actual: (u32, u32),
    },
    /// It is shorter or longer than it should be.
    #[error("it lasts {actual:.3} s where {expected:.3} s were expected (tolerance {tolerance:.3} s)")]
    Duration {
        /// Seconds it should last.
        expected: f64,
        /// Seconds it lasts.
        actual: f64,
        /// Seconds it may be off.
        tolerance: f64,
    },
    /// The header says something else than the packets.
    #[error("its header says {declared:.3} s, its packets {actual:.3} s")]
    Header {
        /// Seconds by the header.
        declared: f64,
        /// Seconds by the packets.
        actual: f64,
    },
    /// Sound and picture have moved against each other.
    #[error("sound and picture are {off_seconds:.3} s apart at the {place}")]
    Sync {
        /// `start` or `end`.
        place: &'static str,
        /// Sound later than it should be, in seconds.
        off_seconds: f64,
    },
    /// Sound was lost or invented.
    #[error("{actual} packets of sound where {expected} were expected")]
    Sound {
        /// Packets that went in.
        expected: u64,
        /// Packets that came out.
        actual: u64,
    },
    /// The sound is gone.
    #[error("it has no sound where there should be some")]
    NoAudio,
    /// It ends in the middle of something.
    #[error("it is torn: {detail}")]
    Torn {
        /// What was found.
        detail: String,
    },
    /// Its clock does not rise.
    #[error("its timestamps are out of order: {detail}")]
    Timestamps {
        /// What was found.
        detail: String,
    },
    /// Packets are damaged.
    #[error("{count} packets are damaged")]
    Damaged {
        /// How many.
        count: u64,
    },
    /// A group of pictures does not decode.
    #[error(
        "the {place} group of pictures does not decode: {decoded} of {packets} pictures came out, {damaged} damaged"
    )]
    Decode {
        /// `first` or `last`.
        place: &'static str,
        /// Packets in it.
        packets: u64,
        /// Pictures that came out.
        decoded: u64,
        /// Of those, damaged.
        damaged: u64,
    },
    /// What came from elsewhere is no recording, or none that can be read.
    #[error("the recording cannot be read")]
    NoRecording(#[source] AvError),
    /// The end of what came from elsewhere is missing.
    #[error("the recording is cut short: {oddity}")]
    CutShort {
        /// How it ends.
        oddity: Oddity,
    },
    /// No picture comes out of a group of what came from elsewhere.
    #[error(
        "the {place} group of pictures does not decode: {decoded} of {packets} pictures came out, {damaged} damaged"
    )]
    Undecodable {
        /// `first` or `last`.
        place: &'static str,
        /// Packets in it.
        packets: u64,
        /// Pictures that came out.
        decoded: u64,
        /// Of those, damaged.
        damaged: u64,
    },
    /// Another process of ours looked, and says itself what it found.
    #[error(transparent)]
    Told(#[from] Failed),
    /// An MP4 that a player must load whole before it can start.
    #[error("the MP4's index stands behind the media")]
    IndexLast,
}

impl Failure for ProofError {
    fn code(&self) -> &'static str {
        match self {
            Self::Unreadable(source) if source.class() == FailureClass::Cancelled => source.code(),
            Self::Unreadable(_) => "PROOF_UNREADABLE",
            Self::Read { .. } => "PROOF_READ",
            Self::Frames { .. } => "PROOF_FRAMES",
            Self::Size { .. } => "PROOF_SIZE",
            Self::Duration { .. } => "PROOF_DURATION",
            Self::Header { .. } => "PROOF_HEADER",
            Self::Sync { .. } => "PROOF_SYNC",
            Self::Sound { .. } => "PROOF_SOUND",
            Self::NoAudio => "PROOF_NO_AUDIO",
            Self::Torn { .. } => "PROOF_TORN",
            Self::Timestamps { .. } => "PROOF_TIMESTAMPS",
            Self::Damaged { .. } => "PROOF_DAMAGED",
            Self::Decode { .. } => "PROOF_DECODE",
            Self::NoRecording(source) => source.code(),
            Self::CutShort { .. } => "MEDIA_TRUNCATED",
            Self::Undecodable { .. } => "MEDIA_UNDECODABLE",
            Self::Told(failed) => failed.code(),
            Self::IndexLast => "PROOF_INDEX",
        }
    }

    fn class(&self) -> FailureClass {
        match self {
            Self::Unreadable(source) if source.class() == FailureClass::Cancelled => FailureClass::Cancelled,
            Self::NoRecording(source) => source.class(),
            Self::Told(failed) => failed.class(),
            Self::Read { .. } => FailureClass::Capacity,
            // What is wrong with an output of ours is most often a source that nobody foresaw.
            _ => FailureClass::Source,
        }
    }

    fn cure(&self) -> &'static str {
        match self {
            Self::Unreadable(source) if source.class() == FailureClass::Cancelled => source.cure(),
            Self::NoRecording(source) => source.cure(),
            Self::Told(failed) => failed.cure(),
            Self::CutShort { .. } => "fetch the source again, or take what is there with --accept-truncated",
            Self::Undecodable { .. } => "fetch or record the source again",
            Self::Read { .. } => "check the disk that holds the file",
            _ => "the output was thrown away; try --force-encode, and please report the source if it persists",
        }
    }

    fn details(&self) -> Vec<String> {
        match self {
            Self::Told(failed) => failed.details(),
            _ => Vec::new(),
        }
    }
}
