//! libav's log, joined to ours: one line each, at a level that fits, safe to print.

use std::sync::{Mutex, PoisonError};

use super::sys;

/// libavutil/log.h: AV_LOG_WARNING.
const WARNING: i32 = 24;

/// Lines wanted by [`listen`]; `None` while nobody listens.
static HEARD: Mutex<Option<Vec<String>>> = Mutex::new(None);
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
    let line = escape(line);
    if let Some(heard) = HEARD.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
        heard.push(line.clone());
    }
    match level {
        ..=16 => tracing::info!(target: "libav", component, "{line}"),
        17..=24 => tracing::debug!(target: "libav", component, "{line}"),
        _ => tracing::trace!(target: "libav", component, "{line}"),
    }
}

/// Returns `text` with control characters made visible: metadata of a stranger's file must not move the cursor.
fn escape(text: &str) -> String {
    text.chars()
        .flat_map(|c| if c.is_control() { c.escape_default().collect::<Vec<_>>() } else { vec![c] })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_of_metadata_are_made_visible() {
        assert_eq!(escape("a\u{1b}[2Jb\r"), "a\\u{1b}[2Jb\\r");
        assert_eq!(escape("größe 尺寸"), "größe 尺寸");
    }
}
