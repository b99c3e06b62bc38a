//! SVT-AV1's settings in the names of libavcodec's options, and in its own where libavcodec has none.
//!
//! Facts about SVT-AV1 1.4 under FFmpeg 5.1, each seen: it takes forced keyframes only when it is told so, and only at
//! constant quality; its bytes do not depend on its threads at constant quality, and with a bitrate they do, from run to
//! run, unless there is one of each kind; libavcodec takes a quality of 0 for none; and it counts in whole numbers.

use super::{
    COLOURS, GRID, Owned, PASS, SAME_BYTES, THREADS, bitrates, joined, keyframe_bound, keyframe_count, option,
};
use crate::media::RateControl;
use crate::transcode::plan::VideoPlan;

/// The option that takes SVT-AV1's own parameters.
const PARAMS: &str = "svtav1-params";

const OWNED: [Owned; 4] = [
    ("minrate", "svtav1 has no constant bitrate"),
    ("maxrate", "svtav1's variable bitrate takes no cap"),
    ("bufsize", "svtav1's variable bitrate takes no cap"),
    ("sc_detection", GRID),
];

/// The same in SVT-AV1's own names, as they would come through `svtav1-params`.
const OWNED_PARAMS: [Owned; 34] = [
    ("preset", "--preset sets it"),
    ("crf", "--crf sets it"),
    ("qp", "--cq sets it"),
    ("rc", "--rate-control sets it"),
    ("tbr", "--bitrate sets it"),
    ("mbr", "svtav1's variable bitrate takes no cap"),
    ("keyint", "--keyint sets it"),
    ("irefresh-type", GRID),
    ("scd", GRID),
    ("enable-force-key-frames", GRID),
    ("force-key-frames", GRID),
    ("pred-struct", GRID),
    ("lp", THREADS),
    ("pin", THREADS),
    ("unpin", THREADS),
    ("ss", THREADS),
    ("asm", SAME_BYTES),
    ("pass", PASS),
    ("passes", PASS),
    ("stats", PASS),
    ("input", "the rendition sets it"),
    ("width", "the rendition sets it"),
    ("height", "the rendition sets it"),
    ("input-depth", "the rendition sets it"),
    ("color-format", "the rendition sets it"),
    ("fps", "the source's frame rate is kept"),
    ("fps-num", "the source's frame rate is kept"),
    ("fps-denom", "the source's frame rate is kept"),
    ("color-primaries", COLOURS),
    ("transfer-characteristics", COLOURS),
    ("matrix-coefficients", COLOURS),
    ("color-range", COLOURS),
    ("progress", "its log is part of this program's"),
    ("no-progress", "its log is part of this program's"),
];

/// Returns the options for `libsvtav1`, in the order to apply them.
pub(super) fn options(video: &VideoPlan) -> Vec<(String, String)> {
    let mut options = vec![option("preset", &video.preset)];
    let (rate, zero) = rate_control(&video.rate_control);
    options.extend(rate);
    let distance = if video.counts_keyframes { keyframe_count(video) } else { keyframe_bound(video) };
    options.push(option("g", distance));
    let counts_bits = matches!(video.rate_control, RateControl::Vbr { .. });
    let threads = format!("lp={}", if counts_bits { 1 } else { video.threads });
    let forced = (!video.counts_keyframes).then_some("enable-force-key-frames=1");
    let own: Vec<&str> = [threads.as_str()].into_iter().chain(forced).chain(zero).collect();
    options.extend(joined(PARAMS, &own, &video.encoder_options));
    options
}

/// Returns why the raw option may not be given, and under which name, where it may not.
pub(super) fn refuse(name: &str, value: &str) -> Option<(String, &'static str)> {
    super::refused(name, value, &OWNED, PARAMS, &OWNED_PARAMS)
}

/// Returns libavcodec's options, and SVT-AV1's own parameters where libavcodec's cannot say it.
fn rate_control(rate_control: &RateControl) -> (Vec<(String, String)>, Option<&'static str>) {
    match rate_control {
        RateControl::Crf(0.0) => (Vec::new(), Some("crf=0")),
        RateControl::Cq(0) => (Vec::new(), Some("rc=0:aq-mode=0:qp=0")),
        RateControl::Crf(crf) => (vec![option("crf", crf)], None),
        RateControl::Cq(quantiser) => (vec![option("qp", quantiser)], None),
        bits => (bitrates(bits, &[]), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::Encoder;
    use crate::transcode::encoder::tests::{plan, told};

    fn svtav1(rate_control: RateControl) -> VideoPlan {
        VideoPlan { encoder: Encoder::SvtAv1, preset: "8".to_owned(), rate_control, ..plan() }
    }

    #[test]
    fn each_rate_control_has_its_own_options() {
        let forced = "enable-force-key-frames=1";
        for (rate_control, expected) in [
            (RateControl::Crf(35.0), format!("crf=35 g=100 svtav1-params=lp=4:{forced}")),
            (RateControl::Cq(40), format!("qp=40 g=100 svtav1-params=lp=4:{forced}")),
            (RateControl::Crf(0.0), format!("g=100 svtav1-params=lp=4:{forced}:crf=0")),
            (RateControl::Cq(0), format!("g=100 svtav1-params=lp=4:{forced}:rc=0:aq-mode=0:qp=0")),
        ] {
            assert_eq!(told(&svtav1(rate_control)), format!("preset=8 {expected}"));
        }
    }

    #[test]
    fn with_a_bitrate_there_is_one_thread_of_each_kind_and_keyframes_are_counted() {
        let vbr = svtav1(RateControl::Vbr { bitrate: 500_000, cap: None });
        let told = told(&VideoPlan { counts_keyframes: true, keyint_seconds: 2.0, ..vbr });
        assert_eq!(told, "preset=8 b=500000 g=50 svtav1-params=lp=1");
    }

    #[test]
    fn what_the_plan_sets_is_refused_under_both_names() {
        for (name, value, named) in
            [("crf", "10", "crf"), ("svtav1-params", "tune=0:lp=2", "lp"), ("svtav1-params", "keyint=3", "keyint")]
        {
            assert_eq!(refuse(name, value).map(|(name, _)| name).as_deref(), Some(named));
        }
        assert_eq!(refuse("svtav1-params", "tune=0:film-grain=8"), None);
    }
}
