//! B5, B8 and what is no message: entries that come twice, that cannot be kept, that are refused.

use std::time::Duration;

use redis::cmd;

use super::{Answer, Node, SOON, book, pending, publish, tell, until};
use crate::support::redis::Redis;

/// What comes again because it stayed behind comes when it has been idle for ten seconds, and five more.
const STAYED_BEHIND: Duration = Duration::from_secs(30);

fn dead(redis: &Redis) -> usize {
    redis.command("XLEN reelmill:dead").parse().unwrap()
}

#[test]
fn b5_the_same_booking_twice_is_two_entries_and_each_comes_once() {
    let redis = Redis::start("");
    let node = Node::start(&redis.url(), "a").reading();
    let ids = [book(&redis, "same"), book(&redis, "same")];
    until("both are kept", SOON, || node.bookings() == ["same", "same"]);
    let came: Vec<String> =
        node.recorder.came.lock().unwrap().iter().map(|delivery| delivery.entry.clone()).collect();
    assert_eq!(came, ids);
}

#[test]
fn b5_an_entry_whose_acknowledgement_never_came_is_known_by_its_name() {
    let redis = Redis::start("");
    let id = book(&redis, "taken before");
    redis.command("XGROUP CREATE reelmill:bookings reelmill 0");
    redis.command("XREADGROUP GROUP reelmill a COUNT 1 STREAMS reelmill:bookings >");
    let node = Node::start(&redis.url(), "a");
    until("it came again", SOON, || node.bookings() == ["taken before"]);
    let delivery = node.recorder.kept.lock().unwrap()[0].clone();
    assert_eq!((delivery.source.as_str(), delivery.entry), ("reelmill:bookings", id));
    until("it is acknowledged", SOON, || pending(&redis, "reelmill:bookings", "reelmill") == 0);
}

#[test]
fn what_is_not_durable_is_not_acknowledged_and_comes_again_before_anything_new() {
    let redis = Redis::start("");
    let node = Node::scripted(&redis.url(), "a", |body, before| match (body, before) {
        ("first", 0..3) => Answer::Fail,
        _ => Answer::Keep,
    });
    let node = node.reading();
    book(&redis, "first");
    until("it is asked again", SOON, || !node.recorder.came.lock().unwrap().is_empty());
    book(&redis, "second");
    until("both are kept", SOON, || node.bookings() == ["first", "second"]);
    assert!(node.status.postponed() >= 1);
    until("nothing is wrong any more", SOON, || node.status.complaint().is_none());
    until("both are acknowledged", SOON, || pending(&redis, "reelmill:bookings", "reelmill") == 0);
}

#[test]
fn what_is_no_message_goes_to_the_dead_letters_with_the_reason_and_holds_up_nothing() {
    let redis = Redis::start("");
    let script = |body: &str, _| if body == "bad" { Answer::Refuse } else { Answer::Keep };
    let node = Node::scripted(&redis.url(), "a", script).reading();
    let mut connection = redis::Client::open(redis.url()).unwrap().get_connection().unwrap();
    let bad = book(&redis, "bad");
    redis.command("XADD reelmill:bookings * Message x");
    let odd: &[u8] = b"\xff\xfe";
    let add = cmd("XADD").arg("reelmill:bookings").arg("*").arg(odd).arg(odd).to_owned();
    add.exec(&mut connection).unwrap();
    let long = vec![b'x'; (1 << 20) + 1];
    let add = cmd("XADD").arg("reelmill:bookings").arg("*").arg("message").arg(long).to_owned();
    add.exec(&mut connection).unwrap();
    let bytes = cmd("XADD").arg("reelmill:bookings").arg("*").arg("message").arg(odd).to_owned();
    bytes.exec(&mut connection).unwrap();
    tell(&redis, "bad");
    book(&redis, "good");
    until("the good ones are kept", SOON, || node.bookings() == ["\u{fffd}\u{fffd}", "good"]);
    until("the others are told of", SOON, || dead(&redis) == 5 && node.status.refused() == 5);
    let told = redis.command("XRANGE reelmill:dead - +");
    for expected in ["class_id: a text, not 7", &bad, "reelmill:control", "at most 1 MiB, not 1048577 bytes"] {
        assert!(told.contains(expected), "{expected}: {}", &told[..2000.min(told.len())]);
    }
    assert!(told.contains("a field of the entry, not nothing") && told.len() < 40_000, "{}", told.len());
    until("all is acknowledged", SOON, || pending(&redis, "reelmill:bookings", "reelmill") == 0);
}

#[test]
fn dead_letters_that_cannot_be_written_stay_behind_and_hold_up_nothing() {
    let redis = Redis::start("");
    redis.command("SET reelmill:dead something");
    let script = |body: &str, _| if body == "bad" { Answer::Refuse } else { Answer::Keep };
    let node = Node::scripted(&redis.url(), "a", script).reading();
    book(&redis, "bad");
    book(&redis, "good");
    until("the good one is kept", SOON, || node.bookings() == ["good"]);
    until("it is told", SOON, || node.status.complaint().is_some_and(|text| text.contains("reelmill:dead")));
    assert_eq!((pending(&redis, "reelmill:bookings", "reelmill"), node.status.refused()), (1, 0));
    redis.command("DEL reelmill:dead");
    until("the letter is there", STAYED_BEHIND, || dead(&redis) == 1 && node.status.complaint().is_none());
    assert_eq!((pending(&redis, "reelmill:bookings", "reelmill"), node.status.refused()), (0, 1));
}

#[test]
fn an_entry_that_somebody_removed_is_acknowledged_and_counted() {
    let redis = Redis::start("");
    let id = book(&redis, "removed");
    redis.command("XGROUP CREATE reelmill:bookings reelmill 0");
    redis.command("XREADGROUP GROUP reelmill a COUNT 1 STREAMS reelmill:bookings >");
    redis.words(&["XDEL", "reelmill:bookings", &id]);
    let node = Node::start(&redis.url(), "a").reading();
    until("it is counted", SOON, || node.status.trimmed() == 1);
    until("it is acknowledged", SOON, || pending(&redis, "reelmill:bookings", "reelmill") == 0);
    assert!(node.recorder.came.lock().unwrap().is_empty());
}

#[test]
fn entries_of_last_month_are_removed_and_those_of_today_are_not() {
    let redis = Redis::start("");
    // Trimming is by whole blocks of a hundred.
    for number in 0..200 {
        redis.words(&["XADD", "reelmill:control", &format!("1000-{number}"), "message", "old"]);
    }
    tell(&redis, "today");
    let _node = Node::start(&redis.url(), "a").reading();
    let left = || redis.command("XLEN reelmill:control").parse::<usize>().unwrap();
    until("the old ones are gone", SOON, || left() < 101);
    assert!(redis.command("XRANGE reelmill:control - +").contains("today"));
}

#[test]
fn a_password_is_said_to_redis_and_to_nobody_else() {
    let redis = Redis::start("hunter2");
    let wrong = Node::start(&redis.url().replace("hunter2", "hunter3"), "a");
    until("it is refused", SOON, || wrong.status.complaint().is_some());
    let complaint = wrong.status.complaint().unwrap();
    assert!(!complaint.contains("hunter"), "{complaint}");
    assert!(!wrong.status.is_connected());
    let right = Node::start(&redis.url(), "b").reading();
    publish(&redis, "class:booking", "x");
    assert_eq!(right.status.complaint(), None);
}
