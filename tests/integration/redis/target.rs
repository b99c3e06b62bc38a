//! Redis as somebody who is told of events: in the stream, on the channel, and after an outage.

use reelmill::event::EventType;
use reelmill::notify::{RedisTarget, Refused, Target, envelope};
use reelmill::redis_server::RedisServer;
use reelmill::store::Event;
use tokio::runtime::Runtime;
use url::Url;

use super::{SOON, ready};
use crate::support::redis::{DURABLE, Redis};

fn event(sequence: i64) -> Event {
    Event {
        sequence,
        event_id: format!("event-{sequence}"),
        event_type: EventType::BookingReady,
        institution: "22".to_owned(),
        class_id: Some("c-1".to_owned()),
        job_id: None,
        time_milliseconds: 1_760_000_000_000,
        data: r#"{"path":"/a b"}"#.to_owned(),
        callback_url: None,
    }
}

fn target(redis: &Redis) -> RedisTarget {
    let server = RedisServer::at(&Url::parse(&redis.url()).unwrap(), None).unwrap();
    RedisTarget::new(server, "reelmill:events".to_owned(), "class:event".to_owned())
}

/// Returns why it was not taken now.
fn later(refused: Result<(), Refused>) -> String {
    match refused.unwrap_err() {
        Refused::Later { why, .. } => why,
        never @ Refused::Never { .. } => panic!("{never:?}"),
    }
}

#[test]
fn an_event_is_in_the_stream_and_on_the_channel_in_one_form() {
    let redis = Redis::start("");
    let mut connection = redis::Client::open(redis.url()).unwrap().get_connection().unwrap();
    connection.set_read_timeout(Some(SOON)).unwrap();
    let mut listening = connection.as_pubsub();
    listening.subscribe("class:event").unwrap();
    let target = target(&redis);
    assert_eq!(target.name(), "redis");
    Runtime::new().unwrap().block_on(target.send(&event(7))).unwrap();
    let heard: String = listening.get_message().unwrap().get_payload().unwrap();
    assert_eq!(heard, envelope(&event(7)));
    let mut reading = redis::Client::open(redis.url()).unwrap().get_connection().unwrap();
    let range = redis::cmd("XRANGE").arg("reelmill:events").arg("-").arg("+").to_owned();
    let entries: Vec<(String, Vec<String>)> = range.query(&mut reading).unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].1, ["message".to_owned(), heard]);
}

#[test]
fn b1_events_are_put_off_while_redis_is_away_and_taken_when_it_is_back() {
    let mut redis = Redis::with(DURABLE);
    let (runtime, target) = (Runtime::new().unwrap(), target(&redis));
    runtime.block_on(target.send(&event(1))).unwrap();
    redis.kill();
    for _ in 0..2 {
        assert!(later(runtime.block_on(target.send(&event(2)))).starts_with("Redis: "));
    }
    redis.restart(DURABLE);
    ready(&redis);
    runtime.block_on(target.send(&event(2))).unwrap();
    assert_eq!(redis.command("XLEN reelmill:events"), "2");
}

#[test]
fn b10_events_are_put_off_while_redis_is_full() {
    let redis = Redis::start("");
    let (runtime, target) = (Runtime::new().unwrap(), target(&redis));
    redis.command("CONFIG SET maxmemory 1");
    let why = later(runtime.block_on(target.send(&event(1))));
    assert!(why.contains("OOM"), "{why}");
    redis.command("CONFIG SET maxmemory 0");
    runtime.block_on(target.send(&event(1))).unwrap();
    assert_eq!(redis.command("XLEN reelmill:events"), "1");
}
