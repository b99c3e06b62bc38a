//! What a run did: the values that the command prints and the JSON result carries.

use std::path::PathBuf;

use super::TranscodeError;
use crate::media::RenditionName;

/// What became of every rendition of a plan, in the plan's order.
#[derive(Debug)]
pub struct Outcome {
    /// One entry per rendition.
    pub renditions: Vec<RenditionOutcome>,
}

/// What became of one rendition.
#[derive(Debug)]
pub struct RenditionOutcome {
    /// Its name.
    pub name: RenditionName,
    /// Where it stands, or would have.
    pub path: PathBuf,
    /// The proven file, or why there is none.
    pub result: Result<Finished, TranscodeError>,
}

/// A finished output, measured from the file itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Finished {
    /// Picture packets in the file.
    pub frames: u64,
    /// Seconds from first to last packet's end.
    pub duration_seconds: f64,
    /// Size of the file.
    pub bytes: u64,
    /// SHA-256 of the file, in lower-case hex.
    pub sha256: String,
    /// Width of the picture as coded; 0 without one.
    pub width: u32,
    /// Height of the picture as coded; 0 without one.
    pub height: u32,
    /// FFmpeg's name of the picture codec, where there is a picture.
    pub video_codec: Option<String>,
    /// FFmpeg's name of the sound codec, where there is sound.
    pub audio_codec: Option<String>,
    /// Whether the proof ran (`--no-verify` skips it).
    pub verified: bool,
    /// What was mended on the way, one sentence fragment each.
    pub repairs: Vec<String>,
    /// What of an earlier run was taken up.
    pub resumption: Resumption,
    /// Whether an earlier run had finished it, and nothing was left to do.
    pub is_found: bool,
}

/// What of an earlier, interrupted run was taken up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resumption {
    /// Chunks of the rendition; 0 for one that is not made in chunks.
    pub chunks: usize,
    /// Those among them that were there already.
    pub reused: usize,
    /// Why what was there could not be used.
    pub discarded: Option<&'static str>,
}
