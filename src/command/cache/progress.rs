//! Showing how far a scrub is, as a bar, as lines of text or as JSON. Whoever does the work says so.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle as BarStyle};

use super::wire;
use crate::cli::ProgressStyle;
use crate::command::Console;
use crate::control::Progress;
use crate::figure;
use crate::telemetry::{Screen, printable};

/// Quick enough to look alive, slow enough to cost nothing.
const BAR_EVERY: Duration = Duration::from_millis(200);
/// Programs draw bars of their own; once a second is enough.
const JSON_EVERY: Duration = Duration::from_secs(1);
/// A log gets two lines a minute.
const PLAIN_EVERY: Duration = Duration::from_secs(30);
/// A bar moves in thousandths.
const STEPS: u64 = 1000;

/// A way to show it, and when that was last done.
pub(super) struct Display {
    way: Way,
    began: Instant,
    shown: Option<Instant>,
    last: Progress,
}

enum Way {
    Nothing,
    Bar(ProgressBar, Screen),
    Plain(Screen),
    Json(Screen),
}

impl Display {
    /// Returns the display that the options and the terminal come to.
    pub(super) fn new(style: ProgressStyle, console: &Console) -> Self {
        let screen = console.screen.clone();
        let way = match (style, console.can_move) {
            _ if console.quiet => Way::Nothing,
            (ProgressStyle::None, _) => Way::Nothing,
            (ProgressStyle::Json, _) => Way::Json(screen),
            (ProgressStyle::Auto | ProgressStyle::Bar, true) => {
                let bar = screen.bars().add(ProgressBar::new(STEPS));
                bar.set_style(bar_style(console.stderr.0));
                Way::Bar(bar, screen)
            }
            _ => Way::Plain(screen),
        };
        let began = Instant::now();
        // A log hears only of what takes long.
        let shown = matches!(way, Way::Plain(_)).then_some(began);
        Self { way, began, shown, last: Progress::default() }
    }

    /// Shows how far it is, unless that was just done.
    pub(super) fn show(&mut self, progress: &Progress) {
        self.last.clone_from(progress);
        let is_due = self.shown.is_none_or(|shown| shown.elapsed() >= self.way.every());
        if !is_due {
            return;
        }
        self.shown = Some(Instant::now());
        let seconds = self.began.elapsed().as_secs_f64();
        match &self.way {
            Way::Nothing => {}
            Way::Bar(bar, _) => {
                bar.set_position(thousandths(progress));
                bar.set_message(text(progress));
            }
            Way::Plain(screen) => screen.say(&format!("[{}] {}", figure::wait(seconds), text(progress))),
            Way::Json(screen) => screen.say(&wire::progress_line(progress, seconds, false)),
        }
    }

    /// The bar goes; the result says all it said.
    pub(super) fn end(&self) {
        match &self.way {
            Way::Bar(bar, screen) => {
                bar.finish_and_clear();
                screen.bars().remove(bar);
            }
            Way::Json(screen) => {
                screen.say(&wire::progress_line(&self.last, self.began.elapsed().as_secs_f64(), true));
            }
            Way::Nothing | Way::Plain(_) => {}
        }
    }
}

impl Way {
    const fn every(&self) -> Duration {
        match self {
            Self::Nothing => Duration::MAX,
            Self::Bar(..) => BAR_EVERY,
            Self::Plain(_) => PLAIN_EVERY,
            Self::Json(_) => JSON_EVERY,
        }
    }
}

fn bar_style(color: bool) -> BarStyle {
    // `wide_msg` is cut at the terminal's edge; a line that wraps could not be redrawn.
    let template = if color { "{bar:24.cyan/dim} {wide_msg}" } else { "{bar:24} {wide_msg}" };
    let style = BarStyle::with_template(template).expect("the template is a constant that a test draws");
    style.progress_chars("━╸─")
}

fn thousandths(progress: &Progress) -> u64 {
    let share = |total: u64| u128::from(progress.bytes) * u128::from(STEPS) / u128::from(total.max(1));
    progress.bytes_total.map_or(0, |total| u64::try_from(share(total)).unwrap_or(STEPS).min(STEPS))
}

/// Returns `scrubbing  12 of 350 files  1.2 GiB of 70.0 GiB`.
fn text(progress: &Progress) -> String {
    let of = |total: Option<String>| total.map(|total| format!(" of {total}")).unwrap_or_default();
    format!(
        "{}  {}{} files  {}{}",
        printable(&progress.phase),
        progress.files,
        of(progress.files_total.map(|total| total.to_string())),
        figure::bytes(progress.bytes),
        of(progress.bytes_total.map(figure::bytes))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_what_is_done_and_how_much_of_it() {
        let progress = Progress {
            phase: "scrub\u{7}bing".to_owned(),
            files: 12,
            files_total: Some(350),
            bytes: 1 << 30,
            bytes_total: Some(4 << 30),
        };
        assert_eq!(text(&progress), "scrub\\u{7}bing  12 of 350 files  1.0 GiB of 4.0 GiB");
        assert_eq!(thousandths(&progress), 250);
        let unknown = Progress { files_total: None, bytes_total: None, ..progress };
        assert_eq!((text(&unknown).as_str(), thousandths(&unknown)), ("scrub\\u{7}bing  12 files  1.0 GiB", 0));
    }

    #[test]
    fn both_templates_are_understood() {
        bar_style(true);
        bar_style(false);
    }
}
