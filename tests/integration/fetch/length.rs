//! D7: bodies that are shorter or longer than was said, and bodies without a length.

use super::Place;
use crate::support::invariant::Left;
use crate::support::origin::{End, Object, Origin};

const SIZE: usize = 100_000;

#[test]
fn d7_a_body_that_is_too_short_is_completed_by_the_next_attempt() {
    let (place, object) = (Place::new(), Object::new(SIZE, 1));
    // In order as far as TCP goes: only the length tells.
    let origin = Origin::scripted(object.clone(), |asked, answer| {
        if asked.index == 0 {
            answer.body(vec![]).set("Content-Length", SIZE).end(End::Close);
        }
    });
    assert_eq!(place.fetches(&origin.url("/"), "", &object)["attempts"], 2);
}

#[test]
fn d7_a_body_that_is_longer_than_its_length_is_refused_and_nothing_is_left() {
    for surplus in [1, 1000] {
        let place = Place::new();
        let origin = Origin::scripted(Object::new(SIZE, 2), move |_, answer| {
            answer.set("Content-Length", SIZE - surplus).end(End::Close);
        });
        place.fails(&origin.url("/"), "", (3, "DL_LENGTH_MISMATCH"), Left::Nothing);
    }
}

#[test]
fn d7_a_part_that_is_longer_than_its_range_is_refused_and_nothing_is_left() {
    let place = Place::new();
    let object = Object::new(SIZE, 3);
    let served = object.clone();
    let origin = Origin::scripted(object, move |asked, answer| match asked.index {
        0 => answer.stop(60_000, End::Close).done(),
        _ => {
            let longer: Vec<u8> = served.bytes[60_000..].iter().copied().chain([0; 50]).collect();
            answer.body(longer).set("Content-Length", 40_000).end(End::Close);
        }
    });
    place.fails(&origin.url("/"), "", (3, "DL_LENGTH_MISMATCH"), Left::Nothing);
}

#[test]
fn d7_chunks_make_a_whole_with_their_last_and_a_part_without() {
    let (place, object) = (Place::new(), Object::new(SIZE, 4));
    let origin = Origin::scripted(object.clone(), |asked, answer| {
        answer.chunked();
        if asked.index == 0 {
            answer.stop(70_000, End::Close);
        }
    });
    let document = place.fetches(&origin.url("/"), "", &object);
    assert_eq!((&document["attempts"], origin.asked()[1].offset(), origin.sent()), (&2.into(), 70_000, SIZE));
}

#[test]
fn d7_a_body_that_only_the_end_of_the_connection_ends_is_a_whole() {
    // HTTP/1.0's way; nothing tells a cut from an end.
    let (place, object) = (Place::new(), Object::new(SIZE, 5));
    let origin = Origin::scripted(object.clone(), |_, answer| {
        answer.unset("Content-Length").end(End::Close);
    });
    place.fetches(&origin.url("/"), "", &object);
}
