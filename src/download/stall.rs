//! Telling a slow origin from one that has stopped: pure. Only time spent waiting for the origin counts, not time that
//! our own rate limit or our disk took.

use std::time::Duration;

/// Below which rate, over how long, an origin counts as stalled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StallRule {
    /// Bytes a second that are too few.
    pub bytes_per_second: u64,
    /// Over how long.
    pub time: Duration,
}

/// Watches one body.
#[derive(Clone, Copy, Debug)]
pub(super) struct StallWatch {
    rule: StallRule,
    waited: Duration,
    bytes: u64,
}

impl StallWatch {
    /// Starts to watch.
    pub(super) const fn new(rule: StallRule) -> Self {
        Self { rule, waited: Duration::ZERO, bytes: 0 }
    }

    /// Returns how long the next piece may be waited for before [`Self::saw`] must be asked again.
    pub(super) fn patience(&self) -> Duration {
        self.rule.time.saturating_sub(self.waited)
    }

    /// Takes in that `bytes` came after `waited`, and returns whether the origin has stalled.
    pub(super) fn saw(&mut self, bytes: u64, waited: Duration) -> bool {
        self.waited += waited;
        self.bytes = self.bytes.saturating_add(bytes);
        if self.waited < self.rule.time {
            return false;
        }
        #[expect(clippy::cast_precision_loss, reason = "a threshold")]
        let is_slow = (self.bytes as f64) < self.rule.bytes_per_second as f64 * self.waited.as_secs_f64();
        (self.waited, self.bytes) = (Duration::ZERO, 0);
        is_slow
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const RULE: StallRule = StallRule { bytes_per_second: 1024, time: Duration::from_secs(30) };

    #[test]
    fn d8_a_drip_is_a_stall_after_the_rules_time_and_not_before() {
        let mut watch = StallWatch::new(RULE);
        let stalled: Vec<bool> = (0..30).map(|_| watch.saw(1, SECOND)).collect();
        assert_eq!(stalled.iter().position(|stalled| *stalled), Some(29));
    }

    #[test]
    fn a_slow_origin_above_the_rule_is_waited_for() {
        let mut watch = StallWatch::new(RULE);
        assert!((0..300).all(|_| !watch.saw(1025, SECOND)));
    }

    #[test]
    fn silence_uses_up_the_patience() {
        let mut watch = StallWatch::new(RULE);
        watch.saw(0, 12 * SECOND);
        assert_eq!(watch.patience(), 18 * SECOND);
        assert!(watch.saw(0, 18 * SECOND));
    }

    #[test]
    fn our_own_limit_is_no_stall_of_the_origin() {
        let mut watch = StallWatch::new(RULE);
        assert!((0..1000).all(|_| !watch.saw(10, Duration::ZERO)));
    }
}
