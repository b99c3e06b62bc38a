//! Clocks that recorders get wrong: late sound, jumps, holes, uneven frames. The picture's times are checked frame by
//! frame, the sound's by where a beep is heard.

mod publish;
mod roll_over;

use std::path::{Path, PathBuf};

use reelmill::clip::{Edit, Picture, Recipe, Sound};
use reelmill::media::{Container, Ratio};
use reelmill::transcode::{AudioRequest, Request};
use tempfile::TempDir;

use crate::support::bytes::{cut, share};
use crate::support::clip::{by_ffmpeg, make, make_edited, scratch};
use crate::support::run::saw;
use crate::support::run::{Ran, encode, outcome, transcode};
use crate::support::{flv, oracle};

const BOTH: [Container; 2] = [Container::Flv, Container::Mp4];
/// What the contract lets sound and picture be apart.
const SYNC: f64 = 0.040;
/// A tick of FLV's clock and some dust.
const TICK: f64 = 0.0011;

/// Sound that is silent but for beeps of 0.2 s at these seconds of its own clock.
fn beeps(at: &[f64], seconds: f64) -> Sound {
    let gates: Vec<String> = at.iter().map(|at| format!("between(t,{at},{at}+0.2)")).collect();
    let wave = format!("0.8*sin(2*PI*880*t)*({})", gates.join("+"));
    Sound { source: format!("aevalsrc='{wave}|{wave}':s=44100:d={seconds}"), ..Sound::aac(seconds) }
}

/// A recording of 25 frames a second with a beep one second after the sound's start.
fn recipe(container: Container, seconds: f64) -> Recipe {
    Recipe { sounds: vec![beeps(&[1.0], seconds)], ..Recipe::plain(container, "160x90", seconds) }
}

fn with_aac(names: &[&str], container: Container) -> Request {
    Request { audio: AudioRequest::Aac(None), ..encode(names, container) }
}

/// Encodes `source` with sound copied and with sound encoded into both containers, and shows `check` each output.
fn each_way(source: &Path, mut check: impl FnMut(&Path, &Ran)) {
    for container in BOTH {
        for request in [encode(&[], container), with_aac(&[], container)] {
            let ran = transcode(source, &request).unwrap();
            let (path, finished) = ran.only();
            assert!(finished.verified);
            check(path, &ran);
        }
    }
}

fn assert_heard(path: &Path, from: f64, wanted: f64) {
    let heard = oracle::onset(path, from);
    assert!((heard - wanted).abs() < SYNC, "{}: heard at {heard:.3}, wanted {wanted:.3}", path.display());
}

#[test]
fn late_sound_stays_as_late_as_it_was() {
    for (delay, seconds) in [(0.244, 2.0), (24.0, 26.0)] {
        let folder = scratch();
        let mut recipe = recipe(Container::Flv, seconds);
        recipe.pictures = vec![Picture::h264("64x64", Ratio::new(25, 1), seconds)];
        recipe.sounds = vec![Sound { delay_seconds: delay, ..beeps(&[1.0], 1.5) }];
        let source = make(&folder, "late.flv", &recipe);
        let truth = oracle::onset(&source, 0.0);
        assert!((truth - delay - 1.0).abs() < SYNC, "the source itself: {truth}");
        each_way(&source, |path, ran| {
            saw("T20", "sound that begins 0.2 s and 24 s late", ran);
            assert_eq!(oracle::times(path, "v:0").len(), oracle::times(&source, "v:0").len());
            assert_heard(path, 0.0, delay + 1.0);
        });
    }
}

#[test]
fn early_sound_stays_as_early_as_it_was() {
    let folder = scratch();
    // The picture begins 0.5 s after the sound.
    let source = make_edited(&folder, "early.flv", &recipe(Container::Flv, 3.0), |stream, _, packet| {
        if stream == 0 {
            let later = |time: Option<reelmill::media::Timestamp>| time.unwrap().ticks + 12;
            packet.set_times(later(packet.pts()), later(packet.dts()));
        }
        Edit::Keep
    });
    let truth = oracle::onset(&source, 0.0);
    assert!((truth - 0.52).abs() < SYNC, "the source itself: {truth}");
    each_way(&source, |path, _| assert_heard(path, 0.0, truth));
}

/// Writes a plain recording of four seconds whose tags' times are changed by `change`.
fn clocked(folder: &TempDir, name: &str, change: impl Fn(&mut flv::Tag)) -> PathBuf {
    let mut recipe = recipe(Container::Flv, 4.0);
    recipe.sounds = vec![beeps(&[1.0, 3.0], 4.0)];
    let plain = make(folder, "plain.flv", &recipe);
    let mut tags = flv::read(&plain);
    tags.iter_mut().for_each(change);
    let path = folder.path().join(name);
    flv::write(&path, &tags);
    path
}

#[test]
fn a_jump_of_the_clock_forward_or_back_is_taken_out_of_both_streams() {
    for offset in [60_000_u32, 3_600_000] {
        for forward in [true, false] {
            let folder = scratch();
            let source = clocked(&folder, "jump.flv", |tag| {
                if (tag.time >= 2000) == forward {
                    tag.time += offset;
                }
            });
            each_way(&source, |path, ran| {
                saw("T1", "a clock that jumps forward or back by a minute and by an hour", ran);
                let wanted: Vec<f64> = (0..100).map(|n| f64::from(n) * 0.04).collect();
                oracle::assert_times(&oracle::times(path, "v:0"), &wanted, 0.002);
                assert_heard(path, 0.5, 1.02);
                assert_heard(path, 2.0, 3.02);
                let repairs = &ran.only().1.repairs;
                assert!(repairs.iter().any(|repair| repair.contains("timestamp jump")), "{repairs:?}");
            });
        }
    }
}

#[test]
fn sound_that_jumps_alone_is_brought_back_to_the_picture() {
    let folder = scratch();
    let source = clocked(&folder, "jump.flv", |tag| {
        if tag.kind == flv::SOUND && tag.time >= 2000 {
            tag.time += 60_000;
        }
    });
    each_way(&source, |path, ran| {
        saw("T2", "sound whose clock jumps alone", ran);
        assert_heard(path, 0.5, 1.02);
        assert_heard(path, 2.0, 3.02);
    });
}

#[test]
fn a_last_tag_a_month_ahead_does_not_stretch_the_recording_m7() {
    for kind in [flv::PICTURE, flv::SOUND] {
        let folder = scratch();
        let plain = make(&folder, "plain.flv", &recipe(Container::Flv, 2.0));
        let mut tags = flv::read(&plain);
        // Not the end-of-sequence mark, which carries no picture.
        let last = tags.iter_mut().rfind(|tag| tag.kind == kind && tag.payload[1] == 1).unwrap();
        last.time = 0x7FFF_FFFF;
        let source = folder.path().join("month.flv");
        flv::write(&source, &tags);
        each_way(&source, |path, ran| {
            saw("M7", "a last tag a month ahead", ran);
            let finished = ran.only().1;
            assert_eq!(oracle::times(path, "v:0").len(), 50);
            assert!((finished.duration_seconds - 2.0).abs() < 0.1, "{}", finished.duration_seconds);
        });
    }
}

#[test]
fn a_pause_of_both_streams_is_kept() {
    let folder = scratch();
    let source = clocked(&folder, "pause.flv", |tag| {
        if tag.time >= 2000 {
            tag.time += 3000;
        }
    });
    each_way(&source, |path, ran| {
        saw("T1", "a pause of both streams", ran);
        let wanted: Vec<f64> = (0..100).map(|n| f64::from(n) * 0.04 + if n < 50 { 0.0 } else { 3.0 }).collect();
        oracle::assert_times(&oracle::times(path, "v:0"), &wanted, TICK);
        assert_heard(path, 0.5, 1.02);
        assert_heard(path, 4.0, 6.02);
    });
}

#[test]
fn uneven_frames_keep_their_times_to_a_millisecond_m13() {
    for (name, container) in [("uneven.flv", Container::Flv), ("uneven.mp4", Container::Mp4)] {
        let folder = scratch();
        let mut recipe = recipe(container, 3.0);
        let uneven =
            "testsrc2=size=160x90:rate=25:duration=3,settb=1/1000,setpts='PTS+17*mod(N*N,3)-9*mod(N,2)+20'";
        recipe.pictures[0] =
            Picture { time_base: Ratio::new(1, 1000), ..recipe.pictures[0].clone() }.with_source(uneven);
        let source = make(&folder, name, &recipe);
        let wanted = oracle::times(&source, "v:0");
        assert!(wanted.windows(2).any(|pair| (pair[1] - pair[0] - 0.04).abs() > 0.015), "uneven");
        each_way(&source, |path, ran| {
            saw("T23", "frames at uneven distances", ran);
            oracle::assert_times(&oracle::times(path, "v:0"), &wanted, TICK);
            assert_heard(path, 0.5, oracle::onset(&source, 0.5));
        });
    }
}

#[test]
fn rates_that_do_not_divide_a_second_keep_every_frame_and_their_rate() {
    for rate in [Ratio::new(2983, 100), Ratio::new(24_000, 1001), Ratio::new(30_000, 1001)] {
        for container in BOTH {
            let folder = scratch();
            let mut recipe = recipe(container, 6.0);
            recipe.pictures = vec![Picture::h264("160x90", rate, 6.0)];
            let source = make(&folder, "odd", &recipe);
            let count = oracle::times(&source, "v:0").len();
            each_way(&source, |path, ran| {
                saw("T19", "23.976, 29.83 and 29.97 frames a second", ran);
                let times = oracle::times(path, "v:0");
                assert!(times.windows(2).all(|pair| pair[1] > pair[0]), "no time twice");
                let wanted: Vec<f64> =
                    (0..u32::try_from(count).unwrap()).map(|n| f64::from(n) / rate.value()).collect();
                oracle::assert_times(&times, &wanted, TICK);
            });
        }
    }
}

#[test]
fn decode_times_that_fall_stand_still_or_are_all_zero_come_out_rising_m12() {
    type Trick = (&'static str, fn(u32) -> u32);
    let tricks: [Trick; 2] = [
        ("a decode time that falls", |time| if (1000..1040).contains(&time) { 700 } else { time }),
        ("decode times that stand still", |time| time / 80 * 80),
    ];
    for (name, trick) in tricks {
        let folder = scratch();
        let source = clocked(&folder, "disorder.flv", |tag| {
            if tag.kind == flv::PICTURE {
                tag.time = trick(tag.time);
            }
        });
        each_way(&source, |path, ran| {
            saw("M12", name, ran);
            let packets = oracle::packets(path, "v:0");
            assert_eq!(packets.len(), 100, "{name}");
            assert!(packets.windows(2).all(|pair| pair[1].dts > pair[0].dts), "{name}");
            assert_heard(path, 0.5, 1.02);
            assert!(!ran.only().1.repairs.is_empty(), "{name}");
        });
    }
}

#[test]
fn a_picture_without_any_clock_is_either_given_one_or_refused_m12() {
    let folder = scratch();
    let source = clocked(&folder, "zero.flv", |tag| {
        if tag.kind == flv::PICTURE {
            tag.time = 0;
        }
    });
    // All frames at once is no recording: what must never happen is exit 0 with four seconds of sound and no picture.
    let code = crate::support::run::outcome(&source, &encode(&[], Container::Mp4));
    if code == "OK" {
        let ran = transcode(&source, &encode(&[], Container::Mp4)).unwrap();
        let times = oracle::times(ran.only().0, "v:0");
        assert!((times.last().unwrap() - 3.96).abs() < 0.1, "{times:?}");
    } else {
        assert!(code.starts_with("MEDIA_") || code.starts_with("PROOF_"), "{code}");
    }
}

#[test]
fn negative_times_and_edit_lists_keep_frames_and_sync_m12() {
    let inputs = "-f lavfi -i testsrc2=size=160x90:rate=25:duration=3 \
                  -f lavfi -i aevalsrc=0.8*sin(2*PI*880*t)*between(t\\,1\\,1.2):s=44100:d=3 \
                  -c:v libx264 -preset ultrafast -bf 3 -g 25 -c:a aac -ac 2";
    for (trap, name, options) in [
        ("an edit list", "edit.mp4", "-use_editlist 1"),
        ("composition offsets below zero", "negative.mp4", "-movflags +negative_cts_offsets -use_editlist 1"),
        ("B-frames without an edit list", "no_edit.mp4", "-use_editlist 0"),
        (
            "a Matroska that begins below zero",
            "negative.mkv",
            "-avoid_negative_ts disabled -output_ts_offset -0.02",
        ),
    ] {
        let folder = scratch();
        let source = by_ffmpeg(&folder, name, &format!("{inputs} {options}"));
        let truth = oracle::onset(&source, 0.5);
        let wanted: Vec<f64> = (0..75).map(|n| f64::from(n) * 0.04).collect();
        each_way(&source, |path, ran| {
            saw("T21", trap, ran);
            let tolerance = if name == "negative.mkv" { 0.0211 } else { TICK };
            oracle::assert_times(&oracle::times(path, "v:0"), &wanted, tolerance);
            assert_eq!(ran.only().1.frames, 75, "{name}");
            assert_heard(path, 0.5, truth);
        });
    }
}

#[test]
fn an_avi_without_presentation_times_keeps_every_frame_in_order() {
    for codec in ["libx264 -preset ultrafast -bf 2", "mpeg4 -bf 2 -q:v 3"] {
        let folder = scratch();
        let line = format!(
            "-f lavfi -i testsrc2=size=160x90:rate=25:duration=2 -f lavfi -i sine=duration=2 -c:v {codec} -c:a libmp3lame"
        );
        let source = by_ffmpeg(&folder, "old.avi", &line);
        let half = cut(&source, "half.avi", share(&source, 50));
        assert_eq!(outcome(&half, &encode(&[], Container::Flv)), "MEDIA_TRUNCATED", "{codec}");
        for container in BOTH {
            let ran = transcode(&source, &encode(&[], container)).unwrap();
            saw("T22", "an old AVI, which has no presentation times", &ran);
            let (path, _) = ran.only();
            assert_eq!(oracle::decodes_whole(path), 50, "{codec}");
            let wanted: Vec<f64> = (0..50).map(|n| f64::from(n) * 0.04).collect();
            oracle::assert_times(&oracle::times(path, "v:0"), &wanted, TICK);
            let likeness = oracle::likeness(path, &source, "null");
            assert!(likeness > 30.0, "{codec}: {likeness:.1} dB");
        }
    }
}

#[test]
fn what_an_edit_list_cuts_off_is_neither_shown_nor_heard() {
    let folder = scratch();
    let inputs = "-f lavfi -i testsrc2=size=160x90:rate=25:duration=6 -f lavfi -i sine=duration=6";
    let whole = by_ffmpeg(&folder, "whole.mp4", &format!("{inputs} -c:v libx264 -preset ultrafast -g 50"));
    let whole = whole.to_str().unwrap();
    // Begins 1.2 s behind a keyframe: those pictures are in the file and hidden.
    let source = by_ffmpeg(&folder, "trimmed.mp4", &format!("-ss 3.2 -i {whole} -c copy"));
    for container in BOTH {
        let plain = Request { force_encode: false, ..encode(&[], container) };
        for request in [encode(&[], container), plain, with_aac(&[], container)] {
            let ran = transcode(&source, &request).unwrap();
            if request.force_encode && request.audio == AudioRequest::Copy {
                saw("T21", "what an edit list cuts off", &ran);
            }
            let (path, finished) = ran.only();
            assert_eq!(usize::try_from(finished.frames), Ok(oracle::decodes_whole(&source)));
            assert!((finished.duration_seconds - 2.8).abs() < 0.1, "{}", finished.duration_seconds);
            assert!(oracle::decodes_whole(path) > 0);
        }
    }
}

#[test]
fn slides_that_stand_for_fifteen_seconds_keep_their_times_without_sound_to_go_by() {
    let folder = scratch();
    let line = "-f lavfi -i testsrc2=size=160x90:rate=1/15:duration=90 -c:v libx264 -g 2";
    let source = by_ffmpeg(&folder, "slides.mkv", line);
    let wanted: Vec<f64> = (0..6).map(|n| f64::from(n) * 15.0).collect();
    each_way(&source, |path, ran| {
        saw("T23", "slides that stand for fifteen seconds", ran);
        oracle::assert_times(&oracle::times(path, "v:0"), &wanted, TICK);
        assert_eq!(ran.only().1.repairs, Vec::<String>::new());
    });
}
