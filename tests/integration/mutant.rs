//! Good recordings, mutated: each mutant ends in an output that is right or in an error that is documented, within its time
//! and memory, and never in a crash.
//!
//! `REELMILL_MEDIA_MUTANTS` sets how many there are of each container, `REELMILL_SEED` the seed. A mutant that fails is
//! told by its number; `REELMILL_MEDIA_MUTANT` runs that one alone, and leaves its file behind.

mod field;
mod judge;
mod mutate;
mod table;

use std::collections::BTreeMap;
use std::fs;

use fastrand::Rng;
use reelmill::clip::{Picture, Recipe, Sound};
use reelmill::media::{Container, Ratio};

use self::judge::Verdict;
use crate::support::clip::{make, scratch};
use crate::support::setting::setting;
use crate::support::trap;

/// Of each container; enough to see that the apparatus works. `make campaign` takes 500.
const MUTANTS: usize = 25;
/// No number of a mutant.
const ALL: usize = usize::MAX;

/// Returns two seconds of a small picture in four groups, with sound.
fn recipe(container: Container) -> Recipe {
    let picture = Picture::h264("64x36", Ratio::new(25, 1), 2.0).with_options(&[("g", "12"), ("bf", "2")]);
    let muxer_options = if container == Container::Mp4 { vec![("movflags", "+faststart")] } else { Vec::new() };
    Recipe { container, muxer_options, pictures: vec![picture], sounds: vec![Sound::aac(2.0)] }
}

/// Runs the mutants of one container.
#[expect(clippy::print_stdout, reason = "the figures that a campaign is run for")]
fn run(container: Container) {
    let folder = scratch();
    let name = format!("source.{}", container.name());
    let bytes = fs::read(make(&folder, &name, &recipe(container))).unwrap();
    let fields = field::fields(container, &bytes);
    assert!(fields.len() > 100, "{container}: {} fields of a length were found", fields.len());
    let (seed, alone) = (setting("REELMILL_SEED", 1), setting("REELMILL_MEDIA_MUTANT", ALL));
    let numbers = if alone == ALL { 0..setting("REELMILL_MEDIA_MUTANTS", MUTANTS) } else { alone..alone + 1 };
    let (mut seen, mut failed) = (BTreeMap::new(), Vec::new());
    for number in numbers {
        // A mutant is a function of seed and number alone.
        let mut random = Rng::with_seed((seed as u64) << 32 | number as u64);
        let mutant = mutate::mutant(&mut random, &bytes, &fields, number);
        match judge::judge(&folder, &name, &mutant, number) {
            Verdict::Fine(what) => *seen.entry(what).or_insert(0_usize) += 1,
            Verdict::Wrong(why) => failed.push(format!("mutant {number} of seed {seed}, {container}: {why}")),
        }
    }
    println!("{container}: {seen:?}");
    if alone != ALL {
        println!("the mutant lies in {}", folder.keep().display());
    }
    assert!(failed.is_empty(), "{} of the mutants:\n{}", failed.len(), failed.join("\n"));
}

#[test]
fn m19_mutants_of_an_flv_become_right_outputs_or_documented_errors() {
    run(Container::Flv);
    trap::told("M19", "mutants of an FLV", "an output that is right, or an error that stands in errors.md");
}

#[test]
fn m19_mutants_of_an_mp4_become_right_outputs_or_documented_errors() {
    run(Container::Mp4);
    trap::told("M19", "mutants of an MP4", "an output that is right, or an error that stands in errors.md");
}

#[test]
fn m19_mutants_of_a_matroska_become_right_outputs_or_documented_errors() {
    run(Container::Mkv);
    trap::told("M19", "mutants of a Matroska", "an output that is right, or an error that stands in errors.md");
}

#[test]
fn m19_mutants_of_a_transport_stream_become_right_outputs_or_documented_errors() {
    run(Container::Ts);
    trap::told(
        "M19",
        "mutants of a transport stream",
        "an output that is right, or an error that stands in errors.md",
    );
}
