//! Showing how far a download is, as a bar, as lines of text or as JSON: reads its counters, never touches it.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle as BarStyle};

use super::wire;
use crate::cli::ProgressStyle;
use crate::command::Console;
use crate::control;
use crate::download::{Phase, Progress};
use crate::figure;
use crate::telemetry::{Screen, printable};

/// Counters are read this often: quick enough to look alive, slow enough to cost nothing.
const TICK: Duration = Duration::from_millis(200);

/// The rate is that of so many ticks: three seconds.
const RATE_TICKS: usize = 15;

/// Programs draw bars of their own; once a second is enough.
const JSON_EVERY: Duration = Duration::from_secs(1);

/// A log gets two lines a minute.
const PLAIN_EVERY: Duration = Duration::from_secs(30);

/// A bar moves in thousandths.
const STEPS: u64 = 1000;

/// What the counters say at a moment.
#[derive(Clone, Debug, Default, PartialEq)]
struct Counters {
    phase: Cow<'static, str>,
    bytes: u64,
    total: Option<u64>,
    attempts: Option<u64>,
}

impl From<&Progress> for Counters {
    fn from(progress: &Progress) -> Self {
        Self {
            phase: progress.phase().name().into(),
            bytes: progress.bytes(),
            total: progress.total(),
            attempts: Some(progress.attempts()),
        }
    }
}

impl From<control::Progress> for Counters {
    fn from(progress: control::Progress) -> Self {
        let control::Progress { phase, bytes, bytes_total, .. } = progress;
        Self { phase: phase.into(), bytes, total: bytes_total, attempts: None }
    }
}

/// How far it is.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct View {
    pub(super) phase: Cow<'static, str>,
    pub(super) seconds: f64,
    pub(super) bytes: u64,
    pub(super) total: Option<u64>,
    pub(super) bytes_per_second: f64,
    pub(super) eta_seconds: Option<f64>,
    /// Not told by another process.
    pub(super) attempts: Option<u64>,
}

/// Remembers a few ticks, for the rate.
#[derive(Debug, Default)]
struct Tracker(VecDeque<(Duration, u64)>);

impl Tracker {
    #[expect(clippy::cast_precision_loss, reason = "rates are shown to three digits")]
    fn look(&mut self, counters: Counters, now: Duration) -> View {
        let Counters { phase, bytes, total, attempts } = counters;
        // After a restart at 0 what was seen before tells nothing about the rate.
        if self.0.back().is_some_and(|(_, before)| bytes < *before) {
            self.0.clear();
        }
        self.0.push_back((now, bytes));
        if self.0.len() > RATE_TICKS + 1 {
            self.0.pop_front();
        }
        let (first, from) = self.0[0];
        let span = now.saturating_sub(first).as_secs_f64();
        let bytes_per_second = if span > 0.0 { (bytes - from) as f64 / span } else { 0.0 };
        let left = total.map(|total| total.saturating_sub(bytes) as f64);
        View {
            phase,
            seconds: now.as_secs_f64(),
            bytes,
            total,
            bytes_per_second,
            eta_seconds: left.filter(|_| bytes_per_second > 0.0).map(|left| left / bytes_per_second),
            attempts,
        }
    }
}

/// A way to show it.
pub(super) enum Display {
    Bar(ProgressBar, Screen),
    Plain(Screen),
    Json(Screen),
}

/// Returns the display that the options and the terminal come to; none when nothing is to be shown.
pub(super) fn display(style: ProgressStyle, name: &str, console: &Console) -> Option<Display> {
    if console.quiet {
        return None;
    }
    let screen = console.screen.clone();
    match (style, console.can_move) {
        (ProgressStyle::None, _) => None,
        (ProgressStyle::Json, _) => Some(Display::Json(screen)),
        (ProgressStyle::Auto | ProgressStyle::Bar, true) => {
            let bar = screen.bars().add(ProgressBar::new(STEPS));
            bar.set_style(bar_style(console.stderr.0));
            bar.set_prefix(printable(name).into_owned());
            Some(Display::Bar(bar, screen))
        }
        _ => Some(Display::Plain(screen)),
    }
}

fn bar_style(color: bool) -> BarStyle {
    // `wide_msg` is cut at the terminal's edge; a line that wraps could not be redrawn.
    let template =
        if color { "{prefix:.bold} {bar:24.cyan/dim} {wide_msg}" } else { "{prefix} {bar:24} {wide_msg}" };
    let style = BarStyle::with_template(template).expect("the template is a constant that a test draws");
    style.progress_chars("━╸─")
}

/// Shows progress until the other end of `running` is dropped.
pub(super) fn follow(progress: &Progress, display: Display, running: &Receiver<()>) {
    let mut live = Live::new(Some(display));
    while running.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
        live.see(progress.into());
    }
    live.last = progress.into();
    live.end();
}

/// A display, and what it was shown.
pub(super) struct Live {
    display: Option<Display>,
    began: Instant,
    tracker: Tracker,
    said: Duration,
    last: Counters,
}

impl Live {
    pub(super) fn new(display: Option<Display>) -> Self {
        let (tracker, last) = (Tracker::default(), Counters::default());
        Self { display, began: Instant::now(), tracker, said: Duration::ZERO, last }
    }

    /// Shows what whoever does the work has told, unless that was just done.
    pub(super) fn show(&mut self, progress: control::Progress) {
        self.see(progress.into());
    }

    fn see(&mut self, counters: Counters) {
        let Some(display) = &self.display else { return };
        let now = self.began.elapsed();
        self.last = counters.clone();
        let view = self.tracker.look(counters, now);
        if now.saturating_sub(self.said) >= display.every() {
            self.said = now;
            display.show(&view);
        }
    }

    /// Ends the display with what was told last.
    pub(super) fn end(mut self) {
        if let Some(display) = &self.display {
            display.end(&self.tracker.look(self.last, self.began.elapsed()));
        }
    }
}

impl Display {
    const fn every(&self) -> Duration {
        match self {
            Self::Bar(..) => Duration::ZERO,
            Self::Plain(_) => PLAIN_EVERY,
            Self::Json(_) => JSON_EVERY,
        }
    }

    fn show(&self, view: &View) {
        match self {
            Self::Bar(bar, _) => {
                bar.set_position(thousandths(view));
                bar.set_message(text(view));
            }
            Self::Plain(screen) => screen.say(&format!("[{}] {}", figure::wait(view.seconds), text(view))),
            Self::Json(screen) => screen.say(&wire::progress_line(view, false)),
        }
    }

    /// The bar goes; the result says all it said.
    fn end(&self, view: &View) {
        match self {
            Self::Bar(bar, screen) => {
                bar.finish_and_clear();
                screen.bars().remove(bar);
            }
            Self::Plain(_) => {}
            Self::Json(screen) => screen.say(&wire::progress_line(view, true)),
        }
    }
}

fn thousandths(view: &View) -> u64 {
    let share = |total: u64| u128::from(view.bytes) * u128::from(STEPS) / u128::from(total.max(1));
    view.total.map_or(0, |total| u64::try_from(share(total)).unwrap_or(STEPS).min(STEPS))
}

/// Returns `12.0 MiB of 85.2 MiB  1.0 MiB/s  eta 1:13`.
fn text(view: &View) -> String {
    let of = view.total.map(|total| format!(" of {}", figure::bytes(total))).unwrap_or_default();
    let place = format!("{:>10}{of}", figure::bytes(view.bytes));
    let rate = figure::byte_rate(view.bytes_per_second);
    match view.eta_seconds {
        _ if view.phase != Phase::Receiving.name() => format!("{place}  {}", printable(&view.phase)),
        Some(seconds) => format!("{place}  {rate:>12}  eta {}", figure::wait(seconds)),
        None => format!("{place}  {rate:>12}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIEW: View = View {
        phase: Cow::Borrowed("receiving"),
        seconds: 12.0,
        bytes: 12 << 20,
        total: Some(85 << 20),
        bytes_per_second: 1_048_576.0,
        eta_seconds: Some(73.0),
        attempts: Some(1),
    };

    #[test]
    fn a_line_tells_place_rate_and_the_end() {
        assert_eq!(text(&VIEW), "  12.0 MiB of 85.0 MiB     1.0 MiB/s  eta 1:13");
        let unknown = View { total: None, eta_seconds: None, ..VIEW };
        assert_eq!(text(&unknown), "  12.0 MiB     1.0 MiB/s");
        let waiting = View { phase: Cow::Borrowed("wai\u{7}ting"), ..VIEW };
        assert_eq!(text(&waiting), "  12.0 MiB of 85.0 MiB  wai\\u{7}ting");
        assert_eq!([thousandths(&VIEW), thousandths(&unknown)], [141, 0]);
    }

    #[test]
    fn both_templates_are_understood() {
        bar_style(true);
        bar_style(false);
    }
}
