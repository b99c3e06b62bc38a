//! A file's bytes copied untouched, in pieces, so that a stop need not wait for the end of an hours-long recording.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use super::super::{RenditionProgress, TranscodeError};
use crate::av::{AvError, Interrupt};
use crate::media::MediaInfo;
use crate::room::{Grant, Room};

/// Copied between two looks at the interrupt: a second on a slow disk.
const PIECE_BYTES: u64 = 32 << 20;

/// Copies all of `source` into the new file `part`, when `room` has room for it.
///
/// # Errors
/// [`TranscodeError::File`], [`TranscodeError::NoRoom`] and, on request to stop, [`AvError::Cancelled`].
pub(super) fn copy(
    source: &Path,
    info: &MediaInfo,
    part: &Path,
    room: Option<Arc<dyn Room>>,
    progress: &RenditionProgress,
    interrupt: &Interrupt,
) -> Result<(), TranscodeError> {
    let failed = |source| TranscodeError::File { operation: "copy", path: part.to_owned(), source };
    let mut from = File::open(source).map_err(failed)?;
    let mut left = from.metadata().map_err(failed)?.len();
    Grant::new(room).reach(left)?;
    let mut to = File::create(part).map_err(failed)?;
    loop {
        if interrupt.is_cancelled() {
            return Err(AvError::Cancelled.into());
        }
        // The standard library lets the kernel move the bytes, where it can. What comes after the copy was begun is not the
        // recording that was looked at.
        let moved = io::copy(&mut (&mut from).take(PIECE_BYTES.min(left)), &mut to).map_err(failed)?;
        if moved == 0 {
            return Ok(());
        }
        left -= moved;
        progress.add_bytes(moved);
        advance(info, progress);
    }
}

/// Counts the share of the bytes as the same share of the frames.
fn advance(info: &MediaInfo, progress: &RenditionProgress) {
    #[expect(clippy::cast_precision_loss, reason = "a share for people")]
    let share = progress.bytes() as f64 / info.bytes.max(1) as f64;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "`as` saturates; nothing is below zero"
    )]
    let part = |whole: f64| (whole * share.min(1.0)) as u64;
    #[expect(clippy::cast_precision_loss, reason = "frame counts stay far below 2^52")]
    let frames = info.video.as_ref().map_or(0.0, |video| video.packets as f64);
    progress.reach(part(frames), part(info.duration_seconds * 1e6));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Failure;
    use crate::media::RenditionName;
    use crate::transcode::sample::lesson;

    #[test]
    fn every_byte_is_copied_and_none_after_a_stop() {
        let folder = tempfile::tempdir().unwrap();
        let (source, part) = (folder.path().join("lesson.flv"), folder.path().join("part"));
        let bytes: Vec<u8> = (0..PIECE_BYTES + 7).map(|at| at.to_le_bytes()[0]).collect();
        std::fs::write(&source, &bytes).unwrap();
        let progress = crate::transcode::Progress::new(&[RenditionName::of_source(720)], 0, 0.0);
        let (progress, interrupt) = (&progress.renditions[0], Interrupt::default());
        let info = MediaInfo { bytes: PIECE_BYTES + 7, ..lesson() };
        copy(&source, &info, &part, None, progress, &interrupt).unwrap();
        assert!(std::fs::read(&part).unwrap() == bytes);
        assert_eq!((progress.bytes(), progress.frames()), (PIECE_BYTES + 7, 1500));
        interrupt.cancel();
        assert_eq!(copy(&source, &info, &part, None, progress, &interrupt).unwrap_err().code(), "CANCELLED");
        assert_eq!(std::fs::metadata(&part).unwrap().len(), 0);
    }
}
