//! Another process that works on a database, to be killed or starved: this test binary again, at the one test here that
//! does what it is bidden, and nothing when nobody bids.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use reelmill::failure::Failure;
use reelmill::store::{JobId, JobState, StoreError};

use super::{claim, finish, insert, open};
use crate::support::bidden::{self, Bidden, say};
use crate::support::binary::Said;

const BIDDING: &str = "REELMILL_TEST_CHILD";
const NAME: &str = "store::child::another_process_does_what_it_is_bidden";

/// What the child is to do in its working folder.
#[derive(Clone, Copy, Debug)]
pub(super) enum Bidding {
    /// Take that many jobs from waiting to done, and print each state when it is acknowledged; stop at an error.
    Commit(usize),
    /// Open the database and close it.
    Open,
    /// Commit until that is refused, then see what still works, then make room by removing `ballast` and go on.
    Fill,
    /// Commit until that is refused, then try to go on.
    Fail,
}

/// Returns the command that does it in `folder`.
pub(super) fn command(bidding: Bidding, folder: &Path) -> Command {
    let words = match bidding {
        Bidding::Commit(count) => format!("commit {count}"),
        Bidding::Open => "open".to_owned(),
        Bidding::Fill => "fill".to_owned(),
        Bidding::Fail => "fail".to_owned(),
    };
    bidden::command(NAME, BIDDING, &words, folder)
}

/// What the child printed.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// What was acknowledged.
    pub(super) acknowledged: Vec<(JobId, JobState)>,
    /// Everything else.
    pub(super) words: Vec<String>,
}

impl Heard {
    fn hear(&mut self, said: &str) {
        match said.split_once(' ') {
            Some((id, state)) if JobState::parse(state).is_some() => {
                self.acknowledged.push((JobId(id.parse().unwrap()), JobState::parse(state).unwrap()));
            }
            _ => self.words.push(said.to_owned()),
        }
    }

    pub(super) fn of(stdout: &str) -> Self {
        let mut heard = Self::default();
        stdout.lines().filter_map(bidden::told).for_each(|said| heard.hear(said));
        heard
    }
}

/// Runs a child under strace with these words, and returns how it ended and the calls that strace saw.
pub(super) fn traced(command: &Command, words: &[&str]) -> (Said, String) {
    let trace = tempfile::NamedTempFile::new().unwrap();
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qqq", "-o", trace.path().to_str().unwrap()]).args(words);
    strace.arg(command.get_program()).args(command.get_args()).stdin(Stdio::null());
    strace.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    strace.current_dir(command.get_current_dir().unwrap());
    let output = strace.output().unwrap_or_else(|error| panic!("strace, by which processes are killed: {error}"));
    let said = Said::from(output);
    assert!(!said.stderr.contains("ptrace"), "strace may not trace here, and nothing can be killed\n{said}");
    (said, fs::read_to_string(trace.path()).unwrap())
}

/// A child at work.
pub(super) struct AtWork {
    child: Bidden,
    pub(super) heard: Heard,
}

impl AtWork {
    pub(super) fn start(bidding: Bidding, folder: &Path) -> Self {
        Self { child: Bidden::start(&mut command(bidding, folder)), heard: Heard::default() }
    }

    /// Listens until that many states have been acknowledged.
    pub(super) fn until(&mut self, acknowledged: usize) {
        while self.heard.acknowledged.len() < acknowledged {
            assert!(self.hear_line(), "it ended after {:?}", self.heard);
        }
    }

    /// Kills it.
    pub(super) fn kill(&mut self) {
        self.child.kill();
    }

    /// Stops it where it is.
    pub(super) fn freeze(&self) {
        self.child.freeze();
    }

    /// Listens to the end.
    pub(super) fn end(mut self) -> Heard {
        while self.hear_line() {}
        self.child.wait();
        self.heard
    }

    fn hear_line(&mut self) -> bool {
        let said = self.child.hear();
        said.iter().for_each(|said| self.heard.hear(said));
        said.is_some()
    }
}

/// Takes a job from waiting to done, and says so at each step.
fn carry(store: &reelmill::store::Store, key: &str) -> Result<(), StoreError> {
    let id = insert(store, key)?;
    say(&format!("{id} waiting"));
    let claim = claim(store, id)?;
    say(&format!("{id} running"));
    finish(store, claim)?;
    say(&format!("{id} done"));
    Ok(())
}

fn commit(count: usize) -> Result<(), StoreError> {
    let store = open(Path::new("."))?;
    (0..count).try_for_each(|number| carry(&store, &format!("{}/{number}", std::process::id())))
}

/// Goes on after a refusal, and says what is still possible.
fn beyond(until_room: bool) -> Result<(), StoreError> {
    let store = open(Path::new("."))?;
    // As many as fit on no small disk.
    let refused = (0..1000).find_map(|number| carry(&store, &format!("{number}")).err()).expect("a refusal");
    say(refused.code());
    let count = store.read(|reading| reading.jobs().count());
    say(&count.map_or_else(|error| format!("read {}", error.code()), |count| format!("read {count}")));
    let again = insert(&store, "again");
    say(&format!("write {}", again.map_or_else(|error| error.code(), |_| "ok")));
    if until_room {
        fs::remove_file("ballast").unwrap();
        carry(&store, "room")?;
    }
    Ok(())
}

#[test]
fn another_process_does_what_it_is_bidden() {
    #[expect(clippy::disallowed_methods, reason = "how a parent bids the child that it starts from its own binary")]
    let Ok(bidding) = env::var(BIDDING) else { return };
    let result = match bidding.split_once(' ') {
        Some(("commit", count)) => commit(count.parse().unwrap()),
        _ if bidding == "open" => open(Path::new(".")).map(drop),
        _ if bidding == "fill" => beyond(true),
        _ => beyond(false),
    };
    say(result.map_or_else(|error| error.code(), |()| "well"));
}

/// Returns where the numbered call of a thread would be struck: every call's count in the thread that makes the most of
/// it.
pub(super) fn points(trace: &str, calls: &str) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    for call in calls.split(',') {
        let opening = format!("{call}(");
        let lines = trace.lines().filter_map(|line| line.split_once(' '));
        let threads: Vec<&str> =
            lines.filter(|(_, rest)| rest.trim_start().starts_with(&opening)).map(|(thread, _)| thread).collect();
        let count = |thread: &&str| threads.iter().filter(|other| *other == thread).count();
        let most = threads.iter().map(count).max().unwrap_or(0);
        found.extend((1..=most).map(|number| (call.to_owned(), number)));
    }
    found
}

/// Returns the folder of a fresh child.
pub(super) fn fresh(folder: &Path, name: &str) -> PathBuf {
    let path = folder.join(name);
    fs::create_dir(&path).unwrap();
    path
}
