//! Moving bars on a terminal, one to a rendition.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::{Display, View};
use crate::command::Console;
use crate::figure;
use crate::media::RenditionName;
use crate::telemetry::Screen;
use crate::transcode::{Phase, Progress};

/// A bar moves in thousandths.
const STEPS: u64 = 1000;

/// One bar per rendition.
pub(super) struct Bars {
    screen: Screen,
    bars: Vec<ProgressBar>,
}

impl Bars {
    pub(super) fn new(progress: &Progress, console: &Console) -> Self {
        let names = progress.renditions.iter().map(|rendition| rendition.name);
        let width = name_width(names.clone());
        let add = |name: RenditionName| {
            let bar = console.screen.bars().add(ProgressBar::new(STEPS));
            bar.set_style(style(console.stderr.0));
            bar.set_prefix(format!("{:>width$}", name.to_string()));
            bar
        };
        Self { screen: console.screen.clone(), bars: names.map(add).collect() }
    }

    /// Position before message: the message's redraw then shows both.
    fn draw(&self, views: &[View]) {
        for (bar, view) in self.bars.iter().zip(views) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "percent is 0 to 100")]
            bar.set_position((view.percent * 10.0) as u64);
            bar.set_message(figures(view));
        }
    }
}

fn name_width(names: impl Iterator<Item = RenditionName>) -> usize {
    names.map(|name| name.to_string().len()).max().unwrap_or(0)
}

fn style(color: bool) -> ProgressStyle {
    // `wide_msg` is cut at the terminal's edge; a line that wraps could not be redrawn.
    let template =
        if color { "{prefix:.bold} {bar:24.cyan/dim} {wide_msg}" } else { "{prefix} {bar:24} {wide_msg}" };
    let style = ProgressStyle::with_template(template).expect("the template is a constant that a test draws");
    style.progress_chars("━╸─")
}

/// Returns what stands right of the bar, in columns that do not dance.
fn figures(view: &View) -> String {
    // Sound alone has no frames to count.
    let (frames, fps) = match view.frames_total {
        0 => (String::new(), String::new()),
        total => {
            let frames = format!("  {:>width$}/{total}", view.frames, width = total.to_string().len());
            (frames, format!("{:>6.1} fps ", view.fps))
        }
    };
    let rates = format!("{fps}{:>6.2}x", view.speed);
    let end = match (view.phase, view.eta_seconds) {
        (Phase::Running, Some(seconds)) => format!("eta {}", figure::wait(seconds)),
        (Phase::Running, None) => "eta –".to_owned(),
        (phase, _) => phase.name().to_owned(),
    };
    format!("{:>5.1}%{frames} {rates}  {end}", view.percent)
}

impl Display for Bars {
    fn show(&mut self, views: &[View], _now: Duration) {
        self.draw(views);
    }

    /// The bars give way to lines of text. Bars left standing would be wiped by the next thing said, together with
    /// whatever was printed below them by then.
    fn end(&mut self, views: &[View], _now: Duration) {
        for bar in self.bars.drain(..) {
            bar.finish_and_clear();
            self.screen.bars().remove(&bar);
        }
        let width = name_width(views.iter().map(|view| view.name));
        for view in views {
            self.screen.say(&format!("{:>width$} {}", view.name.to_string(), figures(view)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_tells_percent_frames_rates_and_the_end() {
        let mut view = View {
            name: RenditionName::of_source(720),
            phase: Phase::Running,
            frames: 42,
            frames_total: 1000,
            fps: 75.25,
            speed: 3.01,
            percent: 4.2,
            eta_seconds: Some(12.7),
        };
        assert_eq!(figures(&view), "  4.2%    42/1000   75.2 fps   3.01x  eta 0:13");
        let sound = View { frames_total: 0, frames: 0, fps: 0.0, ..view.clone() };
        assert_eq!(figures(&sound), "  4.2%   3.01x  eta 0:13");
        view.phase = Phase::Proving;
        assert!(figures(&view).ends_with("  proving"));
    }

    #[test]
    fn both_templates_are_understood() {
        style(true);
        style(false);
    }
}
