//! Frame rate and evenness, from the presentation times of all frames. Pure.

use crate::media::{Chroma, PixelFormat, Ratio, TimeBase, Timestamp, Timing};

/// A frame this share of a frame's length off its place on the grid is still in place: a container that counts
/// milliseconds is off by half of one.
const OFF_GRID_SHARE: f64 = 0.4;
/// Nor may a frame be further off than this, whatever its length: pictures must stay with their sound.
const OFF_GRID_SECONDS: f64 = 0.015;
/// The share of places on the grid that must be taken; recorders drop a frame now and then.
const FILLED_SHARE: f64 = 0.9;

/// How a stream's frames come.
pub(super) struct Measured {
    pub(super) frame_rate: Ratio,
    pub(super) timing: Timing,
    /// Seconds that one frame lasts, or lasts on average.
    pub(super) frame_seconds: f64,
}

/// Measures frames shown at `shown` (ticks of `base`, any order); `declared` is the container's average rate.
pub(super) fn measure(shown: &[i64], base: TimeBase, declared: Ratio) -> Measured {
    let mut shown = shown.to_vec();
    shown.sort_unstable();
    let seconds = |ticks: i64| Timestamp::new(ticks, base).seconds();
    let (Some(&first), Some(&last)) = (shown.first(), shown.last()) else {
        return constant(fallback(declared));
    };
    #[expect(clippy::cast_precision_loss, reason = "frame counts stay far below 2^52")]
    let intervals = (shown.len() - 1) as f64;
    let span = seconds(last - first);
    if intervals < 1.0 || span <= 0.0 {
        return constant(fallback(declared));
    }
    let average = Ratio::from_frames_per_second(intervals / span);
    let typical = Ratio::from_frames_per_second(1.0 / seconds(median_interval(&shown)).max(1e-6));
    let exact = exact_rate(shown.len() - 1, last - first, base);
    let candidates = [Some(average), declared.is_known().then_some(declared), Some(typical), exact];
    match candidates.into_iter().flatten().find(|&rate| is_even(&shown, base, rate)) {
        Some(rate) => constant(rate),
        None => Measured { frame_rate: average, timing: Timing::Variable, frame_seconds: span / intervals },
    }
}

fn constant(frame_rate: Ratio) -> Measured {
    Measured { frame_rate, timing: Timing::Constant, frame_seconds: frame_rate.inverse().value() }
}

/// The rate of a stream with a single frame, or with none that has a time.
fn fallback(declared: Ratio) -> Ratio {
    let sane = declared.is_known() && (1.0..=240.0).contains(&declared.value());
    if sane { declared } else { Ratio::new(25, 1) }
}

fn median_interval(shown: &[i64]) -> i64 {
    let mut intervals: Vec<i64> = shown.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let middle = intervals.len() / 2;
    *intervals.select_nth_unstable(middle).1
}

/// Returns `intervals` per `span` as a fraction, where it fits.
fn exact_rate(intervals: usize, span: i64, base: TimeBase) -> Option<Ratio> {
    let num = i128::try_from(intervals).ok()? * i128::from(base.den);
    let den = i128::from(span) * i128::from(base.num);
    let divisor = gcd(num, den);
    Some(Ratio::new(i32::try_from(num / divisor).ok()?, i32::try_from(den / divisor).ok()?))
}

fn gcd(a: i128, b: i128) -> i128 {
    if b == 0 { a.max(1) } else { gcd(b, a % b) }
}

/// Returns whether every frame has a place of its own on the grid of `rate`, and most places are taken.
fn is_even(shown: &[i64], base: TimeBase, rate: Ratio) -> bool {
    let (Some(&first), per_second) = (shown.first(), rate.value()) else { return false };
    if !(1.0..=300.0).contains(&per_second) {
        return false;
    }
    let tolerance = OFF_GRID_SHARE.min(OFF_GRID_SECONDS * per_second);
    let mut previous = -1.0;
    for &ticks in shown {
        let place = Timestamp::new(ticks - first, base).seconds() * per_second;
        let nearest = place.round();
        if (place - nearest).abs() > tolerance || nearest <= previous {
            return false;
        }
        previous = nearest;
    }
    #[expect(clippy::cast_precision_loss, reason = "frame counts stay far below 2^52")]
    let filled = shown.len() as f64 / (previous + 1.0);
    filled >= FILLED_SHARE
}

/// What stands for a pixel format that libav could not tell before decoding.
pub(super) fn unknown_pixels() -> PixelFormat {
    PixelFormat { name: "unknown".to_owned(), bit_depth: 8, chroma: Chroma::Other, alpha: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLISECONDS: TimeBase = Ratio::new(1, 1000);

    fn rounded(rate: f64, frames: i32) -> Vec<i64> {
        #[expect(clippy::cast_possible_truncation, reason = "small numbers")]
        (0..frames).map(|n| (f64::from(n) * 1000.0 / rate).round() as i64).collect()
    }

    #[test]
    fn film_rounded_to_milliseconds_is_constant_at_its_broadcast_rate() {
        let measured = measure(&rounded(24000.0 / 1001.0, 5000), MILLISECONDS, Ratio::new(0, 1));
        assert_eq!((measured.frame_rate, measured.timing), (Ratio::new(24000, 1001), Timing::Constant));
    }

    #[test]
    fn an_odd_rate_is_constant_for_hours() {
        let measured = measure(&rounded(29.8266, 300_000), MILLISECONDS, Ratio::new(0, 1));
        assert_eq!(measured.timing, Timing::Constant);
        assert!((measured.frame_rate.value() - 29.8266).abs() < 0.001);
    }

    #[test]
    fn a_dropped_frame_now_and_then_leaves_the_grid_in_place() {
        let mut shown = rounded(25.0, 1000);
        shown.retain(|ticks| ticks % 2000 != 0);
        let measured = measure(&shown, MILLISECONDS, Ratio::new(25, 1));
        assert_eq!((measured.frame_rate, measured.timing), (Ratio::new(25, 1), Timing::Constant));
    }

    #[test]
    fn a_screen_recording_is_variable_at_its_average_rate() {
        let shown: Vec<i64> = (0..200).map(|n: i64| n * 40 + (n * n * 7) % 31).collect();
        let measured = measure(&shown, MILLISECONDS, Ratio::new(1000, 1));
        assert_eq!(measured.timing, Timing::Variable);
        assert!((measured.frame_rate.value() - 25.0).abs() < 0.2, "{}", measured.frame_rate);
    }

    #[test]
    fn a_slow_uneven_rhythm_is_variable_although_each_frame_is_near_a_grid() {
        let shown: Vec<i64> = (0..100)
            .scan(0, |at, n| {
                let now = *at;
                *at += if n % 2 == 0 { 100 } else { 133 };
                Some(now)
            })
            .collect();
        assert_eq!(measure(&shown, MILLISECONDS, Ratio::new(0, 1)).timing, Timing::Variable);
    }

    #[test]
    fn one_frame_takes_a_sane_declared_rate_and_nothing_else() {
        assert_eq!(measure(&[7], MILLISECONDS, Ratio::new(30, 1)).frame_rate, Ratio::new(30, 1));
        assert_eq!(measure(&[7], MILLISECONDS, Ratio::new(90_000, 1)).frame_rate, Ratio::new(25, 1));
    }
}
