//! K3: no room that anybody would give up.

use super::{asked, booking, origin};
use crate::support::oracle_node::check;
use crate::support::worker::{Settings, Worker};

/// Returns the code of a class that must fail.
fn refused(worker: &Worker, class: &str) -> serde_json::Value {
    worker.until_told(class, "booking.failed")["data"]["code"].clone()
}

#[test]
fn k3_a_class_is_refused_with_316_before_its_origin_is_asked_while_all_is_held_and_taken_when_something_is_let_go()
{
    let origin = origin();
    let worker = Worker::start(Settings::of("a").with("cache.count_max", "1"));
    worker.book(&booking("c-1", "1", &origin).to_string());
    worker.until_told("c-1", "booking.ready");
    worker.book(&booking("c-2", "2", &origin).to_string());
    assert_eq!(refused(&worker, "c-2"), 316);
    worker.until_event("cache.full", |event| event["type"] == "cache.full");
    assert_eq!(asked(&origin, "/2.flv"), 0);
    // What is here is here for others too.
    worker.book(&booking("c-3", "1", &origin).to_string());
    worker.until_told("c-3", "booking.ready");
    for class in ["c-1", "c-3"] {
        worker.post("/api/v1/control", &format!(r#"{{"cmd":"over","class_id":"{class}"}}"#));
        worker.until_told(class, "booking.over");
    }
    check(&[&worker]);
    worker.book(&booking("c-2", "2", &origin).to_string());
    worker.until_told("c-2", "booking.ready");
    worker.until_event("cache.evicted", |event| event["type"] == "cache.evicted");
    check(&[&worker]);
}

#[test]
fn k3_a_class_whose_recording_is_too_large_beside_what_is_held_gets_316_and_not_a_byte_of_it_is_kept() {
    let origin = crate::support::origin::Origin::scripted(super::LESSON.clone(), |_, _| ());
    let large = crate::support::origin::Origin::honest(crate::support::origin::Object::new(2 << 20, 1));
    let worker = Worker::start(Settings::of("a").with("cache.bytes_max", "'1MiB'"));
    worker.book(&booking("c-1", "1", &origin).to_string());
    worker.until_told("c-1", "booking.ready");
    worker.book(&booking("c-2", "2", &large).to_string());
    assert_eq!(refused(&worker, "c-2"), 316);
    check(&[&worker]);
}
