//! Frames that transcoders lose: held back in decoders, encoders and filters, or leaning on a group before.

use std::fs;
use std::path::Path;

use reelmill::clip::{Picture, Recipe};
use reelmill::media::{Container, RateControlMode, Ratio};
use reelmill::transcode::{RateControlRequest, Request};

use crate::support::clip::{make, scratch};
use crate::support::oracle;
use crate::support::run::saw;
use crate::support::run::{encode, transcode};

const BOTH: [Container; 2] = [Container::Flv, Container::Mp4];

fn with_picture(container: Container, seconds: f64, options: &[(&'static str, &'static str)]) -> Recipe {
    let mut recipe = Recipe::plain(container, "160x90", seconds);
    recipe.pictures = vec![Picture::h264("160x90", Ratio::new(25, 1), seconds).with_options(options)];
    recipe
}

#[test]
fn clips_of_one_to_seven_frames_come_out_with_as_many() {
    for b_frames in ["0", "8"] {
        for frames in 1..=7_u32 {
            for container in BOTH {
                let folder = scratch();
                let seconds = f64::from(frames) * 0.04;
                let options = [("bf", b_frames), ("b_strategy", "0"), ("preset", "veryfast")];
                let mut recipe = with_picture(container, seconds, &options);
                recipe.sounds.clear();
                let source = make(&folder, "short", &recipe);
                let ran = transcode(&source, &encode(&[], container)).unwrap();
                saw("T17", "clips of one to seven frames: the last one lasts", &ran);
                saw("T15", "clips of one to seven frames: no filter keeps one", &ran);
                saw("T13", "clips of one to seven frames, with B-frames and without", &ran);
                let (path, finished) = ran.only();
                assert_eq!(finished.frames, u64::from(frames), "{container} bf={b_frames}");
                assert_eq!(oracle::decodes_whole(path), frames as usize, "{container} bf={b_frames}");
                let off = (finished.duration_seconds - seconds).abs();
                assert!(off < 0.0411, "{container} bf={b_frames}: {} of {seconds}", finished.duration_seconds);
            }
        }
    }
}

#[test]
fn an_open_gop_with_many_b_frames_keeps_its_leading_frames() {
    let options = [
        ("preset", "medium"),
        ("bf", "16"),
        ("b_strategy", "2"),
        ("g", "25"),
        ("sc_threshold", "0"),
        ("flags", "-cgop"),
        ("x264-params", "open-gop=1:b-pyramid=strict:bframes=16:keyint=25:scenecut=0"),
    ];
    for from in BOTH {
        let folder = scratch();
        let source = make(&folder, "open", &with_picture(from, 4.0, &options));
        let wanted = oracle::times(&source, "v:0");
        assert_eq!(wanted.len(), 100);
        for container in BOTH {
            let copy = Request {
                rate_control: RateControlRequest { mode: Some(RateControlMode::Copy), ..Default::default() },
                ..Request { force_encode: false, ..encode(&[], container) }
            };
            for request in [encode(&[], container), copy] {
                let ran = transcode(&source, &request).unwrap();
                if request.force_encode {
                    saw("T13", "an open GOP with sixteen B-frames", &ran);
                }
                let (path, finished) = ran.only();
                assert_eq!((finished.frames, oracle::decodes_whole(path)), (100, 100));
                oracle::assert_times(&oracle::times(path, "v:0"), &wanted, 0.0011);
                assert!(oracle::likeness(path, &source, "null") > 30.0);
            }
        }
    }
}

#[test]
fn five_generations_keep_frame_count_length_and_sync() {
    for container in BOTH {
        let folder = scratch();
        let mut recipe = with_picture(container, 2.0, &[("bf", "3")]);
        recipe.sounds[0].source = "aevalsrc='0.8*sin(2*PI*880*t)*between(t,1,1.2)|0':s=44100:d=2".to_owned();
        let mut source = make(&folder, "generation0", &recipe);
        let before = oracle::onset(&source, 0.5);
        for generation in 1..=5 {
            let ran = transcode(&source, &encode(&[], container)).unwrap();
            saw("T16", "five generations", &ran);
            source = next(ran.only().0, folder.path(), generation);
        }
        assert_eq!(oracle::decodes_whole(&source), 50, "{container}");
        let wanted: Vec<f64> = (0..50).map(|n| f64::from(n) * 0.04).collect();
        oracle::assert_times(&oracle::times(&source, "v:0"), &wanted, 0.0011);
        let after = oracle::onset(&source, 0.5);
        assert!((after - before).abs() < 0.040, "{container}: a beep at {before:.3} moved to {after:.3}");
    }
}

#[test]
fn three_generations_of_encoded_sound_do_not_drift_by_more_than_its_priming_once() {
    let folder = scratch();
    let mut recipe = with_picture(Container::Mp4, 2.0, &[]);
    recipe.sounds[0].source = "aevalsrc='0.8*sin(2*PI*880*t)*between(t,1,1.2)|0':s=44100:d=2".to_owned();
    let mut source = make(&folder, "generation0", &recipe);
    let before = oracle::onset(&source, 0.5);
    for generation in 1..=3 {
        let request =
            Request { audio: reelmill::transcode::AudioRequest::Aac(None), ..encode(&[], Container::Mp4) };
        let ran = transcode(&source, &request).unwrap();
        saw("T14", "three generations of encoded sound", &ran);
        source = next(ran.only().0, folder.path(), generation);
    }
    let after = oracle::onset(&source, 0.5);
    assert!((after - before).abs() < 0.040, "a beep at {before:.3} moved to {after:.3}");
}

/// Moves an output out of the way of the next one.
fn next(output: &Path, folder: &Path, generation: u32) -> std::path::PathBuf {
    let path = folder.join(format!("generation{generation}"));
    fs::rename(output, &path).unwrap();
    path
}
