//! The node's own time: the wall's at the start, and from then on what really passes.
//!
//! Somebody who sets the wall clock moves nothing here: no lease runs out early and none stays for ever. What is written
//! down is in Unix milliseconds, so that a restart goes on from there.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Tells the time; passed in wherever one is needed.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// Returns now, in Unix milliseconds.
    fn now_milliseconds(&self) -> i64;
}

/// The clock of a process.
#[derive(Clone, Copy, Debug)]
pub struct NodeClock {
    began: Instant,
    began_milliseconds: i64,
}

impl NodeClock {
    /// Reads the wall clock, for the last time.
    pub fn start() -> Self {
        #[expect(clippy::disallowed_methods, reason = "times that outlive the process begin with the wall's")]
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let began_milliseconds = since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
        Self { began: Instant::now(), began_milliseconds }
    }
}

impl Clock for NodeClock {
    fn now_milliseconds(&self) -> i64 {
        let passed = i64::try_from(self.began.elapsed().as_millis()).unwrap_or(i64::MAX);
        self.began_milliseconds.saturating_add(passed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_on_from_the_wall_s() {
        let clock = NodeClock::start();
        let first = clock.now_milliseconds();
        // The end of 2024: this program is younger.
        assert!(first > 1_735_000_000_000);
        assert!(clock.now_milliseconds() >= first);
    }
}
