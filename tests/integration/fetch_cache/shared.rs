//! X17 and its like: several processes that want the same at once, and such as are stopped meanwhile.

use std::fs;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use reelmill::media::Container;
use rustix::process::Signal;

use super::{Node, bodies, is_look, large_lesson, lesson, line, until};
use crate::support::binary::Running;
use crate::support::origin::{Answer, Asked, Object, Origin};

/// Holds answers back until it is opened.
#[derive(Default)]
struct Gate {
    is_open: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    fn open(&self) {
        *self.is_open.lock().unwrap() = true;
        self.opened.notify_all();
    }

    fn pass(&self) {
        let is_open = self.is_open.lock().unwrap();
        drop(self.opened.wait_while(is_open, |is_open| !*is_open).unwrap());
    }
}

/// Returns an origin that answers everything at once but the first request for the recording.
fn gated(object: &Object) -> (Origin, Arc<Gate>) {
    let gate = Arc::<Gate>::default();
    let (held, first) = (Arc::clone(&gate), Mutex::new(true));
    let script = move |asked: &Asked, _: &mut Answer| {
        if !is_look(asked) && std::mem::replace(&mut *first.lock().unwrap(), false) {
            held.pass();
        }
    };
    (Origin::scripted(object.clone(), script), gate)
}

/// Starts a fetch and waits until the recording was asked for.
fn begin(node: &Node, origin: &Origin) -> Running {
    let running = Running::start(&node.folder, &line("6666", &origin.url("/"), ""));
    origin.until(|asked| asked.iter().any(|asked| !is_look(asked)));
    running
}

/// Waits until a run says that it waits for another one.
fn until_following(running: &mut Running) {
    loop {
        let progress = running.progress().expect("it ended before it waited for the other one");
        if progress["phase"] == "following" {
            return;
        }
    }
}

#[test]
fn x17_two_processes_that_want_the_same_fetch_it_once() {
    let (node, object) = (Node::new(), lesson(Container::Flv, 1.0));
    let (origin, gate) = gated(&object);
    let first = begin(&node, &origin);
    let mut second = Running::start(&node.folder, &line("6666", &origin.url("/"), ""));
    until_following(&mut second);
    // Whoever has the cache does what others ask of it meanwhile.
    let said = node.cache("pin 7777");
    assert_eq!((said.exit, said.code()), (2, "CACHE_MISSING"), "{said}");
    gate.open();
    let (first, second) = (first.end().succeeded().document(), second.end().succeeded().document());
    assert_eq!([&first["cache"]["state"], &second["cache"]["state"]], ["fetched", "present"]);
    assert_eq!((first["sha256"] == second["sha256"], bodies(&origin)), (true, 1));
    node.is_sound(1);
}

#[test]
fn x17_processes_that_start_at_the_same_moment_fetch_it_once() {
    let (node, origin) = (Node::new(), Origin::honest(lesson(Container::Flv, 1.0)));
    let url = origin.url("/");
    let states: Vec<String> = thread::scope(|scope| {
        let runs: Vec<_> = (0..4).map(|_| scope.spawn(|| node.fetch("6666", &url, "").succeeded())).collect();
        let state = |document: serde_json::Value| document["cache"]["state"].as_str().unwrap().to_owned();
        runs.into_iter().map(|run| state(run.join().unwrap().document())).collect()
    });
    assert_eq!(states.iter().filter(|state| *state == "fetched").count(), 1, "{states:?}");
    assert_eq!(bodies(&origin), 1);
    node.is_sound(1);
}

#[test]
fn a_process_that_has_its_own_stays_until_what_others_asked_of_it_is_done() {
    let (node, object) = (Node::new(), lesson(Container::Flv, 1.0));
    let ((slow, gate), quick) = (gated(&object), Origin::honest(object));
    // The slow one is asked for by the second process, and carried out by the first, which is done long before.
    let (held, own_gate) = gated(&lesson(Container::Flv, 2.0));
    let first = Running::start(&node.folder, &line("1", &held.url("/"), ""));
    held.until(|asked| asked.iter().any(|asked| !is_look(asked)));
    let second = Running::start(&node.folder, &line("2", &slow.url("/"), ""));
    slow.until(|asked| asked.iter().any(|asked| !is_look(asked)));
    own_gate.open();
    until("the socket is gone", || fs::symlink_metadata(node.path().join("data/control.sock")).is_err());
    // It takes nothing more, or it would never end, and has the cache still.
    let said = node.fetch("3", &quick.url("/"), "");
    assert_eq!((said.exit, said.code()), (75, "DB_IN_USE"), "{said}");
    gate.open();
    for run in [first, second] {
        assert_eq!(run.end().succeeded().document()["cache"]["state"], "fetched");
    }
    node.fetches("3", &quick.url("/"), "", "fetched");
    node.is_sound(3);
}

#[test]
fn whoever_waited_for_a_process_that_was_stopped_goes_on_by_itself() {
    let (node, object) = (Node::new(), lesson(Container::Flv, 1.0));
    for signal in [Signal::INT, Signal::KILL] {
        let (origin, gate) = gated(&object);
        let first = begin(&node, &origin);
        let mut second = Running::start(&node.folder, &line("6666", &origin.url("/"), ""));
        until_following(&mut second);
        first.signal(signal);
        let exit = if signal == Signal::INT { 130 } else { 137 };
        let said = first.end();
        assert_eq!(said.exit, exit, "{said}");
        assert_eq!(second.end().succeeded().document()["cache"]["state"], "fetched");
        gate.open();
        node.is_sound(1);
        node.cache("evict 6666").succeeded();
    }
}

#[test]
fn whoever_waits_for_another_process_ends_at_once_when_it_is_told_to() {
    let (node, object) = (Node::new(), lesson(Container::Flv, 1.0));
    let (origin, gate) = gated(&object);
    let first = begin(&node, &origin);
    let mut second = Running::start(&node.folder, &line("6666", &origin.url("/"), ""));
    until_following(&mut second);
    second.signal(Signal::TERM);
    let said = second.end();
    assert_eq!(said.exit, 143, "{said}");
    gate.open();
    first.end().succeeded();
    node.is_sound(1);
}

#[test]
fn a_fetch_that_is_stopped_keeps_what_it_has_and_the_same_command_goes_on_from_there() {
    let (node, object) = (Node::new(), large_lesson(4));
    let paced = |asked: &Asked, answer: &mut Answer| {
        if asked.offset() == 0 && !is_look(asked) {
            answer.pace(64 << 10, Duration::from_millis(20)).done();
        }
    };
    let origin = Origin::scripted(object.clone(), paced);
    let running = Running::start(&node.folder, &line("6666", &origin.url("/"), ""));
    node.until_part("6666", 512 << 10);
    running.signal(Signal::INT);
    let said = running.end();
    assert_eq!((said.exit, said.code()), (130, "CANCELLED"), "{said}");
    assert!(node.work("6666").join("source.part.meta").is_file(), "{said}");
    let document = node.fetches("6666", &origin.url("/"), "", "fetched");
    assert!(document["resumed_from_bytes"].as_u64().unwrap() >= 256 << 10, "{document}");
    assert_eq!(bodies(&origin), 2);
    node.is_sound(1);
}
