//! `reelmill book`, `over` and `cancel`, beside a worker that answers by script.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use reelmill::api::ApiError;
use reelmill::control::{Booking, Failed, Handler, MessageChannel, Progress, Reply, Request, Server, Taken};
use serde_json::Value;

use crate::support::binary::{Said, reelmill};
use crate::support::clip::scratch;

/// A worker: the recording becomes ready at the third look, and what it is asked is kept.
#[derive(Default)]
struct Worker {
    heard: Mutex<Vec<Request>>,
    /// The code with which bookings fail.
    code: Option<u16>,
    refuses: bool,
}

fn booking(state: &str, code: Option<u16>) -> Booking {
    Booking {
        institution_id: "22".to_owned(),
        class_id: "c-1029".to_owned(),
        sequence: 1,
        state: state.to_owned(),
        code,
        error: code.map_or(String::new(), |_| "DISK_FULL".to_owned()),
        reason: String::new(),
        record_id: "6666".to_owned(),
        video_resolution: None,
        path: (state == "ready").then(|| "/cache/6666.flv".to_owned()),
        url: String::new(),
        eta_seconds: None,
        accepted_milliseconds: 0,
        updated_milliseconds: 0,
        start_milliseconds: None,
        end_milliseconds: None,
    }
}

impl Handler for Worker {
    fn handle(&self, request: Request, _: &mut dyn FnMut(Progress)) -> Result<Reply, Failed> {
        let mut heard = self.heard.lock().unwrap();
        heard.push(request.clone());
        if self.refuses {
            return Err(Failed::of(&ApiError::Message(reelmill::booking::Invalid {
                field: "class_id".to_owned(),
                rule: "1 to 128 characters",
                got: "nothing".to_owned(),
                class: None,
            })));
        }
        match request {
            Request::Message { channel: MessageChannel::Bookings, .. } => {
                let booking = booking(if self.code.is_some() { "failed" } else { "downloading" }, self.code);
                Ok(Reply::Taken(Taken::Booked { booking, was_there: false }))
            }
            Request::Message { .. } => {
                Ok(Reply::Taken(Taken::Ended { booking: Some(booking("over", None)), was_live: true }))
            }
            _ => {
                let state = if heard.len() < 4 { "downloading" } else { "ready" };
                Ok(Reply::Booking { booking: Some(booking(state, None)) })
            }
        }
    }
}

fn start(folder: &Path, worker: Worker) -> (Arc<Worker>, Server) {
    let worker = Arc::new(worker);
    (Arc::clone(&worker), Server::start(folder, worker.clone()).unwrap())
}

fn run(folder: &Path, line: &str) -> Said {
    reelmill(folder, &format!("{line} --data-folder .")).output().unwrap().into()
}

fn message(worker: &Worker) -> (MessageChannel, Value) {
    match &worker.heard.lock().unwrap()[0] {
        Request::Message { channel, body } => (*channel, serde_json::from_str(body).unwrap()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_booking_says_what_the_options_say_and_is_told_as_it_stands() {
    let folder = scratch();
    let (worker, _server) = start(folder.path(), Worker::default());
    let said = run(
        folder.path(),
        "book c-1029 --record 6666 --url http://origin/6666.flv --list 480P=http://origin/6666_480P.flv -r 720p \
         --start 2025-10-09T08:53:20Z --end 1760003600 --institution 22 --callback https://school.example/told \
         --priority 80",
    );
    assert_eq!(said.succeeded().stdout, "22/c-1029: downloading\n  record    6666\n");
    let (channel, body) = message(&worker);
    assert_eq!(channel, MessageChannel::Bookings);
    let expected = serde_json::json!({
        "cmd": "booking", "class_id": "c-1029", "institution_id": "22", "record_id": "6666",
        "video_url": "http://origin/6666.flv", "video_resolution": "720P",
        "video_url_list": { "480P": "http://origin/6666_480P.flv" },
        "start_time": 1_760_000_000, "end_time": 1_760_003_600,
        "callback_url": "https://school.example/told", "priority": 80,
    });
    assert_eq!(body, expected);
}

/// Runs a command that is told something on its standard input, and succeeds.
fn told(folder: &Path, line: &str, text: &str) -> Said {
    let mut child =
        reelmill(folder, line).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    Said::from(child.wait_with_output().unwrap()).succeeded()
}

#[test]
fn waiting_ends_when_the_recording_is_ready_and_a_message_comes_from_anywhere() {
    let folder = scratch();
    let (worker, _server) = start(folder.path(), Worker::default());
    let text = r#"{"class_id":"c-1029"}"#;
    let said = told(folder.path(), "book --message - --wait --json --data-folder .", text);
    let document = said.document();
    assert_eq!((&document["schema"], &document["state"]), (&"reelmill.booking/1".into(), &"ready".into()));
    assert!(said.stderr.contains("c-1029: downloading"), "{said}");
    assert_eq!(message(&worker).1, serde_json::from_str::<Value>(text).unwrap());
    assert_eq!(worker.heard.lock().unwrap().len(), 4);
}

#[test]
fn the_longest_message_reaches_the_worker_however_much_longer_it_becomes_on_the_way() {
    let folder = scratch();
    let (worker, _server) = start(folder.path(), Worker::default());
    // Six bytes each between the two.
    let text = "\u{1}".repeat(1 << 20);
    told(folder.path(), "book --message - --data-folder .", &text);
    let heard = worker.heard.lock().unwrap();
    assert!(matches!(&heard[0], Request::Message { body, .. } if *body == text));
}

#[test]
fn an_end_is_told_and_so_is_what_failed_by_its_exit_code() {
    let folder = scratch();
    let (worker, server) = start(folder.path(), Worker::default());
    assert_eq!(run(folder.path(), "over c-1029 --institution 22").succeeded().stdout, "22/c-1029: over\n");
    let (channel, body) = message(&worker);
    assert_eq!(channel, MessageChannel::Control);
    assert_eq!(body, serde_json::json!({ "cmd": "over", "class_id": "c-1029", "institution_id": "22" }));
    let document = run(folder.path(), "cancel c-1029 --json").succeeded().document();
    assert_eq!((&document["schema"], &document["outcome"]), (&"reelmill.taken/1".into(), &"ended".into()));
    drop(server);
    let (_, server) = start(folder.path(), Worker { code: Some(316), ..Worker::default() });
    assert_eq!(run(folder.path(), "book c-1029 --record 6666").exit, 5);
    drop(server);
    let (_, _server) = start(folder.path(), Worker { refuses: true, ..Worker::default() });
    let said = run(folder.path(), "book c-1029 --record 6666");
    assert_eq!((said.exit, said.code()), (2, "MSG_INVALID"), "{said}");
}

#[test]
fn where_no_worker_runs_that_is_said_with_its_cure() {
    let folder = scratch();
    for line in ["book c-1029 --record 6666", "over c-1029", "cancel c-1029"] {
        let said = run(folder.path(), line);
        assert_eq!((said.exit, said.code()), (75, "CONTROL_NOBODY"), "{line}");
        assert!(said.stderr.contains("help: start reelmill worker"), "{said}");
    }
}

#[test]
fn a_booking_that_says_too_little_or_two_things_is_refused_before_anybody_is_asked() {
    let folder = scratch();
    for line in [
        "book",
        "book c-1029",
        "book c-1029 --record 6666 --message -",
        "book --message - --url http://origin/",
        "book c-1029 --record 6666 --list 480P",
        "book c-1029 --record 6666 --priority 101",
        "book c-1029 --record 6666 --start soon",
        "over",
    ] {
        let said = run(folder.path(), line);
        assert_eq!(said.exit, 2, "{line}: {said}");
    }
    let said = run(folder.path(), "book --message nothing.json");
    assert_eq!(said.code(), "SOURCE_UNREADABLE");
}
