//! Recordings with too much, too little, or something beside the point in them.

use std::fs;

use reelmill::av::demux::MAX_STREAMS;
use reelmill::clip::{Edit, Picture, Recipe, Sound};
use reelmill::media::{Container, Ratio};

use super::{code, made, measured, request};
use crate::support::bytes::{changed, find};
use crate::support::clip::{make, make_edited, scratch};
use crate::support::oracle;
use crate::support::run::saw;
use crate::support::trap::told;

fn picture(seconds: f64) -> Picture {
    Picture::h264("320x180", Ratio::new(25, 1), seconds)
}

fn recipe(container: Container, pictures: Vec<Picture>, sounds: Vec<Sound>) -> Recipe {
    Recipe { container, muxer_options: Vec::new(), pictures, sounds }
}

/// A still picture that a tagger put beside the recording.
fn cover() -> Picture {
    let mut cover = picture(0.04).with_source("testsrc2=size=640x640:rate=25:duration=0.04");
    cover.encoder = "mjpeg";
    cover.pixel_format = "yuvj420p";
    cover.options = Vec::new();
    cover.cover_art = true;
    cover
}

#[test]
fn m6_a_picture_of_65535_by_65535_is_refused_before_memory_is_taken_for_it() {
    let folder = scratch();
    let whole = make(&folder, "whole.mp4", &Recipe::plain(Container::Mp4, "320x180", 1.0));
    let source = changed(&whole, "large.mp4", |bytes| {
        // Sample entry: 4 bytes of type, then 24 bytes to the width and height.
        let entry = find(bytes, b"avc1").into_iter().max().unwrap();
        assert_eq!(bytes[entry + 28..entry + 32], [320_u16.to_be_bytes(), 180_u16.to_be_bytes()].concat());
        bytes[entry + 28..entry + 32].fill(0xff);
    });
    let before = peak_memory();
    assert_eq!(code(&source), "MEDIA_LIMIT_DIMENSIONS");
    told("M6", "an MP4 whose header claims 65535x65535", "MEDIA_LIMIT_DIMENSIONS");
    assert!(peak_memory() - before < 512 << 20, "one such picture is 6 GiB");
}

/// The most memory this process has ever had, in bytes.
fn peak_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

#[test]
fn m6_a_large_picture_that_only_its_own_headers_tell_of_is_refused() {
    let folder = scratch();
    let large = picture(0.04).with_source("color=size=6400x6400:rate=25:duration=0.04");
    for container in [Container::Flv, Container::Mp4] {
        let source = make(&folder, "large", &recipe(container, vec![large.clone()], Vec::new()));
        assert_eq!(code(&source), "MEDIA_LIMIT_DIMENSIONS", "{container}");
        told("M6", "6400x6400 pixels that only the H.264 headers tell of", "MEDIA_LIMIT_DIMENSIONS");
    }
}

#[test]
fn m9_more_streams_than_any_recording_has_are_refused() {
    let folder = scratch();
    for container in [Container::Mkv, Container::Ts] {
        let source =
            make(&folder, "many", &recipe(container, vec![picture(0.2)], vec![Sound::aac(0.1); MAX_STREAMS]));
        assert_eq!(code(&source), "MEDIA_LIMIT_STREAMS", "{container}");
        told("M9", "65 streams", "MEDIA_LIMIT_STREAMS");
        let sounds = vec![Sound::aac(0.1); MAX_STREAMS - 1];
        let source = make(&folder, "most", &recipe(container, vec![picture(0.2)], sounds));
        assert_eq!(code(&source), "OK", "{container}");
    }
}

#[test]
fn m13_a_recording_without_sound_becomes_one_without_sound() {
    let folder = scratch();
    for container in [Container::Flv, Container::Mp4] {
        let source = make(&folder, "silent", &recipe(container, vec![picture(2.0)], Vec::new()));
        let ran = made(&source, &request(container));
        saw("T31", "a recording without sound", &ran);
        let (path, finished) = ran.only();
        assert_eq!((finished.frames, finished.audio_codec.as_deref()), (50, None));
        assert_eq!(finished.repairs, Vec::<String>::new());
        assert_eq!(oracle::decodes_whole(path), 50);
    }
}

#[test]
fn m13_a_recording_without_a_picture_becomes_its_sound() {
    let folder = scratch();
    for container in [Container::Flv, Container::Mp4] {
        let source = make(&folder, "sound", &recipe(container, Vec::new(), vec![Sound::aac(2.0)]));
        let ran = made(&source, &request(container));
        let (_, finished) = ran.only();
        assert_eq!((finished.frames, finished.audio_codec.as_deref()), (0, Some("aac")), "{container}");
    }
    for container in [Container::Mp4, Container::Mkv] {
        let source = make(&folder, "covered", &recipe(container, vec![cover()], vec![Sound::aac(2.0)]));
        let ran = made(&source, &request(Container::Mp4));
        assert_eq!((ran.only().1.frames, ran.only().1.width), (0, 0), "cover art is no picture: {container}");
        assert_eq!(ran.plan.notes, ["left out: cover art (mjpeg)"], "{container}");
    }
}

#[test]
fn m13_streams_without_a_packet_are_empty() {
    let folder = scratch();
    for container in [Container::Flv, Container::Mp4] {
        let source = make_edited(&folder, "empty", &Recipe::plain(container, "320x180", 1.0), |_, _, _| Edit::Drop);
        assert_eq!(code(&source), "MEDIA_EMPTY", "{container}");
        told("M13", "streams without a packet", "MEDIA_EMPTY");
    }
}

#[test]
fn m13_a_single_picture_is_a_recording() {
    let folder = scratch();
    for container in [Container::Flv, Container::Mp4] {
        let source = make(&folder, "single", &recipe(container, vec![picture(0.04)], Vec::new()));
        let ran = made(&source, &request(container));
        saw("T17", "a recording of a single picture", &ran);
        assert_eq!((ran.only().1.frames, oracle::decodes_whole(ran.only().0)), (1, 1), "{container}");
    }
}

#[test]
fn cover_art_is_left_out_and_said_so_wherever_it_stands() {
    let folder = scratch();
    // Matroska from some recorders stores it as a plain picture stream.
    for (container, what) in [(Container::Mp4, "cover art (mjpeg)"), (Container::Mkv, "a second picture (mjpeg)")] {
        for pictures in [vec![cover(), picture(2.0)], vec![picture(2.0), cover()]] {
            let source = make(&folder, "covered", &recipe(container, pictures.clone(), vec![Sound::aac(2.0)]));
            let info = measured(&source);
            assert_eq!(info.video.as_ref().map(|video| (video.width, video.packets)), Some((320, 50)));
            let others: Vec<&str> = info.other_streams.iter().map(|other| other.what.as_str()).collect();
            assert_eq!(others, [what], "{container}");
            let ran = made(&source, &request(Container::Mp4));
            if container == Container::Mp4 {
                saw("T32", "cover art before or behind the picture", &ran);
            }
            assert!(ran.plan.notes.iter().any(|note| note.contains(what)), "{:?}", ran.plan.notes);
            let (path, finished) = ran.only();
            assert_eq!((finished.frames, finished.width), (50, 320));
            assert_eq!(oracle::decodes_whole(path), 50);
        }
    }
}

#[test]
fn m15_a_codec_that_nobody_decodes_is_named() {
    let folder = scratch();
    let whole = make(&folder, "whole.mp4", &Recipe::plain(Container::Mp4, "320x180", 1.0));
    let source = changed(&whole, "strange.mp4", |bytes| {
        let entry = find(bytes, b"avc1").into_iter().max().unwrap();
        bytes[entry..entry + 4].copy_from_slice(b"zzz1");
    });
    assert_eq!(code(&source), "MEDIA_CODEC_UNSUPPORTED");
    told("M15", "a codec that nobody knows", "MEDIA_CODEC_UNSUPPORTED");
}
