//! What a child says on stderr, into our own log: line by line, none longer than it may be, and not without end.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Mutex, PoisonError};

use tracing::Level;

/// A line is told as far as that.
const LINE_BYTES_MAX: u64 = 4 << 10;
/// So much of a child is told; the log is for what is told once.
const BYTES_MAX: u64 = 1 << 20;
/// What the standard library says before it gives up for want of memory.
const NO_MEMORY: &str = "memory allocation of ";

/// What is known of it afterwards.
#[derive(Clone, Debug, Default)]
pub(super) struct Tail {
    /// The last line.
    pub(super) last: Option<String>,
    /// Whether it gave up for want of memory.
    pub(super) is_out_of_memory: bool,
}

/// Hears `stderr` to its end.
pub(super) fn forward(stderr: impl Read, pid: u32, tail: &Arc<Mutex<Tail>>) {
    let mut reader = BufReader::new(stderr);
    let mut left = BYTES_MAX;
    while let Some(line) = next(&mut reader) {
        let length = line.len() as u64;
        let line = printable(&line);
        if line.is_empty() {
            continue;
        }
        if length <= left {
            tell(&line, pid);
        } else if left > 0 {
            tracing::warn!(pid, "a child says more than can be told here");
        }
        left = left.saturating_sub(length);
        let mut tail = tail.lock().unwrap_or_else(PoisonError::into_inner);
        tail.is_out_of_memory |= line.starts_with(NO_MEMORY);
        tail.last = Some(line);
    }
}

/// Returns the next line, or a piece of one that is too long.
fn next(reader: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut line = Vec::new();
    let read = reader.take(LINE_BYTES_MAX).read_until(b'\n', &mut line);
    (read.is_ok_and(|count| count > 0)).then_some(line)
}

/// Returns a line without what steers a terminal: it may hold a stranger's words.
fn printable(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    crate::printable::printable(text.trim_end()).into_owned()
}

/// Logs a line at the level that it names. One that names none is not of our making: a panic, or a library's own.
fn tell(line: &str, pid: u32) {
    let (level, words) = leveled(line);
    match level {
        Level::ERROR => tracing::error!(pid, "{words}"),
        Level::WARN => tracing::warn!(pid, "{words}"),
        Level::INFO => tracing::info!(pid, "{words}"),
        Level::DEBUG => tracing::debug!(pid, "{words}"),
        Level::TRACE => tracing::trace!(pid, "{words}"),
    }
}

/// Understands `0.012s  INFO words`.
fn leveled(line: &str) -> (Level, &str) {
    let parsed = || {
        let (time, rest) = line.trim_start().split_once(' ')?;
        let (level, words) = rest.trim_start().split_once(' ')?;
        let is_time = time.strip_suffix('s').is_some_and(|seconds| seconds.parse::<f64>().is_ok());
        Some((level.parse().ok().filter(|_| is_time)?, words.trim_start()))
    };
    parsed().unwrap_or((Level::WARN, line))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tail_of(text: &[u8]) -> Tail {
        let tail = Arc::default();
        forward(text, 1, &tail);
        Arc::into_inner(tail).unwrap().into_inner().unwrap()
    }

    #[test]
    fn the_last_line_is_known_escaped_and_cut() {
        assert_eq!(tail_of(b"").last, None);
        assert_eq!(tail_of(b"one\ntwo\x1b[2J\xff\n\n").last.as_deref(), Some("two\\u{1b}[2J\u{fffd}"));
        let long = [b'x'; 5000];
        assert_eq!(tail_of(&long).last.unwrap().len(), 5000 - 4096);
    }

    #[test]
    fn want_of_memory_is_known_by_the_words_of_the_library_alone() {
        assert!(tail_of(b"\nmemory allocation of 7 bytes failed\nmore\n").is_out_of_memory);
        assert!(!tail_of(b"0.1s  WARN memory allocation of 7 bytes failed\n").is_out_of_memory);
    }

    #[test]
    fn levels_are_those_of_the_child() {
        assert_eq!(leveled("   0.012345s  INFO begun path=/a"), (Level::INFO, "begun path=/a"));
        assert_eq!(leveled("12.5s ERROR x y"), (Level::ERROR, "x y"));
        assert_eq!(leveled("thread 'main' panicked"), (Level::WARN, "thread 'main' panicked"));
        assert_eq!(leveled("a DEBUG b"), (Level::WARN, "a DEBUG b"));
    }
}
