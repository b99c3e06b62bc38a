//! One body from the network: its pieces handed on to the disk at the pace that is allowed, watched for stalls and for more
//! than was promised.

use bytes::Bytes;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout};

use super::DownloadError;
use super::connection::{Answer, broken};
use super::progress::Progress;
use super::rate_limit::JobLimit;
use super::stall::{StallRule, StallWatch};

/// How a body ended.
pub(super) enum Ended {
    Whole,
    Broken(DownloadError),
}

/// What receiving needs to know.
pub(super) struct Receiving<'a> {
    pub(super) answer: &'a mut Answer,
    /// Bytes that this body is to have, where that is known.
    pub(super) length: Option<u64>,
    /// No more bytes are taken in all.
    pub(super) bytes_max: Option<u64>,
    pub(super) limit: &'a mut JobLimit,
    pub(super) stall: StallRule,
    pub(super) progress: &'a Progress,
}

impl Receiving<'_> {
    /// Moves the body's pieces on to `pieces`, and so to the disk.
    pub(super) async fn run(&mut self, pieces: mpsc::Sender<Bytes>) -> Result<Ended, DownloadError> {
        let mut watch = StallWatch::new(self.stall);
        let mut received = 0;
        loop {
            // Time counts against the origin only while it is being waited for.
            let asked = Instant::now();
            let piece = match timeout(watch.patience(), self.answer.next()).await {
                Ok(Ok(Some(piece))) => Some(piece),
                Ok(Ok(None)) => return self.end(received).await,
                Ok(Err(error)) => return lost(error, received),
                Err(_) => None,
            };
            let count = piece.as_ref().map_or(0, |piece| piece.len() as u64);
            if watch.saw(count, asked.elapsed()) {
                return Ok(Ended::Broken(self.stalled()));
            }
            let Some(piece) = piece else { continue };
            received += count;
            self.progress.add_bytes(count);
            self.check(received)?;
            if pieces.send(piece).await.is_err() {
                // The disk has failed, and whoever writes to it says how.
                return Ok(Ended::Whole);
            }
            self.limit.pass(count).await;
        }
    }

    /// Judges a body that came to its end.
    async fn end(&mut self, received: u64) -> Result<Ended, DownloadError> {
        match self.length {
            Some(expected) if received < expected => Ok(Ended::Broken(DownloadError::Interrupted(received))),
            Some(expected) if self.answer.has_surplus().await => Err(DownloadError::LengthMismatch { expected }),
            _ => Ok(Ended::Whole),
        }
    }

    fn stalled(&self) -> DownloadError {
        let StallRule { bytes_per_second, time } = self.stall;
        DownloadError::Stalled(format!("less than {bytes_per_second} bytes/s over {} s", time.as_secs_f64()))
    }

    fn check(&self, received: u64) -> Result<(), DownloadError> {
        if let Some(expected) = self.length.filter(|expected| received > *expected) {
            return Err(DownloadError::LengthMismatch { expected });
        }
        match self.bytes_max {
            Some(max) if self.progress.bytes() > max => Err(DownloadError::TooLarge(max)),
            _ => Ok(()),
        }
    }
}

/// What an error in mid-body means: the connection broke off, or what comes is no HTTP.
fn lost(error: hyper::Error, received: u64) -> Result<Ended, DownloadError> {
    match broken(error, received) {
        error if error.is_transient() => Ok(Ended::Broken(error)),
        error => Err(error),
    }
}

/// Returns when a stop is asked for.
pub(super) async fn stopped(stop: &mut watch::Receiver<bool>) {
    // Whoever could ask is gone: then nobody will.
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}
