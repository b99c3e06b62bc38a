//! `reelmill fetch`, from origins that are right, wrong, slow and gone. A test that stands for a fault of the list has its
//! id in its name; whatever the fault, `invariant::holds` afterwards.

mod body;
mod change;
mod disk;
mod drops;
mod killed;
mod length;
mod look;
mod network;
mod power_cut;
mod range;
mod redirect;
mod refused;
mod room;
pub(crate) mod shared;
mod slow;
mod status;
mod wall_clock;

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use reelmill::content_hash::of_bytes;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::binary::{Said, run};
use crate::support::clip::scratch;
use crate::support::invariant::{Left, holds};
use crate::support::kill::killed_after;
use crate::support::nginx::Nginx;
use crate::support::origin::{LAST_MODIFIED, Object, Origin};

/// What every run is told: the origin is on this machine, and nobody is to wait before trying again.
const LOCAL: &str = "--allow 127.0.0.0/8 --retry-wait 0 --json";

/// What comes at all comes soon, and a fetch that never ends must fail its test, not hold it up.
const PATIENCE: Duration = Duration::from_secs(60);

/// A folder for one output, `lesson.flv`.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: scratch() }
    }

    fn output(&self) -> PathBuf {
        self.folder.path().join("lesson.flv")
    }

    fn part(&self) -> PathBuf {
        self.folder.path().join("lesson.flv.part")
    }

    /// Waits until the part holds so many bytes; fails the test after a minute.
    fn until_part(&self, bytes: u64) {
        let began = Instant::now();
        while fs::metadata(self.part()).map_or(0, |part| part.len()) < bytes {
            assert!(began.elapsed() < PATIENCE, "the part does not grow to {bytes} bytes");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Fetches `url` with the words of `extra` besides.
    fn fetch(&self, url: &str, extra: &str) -> Said {
        killed_after(self.folder.path(), PATIENCE, &line(url, extra))
    }

    /// Fetches, checks that `object` is what came and all there is, and returns the result's document.
    #[track_caller]
    fn fetches(&self, url: &str, extra: &str, object: &Object) -> Value {
        let said = self.fetch(url, extra).succeeded();
        assert_eq!(holds(&self.output(), &object.bytes, &[], &said), Left::Whole, "{said}");
        let document = said.document();
        assert_eq!(document["schema"], "reelmill.fetch/1", "{said}");
        assert_eq!(
            (&document["bytes"], &document["sha256"]),
            (&object.bytes.len().into(), &of_bytes(&object.bytes[..]).into())
        );
        document
    }

    /// Fetches, checks that it fails this way and what is left then, and returns what was said.
    #[track_caller]
    fn fails(&self, url: &str, extra: &str, (exit, code): (i32, &str), left: Left) -> Said {
        let said = self.fetch(url, extra);
        assert_eq!((said.exit, said.code()), (exit, code), "{said}");
        let document = said.document();
        assert_eq!((&document["schema"], &document["error"]["code"]), (&"reelmill.error/1".into(), &code.into()));
        assert_eq!(holds(&self.output(), &[], &[], &said), left, "{said}");
        said
    }
}

/// Returns the words that fetch `url` into `lesson.flv`.
fn line(url: &str, extra: &str) -> String {
    format!("fetch {url} -o lesson.flv {LOCAL} {extra}")
}

/// Returns whether a note of the result says so.
#[track_caller]
fn has_note(document: &Value, text: &str) -> bool {
    let notes = document["notes"].as_array().unwrap();
    notes.iter().any(|note| note.as_str().unwrap().contains(text))
}

#[test]
fn a_recording_is_fetched_whole_and_told_about() {
    let (place, object) = (Place::new(), Object::new(300_000, 1));
    let origin = Origin::honest(object.clone());
    let document = place.fetches(&origin.url("/a%20b/lesson.flv?id=7"), "", &object);
    let url = Value::from(origin.url("/a%20b/lesson.flv?id=7"));
    assert_eq!((&document["url"], &document["final_url"]), (&url, &url));
    assert_eq!((&document["fetched_bytes"], &document["resumed_from_bytes"]), (&300_000.into(), &0.into()));
    assert_eq!((&document["attempts"], &document["notes"]), (&1.into(), &Value::Array(vec![])));
    assert!(document["path"].as_str().unwrap().ends_with("lesson.flv"), "{document}");
    assert!(document["validator"].to_string().contains("object-1"), "{document}");
    let asked = origin.asked();
    assert_eq!(
        (asked.len(), asked[0].method.as_str(), asked[0].path.as_str()),
        (1, "GET", "/a%20b/lesson.flv?id=7")
    );
    let host = format!("127.0.0.1:{}", origin.port());
    let headers = ["host", "accept-encoding", "range", "if-range"].map(|name| asked[0].header(name));
    assert_eq!(headers, [Some(host.as_str()), Some("identity"), None, None]);
}

#[test]
fn an_empty_recording_is_one_too() {
    let (place, object) = (Place::new(), Object::new(0, 2));
    place.fetches(&Origin::honest(object.clone()).url("/"), "", &object);
}

#[test]
fn without_an_output_the_address_names_the_file_and_a_folder_takes_it() {
    let (place, object) = (Place::new(), Object::new(5000, 3));
    let origin = Origin::honest(object.clone());
    let url = origin.url("/courses/lesson.flv?signature=x/y");
    let said = run(&place.folder, &format!("fetch {url} --allow 127.0.0.0/8")).succeeded();
    assert_eq!(holds(&place.output(), &object.bytes, &[], &said), Left::Whole);
    fs::create_dir(place.folder.path().join("in")).unwrap();
    let said = run(&place.folder, &format!("fetch {url} --allow 127.0.0.1 -o in/")).succeeded();
    holds(&place.folder.path().join("in/lesson.flv"), &object.bytes, &[], &said);
}

#[test]
fn nginx_is_as_good_an_origin_as_ours() {
    let (place, object, nginx) = (Place::new(), Object::new(3_000_000, 4), Nginx::start(""));
    fs::write(nginx.files().join("lesson.flv"), &object.bytes[..]).unwrap();
    place.fetches(&nginx.url("lesson.flv"), "", &object);
    assert_eq!(nginx.answers(), ["200 3000000 - -"]);
}

#[test]
fn a_wrong_hash_is_refused_and_the_right_one_taken() {
    let (place, object) = (Place::new(), Object::new(70_000, 5));
    let url = Origin::honest(object.clone());
    let url = url.url("/");
    let wrong = of_bytes("something else");
    // It may be mistyped, so the bytes stay: the right one finds them whole.
    place.fails(&url, &format!("--sha256 {wrong}"), (3, "DL_HASH_MISMATCH"), Left::Part);
    let document = place.fetches(&url, &format!("--sha256 {}", of_bytes(&object.bytes[..])), &object);
    assert_eq!((&document["fetched_bytes"], &document["resumed_from_bytes"]), (&0.into(), &70_000.into()));
}

#[test]
fn an_output_that_exists_is_replaced_only_on_request_and_only_by_a_whole_one() {
    let (place, object) = (Place::new(), Object::new(70_000, 6));
    let origin = Origin::honest(object.clone());
    fs::write(place.output(), "precious").unwrap();
    let said = place.fetch(&origin.url("/"), "");
    assert_eq!((said.exit, said.code()), (4, "OUTPUT_EXISTS"), "{said}");
    assert_eq!(holds(&place.output(), b"precious", &[], &said), Left::Whole);
    assert!(origin.asked().is_empty(), "{:?}", origin.asked());
    let gone = Origin::scripted(object.clone(), |_, answer| answer.status = 404);
    let said = place.fetch(&gone.url("/"), "-y");
    assert_eq!((said.exit, said.code()), (3, "DL_HTTP_STATUS"), "{said}");
    assert_eq!(holds(&place.output(), b"precious", &[], &said), Left::Whole);
    place.fetches(&origin.url("/"), "-y", &object);
}

#[test]
fn what_is_resumed_is_asked_for_with_a_date_where_there_is_no_tag() {
    let (place, object) = (Place::new(), Object::new(200_000, 7).tagged(None));
    let origin = Origin::scripted(object.clone(), drops::once(100_000));
    place.fetches(&origin.url("/"), "", &object);
    let asked = origin.asked();
    assert_eq!(
        (asked[1].header("range"), asked[1].header("if-range")),
        (Some("bytes=100000-"), Some(LAST_MODIFIED))
    );
}
