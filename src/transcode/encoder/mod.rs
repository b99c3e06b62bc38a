//! The encoders' settings in the names of libavcodec's options. Pure, but for the search by name: setting them on a
//! context is the engine's.
//!
//! One file for each encoder that is known well, `libav` for all others; what they share is here.

pub mod x264;

mod libav;
mod search;
mod svtav1;
mod x265;

use super::plan::VideoPlan;
use crate::media::{Cap, Encoder, RateControl, Timing};

pub use search::{EncoderError, named};

/// Where frames come at uneven distances, no camera or screen recorder beats this many a second.
const FRAME_RATE_BOUND: f64 = 240.0;

/// Returns the options for a plan's encoder, in the order to apply them. The names are those of `av_opt_set`.
pub fn options(video: &VideoPlan) -> Vec<(String, String)> {
    match video.encoder {
        Encoder::X264 => x264::options(video),
        Encoder::X265 => x265::options(video),
        Encoder::SvtAv1 => svtav1::options(video),
        Encoder::Libav(encoder) => libav::options(encoder, video),
    }
}

/// Returns the same for a chunk that others come before.
pub(super) fn options_after_seam(video: &VideoPlan) -> Vec<(String, String)> {
    match video.encoder {
        Encoder::X264 => x264::options_after_seam(video),
        _ => options(video),
    }
}

const PICTURE: &str = "the plan decides what the pictures are like";
const COLOURS: &str = "the pictures' own colours are told";
const GRID: &str = "keyframes stand on one grid in every rendition";
const THREADS: &str = "it follows the picture's size, so that the bytes do not depend on the machine";
const SAME_BYTES: &str = "the same source and settings give the same bytes";
const PASS: &str = "there is one pass only";

/// Options that follow from the plan with every encoder, and what they are set by, where it has no reason of its own.
const OWNED_MOSTLY: [Owned; 12] = [
    ("preset", "--preset sets it"),
    ("crf", "--crf sets it"),
    ("qp", "--cq sets it"),
    ("b", "--bitrate sets it"),
    ("minrate", "--rate-control cbr sets it"),
    ("maxrate", "--maxrate sets it"),
    ("bufsize", "--bufsize sets it"),
    ("g", "--keyint sets it"),
    ("keyint_min", "--keyint sets it"),
    ("forced-idr", GRID),
    ("threads", THREADS),
    ("flags", "the container decides it"),
];

/// Options that every encoder of libavcodec's takes and that would make of the pictures something else than they are.
const OWNED_BY_ALL: [Owned; 16] = [
    ("video_size", PICTURE),
    ("s", PICTURE),
    ("pixel_format", PICTURE),
    ("pix_fmt", PICTURE),
    ("aspect", PICTURE),
    ("sar", PICTURE),
    ("field_order", PICTURE),
    ("time_base", "the source's frame rate is kept"),
    ("ticks_per_frame", "the source's frame rate is kept"),
    ("color_primaries", COLOURS),
    ("color_trc", COLOURS),
    ("colorspace", COLOURS),
    ("color_range", COLOURS),
    ("chroma_sample_location", COLOURS),
    ("thread_type", THREADS),
    ("max_pixels", PICTURE),
];

/// Returns why the raw option may not be given, and under which name, where it may not.
pub(super) fn refuse(encoder: Encoder, name: &str, value: &str) -> Option<(String, &'static str)> {
    if let Some((name, why)) = OWNED_BY_ALL.iter().find(|(own, _)| *own == name) {
        return Some(((*name).to_owned(), why));
    }
    match encoder {
        Encoder::X264 => x264::refuse(name, value),
        Encoder::X265 => x265::refuse(name, value),
        Encoder::SvtAv1 => svtav1::refuse(name, value),
        Encoder::Libav(_) => libav::refuse(name),
    }
}

/// Returns whether the encoder sets keyframes where it is told to, or only every so many frames.
pub(super) fn takes_keyframes(video: &VideoPlan) -> bool {
    !video.counts_keyframes
}

/// Returns how many threads an encoder of this size uses: enough that the largest rendition does not hold up the
/// others, few enough that x264's frame threads cost no quality at small sizes.
pub(super) fn threads(short_side: u32) -> u32 {
    match short_side {
        1080.. => 6,
        720.. => 4,
        480.. => 2,
        _ => 1,
    }
}

fn option(name: &str, value: impl ToString) -> (String, String) {
    (name.to_owned(), value.to_string())
}

/// Returns the options of the ways that count bits; `constant` are those that a constant bitrate needs beside.
fn bitrates(rate_control: &RateControl, constant: &[(&str, &str)]) -> Vec<(String, String)> {
    match *rate_control {
        RateControl::Cbr { bitrate, bufsize } => {
            let rates = [option("b", bitrate), option("minrate", bitrate), option("maxrate", bitrate)];
            let others = constant.iter().map(|(name, value)| option(name, value));
            rates.into_iter().chain([option("bufsize", bufsize)]).chain(others).collect()
        }
        RateControl::Vbr { bitrate, cap: Some(Cap { maxrate, bufsize }) } => {
            vec![option("b", bitrate), option("maxrate", maxrate), option("bufsize", bufsize)]
        }
        RateControl::Abr { bitrate } | RateControl::Vbr { bitrate, cap: None } => vec![option("b", bitrate)],
        RateControl::Crf(_) | RateControl::Cq(_) => Vec::new(),
    }
}

/// Returns `raw` options behind `own` parameters of the library beneath: those in `raw` that have the name `params` are
/// joined to them, since of two libavcodec would keep the last alone.
fn joined(params: &str, own: &[&str], raw: &[(String, String)]) -> Vec<(String, String)> {
    let (inside, others): (Vec<_>, Vec<_>) = raw.iter().partition(|(name, _)| name == params);
    let inside = inside.iter().map(|(_, value)| value.as_str());
    let together: Vec<&str> = own.iter().copied().chain(inside).collect();
    let together = (!together.is_empty()).then(|| option(params, together.join(":")));
    together.into_iter().chain(others.into_iter().cloned()).collect()
}

/// An option that is ours, and what sets it or what it would break.
type Owned = (&'static str, &'static str);

/// Returns the first of our own options, `owned` or [`OWNED_MOSTLY`], that the raw one would set: by itself, or as a key inside `params`.
fn refused(
    name: &str,
    value: &str,
    owned: &[Owned],
    params: &str,
    owned_params: &[Owned],
) -> Option<(String, &'static str)> {
    let find = |owned: &[Owned], key: &str| {
        owned.iter().find(|(own, _)| *own == key).map(|(_, why)| (key.to_owned(), *why))
    };
    if name != params {
        return find(owned, name).or_else(|| find(&OWNED_MOSTLY, name));
    }
    let keys = value.split(':').map(|pair| pair.split_once('=').map_or(pair, |(key, _)| key));
    // The libraries take `_` for `-`.
    keys.map(|key| key.replace('_', "-")).find_map(|key| find(owned_params, &key))
}

/// Returns the most frames between keyframes that an encoder allows by itself. It must never strike before the grid: the
/// k-th keyframe is frame ⌈k·x⌉ with x = keyint × fps, and ⌈(k+1)·x⌉ − ⌈k·x⌉ ≤ ⌈x⌉.
fn keyframe_bound(video: &VideoPlan) -> u32 {
    let per_second = match video.timing {
        Timing::Constant if video.frame_rate.is_known() => video.frame_rate.value(),
        _ => FRAME_RATE_BOUND.max(video.frame_rate.value()),
    };
    // A hair below, so that 4 s × 29.97 does not become one frame more by the float's last bit.
    const HAIR: f64 = 1e-6;
    whole_frames((video.keyint_bound_seconds * per_second - HAIR).ceil())
}

/// Returns the frames between keyframes of an encoder that counts them: the grid's distance at the average rate.
fn keyframe_count(video: &VideoPlan) -> u32 {
    let per_second = if video.frame_rate.is_known() { video.frame_rate.value() } else { USUAL_FRAME_RATE };
    whole_frames((video.keyint_seconds * per_second).round())
}

/// What a recording is taken for that does not tell.
const USUAL_FRAME_RATE: f64 = 25.0;

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the range of i32 first")]
fn whole_frames(frames: f64) -> u32 {
    frames.clamp(1.0, f64::from(i32::MAX)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::Ratio;
    pub(super) use crate::transcode::sample::encode as plan;

    /// Returns a plan's options in one line.
    pub(super) fn told(video: &VideoPlan) -> String {
        let told: Vec<String> = options(video).iter().map(|(name, value)| format!("{name}={value}")).collect();
        told.join(" ")
    }

    #[test]
    fn keyframes_that_are_counted_lie_as_far_apart_as_the_grid() {
        assert_eq!(keyframe_count(&plan()), 100);
        assert_eq!(keyframe_count(&VideoPlan { frame_rate: Ratio::new(30_000, 1001), ..plan() }), 120);
        assert_eq!(keyframe_count(&VideoPlan { frame_rate: Ratio::new(0, 0), ..plan() }), 100);
    }

    #[test]
    fn the_encoders_own_bound_never_strikes_before_the_grid() {
        for (frame_rate, keyint_seconds) in
            [((25, 1), 4.0), ((30_000, 1001), 4.0), ((24_000, 1001), 2.5), ((29_830, 1000), 0.7), ((5, 1), 0.1)]
        {
            let frame_rate = Ratio::new(frame_rate.0, frame_rate.1);
            let bound = keyframe_bound(&VideoPlan { frame_rate, keyint_bound_seconds: keyint_seconds, ..plan() });
            let mut last = 0;
            let mut next = 1.0;
            for frame in 1..20_000_u32 {
                if f64::from(frame) / frame_rate.value() >= next * keyint_seconds {
                    assert!(frame - last <= bound, "{frame_rate} {keyint_seconds}: {frame} - {last} > {bound}");
                    last = frame;
                    next = (f64::from(frame) / frame_rate.value() / keyint_seconds).floor() + 1.0;
                }
            }
        }
        assert_eq!(keyframe_bound(&VideoPlan { frame_rate: Ratio::new(30_000, 1001), ..plan() }), 120);
    }

    #[test]
    fn uneven_frames_get_a_wide_bound() {
        assert_eq!(keyframe_bound(&VideoPlan { timing: Timing::Variable, ..plan() }), 960);
        assert_eq!(keyframe_bound(&VideoPlan { frame_rate: Ratio::new(0, 0), ..plan() }), 960);
    }

    #[test]
    fn threads_follow_the_size() {
        assert_eq!([2160, 1080, 718, 480, 360].map(threads), [6, 6, 2, 2, 1]);
    }
}
