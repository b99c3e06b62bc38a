//! B3: what a node has read when it dies is taken by another one; what a live node works on is not.

use std::time::{Duration, Instant};

use super::{Answer, Node, SOON, book, pending, until};
use crate::support::redis::Redis;

/// What the fault list allows from a death to the taking over.
const TAKEN_OVER: Duration = Duration::from_secs(20);
/// Longer than that: an intake that hangs.
const FOR_EVER: Duration = Duration::from_secs(3600);

#[test]
fn b3_what_a_dead_node_held_is_taken_by_another_one_once() {
    let redis = Redis::start("");
    for body in ["one", "two", "three"] {
        book(&redis, body);
    }
    let dead = Node::scripted(&redis.url(), "dead", |_, _| Answer::Slow(FOR_EVER)).reading();
    until("it holds them all", SOON, || pending(&redis, "reelmill:bookings", "reelmill") == 3);
    let other = Node::start(&redis.url(), "other").reading();
    drop(dead);
    let began = Instant::now();
    until("they are taken over", TAKEN_OVER, || other.bookings().len() == 3);
    assert!(began.elapsed() > Duration::from_secs(5), "they were taken from a node that lived");
    assert_eq!(super::sorted(other.bookings()), ["one", "three", "two"]);
    assert_eq!(other.status.claimed(), 3);
    until("they are acknowledged", SOON, || pending(&redis, "reelmill:bookings", "reelmill") == 0);
}

#[test]
fn what_a_slow_node_works_on_is_not_taken_from_it() {
    let redis = Redis::start("");
    // Longer than an entry may be idle, and than the look for such entries takes.
    let slow = |_: &str, _| Answer::Slow(Duration::from_secs(18));
    let slow = Node::scripted(&redis.url(), "slow", slow).reading();
    book(&redis, "long");
    until("it holds it", SOON, || pending(&redis, "reelmill:bookings", "reelmill") == 1);
    let other = Node::start(&redis.url(), "other").reading();
    until("it is kept", SOON + SOON, || slow.bookings() == ["long"]);
    until("it is acknowledged", SOON, || pending(&redis, "reelmill:bookings", "reelmill") == 0);
    assert!(other.recorder.came.lock().unwrap().is_empty() && other.status.claimed() == 0);
}

#[test]
fn a_node_that_cannot_keep_what_it_has_lets_another_one_take_it() {
    let redis = Redis::start("");
    let full = Node::scripted(&redis.url(), "full", |_, _| Answer::Fail).reading();
    let homeless = r#"{"class_id":"homeless"}"#;
    book(&redis, homeless);
    until("it is told", SOON, || full.status.complaint().is_some_and(|text| text.contains("the disk is full")));
    assert!(record(&redis, "homeless").ends_with(" full"), "it had the class in hand");
    let other = Node::start(&redis.url(), "other").reading();
    until("another one has it", TAKEN_OVER + SOON, || other.bookings() == [homeless]);
    until("it is acknowledged", SOON, || pending(&redis, "reelmill:bookings", "reelmill") == 0);
    assert!(record(&redis, "homeless").ends_with(" other"), "{}", record(&redis, "homeless"));
    // Which the first one finds when it can write again: what it may have kept is not its any more.
    let range = redis.command("XRANGE reelmill:control - +");
    assert!(range.contains("moved") && range.contains("full"), "{range}");
}

/// Returns what is recorded of a class.
fn record(redis: &Redis, class: &str) -> String {
    redis.command(&format!("GET reelmill:class:{class}"))
}

#[test]
fn what_is_for_another_node_is_left_to_it_and_taken_when_that_one_is_gone() {
    let redis = Redis::start("");
    let body = r#"{"class_id":"c-1"}"#;
    let first = Node::start(&redis.url(), "first").reading();
    book(&redis, body);
    until("it is acknowledged", SOON, || first.status.kept() == 1);
    let other = Node::start(&redis.url(), "other").reading();
    drop(first);
    book(&redis, body);
    until("it is handed over", SOON, || other.status.handed() > 0);
    assert_eq!(pending(&redis, "reelmill:bookings", "reelmill"), 1, "nobody has it on its disk");
    until("it is taken", TAKEN_OVER + SOON, || other.bookings() == [body]);
    assert_eq!(other.recorder.kept.lock().unwrap()[0].above, 1, "its numbers count on");
    until("it is acknowledged", SOON, || pending(&redis, "reelmill:bookings", "reelmill") == 0);
}
