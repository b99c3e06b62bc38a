//! libav's log, joined to ours: one line each, at a level that fits, safe to print, and not without end.

mod limit;

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use tracing::Level;

use self::limit::{Kept, Limit};
use super::sys;
use crate::printable::printable;

/// libavutil/log.h: AV_LOG_WARNING.
const WARNING: i32 = 24;

/// Lines wanted by [`listen`]; `None` while nobody listens.
static HEARD: Mutex<Option<Vec<String>>> = Mutex::new(None);
/// Lines kept for a listener: an encoder that is opened says a few.
const HEARD_MAX: usize = 256;
/// What is told of each component; one for the process, as libav has one log.
static LIMIT: Mutex<Option<Limit>> = Mutex::new(None);
/// One listener at a time.
static LISTENING: Mutex<()> = Mutex::new(());

/// How much of libav's log is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verbosity {
    /// What makes libav give up.
    Quiet,
    /// Errors, as our debug lines.
    Normal,
    /// Everything up to its debug output.
    Verbose,
}

/// Installs the callback; from here on libav writes nothing to stderr by itself.
pub fn install(verbosity: Verbosity) {
    // libavutil/log.h: FATAL 8, ERROR 16, INFO 32, VERBOSE 40.
    sys::set_log_level(match verbosity {
        Verbosity::Quiet => 8,
        Verbosity::Normal => 16,
        Verbosity::Verbose => 40,
    });
    sys::install_log();
}

/// Runs `work` and returns what libav said meanwhile, warnings included: some refusals it only mentions; and what the
/// encoders beneath it wrote to stderr. What other threads make it say is heard too, so look for words of your own.
pub(super) fn listen<T>(work: impl FnOnce() -> T) -> (T, Vec<String>) {
    let _one_at_a_time = LISTENING.lock().unwrap_or_else(PoisonError::into_inner);
    let level = sys::log_level();
    sys::set_log_level(level.max(WARNING));
    sys::install_log();
    *HEARD.lock().unwrap_or_else(PoisonError::into_inner) = Some(Vec::new());
    sys::divert_stderr(true);
    let result = work();
    sys::divert_stderr(false);
    let heard = HEARD.lock().unwrap_or_else(PoisonError::into_inner).take();
    sys::set_log_level(level);
    (result, heard.unwrap_or_default())
}

/// Passes one line on. What libav calls an error is a damaged packet or a guess that failed as often as not, so it is
/// a warning to nobody: results carry what matters, and the line is for whoever looks closer.
pub(super) fn forward(level: i32, component: &str, line: &str) {
    let line = printable(line);
    if let Some(heard) = HEARD.lock().unwrap_or_else(PoisonError::into_inner).as_mut()
        && heard.len() < HEARD_MAX
    {
        heard.push(line.clone().into_owned());
    }
    let level = match level {
        ..=16 => Level::INFO,
        17..=24 => Level::DEBUG,
        _ => Level::TRACE,
    };
    // A line that nobody reads counts for nothing.
    if !is_read(level) {
        return;
    }
    let mut limit = LIMIT.lock().unwrap_or_else(PoisonError::into_inner);
    let (is_told, kept) = limit.get_or_insert_default().admit(component, Instant::now());
    drop(limit);
    kept.iter().for_each(tell_of);
    if is_told {
        tell(level, component, &line);
    }
}

/// Tells of the lines that were kept back until now: before the log ends.
pub fn settle() {
    let kept = LIMIT.lock().unwrap_or_else(PoisonError::into_inner).as_mut().map(Limit::settle);
    kept.iter().flatten().for_each(tell_of);
}

fn tell_of(kept: &Kept) {
    tell(Level::INFO, &kept.component, &kept.words());
}

fn is_read(level: Level) -> bool {
    match level {
        Level::INFO => tracing::enabled!(target: "libav", Level::INFO),
        Level::DEBUG => tracing::enabled!(target: "libav", Level::DEBUG),
        _ => tracing::enabled!(target: "libav", Level::TRACE),
    }
}

fn tell(level: Level, component: &str, line: &str) {
    match level {
        Level::INFO => tracing::info!(target: "libav", component, "{line}"),
        Level::DEBUG => tracing::debug!(target: "libav", component, "{line}"),
        _ => tracing::trace!(target: "libav", component, "{line}"),
    }
}
