//! What an encoder or a container does not have: refused before any work, with what would do.

use super::lesson;
use crate::support::binary::refused;
use crate::support::clip::scratch;

#[test]
fn what_an_encoder_does_not_have_is_refused_with_the_cure() {
    let folder = scratch();
    lesson(&folder);
    for (options, code, part) in [
        ("--encoder svtav1 --rate-control cbr --bitrate 1M -o a.mp4", "USAGE_RATE_CONTROL", "it has crf, cq, vbr"),
        ("--encoder svtav1 --rate-control abr --bitrate 1M -o a.mp4", "USAGE_RATE_CONTROL", "--rate-control vbr"),
        ("--encoder svtav1 --bitrate 1M --maxrate 2M -o a.mp4", "USAGE_RATE_CONTROL", "leave out --maxrate"),
        ("--encoder svtav1 --crf 30.5 -o a.mp4", "USAGE_RATE_CONTROL", "no whole number"),
        ("--encoder svtav1 --crf 64 -o a.mp4", "USAGE_RATE_CONTROL", "0 (best) to 63 (worst)"),
        ("--encoder x265 --cq 52 -o a.mp4", "USAGE_RATE_CONTROL", "0 (lossless) to 51 (worst)"),
        ("--encoder svtav1 --preset veryfast -o a.mp4", "USAGE_PRESET", "13, 12, 11"),
        ("--encoder x265 -r 240P:preset=8 -o a.mp4", "USAGE_PRESET", "ultrafast"),
        ("--encoder svtav1 -r 240P:crf=30.5 -o a.mp4", "USAGE_RATE_CONTROL", "no whole number"),
        ("--encoder h264_v4l2m2m -o a.mp4", "USAGE_RATE_CONTROL", "add --bitrate"),
        ("--encoder x265 -o a.flv", "USAGE_CONTAINER_CODEC", "flv cannot hold HEVC, which x265 makes"),
        ("--encoder svtav1 -r 240P", "USAGE_CONTAINER_CODEC", "--container mp4"),
        ("--encoder svtav1 -o a.ts", "USAGE_CONTAINER_CODEC", "ts cannot hold AV1, which svtav1 makes"),
        ("--encoder x266 -o a.mp4", "USAGE_ENCODER", "did you mean \"x264\"?"),
        ("--encoder mpeg4 -o a.mp4", "USAGE_ENCODER", "H.264, HEVC and AV1"),
        ("--encoder x265 --enc crff=3 -o a.mp4", "USAGE_UNKNOWN_OPTION", "did you mean \"crf\"?"),
        (
            "--encoder x265 --enc x265-params=aq-mood=3 -o a.mp4",
            "USAGE_ENCODER_SETTINGS",
            "Unknown option: aq-mood",
        ),
        (
            "--encoder x265 --enc x265-params=rd=many -o a.mp4",
            "USAGE_ENCODER_SETTINGS",
            "Invalid value for rd: many",
        ),
        ("--encoder x265 --enc x265-params=pools=3 -o a.mp4", "USAGE_ENCODER_OPTION", "follows the picture's size"),
        (
            "--encoder svtav1 --enc svtav1-params=tuna=1 -o a.mp4",
            "USAGE_ENCODER_SETTINGS",
            "Error parsing option tuna",
        ),
        (
            "--encoder svtav1 --enc svtav1-params=lp=1 -o a.mp4",
            "USAGE_ENCODER_OPTION",
            "follows the picture's size",
        ),
        ("--encoder x265 --rate-control copy -o a.mp4", "USAGE_COPY", "so --encoder cannot be honoured"),
    ] {
        let said = refused(&folder, &format!("transcode lesson.flv {options}"), 2, code);
        assert!(said.stderr.contains(part), "{options}: {said}");
    }
}

#[test]
fn a_bitrate_alone_means_the_only_way_that_svtav1_takes_one() {
    let folder = scratch();
    lesson(&folder);
    let line = "transcode lesson.flv --encoder svtav1 --bitrate 150k -o a.mp4 --explain";
    let said = crate::support::binary::run(&folder, line).succeeded();
    assert!(said.stdout.contains("svtav1 8, vbr 150000 bit/s, a keyframe"), "{said}");
    assert!(said.stdout.contains("in one piece: only x264 is run in chunks"), "{said}");
}
