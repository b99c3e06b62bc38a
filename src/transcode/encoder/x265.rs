//! x265's settings in the names of libavcodec's options, and in its own where libavcodec has none.

use super::{COLOURS, GRID, Owned, PASS, SAME_BYTES, THREADS, bitrates, joined, keyframe_bound, option};
use crate::media::RateControl;
use crate::transcode::plan::VideoPlan;

/// The option that takes x265's own parameters.
const PARAMS: &str = "x265-params";

/// Quiet, since it writes past libavcodec's log; and without the line in the stream that tells its settings, for that names
/// the processor and would make other bytes on another machine. Keyframes are forced on a grid of time: scene cuts would
/// set others between them, and pictures that lean over a keyframe would make it no place to begin at.
const ALWAYS: [&str; 4] = ["log-level=none", "info=0", "scenecut=0", "open-gop=0"];

const OWNED: [Owned; 3] = [("sc_threshold", GRID), ("passlogfile", PASS), ("stats", PASS)];

/// The same in x265's own names, as they would come through `x265-params`.
const OWNED_PARAMS: [Owned; 36] = [
    ("preset", "--preset sets it"),
    ("crf", "--crf sets it"),
    ("qp", "--cq sets it"),
    ("bitrate", "--bitrate sets it"),
    ("vbv-maxrate", "--maxrate sets it"),
    ("vbv-bufsize", "--bufsize sets it"),
    ("strict-cbr", "--rate-control cbr sets it"),
    ("keyint", "--keyint sets it"),
    ("min-keyint", "--keyint sets it"),
    ("scenecut", GRID),
    ("no-scenecut", GRID),
    ("hist-scenecut", GRID),
    ("intra-refresh", GRID),
    ("open-gop", GRID),
    ("no-open-gop", GRID),
    ("pools", THREADS),
    ("numa-pools", THREADS),
    ("frame-threads", THREADS),
    ("asm", SAME_BYTES),
    ("no-asm", SAME_BYTES),
    ("info", SAME_BYTES),
    ("pass", PASS),
    ("stats", PASS),
    ("multi-pass-opt-analysis", PASS),
    ("fps", "the source's frame rate is kept"),
    ("input-res", "the rendition sets it"),
    ("input-csp", "the rendition sets it"),
    ("input-depth", "the rendition sets it"),
    ("output-depth", "the rendition sets it"),
    ("colorprim", COLOURS),
    ("transfer", COLOURS),
    ("colormatrix", COLOURS),
    ("range", COLOURS),
    ("log", "its log is part of this program's"),
    ("log-level", "its log is part of this program's"),
    ("csv", "its log is part of this program's"),
];

/// Returns the options for `libx265`, in the order to apply them.
pub(super) fn options(video: &VideoPlan) -> Vec<(String, String)> {
    let mut options = vec![option("preset", &video.preset)];
    options.extend(rate_control(&video.rate_control));
    options.push(option("g", keyframe_bound(video)));
    options.push(option("forced-idr", 1));
    let threads = [format!("pools={}", video.threads), format!("frame-threads={}", frame_threads(video.threads))];
    let is_constant = matches!(video.rate_control, RateControl::Cbr { .. });
    let own = ALWAYS.into_iter().chain(threads.iter().map(String::as_str));
    let own: Vec<&str> = own.chain(is_constant.then_some("strict-cbr=1")).collect();
    options.extend(joined(PARAMS, &own, &video.encoder_options));
    options
}

/// Returns why the raw option may not be given, and under which name, where it may not.
pub(super) fn refuse(name: &str, value: &str) -> Option<(String, &'static str)> {
    super::refused(name, value, &OWNED, PARAMS, &OWNED_PARAMS)
}

/// Returns how many pictures are in work at once. Each leans on fewer lines of the one before it, so this changes the bytes;
/// the threads that share the work within a picture do not.
fn frame_threads(threads: u32) -> u32 {
    threads.div_ceil(2)
}

fn rate_control(rate_control: &RateControl) -> Vec<(String, String)> {
    match rate_control {
        RateControl::Crf(crf) => vec![option("crf", crf)],
        RateControl::Cq(quantiser) => vec![option("qp", quantiser)],
        bits => bitrates(bits, &[]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{Cap, Encoder};
    use crate::transcode::encoder::tests::{plan, told};

    const OWN: &str = "x265-params=log-level=none:info=0:scenecut=0:open-gop=0:pools=4:frame-threads=2";

    fn x265() -> VideoPlan {
        VideoPlan { encoder: Encoder::X265, ..plan() }
    }

    #[test]
    fn each_rate_control_has_its_own_options() {
        let (bitrate, bufsize) = (2_000_000, 6_000_000);
        let cap = Some(Cap { maxrate: 3_000_000, bufsize });
        for (rate_control, expected, strict) in [
            (RateControl::Crf(26.5), "crf=26.5", ""),
            (RateControl::Cq(20), "qp=20", ""),
            (RateControl::Abr { bitrate }, "b=2000000", ""),
            (RateControl::Vbr { bitrate, cap }, "b=2000000 maxrate=3000000 bufsize=6000000", ""),
            (
                RateControl::Cbr { bitrate, bufsize },
                "b=2000000 minrate=2000000 maxrate=2000000 bufsize=6000000",
                ":strict-cbr=1",
            ),
        ] {
            let told = told(&VideoPlan { rate_control, ..x265() });
            assert_eq!(told, format!("preset=veryfast {expected} g=100 forced-idr=1 {OWN}{strict}"));
        }
    }

    #[test]
    fn parameters_of_its_own_are_joined_to_ours() {
        let raw = [("x265-params", "aq-mode=3"), ("tune", "grain"), ("x265-params", "rd=3")];
        let encoder_options = raw.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let told = told(&VideoPlan { encoder_options, ..x265() });
        assert!(told.ends_with(&format!("{OWN}:aq-mode=3:rd=3 tune=grain")), "{told}");
    }

    #[test]
    fn what_the_plan_sets_is_refused_under_both_names() {
        for (name, value, named) in [
            ("g", "10", "g"),
            ("x265-params", "aq-mode=1:min_keyint=3", "min-keyint"),
            ("x265-params", "pools=*", "pools"),
        ] {
            assert_eq!(refuse(name, value).map(|(name, _)| name).as_deref(), Some(named));
        }
        assert_eq!(refuse("x265-params", "aq-mode=1:rd=3"), None);
    }
}
