//! `reelmill demo` from its first word to its last, on a shorter lesson than its own.

use std::fs;

use std::process::Stdio;

use reelmill::clip;
use rustix::process::Pid;

use crate::support::binary::{Said, reelmill, run};
use crate::support::clip::{make, scratch};
use crate::support::process::children_of;
use crate::support::worker::{SOON, is_alive, until};

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

#[test]
fn a_demo_that_is_killed_leaves_no_worker_behind() {
    let folder = scratch();
    fs::create_dir(folder.path().join("demo")).unwrap();
    make(&folder, "demo/lesson.flv", &clip::lesson(2.0));
    let mut demo = reelmill(folder.path(), "demo").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let worker = until("the demo's worker", SOON, || {
        let is_worker = |pid: &u32| {
            let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            words.split(|byte| *byte == 0).nth(1) == Some(b"worker".as_slice())
        };
        children_of(demo.id()).into_iter().find(is_worker)
    });
    let worker = Pid::from_raw(i32::try_from(worker).unwrap()).unwrap();
    let log = folder.path().join("demo/worker/worker.log");
    until("it is ready", SOON, || fs::read_to_string(&log).ok().filter(|said| said.contains("ready: ")));
    assert!(is_alive(worker));
    demo.kill().unwrap();
    demo.wait().unwrap();
    until("it has ended", SOON, || (!is_alive(worker)).then_some(()));
}
