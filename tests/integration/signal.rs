//! Runs that are stopped, killed, or in each other's way. Every test waits for what it needs (frames on their way, a
//! pipe that is full), never for a time.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

use reelmill::clip::Recipe;
use reelmill::media::Container;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::support::binary::{Running, Said, names, reelmill, run};
use crate::support::clip::{in_chunks, make, scratch};
use crate::support::leftover::{Leftover, sha256};
use crate::support::oracle;

/// A minute of work on two cores, were it ever finished.
const LONG_WORK: &str = "transcode lesson.flv --force-encode --preset placebo -o talk.mp4";

/// What ends at once has ended long before; a run that never ends must fail the test, not hold it up.
const PATIENCE: Duration = Duration::from_secs(30);

/// A folder with `lesson.flv` in it: ten seconds at 640x360.
fn lesson() -> TempDir {
    let folder = scratch();
    make(&folder, "lesson.flv", &Recipe::plain(Container::Flv, "640x360", 10.0));
    folder
}

#[test]
fn the_first_signal_stops_cleanly_with_its_own_exit_code() {
    let folder = lesson();
    for (signal, exit) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let running = Running::start(&folder, LONG_WORK).until_frames_flow();
        assert_eq!(names(folder.path()), ["lesson.flv", "talk.mp4.reelmill"]);
        running.signal(signal);
        let said = running.end();
        assert_eq!((said.exit, said.code()), (exit, "CANCELLED"), "{said}");
        assert!(said.stderr.contains("stopping cleanly"), "{said}");
        assert_eq!(names(folder.path()), ["lesson.flv"], "{said}");
    }
}

#[test]
fn a_stop_keeps_finished_chunks_and_the_next_run_reuses_them() {
    let folder = scratch();
    make(&folder, "lesson.flv", &in_chunks("320x240", 60.0));
    let output = folder.path().join("talk.mp4");
    let line = "transcode lesson.flv --force-encode --preset placebo --jobs 1 --json -o";
    run(&folder, &format!("{line} whole.mp4")).succeeded();
    for (signal, exit) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let mut running = Running::start(&folder, &format!("{line} talk.mp4"));
        while Leftover::of(&output).chunks().is_empty() {
            let told = running.progress().expect("the run ended before a chunk was finished");
            assert_eq!(told["type"], "progress", "the run ended before a chunk was finished");
        }
        running.signal(signal);
        let said = running.end();
        assert_eq!((said.exit, said.code()), (exit, "CANCELLED"), "{said}");
        assert!(said.stderr.contains("finished chunks are kept"), "{said}");
        let left = Leftover::of(&output);
        let kept = left.chunks();
        assert_eq!(names(left.path()), names_of(&kept), "{said}");
        let document = run(&folder, &format!("{line} talk.mp4")).succeeded().document();
        assert_eq!(document["renditions"][0]["resumed"]["reused_chunks"], kept.len());
        assert_eq!(sha256(&output), sha256(&folder.path().join("whole.mp4")));
        assert_eq!(names(folder.path()), ["lesson.flv", "talk.mp4", "whole.mp4"]);
        fs::remove_file(&output).unwrap();
    }
}

/// Returns what a work folder holds that was left on purpose.
fn names_of(chunks: &[usize]) -> Vec<String> {
    let chunks = chunks.iter().map(|index| format!("chunk-{index:05}"));
    chunks.chain(["journal".to_owned(), "lock".to_owned()]).collect()
}

#[test]
fn a_stop_leaves_the_output_that_was_to_be_replaced_and_says_so_in_the_document() {
    let folder = lesson();
    fs::write(folder.path().join("talk.mp4"), "precious").unwrap();
    let running = Running::start(&folder, &format!("{LONG_WORK} -y --json")).until_frames_flow();
    running.signal(Signal::INT);
    let said = running.end();
    assert_eq!(said.exit, 130, "{said}");
    let rendition = &said.document()["renditions"][0];
    assert_eq!(
        (&rendition["verified"], &rendition["error"]["code"]),
        (&false.into(), &"CANCELLED".into()),
        "{said}"
    );
    assert_eq!(fs::read_to_string(folder.path().join("talk.mp4")).unwrap(), "precious");
    assert_eq!(names(folder.path()), ["lesson.flv", "talk.mp4"]);
}

/// A clean stop says something and so cannot end while nobody reads stderr; the second signal must.
#[test]
fn the_second_signal_ends_a_run_that_cannot_stop_cleanly() {
    let folder = lesson();
    let (mut reader, writer) = std::io::pipe().unwrap();
    let mut command = reelmill(folder.path(), &format!("{LONG_WORK} --progress json"));
    // A description of our own of the same pipe: that it does not block is then not the program's business.
    let path = format!("/proc/self/fd/{}", writer.as_raw_fd());
    let mut filler = OpenOptions::new().write(true).custom_flags(0o4000).open(path).unwrap();
    let mut child = command.stdout(Stdio::null()).stderr(writer).spawn().unwrap();
    let mut first = [0; 16];
    reader.read_exact(&mut first).unwrap();
    let full = loop {
        if let Err(error) = filler.write_all(b"x") {
            break error.kind();
        }
    };
    assert_eq!(full, ErrorKind::WouldBlock);
    let child_id = Pid::from_child(&child);
    let began = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if began.elapsed() > PATIENCE {
            kill_process(child_id, Signal::KILL).unwrap();
        }
        kill_process(child_id, Signal::INT).unwrap();
        std::thread::yield_now();
    }
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(!folder.path().join("talk.mp4").try_exists().unwrap());
}

#[test]
fn what_a_killed_run_left_is_taken_over_and_completed_by_the_next() {
    let folder = lesson();
    let running = Running::start(&folder, LONG_WORK).until_frames_flow();
    running.signal(Signal::KILL);
    assert_eq!(running.end().exit, 128 + 9);
    let left = names(&folder.path().join("talk.mp4.reelmill"));
    for name in ["chunk-00000", "journal", "lock"] {
        assert!(left.contains(&name.to_owned()), "{name}: {left:?}");
    }
    assert_eq!(names(folder.path()), ["lesson.flv", "talk.mp4.reelmill"]);
    run(&folder, "transcode lesson.flv --force-encode --preset ultrafast -o talk.mp4").succeeded();
    assert_eq!(names(folder.path()), ["lesson.flv", "talk.mp4"]);
    assert_eq!(oracle::decodes_whole(&folder.path().join("talk.mp4")), 250);
}

#[test]
fn one_output_is_made_by_one_run_at_a_time() {
    let folder = lesson();
    let mut running = Running::start(&folder, LONG_WORK).until_frames_flow();
    let other: Said = run(&folder, "transcode lesson.flv --force-encode -o talk.mp4");
    assert_eq!((other.exit, other.code()), (75, "OUTPUT_BUSY"), "{other}");
    let json = run(&folder, "transcode lesson.flv --force-encode -o talk.mp4 --json");
    assert_eq!((json.exit, &json.document()["error"]["code"]), (75, &"OUTPUT_BUSY".into()));
    assert!(running.child.try_wait().unwrap().is_none(), "the run that holds the output goes on");
    let next = running.progress().unwrap();
    assert_eq!(next["phase"], "running");
    running.signal(Signal::TERM);
    assert_eq!(running.end().exit, 143);
    run(&folder, "transcode lesson.flv --force-encode -o talk.mp4").succeeded();
}

#[test]
fn runs_of_one_source_into_one_folder_do_not_meet_unless_they_make_the_same_file() {
    let folder = lesson();
    let long = "transcode lesson.flv --force-encode --preset placebo -r 360P -r 240P -o out/";
    let running = Running::start(&folder, long).until_frames_flow();
    let same = run(&folder, "transcode lesson.flv --force-encode -o out/lesson_240P.flv");
    assert_eq!((same.exit, same.code()), (75, "OUTPUT_BUSY"), "{same}");
    let same = run(&folder, "transcode lesson.flv --force-encode -r 240P -r 480P -o out/");
    assert_eq!((same.exit, same.code()), (75, "OUTPUT_BUSY"), "{same}");
    run(&folder, "transcode lesson.flv --force-encode -r 240P --container mp4 -o out/").succeeded();
    running.signal(Signal::TERM);
    assert_eq!(running.end().exit, 143);
    assert_eq!(names(&folder.path().join("out")), ["lesson_240P.mp4"]);
}
