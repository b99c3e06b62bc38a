//! Kills before every call that makes something last, on the way of one booking: its download, its transcode, its end, and the
//! end of the daemon.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use super::daemon::Daemon;
use super::load::Origins;
use super::{World, until};
use crate::support::kill::{Point, lines};
use crate::support::setting::setting;

/// Of the points, one in so many is struck.
const STEP: usize = 7;
/// Of the points of a call that comes in long rows without a sync between them, one in so many of those.
const STEP_OF_WRITES: usize = 4;
/// What makes something last.
const CALLS: &str = "fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,pwrite64";
/// Seconds of the recording.
const LESSON_SECONDS: f64 = 4.0;
const CLASS: &str = "c-1";

/// Returns the command under `strace`, with these options.
fn traced(command: &Command, options: &[&str], trace: &Path) -> Command {
    let mut traced = Command::new("strace");
    // Between the calls that are looked at everything runs as fast as it would.
    traced.args(["-f", "-qqq", "--seccomp-bpf", "-e", &format!("trace={CALLS}"), "-o"]).arg(trace).args(options);
    traced.arg(command.get_program()).args(command.get_args()).current_dir(command.get_current_dir().unwrap());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => traced.env(name, value),
            None => traced.env_remove(name),
        };
    }
    traced
}

/// A booking on its way, and whoever brings it to its end across all ends of the daemon.
struct Way {
    origins: Origins,
    world: World,
    daemon: Daemon,
    restarts: usize,
}

impl Way {
    fn begin(options: &[&str], trace: &Path) -> Self {
        let (origins, mut world) = (Origins::new(LESSON_SECONDS), World::new());
        let daemon = Daemon::of(traced(&world.place.command(), options, trace), true);
        world.pids.extend(daemon.pid());
        Self { origins, world, daemon, restarts: 0 }
    }

    /// Sees that somebody is there to be asked; starts the daemon anew where it has died.
    fn see_to_it(&mut self) {
        self.world.pids.extend(self.daemon.pid());
        while self.daemon.has_ended() || !self.daemon.until_ready() {
            assert!(self.restarts < 3, "it ends again and again: {:?}", self.daemon.ended());
            self.restarts += 1;
            self.daemon = self.world.start();
        }
    }

    /// Asks until there is an answer.
    fn ask(&mut self, line: &str, body: &str) -> serde_json::Value {
        let mut answer = None;
        until("answered", || {
            self.see_to_it();
            answer = self.daemon.ask(line, "idempotency-key: one\r\n", body);
            answer.is_some()
        });
        let (status, answer) = answer.unwrap();
        assert!(matches!(status, 200 | 202), "{line}: {answer}");
        answer
    }

    /// Books, waits, tells the end, and ends the daemon; returns how many times it died.
    fn go(mut self) -> usize {
        let url = self.origins.lesson_url();
        let body = json!({ "class_id": CLASS, "record_id": "6666", "video_url": url, "video_resolution": "240P" });
        self.ask("POST /api/v1/bookings", &body.to_string());
        let path = format!("GET /api/v1/bookings/{CLASS}");
        let mut state = serde_json::Value::Null;
        until("ready", || {
            state = self.ask(&path, "")["state"].clone();
            state == "ready" || state == "failed"
        });
        assert_eq!(state, "ready");
        let over = json!({ "cmd": "over", "class_id": CLASS }).to_string();
        until("over", || {
            self.see_to_it();
            self.daemon.ask("POST /api/v1/control", "", &over).is_some()
        });
        let Self { mut world, daemon, restarts, .. } = self;
        let (status, _) = daemon.end();
        world.ends_well(&BTreeMap::from([(CLASS.to_owned(), "booking.over")]));
        restarts + usize::from(!status.success())
    }
}

/// Returns every point of an undisturbed way: per call as many as the busiest thread makes.
fn points() -> BTreeMap<String, usize> {
    let trace = tempfile::NamedTempFile::new().unwrap();
    assert_eq!(Way::begin(&[], trace.path()).go(), 0);
    let text = fs::read_to_string(trace.path()).unwrap();
    let mut made: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for (thread, call, _) in lines(&text) {
        *made.entry((call, thread)).or_default() += 1;
    }
    let mut most = BTreeMap::new();
    for ((call, _), count) in made {
        let known = most.entry(call.to_owned()).or_default();
        *known = count.max(*known);
    }
    most
}

#[test]
fn s1_a_kill_at_every_durable_call_of_a_booking_loses_nothing_of_it() {
    let step = setting("REELMILL_STEP", STEP);
    let most = points();
    let mut struck = Vec::new();
    for (call, count) in &most {
        let step = if call == "pwrite64" && step > 1 { step * STEP_OF_WRITES } else { step };
        struck.extend((1..=*count).step_by(step).map(|count| Point { call: call.clone(), count }));
    }
    let trace = tempfile::NamedTempFile::new().unwrap();
    let mut died = 0;
    for point in &struck {
        let inject = format!("inject={}:signal=SIGKILL:when={}", point.call, point.count);
        died += usize::from(Way::begin(&["-e", &inject], trace.path()).go() > 0);
    }
    #[expect(clippy::print_stdout, reason = "the figure that a campaign is run for")]
    {
        println!("{} of {most:?} calls struck, {died} times the daemon died", struck.len());
    }
    assert!(died > struck.len() / 2, "only {died} of {}", struck.len());
}
