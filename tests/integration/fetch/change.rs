//! D2 and D3: objects that change between two attempts, and origins that do not say whether they did.

use super::{Place, has_note};
use crate::support::invariant::Left;
use crate::support::origin::{Answer, Asked, End, LAST_MODIFIED, Object, Origin};

/// A script by which the first object is dropped in its middle and the second one served from then on.
fn swapped(second: Object, drop_at: usize) -> impl Fn(&Asked, &mut Answer) + Send + Sync + 'static {
    move |asked, answer| match asked.index {
        0 => answer.stop(drop_at, End::Close).done(),
        _ => *answer = second.answer(asked),
    }
}

#[test]
fn d2_an_object_that_changed_between_attempts_is_fetched_from_its_beginning() {
    // Longer, as long, shorter, and shorter than what was there.
    for size in [400_000, 300_000, 250_000, 100_000] {
        let (place, second) = (Place::new(), Object::new(size, 2));
        let origin = Origin::scripted(Object::new(300_000, 1), swapped(second.clone(), 200_000));
        let document = place.fetches(&origin.url("/"), "", &second);
        assert_eq!(origin.asked()[1].header("if-range"), Some("\"object-1\""));
        assert!(has_note(&document, "changed"), "{document}");
        assert!(document["validator"].to_string().contains("object-2"), "{document}");
    }
}

#[test]
fn d2_an_object_that_changed_between_runs_is_fetched_from_its_beginning() {
    let (place, second) = (Place::new(), Object::new(300_000, 2));
    let served = second.clone();
    let origin = Origin::scripted(Object::new(300_000, 1), move |asked, answer| match asked.index {
        0 => answer.stop(200_000, End::Close).done(),
        1 => answer.stop(0, End::Close).done(),
        _ => *answer = served.answer(asked),
    });
    place.fails(&origin.url("/"), "--retries 0", (75, "DL_INTERRUPTED"), Left::Part);
    let document = place.fetches(&origin.url("/"), "", &second);
    assert_eq!((&document["resumed_from_bytes"], &document["fetched_bytes"]), (&0.into(), &300_000.into()));
    assert!(has_note(&document, "changed"), "{document}");
}

#[test]
fn d2_x16_a_part_of_another_object_is_never_appended_though_the_origin_sends_it() {
    let (place, second) = (Place::new(), Object::new(300_000, 2));
    let served = second.clone();
    // An origin that knows Range and not If-Range.
    let origin = Origin::scripted(Object::new(300_000, 1), move |asked, answer| match asked.index {
        0 => answer.stop(200_000, End::Close).done(),
        1 => {
            *answer = served.answer(asked);
            answer
                .part(&served.bytes, 200_000..300_000)
                .set("Content-Range", "bytes 200000-299999/300000")
                .status = 206;
        }
        _ => *answer = served.answer(asked),
    });
    let document = place.fetches(&origin.url("/"), "", &second);
    assert!(has_note(&document, "changed"), "{document}");
    assert_eq!(origin.asked()[2].header("range"), None);
}

#[test]
fn d3_without_a_strong_validator_nothing_is_resumed_and_a_note_says_why() {
    let object = Object::new(300_000, 3);
    let untagged = || object.clone().tagged(None);
    for (object, why) in [
        (object.clone().tagged(Some("W/\"3\"")), "weak"),
        (object.clone().tagged(Some("W/\"3\"")).changed(None), "weak"),
        (untagged().changed(None), "neither"),
        (untagged().dated(Some(LAST_MODIFIED)), "recently"),
        (untagged().dated(Some("Sun, 01 Nov 2026 08:00:00 GMT")), "recently"),
        (untagged().dated(None), "recently"),
    ] {
        let place = Place::new();
        let origin = Origin::scripted(object.clone(), super::drops::once(200_000));
        let document = place.fetches(&origin.url("/"), "", &object);
        let asked = &origin.asked()[1];
        assert_eq!((asked.header("range"), asked.header("if-range")), (None, None), "{why}");
        assert!(has_note(&document, why), "{why}: {document}");
        assert_eq!((&document["fetched_bytes"], &document["resumed_from_bytes"]), (&500_000.into(), &0.into()));
    }
}

#[test]
fn d3_without_a_strong_validator_the_next_run_begins_anew() {
    let (place, object) = (Place::new(), Object::new(300_000, 4).tagged(None).changed(None));
    let origin = Origin::scripted(object.clone(), |asked, answer| {
        if asked.index < 1 {
            answer.stop(200_000, End::Close);
        }
    });
    let said = place.fetch(&origin.url("/"), "--retries 0");
    assert_eq!((said.exit, said.code()), (75, "DL_INTERRUPTED"), "{said}");
    let document = place.fetches(&origin.url("/"), "", &object);
    assert_eq!(origin.asked()[1].header("range"), None, "{document}");
}

#[test]
fn d3_who_drops_for_ever_and_cannot_be_resumed_is_given_up() {
    let (place, object) = (Place::new(), Object::new(300_000, 5).tagged(None).changed(None));
    let origin = Origin::scripted(object, |_, answer| {
        answer.stop(200_000, End::Close);
    });
    let said = place.fetch(&origin.url("/"), "--retries 3");
    assert_eq!((said.exit, said.code()), (75, "DL_INTERRUPTED"), "{said}");
    assert_eq!(origin.asked().len(), 4, "{:?}", origin.asked());
}
