//! B1: Redis away and back.

use std::time::{Duration, Instant};

use rustix::process::{Signal, kill_process};
use serde_json::json;

use super::{LONG, SLOW, booking, origin, rendition, xadd};
use crate::support::oracle_node::check;
use crate::support::origin::Origin;
use crate::support::redis::{DURABLE, Redis};
use crate::support::setting::setting;
use crate::support::worker::{SOON, Settings, Worker, is_alive, until};

/// For so long it is away. `REELMILL_OUTAGE` says another number of seconds.
const OUTAGE_SECONDS: usize = 10;
/// Within this time nobody sends bookings here any more.
const NOTICED: Duration = Duration::from_secs(5);

fn ready(worker: &Worker) -> u16 {
    worker.get("/readyz").status
}

#[test]
fn b1_a_redis_that_is_killed_and_comes_back_costs_no_booking_and_no_event() {
    let (mut redis, origin) = (Redis::durable_on_port("a password of Redis"), origin());
    let worker = Worker::start(Settings::of("a").redis(&redis).with("transcode.preset", SLOW));
    let long = Origin::honest(LONG.clone());
    xadd(&redis, "reelmill:bookings", &rendition("r-1", "r-1", "480P", &long));
    let at_work = worker.child_at_work("transcode");
    // On whatever machine, it is not done before Redis is back.
    kill_process(at_work, Signal::STOP).unwrap();
    for number in 0..20 {
        xadd(&redis, "reelmill:bookings", &booking(&format!("s-{number}"), &number.to_string(), &origin));
    }
    redis.kill();
    let killed = Instant::now();
    until("/readyz says so", NOTICED, || (ready(&worker) == 503).then_some(()));
    // Whoever asks by HTTP is served all the while.
    worker.book(&booking("h-1", "1", &origin).to_string());
    worker.until_told("h-1", "booking.ready");
    let outage = Duration::from_secs(setting("REELMILL_OUTAGE", OUTAGE_SECONDS).try_into().unwrap());
    until("it was away", outage * 2, || (killed.elapsed() > outage).then_some(()));
    assert!(is_alive(at_work), "what ran goes on");
    kill_process(at_work, Signal::CONT).unwrap();
    redis.restart(DURABLE);
    until("/readyz says so", SOON, || (ready(&worker) == 200).then_some(()));
    for number in 20..40 {
        xadd(&redis, "reelmill:bookings", &booking(&format!("s-{number}"), &number.to_string(), &origin));
    }
    for number in 0..40 {
        worker.until_told(&format!("s-{number}"), "booking.ready");
    }
    assert_eq!(worker.jobs("transcode")[0]["attempt"], 1);
    xadd(&redis, "reelmill:control", &json!({ "cmd": "cancel", "class_id": "r-1" }));
    worker.until_told("r-1", "booking.cancelled");
    let own = worker.events().into_iter().filter(|event| event["type"] != "job.changed").count();
    until("all events are in the stream", SOON, || {
        let count: usize = redis.command("XLEN reelmill:events").parse().unwrap();
        (count >= own).then_some(())
    });
    check(&[&worker]);
}
