//! Runs that are killed, at a moment or as they are about to make a certain system call, and runs whose system calls fail.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::binary::{Said, reelmill};

/// Exit code of a shell whose child was killed.
pub(crate) const KILLED: i32 = 128 + 9;

/// A system call before which a run dies.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// Its name, or several with commas between.
    pub(crate) name: &'static str,
    /// Which one of them kills, counted in each thread by itself.
    pub(crate) count: usize,
    /// Kills at the first one from there on that is about this file, where there is one.
    pub(crate) file: Option<String>,
}

impl Call {
    pub(crate) fn new(name: &'static str, count: usize) -> Self {
        Self { name, count, file: None }
    }

    pub(crate) fn on(self, file: &Path) -> Self {
        // The folder is there, the file perhaps not yet.
        let folder = file.parent().unwrap().canonicalize().unwrap_or_else(|_| file.parent().unwrap().to_owned());
        Self { file: Some(folder.join(file.file_name().unwrap()).to_str().unwrap().to_owned()), ..self }
    }
}

/// Runs the program with the words of `line` in `folder` under `strace`, which kills it at `call`; a run that does not
/// come to that ends by itself.
pub(crate) fn killed_at(folder: &Path, call: &Call, line: &str) -> Said {
    let Call { name, count, file } = call;
    let later = if file.is_some() { "+" } else { "" };
    let inject = format!("inject={name}:signal=SIGKILL:when={count}{later}");
    let mut words = vec!["-o", "/dev/null", "-e", &inject];
    words.extend(file.iter().flat_map(|file| ["-P", file]));
    traced(folder, name, &words, line)
}

/// Returns, per thread that gives a file its name, that name and how many times the thread writes.
pub(crate) fn writes(folder: &Path, line: &str) -> BTreeMap<String, usize> {
    let trace = tempfile::NamedTempFile::new().unwrap();
    traced(folder, "write,rename,renameat2", &["-o", trace.path().to_str().unwrap()], line).succeeded();
    let (mut counts, mut names) = (BTreeMap::new(), BTreeMap::new());
    for line in fs::read_to_string(trace.path()).unwrap().lines() {
        let (thread, call) = line.split_once(' ').unwrap();
        let call = call.trim_start();
        if call.starts_with("write(") {
            *counts.entry(thread.to_owned()).or_insert(0) += 1;
        } else if call.starts_with("rename") {
            names.insert(call.split('"').nth(3).unwrap().to_owned(), counts[thread]);
        }
    }
    names
}

/// A system call that a run makes on one of some files.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Point {
    /// Its name.
    pub(crate) call: String,
    /// How many of that name the same thread made on these files before, and one more.
    pub(crate) count: usize,
}

/// What happens at a point.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Blow {
    /// The run dies before the call.
    Kill,
    /// The call fails with this error (`EIO`).
    Fail(&'static str),
}

/// Calls on some files, to be counted or struck.
pub(crate) struct Watch<'a> {
    /// Names with commas between.
    pub(crate) calls: &'a str,
    /// As the program itself spells them.
    pub(crate) files: &'a [PathBuf],
}

impl Watch<'_> {
    /// Returns every point of an undisturbed run: per call as many as the busiest thread makes. And what the run said.
    pub(crate) fn points(&self, folder: &Path, line: &str) -> (Vec<Point>, Said) {
        let (said, trace) = self.traced(folder, &[], line);
        let mut made: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        for (thread, call, _) in lines(&trace) {
            *made.entry((call, thread)).or_default() += 1;
        }
        let mut most: BTreeMap<&str, usize> = BTreeMap::new();
        for ((call, _), count) in made {
            let known = most.entry(call).or_default();
            *known = count.max(*known);
        }
        let points = |(call, count): (&str, usize)| {
            let call = call.to_owned();
            (1..=count).map(move |count| Point { call: call.clone(), count })
        };
        (most.into_iter().flat_map(points).collect(), said)
    }

    /// Runs the program with the words of `line` and strikes it at `point`, once in every thread that comes there. Returns
    /// what it said and, a line each, the calls it made on the files.
    pub(crate) fn strike(&self, folder: &Path, point: &Point, blow: Blow, line: &str) -> (Said, String) {
        let blow = match blow {
            Blow::Kill => "signal=SIGKILL".to_owned(),
            Blow::Fail(error) => format!("error={error}"),
        };
        self.traced(folder, &["-e", &format!("inject={}:{blow}:when={}", point.call, point.count)], line)
    }

    fn traced(&self, folder: &Path, words: &[&str], line: &str) -> (Said, String) {
        let trace = tempfile::NamedTempFile::new().unwrap();
        let files = self.files.iter().flat_map(|file| ["-P", file.to_str().unwrap()]);
        let words: Vec<&str> =
            words.iter().copied().chain(files).chain(["-y", "-o", trace.path().to_str().unwrap()]).collect();
        let said = traced(folder, self.calls, &words, line);
        (said, fs::read_to_string(trace.path()).unwrap())
    }
}

/// Returns thread, name and the whole of every call in a trace; the second half of a call that was interrupted in the
/// trace is no call.
pub(crate) fn lines(trace: &str) -> impl Iterator<Item = (&str, &str, &str)> {
    trace.lines().filter_map(|line| {
        let (thread, rest) = line.split_once(' ')?;
        let (call, _) = rest.trim_start().split_once('(')?;
        call.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_').then_some((thread, call, rest))
    })
}

fn traced(folder: &Path, calls: &str, words: &[&str], line: &str) -> Said {
    let program = reelmill(folder, line);
    let mut command = Command::new("strace");
    command.args(["-f", "-qqq", "-e", &format!("trace={calls}")]).args(words);
    command.arg(program.get_program()).args(program.get_args()).current_dir(folder).stdin(Stdio::null());
    // The same environment as without strace; what steers the tests would be taken for settings.
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let output = command.output().unwrap_or_else(|error| panic!("strace, by which runs are killed: {error}"));
    let said = Said::from(output);
    let is_traced = said.exit == KILLED || !said.stderr.contains("ptrace");
    assert!(is_traced, "strace may not trace here, and without that no run can be killed at a chosen call\n{said}");
    said
}

/// Runs the program with the words of `line` in `folder` and kills it `after` that long, if it still runs.
pub(crate) fn killed_after(folder: &Path, after: Duration, line: &str) -> Said {
    let mut command = reelmill(folder, line);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Not by its number, which may be another's once the run has ended.
    let handle = pidfd_open(Pid::from_child(&child), PidfdFlags::empty()).unwrap();
    let (sender, ended) = sync_channel(1);
    let waiter = thread::spawn(move || {
        let output = child.wait_with_output().unwrap();
        // Nobody listens any more when the run has been killed.
        let _ = sender.send(());
        output
    });
    if ended.recv_timeout(after) == Err(RecvTimeoutError::Timeout) {
        // An error is that of a run that ended this very moment.
        let _ = pidfd_send_signal(&handle, Signal::KILL);
    }
    waiter.join().unwrap().into()
}
