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
    book(&redis, "homeless");
    until("it is told", SOON, || full.status.complaint().is_some_and(|text| text.contains("the disk is full")));
    let other = Node::start(&redis.url(), "other").reading();
    until("another one has it", TAKEN_OVER + SOON, || other.bookings() == ["homeless"]);
    until("it is acknowledged", SOON, || pending(&redis, "reelmill:bookings", "reelmill") == 0);
}
