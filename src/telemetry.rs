//! Logging, and the one way to write to a terminal that may have moving bars on it.
//!
//! Everything for stderr goes through [`Screen`], so that neither a log line nor a message tears a bar. Results go to
//! stdout and are not this file's business.

use std::io::{self, Write};

use indicatif::{MultiProgress, ProgressDrawTarget};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::av::{self, log::Verbosity};
pub use crate::printable::printable;

/// Stderr, shared by bars, messages and the log.
#[derive(Clone, Debug)]
pub struct Screen {
    bars: MultiProgress,
}

impl Default for Screen {
    fn default() -> Self {
        Self::new()
    }
}

impl Screen {
    /// Returns the process's stderr.
    pub fn new() -> Self {
        // High enough that no bar of a full ladder is left out of a redraw; how often there is one, the reader of the
        // counters decides.
        Self { bars: MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(100)) }
    }

    /// Returns where bars are added.
    pub fn bars(&self) -> &MultiProgress {
        &self.bars
    }

    /// Writes `line` above the bars. That stderr is closed must not stop the work, so failures are not told.
    pub fn say(&self, line: &str) {
        self.write(format!("{line}\n").as_bytes());
    }

    /// Writes `question` and leaves the cursor behind it.
    pub fn ask(&self, question: &str) {
        self.write(format!("{question} ").as_bytes());
    }

    fn write(&self, bytes: &[u8]) {
        self.bars.suspend(|| {
            let mut stderr = io::stderr().lock();
            let _ = stderr.write_all(bytes).and_then(|()| stderr.flush());
        });
    }
}

/// One log line on its way to the screen.
#[derive(Debug)]
pub struct LogLine(Screen);

impl Write for LogLine {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        self.0.say(&printable(text.trim_end_matches('\n')));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Screen {
    type Writer = LogLine;

    fn make_writer(&'a self) -> LogLine {
        LogLine(self.clone())
    }
}

/// Starts logging to `screen`, libav's own messages with it. `filter` is in tracing's own words (`reelmill=debug`) and beats `level`; what cannot be
/// parsed of it is left out.
///
/// What it returns ends the log.
pub fn start(screen: &Screen, level: tracing::Level, filter: Option<&str>) -> Log {
    let default = level.to_string().to_lowercase();
    let filter = EnvFilter::builder().parse_lossy(filter.unwrap_or(&default));
    let finest = filter.max_level_hint().unwrap_or(LevelFilter::TRACE);
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(screen.clone())
        .with_timer(tracing_subscriber::fmt::time::uptime())
        .with_target(false)
        // Colors would be escaped by `LogLine` along with everything else that steers a terminal.
        .with_ansi(false)
        .compact()
        .finish();
    // It fails where a test has set one up already; that one serves as well.
    let _ = tracing::subscriber::set_global_default(subscriber);
    av::log::install(libav_verbosity(finest));
    Log(())
}

/// The log at work: at its end it tells what it has kept back.
#[derive(Debug)]
#[must_use]
pub struct Log(());

impl Drop for Log {
    fn drop(&mut self) {
        av::log::settle();
    }
}

/// Returns how much libav is asked to say. What nobody will read it should not even compose: it does so per packet.
fn libav_verbosity(finest: LevelFilter) -> Verbosity {
    match finest {
        LevelFilter::OFF | LevelFilter::ERROR => Verbosity::Quiet,
        LevelFilter::WARN | LevelFilter::INFO => Verbosity::Normal,
        _ => Verbosity::Verbose,
    }
}

/// Returns the level that `-q` and `-v` stand for.
pub const fn level(quiet: bool, verbose: u8) -> tracing::Level {
    match (quiet, verbose) {
        (true, _) => tracing::Level::ERROR,
        (false, 0) => tracing::Level::WARN,
        (false, 1) => tracing::Level::INFO,
        (false, 2) => tracing::Level::DEBUG,
        (false, _) => tracing::Level::TRACE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbosity_moves_the_level_one_step_at_a_time() {
        assert_eq!(level(true, 0), tracing::Level::ERROR);
        assert_eq!([0, 1, 2, 9].map(|count| level(false, count).to_string()), ["WARN", "INFO", "DEBUG", "TRACE"]);
    }
}
