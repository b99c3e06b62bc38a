//! This test binary again, as another process that can be killed: at one test that does what a variable bids it, and nothing
//! when nobody bids. What it says stands on lines of its own among the test harness's.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};

/// Marks the lines of the bidden.
const MARK: &str = "@ ";

/// Returns the command that carries `bidding` out, in the variable of that name, at the test `name` in `folder`.
pub(crate) fn command(name: &str, variable: &str, bidding: &str, folder: &Path) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args([name, "--exact", "--nocapture", "--test-threads=1"]).env(variable, bidding);
    command.current_dir(folder).stdin(Stdio::null());
    command
}

/// Tells whoever has bidden.
pub(crate) fn say(words: &str) {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{MARK}{words}").unwrap();
    stdout.flush().unwrap();
}

/// Returns what a line tells; nothing for the harness's own, which has no end of line before the first of ours.
pub(crate) fn told(line: &str) -> Option<&str> {
    line.split_once(MARK).map(|(_, told)| told.trim_end())
}

/// A process at what it was bidden.
pub(crate) struct Bidden {
    pub(crate) child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Bidden {
    /// Starts it.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Self { child, stdout }
    }

    /// Returns what it says next; nothing after its end. A line that was cut off by the end says nothing that anybody could
    /// have relied on.
    pub(crate) fn hear(&mut self) -> Option<String> {
        loop {
            let mut line = String::new();
            self.stdout.read_line(&mut line).unwrap();
            if !line.ends_with('\n') {
                return None;
            }
            if let Some(told) = told(&line) {
                return Some(told.to_owned());
            }
        }
    }

    /// Stops it where it is.
    pub(crate) fn freeze(&self) {
        kill_process(Pid::from_child(&self.child), Signal::STOP).unwrap();
    }

    /// Kills it.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
    }

    /// Waits for its end.
    pub(crate) fn wait(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}
