//! `reelmill demo` from its first word to its last, on a shorter lesson than its own.

use std::fs;

use reelmill::clip;

use crate::support::binary::{Said, run};
use crate::support::clip::{make, scratch};

/// Returns the types of the events of `class`, as they were printed.
fn told<'a>(said: &'a Said, class: &str) -> Vec<&'a str> {
    let words = said.stdout.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    words.filter(|words| words.get(1) == Some(&class)).filter_map(|words| words.get(2).copied()).collect()
}

#[test]
fn the_demo_makes_a_ladder_and_its_worker_brings_the_lesson_to_three_classes_each_time_anew() {
    let folder = scratch();
    fs::create_dir(folder.path().join("demo")).unwrap();
    make(&folder, "demo/lesson.flv", &clip::lesson(2.0));
    for _ in 0..2 {
        let said = run(&folder, "demo").succeeded();
        for class in ["algebra-7a", "algebra-7b", "algebra-7c"] {
            assert_eq!(told(&said, class), ["booking.accepted", "booking.ready"], "{said}");
        }
        assert_eq!(
            told(&said, "lesson_480P").iter().filter(|name| **name == "transcode.started").count(),
            1,
            "{said}"
        );
        assert!(!said.stdout.contains('\u{1b}'), "no color where no terminal is: {said}");
    }
    let cached = folder.path().join("demo/worker/cache/lesson/lesson_480P.flv");
    assert!(fs::metadata(cached).unwrap().len() > 0);
    let listed = run(&folder, "cache ls --config demo/worker/reelmill.toml").succeeded();
    assert!(listed.stdout.contains("lesson_480P"), "{listed}");
}

#[test]
fn a_folder_that_the_demo_did_not_make_is_not_begun_anew() {
    let folder = scratch();
    fs::create_dir_all(folder.path().join("demo/worker")).unwrap();
    make(&folder, "demo/lesson.flv", &clip::lesson(1.0));
    fs::write(folder.path().join("demo/worker/reelmill.toml"), "").unwrap();
    let said = run(&folder, "demo");
    assert_eq!((said.exit, said.code()), (4, "WORK_FOLDER_TAKEN"), "{said}");
}
