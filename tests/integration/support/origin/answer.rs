//! One answer of the origin, to be changed by a script before it is sent, and the sending.

use std::io::{self, Write};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// Small enough for counts to follow closely, large enough not to be what limits the speed.
const SLICE_BYTES: usize = 64 * 1024;

/// What becomes of the connection after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The next request may come.
    KeepAlive,
    /// It is closed in order, as far as TCP goes.
    Close,
    /// It is reset.
    Reset,
    /// Nothing more comes, and nobody hangs up.
    Silence,
}

/// An answer. Its fields are what is sent, right or wrong.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    bytes: Arc<Vec<u8>>,
    body: Range<usize>,
    is_chunked: bool,
    /// Bytes of body after which the answer ends, whatever was promised; then the end must not be `KeepAlive`.
    stop_after: Option<usize>,
    end: End,
    /// So many bytes, then so long nothing.
    pace: Option<(usize, Duration)>,
    /// A header that goes on for ever, so slowly.
    endless_head: Option<Duration>,
}

impl Answer {
    /// An answer without a body, of length 0.
    pub(crate) fn of(status: u16) -> Self {
        let mut answer = Self {
            status,
            headers: Vec::new(),
            bytes: Arc::default(),
            body: 0..0,
            is_chunked: false,
            stop_after: None,
            end: End::KeepAlive,
            pace: None,
            endless_head: None,
        };
        answer.set("Content-Length", 0);
        answer
    }

    /// Ends a chain of changes where no value is wanted.
    pub(crate) fn done(&mut self) {}

    /// Sets a header, in place of any of that name.
    pub(crate) fn set(&mut self, name: &str, value: impl ToString) -> &mut Self {
        self.unset(name).headers.push((name.to_owned(), value.to_string()));
        self
    }

    /// Removes a header.
    pub(crate) fn unset(&mut self, name: &str) -> &mut Self {
        self.headers.retain(|(key, _)| !key.eq_ignore_ascii_case(name));
        self
    }

    /// Sets the body and its length.
    pub(crate) fn body(&mut self, bytes: Vec<u8>) -> &mut Self {
        let whole = 0..bytes.len();
        self.part(&Arc::new(bytes), whole)
    }

    /// Sets the body to a part of `bytes`, and its length.
    pub(crate) fn part(&mut self, bytes: &Arc<Vec<u8>>, body: Range<usize>) -> &mut Self {
        (self.bytes, self.body) = (Arc::clone(bytes), body);
        let length = self.body.len();
        self.set("Content-Length", length)
    }

    /// Sends the body in chunks, of no length told before.
    pub(crate) fn chunked(&mut self) -> &mut Self {
        self.is_chunked = true;
        self.unset("Content-Length").set("Transfer-Encoding", "chunked")
    }

    /// Ends after so many bytes of body, the way `end` says.
    pub(crate) fn stop(&mut self, after: usize, end: End) -> &mut Self {
        (self.stop_after, self.end) = (Some(after), end);
        self
    }

    /// Ends this way after the whole body.
    pub(crate) fn end(&mut self, end: End) -> &mut Self {
        self.end = end;
        self
    }

    /// Sends so many bytes of body at a time and waits so long after each.
    pub(crate) fn pace(&mut self, bytes: usize, wait: Duration) -> &mut Self {
        self.pace = Some((bytes, wait));
        self
    }

    /// Never comes to the end of its head; `wait` is between two lines.
    pub(crate) fn endless_head(&mut self, wait: Duration) -> &mut Self {
        self.endless_head = Some(wait);
        self
    }

    /// Sends the answer and returns what is to become of the connection; `sent` counts the body.
    pub(super) fn send(&self, wire: &mut impl Write, is_head: bool, sent: &AtomicUsize) -> io::Result<End> {
        let headers: String = self.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let head = format!("HTTP/1.1 {} Scripted\r\n{headers}", self.status);
        wire.write_all(head.as_bytes())?;
        while let Some(wait) = self.endless_head {
            wire.write_all(b"X-And: so on\r\n")?;
            wire.flush()?;
            thread::sleep(wait);
        }
        wire.write_all(b"\r\n")?;
        let is_whole = is_head || self.send_body(wire, sent)?;
        wire.flush()?;
        Ok(if is_whole && self.stop_after.is_none() && self.end == End::KeepAlive {
            End::KeepAlive
        } else {
            self.end
        })
    }

    /// Returns whether the body came to its end.
    fn send_body(&self, wire: &mut impl Write, sent: &AtomicUsize) -> io::Result<bool> {
        let body = &self.bytes[self.body.clone()];
        let stop = self.stop_after.unwrap_or(body.len()).min(body.len());
        for slice in body[..stop].chunks(self.pace.map_or(SLICE_BYTES, |(bytes, _)| bytes)) {
            if self.is_chunked {
                write!(wire, "{:x}\r\n", slice.len())?;
            }
            wire.write_all(slice)?;
            if self.is_chunked {
                wire.write_all(b"\r\n")?;
            }
            sent.fetch_add(slice.len(), Ordering::SeqCst);
            if let Some((_, wait)) = self.pace {
                wire.flush()?;
                thread::sleep(wait);
            }
        }
        let is_whole = self.stop_after.is_none();
        if is_whole && self.is_chunked {
            wire.write_all(b"0\r\n\r\n")?;
        }
        Ok(is_whole)
    }
}
