//! Odd times at seams: slides, holes, jumps, and rates that divide no second.

use std::path::PathBuf;

use reelmill::clip::{Picture, Recipe};
use reelmill::media::{Container, Ratio};
use tempfile::TempDir;

use super::{RATE, TICK, check, even, keyframe_tag, picture, recipe, with_options};
use crate::support::clip::{make, scratch};
use crate::support::trap;
use crate::support::{flv, oracle};

/// Moves all tags from the keyframe at `seconds` on by `offset` milliseconds.
fn moved(folder: &TempDir, recipe: &Recipe, seconds: u32, offset: u32) -> PathBuf {
    let mut tags = flv::read(&make(folder, "even.flv", recipe));
    let from = keyframe_tag(&tags, seconds);
    tags[from..].iter_mut().for_each(|tag| tag.time += offset);
    let path = folder.path().join("moved.flv");
    flv::write(&path, &tags);
    path
}

#[test]
fn slides_that_stand_over_a_seam_keep_their_times() {
    // From 11.6 s on twenty slides of 1.5 s each.
    let slides = "settb=1/1000,setpts='N*100+1400*max(0,min(N-116,20))'";
    let wanted: Vec<f64> = (0..208).map(|n| f64::from(n * 100 + 1400 * (n - 116).clamp(0, 20)) / 1000.0).collect();
    for (from, to) in [(Container::Flv, Container::Mp4), (Container::Mp4, Container::Flv)] {
        let folder = scratch();
        let mut recipe = with_options(from, 20.8, &[("preset", "veryfast"), ("sc_threshold", "0")]);
        let source = format!("{},{slides}", recipe.pictures[0].source);
        recipe.pictures[0] =
            Picture { time_base: Ratio::new(1, 1000), ..recipe.pictures[0].clone() }.with_source(source);
        recipe.sounds = vec![super::speech(50.0)];
        let source = make(&folder, "slides", &recipe);
        let checked = check(&source, to, 3, &wanted);
        oracle::assert_times(&super::seams(&checked.ran), &[17.6, 42.0], TICK);
        picture::assert_all(checked.path(), &source, 208);
    }
}

#[test]
fn a_hole_at_a_seam_keeps_its_length() {
    for (options, container) in
        [(&[][..], Container::Flv), (&[("preset", "veryfast"), ("bf", "3")], Container::Mp4)]
    {
        let folder = scratch();
        let source = moved(&folder, &with_options(Container::Flv, 30.0, options), 12, 5000);
        let wanted: Vec<f64> =
            even(RATE, 300).iter().map(|time| if *time < 11.99 { *time } else { time + 5.0 }).collect();
        let checked = check(&source, container, 3, &wanted);
        picture::assert_all(checked.path(), &source, 300);
    }
}

#[test]
fn a_clock_that_jumps_near_a_seam_goes_on_evenly() {
    for seconds in [10, 12] {
        let folder = scratch();
        let source = moved(&folder, &with_options(Container::Flv, 30.0, &[]), seconds, 3_600_000);
        let checked = check(&source, Container::Mp4, 3, &even(RATE, 300));
        assert!(checked.repairs().iter().any(|repair| repair.contains("timestamp jump")));
        picture::assert_all(checked.path(), &source, 300);
    }
}

#[test]
fn recordings_glued_near_a_seam_are_one_clock() {
    for (first, options) in [(12.0, &[][..]), (13.0, &[("preset", "veryfast"), ("bf", "3")])] {
        let folder = scratch();
        let part = |name: &str, seconds: f64| make(&folder, name, &with_options(Container::Flv, seconds, options));
        let source = folder.path().join("glued.flv");
        flv::write(&source, &flv::joined(&part("a.flv", first), &part("b.flv", 31.0 - first), 0));
        let checked = super::compare(&source, &crate::support::run::encode(&[], Container::Flv));
        let times = oracle::times(checked.path(), "v:0");
        oracle::assert_times(&times, &even(RATE, 310), 0.12);
        let seams = super::seams(&checked.ran);
        assert!(!seams.is_empty(), "{:?}", checked.ran.plan.cut);
        picture::assert_same(checked.path(), &source, "null");
    }
    trap::told("T1", "recordings glued near a seam", "one clock over all chunks");
}

#[test]
fn rates_that_divide_no_second_stay_on_their_grid_over_seams() {
    let cases = [
        (Ratio::new(24_000, 1001), 3, [Container::Mp4, Container::Flv]),
        (Ratio::new(30_000, 1001), 2, [Container::Flv, Container::Mp4]),
    ];
    for (rate, chunks, [from, to]) in cases {
        let folder = scratch();
        let source = make(&folder, "odd", &recipe(from, rate, 34.0));
        let frames = u32::try_from(oracle::packets(&source, "v:0").len()).unwrap();
        let checked = check(&source, to, chunks, &even(rate.value(), frames));
        picture::assert_all(checked.path(), &source, frames);
    }
}
