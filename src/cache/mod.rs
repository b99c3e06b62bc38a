//! The disk cache: recordings that classes need, within limits, each whole or not there.
//!
//! ```text
//!  acquire            commit: fsync · note · rename · fsync · row          nobody holds it, room is needed
//! ──────────▶ reserved ─────────────────────────────────────────▶ ready ──────────────────────────────────▶ evicting ──▶ gone
//!   (acquire)    │ dropped: counted as a leftover      (publish)  │  ▲   (evict)                                │ the disk
//!                ▼                                          check │  │ scrub, start: tried again                │ refuses
//!           leftover ──▶ gone (evict, scrub)                      ▼  └────────────────────────────── evict_failed ◀┘
//!                                                            quarantined ──▶ gone (evict)
//! ```
//!
//! Decisions are pure (`ledger`, `admission`, `key`); `root` touches the disk, the others put both and the database
//! together. Everything here blocks, on the disk and on the store, and is made for threads; async code calls it from a
//! blocking one. What waits for somebody else's download can be awaited (`flight`).
//!
//! Invariants: the sum of all files, reservations and leftovers never passes a limit (`admission`, in one turn with the
//! grant: `evict::admit`); what is held does not go (`ledger::place`); a row says that a file is there only when its bytes
//! and its name are on the disk (`publish`); what is not ours is never touched (`root`).

mod admission;
mod adopt;
mod check;
mod error;
mod evict;
mod flight;
mod holder;
mod key;
mod lease;
mod ledger;
mod marker;
mod name;
mod open;
mod publish;
mod report;
mod reservation;
mod root;
mod scrub;
#[cfg(test)]
mod tests;
mod view;
mod wire;

use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use adopt::{AdoptReport, Adopted};
pub use error::CacheError;
pub use flight::Flight;
pub use holder::{Held, Holder, HolderKind};
pub use key::Key;
pub use lease::{Lease, NewLease};
pub use publish::Provenance;
pub use report::{DiskFigures, EntryState, EntryView, Eviction, Limits, Scrubbed, Stat, Tally, Why};
pub use reservation::{Acquired, Reservation, Wanted};
pub use scrub::ScrubProgress;
pub use view::{Order, list, stat, why};

use crate::clock::Clock;
use crate::proof::{ProofError, VerifiedFile};
use crate::store::{CacheIdentity, Store};
use flight::Flights;
use ledger::{Ledger, ReservationId};
use root::Root;

/// Looks into a recording and says whether it is whole: in this process, or in one that may crash.
pub trait Prover: Debug + Send + Sync {
    /// Proves a file that came from elsewhere.
    ///
    /// # Errors
    /// It is damaged, cut short, no recording at all, or cannot be read.
    fn prove(&self, path: &Path) -> Result<VerifiedFile, ProofError>;
}

/// How a cache works.
#[derive(Clone, Debug)]
pub struct Options {
    /// Its folder.
    pub root: PathBuf,
    /// What it keeps to.
    pub limits: Limits,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Who looks into files that were never looked into here.
    pub prover: Arc<dyn Prover>,
    /// Who is to be told of events.
    pub targets: Vec<String>,
}

/// A cache, open: one process at a time has it.
#[derive(Clone, Debug)]
pub struct Cache {
    inner: Arc<Inner>,
}

/// What all handles share.
#[derive(Debug)]
struct Inner {
    options: Options,
    /// Held while room is made and given, so that nobody takes what another one's victims left; and while a name begins to
    /// stand for another file, or for none.
    turn: Mutex<()>,
    /// Held while a hold is recorded or ended, in the rows and in the count: in both, or in none. Taken after `turn`.
    holds: Mutex<()>,
    /// Held for moments, never over the disk or the database. Taken last.
    state: Mutex<State>,
    store: Arc<Store>,
    /// Last, since its lock must outlive all that is written.
    root: Root,
}

/// What changes.
#[derive(Debug)]
struct State {
    ledger: Ledger,
    flights: Flights,
    /// The last process did not close the cache: every file's bytes are looked at before it is used.
    was_unclean: bool,
    /// What counts for files that got their names and no rows yet: the database refused in between.
    unsettled: Vec<ReservationId>,
    /// The start came to its end.
    is_open: bool,
}

impl State {
    /// Returns whether nothing is left to be looked at because of a process that did not close the cache.
    fn is_clean(&self) -> bool {
        let is_owed = |entry: &ledger::Entry| entry.state == EntryState::Ready && !entry.is_checked;
        self.is_open && !(self.was_unclean && self.ledger.entries().any(is_owed))
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> i64 {
        self.options.clock.now_milliseconds()
    }
}

impl Cache {
    /// Returns where the cache is.
    pub fn root(&self) -> &Path {
        self.inner.root.path()
    }

    /// Returns what the cache keeps to.
    pub fn limits(&self) -> Limits {
        self.inner.options.limits
    }

    /// Returns a file as it is counted, whether or not it may be used. Without its place in the order of going, for which all
    /// before it would have to be counted, while everybody waits.
    pub fn entry(&self, key: &Key) -> Option<EntryView> {
        self.inner.state().ledger.named(key).map(|entry| view::of_entry(entry, None))
    }

    /// Returns where a file came from, as it is recorded.
    pub fn source(&self, key: &Key) -> Option<crate::store::FileSource> {
        self.inner.state().ledger.named(key).map(|entry| entry.source.clone())
    }

    /// Returns the bytes that count against the limit now: files, reservations, leftovers.
    pub fn bytes(&self) -> u64 {
        self.inner.state().ledger.bytes()
    }
}

impl Drop for Inner {
    /// Says that the cache was closed: the next start need not look at every byte, unless this one owes that still. Does not
    /// wait: the store carries out what it was asked for before it closes, and whoever drops this may be async.
    fn drop(&mut self) {
        if !self.state().is_clean() {
            return;
        }
        let closed = CacheIdentity { cache_id: self.root.id().to_owned(), is_marked: true, is_clean: true };
        let noted = self.store.submit(move |tx| tx.cache().identify(&closed));
        if let Err(error) = noted {
            tracing::debug!(%error, "the cache could not be marked as closed");
        }
    }
}
