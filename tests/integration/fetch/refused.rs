//! What is refused before anything is dialled: not a file changes.

use std::fs;
use std::os::unix::fs::symlink;

use super::Place;
use crate::support::binary::refused;
use crate::support::invariant::SECRET;
use crate::support::origin::{Object, Origin};

#[test]
fn addresses_that_nobody_fetches_are_refused() {
    let place = Place::new();
    for (url, code) in [
        ("lesson.flv", "URL_INVALID"),
        ("http://", "URL_INVALID"),
        ("http://127.0.0.1:99999/", "URL_INVALID"),
        ("file:///etc/passwd", "URL_FORBIDDEN"),
        ("ftp://origin.example/lesson.flv", "URL_FORBIDDEN"),
        ("http://127.0.0.1/lesson.flv", "URL_FORBIDDEN"),
        ("http://[::ffff:127.0.0.1]/lesson.flv", "URL_FORBIDDEN"),
        ("http://169.254.169.254/latest", "URL_FORBIDDEN"),
    ] {
        refused(&place.folder, &format!("fetch {url} -o lesson.flv"), 2, code);
    }
}

#[test]
fn a_password_in_an_address_is_refused_and_not_printed() {
    let place = Place::new();
    for url in [format!("http://me:{SECRET}@origin.example/"), format!("me:{SECRET}@origin.example/lesson.flv")] {
        let said = refused(&place.folder, &format!("fetch {url} -o lesson.flv"), 2, "URL_FORBIDDEN");
        assert!(!said.stderr.contains(SECRET), "{said}");
    }
}

#[test]
fn an_address_that_names_no_file_needs_an_output() {
    let place = Place::new();
    for url in ["http://origin.example/", "http://origin.example/%2e%2e%2f"] {
        refused(&place.folder, &format!("fetch {url}"), 2, "OUTPUT_NAME_MISSING");
    }
}

#[test]
fn a_file_without_certificates_is_refused() {
    let place = Place::new();
    fs::write(place.folder.path().join("notes.txt"), "no certificate").unwrap();
    for file in ["notes.txt", "missing.pem"] {
        let line = format!("fetch https://origin.example/ -o lesson.flv --ca-file {file}");
        refused(&place.folder, &line, 2, "DL_CERTIFICATE_FILE");
    }
}

#[test]
fn what_has_the_part_file_s_name_and_is_not_ours_is_left_alone() {
    let origin = Origin::honest(Object::new(1000, 1));
    let line = format!("fetch {} -o lesson.flv --allow 127.0.0.0/8", origin.url("/"));
    // A file that nobody can tell from a stranger's, a folder, a link to something precious, each under either name.
    let place = Place::new();
    fs::write(place.part(), "precious").unwrap();
    refused(&place.folder, &line, 4, "PART_TAKEN");
    for name in ["lesson.flv.part", "lesson.flv.part.meta"] {
        let place = Place::new();
        let path = place.folder.path().join(name);
        fs::create_dir(&path).unwrap();
        refused(&place.folder, &line, 4, "PART_TAKEN");
        fs::remove_dir(&path).unwrap();
        let precious = place.folder.path().join("precious");
        fs::write(&precious, "precious").unwrap();
        symlink(&precious, &path).unwrap();
        refused(&place.folder, &line, 4, "PART_TAKEN");
    }
    assert!(origin.asked().is_empty());
}
