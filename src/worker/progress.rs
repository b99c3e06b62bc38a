//! How far a recording is on its way: counters that anybody may read while it comes. Printing is not done here.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::download;
use crate::transcode;

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
    /// It gets its name.
    Committing,
}

impl Stage {
    const ALL: [Self; 6] =
        [Self::Looking, Self::Following, Self::Fetching, Self::Proving, Self::Repacking, Self::Committing];

    const fn name(self) -> &'static str {
        match self {
            Self::Looking => "looking",
            Self::Following => "following",
            Self::Fetching => "fetching",
            Self::Proving => "proving",
            Self::Repacking => "repacking",
            Self::Committing => "committing",
        }
    }
}

/// How far it is.
#[derive(Debug, Default)]
pub struct Progress {
    stage: AtomicU8,
    pub(super) download: download::Progress,
    repack: Mutex<Option<Arc<transcode::Progress>>>,
}

/// How far it is at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// What is being done.
    pub phase: &'static str,
    /// Bytes that are here; while it is repacked, bytes that were written.
    pub bytes: u64,
    /// Bytes in all, where that is known.
    pub bytes_total: Option<u64>,
}

impl Progress {
    /// Returns how far it is now.
    pub fn snapshot(&self) -> Snapshot {
        let stage = Stage::ALL[usize::from(self.stage.load(Ordering::Relaxed))];
        let (bytes, bytes_total) = (self.download.bytes(), self.download.total());
        match stage {
            Stage::Fetching => Snapshot { phase: self.download.phase().name(), bytes, bytes_total },
            Stage::Repacking => Snapshot { phase: stage.name(), bytes: self.repacked(), bytes_total: None },
            _ => Snapshot { phase: stage.name(), bytes, bytes_total },
        }
    }

    pub(super) fn enter(&self, stage: Stage) {
        self.stage.store(stage as u8, Ordering::Relaxed);
    }

    /// Shows from now on what these counters say.
    pub(super) fn repack(&self, counters: Arc<transcode::Progress>) {
        *self.repack.lock().unwrap_or_else(PoisonError::into_inner) = Some(counters);
        self.enter(Stage::Repacking);
    }

    fn repacked(&self) -> u64 {
        let counters = self.repack.lock().unwrap_or_else(PoisonError::into_inner);
        let renditions = counters.iter().flat_map(|counters| &counters.renditions);
        renditions.map(transcode::RenditionProgress::bytes).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::RenditionName;

    #[test]
    fn every_stage_has_its_place_and_repacking_counts_what_is_written() {
        let progress = Progress::default();
        assert_eq!(progress.snapshot().phase, "looking");
        for stage in Stage::ALL {
            progress.enter(stage);
            let name = if stage == Stage::Fetching { "asking" } else { stage.name() };
            assert_eq!(progress.snapshot().phase, name);
        }
        let counters = Arc::new(transcode::Progress::new(&[RenditionName::of_source(720)], 9, 1.0));
        progress.repack(Arc::clone(&counters));
        counters.renditions[0].add_frame(700, 40_000);
        assert_eq!(progress.snapshot(), Snapshot { phase: "repacking", bytes: 700, bytes_total: None });
    }
}
