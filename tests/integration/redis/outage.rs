//! B1, B2 and B10: Redis dies and comes back, falls silent, forgets everything, is full, is somebody's copy, is not ready.

use std::time::{Duration, Instant};

use super::{Node, SOON, bodies, book, pending, ready, sorted, tell, until};
use crate::support::proxy::{Proxy, Toxic};
use crate::support::redis::{DURABLE, Redis};

/// What the fault list allows until an outage is known.
const KNOWN: Duration = Duration::from_secs(5);
/// And until a connection that has gone silently is replaced and reads.
const READS_AGAIN: Duration = Duration::from_secs(15);
/// A thousand bookings after an outage.
const CAUGHT_UP: Duration = Duration::from_secs(10);

fn complains(node: &Node, of: &str) -> bool {
    node.status.complaint().is_some_and(|text| text.contains(of))
}

#[test]
fn b1_redis_is_killed_and_comes_back_and_not_a_booking_is_lost() {
    let mut redis = Redis::with(DURABLE);
    let node = Node::start(&redis.url(), "a").reading();
    let bodies = bodies(300);
    let (before, after) = bodies.split_at(100);
    for body in before {
        book(&redis, body);
    }
    redis.kill();
    until("it is known", KNOWN, || !node.status.is_connected());
    until("it is told", KNOWN, || node.status.complaint().is_some());
    redis.restart(DURABLE);
    ready(&redis);
    for body in after {
        book(&redis, body);
    }
    until("all is there", SOON, || {
        let mut kept = sorted(node.bookings());
        kept.dedup();
        kept == bodies
    });
    until("it reads", SOON, || node.status.is_connected() && node.status.complaint().is_none());
    until("all is acknowledged", SOON, || pending(&redis, "reelmill:bookings", "reelmill") == 0);
}

#[test]
fn b1_a_thousand_bookings_that_waited_in_redis_are_caught_up_with() {
    let mut redis = Redis::with(DURABLE);
    let node = Node::start(&redis.url(), "a").reading();
    redis.kill();
    until("it is known", KNOWN, || !node.status.is_connected());
    redis.restart(DURABLE);
    ready(&redis);
    let began = Instant::now();
    let mut connection = redis::Client::open(redis.url()).unwrap().get_connection().unwrap();
    let mut pipe = redis::pipe();
    let bodies = bodies(1000);
    for body in &bodies {
        pipe.cmd("XADD").arg("reelmill:bookings").arg("*").arg("message").arg(body).ignore();
    }
    pipe.exec(&mut connection).unwrap();
    until("all are kept", CAUGHT_UP, || node.status.kept() == 1000);
    assert_eq!(node.bookings(), bodies, "{:?}", began.elapsed());
}

#[test]
fn b2_connections_that_fall_silent_are_dropped_and_what_was_lost_on_the_way_is_read_again() {
    let redis = Redis::on_port();
    // Enough for a connection to begin, and too little for what is read over it.
    let proxy = Proxy::to(redis.port(), |index| if index < 4 { vec![Toxic::BlackHole(300)] } else { Vec::new() });
    let node = Node::start(&proxy.url("redis", "/"), "a").reading();
    let bodies = bodies(20);
    let began = Instant::now();
    for body in &bodies {
        book(&redis, body);
        tell(&redis, body);
    }
    until("it is known", KNOWN + KNOWN, || !node.status.is_connected());
    until("all is read", READS_AGAIN.saturating_sub(began.elapsed()), || {
        node.bookings() == bodies && node.control() == bodies
    });
    until("it reads", SOON, || node.status.is_connected() && node.status.complaint().is_none());
    assert!(proxy.connections() > 4);
}

#[test]
fn b2_a_redis_that_stands_still_is_known_in_time_and_read_when_it_goes_on() {
    let redis = Redis::start("");
    let node = Node::start(&redis.url(), "a").reading();
    redis.freeze(true);
    until("it is known", KNOWN, || !node.status.is_connected());
    redis.freeze(false);
    book(&redis, "after");
    until("it is read", READS_AGAIN, || node.bookings() == ["after"] && node.status.is_connected());
}

#[test]
fn b10_a_redis_that_forgot_everything_gets_its_groups_again_and_nothing_new_is_missed() {
    let redis = Redis::start("");
    let node = Node::start(&redis.url(), "a").reading();
    book(&redis, "before");
    until("it is kept", SOON, || node.bookings() == ["before"]);
    redis.command("FLUSHALL");
    book(&redis, "after");
    tell(&redis, "over");
    until("what is new is there", SOON, || node.bookings() == ["before", "after"] && node.control() == ["over"]);
    until("it is acknowledged", SOON, || pending(&redis, "reelmill:control", "a") == 0);
}

#[test]
fn b10_a_stream_with_older_names_after_everything_was_forgotten_is_read_from_its_beginning() {
    let redis = Redis::start("");
    let node = Node::start(&redis.url(), "a").reading();
    book(&redis, "before");
    until("it is kept", SOON, || node.bookings() == ["before"]);
    let restore = "redis.call('DEL', KEYS[1]) redis.call('XADD', KEYS[1], '5-1', 'message', 'restored')";
    redis.words(&["EVAL", restore, "1", "reelmill:bookings"]);
    until("it is there", SOON, || node.bookings() == ["before", "restored"]);
}

#[test]
fn b10_a_group_that_was_destroyed_goes_on_where_it_was() {
    let redis = Redis::start("");
    let node = Node::start(&redis.url(), "a").reading();
    book(&redis, "before");
    until("it is kept", SOON, || node.status.kept() == 1);
    redis.command("XGROUP DESTROY reelmill:bookings reelmill");
    book(&redis, "after");
    until("it goes on", SOON, || node.bookings().len() >= 2);
    assert_eq!(node.bookings(), ["before", "after"]);
}

#[test]
fn b10_something_else_under_the_name_of_a_stream_is_told_and_holds_up_the_other_one_not() {
    let redis = Redis::start("");
    let node = Node::start(&redis.url(), "a").reading();
    redis.command("SET reelmill:bookings something");
    until("it is told", SOON, || complains(&node, "WRONGTYPE"));
    tell(&redis, "over");
    until("the other is read", SOON, || node.control() == ["over"]);
    assert!(node.status.is_connected());
    redis.command("DEL reelmill:bookings");
    book(&redis, "after");
    until("it is read", SOON, || node.bookings() == ["after"] && node.status.complaint().is_none());
}

#[test]
fn b10_a_full_redis_is_told_and_still_read() {
    let redis = Redis::start("");
    let node = Node::start(&redis.url(), "a").reading();
    redis.command("CONFIG SET maxmemory 1");
    until("it is told", SOON, || complains(&node, "OOM"));
    assert!(node.status.is_connected());
    redis.command("CONFIG SET maxmemory 0");
    book(&redis, "after");
    until("it goes on", SOON, || node.bookings() == ["after"] && node.status.complaint().is_none());
}

#[test]
fn b10_a_redis_that_became_somebody_s_copy_is_told_and_read_when_it_is_its_own_again() {
    let redis = Redis::start("");
    let node = Node::start(&redis.url(), "a").reading();
    book(&redis, "before");
    until("it is kept", SOON, || node.status.kept() == 1);
    redis.command("REPLICAOF 127.0.0.1 1");
    until("it is told", SOON, || complains(&node, "READONLY") && !node.status.is_connected());
    redis.command("REPLICAOF NO ONE");
    book(&redis, "after");
    until("it goes on", SOON, || node.bookings() == ["before", "after"] && node.status.is_connected());
}

#[test]
fn b10_a_redis_that_still_loads_is_waited_for() {
    let mut redis = Redis::with(DURABLE);
    let node = Node::start(&redis.url(), "a").reading();
    book(&redis, "before");
    until("it is kept", SOON, || node.status.kept() == 1);
    redis.words(&["EVAL", "for i = 1, 2000 do redis.call('SET', 'other:' .. i, 'x') end", "0"]);
    redis.command("BGREWRITEAOF");
    until("it is rewritten", SOON, || redis.command("INFO persistence").contains("aof_rewrite_in_progress:0"));
    redis.kill();
    let slowly = ["--key-load-delay", "1000", "--loading-process-events-interval-bytes", "1024"];
    redis.restart(&[DURABLE, &slowly].concat());
    until("it is told", SOON, || complains(&node, "LOADING") && !node.status.is_connected());
    ready(&redis);
    book(&redis, "after");
    until("it goes on", SOON, || node.bookings().last().is_some_and(|last| last == "after"));
    until("it reads", SOON, || node.status.is_connected() && node.status.complaint().is_none());
}
