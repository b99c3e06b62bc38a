//! The daemon from outside: bookings in by every way, renditions held, everybody told once, whatever is killed, frozen, full or
//! late. Each test ends with what holds of every daemon (`support::oracle_node`).

mod decide;
mod end;
mod fleet;
mod intake;
mod killed;
mod list;
mod outage;
mod poison;
mod room;
mod supervised;
mod time;
mod told;

use std::fs;
use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::support::clip::{in_chunks, make, scratch};
use crate::support::origin::{Asked, Object, Origin};
use crate::support::redis::Redis;
use crate::support::worker::Settings;

/// A recording for all tests, of which a rendition is made in no time.
static LESSON: LazyLock<Object> = LazyLock::new(|| {
    let folder = scratch();
    let path = make(&folder, "lesson.flv", &in_chunks("426x240", 12.0));
    Object::of(fs::read(path).unwrap(), "\"lesson\"")
});
/// One that takes a while.
static LONG: LazyLock<Object> = LazyLock::new(|| {
    let folder = scratch();
    let path = make(&folder, "long.flv", &in_chunks("1280x720", 120.0));
    Object::of(fs::read(path).unwrap(), "\"long\"")
});
/// The slowest that the encoder has: a job that is still at work whenever something happens to it.
const SLOW: &str = "'placebo'";

/// An origin of the recording under every path.
fn origin() -> Origin {
    Origin::honest(LESSON.clone())
}

/// A booking of a record as it is.
fn booking(class: &str, record: &str, origin: &Origin) -> Value {
    json!({ "class_id": class, "record_id": record, "video_url": origin.url(&format!("/{record}.flv")) })
}

/// A booking of a rendition that must be made.
fn rendition(class: &str, record: &str, resolution: &str, origin: &Origin) -> Value {
    let mut booking = booking(class, record, origin);
    booking["video_resolution"] = resolution.into();
    booking
}

/// Returns how often the recording at a path was asked for; its first byte says what it is and is no download.
fn asked(origin: &Origin, path: &str) -> usize {
    origin.asked().iter().filter(|asked| asked.path == path && !is_look(asked)).count()
}

fn is_look(asked: &Asked) -> bool {
    asked.header("range") == Some("bytes=0-0")
}

fn xadd(redis: &Redis, stream: &str, body: &Value) {
    redis.words(&["XADD", stream, "*", "message", &body.to_string()]);
}

fn publish(redis: &Redis, channel: &str, body: &Value) {
    redis.words(&["PUBLISH", channel, &body.to_string()]);
}

/// Returns the lengths of what is under way in a group.
fn pending(redis: &Redis, stream: &str, group: &str) -> usize {
    redis.command(&format!("XPENDING {stream} {group}")).lines().next().map_or(0, |count| count.parse().unwrap())
}

#[test]
fn a_daemon_whose_interface_cannot_serve_does_not_begin() {
    let settings = Settings::of("a").secret("api.token_file", "short");
    let said = settings.run();
    assert_eq!((said.exit, said.code()), (78, "API_SECRET"), "{said}");
    let said = Settings::of("a").with("api.listen", "'0.0.0.0:0'").run();
    assert_eq!(said.exit, 78, "{said}");
    assert!(!said.stderr.contains("ready"), "{said}");
}
