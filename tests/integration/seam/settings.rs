//! What is asked for beside chunks: ladders, remuxes in the same run, jobs, no proof, rates that need one piece.

use std::path::{Path, PathBuf};

use reelmill::clip::{Picture, Recipe};
use reelmill::media::{Container, RateControlMode, Ratio};
use reelmill::transcode::plan::Cut;
use reelmill::transcode::{AudioRequest, RateControlRequest, Request};

use super::{BOTH, RATE, TICK, check_request, even, keyframes, picture, with_options};
use crate::support::clip::{make, scratch};
use crate::support::oracle;
use crate::support::run::{Manner, Ran, USUAL, encode, transcode_as};
use crate::support::trap;

fn lesson(folder: &tempfile::TempDir, size: &str) -> PathBuf {
    let picture = Picture::h264(size, Ratio::new(10, 1), 31.0);
    let picture = picture.with_options(&[("preset", "veryfast"), ("crf", "36"), ("g", "20")]);
    let recipe = Recipe { pictures: vec![picture], ..Recipe::plain(Container::Flv, size, 31.0) };
    make(folder, "lesson.flv", &recipe)
}

#[test]
fn keyframes_fall_on_the_same_frames_in_every_rendition() {
    let folder = scratch();
    let source = lesson(&folder, "640x360");
    let checked = check_request(&source, &encode(&["360P", "240P"], Container::Flv), 3, &even(RATE, 310));
    let [large, small] = &checked.ran.renditions[..] else { panic!("two renditions") };
    let wanted: Vec<f64> = (0..8).map(|n| f64::from(n) * 4.0).collect();
    oracle::assert_times(&keyframes(&large.path), &wanted, TICK);
    oracle::assert_times(&keyframes(&small.path), &keyframes(&large.path), 0.0001);
}

#[test]
fn a_remux_beside_a_rendition_in_chunks_keeps_every_packet() {
    let folder = scratch();
    let source = lesson(&folder, "640x360");
    let request = Request { force_encode: false, ..encode(&["360P", "240P"], Container::Mp4) };
    let ran = transcode_as(USUAL, &source, &request).unwrap();
    let names: Vec<&str> = ran.plan.renditions.iter().map(|rendition| rendition.action.name()).collect();
    assert_eq!((names, ran.plan.cut.chunks().len()), (vec!["remux", "transcode"], 3));
    assert!(ran.renditions.iter().all(|one| one.result.as_ref().is_ok_and(|finished| finished.verified)));
    let hashes =
        |path: &Path| oracle::packets(path, "v:0").into_iter().map(|packet| packet.hash).collect::<Vec<_>>();
    assert_eq!(hashes(&ran.renditions[0].path), hashes(&source));
    for one in &ran.renditions {
        oracle::assert_times(&oracle::times(&one.path, "v:0"), &even(RATE, 310), TICK);
    }
}

#[test]
fn without_the_proof_the_same_bytes_come_out() {
    let folder = scratch();
    let source = make(&folder, "lesson.flv", &with_options(Container::Flv, 31.0, &[]));
    for container in BOTH {
        let sums = [true, false].map(|verify| {
            let ran = transcode_as(Manner { verify, ..USUAL }, &source, &encode(&[], container)).unwrap();
            let finished = ran.only().1;
            assert_eq!(finished.verified, verify);
            finished.sha256.clone()
        });
        assert_eq!(sums[0], sums[1]);
    }
}

fn sums(ran: &Ran) -> Vec<String> {
    ran.renditions.iter().map(|one| one.result.as_ref().unwrap().sha256.clone()).collect()
}

#[test]
fn odd_recordings_give_the_same_bytes_however_many_jobs() {
    let folder = scratch();
    let open = [("preset", "veryfast"), ("flags", "-cgop"), ("x264-params", "open-gop=1:bframes=3:keyint=20")];
    let part = |name: &str, seconds: f64, options: &[(&'static str, &'static str)]| {
        make(&folder, name, &with_options(Container::Flv, seconds, options))
    };
    let (first, second) = (part("open.flv", 31.0, &open), part("other.flv", 12.0, &[]));
    let glued = folder.path().join("glued.flv");
    crate::support::flv::write(&glued, &crate::support::flv::joined(&second, &first, 15_000));
    for (source, container) in [(first, Container::Flv), (glued, Container::Mp4)] {
        let request = Request { audio: AudioRequest::Aac(None), ..encode(&[], container) };
        let bytes = [1, 4].map(|jobs| sums(&transcode_as(Manner { jobs, ..USUAL }, &source, &request).unwrap()));
        assert_eq!(bytes[0], bytes[1], "{}", source.display());
    }
    trap::told("T39", "one to four jobs", "the same bytes");
}

#[test]
fn a_bitrate_over_the_whole_length_is_kept_in_one_piece() {
    let folder = scratch();
    let source = make(&folder, "lesson.flv", &with_options(Container::Flv, 31.0, &[]));
    for mode in [RateControlMode::Abr, RateControlMode::Cbr, RateControlMode::Vbr] {
        let max_bits_per_second = (mode == RateControlMode::Vbr).then_some(400_000);
        let rate_control = RateControlRequest {
            mode: Some(mode),
            bits_per_second: Some(200_000),
            max_bits_per_second,
            ..RateControlRequest::default()
        };
        let request = Request { rate_control, ..encode(&[], Container::Mp4) };
        let ran = transcode_as(USUAL, &source, &request).unwrap();
        assert!(matches!(ran.plan.cut, Cut::Whole { .. }), "{mode:?}: {:?}", ran.plan.cut);
        oracle::assert_times(&oracle::times(ran.only().0, "v:0"), &even(RATE, 310), TICK);
        picture::assert_all(ran.only().0, &source, 310);
    }
}
