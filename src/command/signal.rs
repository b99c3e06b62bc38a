//! Ctrl-C and SIGTERM: the first asks the run to stop cleanly, the second ends the process at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::thread;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};

use super::engine::Interrupt;
use super::{CommandError, Console};
use crate::failure::{ExitCode, FailureClass};

/// Listens until it is dropped.
#[derive(Debug)]
pub(super) struct SignalWatch {
    heard: Arc<Heard>,
    handle: Handle,
}

/// What the listening thread shares with the command.
#[derive(Debug, Default)]
struct Heard {
    /// The first signal's number; 0 before it.
    first: AtomicI32,
    /// Nothing has begun that a clean stop would save.
    idle: AtomicBool,
}

impl SignalWatch {
    /// Starts to listen; the first signal cancels `interrupt`.
    pub(super) fn start(interrupt: &Interrupt, console: &Console) -> Result<Self, CommandError> {
        let mut signals = Signals::new([SIGINT, SIGTERM]).map_err(CommandError::Signals)?;
        let (handle, heard) = (signals.handle(), Arc::<Heard>::default());
        let (interrupt, console, shared) = (interrupt.clone(), console.clone(), Arc::clone(&heard));
        thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || signals.forever().for_each(|signal| shared.take(signal, &interrupt, &console)))
            .map_err(CommandError::Signals)?;
        Ok(Self { heard, handle })
    }

    /// Runs `question`, during which the first signal ends the process: a thread that reads the terminal cannot be
    /// asked to stop.
    pub(super) fn while_asking<T>(&self, question: impl FnOnce() -> T) -> T {
        self.heard.idle.store(true, Ordering::SeqCst);
        let answer = question();
        self.heard.idle.store(false, Ordering::SeqCst);
        answer
    }

    /// Returns `error`, or where a signal broke a stage off, that signal's own: it decides the exit code.
    pub(super) fn attribute(&self, error: CommandError) -> CommandError {
        match self.exit_code() {
            Some(code) if error.failure().class() == FailureClass::Cancelled => CommandError::Stopped(code),
            _ => error,
        }
    }

    /// Returns the exit code of the signal that was heard, if any.
    pub(super) fn exit_code(&self) -> Option<ExitCode> {
        match self.heard.first.load(Ordering::SeqCst) {
            0 => None,
            SIGTERM => Some(ExitCode::Terminated),
            _ => Some(ExitCode::Interrupted),
        }
    }
}

impl Heard {
    fn take(&self, signal: i32, interrupt: &Interrupt, console: &Console) {
        let is_first = self.first.compare_exchange(0, signal, Ordering::SeqCst, Ordering::SeqCst).is_ok();
        if !is_first || self.idle.load(Ordering::SeqCst) {
            signal_hook::low_level::exit(128 + signal);
        }
        interrupt.cancel();
        console.remark("stopping cleanly; once more to stop at once");
    }
}

impl Drop for SignalWatch {
    fn drop(&mut self) {
        self.handle.close();
    }
}
