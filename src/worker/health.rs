//! How the node is, from memory alone: for `/healthz`, `/readyz` and the watchdog.

use std::sync::atomic::Ordering;

use super::node::Node;
use super::view::{Check, Health};

/// A dispatcher that has not come round for so long does not keep up.
const LATE_MILLISECONDS: i64 = 10_000;

impl Node {
    /// Returns how the node is.
    pub fn health(&self) -> Health {
        let mut checks = vec![self.database(), self.work()];
        checks.extend(self.redis());
        Health { checks, is_draining: self.is_draining() }
    }

    /// Returns whether the node does anything at all.
    pub(super) fn is_alive(&self, late_milliseconds: i64) -> bool {
        self.lateness() < late_milliseconds && self.inner.store.failure().is_none()
    }

    fn lateness(&self) -> i64 {
        self.now().saturating_sub(self.inner.beat_milliseconds.load(Ordering::Relaxed))
    }

    fn database(&self) -> Check {
        let failure = self.inner.store.failure();
        let detail = match &failure {
            None => format!("{} bytes of log", self.inner.store.wal().bytes),
            // The code, and no path: strangers may read it.
            Some(error) => crate::failure::Failure::code(error).to_owned(),
        };
        Check { name: "database", is_ok: failure.is_none(), detail }
    }

    fn work(&self) -> Check {
        let late = self.lateness();
        let running = self.running().len();
        let detail = format!("{running} jobs run, the dispatcher came round {} s ago", late.max(0) / 1000);
        Check { name: "work", is_ok: late < LATE_MILLISECONDS, detail }
    }

    fn redis(&self) -> Option<Check> {
        let status = self.inner.redis.as_ref()?;
        let detail = status.complaint().unwrap_or_else(|| "connected".to_owned());
        Some(Check { name: "redis", is_ok: status.is_connected(), detail })
    }
}
