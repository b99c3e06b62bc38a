//! Starting a child, and making sure that it ends.
//!
//! One thread starts all of them and lives as long as this process: the kernel kills a child with the *thread* that started it,
//! and those of an async runtime come and go.

use std::io;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use std::os::unix::process::CommandExt;

use super::Child as Settings;

/// Starts that wait for their turn; each takes milliseconds, and a node runs a few jobs at once.
const WAITING: usize = 16;
/// Between two looks whether a process that is ending has ended.
const PAUSE: Duration = Duration::from_millis(2);

/// A command that is to be started, and where the outcome goes.
type Start = (Command, SyncSender<io::Result<Child>>);

static SPAWNER: Mutex<Option<SyncSender<Start>>> = Mutex::new(None);

/// A child that runs; it is killed and gone when this is.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) child: Child,
    ended: Option<ExitStatus>,
}

/// Starts a child with nothing but its pipes: no variable, no terminal's signals, no folder of ours.
pub(super) fn start(settings: &Settings) -> io::Result<Running> {
    let mut command = Command::new(&settings.program);
    command.arg0("reelmill").args(verbosity()).arg("child");
    command.args(["--parent", &std::process::id().to_string()]);
    if let Some(fault) = settings.fault {
        command.args(["--fault", fault.name()]);
    }
    command.env_clear().current_dir("/").process_group(0);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let (outcome, started) = sync_channel(1);
    let gone = || io::Error::other("the thread that starts processes is gone");
    spawner()?.send((command, outcome)).map_err(|_| gone())?;
    let child = started.recv().map_err(|_| gone())??;
    Ok(Running { child, ended: None })
}

/// Returns the options that make a child say as much as we would.
fn verbosity() -> &'static [&'static str] {
    use tracing::level_filters::LevelFilter;
    match LevelFilter::current() {
        LevelFilter::OFF | LevelFilter::ERROR => &["-q"],
        LevelFilter::WARN => &[],
        LevelFilter::INFO => &["-v"],
        LevelFilter::DEBUG => &["-vv"],
        LevelFilter::TRACE => &["-vvv"],
    }
}

fn spawner() -> io::Result<SyncSender<Start>> {
    let mut spawner = SPAWNER.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(sender) = &*spawner {
        return Ok(sender.clone());
    }
    let (sender, starts) = sync_channel(WAITING);
    thread::Builder::new().name("spawner".to_owned()).spawn(move || start_all(&starts))?;
    Ok(spawner.insert(sender).clone())
}

fn start_all(starts: &Receiver<Start>) {
    for (mut command, outcome) in starts {
        // Whoever asked waits for it; where it cannot, the child ends with its pipes.
        if let Err(lost) = outcome.send(command.spawn())
            && let Ok(child) = lost.0
        {
            drop(Running { child, ended: None });
        }
    }
}

impl Running {
    /// Returns the process's number, which is its own until it is waited for.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end, but not longer than this.
    pub(super) fn wait_within(&mut self, patience: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + patience;
        while self.ended.is_none() {
            self.ended = self.child.try_wait().ok().flatten();
            if self.ended.is_none() && Instant::now() >= deadline {
                break;
            }
            if self.ended.is_none() {
                thread::sleep(PAUSE);
            }
        }
        self.ended
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.ended.is_none() {
            // It is ours and not waited for, so that nobody else can have its number.
            if let Err(error) = self.child.kill().and_then(|()| self.child.wait()) {
                tracing::error!(pid = self.child.id(), %error, "a child cannot be ended");
            }
        }
    }
}
