//! Runs of the program itself, as a person or a script would start it: in a folder, with words, and from outside.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// What a run of the program said and how it ended.
pub(crate) struct Said {
    pub(crate) exit: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Said {
    /// Returns the one JSON document that stdout must be.
    pub(crate) fn document(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self}"))
    }

    /// Fails the test unless the run was a success.
    pub(crate) fn succeeded(self) -> Self {
        assert_eq!(self.exit, 0, "{self}");
        self
    }

    /// Returns the code in `error[CODE]` on stderr.
    pub(crate) fn code(&self) -> &str {
        self.code_if_any().unwrap_or_else(|| panic!("no error[CODE]: {self}"))
    }

    /// Like [`Self::code`], for a run that may have succeeded.
    pub(crate) fn code_if_any(&self) -> Option<&str> {
        self.stderr.split_once("error[").and_then(|(_, rest)| rest.split(']').next())
    }
}

impl std::fmt::Display for Said {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "exit {}\nstdout: {}\nstderr: {}", self.exit, self.stdout, self.stderr)
    }
}

impl From<Output> for Said {
    /// A process that died of a signal has the exit code that a shell would show.
    fn from(output: Output) -> Self {
        Self {
            exit: output.status.code().or_else(|| Some(128 + output.status.signal()?)).unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// The program with the words of `line` (none of which holds a space), in `folder`, free of the caller's environment.
pub(crate) fn reelmill(folder: &Path, line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_reelmill"));
    command.args(line.split_whitespace());
    quiet(&mut command, folder);
    command
}

/// The program after `prelude`, a line of shell that mounts what it needs: in a mount namespace of its own, so that
/// nothing of it outlives the run. Whoever is not root becomes so in a user namespace.
pub(crate) fn mounted(folder: &Path, prelude: &str, line: &str) -> Command {
    let mut command = Command::new("unshare");
    let namespaces = if rustix::process::geteuid().is_root() { "-m" } else { "-rm" };
    let script = format!("set -e; {prelude}; exec {} {line}", env!("CARGO_BIN_EXE_reelmill"));
    command.args([namespaces, "sh", "-c", &script]);
    quiet(&mut command, folder);
    command
}

fn quiet(command: &mut Command, folder: &Path) {
    command.current_dir(folder).stdin(Stdio::null());
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "RUST_LOG"] {
        command.env_remove(name);
    }
    // Among them are those by which whoever runs the tests steers these.
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("REELMILL_")) {
        command.env_remove(name);
    }
    command.env("TERM", "xterm").env("COLUMNS", "100");
}

/// Runs the program with the words of `line` in `folder` to its end.
pub(crate) fn run(folder: &TempDir, line: &str) -> Said {
    end(&mut reelmill(folder.path(), line))
}

/// Runs a command to its end.
pub(crate) fn end(command: &mut Command) -> Said {
    command.output().unwrap().into()
}

/// A run that is refused before any work: the same code on stderr and in the JSON document, and not one file more,
/// less or changed. Returns what it said without `--json`.
pub(crate) fn refused(folder: &TempDir, line: &str, exit: i32, code: &str) -> Said {
    let before = contents(folder.path());
    let said = run(folder, line);
    assert_eq!((said.exit, said.code(), said.stdout.as_str()), (exit, code, ""), "{line}\n{said}");
    let json = run(folder, &format!("{line} --json"));
    let document = json.document();
    assert_eq!((json.exit, &document["schema"]), (exit, &Value::from("reelmill.error/1")), "{line}\n{json}");
    assert_eq!(document["error"]["code"], code, "{line}\n{json}");
    let (message, cure) = (&document["error"]["message"], &document["error"]["cure"]);
    assert!(said.stderr.contains(message.as_str().unwrap()), "{line}\n{said}");
    assert!(said.stderr.contains(cure.as_str().filter(|cure| !cure.is_empty()).unwrap()), "{line}\n{said}");
    assert_eq!(contents(folder.path()), before, "{line} changed files");
    said
}

/// Returns everything below `folder`: a file's bytes, a link's target, or `None` for what is neither.
pub(crate) fn contents(folder: &Path) -> BTreeMap<String, Option<Vec<u8>>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let (path, kind) = entry.map(|entry| (entry.path(), entry.file_type().unwrap())).unwrap();
        let content = match (kind.is_file(), kind.is_symlink()) {
            (true, _) => Some(fs::read(&path).unwrap()),
            (_, true) => Some(fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes()),
            _ => None,
        };
        if kind.is_dir() {
            found.extend(contents(&path));
        }
        found.insert(path.to_str().unwrap().to_owned(), content);
    }
    found
}

/// Returns the names of what lies directly in `folder`, sorted.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = entries.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}

/// A run under way, with its progress as JSON on stderr.
pub(crate) struct Running {
    pub(crate) child: Child,
    pub(crate) stderr: BufReader<ChildStderr>,
}

impl Running {
    /// Starts the program with the words of `line` and `--progress json`.
    pub(crate) fn start(folder: &impl AsRef<Path>, line: &str) -> Self {
        let mut command = reelmill(folder.as_ref(), &format!("{line} --progress json"));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Self { child, stderr }
    }

    /// Returns the next line of progress; other lines are passed over. `None` after the end.
    pub(crate) fn progress(&mut self) -> Option<Value> {
        loop {
            let mut line = String::new();
            if self.stderr.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            if let Ok(value) = serde_json::from_str(&line) {
                return Some(value);
            }
        }
    }

    /// Waits until frames have been written and more are to come.
    pub(crate) fn until_frames_flow(mut self) -> Self {
        loop {
            let line = self.progress().expect("the run ended before it was in its middle");
            assert_eq!(line["type"], "progress", "the run ended before it was in its middle");
            if line["phase"] == "running" && line["frame"].as_u64().unwrap() > 0 {
                return self;
            }
        }
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for the end.
    pub(crate) fn end(mut self) -> Said {
        let mut rest = String::new();
        std::io::Read::read_to_string(&mut self.stderr, &mut rest).unwrap();
        let mut said = Said::from(self.child.wait_with_output().unwrap());
        said.stderr = rest;
        said
    }
}
