//! Is this file whole? The only maker of [`VerifiedFile`]; any stage may use it.
//!
//! Invariants that a proven file of ours satisfies, each with the function that holds it:
//! 1. it has exactly the frames it was given (`Expectation::check_frames`), of the size they should have (`Expectation::check_size`);
//! 2. its picture, or its sound where it has none, lasts as long as what it was made from (`Expectation::check_duration`);
//! 3. sound and picture begin together and stay together, and no sound is lost (`Expectation::check_sync`);
//! 4. decode times rise strictly and nothing is torn (`check_structure`);
//! 5. its first and last group of pictures decode (`decode::check`);
//! 6. an MP4's index stands where players want it (`check_structure`).
//!
//! Of a recording that came from elsewhere ([`accept()`]) nothing is known beforehand, and less can be asked.
//!
//! What this module does not do: judge quality, or mend anything.

mod accept;
mod decode;
mod error;

pub use accept::{Accepted, accept};
pub use error::ProofError;

use std::path::{Path, PathBuf};

use self::decode::Demand;
use crate::av::{Interrupt, probe};
use crate::content_hash;
use crate::media::{AudioInfo, Container, MediaInfo, Oddity};

/// Sound and picture may drift this far apart: half of what viewers notice (ITU-R BT.1359).
pub const SYNC_SECONDS: f64 = 0.040;
/// A duration may be off by this share, or by one frame if that is more.
pub const DURATION_SHARE: f64 = 0.001;

/// What a file must be to pass.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    /// Picture packets; `None` for a file without a picture.
    pub frames: Option<u64>,
    /// Width and height of the pictures in pixels; `None` where they are the source's own, or there are none.
    pub size: Option<(u32, u32)>,
    /// Seconds from the first frame to the end of the last; of the sound that is heard, where there is no picture.
    pub seconds: f64,
    /// Seconds of one frame, or of a packet of sound where there is no picture: the tolerance of the above.
    pub frame_seconds: f64,
    /// The sound, where there must be some. Beside a picture it has its place; alone, only as many packets as it must.
    pub audio: Option<AudioExpectation>,
    /// Whether every group of pictures stands alone, so that all of its packets must decode. Copied pictures may
    /// lean on the group before.
    pub closed_groups: bool,
}

/// Where the sound must lie.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AudioExpectation {
    /// Packets of sound.
    pub packets: u64,
    /// Seconds from the picture's start to the sound's, an encoder's priming included (below zero then).
    pub start_offset_seconds: f64,
    /// Seconds from the picture's end to the sound's end.
    pub end_offset_seconds: f64,
    /// Seconds of an encoder's priming in front, which readers of MP4 leave out again; 0 for copied sound.
    pub priming_seconds: f64,
}

/// A file that passed, or was measured without being judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedFile {
    path: PathBuf,
    bytes: u64,
    sha256: String,
    proven: bool,
}

/// A file with what is in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// It.
    pub file: VerifiedFile,
    /// What it is, measured.
    pub info: MediaInfo,
}

impl VerifiedFile {
    /// Returns where it stands.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns its length.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Returns its SHA-256 in lower-case hex.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Returns a file that another process of ours has proven, by that one's word. For `worker::child` alone, which has
    /// started that process, told it which file, and seen that the file has this length.
    pub(crate) fn vouched(path: &Path, bytes: u64, sha256: String) -> Self {
        Self { path: path.to_owned(), bytes, sha256, proven: true }
    }

    /// Returns a file as if it had been proven.
    #[cfg(test)]
    pub(crate) fn trusted(path: &Path) -> Self {
        let bytes = std::fs::metadata(path).unwrap().len();
        Self { path: path.to_owned(), bytes, sha256: content_hash::of_file(path).unwrap(), proven: true }
    }

    fn judged(self) -> Self {
        Self { proven: true, ..self }
    }

    /// Returns whether it was judged; `false` when the proof was turned off.
    pub fn is_proven(&self) -> bool {
        self.proven
    }
}

/// Proves that the file at `path` is what `expectation` says.
///
/// # Errors
/// [`ProofError`] with the numbers of the first thing that is off.
pub fn prove(path: &Path, expectation: &Expectation, interrupt: &Interrupt) -> Result<Measured, ProofError> {
    let Measured { file, info } = measure(path, interrupt)?;
    check_structure(&info)?;
    expectation.check_frames(&info)?;
    expectation.check_size(&info)?;
    expectation.check_duration(&info)?;
    expectation.check_sync(&info)?;
    let demand = Demand { every: expectation.closed_groups, leading: true, last: true };
    decode::check(path, &info, demand, interrupt)?;
    Ok(Measured { file: file.judged(), info })
}

/// Measures the file at `path` without judging it.
///
/// # Errors
/// [`ProofError::Unreadable`] or [`ProofError::Read`].
pub fn measure(path: &Path, interrupt: &Interrupt) -> Result<Measured, ProofError> {
    let info = probe(path, interrupt).map_err(ProofError::Unreadable)?;
    let sha256 =
        content_hash::of_file(path).map_err(|source| ProofError::Read { path: path.to_owned(), source })?;
    let file = VerifiedFile { path: path.to_owned(), bytes: info.bytes, sha256, proven: false };
    Ok(Measured { file, info })
}

/// Checks what must hold for every file of ours, whatever is in it.
fn check_structure(info: &MediaInfo) -> Result<(), ProofError> {
    for oddity in &info.oddities {
        match oddity {
            Oddity::Truncated { .. } | Oddity::TornTail | Oddity::ZeroTail { .. } => {
                return Err(ProofError::Torn { detail: format!("{oddity:?}") });
            }
            Oddity::UnorderedTimestamps { .. }
            | Oddity::TimestampJumps { .. }
            | Oddity::TimestampsRollOver { .. }
            | Oddity::MissingTimestamps { .. } => {
                return Err(ProofError::Timestamps { detail: format!("{oddity:?}") });
            }
            Oddity::DamagedPackets { count } => return Err(ProofError::Damaged { count: *count }),
            Oddity::WrongDuration { declared_seconds } => {
                return Err(ProofError::Header { declared: *declared_seconds, actual: info.duration_seconds });
            }
            Oddity::LateKeyframe { .. } | Oddity::AudioOffset { .. } | Oddity::ChangedParameters { .. } => {}
        }
    }
    if info.container == Container::Mp4 && !info.index_first {
        return Err(ProofError::IndexLast);
    }
    Ok(())
}

impl Expectation {
    fn check_frames(&self, info: &MediaInfo) -> Result<(), ProofError> {
        let actual = info.video.as_ref().map(|video| video.packets);
        if actual == self.frames {
            Ok(())
        } else {
            Err(ProofError::Frames { expected: self.frames.unwrap_or(0), actual: actual.unwrap_or(0) })
        }
    }

    fn check_size(&self, info: &MediaInfo) -> Result<(), ProofError> {
        let actual = info.video.as_ref().map_or((0, 0), |video| (video.width, video.height));
        match self.size {
            Some(expected) if expected != actual => Err(ProofError::Size { expected, actual }),
            _ => Ok(()),
        }
    }

    fn check_duration(&self, info: &MediaInfo) -> Result<(), ProofError> {
        let actual = match (&info.video, &info.audio) {
            (Some(video), _) => video.end_seconds - video.start_seconds,
            (None, Some(audio)) => self.heard(audio),
            (None, None) => 0.0,
        };
        let tolerance = self.frame_seconds.max(self.seconds * DURATION_SHARE);
        // A tick of milliseconds on top: FLV rounds both ends.
        if (actual - self.seconds).abs() <= tolerance + 0.001 {
            Ok(())
        } else {
            Err(ProofError::Duration { expected: self.seconds, actual, tolerance })
        }
    }

    /// Returns how long sound without a picture is heard: readers of MP4 leave an encoder's priming out, others do not.
    fn heard(&self, audio: &AudioInfo) -> f64 {
        let whole = audio.end_seconds - audio.start_seconds;
        let without = whole - self.audio.map_or(0.0, |expected| expected.priming_seconds);
        if (without - self.seconds).abs() < (whole - self.seconds).abs() { without } else { whole }
    }

    fn check_sync(&self, info: &MediaInfo) -> Result<(), ProofError> {
        let actual = info.audio.as_ref().map_or(0, |audio| audio.packets);
        let Some(expected) = self.audio else {
            return if actual == 0 { Ok(()) } else { Err(ProofError::Sound { expected: 0, actual }) };
        };
        let Some(audio) = &info.audio else { return Err(ProofError::NoAudio) };
        let Some(video) = &info.video else { return expected.check_packets(actual) };
        let start = audio.start_seconds - video.start_seconds - expected.start_offset_seconds;
        // MP4's edit list says what is priming, and whole packets of it are not even read: at 8 kHz that is 128 ms.
        let without = start - expected.priming_seconds;
        let left_out = info.container == Container::Mp4 && without.abs() < start.abs();
        let start = if left_out { without } else { start };
        if start.abs() > SYNC_SECONDS {
            return Err(ProofError::Sync { place: "start", off_seconds: start });
        }
        // Sound ends on a whole packet: the last one may reach over the end by its own length.
        let packet = audio.packet_seconds();
        let end = audio.end_seconds - video.end_seconds - expected.end_offset_seconds;
        if end.abs() > SYNC_SECONDS + packet {
            return Err(ProofError::Sync { place: "end", off_seconds: end });
        }
        expected.check_packets(actual)
    }
}

impl AudioExpectation {
    /// A hole in the middle moves neither end.
    fn check_packets(self, actual: u64) -> Result<(), ProofError> {
        if actual == self.packets { Ok(()) } else { Err(ProofError::Sound { expected: self.packets, actual }) }
    }
}
