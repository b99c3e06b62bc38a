//! Answers that are something else than the recording: encoded (D7), no HTTP, no media (D10).

use reelmill::clip::Recipe;
use reelmill::media::Container;

use super::{Place, drops};
use crate::support::clip::make;
use crate::support::invariant::Left;
use crate::support::origin::{End, Object, Origin};

#[test]
fn d7_an_encoded_body_is_refused_though_it_was_not_asked_for() {
    for encoding in ["gzip", "br", "identity, gzip"] {
        let place = Place::new();
        let origin = Origin::scripted(Object::new(1000, 1), move |_, answer| {
            answer.set("Content-Encoding", encoding);
        });
        place.fails(&origin.url("/"), "", (3, "DL_ENCODED"), Left::Nothing);
        assert_eq!((origin.asked().len(), origin.asked()[0].header("accept-encoding")), (1, Some("identity")));
    }
}

#[test]
fn d7_an_encoded_rest_is_not_appended() {
    let place = Place::new();
    let origin = Origin::scripted(Object::new(100_000, 2), |asked, answer| match asked.index {
        0 => answer.stop(50_000, End::Close).done(),
        _ => answer.set("Content-Encoding", "gzip").done(),
    });
    let said = place.fetch(&origin.url("/"), "");
    assert_eq!((said.exit, said.code(), origin.asked().len()), (3, "DL_ENCODED", 2), "{said}");
}

#[test]
fn d7_an_encoding_that_changes_nothing_is_none() {
    let (place, object) = (Place::new(), Object::new(1000, 3));
    let origin = Origin::scripted(object.clone(), |_, answer| {
        answer.set("Content-Encoding", "identity");
    });
    place.fetches(&origin.url("/"), "", &object);
}

#[test]
fn d10_a_web_page_with_status_200_is_caught_where_media_is_wanted() {
    let place = Place::new();
    let page = b"<!doctype html><html><body>Please log in</body></html>".repeat(50);
    let origin = Origin::honest(Object::of(page, "\"page\""));
    place.fails(&origin.url("/lesson.flv"), "--media", (3, "MEDIA_NOT_MEDIA"), Left::Nothing);
    assert_eq!(origin.asked().len(), 1);
}

#[test]
fn d10_media_is_taken_for_media_though_it_came_in_two_pieces() {
    let place = Place::new();
    let clip = make(&place.folder, "clip.flv", &Recipe::plain(Container::Flv, "160x120", 1.0));
    let object = Object::of(std::fs::read(&clip).unwrap(), "\"clip\"");
    std::fs::remove_file(clip).unwrap();
    let origin = Origin::scripted(object.clone(), drops::once(object.bytes.len() / 2));
    place.fetches(&origin.url("/lesson.flv"), "--media", &object);
}
