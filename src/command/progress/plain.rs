//! Progress as lines of text, for logs and pipes: one line for all renditions, every few seconds.

use std::fmt::Write as _;
use std::time::Duration;

use super::{Display, View};
use crate::figure;
use crate::telemetry::Screen;
use crate::transcode::Phase;

/// A short run is followed closely; an hours-long one must not fill a log.
const EVERY_AT_FIRST: Duration = Duration::from_secs(5);
/// Two lines a minute: an hour leaves 120.
const EVERY_LATER: Duration = Duration::from_secs(30);
const AT_FIRST: Duration = Duration::from_secs(60);

/// Lines of text.
pub(super) struct PlainLines {
    screen: Screen,
    said: Duration,
}

impl PlainLines {
    pub(super) fn new(screen: Screen) -> Self {
        Self { screen, said: Duration::ZERO }
    }
}

/// Returns `[0:15] 720P 42.1%, 480P 42.3%  75.2 fps  3.01x  eta 0:23`. The slowest rendition gives the figures: it
/// decides when the run is over.
fn line(views: &[View], now: Duration) -> String {
    let mut text = format!("[{}]", figure::wait(now.as_secs_f64()));
    for (index, view) in views.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let _ = write!(text, "{comma} {} {}", view.name, place(view));
    }
    let running = views.iter().filter(|view| view.phase == Phase::Running);
    if let Some(slowest) = running.min_by(|left, right| left.percent.total_cmp(&right.percent)) {
        // Sound alone has no frames to count.
        if slowest.frames_total > 0 {
            let _ = write!(text, "  {:.1} fps", slowest.fps);
        }
        let _ = write!(text, "  {:.2}x", slowest.speed);
        if let Some(seconds) = slowest.eta_seconds {
            let _ = write!(text, "  eta {}", figure::wait(seconds));
        }
    }
    text
}

fn place(view: &View) -> String {
    match view.phase {
        Phase::Running => format!("{:.1}%", view.percent),
        phase => phase.name().to_owned(),
    }
}

impl Display for PlainLines {
    fn show(&mut self, views: &[View], now: Duration) {
        let every = if now < AT_FIRST { EVERY_AT_FIRST } else { EVERY_LATER };
        if now.saturating_sub(self.said) >= every {
            self.said = now;
            self.screen.say(&line(views, now));
        }
    }

    fn end(&mut self, views: &[View], now: Duration) {
        self.screen.say(&line(views, now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::RenditionName;

    fn view(short_side: u32, phase: Phase, percent: f64) -> View {
        View {
            name: RenditionName::of_source(short_side),
            phase,
            frames: 0,
            frames_total: 100,
            fps: percent + 1.0,
            speed: 3.0,
            percent,
            eta_seconds: Some(83.0),
        }
    }

    #[test]
    fn the_slowest_rendition_gives_the_figures() {
        let views =
            [view(720, Phase::Running, 40.0), view(480, Phase::Running, 44.04), view(240, Phase::Done, 100.0)];
        assert_eq!(
            line(&views, Duration::from_secs(15)),
            "[0:15] 720P 40.0%, 480P 44.0%, 240P done  41.0 fps  3.00x  eta 1:23"
        );
        let sound = View { frames_total: 0, ..view(0, Phase::Running, 40.0) };
        assert_eq!(line(&[sound], Duration::from_secs(15)), "[0:15] AUDIO 40.0%  3.00x  eta 1:23");
        assert_eq!(line(&views[2..], Duration::from_secs(61)), "[1:01] 240P done");
    }
}
