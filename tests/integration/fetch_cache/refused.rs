//! What is refused: words that mean nothing, what is no recording, what has no room, and a cache that somebody has.

use std::sync::Arc;

use reelmill::media::Container;
use reelmill::store::{FILE_NAME, Options, Store};

use super::{Node, bodies, is_look, lesson, line};
use crate::support::binary::{refused, run};
use crate::support::origin::{Object, Origin};

#[test]
fn x18_a_key_that_could_lead_elsewhere_is_refused_before_anything_is_opened_or_dialled() {
    let (node, origin) = (Node::new(), Origin::honest(lesson(Container::Flv, 1.0)));
    for key in ["../6666", "/6666", "..", "22/../6666", "a/b/c", ".work/6666", "a\\b", "a%2fb", "a\u{202e}b"] {
        let line = line(key, &origin.url("/"), "").replace(" --json", "");
        refused(&node.folder, &line, 2, "CACHE_KEY");
    }
    assert!(origin.asked().is_empty());
    let long = "a".repeat(201);
    let said = node.fetch(&long, &origin.url("/"), "");
    assert_eq!((said.exit, said.code()), (2, "CACHE_KEY"), "{said}");
    // The longest that there are have a work folder too.
    let longest = format!("{}/{}", &long[1..], &long[1..]);
    node.fetches(&longest, &origin.url("/"), "", "fetched");
    node.is_sound(1);
}

#[test]
fn options_of_a_file_do_not_go_with_the_cache() {
    let node = Node::new();
    for option in ["-o x.flv", "-y", "-n", "--media", "--no-resume"] {
        let said = run(&node.folder, &line("6666", "http://127.0.0.1:9/", option));
        assert_eq!((said.exit, &said.document()["error"]["code"]), (2, &"USAGE".into()), "{option}\n{said}");
    }
    let said = run(&node.folder, "fetch http://127.0.0.1:9/a.flv --accept-truncated");
    assert_eq!(said.exit, 2, "{said}");
}

#[test]
fn what_is_no_recording_is_refused_and_nothing_of_it_is_left() {
    let node = Node::new();
    let page = b"<!DOCTYPE html><html><body>Please log in</body></html>".to_vec();
    let origin = Origin::honest(Object::of(page, "\"page\""));
    node.fails("6666", &origin.url("/6666.flv"), "", (3, "MEDIA_NOT_MEDIA"));
    let gone = Origin::scripted(lesson(Container::Flv, 1.0), |_, answer| answer.status = 404);
    node.fails("6666", &gone.url("/6666.flv"), "", (3, "DL_HTTP_STATUS"));
    let said = node.fetch("6666", &origin.url("/").replace("127.0.0.1", "127.0.0.1:bad"), "");
    assert_eq!(said.exit, 2, "{said}");
    node.is_sound(0);
}

#[test]
fn k3_a_recording_without_room_is_refused_before_its_first_byte() {
    let node = Node::configured("bytes_max = \"1MiB\"");
    let held = Origin::honest(lesson(Container::Flv, 1.0));
    node.fetches("6666", &held.url("/"), "", "fetched");
    node.cache("pin 6666").succeeded();
    // It would fit alone, and not beside what is held.
    let origin = Origin::honest(Object::new(1_010_000, 1));
    node.fails("6667", &origin.url("/"), "", (5, "CACHE_FULL"));
    assert!(origin.asked().iter().all(is_look) && origin.asked().len() == 1, "{:?}", origin.asked());
    assert!(node.file("6666").is_file());
    node.cache("unpin 6666").succeeded();
    // What nobody holds goes; that what comes then is noise is found out later.
    node.fails("6667", &origin.url("/"), "", (3, "MEDIA_NOT_MEDIA"));
    assert_eq!((node.file("6666").is_file(), bodies(&origin)), (false, 1));
    node.is_sound(0);
}

#[test]
fn a_cache_that_a_process_without_a_socket_has_is_in_use() {
    let (node, origin) = (Node::new(), Origin::honest(lesson(Container::Flv, 1.0)));
    let options = Options { backup_every: None, ..Options::default() };
    let store = Arc::new(Store::open(&node.path().join("data").join(FILE_NAME), &options).unwrap());
    let said = node.fetch("6666", &origin.url("/"), "");
    assert_eq!((said.exit, said.code()), (75, "DB_IN_USE"), "{said}");
    assert!(origin.asked().is_empty());
    drop(store);
}
