//! Time as FFmpeg says it: a count of ticks that never travels without its time base.

use std::fmt;

/// An exact fraction: a frame rate, an aspect ratio, the length of a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ratio {
    /// Above the line.
    pub num: i32,
    /// Below the line; zero or less means "unknown", as in FFmpeg.
    pub den: i32,
}

impl Ratio {
    /// One to one.
    pub const ONE: Self = Self::new(1, 1);

    /// Returns `num / den`, not reduced.
    pub const fn new(num: i32, den: i32) -> Self {
        Self { num, den }
    }

    /// Returns whether both parts are positive, so that the fraction says something.
    pub const fn is_known(self) -> bool {
        self.num > 0 && self.den > 0
    }

    /// Returns the value as a float; 0 when unknown.
    pub fn value(self) -> f64 {
        if self.den == 0 { 0.0 } else { f64::from(self.num) / f64::from(self.den) }
    }

    /// Returns the fraction upside down.
    pub const fn inverse(self) -> Self {
        Self::new(self.den, self.num)
    }

    /// Returns the nearest rate of the broadcast world (24000/1001, 25, 30000/1001 …) when `per_second` lies within
    /// 0.02 % of one, else the value in thousandths.
    pub fn from_frames_per_second(per_second: f64) -> Self {
        const STANDARD: [Ratio; 12] = [
            Ratio::new(24000, 1001),
            Ratio::new(24, 1),
            Ratio::new(25, 1),
            Ratio::new(30000, 1001),
            Ratio::new(30, 1),
            Ratio::new(50, 1),
            Ratio::new(60000, 1001),
            Ratio::new(60, 1),
            Ratio::new(12, 1),
            Ratio::new(15, 1),
            Ratio::new(10, 1),
            Ratio::new(5, 1),
        ];
        let near = |rate: &&Ratio| ((rate.value() - per_second) / per_second).abs() < 0.0002;
        if let Some(rate) = STANDARD.iter().find(near) {
            return *rate;
        }
        // Rates past a million frames a second are nonsense from a broken header; the clamp keeps the cast exact.
        #[expect(clippy::cast_possible_truncation, reason = "clamped to the range of i32 first")]
        let thousandths = (per_second * 1000.0).round().clamp(1.0, 1.0e9) as i32;
        Self::new(thousandths, 1000)
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.den == 1 { write!(f, "{}", self.num) } else { write!(f, "{}/{}", self.num, self.den) }
    }
}

/// The length of one tick in seconds, as a fraction.
pub type TimeBase = Ratio;

/// A tick of one millionth of a second: the common clock in which streams are compared.
pub const MICROSECONDS: TimeBase = Ratio::new(1, 1_000_000);

/// A moment: ticks and the time base they are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timestamp {
    /// The count.
    pub ticks: i64,
    /// What one of them is worth.
    pub base: TimeBase,
}

impl Timestamp {
    /// Returns the moment `ticks` in `base`.
    pub const fn new(ticks: i64, base: TimeBase) -> Self {
        Self { ticks, base }
    }

    /// Returns a moment in microseconds.
    pub const fn from_microseconds(microseconds: i64) -> Self {
        Self::new(microseconds, MICROSECONDS)
    }

    /// Returns the same moment in another time base, rounded to the nearest tick (halves away from zero), as
    /// `av_rescale_q` does. Rounding up instead makes two frames of 23.976 fps share a millisecond.
    pub fn rescale(self, base: TimeBase) -> Self {
        let num = i128::from(self.ticks) * i128::from(self.base.num) * i128::from(base.den);
        let den = i128::from(self.base.den) * i128::from(base.num);
        if den == 0 {
            return Self::new(self.ticks, base);
        }
        let half = den.abs() / 2;
        let rounded = if num >= 0 { (num + half) / den } else { (num - half) / den };
        let ticks = i64::try_from(rounded).unwrap_or(if rounded < 0 { i64::MIN } else { i64::MAX });
        Self::new(ticks, base)
    }

    /// Returns the moment in whole microseconds.
    pub fn microseconds(self) -> i64 {
        self.rescale(MICROSECONDS).ticks
    }

    /// Returns the moment in seconds.
    #[expect(clippy::cast_precision_loss, reason = "seconds for people and for ratios, not for counting")]
    pub fn seconds(self) -> f64 {
        self.ticks as f64 * self.base.value()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rescaling_rounds_to_the_nearest_tick_on_both_sides_of_zero() {
        let film = Ratio::new(1001, 24000);
        let milliseconds = Ratio::new(1, 1000);
        assert_eq!(Timestamp::new(1, film).rescale(milliseconds).ticks, 42);
        assert_eq!(Timestamp::new(-1, film).rescale(milliseconds).ticks, -42);
        assert_eq!(Timestamp::new(3, film).rescale(milliseconds).ticks, 125);
    }

    #[test]
    fn standard_frame_rates_are_recognised_from_rounded_measurements() {
        assert_eq!(Ratio::from_frames_per_second(23.976), Ratio::new(24000, 1001));
        assert_eq!(Ratio::from_frames_per_second(25.001), Ratio::new(25, 1));
        assert_eq!(Ratio::from_frames_per_second(29.83), Ratio::new(29830, 1000));
    }
}
