//! Recordings with holes and flipped bits: what can be seen is kept at its own time, what is lost is counted.

use std::path::Path;

use reelmill::clip::{Edit, Recipe};
use reelmill::media::Container;

use super::{code, made, request, told};
use crate::support::bytes::Noise;
use crate::support::clip::{make_edited, scratch};
use crate::support::oracle;
use crate::support::{run, trap};

const BOTH: [Container; 2] = [Container::Flv, Container::Mp4];

fn plain(container: Container) -> Recipe {
    Recipe::plain(container, "320x180", 4.0)
}

/// Presentation times of all pictures in order, in seconds.
fn times(path: &Path, stream: &str) -> Vec<f64> {
    let mut times: Vec<f64> = oracle::packets(path, stream).iter().map(|packet| packet.pts).collect();
    times.sort_by(f64::total_cmp);
    times
}

/// Seconds from the first picture to the first sound that a player plays, priming and all.
fn sound_offset(path: &Path) -> f64 {
    times(path, "a:0")[0] - times(path, "v:0")[0]
}

#[test]
fn flipped_bits_in_a_few_pictures_are_counted_and_no_picture_goes_missing_unsaid() {
    for container in BOTH {
        for seed in 1..4 {
            let (folder, mut noise) = (scratch(), Noise::new(seed));
            let mut flipped = 0;
            let source = make_edited(&folder, "flipped", &plain(container), |stream, ordinal, packet| {
                if stream == 0 && ordinal % 33 == 17 {
                    let payload = packet.payload_mut().unwrap();
                    // Behind the start code and the headers of the slice.
                    for _ in 0..8 {
                        let at = 40 + noise.below(payload.len() - 40);
                        payload[at] ^= 1 << noise.below(8);
                    }
                    flipped += 1;
                }
                Edit::Keep
            });
            assert_eq!(flipped, 3);
            let ran = made(&source, &request(Container::Mp4));
            let (path, finished) = ran.only();
            let lost = told(&finished.repairs, "could not be decoded");
            let damaged = told(&finished.repairs, "damaged and patched up");
            assert_eq!(finished.frames + lost, 100, "{container} {seed}: {:?}", finished.repairs);
            assert!(lost + damaged > 0, "{container} {seed}: {:?}", finished.repairs);
            assert_eq!(oracle::decodes_whole(path) as u64, finished.frames);
        }
    }
}

#[test]
fn a_recording_of_destroyed_pictures_is_undecodable() {
    for container in BOTH {
        for every in [1, 2] {
            let folder = scratch();
            let source = make_edited(&folder, "zeroed", &plain(container), |stream, ordinal, packet| {
                if stream == 0 && ordinal % every == 0 {
                    packet.payload_mut().unwrap()[5..].fill(0);
                }
                Edit::Keep
            });
            assert_eq!(code(&source), "MEDIA_UNDECODABLE", "{container}, one in {every}");
            trap::told("T11", "half of the pictures destroyed", "MEDIA_UNDECODABLE");
        }
    }
}

#[test]
fn pictures_missing_in_mid_stream_leave_a_hole_and_move_nothing() {
    for container in BOTH {
        let folder = scratch();
        let source = make_edited(&folder, "hole", &plain(container), |stream, ordinal, _| {
            if stream == 0 && (60..75).contains(&ordinal) { Edit::Drop } else { Edit::Keep }
        });
        for output in BOTH {
            let ran = made(&source, &request(output));
            let (path, finished) = ran.only();
            let lost = told(&finished.repairs, "could not be decoded");
            assert_eq!(finished.frames + lost, 85, "{container} to {output}: {:?}", finished.repairs);
            let (wanted, got) = (times(&source, "v:0"), times(path, "v:0"));
            for time in &got {
                let off = |place: &f64| (place - wanted[0] - (time - got[0])).abs();
                let nearest = wanted.iter().map(off).fold(f64::INFINITY, f64::min);
                assert!(nearest < 0.0015, "{container} to {output}: a picture at {time}");
            }
            let moved = sound_offset(path) - sound_offset(&source);
            assert!(moved.abs() < 0.001, "{container} to {output}: sound moved by {moved} s");
        }
    }
}

#[test]
fn sound_missing_in_mid_stream_leaves_a_hole_and_moves_nothing() {
    for container in BOTH {
        let folder = scratch();
        let source = make_edited(&folder, "hole", &plain(container), |stream, ordinal, _| {
            if stream == 1 && (60..90).contains(&ordinal) { Edit::Drop } else { Edit::Keep }
        });
        let ran = made(&source, &request(Container::Flv));
        let (path, _) = ran.only();
        let (wanted, got) = (times(&source, "a:0"), times(path, "a:0"));
        assert_eq!(got.len(), wanted.len());
        let zeros = (times(&source, "v:0")[0], times(path, "v:0")[0]);
        for (wanted, got) in wanted.iter().zip(&got) {
            assert!(((wanted - zeros.0) - (got - zeros.1)).abs() < 0.0015, "{container}: sound at {wanted}");
        }
    }
}

#[test]
fn pictures_before_the_first_keyframe_are_dropped_and_counted_and_the_sound_stays_in_place() {
    for container in BOTH {
        let folder = scratch();
        let source = make_edited(&folder, "headless", &plain(container), |stream, ordinal, _| {
            if stream == 0 && ordinal == 0 { Edit::Drop } else { Edit::Keep }
        });
        for output in BOTH {
            let ran = made(&source, &request(output));
            run::saw("T6", "pictures before the first keyframe", &ran);
            let (path, finished) = ran.only();
            assert_eq!(finished.frames, 50);
            assert_eq!(finished.repairs, ["49 pictures before the first keyframe dropped"], "{container}");
            assert_eq!(oracle::decodes_whole(path), 50);
            // The second keyframe is shown at 2 s; the sound began with the recording.
            let dropped = 2.0 - 0.04;
            let moved = sound_offset(path) + dropped - sound_offset(&source);
            assert!(moved.abs() < 0.002, "{container} to {output}: sound moved by {moved} s");
        }
    }
}
