//! The daemon's own ends: killed, asked to end, frozen for longer than its claims are good (P3, P4, B4).

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::{LONG, SLOW, asked, booking, is_look, rendition};
use crate::support::oracle_node::check;
use crate::support::origin::{Answer, Asked, End, Origin};
use crate::support::worker::{Settings, Worker, is_alive, until};

/// What a child may outlive its parent by: a second, and as much again as a machine needs that does many other things.
const ORPHAN: Duration = Duration::from_secs(3);
/// A busy daemon has ended by then.
const DRAINED: Duration = Duration::from_secs(30);
/// An idle one, or one that was asked twice.
const AT_ONCE: Duration = Duration::from_secs(2);

/// A node that works on the rendition of class c-1, and the process that does.
fn at_work(settings: Settings) -> (Origin, Worker, Pid) {
    let origin = Origin::honest(LONG.clone());
    let worker = Worker::start(settings.with("transcode.preset", SLOW));
    worker.book(&rendition("c-1", "1", "480P", &origin).to_string());
    let child = worker.child_at_work("transcode");
    (origin, worker, child)
}

/// The one transcode that there is.
fn transcode(worker: &Worker) -> Value {
    let jobs = worker.jobs("transcode");
    assert_eq!(jobs.len(), 1, "{jobs:?}");
    jobs[0].clone()
}

#[test]
fn p3_a_child_dies_with_its_killed_daemon_and_the_next_one_finishes_its_work() {
    let (origin, mut worker, child) = at_work(Settings::of("a"));
    // Not even one that cannot run outlives it.
    kill_process(child, Signal::STOP).unwrap();
    worker.kill();
    until("the child is gone", ORPHAN, || (!is_alive(child)).then_some(()));
    worker.begin_with("transcode.preset", "'ultrafast'");
    worker.until_told("c-1", "booking.ready");
    assert_eq!((asked(&origin, "/1.flv"), &transcode(&worker)["attempt"]), (1, &1.into()));
    check(&[&worker]);
}

/// Returns how many chunks the journals in a node's work folders tell of.
fn chunks(worker: &Worker) -> usize {
    let folders = fs::read_dir(worker.root().join(".work")).into_iter().flatten().flatten();
    let journals = folders.map(|folder| fs::read_to_string(folder.path().join("work/journal")).unwrap_or_default());
    // The first line says what is made from what.
    journals.map(|journal| journal.lines().count().saturating_sub(1)).sum()
}

#[test]
fn p4_what_was_encoded_before_a_sudden_end_is_not_encoded_again() {
    let origin = Origin::honest(LONG.clone());
    let mut worker = Worker::start(
        Settings::of("a").talkative().with("transcode.preset", "'medium'").with("transcode.jobs", "1"),
    );
    worker.book(&rendition("c-1", "1", "480P", &origin).to_string());
    until("two chunks are kept", Duration::from_secs(60), || (chunks(&worker) >= 2).then_some(()));
    worker.kill();
    worker.begin();
    worker.until_told("c-1", "booking.ready");
    let log = worker.log();
    let reused = log.lines().find(|line| line.contains("went on where an earlier try was")).expect(&log);
    assert!(["reused=2", "reused=3", "reused=4"].iter().any(|kept| reused.contains(kept)), "{reused}");
    check(&[&worker]);
}

#[test]
fn p4_an_idle_daemon_ends_at_once_with_0() {
    let mut worker = Worker::start(Settings::of("a"));
    worker.terminate();
    assert_eq!(worker.ended(AT_ONCE).code(), Some(0), "{}", worker.log());
}

#[test]
fn p4_a_download_stops_where_it_is_and_goes_on_at_the_next_start_as_the_same_attempt() {
    // The first download never ends; whoever comes again gets the rest.
    let (half, is_first) = (LONG.bytes.len() / 2, AtomicBool::new(true));
    let origin = Origin::scripted(LONG.clone(), move |asked: &Asked, answer: &mut Answer| {
        if !is_look(asked) && is_first.swap(false, Ordering::SeqCst) {
            answer.stop(half, End::Silence);
        }
    });
    let mut worker = Worker::start(Settings::of("a"));
    worker.book(&booking("c-1", "1", &origin).to_string());
    origin.until(|asked| asked.iter().any(|asked| asked.sent() == half));
    worker.terminate();
    assert_eq!(worker.ended(AT_ONCE * 5).code(), Some(0), "{}", worker.log());
    worker.begin();
    worker.until_told("c-1", "booking.ready");
    assert!(origin.asked().last().unwrap().offset() > 0, "{:?}", origin.asked());
    assert_eq!(worker.jobs("fetch")[0]["attempt"], 1);
    check(&[&worker]);
}

#[test]
fn p4_a_transcode_longer_than_a_daemon_s_end_is_put_down_in_time_and_goes_on_as_the_same_attempt() {
    let (_origin, mut worker, child) = at_work(Settings::of("a").with("transcode.jobs", "1"));
    worker.terminate();
    // It says so to those who would send bookings, and takes none.
    until("it drains", AT_ONCE, || {
        let answer = worker.try_ask("GET", "/readyz", "");
        answer.is_ok_and(|answer| answer.status == 503 && answer.document()["draining"] == true).then_some(())
    });
    let refused = worker.try_ask("POST", "/api/v1/bookings", r#"{"class_id":"c-2","record_id":2}"#).unwrap();
    assert_eq!((refused.status, &refused.document()["code"]), (503, &"API_DRAINING".into()));
    assert_eq!(worker.ended(DRAINED).code(), Some(0), "{}", worker.log());
    assert!(!is_alive(child));
    worker.begin_with("transcode.preset", "'ultrafast'");
    worker.until_told("c-1", "booking.ready");
    assert_eq!(transcode(&worker)["attempt"], 1);
    check(&[&worker]);
}

#[test]
fn p4_a_daemon_that_is_asked_twice_ends_at_once_and_nothing_is_lost() {
    let (_origin, mut worker, child) = at_work(Settings::of("a"));
    worker.terminate();
    until("it has heard", AT_ONCE, || worker.log().contains("once more").then_some(()));
    worker.terminate();
    let ended = worker.ended(AT_ONCE);
    assert_eq!((ended.code(), ended.signal()), (Some(143), None), "{}", worker.log());
    until("the child is gone", ORPHAN, || (!is_alive(child)).then_some(()));
    worker.begin_with("transcode.preset", "'ultrafast'");
    worker.until_told("c-1", "booking.ready");
    assert_eq!(transcode(&worker)["attempt"], 1);
    check(&[&worker]);
}

#[test]
fn b4_a_daemon_that_was_frozen_past_its_claims_throws_away_what_it_makes_and_makes_it_again() {
    let (_origin, worker, child) = at_work(Settings::of("a"));
    worker.signal(Signal::STOP);
    // It has nobody to ask for room meanwhile; and it must not be done before its parent looks at the time.
    kill_process(child, Signal::STOP).unwrap();
    let frozen = Instant::now();
    until("its claims are worth nothing", Duration::from_secs(60), || {
        (frozen.elapsed() > Duration::from_secs(17)).then_some(())
    });
    worker.signal(Signal::CONT);
    until("it has seen that", Duration::from_secs(10), || worker.log().contains("LEASE_LOST").then_some(()));
    until("the child is gone", Duration::from_secs(10), || (!is_alive(child)).then_some(()));
    let again = worker.child_at_work("transcode");
    assert_ne!(again, child);
    assert_eq!(transcode(&worker)["attempt"], 2);
    check_after_a_quick_end(worker);
}

/// Lets the rest be made quickly.
fn check_after_a_quick_end(mut worker: Worker) {
    worker.kill();
    worker.begin_with("transcode.preset", "'ultrafast'");
    worker.until_told("c-1", "booking.ready");
    assert_eq!(worker.told("c-1"), ["booking.accepted", "booking.ready"]);
    check(&[&worker]);
}
