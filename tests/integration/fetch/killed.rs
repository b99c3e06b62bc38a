//! Fetches that are killed, before calls that change the disk and at random moments, and done again by the same command.
//!
//! `REELMILL_SEED` sets the seed, `REELMILL_KILLS` the number of random kills, `REELMILL_STEP` is 1 for every point.

use std::fs;
use std::time::{Duration, Instant};

use super::Place;
use super::disk::{CALLS, files, finishes, line, points};
use crate::support::bytes::Noise;
use crate::support::invariant::{Left, holds};
use crate::support::kill::{Blow, KILLED, Watch, killed_after};
use crate::support::origin::{Answer, Asked, End, Object, Origin};
use crate::support::setting::setting;

/// Random kills, where nobody wants more.
const KILLS: usize = 12;
/// So much may be fetched again after a kill.
const AGAIN_BYTES_MAX: u64 = 8 << 20;

/// Kills a fetch from such an origin at every point, and lets the same command finish.
fn survives_at_every_point(object: &Object, script: fn(&Asked, &mut Answer)) {
    let mut kills = 0;
    for point in points(object) {
        let (place, origin) = (Place::new(), Origin::scripted(object.clone(), script));
        let watch = Watch { calls: CALLS, files: &files(&place) };
        let line = line(&place, &origin.url("/"));
        let (said, _) = watch.strike(place.folder.path(), &point, Blow::Kill, &line);
        kills += usize::from(said.exit == KILLED);
        holds(&place.output(), &object.bytes, &[], &said);
        finishes(&place, object, &line, &format!("{point:?}\n{said}"));
    }
    assert!(kills > 10, "only {kills} kills");
}

#[test]
fn a_kill_at_every_durable_call_costs_nothing_that_the_same_command_does_not_mend() {
    survives_at_every_point(&Object::new(4_000_000, 1), |_, _| ());
}

#[test]
fn a_kill_while_a_part_is_thrown_away_is_mended_too() {
    let object = Object::new(1_000_000, 2);
    let place = Place::new();
    let fault = |asked: &Asked, answer: &mut Answer| match asked.header("range") {
        // Wrong twice: the first time it is begun anew, the second time all is thrown away.
        Some(_) if asked.index < 4 => answer.unset("Content-Range").done(),
        None if asked.index < 4 => answer.stop(500_000, End::Close).done(),
        _ => {}
    };
    let watch = Watch { calls: CALLS, files: &files(&place) };
    let origin = Origin::scripted(object.clone(), fault);
    let (points, said) = watch.points(place.folder.path(), &line(&place, &origin.url("/")));
    assert_eq!((said.exit, said.code()), (3, "DL_RANGE_MISMATCH"), "{said}");
    for point in points.iter().filter(|point| point.call != "write") {
        let (place, origin) = (Place::new(), Origin::scripted(object.clone(), fault));
        let watch = Watch { calls: CALLS, files: &files(&place) };
        let line = line(&place, &origin.url("/"));
        let (said, _) = watch.strike(place.folder.path(), point, Blow::Kill, &line);
        assert_ne!(holds(&place.output(), &object.bytes, &[], &said), Left::Whole, "{point:?}\n{said}");
        // Killed early, it still has a wrong answer before it; then the run after that is the one that finishes.
        while origin.asked().len() < 4 {
            let said = crate::support::binary::run(&place.folder, &line);
            assert!(matches!(said.exit, 0 | 3), "{point:?}\n{said}");
            holds(&place.output(), &object.bytes, &[], &said);
        }
        if !place.output().is_file() {
            finishes(&place, &object, &line, &format!("{point:?}\n{said}"));
        }
    }
}

#[test]
fn random_kills_lose_at_most_eight_mebibytes() {
    let (seed, kills) = (setting("REELMILL_SEED", 1), setting("REELMILL_KILLS", KILLS));
    let mut noise = Noise::new(u64::try_from(seed).unwrap());
    let object = Object::new(24 << 20, 3);
    // As slow as a fast network, for kills to come in its middle.
    let paced = |_: &Asked, answer: &mut Answer| answer.pace(256 << 10, Duration::from_millis(2)).done();
    let origin = Origin::scripted(object.clone(), paced);
    let began = Instant::now();
    let mut place = Place::new();
    place.fetches(&origin.url("/"), "", &object);
    let lasts = began.elapsed();
    let (mut killed, mut resumed) = (0, 0);
    place = Place::new();
    while killed < kills {
        let before = fs::metadata(place.part()).map_or(0, |part| part.len());
        let asked = origin.asked().len();
        let moment = lasts.mul_f64(f64::from(u32::try_from(noise.below(1000)).unwrap()) / 1000.0);
        let said = killed_after(place.folder.path(), moment, &super::line(&origin.url("/"), ""));
        let left = holds(&place.output(), &object.bytes, &[], &said);
        if let Some(request) = origin.asked().get(asked) {
            let offset = u64::try_from(request.offset()).unwrap();
            assert!(offset <= before && before - offset <= AGAIN_BYTES_MAX, "{offset} of {before}\n{said}");
            resumed += usize::from(offset > 0);
        }
        assert!(matches!(said.exit, 0 | KILLED), "{said}");
        killed += usize::from(said.exit == KILLED);
        if left == Left::Whole {
            if said.exit == KILLED {
                finishes(&place, &object, &super::line(&origin.url("/"), ""), "killed at its end");
            }
            place = Place::new();
        }
    }
    assert!(resumed > 0, "no kill left anything to resume");
}
