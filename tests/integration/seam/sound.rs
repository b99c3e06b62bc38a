//! Sound over seams: copied and encoded, late, short, with a hole, or not there; and pictures that come later than sound.

use std::path::Path;

use reelmill::clip::{Edit, Recipe, Sound};
use reelmill::media::Container;
use reelmill::transcode::{AudioRequest, Request};

use super::{BOTH, RATE, check_request, even, picture, with_options};
use crate::support::clip::{make, make_edited, scratch};
use crate::support::oracle;
use crate::support::run::encode;
use crate::support::trap;

const SECONDS: f64 = 31.0;
const SYNC: f64 = 0.040;

/// Sound that is silent but for beeps of 0.2 s at these seconds of its own clock.
fn beeps(at: &[f64], seconds: f64) -> Sound {
    let gates: Vec<String> = at.iter().map(|at| format!("between(t,{at},{at}+0.2)")).collect();
    let wave = format!("0.8*sin(2*PI*880*t)*({})", gates.join("+"));
    Sound { source: format!("aevalsrc='{wave}':s=16000:d={seconds}"), ..super::speech(seconds) }
}

fn lesson(sound: Sound) -> Recipe {
    Recipe { sounds: vec![sound], ..with_options(Container::Flv, SECONDS, &[]) }
}

/// Checks the recording with its sound copied into an FLV and encoded into an MP4: beeps are heard at these seconds
/// after the first picture.
fn check_heard(source: &Path, heard: &[f64]) {
    let encoded = Request { audio: AudioRequest::Aac(None), ..encode(&[], Container::Mp4) };
    for request in [encode(&[], Container::Flv), encoded] {
        let checked = check_request(source, &request, 3, &even(RATE, 310));
        for wanted in heard {
            let onset = oracle::onset(checked.path(), wanted - 0.5);
            assert!((onset - wanted).abs() < SYNC, "heard at {onset:.3}, wanted {wanted}");
        }
    }
}

#[test]
fn sound_over_the_whole_length_stays_with_its_pictures() {
    let folder = scratch();
    let at = [1.0, 11.9, 12.9, 23.9, 29.0];
    let source = make(&folder, "lesson.flv", &lesson(beeps(&at, SECONDS)));
    check_heard(&source, &at);
    trap::told("T36", "sound over many chunks", "encoded or copied once, whole: no seam");
}

#[test]
fn sound_that_begins_in_the_second_chunk_is_as_late_as_it_was() {
    let folder = scratch();
    let source = make(&folder, "late.flv", &lesson(Sound { delay_seconds: 13.0, ..beeps(&[1.0, 12.0], 17.0) }));
    check_heard(&source, &[14.0, 25.0]);
}

#[test]
fn sound_that_ends_in_the_first_chunk_ends_there() {
    let folder = scratch();
    let source = make(&folder, "short.flv", &lesson(beeps(&[1.0, 10.0], 11.0)));
    check_heard(&source, &[1.0, 10.0]);
}

#[test]
fn sound_that_is_missing_for_twenty_seconds_goes_on_where_it_belongs() {
    let folder = scratch();
    let beeps = beeps(&[1.0, 27.0], 30.0);
    let sound = Sound { sample_rate: 44_100, ..beeps };
    // A packet lasts 23.2 ms: from 5 to 25 s nothing is there.
    let source = make_edited(&folder, "hole.flv", &lesson(sound), |stream, ordinal, _| {
        if stream == 1 && (215..1077).contains(&ordinal) { Edit::Drop } else { Edit::Keep }
    });
    check_heard(&source, &[1.0, 27.0]);
}

#[test]
fn pictures_that_begin_later_than_the_sound_stay_as_late() {
    for delay in [0.5, 14.0] {
        let folder = scratch();
        #[expect(clippy::cast_possible_truncation, reason = "frames of a few seconds")]
        let ticks = (delay * RATE) as i64;
        let recipe = Recipe { sounds: vec![beeps(&[20.0], SECONDS + delay)], ..lesson(beeps(&[], 1.0)) };
        let source = make_edited(&folder, "early.flv", &recipe, |stream, _, packet| {
            if stream == 0 {
                let later = |time: Option<reelmill::media::Timestamp>| time.unwrap().ticks + ticks;
                packet.set_times(later(packet.pts()), later(packet.dts()));
            }
            Edit::Keep
        });
        check_heard(&source, &[20.0 - delay]);
    }
}

#[test]
fn a_silent_recording_is_cut_as_others() {
    let folder = scratch();
    let recipe = Recipe { sounds: Vec::new(), ..with_options(Container::Mp4, SECONDS, &[("bf", "3")]) };
    let source = make(&folder, "silent.mp4", &recipe);
    for container in BOTH {
        let checked = check_request(&source, &encode(&[], container), 3, &even(RATE, 310));
        picture::assert_all(checked.path(), &source, 310);
    }
}
