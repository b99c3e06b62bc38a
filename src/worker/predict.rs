//! How long work will probably take, where nobody has measured this machine: for the order of transcodes and for the times
//! that classes are told. Pure; wrong by half is good enough for both.

use crate::media::RenditionName;

/// A lesson of unknown length lasts that long.
const LESSON_SECONDS: f64 = 45.0 * 60.0;
/// The shortest time that any transcode takes: a child is started, its output proven.
pub(super) const LEAST_MILLISECONDS: i64 = 500;
/// An attempt may take that many times longer than predicted before it is given up.
pub(super) const PATIENCE: i64 = 10;

/// Seconds of one core for a second of recording at preset veryfast, from 1080p at 25 frames a second, by the short side of
/// what is made: measured on two cores of a server of 2023 (docs/performance.md), rounded up.
const CORE_SECONDS: [(u32, f64); 5] = [(1080, 0.55), (720, 0.30), (480, 0.17), (360, 0.13), (240, 0.10)];

/// Bits in a second of a lesson that was recorded from a screen and a camera, about in the middle of what schools have.
const BITS_PER_SECOND: f64 = 2e6;

/// Returns how long a recording of that size probably is, in seconds.
pub(super) fn length_of(bytes: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a guess")]
    let bits = bytes as f64 * 8.0;
    bits / BITS_PER_SECOND
}

/// Returns the work of a rendition whose source nobody has seen yet, in milliseconds.
pub(super) fn unseen(resolution: Option<RenditionName>, jobs: usize) -> i64 {
    seen(LESSON_SECONDS, resolution, jobs)
}

/// Returns the work of a rendition of a recording of that length, in milliseconds.
pub(super) fn seen(seconds: f64, resolution: Option<RenditionName>, jobs: usize) -> i64 {
    let short_side = resolution.map_or(1080, RenditionName::short_side);
    let rung = CORE_SECONDS.iter().rev().find(|(rung, _)| *rung >= short_side);
    let core_seconds = match rung {
        Some((_, core_seconds)) => *core_seconds,
        // Work grows with the picture's area.
        None => CORE_SECONDS[0].1 * (f64::from(short_side) / f64::from(CORE_SECONDS[0].0)).powi(2),
    };
    #[expect(clippy::cast_precision_loss, reason = "cores are few")]
    let milliseconds = seconds * core_seconds / jobs.max(1) as f64 * 1000.0;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a length of work in milliseconds; what is too long is cut"
    )]
    let whole = milliseconds.max(1.0) as i64;
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_pixels_more_seconds_and_fewer_cores_take_longer() {
        let name = |short_side| Some(RenditionName::of_source(short_side));
        let times = [240, 360, 480, 720, 1080, 2160].map(|short_side| seen(60.0, name(short_side), 2));
        assert!(times.is_sorted() && times[0] > 0, "{times:?}");
        assert!(times[5] > 3 * times[4]);
        assert_eq!(seen(120.0, name(720), 2), 2 * seen(60.0, name(720), 2));
        assert!(unseen(None, 1) > unseen(None, 4));
        assert!((10.0..1000.0).contains(&length_of(20 << 20)));
    }
}
