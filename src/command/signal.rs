//! Ctrl-C and SIGTERM: the first asks the run to stop cleanly, the second ends the process at once.
//!
//! The second is answered in the signal handler itself: a thread may wait for a terminal that takes no more text, or
//! for a disk, and that is when a person presses Ctrl-C twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::thread;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};
use signal_hook::{SigId, flag, low_level};

use super::engine::Interrupt;
use super::{CommandError, Console};
use crate::failure::{ExitCode, FailureClass};

/// Listens until it is dropped.
#[derive(Debug)]
pub(super) struct SignalWatch {
    /// The first signal's number; 0 before it.
    first: Arc<AtomicI32>,
    /// The next signal ends the process: one has been heard, or nothing has begun that a clean stop would save.
    armed: Arc<AtomicBool>,
    actions: Vec<SigId>,
    handle: Handle,
}

impl SignalWatch {
    /// Starts to listen; the first signal is answered with `stop`.
    pub(super) fn start(stop: impl Fn() + Send + 'static, console: &Console) -> Result<Self, CommandError> {
        let armed = Arc::<AtomicBool>::default();
        let actions = arm(&armed).map_err(CommandError::Signals)?;
        let mut signals = Signals::new([SIGINT, SIGTERM]).map_err(CommandError::Signals)?;
        let (handle, first) = (signals.handle(), Arc::<AtomicI32>::default());
        let (console, shared) = (console.clone(), Arc::clone(&first));
        thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || signals.forever().for_each(|signal| take(signal, &shared, &stop, &console)))
            .map_err(CommandError::Signals)?;
        Ok(Self { first, armed, actions, handle })
    }

    /// Runs `question`, during which the first signal ends the process: a thread that reads the terminal cannot be
    /// asked to stop.
    pub(super) fn while_asking<T>(&self, question: impl FnOnce() -> T) -> T {
        let before = self.armed.swap(true, Ordering::SeqCst);
        let answer = question();
        self.armed.store(before, Ordering::SeqCst);
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
        match self.first.load(Ordering::SeqCst) {
            0 => None,
            SIGTERM => Some(ExitCode::Terminated),
            _ => Some(ExitCode::Interrupted),
        }
    }
}

/// Returns what asks the engine to stop.
pub(super) fn stopping(interrupt: &Interrupt) -> impl Fn() + Send + 'static + use<> {
    let interrupt = interrupt.clone();
    move || interrupt.cancel()
}

/// Makes every signal after the first end the process with that signal's exit code. Handlers run in the order of
/// their registration, so the first signal finds the flag unset and sets it.
fn arm(armed: &Arc<AtomicBool>) -> std::io::Result<Vec<SigId>> {
    let mut actions = Vec::new();
    for signal in [SIGINT, SIGTERM] {
        actions.push(flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(armed))?);
        actions.push(flag::register(signal, Arc::clone(armed))?);
    }
    Ok(actions)
}

fn take(signal: i32, first: &AtomicI32, stop: &impl Fn(), console: &Console) {
    if first.compare_exchange(0, signal, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
        stop();
        console.remark("stopping cleanly; once more to stop at once");
    }
}

impl Drop for SignalWatch {
    fn drop(&mut self) {
        self.handle.close();
        for action in self.actions.drain(..) {
            low_level::unregister(action);
        }
    }
}
