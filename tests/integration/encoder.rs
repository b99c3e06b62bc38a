//! What each encoder makes in each container: played by others, twice the same, with keyframes on one grid.

mod depth;
mod device;
mod usage;

use std::path::{Path, PathBuf};

use reelmill::clip::{Picture, Recipe};
use reelmill::media::{Container, Encoder, RateControlMode, Ratio};
use reelmill::transcode::{RateControlRequest, Request};
use tempfile::TempDir;

use crate::support::binary::{names, run};
use crate::support::browser;
use crate::support::clip::{make, scratch};
use crate::support::oracle;
use crate::support::run::{Manner, USUAL, encode, transcode, transcode_as};

const ALL: [Encoder; 3] = [Encoder::X264, Encoder::X265, Encoder::SvtAv1];

/// Two seconds of 426x240 with pictures out of order, and sound.
fn lesson(folder: &TempDir) -> PathBuf {
    let picture =
        Picture::h264("426x240", Ratio::new(25, 1), 2.0).with_options(&[("preset", "medium"), ("bf", "3")]);
    let recipe = Recipe { pictures: vec![picture], ..Recipe::plain(Container::Flv, "426x240", 2.0) };
    make(folder, "lesson.flv", &recipe)
}

/// Encoded by `encoder`, as fast as it can.
fn with(encoder: Encoder, names: &[&str], container: Container) -> Request {
    let preset = Some(encoder.presets()[0].to_owned());
    Request { encoder, preset, ..encode(names, container) }
}

fn keyframes(path: &Path) -> Vec<usize> {
    let packets = oracle::packets(path, "v:0");
    let mut shown: Vec<(f64, bool)> = packets.iter().map(|packet| (packet.pts, packet.keyframe)).collect();
    shown.sort_by(|a, b| a.0.total_cmp(&b.0));
    shown.iter().enumerate().filter(|(_, (_, keyframe))| *keyframe).map(|(index, _)| index).collect()
}

#[test]
fn every_encoder_plays_in_every_container_that_holds_what_it_makes() {
    let folder = scratch();
    let source = lesson(&folder);
    let mut in_mp4 = Vec::new();
    for encoder in ALL {
        for container in Container::WRITABLE.into_iter().filter(|one| one.holds_video(&encoder.codec())) {
            let what = format!("{} in {container}", encoder.name());
            let ran = transcode(&source, &with(encoder, &["240P"], container)).unwrap();
            let (path, finished) = ran.only();
            assert!(finished.verified, "{what}");
            let seen = oracle::entry(path, "v:0", "codec_name,width,height,pix_fmt");
            assert_eq!(seen, format!("{},426,240,yuv420p", encoder.codec().name()), "{what}");
            assert_eq!(oracle::entry(path, "a:0", "codec_name"), "aac", "{what}");
            assert_eq!(oracle::decodes_whole(path), 50, "{what}");
            if container == Container::Mp4 {
                let name = format!("{}.mp4", encoder.name());
                std::fs::rename(path, folder.path().join(&name)).unwrap();
                in_mp4.push(name);
            }
        }
    }
    assert_eq!(oracle::entry(&folder.path().join("x265.mp4"), "v:0", "codec_tag_string"), "hvc1");
    let played = browser::play(folder.path(), &in_mp4.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!((&*played["x264.mp4"], &*played["svtav1.mp4"]), ("426", "426"));
    // Chromium has no decoder of HEVC in software, and there is no card here: it plays the sound and shows nothing.
    assert!(["0", "error", "426"].contains(&&*played["x265.mp4"]), "{played:?}");
}

#[test]
fn every_encoder_makes_the_same_bytes_again_with_any_number_of_jobs() {
    let folder = scratch();
    let source = lesson(&folder);
    let none = RateControlRequest::default();
    let bitrate = RateControlRequest { bits_per_second: Some(150_000), ..none };
    for (encoder, rate_control) in
        [(Encoder::X265, none), (Encoder::X265, bitrate), (Encoder::SvtAv1, none), (Encoder::SvtAv1, bitrate)]
    {
        let request = Request { rate_control, ..with(encoder, &["240P"], Container::Mkv) };
        let sum = |jobs| {
            let ran = transcode_as(Manner { jobs, ..USUAL }, &source, &request).unwrap();
            ran.only().1.sha256.clone()
        };
        let first = sum(1);
        assert_eq!([sum(1), sum(4)], [first.clone(), first], "{} {rate_control:?}", encoder.name());
    }
}

#[test]
fn keyframes_fall_on_the_same_frames_in_every_rendition_of_every_encoder() {
    let folder = scratch();
    let source = make(&folder, "lesson.flv", &Recipe::plain(Container::Flv, "640x360", 3.0));
    for encoder in ALL {
        let request = Request { keyint_seconds: 0.84, ..with(encoder, &["360P", "240P"], Container::Mp4) };
        let ran = transcode(&source, &request).unwrap();
        for rendition in &ran.renditions {
            assert!(rendition.result.is_ok(), "{:?}", rendition.result);
            assert_eq!(keyframes(&rendition.path), [0, 21, 42, 63], "{} {}", encoder.name(), rendition.name);
        }
    }
    let mut mixed = Request { keyint_seconds: 0.84, ..with(Encoder::SvtAv1, &["360P", "240P"], Container::Mp4) };
    mixed.renditions[1].bits_per_second = Some(100_000);
    for rendition in &transcode(&source, &mixed).unwrap().renditions {
        assert_eq!(keyframes(&rendition.path), [0, 21, 42, 63], "one of them by its bitrate: {}", rendition.name);
    }
}

#[test]
fn every_rate_control_that_an_encoder_has_is_taken_by_it() {
    let folder = scratch();
    let source = lesson(&folder);
    let (crf, cq) = (Some(40.0), Some(40));
    let none = RateControlRequest::default();
    let mode = |mode| RateControlRequest { mode: Some(mode), bits_per_second: Some(150_000), ..none };
    let vbr = RateControlRequest { max_bits_per_second: Some(200_000), ..mode(RateControlMode::Vbr) };
    let best = RateControlRequest { crf: Some(0.0), ..none };
    let rates: [(Encoder, &[RateControlRequest]); 2] = [
        (
            Encoder::X265,
            &[
                RateControlRequest { crf, ..none },
                RateControlRequest { cq, ..none },
                mode(RateControlMode::Cbr),
                mode(RateControlMode::Abr),
                vbr,
            ],
        ),
        (
            Encoder::SvtAv1,
            &[
                RateControlRequest { crf, ..none },
                RateControlRequest { cq, ..none },
                best,
                RateControlRequest { cq: Some(0), ..none },
                mode(RateControlMode::Vbr),
            ],
        ),
    ];
    for (encoder, rates) in rates {
        let mut sizes = Vec::new();
        for rate_control in rates {
            let request = Request { rate_control: *rate_control, ..with(encoder, &["240P"], Container::Mp4) };
            let ran = transcode(&source, &request).unwrap();
            sizes.push(ran.only().1.bytes);
        }
        assert!(sizes.windows(2).all(|pair| pair[0] != pair[1]), "{} {sizes:?}", encoder.name());
        if encoder == Encoder::SvtAv1 {
            assert!(sizes[2] > sizes[0] * 2 && sizes[3] > sizes[1] * 2, "0 is the best, and not none: {sizes:?}");
        }
    }
}

#[test]
fn nothing_of_what_the_encoders_say_reaches_stderr() {
    let folder = scratch();
    lesson(&folder);
    for encoder in ["x264", "x265", "svtav1"] {
        let said =
            run(&folder, &format!("transcode lesson.flv --encoder {encoder} -o {encoder}.mp4 --progress none"));
        let said = said.succeeded();
        assert_eq!(said.stderr, "", "{encoder}");
    }
    assert_eq!(names(folder.path()), ["lesson.flv", "svtav1.mp4", "x264.mp4", "x265.mp4"]);
}

#[test]
fn the_line_that_explain_prints_makes_the_same_pictures_with_every_encoder() {
    let folder = scratch();
    let source = lesson(&folder);
    for (encoder, container) in [
        (Encoder::X265, Container::Mp4),
        (Encoder::X265, Container::Ts),
        (Encoder::SvtAv1, Container::Mkv),
        (Encoder::X264, Container::Ts),
    ] {
        let request = with(encoder, &["240P"], container);
        let ran = transcode(&source, &request).unwrap();
        let info = reelmill::av::probe(&source, &reelmill::av::Interrupt::default()).unwrap();
        let theirs = folder.path().join(format!("line.{container}"));
        let output = [theirs.to_str().unwrap().to_owned()];
        let line = reelmill::transcode::explain::ffmpeg_line(&info, &ran.plan, source.to_str().unwrap(), &output);
        oracle::tool("bash", &["-c", &format!("{line} -y -v error </dev/null 2>/dev/null")]);
        let what = format!("{} in {container}", encoder.name());
        assert!(oracle::raw_pictures(ran.only().0, "null") == oracle::raw_pictures(&theirs, "null"), "{what}");
        assert_eq!(
            oracle::entry(ran.only().0, "v:0", "codec_tag_string"),
            oracle::entry(&theirs, "v:0", "codec_tag_string")
        );
    }
}
