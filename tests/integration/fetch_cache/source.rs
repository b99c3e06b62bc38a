//! Where a recording comes from: the same address again, another one with the same, another one with something else.

use std::fs;
use std::io::{Read, Seek};

use reelmill::content_hash::of_bytes;
use reelmill::media::Container;

use super::{Node, bodies, is_look, lesson, notes};
use crate::support::origin::{End, Object, Origin};

#[test]
fn a_recording_is_fetched_into_the_cache_once() {
    let (node, object) = (Node::new(), lesson(Container::Flv, 1.0));
    let origin = Origin::honest(object.clone());
    let url = origin.url("/6666.flv?signature=1");
    let document = node.fetches("22/6666", &url, "", "fetched");
    assert!(fs::read(node.file("22/6666")).unwrap() == object.bytes[..]);
    assert_eq!((&document["fetched_bytes"], &document["attempts"]), (&object.bytes.len().into(), &1.into()));
    assert!(document["validator"].as_str().unwrap().contains("lesson"), "{document}");
    assert!(notes(&document).is_empty(), "{document}");
    let asked = origin.asked().len();
    let again = node.fetches("22/6666", &url, "", "present");
    assert_eq!((&again["fetched_bytes"], &again["attempts"]), (&0.into(), &0.into()));
    assert_eq!((origin.asked().len(), bodies(&origin)), (asked, 1));
    node.is_sound(1);
}

#[test]
fn what_is_said_to_a_person_names_the_file_and_what_is_odd_about_it() {
    let (node, origin) = (Node::new(), Origin::honest(lesson(Container::Flv, 1.0)));
    let line = super::line("6666_720P", &origin.url("/"), "").replace(" --json", "");
    let fetch = || crate::support::binary::run(&node.folder, &line).succeeded();
    let said = fetch();
    assert!(said.stdout.starts_with("6666_720P: fetched into the cache, "), "{said}");
    assert!(said.stdout.contains("6666/6666_720P.flv\n  sha256  "), "{said}");
    assert!(said.stderr.contains("note: 48P, labelled 720P\n"), "{said}");
    let again = fetch();
    assert!(again.stdout.starts_with("6666_720P: in the cache already, "), "{again}");
    assert!(again.stderr.contains("note: 48P, labelled 720P\n"), "{again}");
    let why = node.cache("why 6666_720P").succeeded();
    assert!(why.stdout.contains("note      48P, labelled 720P\n"), "{why}");
}

#[test]
fn the_same_recording_at_another_address_is_not_fetched_again_and_another_one_takes_its_place() {
    let (node, object) = (Node::new(), lesson(Container::Flv, 1.0));
    let (first, mirror) = (Origin::honest(object.clone()), Origin::honest(object.clone()));
    node.fetches("6666", &first.url("/"), "", "fetched");
    node.fetches("6666", &mirror.url("/"), "", "present");
    assert!(mirror.asked().iter().all(is_look) && mirror.asked().len() == 1, "{:?}", mirror.asked());
    // The mirror's address is known from now on.
    node.fetches("6666", &mirror.url("/"), "", "present");
    assert_eq!(mirror.asked().len(), 1);
    let newer = lesson(Container::Flv, 2.0);
    let changed = Origin::honest(newer.clone());
    let mut reader = fs::File::open(node.file("6666")).unwrap();
    let mut begin = [0; 100];
    reader.read_exact(&mut begin).unwrap();
    node.fetches("6666", &changed.url("/"), "", "replaced");
    assert!(fs::read(node.file("6666")).unwrap() == newer.bytes[..]);
    let mut all = Vec::new();
    reader.rewind().unwrap();
    reader.read_to_end(&mut all).unwrap();
    assert!(all == object.bytes[..], "who read the old version reads on");
    node.is_sound(1);
}

#[test]
fn what_cannot_be_told_from_another_version_is_fetched_again() {
    let (node, object) = (Node::new(), lesson(Container::Flv, 1.0).tagged(None).changed(None));
    let (one, other) = (Origin::honest(object.clone()), Origin::honest(object));
    node.fetches("6666", &one.url("/"), "", "fetched");
    node.fetches("6666", &other.url("/"), "", "replaced");
    node.is_sound(1);
}

#[test]
fn a_version_that_does_not_come_leaves_the_one_that_is_here() {
    let (node, object) = (Node::new(), lesson(Container::Flv, 1.0));
    node.fetches("6666", &Origin::honest(object.clone()).url("/"), "", "fetched");
    let page = Origin::honest(Object::of(b"<html>gone</html>".to_vec(), "\"page\""));
    node.fails("6666", &page.url("/"), "", (3, "MEDIA_NOT_MEDIA"));
    assert!(fs::read(node.file("6666")).unwrap() == object.bytes[..]);
    node.is_sound(1);
}

#[test]
fn a_hash_that_is_wanted_is_held_to_also_where_something_is_here() {
    let (node, object) = (Node::new(), lesson(Container::Flv, 1.0));
    let origin = Origin::honest(object.clone());
    let wrong = format!("--sha256 {}", of_bytes("something else"));
    let right = format!("--sha256 {}", of_bytes(&object.bytes[..]));
    let said = node.fetch("6666", &origin.url("/"), &wrong);
    assert_eq!((said.exit, said.code()), (3, "DL_HASH_MISMATCH"), "{said}");
    // It may be mistyped, so the part stays.
    let document = node.fetches("6666", &origin.url("/"), &right, "fetched");
    assert_eq!(
        (&document["fetched_bytes"], &document["resumed_from_bytes"]),
        (&0.into(), &object.bytes.len().into())
    );
    node.fetches("6666", &origin.url("/"), &right, "present");
    let said = node.fetch("6666", &origin.url("/"), &wrong);
    assert_eq!((said.exit, said.code()), (3, "DL_HASH_MISMATCH"), "{said}");
    node.fetches("6666", &origin.url("/"), &right, "present");
    node.is_sound(1);
}

#[test]
fn a_connection_that_drops_is_gone_on_from_on_the_way_into_the_cache_too() {
    let (node, object) = (Node::new(), lesson(Container::Flv, 4.0));
    let middle = object.bytes.len() / 2;
    let origin = Origin::scripted(object.clone(), move |asked, answer| {
        if asked.header("range").is_none() {
            answer.stop(middle, End::Close);
        }
    });
    let document = node.fetches("6666", &origin.url("/"), "", "fetched");
    assert_eq!((&document["fetched_bytes"], &document["attempts"]), (&object.bytes.len().into(), &2.into()));
    node.is_sound(1);
}
