//! `docs/messages.md` is what the program does: its schemas, its examples and what is understood say the same.
//!
//! A block of JSON says behind its language what it is: `schema NAME`; `NAME valid`; `NAME invalid` for what neither the
//! schema nor the program takes; `NAME refused FIELD` for what only the program can see, and in which field.

use std::collections::BTreeMap;

use jsonschema::Validator;
use reelmill::booking::message::parse;
use reelmill::booking::{Channel, Code, Invalid, Message};
use reelmill::cache::Limits;
use reelmill::download::Guard;
use reelmill::event::EventType;
use reelmill::notify::envelope;
use serde_json::Value;

use crate::cache;
use crate::support::clip::scratch;
use crate::support::document::{self, Block, blocks};

const DOCUMENT: &str = "docs/messages.md";
/// What comes in; whatever else the document has schemas of goes out.
const INPUTS: [&str; 3] = ["booking", "ended", "transcoding"];

fn schemas(blocks: &[Block]) -> BTreeMap<String, Validator> {
    let schemas = blocks.iter().filter(|block| block.words[0] == "schema");
    schemas.map(|block| (block.words[1].clone(), jsonschema::validator_for(&value(block)).unwrap())).collect()
}

fn value(block: &Block) -> Value {
    let parsed = serde_json::from_str(&block.text);
    parsed.unwrap_or_else(|error| panic!("{DOCUMENT}:{}: {error}", block.line))
}

fn understood(block: &Block) -> Result<Message, Invalid> {
    let guard = Guard::default();
    let admits = |url: &url::Url| guard.target(url).map(drop).map_err(|refusal| refusal.to_string());
    parse(block.text.as_bytes(), Channel::Bookings, &admits)
}

fn sort(message: &Message) -> &'static str {
    match message {
        Message::Booking(_) => "booking",
        Message::Over(_) | Message::Cancel(_) => "ended",
        Message::Result(_) => "transcoding",
    }
}

/// Returns whether an example's schema and the program take it, as it says of itself.
fn check(block: &Block, schemas: &BTreeMap<String, Validator>) {
    let (name, place) = (block.words[0].as_str(), format!("{DOCUMENT}:{}", block.line));
    let schema = schemas.get(name).unwrap_or_else(|| panic!("{place}: no schema {name}"));
    let value = value(block);
    let fault = schema.iter_errors(&value).next().map(|error| error.to_string());
    let words: Vec<&str> = block.words.iter().skip(1).map(String::as_str).collect();
    assert_eq!(fault.is_some(), words[0] == "invalid", "{place}: {fault:?}");
    if !INPUTS.contains(&name) {
        return;
    }
    let understood = understood(block);
    match words.as_slice() {
        ["valid"] => assert_eq!(understood.as_ref().map(sort), Ok(name), "{place}"),
        ["invalid"] => assert!(understood.is_err(), "{place}"),
        ["refused", field] => assert_eq!(understood.unwrap_err().field, *field, "{place}"),
        other => panic!("{place}: {other:?}"),
    }
}

#[test]
fn every_example_of_the_document_is_what_it_says() {
    let blocks = blocks(DOCUMENT);
    let schemas = schemas(&blocks);
    let examples: Vec<&Block> = blocks.iter().filter(|block| block.words[0] != "schema").collect();
    for example in &examples {
        check(example, &schemas);
    }
    for name in schemas.keys() {
        let is_shown = examples.iter().any(|block| block.words[0] == *name && block.words[1] == "valid");
        assert!(is_shown, "{name} has a valid example");
    }
    assert!(INPUTS.iter().all(|name| schemas.contains_key(*name)), "all that comes in has a schema");
}

#[test]
fn every_code_of_a_failed_booking_is_in_the_document() {
    let text = document::text(DOCUMENT);
    for code in Code::ALL {
        let row = format!("| {} | `{}` |", code.number(), code.name());
        assert!(text.contains(&row), "{row}");
        assert_eq!(Code::of(code.number()), Some(code));
    }
}

#[test]
fn every_event_has_an_example_in_the_document() {
    let examples = blocks(DOCUMENT);
    let is_event = |block: &&Block| block.words == ["event", "valid"];
    let shown: Vec<Value> = examples.iter().filter(is_event).map(|block| value(block)["type"].clone()).collect();
    let text = document::text(DOCUMENT);
    for event in EventType::ALL {
        assert!(shown.contains(&event.name().into()), "{} has no example", event.name());
        assert!(text.contains(&format!("`{}`", event.name())), "{} is not in the table", event.name());
    }
}

#[test]
fn what_the_cache_tells_is_as_the_document_says() {
    let folder = scratch();
    let clips = cache::clips(&folder);
    let limits = Limits { bytes_max: 1 << 30, count_max: 100, free_bytes_min: 0 };
    let (store, cache) = cache::open(folder.path(), limits).unwrap();
    for (name, clip) in ["6666_720P", "7777"].iter().zip(&clips) {
        drop(cache::put(&cache, name, clip).unwrap());
    }
    cache.evict(&cache::key("6666_720P"), "by hand").unwrap();
    let kept = cache.hold(&cache::key("7777"), None).unwrap().path().to_owned();
    std::fs::write(&kept, "somebody else's").unwrap();
    cache.scrub(&|_| {}, &|| false).unwrap();
    let schema = &schemas(&blocks(DOCUMENT))["event"];
    let events = store.read(|reading| reading.outbox().after(0, 100)).unwrap();
    let told: Vec<&str> = events.iter().map(|event| event.event_type.name()).collect();
    assert_eq!(told, ["cache.evicted", "alarm"]);
    for event in events {
        let text = envelope(&event);
        let fault = schema.iter_errors(&serde_json::from_str(&text).unwrap()).next().map(|error| error.to_string());
        assert_eq!(fault, None, "{text}");
    }
}
