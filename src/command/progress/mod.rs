//! Showing how far a run is: reads the engine's counters, never touches the run.

mod bar;
mod estimate;
mod json;
mod plain;
pub(super) mod wire;

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::Console;
use crate::cli::ProgressStyle;
use crate::transcode::Progress;

use estimate::Tracker;
pub(super) use estimate::View;

/// Counters are read this often: quick enough to look alive, slow enough to cost nothing.
const TICK: Duration = Duration::from_millis(200);

/// A way to show progress.
pub(super) trait Display: Send {
    /// Shows where every rendition is; `now` counts from the start of the run.
    fn show(&mut self, views: &[View], now: Duration);
    /// Shows the end.
    fn end(&mut self, views: &[View], now: Duration);
}

/// Returns the display that the options and the terminal come to; none when nothing is to be shown.
pub(super) fn display(style: ProgressStyle, progress: &Progress, console: &Console) -> Option<Box<dyn Display>> {
    if console.quiet {
        return None;
    }
    match (style, console.can_move) {
        (ProgressStyle::None, _) => None,
        (ProgressStyle::Json, _) => Some(Box::new(json::JsonLines::new(console.screen.clone()))),
        (ProgressStyle::Auto | ProgressStyle::Bar, true) => Some(Box::new(bar::Bars::new(progress, console))),
        _ => Some(Box::new(plain::PlainLines::new(console.screen.clone()))),
    }
}

/// Shows progress until the other end of `running` is dropped.
pub(super) fn follow(progress: &Progress, mut display: Box<dyn Display>, running: &Receiver<()>) {
    let began = Instant::now();
    let mut tracker = Tracker::new(progress);
    loop {
        let over = running.recv_timeout(TICK) != Err(RecvTimeoutError::Timeout);
        let now = began.elapsed();
        let views = tracker.look(progress, now);
        if over {
            return display.end(&views, now);
        }
        display.show(&views, now);
    }
}
