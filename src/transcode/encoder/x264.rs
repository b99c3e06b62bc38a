//! x264's settings in the names of libavcodec's options. Pure: setting them on a context is the engine's.

use super::{GRID, Owned, PASS, SAME_BYTES, THREADS, bitrates, joined, keyframe_bound, option};
use crate::media::RateControl;
use crate::transcode::plan::VideoPlan;

/// The option that takes x264's own parameters; of two, libavcodec would keep the last alone.
const PARAMS: &str = "x264-params";

/// Keeps x264 from its AVX-512 code. That of its macroblock tree (r3095, Debian 12) reads memory that nobody wrote when
/// the picture is not a multiple of 128 pixels wide: the same frames then give other bytes with every content of the
/// heap. Seen by filling fresh memory with four patterns: four different outputs at 426x240, 720x576, 854x480 and
/// 864x480, one output with AVX2 code or without the tree.
const WITHOUT_AVX512: &str = "asm=AVX2";

/// Widths that are multiples of this are safe from it: at 1280x720 the bytes are those of the AVX2 code, and come 5 %
/// sooner.
pub(in crate::transcode) const AVX512_SAFE_WIDTH: u32 = 128;

/// Options that follow from the plan, and what they are set by.
const OWNED: [Owned; 5] = [
    ("nal-hrd", "--rate-control cbr sets it"),
    ("sc_threshold", GRID),
    ("intra-refresh", GRID),
    ("passlogfile", PASS),
    ("stats", PASS),
];

/// The same in x264's own names, as they would come through `x264-params`.
const OWNED_PARAMS: [Owned; 24] = [
    ("preset", "--preset sets it"),
    ("crf", "--crf sets it"),
    ("qp", "--cq sets it"),
    ("qp_constant", "--cq sets it"),
    ("bitrate", "--bitrate sets it"),
    ("vbv-maxrate", "--maxrate sets it"),
    ("vbv-bufsize", "--bufsize sets it"),
    ("nal-hrd", "--rate-control cbr sets it"),
    ("keyint", "--keyint sets it"),
    ("min-keyint", "--keyint sets it"),
    ("keyint-min", "--keyint sets it"),
    ("scenecut", GRID),
    ("no-scenecut", GRID),
    ("intra-refresh", GRID),
    ("open-gop", GRID),
    ("threads", THREADS),
    ("asm", SAME_BYTES),
    ("sliced-threads", THREADS),
    ("non-deterministic", SAME_BYTES),
    ("pass", PASS),
    ("stats", PASS),
    ("fps", "the source's frame rate is kept"),
    ("timebase", "the source's frame rate is kept"),
    ("force-cfr", "the source's frame rate is kept"),
];

/// Bits for the first frame of a chunk that others come before, as a factor. At constant quality x264 gives the first frame
/// of a run a quantiser that knows nothing of the frames to come, and all of the run leans on it: in the middle of a run the
/// same keyframe would get more. Measured on a quiet recording, against one piece: BD-rate +0.91 % without, +0.26 % with it.
const AFTER_SEAM: &str = "zones=0,0,b=1.4";

/// Returns the options for `libx264`, in the order to apply them. The names are those of `av_opt_set`.
pub fn options(video: &VideoPlan) -> Vec<(String, String)> {
    with_params(video, None)
}

/// Returns the same for a chunk that others come before.
pub(super) fn options_after_seam(video: &VideoPlan) -> Vec<(String, String)> {
    with_params(video, matches!(video.rate_control, RateControl::Crf(_)).then_some(AFTER_SEAM))
}

fn with_params(video: &VideoPlan, seam: Option<&'static str>) -> Vec<(String, String)> {
    let mut options = vec![option("preset", &video.preset)];
    options.extend(rate_control(&video.rate_control));
    options.push(option("g", keyframe_bound(video)));
    // Keyframes are forced on a grid of time: x264's own scene cut would set others between them, and a forced
    // keyframe would be a plain I-frame.
    options.push(option("sc_threshold", 0));
    options.push(option("forced-idr", 1));
    options.push(option("threads", video.threads));
    let own: Vec<&str> = video.avoid_avx512.then_some(WITHOUT_AVX512).into_iter().chain(seam).collect();
    options.extend(joined(PARAMS, &own, &video.encoder_options));
    options
}

/// Returns whether x264 would use its AVX-512 code on this machine.
pub fn has_avx512() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::is_x86_feature_detected!("avx512f");
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// Returns why the raw option may not be given, and under which name, where it may not.
pub(super) fn refuse(name: &str, value: &str) -> Option<(String, &'static str)> {
    let params = if name == "x264opts" { name } else { PARAMS };
    super::refused(name, value, &OWNED, params, &OWNED_PARAMS)
}

fn rate_control(rate_control: &RateControl) -> Vec<(String, String)> {
    match rate_control {
        RateControl::Crf(crf) => vec![option("crf", crf)],
        RateControl::Cq(quantiser) => vec![option("qp", quantiser)],
        bits => bitrates(bits, &[("nal-hrd", "cbr")]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::Cap;
    use crate::transcode::encoder::tests::plan;

    fn told(video: &VideoPlan) -> String {
        let told: Vec<String> = options(video).iter().map(|(name, value)| format!("{name}={value}")).collect();
        told.join(" ")
    }

    #[test]
    fn settings_come_in_order_with_raw_options_last() {
        let encoder_options = vec![("tune".to_owned(), "film".to_owned()), ("bf".to_owned(), "2".to_owned())];
        let told = told(&VideoPlan { encoder_options, ..plan() });
        assert_eq!(told, "preset=veryfast crf=24 g=100 sc_threshold=0 forced-idr=1 threads=4 tune=film bf=2");
    }

    #[test]
    fn parameters_for_x264_itself_are_joined_since_the_last_would_win() {
        let encoder_options = vec![("x264-params".to_owned(), "ref=2".to_owned())];
        let joined = told(&VideoPlan { encoder_options: encoder_options.clone(), avoid_avx512: true, ..plan() });
        assert!(joined.ends_with("threads=4 x264-params=asm=AVX2:ref=2"), "{joined}");
        let alone = told(&VideoPlan { encoder_options, ..plan() });
        assert!(alone.ends_with("threads=4 x264-params=ref=2"), "{alone}");
    }

    #[test]
    fn the_first_frame_after_a_seam_gets_more_bits_at_constant_quality_alone() {
        let after = |video: VideoPlan| {
            let told = options_after_seam(&video);
            told.into_iter().find(|(name, _)| name == PARAMS).map(|(_, value)| value)
        };
        assert_eq!(after(plan()).as_deref(), Some("zones=0,0,b=1.4"));
        assert_eq!(after(VideoPlan { rate_control: RateControl::Cq(20), ..plan() }), None);
        let encoder_options = vec![("x264-params".to_owned(), "zones=0,9,q=20".to_owned())];
        let own = after(VideoPlan { encoder_options, ..plan() });
        assert_eq!(own.as_deref(), Some("zones=0,0,b=1.4:zones=0,9,q=20"), "of two, x264 takes the last");
    }

    #[test]
    fn each_rate_control_has_its_own_options() {
        let (bitrate, bufsize) = (2_000_000, 6_000_000);
        let cap = Some(Cap { maxrate: 3_000_000, bufsize });
        for (rate_control, expected) in [
            (RateControl::Crf(18.5), "crf=18.5"),
            (RateControl::Cq(20), "qp=20"),
            (RateControl::Abr { bitrate }, "b=2000000"),
            (RateControl::Vbr { bitrate, cap }, "b=2000000 maxrate=3000000 bufsize=6000000"),
            (
                RateControl::Cbr { bitrate, bufsize },
                "b=2000000 minrate=2000000 maxrate=2000000 bufsize=6000000 nal-hrd=cbr",
            ),
        ] {
            let told = told(&VideoPlan { rate_control, ..plan() });
            assert_eq!(told, format!("preset=veryfast {expected} g=100 sc_threshold=0 forced-idr=1 threads=4"));
        }
    }
}
