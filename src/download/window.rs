//! Which rate holds at which time of day: pure. The clock is the caller's, in the node's own time zone.

use std::time::Duration;

use jiff::civil::Time;

use super::rate_limit::{Rate, RateLimit};

/// How often the clock is looked at: a window opens at most this late.
const LOOK: Duration = Duration::from_secs(5);

/// A part of the day with a rate of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// When it begins.
    pub from: Time,
    /// When it is over; before `from` it lasts past midnight, the same as `from` it lasts all day.
    pub to: Time,
    /// The rate within it.
    pub rate: Rate,
}

impl Window {
    fn holds(&self, time: Time) -> bool {
        if self.from < self.to { self.from <= time && time < self.to } else { time >= self.from || time < self.to }
    }
}

/// Returns the rate at `time`: the first window's that holds, else `usual`.
pub fn rate_at(usual: Rate, windows: &[Window], time: Time) -> Rate {
    windows.iter().find(|window| window.holds(time)).map_or(usual, |window| window.rate)
}

/// Keeps `limit` at the rate of the hour, for ever. `clock` tells the local time of day.
pub async fn follow(limit: &RateLimit, usual: Rate, windows: &[Window], clock: impl Fn() -> Time) {
    loop {
        limit.set(rate_at(usual, windows, clock()));
        tokio::time::sleep(LOOK).await;
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;
    use std::sync::atomic::{AtomicI8, Ordering};

    use super::*;

    fn at(hour: i8, minute: i8) -> Time {
        Time::constant(hour, minute, 0, 0)
    }

    fn window(from: Time, to: Time, rate: u64) -> Window {
        Window { from, to, rate: NonZeroU64::new(rate) }
    }

    #[test]
    fn a_window_holds_from_its_first_minute_and_past_midnight() {
        let windows =
            [window(at(22, 0), at(6, 0), 0), window(at(5, 0), at(8, 0), 5), window(at(12, 0), at(13, 0), 7)];
        let usual = NonZeroU64::new(1);
        for (time, rate) in [
            (at(21, 59), 1),
            (at(22, 0), 0),
            (at(0, 0), 0),
            (at(5, 59), 0),
            (at(6, 0), 5),
            (at(8, 0), 1),
            (at(12, 30), 7),
            (at(13, 0), 1),
        ] {
            assert_eq!(rate_at(usual, &windows, time), NonZeroU64::new(rate), "{time}");
        }
        let always = [window(at(7, 0), at(7, 0), 9)];
        assert_eq!(rate_at(usual, &always, at(3, 0)), NonZeroU64::new(9));
    }

    #[tokio::test(start_paused = true)]
    async fn the_limit_follows_the_clock() {
        let (limit, hour) = (RateLimit::new(NonZeroU64::new(1)), AtomicI8::new(21));
        let windows = [window(at(22, 0), at(6, 0), 0)];
        let clock = || at(hour.load(Ordering::Relaxed), 0);
        let seen = async {
            tokio::time::sleep(2 * LOOK).await;
            let before = limit.rate();
            hour.store(22, Ordering::Relaxed);
            tokio::time::sleep(2 * LOOK).await;
            (before, limit.rate())
        };
        let seen = tokio::select! {
            () = follow(&limit, NonZeroU64::new(1), &windows, clock) => unreachable!("it never ends"),
            seen = seen => seen,
        };
        assert_eq!(seen, (NonZeroU64::new(1), None));
    }
}
