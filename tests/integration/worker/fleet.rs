//! Two nodes on one Redis: bookings are shared, what concerns a class reaches the node that has it, and what a dead node had
//! in hand is another's.

use rustix::process::Signal;
use serde_json::{Value, json};

use super::{booking, origin, pending, publish, rendition, xadd};
use crate::support::oracle_node::check;
use crate::support::redis::Redis;
use crate::support::worker::{SOON, Settings, Worker, until};

const BOOKINGS: &str = "reelmill:bookings";

fn node(name: &str, redis: &Redis) -> Worker {
    let settings = Settings::of(name).redis(redis).with("transcode.providers", "['oss']");
    Worker::start(settings.with("oss.url", "'http://127.0.0.1:9/'"))
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
    let workers = [node("a", &redis), node("b", &redis)];
    // Each counts the others when it says that it is there itself.
    let said = |name: &str| redis.command(&format!("ZSCORE reelmill:nodes {name}")).parse::<f64>().unwrap_or(0.0);
    let first = until("the second one is there", SOON, || Some(said("b")).filter(|said| *said > 0.0));
    until("the first one knows it", SOON, || (said("a") > first).then_some(()));
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
