//! How long to wait before Redis is asked again: pure.

use std::time::Duration;

/// The first wait.
const FIRST: Duration = Duration::from_millis(100);
/// The longest one while Redis is away: it is looked for often enough to be missed by nobody when it comes back.
pub(super) const LONGEST: Duration = Duration::from_secs(5);

/// Waits that double.
#[derive(Clone, Copy, Debug)]
pub(super) struct Backoff {
    next: Duration,
    longest: Duration,
}

impl Backoff {
    /// Begins with a tenth of a second.
    pub(super) const fn up_to(longest: Duration) -> Self {
        Self { next: FIRST, longest }
    }

    /// Returns how long to wait now. `chance` is a random number from 0 to 1: nodes that lost their Redis together come
    /// back apart.
    pub(super) fn wait(&mut self, chance: f64) -> Duration {
        let wait = self.next.mul_f64(0.5 + chance.clamp(0.0, 1.0) / 2.0).max(FIRST);
        self.next = self.next.saturating_mul(2).min(self.longest);
        wait
    }

    /// It worked: the next failure is a first one.
    pub(super) fn reset(&mut self) {
        self.next = FIRST;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_begin_anew() {
        let mut backoff = Backoff::up_to(LONGEST);
        let waits: Vec<u128> = (0..8).map(|_| backoff.wait(1.0).as_millis()).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        assert_eq!(backoff.wait(0.0).as_millis(), 2500);
        backoff.reset();
        assert_eq!(backoff.wait(0.0).as_millis(), 100);
    }
}
