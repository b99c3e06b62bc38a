//! Stopping what runs: one flag that every loop and every libav call looks at, and an optional deadline.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// A request to stop, shared by everything that works on one job. Clones share the flag.
#[derive(Clone, Debug, Default)]
pub struct Interrupt {
    cancelled: Arc<AtomicBool>,
    deadline: Option<Instant>,
}

impl Interrupt {
    /// Returns an interrupt that also fires at `deadline`.
    #[must_use]
    pub fn with_deadline(&self, deadline: Instant) -> Self {
        Self { cancelled: Arc::clone(&self.cancelled), deadline: Some(deadline) }
    }

    /// Asks everything that shares this interrupt to stop soon.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Returns whether somebody asked to stop.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// Returns whether the deadline has passed.
    pub fn is_late(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// Returns whether to stop, for either reason. Called from libav's callbacks: it must not block or panic.
    pub fn should_stop(&self) -> bool {
        self.is_cancelled() || self.is_late()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_sees_the_cancel_and_a_passed_deadline_stops() {
        let interrupt = Interrupt::default();
        let clone = interrupt.clone();
        assert!(!clone.should_stop());
        assert!(interrupt.with_deadline(Instant::now()).should_stop());
        interrupt.cancel();
        assert!(clone.should_stop());
    }
}
