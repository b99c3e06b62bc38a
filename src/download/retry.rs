//! When to try again: pure. Attempts that brought the work forward are not counted.

use std::time::Duration;

/// How often and how patiently to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// How many times an attempt may fail without bringing bytes that are kept, after the first.
    pub retries: u32,
    /// The wait before the first retry; each next one is twice as long.
    pub wait: Duration,
    /// No wait is longer, whatever the origin asks for.
    pub wait_max: Duration,
}

impl Patience {
    /// Returns how long to wait before the retry after `failures` fruitless attempts in a row, 0 where the last one brought
    /// something; none when that was the last. `chance` is a random number from 0 to 1: a crowd that was turned away
    /// together comes back apart.
    pub fn next(&self, failures: u32, asked: Option<Duration>, chance: f64) -> Option<Duration> {
        if failures > self.retries {
            return None;
        }
        let doubled = self.wait.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1)));
        let own = doubled.min(self.wait_max).mul_f64(0.5 + chance.clamp(0.0, 1.0) / 2.0);
        Some(asked.map_or(own, |asked| asked.min(self.wait_max).max(own)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience =
        Patience { retries: 5, wait: Duration::from_secs(1), wait_max: Duration::from_secs(10) };

    #[test]
    fn waits_double_up_to_the_longest_and_then_end() {
        let waits: Vec<_> = (1..=6).map(|failures| PATIENCE.next(failures, None, 1.0)).collect();
        let seconds = [1, 2, 4, 8, 10].map(|seconds| Some(Duration::from_secs(seconds)));
        assert_eq!(waits[..5], seconds);
        assert_eq!(waits[5], None);
        assert_eq!(PATIENCE.next(3, None, 0.0), Some(Duration::from_secs(2)));
    }

    #[test]
    fn an_attempt_that_brought_something_is_followed_by_another_even_without_retries() {
        let patience = Patience { retries: 0, ..PATIENCE };
        assert_eq!([0, 1].map(|failures| patience.next(failures, None, 1.0)), [Some(PATIENCE.wait), None]);
    }

    #[test]
    fn d10_the_origins_wish_is_honoured_up_to_the_longest_wait() {
        let asked = |seconds| PATIENCE.next(1, Some(Duration::from_secs(seconds)), 1.0).unwrap().as_secs();
        assert_eq!([0, 7, 3600].map(asked), [1, 7, 10]);
    }
}
