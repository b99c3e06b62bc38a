//! Lines from a socket: none longer than it may be, and none waited for longer than that.

use std::io::{ErrorKind, Read};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// Bytes that are read at once.
const PIECE_BYTES: usize = 16 << 10;

/// Why there is no line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoLine {
    /// The other side ended.
    End,
    /// It is longer than it may be.
    TooLong,
    /// It did not come in time.
    Silence,
    /// The connection failed.
    Broken(String),
}

/// The lines that come from a socket.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    stream: &'a UnixStream,
    bytes_max: usize,
    /// What came and was not handed out yet.
    waiting: Vec<u8>,
}

impl<'a> Lines<'a> {
    pub(super) fn new(stream: &'a UnixStream, bytes_max: usize) -> Self {
        Self { stream, bytes_max, waiting: Vec::new() }
    }

    /// Returns the next line without its end. The whole of it must be here in time: drop by drop is no way to stay.
    pub(super) fn next(&mut self, patience: Duration) -> Result<Vec<u8>, NoLine> {
        let deadline = Instant::now() + patience;
        let mut searched = 0;
        loop {
            let end = self.waiting[searched..].iter().position(|byte| *byte == b'\n');
            if let Some(end) = end.map(|end| searched + end).filter(|end| *end <= self.bytes_max) {
                let mut line: Vec<u8> = self.waiting.drain(..=end).collect();
                line.truncate(end);
                return Ok(line);
            }
            searched = self.waiting.len();
            if searched > self.bytes_max {
                return Err(NoLine::TooLong);
            }
            self.receive(deadline)?;
        }
    }

    /// Reads one more piece.
    fn receive(&mut self, deadline: Instant) -> Result<(), NoLine> {
        let broken = |error: std::io::Error| NoLine::Broken(error.to_string());
        let mut piece = [0; PIECE_BYTES];
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(NoLine::Silence);
            }
            self.stream.set_read_timeout(Some(left)).map_err(broken)?;
            match (&mut &*self.stream).read(&mut piece) {
                Ok(0) => return Err(NoLine::End),
                Ok(count) => {
                    self.waiting.extend_from_slice(&piece[..count]);
                    return Ok(());
                }
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(broken(error)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn lines_come_one_by_one_however_they_were_sent() {
        let (mut there, here) = UnixStream::pair().unwrap();
        there.write_all(b"one\ntwo\nthr").unwrap();
        let mut lines = Lines::new(&here, 5);
        assert_eq!(lines.next(LONG).unwrap(), b"one");
        assert_eq!(lines.next(LONG).unwrap(), b"two");
        assert_eq!(lines.next(Duration::from_millis(5)), Err(NoLine::Silence));
        there.write_all(b"ee\n").unwrap();
        assert_eq!(lines.next(LONG).unwrap(), b"three");
        drop(there);
        assert_eq!(lines.next(LONG), Err(NoLine::End));
    }

    #[test]
    fn a_line_that_is_too_long_is_refused_with_its_end_and_without() {
        for text in [b"123456".as_slice(), b"123456\n"] {
            let (mut there, here) = UnixStream::pair().unwrap();
            there.write_all(text).unwrap();
            assert_eq!(Lines::new(&here, 5).next(LONG), Err(NoLine::TooLong));
        }
    }
}
