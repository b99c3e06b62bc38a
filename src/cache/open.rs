//! The start: the totals from rows at once, and what a crash left in between brought to one of its two ends. Files are looked
//! at later: before their first use, and in the background (`scrub`).

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::evict::length_of;
use super::flight::Flights;
use super::ledger::{Entry, FileId, Ledger, Leftover};
use super::marker;
use super::root::Root;
use super::{Cache, CacheError, EntryState, Held, Inner, Options, State, name};
use crate::store::{CacheIdentity, Store, StoreError};

/// Why a file went that the disk would not let go at first.
const TRIED_AGAIN: &str = "should have gone earlier, when the disk would not let it";

impl Cache {
    /// Makes the folder `root` the one of this node's cache from now on: another one was before, or its disk was replaced.
    /// It is marked when the cache is next opened; rows of files that are not there go when these are looked for.
    ///
    /// # Errors
    /// Another node's mark is there; the database refuses.
    pub fn claim(store: &Store, root: &Path) -> Result<(), CacheError> {
        let identity = identity(store)?;
        match marker::read(root) {
            Ok(Some(other)) if other != identity.cache_id => {
                return Err(CacheError::Foreign { root: root.to_owned() });
            }
            result => result?,
        };
        let unmarked = CacheIdentity { is_marked: false, is_clean: false, ..identity };
        Ok(store.write(move |tx| tx.cache().identify(&unmarked))?)
    }

    /// Opens the cache whose files `store` records; the first time it makes the folder.
    ///
    /// # Errors
    /// The folder is not mounted, another node's, or in use; the disk or the database refuses.
    pub fn open(store: Arc<Store>, options: Options) -> Result<Self, CacheError> {
        let identity = identity(&store)?;
        let root = Root::open(&options.root, &identity)?;
        let was_unclean = !identity.is_clean;
        let now = options.clock.now_milliseconds();
        let open = CacheIdentity { is_marked: true, is_clean: false, ..identity };
        store.write(move |tx| {
            tx.cache().expire(now)?;
            tx.cache().identify(&open)
        })?;
        let ledger = read(&store, &options)?;
        let state =
            State { ledger, flights: Flights::default(), was_unclean, unsettled: Vec::new(), is_open: false };
        let (turn, holds) = (Mutex::default(), Mutex::default());
        let inner = Arc::new(Inner { root, options, turn, holds, state: Mutex::new(state), store });
        inner.settle()?;
        inner.count_leftovers()?;
        inner.finish_evictions()?;
        inner.finish_quarantines();
        inner.state().is_open = true;
        Ok(Self { inner })
    }
}

/// Returns which cache the rows speak of, or gives it a name: noted before the folder is marked with it, so that a crash in
/// between leaves nothing that looks like another node's.
fn identity(store: &Store) -> Result<CacheIdentity, CacheError> {
    if let Some(identity) = store.read(|reading| reading.cache().identity())? {
        return Ok(identity);
    }
    let cache_id = format!("{:032x}", fastrand::u128(..));
    let new = CacheIdentity { cache_id, is_marked: false, is_clean: true };
    let noted = new.clone();
    store.write(move |tx| tx.cache().identify(&noted))?;
    Ok(new)
}

/// Returns the count as the rows have it.
fn read(store: &Store, options: &Options) -> Result<Ledger, CacheError> {
    let (files, leases) = store.read(|reading| {
        let cache = reading.cache();
        Ok::<_, StoreError>((cache.files()?, cache.leases()?))
    })?;
    let mut holds: HashMap<FileId, Vec<Held>> = HashMap::new();
    for row in &leases {
        holds.entry(row.file).or_default().extend(name::held(row));
    }
    let mut ledger = Ledger::new(options.limits);
    for row in files {
        let (id, holds) = (row.id, holds.remove(&row.id).unwrap_or_default());
        match name::entry(row, holds) {
            Ok(entry) => ledger.add(entry),
            // A name that we would not write: it is left alone, like everything that is not ours.
            Err(error) => tracing::error!(row = id, %error, "a row of the cache is passed over"),
        }
    }
    Ok(ledger)
}

impl Inner {
    /// Counts what lies in work folders, the oldest first; empty ones go.
    fn count_leftovers(&self) -> Result<(), CacheError> {
        let mut found = Vec::new();
        for job in self.root.work_folders()? {
            let folder = self.root.work_folder(&job);
            let modified = fs::symlink_metadata(&folder).and_then(|metadata| metadata.modified()).ok();
            found.push((modified, job, length_of(&folder)));
        }
        found.sort();
        for (_, job, bytes) in found {
            match bytes {
                // One that stays is no harm.
                0 => drop(self.root.remove_work_folder(&job)),
                bytes => self.state().ledger.add_leftover(Leftover { job, bytes, is_stuck: false }),
            }
        }
        Ok(())
    }

    /// Goes on with what was going when the last process ended, and tries again what would not go.
    pub(super) fn finish_evictions(&self) -> Result<Vec<super::Key>, CacheError> {
        // Nothing may be going while it is looked for.
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.settle_if_due()?;
        let mut going: HashMap<String, Vec<Entry>> = HashMap::new();
        let mut held = Vec::new();
        for entry in self.state().ledger.entries() {
            match entry.state {
                EntryState::Evicting if entry.holds.is_empty() => {
                    going.entry(entry.note.clone()).or_default().push(entry.clone());
                }
                EntryState::EvictFailed if entry.holds.is_empty() => {
                    going.entry(TRIED_AGAIN.to_owned()).or_default().push(entry.clone());
                }
                EntryState::Evicting | EntryState::EvictFailed => held.push(entry.id),
                EntryState::Ready | EntryState::Quarantined => {}
            }
        }
        self.keep_held(held)?;
        let mut gone = Vec::new();
        for (reason, entries) in going {
            gone.extend(self.evict_files(entries, &reason)?.files.into_iter().map(|entry| entry.key));
        }
        // Whoever looks from outside now finds the rows as the count is.
        self.store.write(|_| Ok::<_, StoreError>(()))?;
        Ok(gone)
    }

    /// Lets files stay that were going and that somebody holds all the same.
    fn keep_held(&self, ids: Vec<FileId>) -> Result<(), CacheError> {
        if ids.is_empty() {
            return Ok(());
        }
        let kept = ids.clone();
        self.store.write(move |tx| {
            kept.iter().try_for_each(|id| tx.cache().set_state(*id, EntryState::Ready.name(), ""))
        })?;
        let mut state = self.state();
        for id in ids {
            state.ledger.set_state(id, EntryState::Ready, "");
        }
        Ok(())
    }
}
