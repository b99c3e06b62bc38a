//! Settings of encoders that are known by their family alone: what the documentation of each says of quality and bitrates.
//!
//! What else they have is theirs: `--enc` passes it on.

use super::{GRID, Owned, bitrates, keyframe_bound, keyframe_count, option};
use crate::media::{Family, LibavEncoder, RateControl};
use crate::transcode::plan::VideoPlan;

const OWNED: [Owned; 12] = [
    ("cpu-used", "--preset sets it"),
    ("cq", "--crf sets it"),
    ("qp_i", "--cq sets it"),
    ("qp_p", "--cq sets it"),
    ("qmin", "--cq sets it"),
    ("qmax", "--cq sets it"),
    ("global_quality", "--crf sets it"),
    ("rc", "--rate-control sets it"),
    ("rc_mode", "--rate-control sets it"),
    ("sc_threshold", GRID),
    ("forced_idr", GRID),
    ("no-scenecut", GRID),
];

/// libavutil/avutil.h: FF_QP2LAMBDA, a quantiser in the unit of `global_quality`.
const LAMBDA: u32 = 118;

/// Returns the options for `encoder`, in the order to apply them.
pub(super) fn options(encoder: LibavEncoder, video: &VideoPlan) -> Vec<(String, String)> {
    let mut options = Vec::new();
    if !video.preset.is_empty() {
        options.push(option(preset_name(encoder.family), &video.preset));
    }
    options.extend(rate_control(encoder.family, &video.rate_control));
    if video.counts_keyframes {
        let count = keyframe_count(video);
        options.extend([option("g", count), option("keyint_min", count)]);
    } else {
        options.push(option("g", keyframe_bound(video)));
    }
    options.extend(keyframes(encoder.family).iter().map(|(name, value)| option(name, value)));
    if !encoder.is_hardware {
        options.push(option("threads", video.threads));
    }
    options.extend(video.encoder_options.iter().cloned());
    options
}

/// Returns why the raw option may not be given, and under which name, where it may not.
pub(super) fn refuse(name: &str) -> Option<(String, &'static str)> {
    super::refused(name, "", &OWNED, "", &[])
}

const fn preset_name(family: Family) -> &'static str {
    match family {
        Family::Aom => "cpu-used",
        Family::Amf => "quality",
        _ => "preset",
    }
}

/// Returns what makes a forced keyframe one that can be begun at, and keeps others away.
const fn keyframes(family: Family) -> &'static [(&'static str, &'static str)] {
    match family {
        Family::Nvenc => &[("forced-idr", "1"), ("no-scenecut", "1")],
        Family::Qsv => &[("forced_idr", "1")],
        Family::Aom => &[("row-mt", "1")],
        _ => &[],
    }
}

fn rate_control(family: Family, rate_control: &RateControl) -> Vec<(String, String)> {
    match *rate_control {
        RateControl::Crf(crf) => quality(family, crf),
        RateControl::Cq(quantiser) => constant(family, quantiser),
        ref bits => {
            let mode = mode(family, bits).map(|(name, value)| option(name, value));
            mode.into_iter().chain(bitrates(bits, &[])).collect()
        }
    }
}

/// Returns the option that tells the way bits are counted, where there is one.
const fn mode(family: Family, rate_control: &RateControl) -> Option<(&'static str, &'static str)> {
    let is_constant = matches!(rate_control, RateControl::Cbr { .. });
    match (family, is_constant) {
        (Family::Nvenc | Family::Amf, true) => Some(("rc", "cbr")),
        (Family::Nvenc, false) => Some(("rc", "vbr")),
        (Family::Amf, false) => Some(("rc", "vbr_peak")),
        (Family::OpenH264, _) => Some(("rc_mode", "bitrate")),
        (Family::VideoToolbox, true) => Some(("constant_bit_rate", "1")),
        _ => None,
    }
}

fn quality(family: Family, crf: f64) -> Vec<(String, String)> {
    match family {
        Family::Nvenc => vec![option("rc", "vbr"), option("cq", crf), option("b", 0)],
        Family::Qsv => vec![option("global_quality", crf)],
        _ => vec![option("crf", crf), option("b", 0)],
    }
}

fn constant(family: Family, quantiser: u8) -> Vec<(String, String)> {
    match family {
        Family::Nvenc => vec![option("rc", "constqp"), option("qp", quantiser)],
        Family::Qsv => {
            vec![option("flags", "+qscale"), option("global_quality", u32::from(quantiser) * LAMBDA)]
        }
        Family::Amf => vec![option("rc", "cqp"), option("qp_i", quantiser), option("qp_p", quantiser)],
        Family::OpenH264 => vec![option("rc_mode", "off"), option("qmin", quantiser), option("qmax", quantiser)],
        // A quality that may go nowhere.
        _ => {
            let bounds = [option("qmin", quantiser), option("qmax", quantiser)];
            [option("crf", quantiser), option("b", 0)].into_iter().chain(bounds).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{Cap, Encoder, Made};
    use crate::transcode::encoder::tests::{plan, told};

    const BITRATE: u64 = 2_000_000;
    const BUFSIZE: u64 = 4_000_000;

    #[track_caller]
    fn check(family: Family, rate_control: RateControl, expected: &str) {
        let is_hardware = !matches!(family, Family::Aom | Family::OpenH264);
        let (name, makes, pixel_format) = ("any", Made::H264, Some("yuv420p"));
        let encoder = Encoder::Libav(LibavEncoder { name, makes, family, is_hardware, pixel_format });
        let counts_keyframes = !encoder.takes_keyframes();
        let video = VideoPlan { encoder, preset: String::new(), rate_control, counts_keyframes, ..plan() };
        assert_eq!(told(&video), expected, "{family:?}");
    }

    #[test]
    fn quality_is_spelled_as_each_family_has_it() {
        let crf = RateControl::Crf(28.0);
        check(Family::Nvenc, crf, "rc=vbr cq=28 b=0 g=100 forced-idr=1 no-scenecut=1");
        check(Family::Qsv, crf, "global_quality=28 g=100 forced_idr=1");
        check(Family::Aom, crf, "crf=28 b=0 g=100 keyint_min=100 row-mt=1 threads=4");
        let cq = RateControl::Cq(30);
        check(Family::Nvenc, cq, "rc=constqp qp=30 g=100 forced-idr=1 no-scenecut=1");
        check(Family::Qsv, cq, "flags=+qscale global_quality=3540 g=100 forced_idr=1");
        check(Family::Amf, cq, "rc=cqp qp_i=30 qp_p=30 g=100");
        check(Family::Aom, cq, "crf=30 b=0 qmin=30 qmax=30 g=100 keyint_min=100 row-mt=1 threads=4");
        check(Family::OpenH264, cq, "rc_mode=off qmin=30 qmax=30 g=100 threads=4");
    }

    #[test]
    fn bitrates_are_spelled_as_each_family_has_them() {
        let cbr = RateControl::Cbr { bitrate: BITRATE, bufsize: BUFSIZE };
        let all = "b=2000000 minrate=2000000 maxrate=2000000 bufsize=4000000 g=100";
        check(Family::Nvenc, cbr, &format!("rc=cbr {all} forced-idr=1 no-scenecut=1"));
        check(Family::Qsv, cbr, &format!("{all} forced_idr=1"));
        check(Family::Amf, cbr, &format!("rc=cbr {all}"));
        check(Family::VideoToolbox, cbr, &format!("constant_bit_rate=1 {all}"));
        let vbr = RateControl::Vbr { bitrate: BITRATE, cap: Some(Cap { maxrate: 3_000_000, bufsize: BUFSIZE }) };
        let capped = "b=2000000 maxrate=3000000 bufsize=4000000 g=100";
        check(Family::Amf, vbr, &format!("rc=vbr_peak {capped}"));
        check(Family::Aom, vbr, &format!("{capped} keyint_min=100 row-mt=1 threads=4"));
        let abr = RateControl::Abr { bitrate: BITRATE };
        check(Family::V4l2, abr, "b=2000000 g=100");
        check(Family::OpenH264, abr, "rc_mode=bitrate b=2000000 g=100 threads=4");
        check(Family::Other, abr, "b=2000000 g=100");
    }

    #[test]
    fn a_preset_has_the_name_that_each_family_gives_it() {
        for (family, name) in [(Family::Aom, "cpu-used"), (Family::Amf, "quality"), (Family::Nvenc, "preset")] {
            assert_eq!(preset_name(family), name);
        }
        assert!(refuse("cpu-used").is_some() && refuse("rc-lookahead").is_none());
    }
}
