//! Kills before every call that makes something last, on the way of one booking: its download, its transcode, its end, and the
//! end of the daemon.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::daemon::Daemon;
use super::load::Origins;
use super::{World, until};
use crate::support::kill::lines;
use crate::support::setting::setting;

/// Of the points, one in so many is struck.
const STEP: usize = 7;
/// What makes something last.
const CALLS: &str = "fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,pwrite64";
/// Seconds of the recording.
const LESSON_SECONDS: f64 = 4.0;
const CLASS: &str = "c-1";

/// Returns the command under `strace`, with these options.
fn traced(command: &Command, options: &[&str], trace: &Path) -> Command {
    let mut traced = Command::new("strace");
    // Without --seccomp-bpf, which would be faster: with it, no signal is injected.
    traced.args(["-f", "-qqq", "-e", &format!("trace={CALLS}"), "-o"]).arg(trace).args(options);
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
struct Way<'a> {
    origins: &'a Origins,
    world: World,
    daemon: Daemon,
    restarts: usize,
}

/// Says which call it was, where the test fails.
struct Struck(String);

impl Drop for Struck {
    fn drop(&mut self) {
        if std::thread::panicking() {
            #[expect(clippy::print_stderr, reason = "without it nobody could strike it again")]
            {
                eprintln!("struck: {}", self.0);
            }
        }
    }
}

/// Who died of a kill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Died {
    Daemon,
    /// The one that works on media.
    Child,
    /// This way did not come to that call.
    Nobody,
}

impl<'a> Way<'a> {
    fn begin(origins: &'a Origins, options: &[&str], trace: &Path) -> Self {
        let mut world = World::new();
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
    fn ask(&mut self, line: &str, body: &str) -> Value {
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

    /// Books, waits, tells the end, and ends the daemon; returns who died meanwhile.
    fn go(mut self) -> Died {
        let url = self.origins.lesson_url();
        let body = json!({ "class_id": CLASS, "record_id": "6666", "video_url": url, "video_resolution": "240P" });
        self.ask("POST /api/v1/bookings", &body.to_string());
        let path = format!("GET /api/v1/bookings/{CLASS}");
        let mut state = Value::Null;
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
        let events = world.ends_well(&BTreeMap::from([(CLASS.to_owned(), "booking.over")]));
        let is_child =
            |event: &Value| event["data"]["error"].as_str().is_some_and(|code| code.starts_with("MEDIA_"));
        match () {
            () if restarts > 0 || !status.success() => Died::Daemon,
            () if events.iter().any(is_child) => Died::Child,
            () => Died::Nobody,
        }
    }
}

/// Returns every point of an undisturbed way: per call as many as the busiest thread makes.
fn points(origins: &Origins) -> BTreeMap<String, usize> {
    let trace = tempfile::NamedTempFile::new().unwrap();
    assert_eq!(Way::begin(origins, &[], trace.path()).go(), Died::Nobody);
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
    let origins = Origins::new(LESSON_SECONDS);
    let most = points(&origins);
    let points = most.iter().flat_map(|(call, most)| (1..=*most).map(move |count| (call.clone(), count)));
    let trace = tempfile::NamedTempFile::new().unwrap();
    let mut dead: BTreeMap<(String, Died), usize> = BTreeMap::new();
    for (call, count) in points.step_by(step) {
        let inject = format!("inject={call}:signal=SIGKILL:when={count}");
        let inject = Struck(inject);
        let died = Way::begin(&origins, &["-e", &inject.0], trace.path()).go();
        *dead.entry((call, died)).or_default() += 1;
    }
    #[expect(clippy::print_stdout, reason = "the figure that a campaign is run for")]
    {
        println!("who died before which of {most:?} calls: {dead:?}");
    }
    let (all, nobody) = dead.iter().fold((0, 0), |(all, nobody), ((_, died), count)| {
        (all + count, nobody + if *died == Died::Nobody { *count } else { 0 })
    });
    assert!(nobody < all / 2, "nobody died {nobody} times of {all}");
}
