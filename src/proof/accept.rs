//! A recording as it came from elsewhere: whether it is one, and whole enough to be kept. What we wrote ourselves is held
//! to more by [`super::prove`], which knows what went in.
//!
//! What a transcode mends or lives with is told and not refused here.

use std::path::Path;

use super::decode::{self, Demand};
use super::{Measured, ProofError, VerifiedFile, measure};
use crate::av::Interrupt;
use crate::media::{MediaInfo, Oddity};

/// A recording that was accepted.
#[derive(Clone, Debug, PartialEq)]
pub struct Accepted {
    /// It.
    pub file: VerifiedFile,
    /// What it is, measured.
    pub info: MediaInfo,
    /// What is unusual about it, one sentence fragment each.
    pub notes: Vec<String>,
}

/// Accepts the recording at `path`, which nobody here made: there is picture or sound, its end is there unless
/// `accept_truncated`, and pictures come out of its first and last group.
///
/// # Errors
/// [`ProofError`]: what it is instead of a recording, or what it lacks.
pub fn accept(path: &Path, accept_truncated: bool, interrupt: &Interrupt) -> Result<Accepted, ProofError> {
    let Measured { file, info } = measure(path, interrupt).map_err(of_a_recording)?;
    let cut_short = info.oddities.iter().find(|oddity| oddity.is_cut_short());
    if let Some(oddity) = cut_short.filter(|_| !accept_truncated) {
        return Err(ProofError::CutShort { oddity: oddity.clone() });
    }
    // Of a group that was cut off, there may be half a picture.
    let demand = Demand { every: false, leading: false, last: cut_short.is_none() };
    decode::check(path, &info, demand, interrupt).map_err(of_a_recording)?;
    let notes = info.oddities.iter().map(Oddity::to_string).collect();
    Ok(Accepted { file: file.judged(), info, notes })
}

/// Says of a recording what the other proof says of an output of ours, which nobody could fetch again.
fn of_a_recording(error: ProofError) -> ProofError {
    match error {
        ProofError::Unreadable(source) => ProofError::NoRecording(source),
        ProofError::Decode { place, packets, decoded, damaged } => {
            ProofError::Undecodable { place, packets, decoded, damaged }
        }
        other => other,
    }
}
