//! What the desk tells is as docs/messages.md says: its schema takes every event, and names every field.

use std::collections::BTreeSet;

use jsonschema::Validator;
use serde_json::Value;

use super::{HOUR, PROVIDERS, Scene, World, booking, result, terms};
use crate::event::EventType;
use crate::failure::FailureClass;
use crate::notify::envelope;
use crate::store::{JobKind, StoreError};

/// Returns the schema of events that the document has.
fn schema() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/messages.md");
    let text = std::fs::read_to_string(path).unwrap();
    let block = text.split("```json schema event\n").nth(1).unwrap();
    serde_json::from_str(block.split("\n```").next().unwrap()).unwrap()
}

/// Returns where the schema says what events of this type carry.
fn particulars<'a>(schema: &'a Value, name: &str) -> &'a Value {
    let part = match name.split('.').next().unwrap() {
        "cache" => "alarm",
        noun => noun,
    };
    &schema["$defs"][part]["properties"]
}

/// Holds every event of a scene against the schema; returns their types.
fn check(scene: &Scene<'_>, schema: &Value, validator: &Validator) -> Result<BTreeSet<&'static str>, StoreError> {
    let events = scene.tx.outbox().after(0, 1000)?;
    for event in &events {
        let text = envelope(event);
        let value: Value = serde_json::from_str(&text).unwrap();
        let fault = validator.iter_errors(&value).next().map(|error| error.to_string());
        assert_eq!(fault, None, "{text}");
        let known = particulars(schema, event.event_type.name());
        for field in value["data"].as_object().unwrap().keys() {
            assert!(known.get(field).is_some(), "{field} is not in the document: {text}");
        }
    }
    Ok(events.iter().map(|event| event.event_type.name()).collect())
}

/// Plays a scene and returns the types of its events, each of which was as the document says.
fn played(
    providers: &[&str],
    scene: impl FnOnce(&mut Scene<'_>) -> Result<(), StoreError> + Send + 'static,
) -> BTreeSet<&'static str> {
    let play = move |own: &mut Scene<'_>| {
        scene(own)?;
        let schema = schema();
        check(own, &schema, &jsonschema::validator_for(&schema).unwrap())
    };
    World::new().play(play, terms(providers))
}

/// Classes whose renditions are made here, and end in each way.
fn made_here(scene: &mut Scene<'_>) -> Result<(), StoreError> {
    scene.take(
        r#"{"class_id":"c-1","institution_id":22,"record_id":6666,"video_url":"http://origin/6666.flv","course_name":"Algebra 3",
            "video_resolution":"720P","end_time":1760007200,"callback_url":"https://school.example/told"}"#,
    )?;
    scene.work(JobKind::Fetch, Ok(()))?;
    scene.work(JobKind::Transcode, Ok(()))?;
    scene.take(r#"{"cmd":"over","class_id":"c-1","institution_id":22}"#)?;
    scene.take(r#"{"class_id":"c-3","record_id":1,"video_url":"http://origin/1.flv"}"#)?;
    scene.work(JobKind::Fetch, Err(("CACHE_FULL", FailureClass::Capacity)))?;
    scene.take(&booking("c-2", 7777))?;
    scene.take(r#"{"cmd":"cancel","class_id":"c-2"}"#)?;
    for (class, record, code, of) in
        [("c-4", 2, "MEDIA_NOT_MEDIA", FailureClass::Source), ("c-5", 3, "DL_HTTP_STATUS", FailureClass::Source)]
    {
        scene.take(&booking(class, record))?;
        while scene.work(JobKind::Fetch, Err((code, of)))? {}
    }
    Ok(())
}

/// Classes whose rendition breaks what opens it.
fn broken_here(scene: &mut Scene<'_>) -> Result<(), StoreError> {
    scene.take(&booking("c-1", 6666))?;
    scene.work(JobKind::Fetch, Ok(()))?;
    for _ in 0..3 {
        scene.now += HOUR / 2;
        scene.work(JobKind::Transcode, Err(("MEDIA_CRASHED", FailureClass::Bug)))?;
    }
    Ok(())
}

/// Classes whose renditions others make, or not.
fn made_elsewhere(scene: &mut Scene<'_>) -> Result<(), StoreError> {
    for (class, record) in [("c-1", 1), ("c-2", 2), ("c-3", 3)] {
        scene.take(&booking(class, record))?;
    }
    scene.take(&result(1, "oss", false))?;
    scene.take(&result(2, "oss", true))?;
    scene.take(&result(9, "oss", true))?;
    scene.now += 3 * HOUR;
    scene.at_desk(|desk| desk.pass_time())?;
    scene.take(&booking("c-4", 2))?;
    Ok(())
}

#[test]
fn what_the_desk_tells_is_as_the_document_says() {
    let mut told = played(&["local"], made_here);
    told.extend(played(&["local"], broken_here));
    told.extend(played(&["oss"], made_elsewhere));
    told.extend(played(&PROVIDERS, made_elsewhere));
    let all: BTreeSet<_> = EventType::ALL.iter().map(|event| event.name()).collect();
    let untold: Vec<_> = all.difference(&told).collect();
    // That one is the cache's.
    assert_eq!(untold, [&"cache.evicted"]);
}
