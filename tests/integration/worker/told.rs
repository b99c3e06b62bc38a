//! N1: a receiver of webhooks that is away, and what the daemon keeps to itself (I7).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{booking, origin, rendition};
use crate::support::oracle_node::check;
use crate::support::receiver::{Receiver, Say};
use crate::support::worker::{SOON, Settings, Worker, until};

const CLASSES: usize = 5;

#[test]
fn n1_events_that_nobody_took_come_in_order_and_once_when_the_receiver_is_back_also_after_a_kill() {
    let (origin, is_back) = (origin(), Arc::new(AtomicBool::new(false)));
    let told = Arc::clone(&is_back);
    let receiver = Receiver::start(move |_| match told.load(Ordering::SeqCst) {
        true => Say::status(200),
        false => Say::Nothing,
    });
    let settings = Settings::of("a").token("a-token-of-those-who-may-ask");
    let settings = settings.with("webhook.url", &format!("'{}'", receiver.url("/told")));
    let mut worker =
        Worker::start(settings.secret("webhook.secret_file", "the secret by which webhooks are signed"));
    for number in 0..CLASSES {
        worker.book(&booking(&format!("c-{number}"), &number.to_string(), &origin).to_string());
    }
    for number in 0..CLASSES {
        worker.until_told(&format!("c-{number}"), "booking.ready");
    }
    receiver.until(CLASSES);
    worker.kill();
    worker.begin();
    let before = receiver.until(receiver.heard().len() + 1).len();
    is_back.store(true, Ordering::SeqCst);
    worker.post("/api/v1/control", r#"{"cmd":"over","class_id":"c-0"}"#);
    worker.until_told("c-0", "booking.over");
    let own: Vec<_> = worker.events().into_iter().filter(|event| event["type"] != "job.changed").collect();
    // Those that were under way when it came back may have been refused still.
    let taken = || receiver.heard().into_iter().skip(before - 1);
    until("all were taken", SOON, || {
        own.iter().all(|event| taken().any(|heard| heard.header("webhook-id") == event["event_id"])).then_some(())
    });
    let mut heard: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for request in taken() {
        let event = request.document();
        let list = heard.entry(event["class_id"].as_str().unwrap().to_owned()).or_default();
        if list.last() != Some(&event) {
            list.push(event);
        }
    }
    for (class, events) in heard {
        let expected: Vec<_> = own.iter().filter(|event| event["class_id"] == class).cloned().collect();
        assert_eq!(events, expected, "{class}");
    }
    check(&[&worker]);
}

#[test]
fn a_provider_that_refuses_a_request_is_passed_over_at_once_and_a_person_is_told() {
    let (origin, cloud) = (origin(), Receiver::start(|_| Say::status(400)));
    let settings = Settings::of("a").with("transcode.providers", "['oss', 'local']");
    let worker = Worker::start(settings.with("oss.url", &format!("'{}'", cloud.url("/transcode"))));
    worker.book(&rendition("c-1", "1", "480P", &origin).to_string());
    // The refused attempt would have hours.
    worker.until_told("c-1", "booking.ready");
    assert_eq!(cloud.heard().len(), 1);
    let alarms = worker.events().into_iter().filter(|event| event["type"] == "alarm");
    let errors: Vec<_> = alarms.map(|event| event["data"]["error"].clone()).collect();
    assert_eq!(errors, ["EVENT_GIVEN_UP"]);
    check(&[&worker]);
}
