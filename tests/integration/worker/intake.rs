//! B5: the same thing said many times, at once and by every door; and classes that change their mind.

use std::sync::Barrier;
use std::thread;

use serde_json::json;

use super::{asked, booking, origin, publish, xadd};
use crate::support::oracle_node::check;
use crate::support::redis::Redis;
use crate::support::worker::{SOON, Settings, Worker, until};

/// So often everything is said.
const TIMES: usize = 100;

#[test]
fn b5_a_booking_that_comes_a_hundred_times_at_once_is_one_with_the_same_answer() {
    let origin = origin();
    let worker = Worker::start(Settings::of("a"));
    let body = booking("c-1", "1", &origin).to_string();
    let together = Barrier::new(TIMES);
    let book = || {
        together.wait();
        worker.post("/api/v1/bookings", &body)
    };
    let answers = thread::scope(|scope| {
        let all: Vec<_> = (0..TIMES).map(|_| scope.spawn(book)).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect::<Vec<_>>()
    });
    let statuses = |status| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((statuses(202), statuses(200)), (1, TIMES - 1), "{answers:?}");
    for answer in &answers {
        let booking = &answer.document()["booking"];
        assert_eq!((&booking["class_id"], &booking["sequence"]), (&json!("c-1"), &json!(1)), "{answer:?}");
    }
    worker.until_told("c-1", "booking.ready");
    assert_eq!(worker.told("c-1"), ["booking.accepted", "booking.ready"]);
    assert_eq!((worker.jobs("fetch").len(), asked(&origin, "/1.flv")), (1, 1));
    check(&[&worker]);
}

#[test]
fn b5_a_booking_and_its_result_by_every_door_are_one_rendition_and_one_event_each() {
    let (redis, origin) = (Redis::on_port(), origin());
    let settings = Settings::of("a").redis(&redis).with("transcode.providers", "['oss']");
    let worker = Worker::start(settings.with("oss.url", "'http://127.0.0.1:9/'"));
    until("the bridge listens", SOON, || {
        (redis.command("PUBSUB NUMSUB class:booking") == "class:booking\n1").then_some(())
    });
    let body = super::rendition("c-1", "1", "480P", &origin);
    let made = json!({ "cmd": "transcoding", "record_id": 1, "video_resolution": 480, "result": "sucess",
        "transcode_video_url": origin.url("/made.flv"), "type": "oss" });
    for _ in 0..5 {
        xadd(&redis, "reelmill:bookings", &body);
        publish(&redis, "class:booking", &body);
        worker.post("/api/v1/bookings", &body.to_string());
    }
    worker.until_event("a request", |event| event["type"] == "transcode.requested");
    for _ in 0..5 {
        xadd(&redis, "reelmill:control", &made);
        publish(&redis, "class:transcoding", &made);
        worker.post("/api/v1/control", &made.to_string());
    }
    worker.until_told("c-1", "booking.ready");
    for (stream, group) in [("reelmill:bookings", "reelmill"), ("reelmill:control", "a")] {
        until("all is taken", SOON, || {
            let is_read = redis.command(&format!("XINFO GROUPS {stream}")).contains("lag\n0");
            (is_read && super::pending(&redis, stream, group) == 0).then_some(())
        });
    }
    assert_eq!(worker.told("c-1"), ["booking.accepted", "booking.ready"]);
    let requests = worker.events().into_iter().filter(|event| event["type"] == "transcode.requested").count();
    assert_eq!((requests, asked(&origin, "/made.flv")), (1, 1));
    check(&[&worker]);
}

#[test]
fn a_class_that_books_something_else_or_again_has_one_booking_after_the_other_and_holds_one_file() {
    let origin = origin();
    let worker = Worker::start(Settings::of("a"));
    let control = |cmd: &str| {
        let answer = worker.post("/api/v1/control", &json!({ "cmd": cmd, "class_id": "c-1" }).to_string());
        assert_eq!(answer.status, 200, "{answer:?}");
    };
    worker.book(&booking("c-1", "1", &origin).to_string());
    worker.until_told("c-1", "booking.ready");
    // Another recording: the first is let go.
    worker.book(&booking("c-1", "2", &origin).to_string());
    let until_count = |name: &str, count: usize| {
        until(&format!("{count} times {name}"), SOON, || {
            let told = worker.told("c-1");
            (told.iter().filter(|told| *told == name).count() == count).then_some(())
        });
    };
    until_count("booking.ready", 2);
    check(&[&worker]);
    control("cancel");
    control("cancel");
    until_count("booking.cancelled", 2);
    worker.book(&booking("c-1", "2", &origin).to_string());
    until_count("booking.ready", 3);
    assert_eq!(worker.booking("c-1")["sequence"], 3);
    check(&[&worker]);
    control("over");
    control("over");
    until_count("booking.over", 1);
    assert_eq!((asked(&origin, "/1.flv"), asked(&origin, "/2.flv")), (1, 1));
    check(&[&worker]);
}
