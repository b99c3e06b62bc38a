//! Progress as one JSON object a line, for programs.

use std::time::Duration;

use super::{Display, View, wire};
use crate::telemetry::Screen;
use crate::transcode::Phase;

/// Programs draw bars of their own; once a second is enough, and phases are told at once.
const EVERY: Duration = Duration::from_secs(1);

/// Lines of JSON.
pub(super) struct JsonLines {
    screen: Screen,
    /// Per rendition: when it was last told, and at what phase.
    told: Vec<Option<(Duration, Phase)>>,
}

impl JsonLines {
    pub(super) fn new(screen: Screen) -> Self {
        Self { screen, told: Vec::new() }
    }

    /// Returns whether there is something to tell: the phase is new, or a second has passed in a moving one.
    fn is_due(told: Option<(Duration, Phase)>, phase: Phase, now: Duration) -> bool {
        match told {
            Some((at, before)) if before == phase => phase == Phase::Running && now.saturating_sub(at) >= EVERY,
            _ => true,
        }
    }
}

impl Display for JsonLines {
    fn show(&mut self, views: &[View], now: Duration) {
        self.told.resize(views.len(), None);
        for (told, view) in self.told.iter_mut().zip(views) {
            if Self::is_due(*told, view.phase, now) {
                *told = Some((now, view.phase));
                self.screen.say(&wire::progress_line(view));
            }
        }
    }

    fn end(&mut self, views: &[View], now: Duration) {
        self.show(views, now);
        self.screen.say(&wire::end_line(views, now.as_secs_f64()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_phase_is_told_at_once_and_a_running_one_every_second() {
        let at = Duration::from_millis;
        assert!(JsonLines::is_due(None, Phase::Waiting, at(0)));
        assert!(!JsonLines::is_due(Some((at(0), Phase::Waiting)), Phase::Waiting, at(9000)));
        assert!(JsonLines::is_due(Some((at(0), Phase::Waiting)), Phase::Running, at(1)));
        assert!(!JsonLines::is_due(Some((at(500), Phase::Running)), Phase::Running, at(1400)));
        assert!(JsonLines::is_due(Some((at(500), Phase::Running)), Phase::Running, at(1500)));
    }
}
