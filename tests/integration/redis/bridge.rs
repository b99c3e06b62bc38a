//! B9: what older systems publish on channels reaches the streams as long as any node lives.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::{Node, SOON, publish, until};
use crate::support::redis::Redis;

/// The lock outlives its holder by ten seconds; then another node has it.
const TAKEN_OVER: Duration = Duration::from_secs(20);

fn bridged(node: Node) -> Node {
    until("it listens", SOON, || node.status.is_bridge());
    node
}

fn listeners(redis: &Redis) -> String {
    redis.command("PUBSUB NUMSUB class:booking")
}

#[test]
fn b9_what_is_published_comes_as_if_it_had_been_written_into_the_streams() {
    let redis = Redis::start("");
    let first = bridged(Node::start(&redis.url(), "a").reading());
    let second = Node::start(&redis.url(), "b").reading();
    let over = r#"{"cmd":"over","class_id":"c-1"}"#;
    let result = r#"{"cmd":"transcoding","record_id":1,"result":"sucess"}"#;
    for (channel, body) in [
        ("class:booking", r#"{"class_id":"c-1"}"#),
        ("class:booking", over),
        ("class:transcoding", result),
        ("class:transcoding", "noise"),
        ("class:event", "not ours"),
    ] {
        publish(&redis, channel, body);
    }
    let control = [over, result, "noise"];
    until("all is there", SOON, || first.control() == control && second.control() == control);
    until("the booking is there", SOON, || first.bookings().len() + second.bookings().len() == 1);
    assert_eq!(listeners(&redis), "class:booking\n1", "one bridge among two nodes");
    assert!(!second.status.is_bridge() && first.status.bridged() == 4);
    assert_eq!(redis.command("GET reelmill:bridge"), "a");
}

#[test]
fn b9_another_node_becomes_the_bridge_when_the_first_one_dies_and_the_time_between_is_counted() {
    let redis = Redis::start("");
    let first = bridged(Node::start(&redis.url(), "a").reading());
    assert_eq!(first.status.gaps(), 1, "nobody listened before the first node came");
    let second = Node::start(&redis.url(), "b").reading();
    drop(first);
    until("another one listens", TAKEN_OVER, || second.status.is_bridge());
    assert_eq!(second.status.gaps(), 1);
    publish(&redis, "class:booking", "after");
    until("it is there", SOON, || second.bookings() == ["after"]);
}

#[test]
fn b9_a_bridge_that_is_handed_over_loses_nothing() {
    let redis = Redis::start("");
    let first = bridged(Node::start(&redis.url(), "a").reading());
    let second = Node::start(&redis.url(), "b").reading();
    until("they know of each other", SOON, || first.status.nodes() == 2);
    let is_over = AtomicBool::new(false);
    let published = thread::scope(|scope| {
        let publisher = scope.spawn(|| {
            let mut published = Vec::new();
            while !is_over.load(Ordering::SeqCst) {
                published.push(format!("{:06}", published.len()));
                publish(&redis, "class:transcoding", published.last().unwrap());
            }
            published
        });
        until("it hears", SOON, || first.control().len() > 10);
        first.stop();
        until("another one listens", SOON, || second.status.is_bridge());
        let reached = second.control().len();
        until("it hears", SOON, || second.control().len() > reached + 10);
        is_over.store(true, Ordering::SeqCst);
        publisher.join().unwrap()
    });
    let all = || {
        let mut all = super::sorted(second.control());
        all.dedup();
        all
    };
    until("all is there", SOON, || all() == published);
    assert_eq!(second.status.gaps(), 0, "somebody listened all the time");
}

#[test]
fn b9_a_lock_that_is_another_s_ends_the_bridge_at_once() {
    let redis = Redis::start("");
    let node = bridged(Node::start(&redis.url(), "a").reading());
    let began = Instant::now();
    redis.command("SET reelmill:bridge somebody");
    until("it has stopped", Duration::from_secs(5), || !node.status.is_bridge());
    until("it does not listen", SOON, || listeners(&redis) == "class:booking\n0");
    assert!(began.elapsed() < Duration::from_secs(9), "it did not wait for the lock to run out");
    redis.command("DEL reelmill:bridge");
    until("it listens again", SOON, || node.status.is_bridge());
    assert_eq!(node.status.gaps(), 2);
}

#[test]
fn b9_what_was_heard_is_written_when_there_is_room_again() {
    let redis = Redis::start("");
    let node = bridged(Node::start(&redis.url(), "a").reading());
    redis.command("CONFIG SET maxmemory 1");
    publish(&redis, "class:booking", "waits");
    until("it is told", SOON, || node.status.complaint().is_some_and(|text| text.contains("published")));
    redis.command("CONFIG SET maxmemory 0");
    until("it is there", SOON, || node.bookings() == ["waits"] && node.status.complaint().is_none());
    assert_eq!(node.status.overflowed(), 0);
}
