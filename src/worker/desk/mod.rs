//! Where everything is decided: bookings, results, ends, and what became of jobs, each in one transaction with its events.
//!
//! ```text
//! message, end of a job, passing of time ─▶ Desk ─▶ booking::decide (pure) ─▶ rows: booking, rendition, job, outbox
//!                                                └─▶ After: what is to be done once that is on the disk
//! ```
//!
//! Invariants: a live booking has somebody who brings it on: a rendition under way, a live fetch of its file, or its own due
//! time, and always the last; each of its ends is one compare-and-set with one event; nothing here waits, dials or touches a
//! file.

mod book;
mod claim;
mod file;
mod job;
mod known;
mod late;
mod mend;
mod rendition;
mod tell;
#[cfg(test)]
mod tests;
mod time;

use std::cell::RefCell;

pub(super) use book::Arrival;
pub(super) use file::{fetch_key, file_of, holder_of, holder_of_job, key_of, name_of, resolution_of, url_of};
pub(super) use job::{Fate, HANDED_MAX, Handed, Settled, There};
pub(super) use late::Sent;
pub(super) use tell::Alarm;

use super::terms::Terms;
use crate::cache::Holder;
use crate::store::{JobFailure, JobId, StoreError, Transaction};

/// What is to be done once the transaction is on the disk. Lost in a crash, it is found again after the next start.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct After {
    /// Holds that are to be let go.
    pub(super) releases: Vec<Holder>,
    /// Jobs that were cancelled, whoever is at them.
    pub(super) stopped: Vec<JobId>,
}

/// The state of a file in the cache that may be used.
const READY: &str = "ready";

/// The desk, during one transaction.
pub(super) struct Desk<'a> {
    tx: &'a Transaction<'a>,
    terms: &'a Terms,
    now: i64,
    /// Whether a result that nobody here waits for can be nobody else's.
    is_only_node: bool,
    after: RefCell<After>,
    /// Why those are refused that are refused now, where that is known better than by a code.
    why: RefCell<Option<JobFailure>>,
}

impl<'a> Desk<'a> {
    /// Sits down.
    pub(super) fn new(tx: &'a Transaction<'a>, terms: &'a Terms, now: i64, is_only_node: bool) -> Self {
        Self { tx, terms, now, is_only_node, after: RefCell::default(), why: RefCell::default() }
    }

    /// Returns what is to be done after the commit.
    pub(super) fn close(self) -> After {
        self.after.into_inner()
    }

    /// Returns the transaction.
    pub(super) fn tx(&self) -> &Transaction<'a> {
        self.tx
    }

    /// Returns the time of the transaction.
    pub(super) fn now(&self) -> i64 {
        self.now
    }

    fn release(&self, holder: Holder) {
        self.after.borrow_mut().releases.push(holder);
    }

    /// Gives a live job up, whoever is at it, with what is held for it.
    fn stop_job(&self, id: JobId) -> Result<(), StoreError> {
        if self.tx.jobs().cancel(id, self.now, &|job| self.tell_job(job))?.is_some() {
            self.after.borrow_mut().stopped.push(id);
            self.release(holder_of_job(id));
        }
        Ok(())
    }
}
