//! The daemon as an operator has it: the program itself under a configuration, on a free port, that can be stopped, frozen and
//! killed and begun again where it was; and what it says by HTTP, in its log and in the process table.

use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

pub(crate) use super::node_settings::Settings;
use super::wall_clock::WallClock;

/// Whatever is to happen soon has happened by then, on a machine that does many other things.
pub(crate) const SOON: Duration = Duration::from_secs(60);
/// Between two looks at whether what is waited for has come.
const LOOK: Duration = Duration::from_millis(10);
/// Events that the interface gives in one page.
const PAGE: usize = 200;

/// Waits until there is something, and fails the test where it takes longer than that.
#[track_caller]
pub(crate) fn until<T>(what: &str, patience: Duration, look: impl Fn() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < patience, "after {patience:?}: not yet {what}");
        thread::sleep(LOOK);
    }
}

/// An answer by HTTP.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Answer {
    /// Returns the JSON that the body must be.
    #[track_caller]
    pub(crate) fn document(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// A daemon; killed with this value.
pub(crate) struct Worker {
    settings: Settings,
    child: Option<Child>,
    address: String,
}

impl Worker {
    /// Starts one, and waits until it is ready.
    pub(crate) fn start(settings: Settings) -> Self {
        let mut worker = Self { settings, child: None, address: String::new() };
        worker.begin();
        worker
    }

    /// Starts it again where it was; it must have ended.
    pub(crate) fn begin(&mut self) {
        assert!(self.child.is_none(), "it runs");
        let (mut command, before) = (self.settings.command(), self.log().len());
        let log = OpenOptions::new().create(true).append(true).open(self.log_file()).unwrap();
        self.child = Some(command.stdout(Stdio::null()).stderr(log).spawn().unwrap());
        let began = Instant::now();
        self.address = loop {
            if let Some(address) = ready_address(&self.log()[before..]) {
                break address;
            }
            let ended = self.child.as_mut().unwrap().try_wait().unwrap();
            assert!(ended.is_none() && began.elapsed() < SOON, "not ready ({ended:?}): {}", self.log());
            thread::sleep(LOOK);
        };
    }

    /// Starts it again with another value.
    pub(crate) fn begin_with(&mut self, key: &str, value: &str) {
        self.settings.values.insert(key.to_owned(), value.to_owned());
        self.begin();
    }

    /// Kills it, as a crash would end it.
    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// Asks it to end.
    pub(crate) fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Waits for its end, which must come in that time.
    #[track_caller]
    pub(crate) fn ended(&mut self, patience: Duration) -> ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.as_mut().unwrap().try_wait().unwrap() {
                self.child = None;
                return status;
            }
            assert!(began.elapsed() < patience, "it runs on after {patience:?}: {}", self.log());
            thread::sleep(LOOK);
        }
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(self.child.as_ref().unwrap())
    }

    /// Returns the processes in which it has media open.
    pub(crate) fn children(&self) -> Vec<Pid> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.pid().as_raw_nonzero())).into_iter().flatten();
        let lists = tasks.flatten().filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
        let ids: Vec<i32> = lists
            .flat_map(|list| list.split_whitespace().map(|id| id.parse().unwrap()).collect::<Vec<_>>())
            .collect();
        ids.into_iter().filter_map(Pid::from_raw).filter(|child| is_alive(*child)).collect()
    }

    /// Waits for the process in which it works on a job, which must be its only one.
    pub(crate) fn child_at_work(&self, kind: &str) -> Pid {
        until("a child at work", SOON, || {
            let jobs = self.get(&format!("/api/v1/jobs?state=running&kind={kind}")).document();
            let is_at_it = !jobs["items"].as_array().unwrap().is_empty();
            self.children().first().copied().filter(|_| is_at_it && self.children().len() == 1)
        })
    }

    /// Returns its folder: settings, log, `data` and `cache`.
    pub(crate) fn folder(&self) -> &Path {
        self.settings.folder.path()
    }

    /// Returns the cache's root.
    pub(crate) fn root(&self) -> PathBuf {
        self.folder().join("cache")
    }

    /// Returns what it must not tell anybody.
    pub(crate) fn secrets(&self) -> &[String] {
        &self.settings.secrets
    }

    /// Returns its wall clock.
    pub(crate) fn clock(&self) -> &WallClock {
        self.settings.clock.as_ref().unwrap()
    }

    fn log_file(&self) -> PathBuf {
        self.folder().join("log")
    }

    /// Returns what it has written to its log, in all its lives.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// Asks for what is at `path`.
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "")
    }

    /// Sends a message to `path`.
    pub(crate) fn post(&self, path: &str, body: &str) -> Answer {
        self.ask("POST", path, body)
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> Answer {
        let tried = self.try_ask(method, path, body);
        tried.unwrap_or_else(|error| panic!("{method} {path}: {error}\n{}", self.log()))
    }

    /// The same for one that may not answer.
    pub(crate) fn try_ask(&self, method: &str, path: &str, body: &str) -> std::io::Result<Answer> {
        let mut stream = TcpStream::connect(&self.address)?;
        stream.set_read_timeout(Some(SOON))?;
        let token = self.settings.token.as_ref().map(|token| format!("authorization: Bearer {token}\r\n"));
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{}content-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            token.unwrap_or_default(),
            body.len()
        )?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        let (head, body) = text.split_once("\r\n\r\n").ok_or(std::io::ErrorKind::UnexpectedEof)?;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        Ok(Answer { status, body: body.to_owned() })
    }

    /// Books by HTTP; it must be taken.
    #[track_caller]
    pub(crate) fn book(&self, body: &str) {
        let answer = self.post("/api/v1/bookings", body);
        assert_eq!(answer.status, 202, "{body}\n{answer:?}");
    }

    /// Returns every page of a list.
    pub(crate) fn all(&self, path: &str) -> Vec<Value> {
        let (mut items, mut after) = (Vec::new(), "0".to_owned());
        loop {
            let join = if path.contains('?') { '&' } else { '?' };
            let start = if after == "0" { String::new() } else { format!("&after={after}") };
            let page = self.get(&format!("{path}{join}limit={PAGE}{start}")).document();
            items.extend(page["items"].as_array().unwrap_or_else(|| panic!("{path}: {page}")).clone());
            match page["next"].as_str() {
                Some(next) => next.clone_into(&mut after),
                None => return items,
            }
        }
    }

    /// Returns every event that was recorded, in order.
    pub(crate) fn events(&self) -> Vec<Value> {
        self.all("/api/v1/events")
    }

    /// Returns the events of a class, by their names.
    pub(crate) fn told(&self, class: &str) -> Vec<String> {
        let events = self.events().into_iter().filter(|event| event["class_id"] == class);
        events.map(|event| event["type"].as_str().unwrap().to_owned()).collect()
    }

    /// Waits for an event.
    #[track_caller]
    pub(crate) fn until_event(&self, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        let look = || self.events().into_iter().find(|event| is_it(event));
        let began = Instant::now();
        loop {
            if let Some(event) = look() {
                return event;
            }
            assert!(began.elapsed() < SOON, "no {what}: {:#?}\n{}", self.events(), self.log());
            thread::sleep(LOOK);
        }
    }

    /// Waits for an event of a class.
    #[track_caller]
    pub(crate) fn until_told(&self, class: &str, name: &str) -> Value {
        self.until_event(&format!("{name} of {class}"), |event| event["class_id"] == class && event["type"] == name)
    }

    /// Waits for an alarm with that error.
    #[track_caller]
    pub(crate) fn until_alarm(&self, error: &str) -> Value {
        self.until_event(error, |event| event["type"] == "alarm" && event["data"]["error"] == error)
    }

    /// Returns how a class's booking stands.
    pub(crate) fn booking(&self, class: &str) -> Value {
        self.get(&format!("/api/v1/bookings/{class}")).document()
    }

    /// Returns the jobs of a kind.
    pub(crate) fn jobs(&self, kind: &str) -> Vec<Value> {
        self.all(&format!("/api/v1/jobs?kind={kind}"))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        if thread::panicking() {
            // Beside what the test itself says, and as visible.
            let _ = writeln!(std::io::stderr(), "the daemon's log:\n{}", self.log());
        }
    }
}

/// Returns whether a process runs; one that waits for its end to be looked at does not.
pub(crate) fn is_alive(process: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero())).unwrap_or_default();
    let state = stat.rsplit(") ").next().and_then(|rest| rest.chars().next());
    state.is_some_and(|state| !matches!(state, 'Z' | 'X'))
}

/// Returns the address in the line that says that it is ready.
fn ready_address(log: &str) -> Option<String> {
    let line = log.split_inclusive('\n').find(|line| line.starts_with("ready: http://") && line.ends_with('\n'))?;
    Some(line.strip_prefix("ready: http://")?.split(',').next()?.to_owned())
}
