//! Bodies on their way: room for what has come of them, and an end for those that come too slowly. Nobody has room for what
//! he only promises, and when there is none left, the body that has been on its way for the longest time gives up its own:
//! an honest one is there at once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use http_body_util::BodyExt;
use hyper::body::Body as _;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::ApiError;

/// The longest body: a booking with all its addresses is a few kilobytes.
pub(super) const BODY_BYTES_MAX: usize = 1 << 20;
/// Room for all bodies that are on their way together, so that a thousand senders fill no memory.
pub(super) const ROOM_BYTES: usize = 32 << 20;
/// What a body must bring in each second beyond the first few: less is no line that anybody sends bookings over.
const BYTES_PER_SECOND_MIN: u64 = 32 << 10;

/// Bodies on their way.
#[derive(Debug)]
pub(super) struct Bodies {
    room: usize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    bytes: usize,
    next: u64,
    /// By the order in which they began.
    incomplete: BTreeMap<u64, Incomplete>,
}

/// One of them.
#[derive(Debug)]
struct Incomplete {
    bytes: usize,
    ended: Arc<Notify>,
}

impl Default for Bodies {
    fn default() -> Self {
        Self::with_room(ROOM_BYTES)
    }
}

impl Bodies {
    fn with_room(room: usize) -> Self {
        Self { room, held: Mutex::default() }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self) -> Share<'_> {
        let ended = Arc::<Notify>::default();
        let mut held = self.held();
        let number = held.next;
        held.next += 1;
        held.incomplete.insert(number, Incomplete { bytes: 0, ended: Arc::clone(&ended) });
        drop(held);
        Share { bodies: self, number, ended }
    }

    /// Reads a body to its end, which may take `time` and a while more for each of its bytes.
    pub(super) async fn read(&self, mut body: Body, time: Duration) -> Result<Bytes, ApiError> {
        if body.size_hint().lower() > BODY_BYTES_MAX as u64 {
            return Err(ApiError::TooLarge(BODY_BYTES_MAX));
        }
        let (share, began) = (self.begin(), Instant::now());
        let mut bytes = Vec::new();
        loop {
            let limit = time + time_of(bytes.len());
            let frame = tokio::select! {
                frame = timeout_at(began + limit, body.frame()) => {
                    frame.map_err(|_| ApiError::Timeout(limit.as_secs()))?
                }
                () = share.ended.notified() => return Err(FULL),
            };
            let Some(frame) = frame else { return Ok(bytes.into()) };
            let frame = frame.map_err(|_| ApiError::request("body", "it broke off"))?;
            let Ok(piece) = frame.into_data() else { continue };
            if bytes.len() + piece.len() > BODY_BYTES_MAX {
                return Err(ApiError::TooLarge(BODY_BYTES_MAX));
            }
            share.take(piece.len())?;
            bytes.extend_from_slice(&piece);
        }
    }
}

/// What is told to whoever had to make room.
const FULL: ApiError = ApiError::Busy("more bodies are on their way than the node has room for");

fn time_of(bytes: usize) -> Duration {
    Duration::from_millis(bytes as u64 * 1000 / BYTES_PER_SECOND_MIN)
}

/// One body's room; dropping it gives it back.
struct Share<'a> {
    bodies: &'a Bodies,
    number: u64,
    ended: Arc<Notify>,
}

impl Share<'_> {
    /// Takes room for what has come, from those that began before all others where there is none.
    fn take(&self, bytes: usize) -> Result<(), ApiError> {
        let mut held = self.bodies.held();
        while held.incomplete.contains_key(&self.number)
            && held.bytes + bytes > self.bodies.room
            && let Some((_, oldest)) = held.incomplete.pop_first()
        {
            held.bytes -= oldest.bytes;
            oldest.ended.notify_one();
        }
        // It may be the oldest itself, or have been.
        let own = held.incomplete.get_mut(&self.number).ok_or(FULL)?;
        own.bytes += bytes;
        held.bytes += bytes;
        Ok(())
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        let mut held = self.bodies.held();
        if let Some(own) = held.incomplete.remove(&self.number) {
            held.bytes -= own.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a1_whoever_began_first_makes_room_for_whoever_comes() {
        let bodies = Bodies::with_room(10);
        let shares: Vec<_> = (0..3).map(|_| bodies.begin()).collect();
        for share in &shares[..2] {
            share.take(5).unwrap();
        }
        shares[2].take(5).unwrap();
        assert!(matches!(shares[0].take(1), Err(ApiError::Busy(_))), "the oldest had to go");
        shares[1].take(0).unwrap();
        drop(shares);
        let held = bodies.held();
        assert_eq!((held.bytes, held.incomplete.len()), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a1_a_body_that_comes_too_slowly_is_ended_before_a_request_s_time_is_over() {
        let bodies = Bodies::default();
        let drops = futures_util::stream::unfold((), async |()| {
            tokio::time::sleep(Duration::from_millis(500)).await;
            Some((Ok::<_, std::io::Error>(Bytes::from_static(b" ")), ()))
        });
        let began = Instant::now();
        let ended = bodies.read(Body::from_stream(drops), Duration::from_secs(5)).await;
        assert!(matches!(ended, Err(ApiError::Timeout(5))), "{ended:?}");
        assert_eq!(began.elapsed().as_secs(), 5);
        let whole = Body::from(vec![b' '; BODY_BYTES_MAX]);
        assert_eq!(bodies.read(whole, Duration::from_secs(5)).await.unwrap().len(), BODY_BYTES_MAX);
    }
}
