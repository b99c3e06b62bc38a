//! The proof must not be fooled: files with one thing wrong, and the code it is refused with.

use std::fs;
use std::path::{Path, PathBuf};

use reelmill::av::Interrupt;
use reelmill::clip::{Edit, Recipe};
use reelmill::failure::Failure;
use reelmill::media::{Container, Timestamp, VideoInfo};
use reelmill::proof::{AudioExpectation, Expectation, measure, prove};
use tempfile::TempDir;

use crate::support::bytes::{changed, cut, flv_tags, set_flv_duration, share};
use crate::support::clip::{make, make_edited, scratch};

fn recipe(container: Container) -> Recipe {
    let muxer_options = if container == Container::Mp4 { vec![("movflags", "+faststart")] } else { Vec::new() };
    Recipe { muxer_options, ..Recipe::plain(container, "320x180", 4.0) }
}

/// A good file, and what it was made to be.
fn good(folder: &TempDir, container: Container) -> (PathBuf, Expectation) {
    let path = make(folder, "good", &recipe(container));
    let info = measure(&path, &Interrupt::default()).unwrap().info;
    let (video, audio) = (info.video.unwrap(), info.audio.unwrap());
    let expectation = Expectation {
        frames: Some(100),
        size: Some((video.width, video.height)),
        seconds: 4.0,
        frame_seconds: VideoInfo::frame_seconds(&video),
        audio: Some(AudioExpectation {
            priming_seconds: 0.0,
            packets: audio.packets,
            start_offset_seconds: audio.start_seconds - video.start_seconds,
            end_offset_seconds: audio.end_seconds - video.end_seconds,
        }),
        closed_groups: true,
    };
    (path, expectation)
}

fn verdict(path: &Path, expectation: &Expectation) -> &'static str {
    match prove(path, expectation, &Interrupt::default()) {
        Ok(file) => {
            assert!(file.file.is_proven());
            "OK"
        }
        Err(error) => error.code(),
    }
}

/// Makes a file with packets changed by `edit` in both containers and returns both verdicts.
fn verdicts(edit: impl Fn(usize, usize, &mut reelmill::av::Packet) -> Edit) -> [&'static str; 2] {
    [Container::Flv, Container::Mp4].map(|container| {
        let folder = scratch();
        let (_, expectation) = good(&folder, container);
        let path = make_edited(&folder, "edited", &recipe(container), &edit);
        verdict(&path, &expectation)
    })
}

fn drop_if(condition: bool) -> Edit {
    if condition { Edit::Drop } else { Edit::Keep }
}

/// Moves a packet by `seconds`.
fn shift(packet: &mut reelmill::av::Packet, seconds: f64) {
    #[expect(clippy::cast_possible_truncation, reason = "a second or so")]
    let moved = Timestamp::from_microseconds((seconds * 1e6) as i64).rescale(packet.time_base()).ticks;
    let (pts, dts) = (packet.pts().unwrap().ticks, packet.dts().unwrap().ticks);
    packet.set_times(pts + moved, dts + moved);
}

#[test]
fn a_good_file_passes() {
    assert_eq!(verdicts(|_, _, _| Edit::Keep), ["OK"; 2]);
}

#[test]
fn a_file_with_a_frame_too_few_is_refused() {
    for missing in [99, 70, 1] {
        let verdicts = verdicts(|stream, ordinal, _| drop_if(stream == 0 && ordinal == missing));
        assert_eq!(verdicts, ["PROOF_FRAMES"; 2], "frame {missing}");
    }
}

#[test]
fn a_file_with_pictures_of_another_size_is_refused() {
    let folder = scratch();
    let (path, expectation) = good(&folder, Container::Mp4);
    let size = expectation.size.map(|(width, height)| (width, height + 2));
    assert_eq!(verdict(&path, &Expectation { size, ..expectation }), "PROOF_SIZE");
}

#[test]
fn a_file_with_a_frame_too_many_is_refused() {
    let folder = scratch();
    let (path, mut expectation) = good(&folder, Container::Mp4);
    expectation.frames = Some(99);
    assert_eq!(verdict(&path, &expectation), "PROOF_FRAMES");
}

#[test]
fn a_file_that_lasts_too_long_or_too_short_is_refused() {
    let longer = verdicts(|stream, ordinal, packet| {
        if stream == 0 && ordinal >= 60 {
            shift(packet, 0.08);
        }
        Edit::Keep
    });
    assert_eq!(longer, ["PROOF_DURATION"; 2]);
    let folder = scratch();
    let (path, mut expectation) = good(&folder, Container::Flv);
    expectation.seconds = 4.1;
    assert_eq!(verdict(&path, &expectation), "PROOF_DURATION");
}

#[test]
fn a_file_whose_sound_begins_too_late_or_too_early_is_refused() {
    for container in [Container::Flv, Container::Mp4] {
        for (seconds, wanted) in [(0.02, "OK"), (0.06, "PROOF_SYNC"), (0.5, "PROOF_SYNC")] {
            let folder = scratch();
            let (_, expectation) = good(&folder, container);
            let mut late = recipe(container);
            late.sounds[0].delay_seconds = seconds;
            let path = make(&folder, "late", &late);
            assert_eq!(verdict(&path, &expectation), wanted, "{container}: {seconds} s late");
            // Seen from a late one, the good one is early.
            let mut early = expectation;
            early.audio.as_mut().unwrap().start_offset_seconds += seconds;
            early.audio.as_mut().unwrap().end_offset_seconds += seconds;
            assert_eq!(verdict(&folder.path().join("good"), &early), wanted, "{container}: {seconds} s early");
        }
    }
}

#[test]
fn a_file_whose_sound_drifts_is_refused() {
    let drifted = verdicts(|stream, ordinal, packet| {
        if stream == 1 {
            #[expect(clippy::cast_precision_loss, reason = "some hundred packets")]
            shift(packet, ordinal as f64 * 0.0006);
        }
        Edit::Keep
    });
    assert_eq!(drifted, ["PROOF_SYNC"; 2]);
}

#[test]
fn a_file_that_lost_sound_is_refused_wherever_it_lost_it() {
    assert_eq!(verdicts(|stream, _, _| drop_if(stream == 1)), ["PROOF_NO_AUDIO"; 2]);
    for lost in [60..61, 60..100] {
        let verdicts = verdicts(|stream, ordinal, _| drop_if(stream == 1 && lost.contains(&ordinal)));
        assert_eq!(verdicts, ["PROOF_SOUND"; 2], "{lost:?}");
    }
}

#[test]
fn a_file_with_sound_where_there_should_be_none_is_refused() {
    let folder = scratch();
    let (path, mut expectation) = good(&folder, Container::Mp4);
    expectation.audio = None;
    assert_eq!(verdict(&path, &expectation), "PROOF_SOUND");
}

#[test]
fn a_file_whose_clock_stands_still_falls_or_jumps_is_refused() {
    let folder = scratch();
    let (path, expectation) = good(&folder, Container::Flv);
    for (name, kind, move_by) in [("still", 9, -40_i64), ("falling", 9, -60), ("jumping", 8, 60_000)] {
        let path = changed(&path, name, |bytes| {
            let tags: Vec<_> = flv_tags(bytes).into_iter().filter(|tag| tag.is_media && tag.kind == kind).collect();
            let moved = &tags[60];
            moved.set_milliseconds(bytes, u32::try_from(i64::from(moved.milliseconds) + move_by).unwrap());
        });
        assert_eq!(verdict(&path, &expectation), "PROOF_TIMESTAMPS", "{name}");
    }
}

#[test]
fn an_mp4_whose_index_stands_behind_the_media_is_refused() {
    let folder = scratch();
    let (_, expectation) = good(&folder, Container::Mp4);
    let path = make(&folder, "last", &Recipe { muxer_options: Vec::new(), ..recipe(Container::Mp4) });
    assert_eq!(verdict(&path, &expectation), "PROOF_INDEX");
}

#[test]
fn a_file_that_is_cut_off_or_goes_on_in_zeros_is_refused() {
    for container in [Container::Flv, Container::Mp4] {
        let folder = scratch();
        let (path, expectation) = good(&folder, container);
        let length = share(&path, 100);
        for length in [length - 1, length - 5, length / 2] {
            assert_eq!(verdict(&cut(&path, "cut", length), &expectation), "PROOF_TORN", "{container}: {length}");
        }
        let zeros = changed(&path, "zeros", |bytes| bytes.resize(length + 5000, 0));
        assert_eq!(verdict(&zeros, &expectation), "PROOF_TORN", "{container}");
        fs::write(folder.path().join("empty"), b"").unwrap();
        assert_eq!(verdict(&folder.path().join("empty"), &expectation), "PROOF_UNREADABLE");
    }
}

#[test]
fn a_file_whose_header_lies_about_its_duration_is_refused() {
    let folder = scratch();
    let (path, expectation) = good(&folder, Container::Flv);
    let path = changed(&path, "lie", |bytes| set_flv_duration(bytes, 3.0));
    assert_eq!(verdict(&path, &expectation), "PROOF_HEADER");
}

#[test]
fn a_file_whose_first_or_last_pictures_do_not_decode_is_refused() {
    // Of 100 pictures, the second and last group begins with the 51st.
    for damaged in [0, 1, 25, 50, 51, 75, 99] {
        let verdicts = verdicts(|stream, ordinal, packet| {
            if stream == 0 && ordinal == damaged {
                let payload = packet.payload_mut().unwrap();
                let from = payload.len() / 2;
                payload[from..].fill(0);
            }
            Edit::Keep
        });
        assert_eq!(verdicts, ["PROOF_DECODE"; 2], "picture {damaged}");
    }
}

#[test]
fn a_file_that_begins_without_a_keyframe_is_refused() {
    let folder = scratch();
    let (_, mut expectation) = good(&folder, Container::Mp4);
    let path = make_edited(&folder, "headless", &recipe(Container::Mp4), |stream, ordinal, _| {
        drop_if(stream == 0 && ordinal == 0)
    });
    expectation.frames = Some(99);
    expectation.seconds = 3.96;
    let audio = expectation.audio.as_mut().unwrap();
    audio.start_offset_seconds -= 0.04;
    assert_eq!(verdict(&path, &expectation), "PROOF_DECODE");
}

#[test]
fn packets_that_the_demuxer_knows_to_be_damaged_are_refused() {
    let folder = scratch();
    let whole = make(&folder, "whole.ts", &Recipe::plain(Container::Ts, "320x180", 4.0));
    let frames = measure(&whole, &Interrupt::default()).unwrap().info.video.as_ref().unwrap().packets;
    let path = changed(&whole, "hole.ts", |bytes| {
        let middle = bytes.len() / 188 / 2 * 188;
        bytes.drain(middle..middle + 188);
    });
    let expectation = Expectation {
        frames: Some(frames),
        size: None,
        seconds: 4.0,
        frame_seconds: 0.04,
        audio: None,
        closed_groups: true,
    };
    assert_eq!(verdict(&path, &expectation), "PROOF_DAMAGED");
}
