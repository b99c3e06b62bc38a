//! How far a recording is on its way: counters that anybody may read while it comes. Printing is not done here.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::download;
use crate::transcode::{self, RenditionProgress};

/// What is being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Stage {
    /// Asking the cache, and the origin what it has.
    Looking,
    /// Somebody else is fetching it.
    Following,
    /// It comes; the download tells more.
    Fetching,
    /// It is looked into.
    Proving,
    /// It is brought into the cache's container.
    Repacking,
    /// A rendition is made.
    Transcoding,
    /// It gets its name.
    Committing,
}

impl Stage {
    pub(super) const ALL: [Self; 7] = [
        Self::Looking,
        Self::Following,
        Self::Fetching,
        Self::Proving,
        Self::Repacking,
        Self::Transcoding,
        Self::Committing,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Looking => "looking",
            Self::Following => "following",
            Self::Fetching => "fetching",
            Self::Proving => "proving",
            Self::Repacking => "repacking",
            Self::Transcoding => "transcoding",
            Self::Committing => "committing",
        }
    }
}

/// How far it is.
#[derive(Debug, Default)]
pub struct Progress {
    stage: AtomicU8,
    entered: Mutex<Option<Instant>>,
    pub(super) download: download::Progress,
    counters: Mutex<Option<Arc<transcode::Progress>>>,
}

/// How far it is at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// What is being done.
    pub phase: &'static str,
    /// Bytes that are here; while it is repacked or transcoded, bytes that were written.
    pub bytes: u64,
    /// Bytes in all, where that is known.
    pub bytes_total: Option<u64>,
    /// Pictures that were written, while it is repacked or transcoded.
    pub frames: u64,
    /// Pictures in all, where that is known.
    pub frames_total: Option<u64>,
}

impl Snapshot {
    /// Returns how much of its phase is done, from 0 to 1, where that can be said.
    pub fn fraction(&self) -> Option<f64> {
        let (done, total) = match (self.frames_total, self.bytes_total) {
            (Some(total), _) => (self.frames, total),
            (None, total) => (self.bytes, total?),
        };
        #[expect(clippy::cast_precision_loss, reason = "a share for people, or for a guess at an end")]
        (total > 0).then(|| (done as f64 / total as f64).min(1.0))
    }
}

impl Progress {
    /// Returns how far it is now.
    pub fn snapshot(&self) -> Snapshot {
        let stage = self.stage();
        let (bytes, bytes_total) = (self.download.bytes(), self.download.total());
        let phase = if stage == Stage::Fetching { self.download.phase().name() } else { stage.name() };
        match (stage, self.counters()) {
            (Stage::Repacking | Stage::Transcoding, Some(counters)) => written(phase, &counters),
            _ => Snapshot { phase, bytes, bytes_total, frames: 0, frames_total: None },
        }
    }

    pub(super) fn stage(&self) -> Stage {
        Stage::ALL[usize::from(self.stage.load(Ordering::Relaxed))]
    }

    pub(super) fn enter(&self, stage: Stage) {
        if self.stage.swap(stage as u8, Ordering::Relaxed) != stage as u8 {
            *self.entered.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        }
    }

    /// Returns how long it has been in its phase; nothing in its first one, of which nothing is counted.
    pub(super) fn in_phase(&self) -> Duration {
        let entered = *self.entered.lock().unwrap_or_else(PoisonError::into_inner);
        entered.map_or(Duration::ZERO, |entered| entered.elapsed())
    }

    /// Shows from now on what these counters say.
    pub(super) fn show(&self, stage: Stage, counters: Arc<transcode::Progress>) {
        *self.counters.lock().unwrap_or_else(PoisonError::into_inner) = Some(counters);
        self.enter(stage);
    }

    pub(super) fn counters(&self) -> Option<Arc<transcode::Progress>> {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn written(phase: &'static str, counters: &transcode::Progress) -> Snapshot {
    let sum = |of: fn(&RenditionProgress) -> u64| counters.renditions.iter().map(of).sum();
    let frames_total = counters.frames_total.saturating_mul(counters.renditions.len() as u64);
    Snapshot {
        phase,
        bytes: sum(RenditionProgress::bytes),
        bytes_total: None,
        frames: sum(RenditionProgress::frames),
        frames_total: Some(frames_total).filter(|total| *total > 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::RenditionName;

    #[test]
    fn every_stage_has_its_place_and_work_counts_what_is_written() {
        let progress = Progress::default();
        assert_eq!(progress.snapshot().phase, "looking");
        for stage in Stage::ALL {
            progress.enter(stage);
            let name = if stage == Stage::Fetching { "asking" } else { stage.name() };
            assert_eq!(progress.snapshot().phase, name);
        }
        let counters = Arc::new(transcode::Progress::new(&[RenditionName::of_source(720)], 9, 1.0));
        progress.show(Stage::Transcoding, Arc::clone(&counters));
        counters.renditions[0].add_frame(700, 40_000);
        let snapshot = progress.snapshot();
        let expected =
            Snapshot { phase: "transcoding", bytes: 700, bytes_total: None, frames: 1, frames_total: Some(9) };
        assert_eq!((snapshot, snapshot.fraction()), (expected, Some(1.0 / 9.0)));
        let fetched = Snapshot { bytes_total: Some(1400), frames: 0, frames_total: None, ..snapshot };
        assert_eq!(fetched.fraction(), Some(0.5));
        assert_eq!(Snapshot { bytes_total: None, ..fetched }.fraction(), None);
    }
}
