//! One budget of bytes per second for everybody who downloads: fair between jobs, with a cap for each, changeable while
//! it is in use.
//!
//! [`Pace`] is the arithmetic, with the time passed in; [`RateLimit`] shares one among tasks; [`JobLimit`] is what a job
//! holds. All times are monotonic: setting the wall clock moves nothing. Which rate holds at which time of day is
//! `window`'s business.

use std::num::NonZeroU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as Turn, watch};
use tokio::time::{Instant, sleep_until};

/// A rate in bytes per second; none is no limit.
pub type Rate = Option<NonZeroU64>;

/// What may be made up for after a pause. It covers the lateness of timers on a busy machine (milliseconds), and adds a
/// third of a percent to what passes in half a minute.
const BURST: Duration = Duration::from_millis(100);

/// How much time's worth of bytes passes at one turn: small enough that jobs share by turns within a blink, large enough
/// that a turn costs nothing beside its bytes.
const TURN: Duration = Duration::from_millis(10);
const TURN_BYTES_MIN: u64 = 512;
const TURN_BYTES_MAX: u64 = 1 << 20;

/// The arithmetic of one rate: when the next bytes may pass.
///
/// `next` is when all that has passed is paid for. Bytes pass once it is reached and move it on by what they cost, so
/// over any time no more passes than the rate allows, a turn and `BURST` aside.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    rate: Rate,
    next: Instant,
}

impl Pace {
    /// Returns a pace that starts at `now`, owing nothing.
    pub const fn new(rate: Rate, now: Instant) -> Self {
        Self { rate, next: now }
    }

    /// Lets `bytes` pass, or says when to ask again.
    ///
    /// # Errors
    /// The moment before which nothing may pass.
    pub fn pass(&mut self, bytes: u64, now: Instant) -> Result<(), Instant> {
        let Some(rate) = self.rate else { return Ok(()) };
        if self.next > now {
            return Err(self.next);
        }
        self.next = self.next.max(now.checked_sub(BURST).unwrap_or(now)) + cost(bytes, rate);
        Ok(())
    }

    /// Changes the rate. What is owed is owed at the new one.
    pub fn set(&mut self, rate: Rate, now: Instant) {
        let owed = self.next.saturating_duration_since(now);
        self.next = match (self.rate, rate) {
            (Some(old), Some(new)) if !owed.is_zero() => now + rescaled(owed, old, new),
            _ => now,
        };
        self.rate = rate;
    }
}

fn cost(bytes: u64, rate: NonZeroU64) -> Duration {
    let nanoseconds = u128::from(bytes) * 1_000_000_000 / u128::from(rate.get());
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
}

fn rescaled(owed: Duration, old: NonZeroU64, new: NonZeroU64) -> Duration {
    let nanoseconds = owed.as_nanos() * u128::from(old.get()) / u128::from(new.get());
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
}

/// Returns how many bytes pass at one turn.
fn turn_bytes(rate: NonZeroU64) -> u64 {
    let share = u128::from(rate.get()) * TURN.as_nanos() / 1_000_000_000;
    u64::try_from(share).unwrap_or(u64::MAX).clamp(TURN_BYTES_MIN, TURN_BYTES_MAX)
}

/// A rate that many tasks share by turns.
#[derive(Debug)]
pub struct RateLimit {
    /// Held by the one whose bytes pass next. Tokio's mutex hands itself on in the order of asking, which is what makes
    /// the turns fair.
    turn: Turn<()>,
    pace: Mutex<Pace>,
    rate: watch::Sender<Rate>,
}

impl RateLimit {
    /// Returns a limit of `rate`.
    pub fn new(rate: Rate) -> Self {
        Self {
            turn: Turn::default(),
            pace: Mutex::new(Pace::new(rate, Instant::now())),
            rate: watch::Sender::new(rate),
        }
    }

    /// Returns the rate that holds.
    pub fn rate(&self) -> Rate {
        *self.rate.borrow()
    }

    /// Changes the rate, for those who wait too.
    pub fn set(&self, rate: Rate) {
        if self.rate() == rate {
            return;
        }
        self.pace().set(rate, Instant::now());
        self.rate.send_replace(rate);
    }

    /// Waits for one turn and returns how many bytes may pass by it: as many for everybody who asks, however few are
    /// `wanted`; without a limit just these. Giving up waiting costs nothing.
    async fn turn(&self, wanted: u64) -> u64 {
        if self.rate().is_none() {
            return wanted;
        }
        let _turn = self.turn.lock().await;
        let mut changed = self.rate.subscribe();
        loop {
            let rate = *changed.borrow_and_update();
            let share = rate.map_or(wanted, turn_bytes);
            let due = match self.pace().pass(share, Instant::now()) {
                Ok(()) => return share,
                Err(due) => due,
            };
            tokio::select! {
                () = sleep_until(due) => {}
                // The sender lives as long as `self`, so this is never an error.
                _ = changed.changed() => {}
            }
        }
    }

    /// A panic between lock and unlock cannot be: there is arithmetic only.
    fn pace(&self) -> MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One party's part in a limit: what is left of its last turn serves its next bytes, so that nobody gains by asking for
/// much at once or loses by asking for little.
#[derive(Debug)]
struct Share {
    limit: Arc<RateLimit>,
    left: u64,
}

impl Share {
    async fn pass(&mut self, bytes: u64) {
        while self.left < bytes {
            self.left += self.limit.turn(bytes - self.left).await;
        }
        self.left -= bytes;
    }

    /// Returns how many bytes to pass in one step: those of a turn.
    fn step(&self) -> u64 {
        self.limit.rate().map_or(u64::MAX, turn_bytes)
    }
}

/// What one job passes its bytes through: its own cap, then everybody's.
#[derive(Debug)]
pub struct JobLimit {
    own: Share,
    node: Share,
}

impl JobLimit {
    /// Returns the limit of a job with a cap of its own within the node's.
    pub fn new(own: Rate, node: Arc<RateLimit>) -> Self {
        let own = Arc::new(RateLimit::new(own));
        Self { own: Share { limit: own, left: 0 }, node: Share { limit: node, left: 0 } }
    }

    /// Waits until all of `bytes` have passed. In small steps: time spent waiting for one limit counts for the other too,
    /// as long as it is short.
    pub async fn pass(&mut self, bytes: u64) {
        let mut left = bytes;
        while left > 0 {
            let step = left.min(self.own.step()).min(self.node.step());
            self.own.pass(step).await;
            self.node.pass(step).await;
            left -= step;
        }
    }

    /// Returns the smaller of both rates.
    pub fn rate(&self) -> Rate {
        [self.own.limit.rate(), self.node.limit.rate()].into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests;
