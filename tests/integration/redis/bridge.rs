//! B9: what older systems publish on channels reaches the streams as long as any node lives.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use reelmill::booking::Channel;

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

/// Publishes bookings and results until it is told to stop, now and then one twice, and returns what it published.
fn publisher(redis: &Redis, is_over: &AtomicBool) -> [Vec<String>; 2] {
    let mut published = [const { Vec::new() }; 2];
    for number in 0.. {
        if is_over.load(Ordering::SeqCst) {
            break;
        }
        let which = number % 2;
        let body = format!("{number:06}");
        // The same again is another message: a class that books, takes it back and books again.
        for _ in 0..=usize::from(number % 10 < 2) {
            publish(redis, ["class:booking", "class:transcoding"][which], &body);
            published[which].push(body.clone());
        }
    }
    published
}

#[test]
fn b9_a_bridge_that_is_handed_over_twice_among_three_nodes_loses_nothing_and_writes_nothing_twice() {
    let redis = Redis::start("");
    let mut nodes = vec![bridged(Node::start(&redis.url(), "a").reading())];
    nodes.extend(["b", "c"].map(|name| Node::start(&redis.url(), name).reading()));
    until("they know of each other", SOON, || nodes.iter().all(|node| node.status.nodes() == 3));
    let recorders: Vec<_> = nodes.iter().map(|node| Arc::clone(&node.recorder)).collect();
    let is_over = AtomicBool::new(false);
    let [bookings, results] = thread::scope(|scope| {
        let publisher = scope.spawn(|| publisher(&redis, &is_over));
        while nodes.len() > 1 {
            let bridge = nodes.iter().position(|node| node.status.is_bridge()).unwrap();
            let reached = nodes[bridge].status.bridged();
            until("it carries", SOON, || nodes[bridge].status.bridged() > reached + 20);
            nodes.remove(bridge).stop();
            until("another one listens", SOON, || nodes.iter().any(|node| node.status.is_bridge()));
        }
        let reached = nodes[0].status.bridged();
        until("it carries", SOON, || nodes[0].status.bridged() > reached + 20);
        is_over.store(true, Ordering::SeqCst);
        publisher.join().unwrap()
    });
    until("all is there", SOON, || nodes[0].control().len() >= results.len());
    assert_eq!(nodes[0].control(), results, "in the order in which it was published");
    let booked = || {
        let kept = recorders.iter().flat_map(|recorder| recorder.kept.lock().unwrap().clone());
        let bookings = kept.filter(|delivery| delivery.channel == Channel::Bookings);
        super::sorted(bookings.map(|delivery| String::from_utf8(delivery.body).unwrap()).collect())
    };
    until("all bookings are there", SOON, || booked().len() >= bookings.len());
    assert_eq!(booked(), bookings);
    assert_eq!(redis.command("XLEN reelmill:bookings"), bookings.len().to_string());
    assert_eq!(nodes[0].status.gaps(), 0, "somebody listened all the time");
}

#[test]
fn b9_what_is_written_again_because_the_answer_was_lost_is_there_once() {
    let redis = Redis::start("");
    let node = bridged(Node::start(&redis.url(), "a").reading());
    redis.command("CONFIG SET maxmemory 1");
    for body in ["one", "two", "two"] {
        publish(&redis, "class:booking", body);
    }
    until("it is told", SOON, || node.status.complaint().is_some_and(|text| text.contains("published")));
    redis.command("CONFIG SET maxmemory 0");
    // What it is sent now it reads when it goes on, from a connection that was given up long ago.
    redis.freeze(true);
    let is_given_up = |text: &str| text.contains("channels cannot be listened to");
    until("it is given up", SOON, || node.status.complaint().is_some_and(|text| is_given_up(&text)));
    redis.freeze(false);
    until("it listens", SOON, || node.status.is_bridge() && node.status.bridged() == 3);
    until("all is there", SOON, || node.bookings().len() == 3);
    publish(&redis, "class:booking", "last");
    until("the last one is there", SOON, || node.bookings().last().is_some_and(|body| body == "last"));
    assert_eq!(node.bookings(), ["one", "two", "two", "last"]);
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
