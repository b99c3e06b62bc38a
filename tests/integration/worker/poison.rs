//! Recordings that cannot be had or used, and cost no other class: B8, one that ends the process that opens it, each time;
//! D10, one that is not there.

use rustix::process::{Signal, kill_process};

use super::{LESSON, LONG, SLOW, booking, rendition};
use crate::support::oracle_node::check;
use crate::support::origin::{Answer, Asked, Object, Origin};
use crate::support::redis::Redis;
use crate::support::worker::{SOON, Settings, Worker, is_alive, until};

/// So often a recording may end its process.
const TRIES: usize = 3;

#[test]
fn b8_a_recording_that_ends_its_process_three_times_fails_with_208_and_an_alarm_and_costs_no_other_class() {
    let origin = Origin::scripted(LONG.clone(), |asked: &Asked, answer: &mut Answer| {
        if asked.path == "/2.flv" {
            *answer = LESSON.answer(asked);
        }
    });
    let redis = Redis::on_port();
    let worker = Worker::start(Settings::of("a").redis(&redis).with("transcode.preset", SLOW));
    worker.book(&rendition("c-1", "1", "480P", &origin).to_string());
    for attempt in 0..TRIES {
        let child = worker.child_at_work("transcode");
        kill_process(child, Signal::ABORT).unwrap();
        until("it is gone", SOON, || (!is_alive(child)).then_some(()));
        // While that one waits for its next try.
        if attempt == 0 {
            worker.book(&rendition("c-2", "2", "240P", &origin).to_string());
            worker.until_told("c-2", "booking.ready");
        }
    }
    let failed = worker.until_told("c-1", "booking.failed");
    assert_eq!((&failed["data"]["code"], &failed["data"]["error"]), (&208.into(), &"MEDIA_CRASHED".into()));
    assert_eq!(worker.until_alarm("MEDIA_CRASHED")["data"]["code"], 208);
    let jobs = worker.jobs("transcode");
    assert_eq!((&jobs[0]["attempt"], &jobs[0]["state"]), (&TRIES.into(), &"held".into()));
    until("there is a dead letter", SOON, || (redis.command("XLEN reelmill:dead") == "1").then_some(()));
    let letter = redis.command("XRANGE reelmill:dead - +");
    let id = jobs[0]["id"].to_string();
    for said in ["jobs", "MEDIA_CRASHED", "\"state\":\"held\"", &format!("\"job_id\":{id}")] {
        assert!(letter.contains(said), "{said}: {letter}");
    }
    assert_eq!(worker.get("/readyz").status, 200);
    check(&[&worker]);
}

#[test]
fn b8_a_recording_that_is_none_fails_with_208_and_costs_no_other_class() {
    let noise = Object::new(300_000, 1);
    let origin = Origin::scripted(LESSON.clone(), move |asked: &Asked, answer: &mut Answer| {
        if asked.path == "/1.flv" {
            *answer = noise.answer(asked);
        }
    });
    let worker = Worker::start(Settings::of("a"));
    worker.book(&rendition("c-1", "1", "240P", &origin).to_string());
    worker.book(&rendition("c-2", "2", "240P", &origin).to_string());
    worker.until_told("c-2", "booking.ready");
    assert_eq!(worker.until_told("c-1", "booking.failed")["data"]["code"], 208);
    check(&[&worker]);
}

#[test]
fn d10_a_recording_that_is_not_there_fails_with_209_at_once_and_costs_no_other_class() {
    let origin = Origin::scripted(LESSON.clone(), |asked: &Asked, answer: &mut Answer| {
        if asked.path == "/1.flv" {
            *answer = Answer::of(404);
        }
    });
    let worker = Worker::start(Settings::of("a"));
    worker.book(&booking("c-1", "1", &origin).to_string());
    worker.book(&rendition("c-2", "1", "240P", &origin).to_string());
    worker.book(&booking("c-3", "3", &origin).to_string());
    worker.until_told("c-3", "booking.ready");
    let failed = worker.until_told("c-1", "booking.failed");
    assert_eq!((&failed["data"]["code"], &failed["data"]["error"]), (&209.into(), &"DL_HTTP_STATUS".into()));
    // What cannot be fetched cannot be made, and its class is told which of the two it was.
    assert_eq!(worker.until_told("c-2", "booking.failed")["data"]["code"], 209);
    check(&[&worker]);
}
