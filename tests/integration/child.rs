//! Work on media in a process of its own: the same files as in this one, and an error with a code whatever becomes of it (P1,
//! P2, P3).

mod bidden;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use reelmill::av::Interrupt;
use reelmill::clip::Recipe;
use reelmill::failure::{Failure, FailureClass};
use reelmill::media::{Container, RenditionName};
use reelmill::worker::{Bounds, Child, Fault, InProcess, Limits, Media, MediaError, Progress, TakeIn, Transcode};
use tempfile::TempDir;

use crate::support::binary::run;
use crate::support::bytes::{cut, share};
use crate::support::clip::{in_chunks, make, scratch};
use crate::support::process::{children_of, is_there};
use crate::support::room::SmallRooms;
use crate::support::trap;

const GIB: u64 = 1 << 30;
/// Nothing here is as slow as that.
const LONG: Duration = Duration::from_secs(60);

/// Returns what works in a process of its own that may be quiet for so long.
fn child(stall_time: Duration) -> Child {
    Child::of_program(Path::new(env!("CARGO_BIN_EXE_reelmill")), bounds(stall_time))
}

fn bounds(stall_time: Duration) -> Bounds {
    Bounds { memory_max: 4 * GIB, limits: Limits::default(), stall_time, time_max: LONG }
}

fn rooms() -> Arc<SmallRooms> {
    SmallRooms::new(GIB)
}

fn take_in(folder: &TempDir, path: PathBuf) -> TakeIn {
    let key_label = Some(RenditionName::of_source(720));
    TakeIn { folder: folder.path().to_owned(), path, key_label, accept_truncated: false, jobs: 2 }
}

/// Returns the order for a rendition of `source` in `folder`, under a name.
fn transcode(folder: &TempDir, source: &Path, name: &str) -> Transcode {
    Transcode {
        source: source.to_owned(),
        output: folder.path().join(name).with_extension("flv"),
        work_folder: folder.path().join(name),
        resolution: RenditionName::of_source(240),
        preset: "ultrafast".to_owned(),
        crf: 30.5,
        jobs: 2,
        accept_truncated: false,
        resume: true,
    }
}

fn lesson(folder: &TempDir, seconds: f64) -> PathBuf {
    make(folder, "lesson.flv", &in_chunks("640x360", seconds))
}

/// Has `media` make the rendition.
fn made(media: &dyn Media, order: &Transcode) -> Result<reelmill::worker::Transcoded, MediaError> {
    media.transcode(order, rooms(), &Progress::default(), &Interrupt::default())
}

#[test]
fn a_rendition_has_the_same_bytes_notes_and_facts_as_one_made_here() {
    let folder = scratch();
    let source = lesson(&folder, 60.0);
    let here = made(&InProcess::default(), &transcode(&folder, &source, "here")).unwrap();
    let (progress, rooms) = (Progress::default(), rooms());
    let order = transcode(&folder, &source, "there");
    let there = child(LONG).transcode(&order, Arc::clone(&rooms) as _, &progress, &Interrupt::default()).unwrap();
    assert_eq!((there.file.bytes(), there.file.sha256()), (here.file.bytes(), here.file.sha256()));
    assert_eq!(fs::read(&order.output).unwrap(), fs::read(here.file.path()).unwrap());
    assert_eq!((&there.notes, there.facts), (&here.notes, here.facts));
    assert!(there.file.is_proven() && there.speed.is_some_and(|speed| speed > 0.0), "{there:?}");
    assert!(rooms.granted().iter().sum::<u64>() >= there.file.bytes(), "{:?}", rooms.granted());
    // Twice is found, and nothing encoded.
    let again = made(&child(LONG), &order).unwrap();
    assert_eq!((again.file.sha256(), again.speed), (here.file.sha256(), None));
}

#[test]
fn what_comes_is_taken_in_as_here_repacked_where_it_must_be() {
    for container in [Container::Flv, Container::Mp4] {
        let taken = |media: &dyn Media| {
            let folder = scratch();
            let path = make(&folder, "came", &Recipe::plain(container, "320x180", 4.0));
            let order = take_in(&folder, path.clone());
            let taken = media.take_in(&order, rooms(), &Progress::default(), &Interrupt::default()).unwrap();
            assert_eq!(taken.file.path() == path, container == Container::Flv, "{taken:?}");
            assert_eq!(fs::metadata(taken.file.path()).unwrap().len(), taken.file.bytes());
            (taken.file.bytes(), taken.file.sha256().to_owned(), taken.notes, taken.facts)
        };
        let (here, there) = (taken(&InProcess::default()), taken(&child(LONG)));
        assert_eq!(here, there);
        assert!(there.2.last().is_some_and(|note| note == "180P, labelled 720P"), "{there:?}");
        assert_eq!((there.3.container, there.3.height), (container, 180));
    }
}

#[test]
fn a_proof_and_a_refusal_come_through_in_their_own_words() {
    let folder = scratch();
    let whole = make(&folder, "whole", &Recipe::plain(Container::Flv, "320x180", 4.0));
    let half = cut(&whole, "half", share(&whole, 50));
    let (here, there) = (
        InProcess::default().prove(&whole, false, &Interrupt::default()).unwrap(),
        child(LONG).prove(&whole, false, &Interrupt::default()).unwrap(),
    );
    assert_eq!(here, there);
    let refused = |media: &dyn Media| {
        let error = media.prove(&half, false, &Interrupt::default()).unwrap_err();
        (error.code(), error.class(), error.cure(), error.to_string())
    };
    assert_eq!(refused(&child(LONG)), refused(&InProcess::default()));
    assert_eq!(refused(&child(LONG)).0, "MEDIA_TRUNCATED");
    assert!(child(LONG).prove(&half, true, &Interrupt::default()).is_ok());
}

#[test]
fn p1_a_child_that_dies_costs_its_own_try_and_leaves_others_alone() {
    let folder = scratch();
    let source = lesson(&folder, 60.0);
    let own = std::process::id();
    let beside = transcode(&folder, &source, "beside");
    let beside = thread::spawn(move || made(&child(LONG), &beside).map(|made| made.file.bytes()));
    for (fault, code, class, word) in [
        (Fault::Segv, "MEDIA_CRASHED", FailureClass::Transient, "SIGSEGV"),
        (Fault::Abort, "MEDIA_CRASHED", FailureClass::Transient, "SIGABRT"),
        (Fault::Exit, "MEDIA_CRASHED", FailureClass::Transient, "no answer"),
        (Fault::Garbage, "MEDIA_CRASHED", FailureClass::Transient, "cannot be understood"),
        (Fault::Kill, "MEDIA_OOM", FailureClass::Capacity, "killed by the system"),
    ] {
        let error = made(&child(LONG).with_fault(fault), &transcode(&folder, &source, "dies")).unwrap_err();
        assert_eq!((error.code(), error.class()), (code, class), "{fault:?}: {error}");
        assert!(error.to_string().contains(word), "{fault:?}: {error}");
    }
    assert!(beside.join().unwrap().unwrap() > 0);
    assert_eq!(std::process::id(), own);
    assert!(made(&child(LONG), &transcode(&folder, &source, "dies")).is_ok());
}

#[test]
fn p1_a_child_gets_no_more_memory_than_it_may_have() {
    let folder = scratch();
    let source = lesson(&folder, 12.0);
    let bounds = Bounds { memory_max: 256 << 20, ..bounds(LONG) };
    let small = Child::of_program(Path::new(env!("CARGO_BIN_EXE_reelmill")), bounds);
    let error = made(&small.clone().with_fault(Fault::Oom), &transcode(&folder, &source, "oom")).unwrap_err();
    assert_eq!((error.code(), error.class()), ("MEDIA_OOM", FailureClass::Capacity), "{error}");
    assert!(made(&small, &transcode(&folder, &source, "oom")).is_ok());
}

#[test]
fn a_recording_that_is_too_long_or_too_much_work_is_refused_by_name_m7_m8() {
    let folder = scratch();
    let source = make(&folder, "source.flv", &Recipe::plain(Container::Flv, "64x36", 3.0));
    let foreign = make(&folder, "source.mkv", &Recipe::plain(Container::Mkv, "64x36", 3.0));
    let refusal = |media: &dyn Media| {
        let (progress, interrupt) = (Progress::default(), Interrupt::default());
        let order = transcode(&folder, &source, "refused");
        let made = media.transcode(&order, rooms(), &progress, &interrupt).unwrap_err();
        let taken = media.take_in(&take_in(&folder, foreign.clone()), rooms(), &progress, &interrupt);
        (made.code(), made.class(), taken.map_err(|error| error.code()).err())
    };
    let long = Limits { seconds_max: 2, ..Limits::default() };
    let much = Limits { pixels_max: 64 * 36 * 74, ..Limits::default() };
    // What came is only brought into another container, which is no work.
    for (limits, code, taken) in
        [(long, "MEDIA_LIMIT_DURATION", Some("MEDIA_LIMIT_DURATION")), (much, "MEDIA_LIMIT_WORK", None)]
    {
        let bounds = Bounds { limits, ..bounds(LONG) };
        let there = Child::of_program(Path::new(env!("CARGO_BIN_EXE_reelmill")), bounds);
        for media in [&InProcess::within(limits) as &dyn Media, &there] {
            assert_eq!(refusal(media), (code, FailureClass::Source, taken));
        }
        assert!(!folder.path().join("refused.flv").try_exists().unwrap());
    }
    trap::told("M8", "for a worker: more pixels in all than transcode.gigapixels_max", "MEDIA_LIMIT_WORK");
    trap::told("M7", "for a worker: longer than transcode.duration_max", "MEDIA_LIMIT_DURATION");
}

#[test]
fn p2_a_child_that_gets_nowhere_is_ended() {
    let folder = scratch();
    let source = lesson(&folder, 12.0);
    for fault in [Fault::Hang, Fault::Spin, Fault::Babble, Fault::Ask] {
        let began = Instant::now();
        let stuck = child(Duration::from_secs(1)).with_fault(fault);
        let error = made(&stuck, &transcode(&folder, &source, "stuck")).unwrap_err();
        assert_eq!((error.code(), error.class()), ("MEDIA_STALLED", FailureClass::Transient), "{fault:?}: {error}");
        assert!((Duration::from_secs(1)..LONG / 2).contains(&began.elapsed()), "{fault:?}");
    }
}

#[test]
fn p2_a_child_that_only_says_that_it_gets_somewhere_is_ended_at_last() {
    let folder = scratch();
    let source = lesson(&folder, 12.0);
    let bounds = Bounds { time_max: Duration::from_secs(3), ..bounds(Duration::from_secs(1)) };
    let busy = Child::of_program(Path::new(env!("CARGO_BIN_EXE_reelmill")), bounds).with_fault(Fault::Count);
    let began = Instant::now();
    let error = made(&busy, &transcode(&folder, &source, "busy")).unwrap_err();
    assert_eq!((error.code(), error.class()), ("MEDIA_STALLED", FailureClass::Transient), "{error}");
    assert!(error.to_string().contains("did not come to an end"), "{error}");
    assert!(began.elapsed() >= bounds.time_max);
}

#[test]
fn p2_a_proof_is_broken_off_by_a_stop_and_the_file_is_not_blamed() {
    let folder = scratch();
    let source = lesson(&folder, 12.0);
    let interrupt = Interrupt::default();
    interrupt.cancel();
    for media in [&InProcess::default() as &dyn Media, &child(LONG)] {
        let error = media.prove(&source, false, &interrupt).unwrap_err();
        assert_eq!(error.class(), FailureClass::Cancelled, "{media:?}: {error}");
    }
    let (hanging, interrupt) = (child(LONG).with_fault(Fault::Hang), Interrupt::default());
    thread::scope(|scope| {
        scope.spawn(|| interrupt.cancel());
        let error = hanging.prove(&source, false, &interrupt).unwrap_err();
        assert_eq!(error.class(), FailureClass::Cancelled, "{error}");
    });
}

#[test]
fn p3_children_die_with_a_parent_that_is_killed() {
    let folder = scratch();
    let mut parent = bidden::start(folder.path());
    assert_eq!(parent.hear().as_deref(), Some("two work"));
    let children = children_of(parent.child.id());
    assert_eq!(children.len(), 2);
    parent.kill();
    let killed = Instant::now();
    while children.iter().any(|pid| is_there(*pid)) {
        assert!(killed.elapsed() < Duration::from_secs(1), "{children:?}");
        thread::yield_now();
    }
    parent.wait();
}

#[test]
fn p3_a_child_whose_pipe_ends_does_not_go_on_alone() {
    let folder = scratch();
    let source = lesson(&folder, 12.0);
    let mut child = Command::new(env!("CARGO_BIN_EXE_reelmill"));
    child.args(["child", "--parent", &std::process::id().to_string()]);
    let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let order = serde_json::json!({
        "order": "transcode", "source": source, "output": folder.path().join("1.flv"),
        "work_folder": folder.path().join("work"), "resolution": 240, "preset": "ultrafast", "crf": 30.0, "jobs": 1,
        "accept_truncated": false, "resume": true,
    });
    let work = serde_json::json!({
        "schema": "reelmill.child/1", "word": "work", "memory_max": GIB,
        "limits": {"seconds_max": 100, "pixels_max": GIB}, "order": order,
    });
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(format!("{work}\n").as_bytes()).unwrap();
    // It waits for room that nobody gives.
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("\"ask\"")));
    drop(stdin);
    assert_eq!(child.wait().unwrap().signal(), Some(9));
}

#[test]
fn room_that_is_refused_is_a_full_cache() {
    let folder = scratch();
    let source = lesson(&folder, 60.0);
    let order = transcode(&folder, &source, "full");
    let refused = child(LONG).transcode(&order, SmallRooms::new(1000), &Progress::default(), &Interrupt::default());
    let error = refused.unwrap_err();
    assert_eq!((error.code(), error.class()), ("CACHE_FULL", FailureClass::Capacity), "{error}");
    assert!(!order.output.try_exists().unwrap());
}

#[test]
fn a_stop_is_heard_and_the_next_try_goes_on_from_there() {
    let folder = scratch();
    let source = lesson(&folder, 96.0);
    let slow = |name: &str| Transcode { preset: "slower".to_owned(), jobs: 1, ..transcode(&folder, &source, name) };
    let expected = made(&child(LONG), &slow("whole")).unwrap();
    let (progress, interrupt) = (Progress::default(), Interrupt::default());
    let order = slow("stopped");
    let error = thread::scope(|scope| {
        let work = scope.spawn(|| child(LONG).transcode(&order, rooms(), &progress, &interrupt));
        while progress.snapshot().frames < 40 && !work.is_finished() {
            thread::yield_now();
        }
        let snapshot = progress.snapshot();
        assert_eq!((snapshot.phase, snapshot.frames_total), ("transcoding", Some(192)));
        assert!(snapshot.fraction().is_some_and(|share| share > 0.2 && share < 1.0) && snapshot.bytes > 0);
        interrupt.cancel();
        work.join().unwrap().unwrap_err()
    });
    assert_eq!((error.code(), error.class()), ("CANCELLED", FailureClass::Cancelled), "{error}");
    assert!(order.work_folder.join("chunk-00000").try_exists().unwrap());
    let resumed = made(&child(LONG), &order).unwrap();
    assert_eq!(resumed.file.sha256(), expected.file.sha256());
}

#[test]
fn a_child_that_does_not_hear_a_stop_is_ended_all_the_same() {
    let folder = scratch();
    let source = lesson(&folder, 12.0);
    let interrupt = Interrupt::default();
    interrupt.cancel();
    let deaf = child(LONG).with_fault(Fault::Hang);
    let began = Instant::now();
    let order = transcode(&folder, &source, "deaf");
    let error = deaf.transcode(&order, rooms(), &Progress::default(), &interrupt).unwrap_err();
    assert_eq!((error.code(), error.class()), ("CANCELLED", FailureClass::Cancelled), "{error}");
    assert!(began.elapsed() < Duration::from_secs(30));
}

#[test]
fn nobody_starts_a_child_by_hand_or_for_somebody_else() {
    let said = run(&scratch(), "child --parent 1");
    assert_eq!((said.exit, said.code()), (2, "CHILD_ALONE"), "{said}");
    // With pipes, but another's: the shell between is its parent.
    let script =
        format!("{} child --parent {} < /dev/stdin | cat", env!("CARGO_BIN_EXE_reelmill"), std::process::id());
    let output = Command::new("sh").args(["-c", &format!("cat | {script}")]).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("its parent is gone"), "{output:?}");
    let gone = Child::of_program(Path::new("/nowhere/reelmill"), bounds(LONG));
    let error = gone.prove(Path::new("/nowhere/1.flv"), false, &Interrupt::default()).unwrap_err();
    assert_eq!((error.code(), error.class()), ("MEDIA_START", FailureClass::Transient), "{error}");
}
