//! Whether a job moves: what does not is stopped, and loses its lease.
//!
//! Only what nobody else watches is watched here: a media process that reports nothing is ended by its own watch
//! (`child::watch`), a download that receives nothing by its own bounds, and who follows somebody waits for those.

use std::time::Duration;

use tokio::time::Instant;

use super::Progress;
use super::progress::{Snapshot, Stage};
use crate::download::Phase;

/// How long a step of our own may take without any sign: asking an origin or writing the last gigabytes of a file to a slow
/// disk takes a minute or two; a disk that has gone takes for ever.
pub(super) const STUCK_TIME: Duration = Duration::from_secs(300);

/// What a look at a job finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// It moves, or somebody else sees to it that it does.
    Moves,
    /// It does not; `is_new` where the last look did not find that.
    Stuck { is_new: bool },
}

/// What the last looks at a job found.
#[derive(Debug)]
pub(super) struct Watch {
    last: Option<Snapshot>,
    since: Instant,
    is_stuck: bool,
}

impl Watch {
    pub(super) fn new(now: Instant) -> Self {
        Self { last: None, since: now, is_stuck: false }
    }

    /// Looks again.
    pub(super) fn look(&mut self, progress: &Progress, now: Instant) -> Pace {
        let snapshot = progress.snapshot();
        if is_watched_elsewhere(progress) || self.last != Some(snapshot) {
            *self = Self { last: Some(snapshot), ..Self::new(now) };
            return Pace::Moves;
        }
        if now.duration_since(self.since) < STUCK_TIME {
            return Pace::Moves;
        }
        let is_new = !std::mem::replace(&mut self.is_stuck, true);
        Pace::Stuck { is_new }
    }
}

fn is_watched_elsewhere(progress: &Progress) -> bool {
    match progress.stage() {
        Stage::Looking | Stage::Committing => false,
        Stage::Fetching => progress.download.phase() != Phase::Finishing,
        Stage::Following | Stage::Proving | Stage::Repacking | Stage::Transcoding => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_writes_its_last_bytes_for_ever_is_stuck_once_and_moves_again_when_it_moves() {
        let (progress, begin) = (Progress::default(), Instant::now());
        let mut watch = Watch::new(begin);
        progress.enter(Stage::Committing);
        let looks = [0, 299, 300, 305].map(|second| watch.look(&progress, begin + Duration::from_secs(second)));
        let stuck = |is_new| Pace::Stuck { is_new };
        assert_eq!(looks, [Pace::Moves, Pace::Moves, stuck(true), stuck(false)]);
        progress.enter(Stage::Looking);
        assert_eq!(watch.look(&progress, begin + Duration::from_secs(310)), Pace::Moves);
    }

    #[test]
    fn what_others_watch_may_take_its_time() {
        for stage in [Stage::Following, Stage::Fetching, Stage::Proving, Stage::Repacking, Stage::Transcoding] {
            let (progress, begin) = (Progress::default(), Instant::now());
            progress.enter(stage);
            let mut watch = Watch::new(begin);
            let looks = [0, 400, 9000].map(|second| watch.look(&progress, begin + Duration::from_secs(second)));
            assert_eq!(looks, [Pace::Moves; 3], "{}", stage.name());
        }
    }
}
