//! Two nodes on one Redis: bookings are shared, what concerns a class reaches the node that has it, and what a dead node had
//! in hand is another's.

use rustix::process::Signal;
use serde_json::{Value, json};

use super::{asked, booking, origin, pending, publish, rendition, xadd};
use crate::support::oracle_node::check;
use crate::support::origin::Origin;
use crate::support::redis::Redis;
use crate::support::worker::{SOON, Settings, Worker, until};

const BOOKINGS: &str = "reelmill:bookings";

fn node(name: &str, redis: &Redis) -> Worker {
    let settings = Settings::of(name).redis(redis).with("transcode.providers", "['oss']");
    Worker::start(settings.with("oss.url", "'http://127.0.0.1:9/'"))
}

/// Two nodes that know of each other.
fn two(redis: &Redis) -> [Worker; 2] {
    let workers = [node("a", redis), node("b", redis)];
    // Each counts the others when it says that it is there itself.
    let said = |name: &str| redis.command(&format!("ZSCORE reelmill:nodes {name}")).parse::<f64>().unwrap_or(0.0);
    let first = until("the second one is there", SOON, || Some(said("b")).filter(|said| *said > 0.0));
    until("the first one knows it", SOON, || (said("a") > first).then_some(()));
    workers
}

/// Returns how often each node accepted a class.
fn accepted(workers: &[Worker; 2], class: &str) -> [usize; 2] {
    workers.each_ref().map(|worker| worker.told(class).iter().filter(|name| *name == "booking.accepted").count())
}

/// Waits until a node has told something of a class, and returns which.
fn who(workers: &[Worker; 2], class: &str, name: &str) -> usize {
    let has = |worker: &Worker| worker.told(class).iter().any(|told| told == name);
    until(&format!("{name} of {class}"), SOON, || workers.iter().position(has))
}

#[test]
fn two_nodes_share_the_bookings_and_each_end_and_result_reaches_the_node_that_has_the_class() {
    let (redis, origin) = (Redis::on_port(), origin());
    let workers = two(&redis);
    let classes: Vec<String> = (0..20).map(|number| format!("c-{number}")).collect();
    for class in &classes {
        xadd(&redis, BOOKINGS, &booking(class, class, &origin));
    }
    let owners: Vec<usize> = classes.iter().map(|class| who(&workers, class, "booking.ready")).collect();
    assert!(owners.contains(&0) && owners.contains(&1), "one node took all: {owners:?}");
    for class in &classes {
        assert_eq!(accepted(&workers, class).iter().sum::<usize>(), 1, "{class}");
        xadd(&redis, "reelmill:control", &json!({ "cmd": "over", "class_id": class }));
    }
    for (class, owner) in classes.iter().zip(owners) {
        assert_eq!(who(&workers, class, "booking.over"), owner);
    }
    // What older systems publish comes once, whichever node carries it.
    let bridge = redis.command("GET reelmill:bridge");
    assert!(["a", "b"].contains(&bridge.as_str()), "{bridge}");
    assert_eq!(redis.command("PUBSUB NUMSUB class:booking"), "class:booking\n1");
    for number in 0..4 {
        let class = format!("p-{number}");
        publish(&redis, "class:booking", &rendition(&class, &class, "480P", &origin));
        let owner = who(&workers, &class, "booking.accepted");
        publish(
            &redis,
            "class:transcoding",
            &json!({ "cmd": "transcoding", "record_id": class, "video_resolution": "480P", "result": "sucess",
                "transcode_video_url": origin.url("/made.flv") }),
        );
        assert_eq!(who(&workers, &class, "booking.ready"), owner);
        assert_eq!(accepted(&workers, &class).iter().sum::<usize>(), 1, "{class}");
    }
    // The result is no business of the other node's, and no alarm.
    let alarms = |worker: &Worker| worker.events().into_iter().filter(|event| event["type"] == "alarm").count();
    assert_eq!(workers.each_ref().map(alarms), [0, 0]);
    check(&workers.each_ref());
}

#[test]
fn b3_what_a_node_had_in_hand_when_it_was_killed_another_takes_and_each_class_ends_once() {
    let (redis, origin) = (Redis::on_port(), origin());
    let mut first = node("a", &redis);
    xadd(&redis, BOOKINGS, &booking("c-0", "0", &origin));
    first.until_told("c-0", "booking.ready");
    // Frozen it takes nothing, but Redis has answered the read that it waits with.
    first.signal(Signal::STOP);
    let bodies: Vec<String> =
        (1..=3).map(|number| booking(&format!("c-{number}"), "1", &origin).to_string()).collect();
    let script = "for _, body in ipairs(ARGV) do redis.call('XADD', 'reelmill:bookings', '*', 'message', body) end";
    let words = ["EVAL", script, "0"];
    redis.words(&[&words[..], &bodies.iter().map(String::as_str).collect::<Vec<_>>()].concat());
    until("it has them in hand", SOON, || (pending(&redis, BOOKINGS, "reelmill") == 3).then_some(()));
    first.kill();
    let second = node("b", &redis);
    for class in ["c-1", "c-2", "c-3"] {
        second.until_told(class, "booking.ready");
    }
    until("all is acknowledged", SOON, || (pending(&redis, BOOKINGS, "reelmill") == 0).then_some(()));
    first.begin();
    let workers = [first, second];
    for class in ["c-1", "c-2", "c-3"] {
        assert_eq!(accepted(&workers, class), [0, 1], "{class}");
    }
    // What the first one had made durable it still has.
    assert_eq!(workers[0].booking("c-0")["state"], "ready");
    let fetched: Vec<Value> = workers[1].jobs("fetch");
    assert_eq!(fetched.len(), 1, "three classes, one recording: {fetched:?}");
    check(&workers.each_ref());
}

/// Sends a booking for each of these classes.
fn book(redis: &Redis, classes: &[String], record: &str, origin: &Origin) {
    for class in classes {
        xadd(redis, BOOKINGS, &booking(class, record, origin));
    }
}

fn all_settled(redis: &Redis) {
    until("all is acknowledged", SOON, || (pending(redis, BOOKINGS, "reelmill") == 0).then_some(()));
}

#[test]
fn a_class_that_books_again_reaches_the_node_that_has_it_and_is_replaced_there() {
    let (redis, origin) = (Redis::on_port(), origin());
    let workers = two(&redis);
    let classes: Vec<String> = (0..12).map(|number| format!("c-{number}")).collect();
    book(&redis, &classes, "1", &origin);
    let owners: Vec<usize> = classes.iter().map(|class| who(&workers, class, "booking.ready")).collect();
    assert!(owners.contains(&0) && owners.contains(&1), "one node took all: {owners:?}");
    // The same body twice more is no news to anybody.
    book(&redis, &classes, "1", &origin);
    book(&redis, &classes, "1", &origin);
    all_settled(&redis);
    for (class, owner) in classes.iter().zip(&owners) {
        let mut expected = [0, 0];
        expected[*owner] = 1;
        assert_eq!(accepted(&workers, class), expected, "{class}");
    }
    // Another one replaces what was, on the node that had it, which lets the old file go.
    book(&redis, &classes, "2", &origin);
    for (class, owner) in classes.iter().zip(&owners) {
        let expected =
            ["booking.accepted", "booking.ready", "booking.cancelled", "booking.accepted", "booking.ready"];
        until("it is replaced", SOON, || (workers[*owner].told(class) == expected).then_some(()));
        assert_eq!(workers[1 - owner].told(class), [""; 0], "{class}");
    }
    all_settled(&redis);
    for class in &classes {
        xadd(&redis, "reelmill:control", &json!({ "cmd": "over", "class_id": class }));
    }
    for (class, owner) in classes.iter().zip(&owners) {
        assert_eq!(who(&workers, class, "booking.over"), *owner);
    }
    check(&workers.each_ref());
}

#[test]
fn a_class_whose_node_was_killed_is_another_s_when_it_books_again_and_let_go_when_that_one_is_back() {
    let (redis, origin) = (Redis::on_port(), origin());
    let first = node("a", &redis);
    xadd(&redis, BOOKINGS, &booking("c-1", "1", &origin));
    first.until_told("c-1", "booking.ready");
    all_settled(&redis);
    let mut workers = [first, node("b", &redis)];
    workers[0].kill();
    xadd(&redis, BOOKINGS, &booking("c-1", "1", &origin));
    let ready = workers[1].until_told("c-1", "booking.ready");
    assert_eq!(ready["data"]["booking_sequence"], 2, "it counts on from what the other one had");
    all_settled(&redis);
    workers[0].begin();
    let cancelled = workers[0].until_told("c-1", "booking.cancelled");
    assert_eq!(cancelled["data"]["booking_sequence"], 1);
    // From now on it is the other one's.
    xadd(&redis, BOOKINGS, &booking("c-1", "2", &origin));
    until("it is replaced", SOON, || (workers[1].told("c-1").len() == 5).then_some(()));
    all_settled(&redis);
    assert_eq!(accepted(&workers, "c-1"), [1, 2]);
    let ids: Vec<Value> = workers.iter().flat_map(Worker::events).map(|event| event["event_id"].clone()).collect();
    let mut once: Vec<String> = ids.iter().map(Value::to_string).collect();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), ids.len(), "two events under one name");
    check(&workers.each_ref());
}

#[test]
fn a_class_that_is_booked_by_http_on_another_node_is_that_one_s_and_the_first_lets_it_go() {
    let (redis, origin) = (Redis::on_port(), origin());
    let workers = two(&redis);
    xadd(&redis, BOOKINGS, &booking("c-1", "1", &origin));
    let first = who(&workers, "c-1", "booking.ready");
    all_settled(&redis);
    let other = &workers[1 - first];
    other.book(&booking("c-1", "2", &origin).to_string());
    assert_eq!(other.until_told("c-1", "booking.ready")["data"]["booking_sequence"], 2);
    assert_eq!(workers[first].until_told("c-1", "booking.cancelled")["data"]["booking_sequence"], 1);
    // The same by Redis, whoever reads it, is no news to the node that has it now.
    for _ in 0..4 {
        xadd(&redis, BOOKINGS, &booking("c-1", "2", &origin));
    }
    all_settled(&redis);
    let mut expected = [1, 1];
    assert_eq!(accepted(&workers, "c-1"), expected);
    // And what cannot be understood costs the class nothing, on no node.
    for _ in 0..4 {
        xadd(&redis, BOOKINGS, &json!({ "class_id": "c-1" }));
    }
    until("it is refused", SOON, || (redis.command("XLEN reelmill:dead") == "4").then_some(()));
    assert_eq!(other.booking("c-1")["state"], "ready");
    // In person it may come back.
    workers[first].book(&booking("c-1", "3", &origin).to_string());
    workers[first].until_event("its third booking", |event| event["data"]["booking_sequence"] == 3);
    other.until_told("c-1", "booking.cancelled");
    expected[first] = 2;
    assert_eq!(accepted(&workers, "c-1"), expected);
    until("it is there", SOON, || (workers[first].booking("c-1")["state"] == "ready").then_some(()));
    check(&workers.each_ref());
}

#[test]
fn an_end_that_is_read_before_the_booking_that_was_sent_before_it_ends_that_booking() {
    let (redis, origin) = (Redis::on_port(), origin());
    let worker = node("a", &redis);
    // As after a backlog: the end is there before its booking, whose name tells that it was sent before.
    let now = redis.words(&["EVAL", "return redis.call('TIME')[1]", "0"]);
    let at = |milliseconds: u32| format!("{now}{milliseconds:03}-0");
    let add =
        |stream: &str, id: &str, body: Value| redis.words(&["XADD", stream, id, "message", &body.to_string()]);
    add("reelmill:control", &at(500), json!({ "cmd": "cancel", "class_id": "c-1" }));
    until("the end is read", SOON, || {
        let kept = worker.get("/metrics").body.lines().any(|line| line == "reelmill_entries_kept 1");
        kept.then_some(())
    });
    add(BOOKINGS, &at(400), booking("c-1", "1", &origin));
    worker.until_told("c-1", "booking.cancelled");
    // What was sent later is another matter.
    add(BOOKINGS, &at(600), booking("c-1", "1", &origin));
    worker.until_told("c-1", "booking.ready");
    let expected = ["booking.accepted", "booking.cancelled", "booking.accepted", "booking.ready"];
    assert_eq!(worker.told("c-1"), expected);
    check(&[&worker]);
}

#[test]
fn what_was_sent_before_a_booking_and_is_read_behind_it_changes_nothing_of_it() {
    let (redis, origin) = (Redis::on_port(), origin());
    let worker = node("a", &redis);
    let now = redis.words(&["EVAL", "return redis.call('TIME')[1]", "0"]);
    let at = |milliseconds: u32| format!("{now}{milliseconds:03}-0");
    redis.words(&["XADD", BOOKINGS, &at(600), "message", &booking("c-1", "1", &origin).to_string()]);
    worker.until_told("c-1", "booking.ready");
    let cancel = json!({ "cmd": "cancel", "class_id": "c-1" }).to_string();
    redis.words(&["XADD", "reelmill:control", &at(500), "message", &cancel]);
    // As a node hands over what one that died has left behind.
    let older = booking("c-1", "2", &origin).to_string();
    redis.words(&["XADD", "reelmill:control", &at(510), "node", "a", "entry", &at(400), "handed", &older]);
    until("both are read", SOON, || {
        let kept = worker.get("/metrics").body.lines().any(|line| line == "reelmill_entries_kept 3");
        kept.then_some(())
    });
    assert_eq!((&worker.booking("c-1")["state"], asked(&origin, "/2.flv")), (&"ready".into(), 0));
    assert_eq!(worker.told("c-1"), ["booking.accepted", "booking.ready"]);
    // An end that was sent later counts.
    redis.words(&["XADD", "reelmill:control", &at(700), "message", &cancel]);
    worker.until_told("c-1", "booking.cancelled");
    check(&[&worker]);
}

#[test]
fn an_entry_under_a_name_that_was_given_before_to_another_message_is_taken() {
    let (redis, origin) = (Redis::on_port(), origin());
    let worker = node("a", &redis);
    let add = |class: &str| {
        let body = booking(class, "1", &origin).to_string();
        redis.words(&["XADD", BOOKINGS, "7-1", "message", &body]);
        worker.until_told(class, "booking.ready");
    };
    add("c-1");
    redis.command("FLUSHALL");
    add("c-2");
    check(&[&worker]);
}
