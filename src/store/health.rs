//! Whether the database can still be believed. One final fault, whoever met it, and everybody is refused from then on.
//!
//! The process is to end then: after a failed fsync the kernel may have dropped what it could not write, and only
//! opening the database anew tells what is really on the disk.

use std::sync::OnceLock;

use super::StoreError;
use super::error::Fault;
use super::layout::Layout;

/// What is known of the database while it is open.
#[derive(Debug)]
pub(super) struct Health {
    layout: Layout,
    fault: OnceLock<Fault>,
}

impl Health {
    pub(super) fn new(layout: Layout) -> Self {
        Self { layout, fault: OnceLock::new() }
    }

    pub(super) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Returns the final fault, once it has been met.
    pub(super) fn fault(&self) -> Option<Fault> {
        self.fault.get().cloned()
    }

    /// Refuses from then on.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        self.fault.get().map_or(Ok(()), |fault| Err(self.error(fault)))
    }

    /// Returns what an error of SQLite means, and remembers it if it is final.
    pub(super) fn judge(&self, error: &rusqlite::Error) -> Fault {
        let fault = Fault::of(error);
        if fault.is_final() && self.fault.set(fault.clone()).is_ok() {
            tracing::error!(path = %self.layout.database().display(), %error, "the database failed for good");
        }
        fault
    }

    /// Returns the error that a caller gets for a fault.
    pub(super) fn error(&self, fault: &Fault) -> StoreError {
        let path = self.layout.database().to_owned();
        match fault.clone() {
            Fault::Busy => StoreError::Busy("another program holds its lock".to_owned()),
            Fault::Full => StoreError::Full,
            Fault::Failed(cause) => StoreError::Failed(cause),
            Fault::Damaged(finding) | Fault::Row(finding) => {
                StoreError::Damaged { path, finding, backup: self.layout.found_backup() }
            }
            Fault::Unwritable(cause) => StoreError::Unwritable { path, cause },
            Fault::Statement(cause) => StoreError::Statement(cause),
        }
    }

    /// Judges an error and returns ours for it.
    pub(super) fn refuse(&self, error: &rusqlite::Error) -> StoreError {
        self.error(&self.judge(error))
    }
}
