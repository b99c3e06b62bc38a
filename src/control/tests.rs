//! Both ends of the control socket, in a folder of their own.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::message::{Answer, decode, encode};
use super::server::{Options, admits};
use super::*;
use crate::failure::{Failure, FailureClass};

/// Answers by script: `evict` fails, `scrub` tells progress, `status` answers, and `fetch` waits to be let go.
#[derive(Default)]
struct Script {
    begun: Option<SyncSender<()>>,
    let_go: Option<Mutex<Receiver<()>>>,
    done: Option<SyncSender<()>>,
}

impl Handler for Script {
    fn handle(&self, request: Request, progress: &mut dyn FnMut(Progress)) -> Result<Reply, Failed> {
        match request {
            Request::Evict { key, .. } => Err(Failed {
                code: "CACHE_HELD",
                class: FailureClass::Output,
                message: format!("{key} is held by pin ann"),
                cure: "unpin it",
                details: vec!["since noon".to_owned()],
            }),
            Request::Scrub => {
                progress(so_far(1));
                // Too soon after the first to be told.
                progress(so_far(2));
                Ok(Reply::Scrubbed(Scrubbed { sound_files: 2, ..Scrubbed::default() }))
            }
            Request::Fetch { key, .. } => {
                self.begun.as_ref().unwrap().send(()).unwrap();
                self.let_go.as_ref().unwrap().lock().unwrap().recv().unwrap();
                self.done.as_ref().unwrap().send(()).unwrap();
                Ok(Reply::Unpinned { key, name: String::new(), was_pinned: false })
            }
            _ => Ok(status()),
        }
    }
}

fn status() -> Reply {
    Reply::Status(Status { pid: 7, version: "0.1.0".to_owned(), role: "worker".to_owned() })
}

fn so_far(files: u64) -> Progress {
    Progress { phase: "scrubbing".to_owned(), files, files_total: Some(2), ..Progress::default() }
}

fn fetch() -> Request {
    Request::Fetch {
        key: "6666".to_owned(),
        url: "http://origin/6666.flv".to_owned(),
        sha256: None,
        accept_truncated: false,
    }
}

fn evict() -> Request {
    Request::Evict { key: "6666".to_owned(), reason: "by hand".to_owned() }
}

fn start(folder: &Path) -> Server {
    Server::start(folder, Arc::new(Script::default())).unwrap()
}

fn ask_quietly(folder: &Path, request: &Request) -> Result<Reply, ControlError> {
    ask(folder, request, &mut |_| {})
}

fn code(result: Result<impl Sized, ControlError>) -> &'static str {
    result.err().map_or("none", |error| error.code())
}

/// A server whose requests wait, and what they wait for.
struct Waiting {
    server: Server,
    begun: Receiver<()>,
    let_go: SyncSender<()>,
    done: Receiver<()>,
}

fn start_waiting(folder: &Path) -> Waiting {
    let (begin, begun) = sync_channel(1);
    let (let_go, going) = sync_channel(1);
    let (end, done) = sync_channel(1);
    let script = Script { begun: Some(begin), let_go: Some(Mutex::new(going)), done: Some(end) };
    Waiting { server: Server::start(folder, Arc::new(script)).unwrap(), begun, let_go, done }
}

#[test]
fn lines_are_what_they_were() {
    let pin = Request::Pin { key: "6666".to_owned(), name: "ann".to_owned(), for_milliseconds: Some(5) };
    for (line, text) in [
        (
            encode(&pin),
            r#"{"schema":"reelmill.control/1","request":"pin","key":"6666","name":"ann","for_milliseconds":5}"#,
        ),
        (encode(&Request::Scrub), r#"{"schema":"reelmill.control/1","request":"scrub"}"#),
        (encode(&Answer::Greeting), r#"{"schema":"reelmill.control/1","answer":"greeting"}"#),
        (
            encode(&Answer::Done { reply: status() }),
            r#"{"schema":"reelmill.control/1","answer":"done","reply":{"status":{"pid":7,"version":"0.1.0","role":"worker"}}}"#,
        ),
    ] {
        assert_eq!(line, format!("{text}\n"));
    }
    assert_eq!(decode::<Request>(encode(&pin).trim_end().as_bytes()).unwrap(), pin);
    let progress = Answer::Progress(so_far(1));
    assert_eq!(decode::<Answer>(encode(&progress).as_bytes()).unwrap(), progress);
}

#[test]
fn another_version_and_what_is_no_line_of_ours_are_told_apart() {
    for (line, code) in [
        (r#"{"schema":"reelmill.control/2","request":"scrub","depth":3}"#, "CONTROL_VERSION"),
        (r#"{"schema":"reelmill.control/1","request":"format"}"#, "CONTROL_LINE"),
        (r#"{"schema":"reelmill.control/1","request":"pin","key":"6666"}"#, "CONTROL_LINE"),
        ("GET / HTTP/1.1", "CONTROL_LINE"),
        ("", "CONTROL_LINE"),
    ] {
        assert_eq!(decode::<Request>(line.as_bytes()).unwrap_err().code(), code, "{line}");
    }
}

#[test]
fn a_list_tells_its_first_names_and_how_many_there_are() {
    let names = Names::of((0..1000).map(|number| number.to_string()).collect::<Vec<_>>().into_iter());
    assert_eq!((names.count, names.first.len()), (1000, 500));
}

#[test]
fn a_request_is_answered_with_progress_before() {
    let folder = TempDir::new().unwrap();
    let _server = start(folder.path());
    assert_eq!(ask_quietly(folder.path(), &Request::Status).unwrap(), status());
    let mut told = Vec::new();
    let reply = ask(folder.path(), &Request::Scrub, &mut |progress| told.push(progress.files)).unwrap();
    assert!(matches!(reply, Reply::Scrubbed(Scrubbed { sound_files: 2, .. })), "{reply:?}");
    assert_eq!(told, [1]);
}

#[test]
fn a_failure_crosses_the_socket_whole() {
    let folder = TempDir::new().unwrap();
    let _server = start(folder.path());
    let error = ask_quietly(folder.path(), &evict()).unwrap_err();
    assert_eq!((error.code(), error.class(), error.cure()), ("CACHE_HELD", FailureClass::Output, "unpin it"));
    assert_eq!(
        (error.to_string(), error.details()),
        ("6666 is held by pin ann".to_owned(), vec!["since noon".to_owned()])
    );
}

#[test]
fn where_nobody_listens_that_is_said_and_nothing_was_asked() {
    let folder = TempDir::new().unwrap();
    assert_eq!(code(ask_quietly(folder.path(), &Request::Scrub)), "CONTROL_NOBODY");
    // What a killed process leaves.
    drop(UnixListener::bind(folder.path().join(SOCKET_NAME)).unwrap());
    assert_eq!(code(ask_quietly(folder.path(), &Request::Scrub)), "CONTROL_NOBODY");
    assert_eq!(code(ask_quietly(&folder.path().join("gone"), &Request::Scrub)), "CONTROL_NOBODY");
}

#[test]
fn the_socket_of_a_dead_process_is_replaced_and_ours_is_private_and_goes_with_us() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join(SOCKET_NAME);
    drop(UnixListener::bind(&path).unwrap());
    drop(UnixListener::bind(folder.path().join("control.sock.new")).unwrap());
    let server = start(folder.path());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(ask_quietly(folder.path(), &Request::Status).unwrap(), status());
    drop(server);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_live_socket_is_never_replaced() {
    let folder = TempDir::new().unwrap();
    let server = start(folder.path());
    assert_eq!(code(Server::start(folder.path(), Arc::new(Script::default()))), "CONTROL_IN_USE");
    assert_eq!(ask_quietly(folder.path(), &Request::Status).unwrap(), status());
    drop(server);
    // Not one of ours, so it knows nothing of our lock.
    let _stranger = UnixListener::bind(folder.path().join(SOCKET_NAME)).unwrap();
    assert_eq!(code(Server::start(folder.path(), Arc::new(Script::default()))), "CONTROL_IN_USE");
    UnixStream::connect(folder.path().join(SOCKET_NAME)).unwrap();
}

#[test]
fn what_is_no_socket_is_never_replaced() {
    let folder = TempDir::new().unwrap();
    for name in [SOCKET_NAME, "control.sock.new"] {
        let path = folder.path().join(name);
        fs::write(&path, "notes").unwrap();
        assert_eq!(code(Server::start(folder.path(), Arc::new(Script::default()))), "CONTROL_NAME_TAKEN");
        assert_eq!(fs::read(&path).unwrap(), b"notes");
        fs::remove_file(&path).unwrap();
    }
    assert_eq!(code(Server::start(&folder.path().join("gone"), Arc::new(Script::default()))), "CONTROL_SOCKET");
}

#[test]
fn a_folder_with_a_path_longer_than_a_socket_s_may_be_is_served_all_the_same() {
    let folder = TempDir::new().unwrap();
    let deep = folder.path().join("d".repeat(100)).join("e".repeat(100));
    fs::create_dir_all(&deep).unwrap();
    assert_eq!(code(ask_quietly(&deep, &Request::Status)), "CONTROL_NOBODY");
    let server = start(&deep);
    assert_eq!(ask_quietly(&deep, &Request::Status).unwrap(), status());
    drop(server);
    assert_eq!(fs::read_dir(&deep).unwrap().count(), 0);
}

#[test]
fn ending_finishes_what_runs_and_takes_nothing_more() {
    let folder = TempDir::new().unwrap();
    let Waiting { server, begun, let_go, done } = start_waiting(folder.path());
    thread::scope(|scope| {
        let asked = scope.spawn(|| ask_quietly(folder.path(), &fetch()));
        begun.recv().unwrap();
        let ended = scope.spawn(move || drop(server));
        while code(ask_quietly(folder.path(), &Request::Status)) != "CONTROL_NOBODY" {
            thread::yield_now();
        }
        assert!(!ended.is_finished());
        let_go.send(()).unwrap();
        ended.join().unwrap();
        done.try_recv().expect("ending waits for the request");
        assert!(matches!(asked.join().unwrap(), Ok(Reply::Unpinned { .. })));
    });
}

#[test]
fn whoever_says_nothing_does_not_keep_the_server_from_ending() {
    let folder = TempDir::new().unwrap();
    let server = start(folder.path());
    let mut idle = BufReader::new(UnixStream::connect(folder.path().join(SOCKET_NAME)).unwrap());
    idle.read_line(&mut String::new()).unwrap();
    let began = Instant::now();
    drop(server);
    assert!(began.elapsed() < Options::default().request_time / 2);
}

#[test]
fn a_request_whose_asker_has_gone_is_finished() {
    let folder = TempDir::new().unwrap();
    let Waiting { server, begun, let_go, done } = start_waiting(folder.path());
    let mut asker = UnixStream::connect(folder.path().join(SOCKET_NAME)).unwrap();
    asker.write_all(encode(&fetch()).as_bytes()).unwrap();
    begun.recv().unwrap();
    drop(asker);
    let_go.send(()).unwrap();
    done.recv().unwrap();
    drop(server);
}

#[test]
fn more_connections_than_are_taken_are_told_so() {
    let folder = TempDir::new().unwrap();
    let options = Options { connections_max: 1, ..Options::default() };
    let _server = Server::start_with(folder.path(), Arc::new(Script::default()), options).unwrap();
    let mut first = BufReader::new(UnixStream::connect(folder.path().join(SOCKET_NAME)).unwrap());
    first.read_line(&mut String::new()).unwrap();
    let error = ask_quietly(folder.path(), &Request::Status).unwrap_err();
    assert_eq!((error.code(), error.class()), ("CONTROL_BUSY", FailureClass::Transient));
    assert!(error.to_string().contains("1 others ask already"), "{error}");
}

#[test]
fn a_request_without_end_is_refused_and_one_that_never_comes_is_not_waited_for() {
    let folder = TempDir::new().unwrap();
    let options = Options { request_time: Duration::from_millis(20), ..Options::default() };
    let _server = Server::start_with(folder.path(), Arc::new(Script::default()), options).unwrap();
    let mut silent = UnixStream::connect(folder.path().join(SOCKET_NAME)).unwrap();
    let mut said = String::new();
    silent.read_to_string(&mut said).unwrap();
    assert_eq!(said, encode(&Answer::Greeting));
    // Long enough for the length to be what ends it.
    let (folder, patient) = (TempDir::new().unwrap(), Options::default());
    let _server = Server::start_with(folder.path(), Arc::new(Script::default()), patient).unwrap();
    let long = Request::Unpin { key: "6".repeat(super::server::REQUEST_BYTES_MAX), name: String::new() };
    assert_eq!(code(ask_quietly(folder.path(), &long)), "CONTROL_LINE");
}

#[test]
fn a_process_that_breaks_off_is_told_from_one_that_never_listened() {
    let folder = TempDir::new().unwrap();
    let listener = UnixListener::bind(folder.path().join(SOCKET_NAME)).unwrap();
    let answer = |first: String| {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(first.as_bytes()).unwrap();
    };
    for (first, expected) in [
        (String::new(), "CONTROL_NOBODY"),
        (encode(&Answer::Greeting), "CONTROL_BROKEN"),
        ("{\"schema\":\"reelmill.control/9\"}\n".to_owned(), "CONTROL_VERSION"),
    ] {
        thread::scope(|scope| {
            scope.spawn(|| answer(first));
            assert_eq!(code(ask_quietly(folder.path(), &Request::Status)), expected);
        });
    }
}

#[test]
fn the_folder_s_user_we_and_root_are_heard_and_nobody_else() {
    for (peer, is_heard) in [(0, true), (1000, true), (1001, true), (1002, false)] {
        assert_eq!(admits(peer, 1000, 1001), is_heard, "{peer}");
    }
    let refused = ControlError::Forbidden(SOCKET_NAME.into());
    assert_eq!((refused.code(), refused.class()), ("CONTROL_FORBIDDEN", FailureClass::Configuration));
}

#[test]
fn a_server_starts_again_at_once_while_children_are_being_started() {
    let folder = tempfile::tempdir().unwrap();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                Command::new("true").status().unwrap();
            }
        });
        let started = (0..300).all(|_| Server::start(folder.path(), Arc::new(Script::default())).is_ok());
        is_over.store(true, Ordering::Relaxed);
        assert!(started);
    });
}
