//! T1, T2: wall clocks that somebody sets, and nodes that were away for days.

use std::time::{Duration, Instant};

use super::{booking, origin, rendition};
use crate::support::oracle_node::check;
use crate::support::worker::{Settings, Worker};

/// What another system may take.
const TIMEOUT: Duration = Duration::from_secs(3);
/// A node is not as exact as its clock.
const INEXACT: Duration = Duration::from_secs(20);
const DAY_SECONDS: i64 = 86_400;

fn node() -> Worker {
    let settings = Settings::of("a").clock().with("transcode.providers", "['oss']");
    Worker::start(settings.with("oss.url", "'http://127.0.0.1:9/'").with("booking.transcoding_timeout", "'3s'"))
}

#[test]
fn t1_a_wall_clock_that_jumps_neither_ends_nor_freezes_what_classes_wait_for_and_hold() {
    let (origin, worker) = (origin(), node());
    worker.book(&booking("c-1", "1", &origin).to_string());
    worker.until_told("c-1", "booking.ready");
    for (number, shift) in [(2, DAY_SECONDS), (3, -DAY_SECONDS), (4, -1)] {
        let class = format!("c-{number}");
        let booked = Instant::now();
        worker.book(&rendition(&class, &class, "480P", &origin).to_string());
        worker.clock().set(&shift.to_string());
        assert_eq!(worker.until_told(&class, "booking.failed")["data"]["code"], 207);
        let waited = booked.elapsed();
        assert!((TIMEOUT..TIMEOUT + INEXACT).contains(&waited), "{waited:?} under a shift of {shift} s");
        assert_eq!(worker.booking("c-1")["state"], "ready", "held for a day of the node's own");
    }
    check(&[&worker]);
}

#[test]
fn t2_what_was_overdue_for_days_when_the_node_began_is_told_once_each_as_207() {
    /// More than one step of the node sees to.
    const CLASSES: usize = 230;
    let origin = origin();
    let mut worker = node();
    worker.terminate();
    worker.ended(INEXACT);
    worker.begin_with("booking.transcoding_timeout", "'2h'");
    worker.book(&booking("held", "held", &origin).to_string());
    worker.until_told("held", "booking.ready");
    for number in 0..CLASSES {
        let (class, record) = (format!("c-{number}"), format!("r-{}", number / 10));
        worker.book(&rendition(&class, &record, "480P", &origin).to_string());
    }
    worker.kill();
    worker.clock().set(&(3 * DAY_SECONDS).to_string());
    worker.begin();
    for number in 0..CLASSES {
        assert_eq!(worker.until_told(&format!("c-{number}"), "booking.failed")["data"]["code"], 207);
    }
    worker.until_told("held", "booking.over");
    let out = worker.events().into_iter().filter(|event| event["type"] == "transcode.timed_out").count();
    assert!(out <= CLASSES.div_ceil(10), "each rendition once at most: {out}");
    check(&[&worker]);
}
