//! What is written into each container: moved between all of them without a loss, encoded into each, and played by
//! others.

use std::path::{Path, PathBuf};

use reelmill::clip::{Picture, Recipe, Sound};
use reelmill::failure::Failure;
use reelmill::media::{Container, RateControlMode, Ratio};
use reelmill::transcode::{RateControlRequest, Request};

use crate::support::binary::{refused, run};
use crate::support::clip::{make, scratch};
use crate::support::oracle;
use crate::support::run::{encode, transcode};

const ALL: [Container; 4] = Container::WRITABLE;

/// Three seconds of H.264 with pictures out of order and groups that lean on nothing, and sound that is `delay_seconds`
/// late.
fn recipe(container: Container, delay_seconds: f64) -> Recipe {
    let picture =
        Picture::h264("320x180", Ratio::new(25, 1), 3.0).with_options(&[("preset", "medium"), ("bf", "3")]);
    let sound = Sound { delay_seconds, ..Sound::aac(3.0 - delay_seconds) };
    Recipe { pictures: vec![picture], sounds: vec![sound], ..Recipe::plain(container, "320x180", 3.0) }
}

fn copy_into(container: Container) -> Request {
    Request {
        container: Some(container),
        rate_control: RateControlRequest { mode: Some(RateControlMode::Copy), ..Default::default() },
        ..Request::default()
    }
}

/// Returns the only output, moved to where the next run does not write.
fn moved(source: &Path, container: Container) -> PathBuf {
    let ran = transcode(source, &copy_into(container)).unwrap();
    let (path, finished) = ran.only();
    assert!(finished.verified, "{container}");
    let kept = source.with_extension(format!("{}.{container}", source.extension().unwrap().display()));
    std::fs::rename(path, &kept).unwrap();
    kept
}

/// Returns the sound's first time, seconds after the picture's first.
fn offset(path: &Path) -> f64 {
    let first = |stream| oracle::packets(path, stream).iter().map(|one| one.pts).fold(f64::INFINITY, f64::min);
    first("a:0") - first("v:0")
}

#[test]
fn a_remux_between_any_two_containers_keeps_pictures_times_and_late_sound() {
    for from in ALL {
        let folder = scratch();
        let source = make(&folder, &format!("lesson.{from}"), &recipe(from, 0.5));
        let wanted = oracle::times(&source, "v:0");
        let pictures = oracle::raw_pictures(&source, "null");
        for into in ALL {
            let path = moved(&source, into);
            let what = format!("{from} into {into}");
            oracle::assert_times(&oracle::times(&path, "v:0"), &wanted, 0.0016);
            assert!((offset(&path) - offset(&source)).abs() < 0.003, "{what}: {}", offset(&path));
            assert_eq!(oracle::packets(&path, "a:0").len(), oracle::packets(&source, "a:0").len(), "{what}");
            assert!(oracle::raw_pictures(&path, "null") == pictures, "{what}: other pictures");
        }
    }
}

#[test]
fn a_rendition_is_encoded_into_any_container_and_twice_the_same() {
    let folder = scratch();
    let source = make(&folder, "lesson.flv", &recipe(Container::Flv, 0.3));
    for container in ALL {
        let sum = || {
            let ran = transcode(&source, &encode(&["240P"], container)).unwrap();
            let (path, finished) = ran.only();
            assert_eq!(oracle::decodes_whole(path), 75, "{container}");
            assert!((offset(path) - offset(&source)).abs() < 0.003, "{container}: {}", offset(path));
            finished.sha256.clone()
        };
        assert_eq!(sum(), sum(), "{container}");
    }
}

#[test]
fn every_keyframe_of_a_transport_stream_brings_its_headers() {
    let folder = scratch();
    let source = make(&folder, "lesson.flv", &recipe(Container::Flv, 0.0));
    let request = Request { keyint_seconds: 1.0, ..encode(&["240P"], Container::Ts) };
    let path = transcode(&source, &request).unwrap().only().0.to_owned();
    let words = ["-v", "error", "-i", path.to_str().unwrap(), "-map", "0:v", "-c", "copy", "-f", "h264", "-"];
    let stream = oracle::tool("ffmpeg", &words);
    let headers = stream.windows(4).filter(|bytes| bytes[..3] == [0, 0, 1] && bytes[3] & 0x1f == 7).count();
    assert_eq!(headers, 3, "sequence headers before keyframes");
}

#[test]
fn what_is_not_written_is_refused_with_what_is() {
    let folder = scratch();
    make(&folder, "lesson.flv", &recipe(Container::Flv, 0.0));
    for name in ["talk.m2ts", "talk.webm", "talk.mov", "talk.avi"] {
        let said = refused(&folder, &format!("transcode lesson.flv -o {name}"), 2, "OUTPUT_EXTENSION");
        assert!(said.stderr.contains(".mp4, .mkv, .ts or .flv"), "{said}");
    }
}

#[test]
fn the_container_is_the_sources_where_nobody_says_another() {
    for container in ALL {
        let folder = scratch();
        make(&folder, &format!("lesson.{container}"), &recipe(container, 0.0));
        let line = format!("transcode lesson.{container} -r 240P --force-encode -o out/ --json");
        let document = run(&folder, &line).succeeded().document();
        let wanted = format!("out/lesson_240P.{container}");
        assert_eq!(document["renditions"][0]["path"], wanted, "{document}");
    }
}

#[test]
fn a_turned_picture_is_turned_in_every_container_or_refused_to_be_copied() {
    let folder = scratch();
    let mut turned = recipe(Container::Mp4, 0.0);
    turned.pictures[0].rotation_degrees = 90.0;
    let source = make(&folder, "turned.mp4", &turned);
    for container in [Container::Mkv, Container::Ts, Container::Flv] {
        let refusal = reelmill::transcode::plan::plan(
            &reelmill::av::probe(&source, &reelmill::av::Interrupt::default()).unwrap(),
            &copy_into(container),
        );
        assert_eq!(refusal.unwrap_err().code(), "USAGE_COPY", "{container}");
        let ran = transcode(&source, &Request { container: Some(container), ..Request::default() }).unwrap();
        let (_, finished) = ran.only();
        assert_eq!((finished.width, finished.height), (180, 320), "{container}");
    }
}
