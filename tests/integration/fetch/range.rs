//! D4, D5 and D6: origins that answer a range with anything but that range.

use super::{Place, has_note};
use crate::support::invariant::Left;
use crate::support::origin::{Answer, Asked, End, Object, Origin};

const SIZE: usize = 300_000;
const HERE: usize = 200_000;

/// What an origin does with a range, right or wrong.
type Part = fn(&mut Answer);

/// A script that drops whole answers after [`HERE`] bytes, the first `drops` of them, and changes parts by `part`.
fn parts(drops: usize, part: Part) -> impl Fn(&Asked, &mut Answer) + Send + Sync + 'static {
    move |asked, answer| match asked.header("range") {
        Some(_) => part(answer),
        // With a part between any two of them.
        None if asked.index < 2 * drops => answer.stop(HERE, End::Close).done(),
        None => {}
    }
}

/// Wrong answers to `bytes=200000-` of 300000 bytes, each otherwise as it should be.
const WRONG: [(&str, Part); 9] = [
    ("a start before", |answer| answer.set("Content-Range", "bytes 199999-299999/300000").done()),
    ("a start behind", |answer| answer.set("Content-Range", "bytes 200001-299999/300000").done()),
    ("another total", |answer| answer.set("Content-Range", "bytes 200000-299999/300001").done()),
    ("an end before the start", |answer| answer.set("Content-Range", "bytes 200000-199999/300000").done()),
    ("an end behind the total", |answer| answer.set("Content-Range", "bytes 200000-300000/300000").done()),
    ("no words to be understood", |answer| answer.set("Content-Range", "bytes=200000-299999").done()),
    ("no range", |answer| answer.unset("Content-Range").done()),
    ("a length of its own", |answer| answer.body(vec![7; 50_000]).done()),
    ("several parts", |answer| {
        let part = b"--x\r\nContent-Range: bytes 200000-299999/300000\r\n\r\nabc\r\n--x--\r\n";
        answer.body(part.to_vec()).unset("Content-Range").set("Content-Type", "multipart/byteranges; boundary=x");
    }),
];

#[test]
fn d4_a_wrong_part_is_thrown_away_and_all_begins_anew_once() {
    for (what, part) in WRONG {
        let (place, object) = (Place::new(), Object::new(SIZE, 1));
        let origin = Origin::scripted(object.clone(), parts(1, part));
        let document = place.fetches(&origin.url("/"), "", &object);
        let offsets: Vec<usize> = origin.asked().iter().map(Asked::offset).collect();
        assert_eq!(offsets, [0, HERE, 0], "{what}: {document}");
        assert!(!document["notes"].as_array().unwrap().is_empty(), "{what}: {document}");
    }
}

#[test]
fn d4_a_second_wrong_part_is_refused_for_good_and_nothing_is_left() {
    for (what, part) in WRONG {
        let place = Place::new();
        let origin = Origin::scripted(Object::new(SIZE, 2), parts(2, part));
        place.fails(&origin.url("/"), "", (3, "DL_RANGE_MISMATCH"), Left::Nothing);
        let offsets: Vec<usize> = origin.asked().iter().map(Asked::offset).collect();
        assert_eq!(offsets, [0, HERE, 0, HERE], "{what}");
    }
}

#[test]
fn d4_a_part_that_nobody_asked_for_is_not_taken_for_the_whole() {
    let place = Place::new();
    let object = Object::new(SIZE, 3);
    let served = object.clone();
    let origin = Origin::scripted(object, move |_, answer| {
        answer.part(&served.bytes, 0..1000).set("Content-Range", "bytes 0-999/300000").status = 206;
    });
    place.fails(&origin.url("/"), "", (3, "DL_RANGE_MISMATCH"), Left::Nothing);
    assert_eq!(origin.asked().len(), 2);
}

#[test]
fn d4_parts_without_a_total_are_asked_for_until_nothing_more_comes() {
    let (place, object) = (Place::new(), Object::new(SIZE, 30));
    let served = object.clone();
    // The first answer tells no length and breaks off; each later one is of at most 100,000 bytes, of who knows how many.
    let origin = Origin::scripted(object.clone(), move |asked, answer| match (asked.index, answer.status) {
        (0, _) => answer.chunked().stop(HERE, End::Close).done(),
        (_, 206) => {
            let (from, end) = (asked.offset(), (asked.offset() + 100_000).min(SIZE));
            let range = format!("bytes {from}-{}/*", end - 1);
            answer.part(&served.bytes, from..end).set("Content-Range", range).done();
        }
        _ => {}
    });
    let document = place.fetches(&origin.url("/"), "", &object);
    let refused = origin.asked().pop().unwrap();
    assert_eq!(refused.offset(), SIZE, "{document}");
}

#[test]
fn d5_a_recording_that_was_cut_at_its_origin_meanwhile_is_not_taken_for_whole() {
    let place = Place::new();
    let (object, short) = (Object::new(SIZE, 31), Object::of(vec![9; HERE], "\"31b\""));
    let shorter = short.clone();
    let origin = Origin::scripted(object, move |asked, answer| match (asked.index, asked.header("range")) {
        (0, _) => answer.stop(HERE, End::Close).done(),
        // This one ignores If-Range, and has no tag for errors.
        (_, Some(_)) => {
            *answer = Answer::of(416);
            answer.set("Content-Range", format!("bytes */{HERE}")).done();
        }
        (_, None) => *answer = shorter.answer(asked),
    });
    let document = place.fetches(&origin.url("/"), "", &short);
    assert!(has_note(&document, "shorter"), "{document}");
}

/// A script by which all bytes come, and then nothing that says so: the next request is for what follows the last byte.
fn unended(refusal: Part) -> impl Fn(&Asked, &mut Answer) + Send + Sync + 'static {
    move |asked, answer| match (asked.index, answer.status) {
        (0, _) => answer.chunked().stop(SIZE, End::Close).done(),
        (_, 416) => refusal(answer),
        _ => {}
    }
}

#[test]
fn d5_a_refused_range_of_an_equal_size_means_that_all_is_here() {
    for refusal in [|_: &mut Answer| (), |answer: &mut Answer| answer.body(b"<html>no</html>".to_vec()).done()] {
        let (place, object) = (Place::new(), Object::new(SIZE, 4));
        let origin = Origin::scripted(object.clone(), unended(refusal));
        let document = place.fetches(&origin.url("/"), "", &object);
        assert_eq!((origin.asked().len(), origin.asked()[1].offset()), (2, SIZE), "{document}");
        assert_eq!(document["fetched_bytes"], SIZE);
    }
}

#[test]
fn d5_any_other_refused_range_begins_anew_and_its_body_is_never_written() {
    let refusals: [(&str, Part); 5] = [
        ("smaller", |answer| answer.set("Content-Range", "bytes */299999").done()),
        ("larger", |answer| answer.set("Content-Range", "bytes */300001").done()),
        ("no size", |answer| answer.unset("Content-Range").body(vec![7; 1000]).done()),
        ("no number", |answer| answer.set("Content-Range", "bytes */*").body(vec![7; 1000]).done()),
        ("another object's", |answer| answer.set("ETag", "\"other\"").body(vec![7; 1000]).done()),
    ];
    for (what, refusal) in refusals {
        let (place, object) = (Place::new(), Object::new(SIZE, 5));
        let origin = Origin::scripted(object.clone(), unended(refusal));
        let document = place.fetches(&origin.url("/"), "", &object);
        let offsets: Vec<usize> = origin.asked().iter().map(Asked::offset).collect();
        assert_eq!(offsets, [0, SIZE, 0], "{what}: {document}");
        assert!(!document["notes"].as_array().unwrap().is_empty(), "{what}: {document}");
    }
}

#[test]
fn d5_who_refuses_ranges_for_ever_is_given_up() {
    let place = Place::new();
    let origin = Origin::scripted(Object::new(SIZE, 6), |asked, answer| match asked.header("range") {
        Some(_) => *answer = Answer::of(416),
        None => answer.stop(HERE, End::Close).done(),
    });
    place.fails(&origin.url("/"), "--retries 9", (3, "DL_RANGE_MISMATCH"), Left::Nothing);
    assert!(origin.asked().len() <= 14, "{:?}", origin.asked());
}

#[test]
fn d6_a_whole_answer_to_a_range_is_taken_from_its_beginning() {
    let (place, object) = (Place::new(), Object::new(SIZE, 7));
    let served = object.clone();
    // An origin that knows no ranges.
    let origin = Origin::scripted(object.clone(), move |asked, answer| {
        if asked.index == 0 {
            answer.stop(HERE, End::Close);
        } else {
            answer.part(&served.bytes, 0..SIZE).unset("Content-Range").status = 200;
        }
    });
    let document = place.fetches(&origin.url("/"), "", &object);
    assert_eq!((origin.asked().len(), origin.asked()[1].offset()), (2, HERE));
    assert!(has_note(&document, "parts"), "{document}");
    assert_eq!(document["fetched_bytes"], HERE + SIZE);
}
