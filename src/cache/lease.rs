//! Holding files: for a class until it is over, for a person until unpinned, and for this process while it reads.
//!
//! A hold is recorded before anybody is told of it; letting go twice is letting go. Each file is looked at before it is
//! handed out (`check`).

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

use super::ledger::{Entry, FileId};
use super::{Cache, CacheError, EntryState, Held, Holder, HolderKind, Inner, Key, State, name};
use crate::store::{FileSource, StoreError};

/// A hold that somebody wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLease {
    /// Who.
    pub holder: Holder,
    /// Until when, in Unix milliseconds; none: until it is let go.
    pub until_milliseconds: Option<i64>,
}

/// A file that stays as long as this lives, in this process; what is recorded beside it lasts as it says.
#[derive(Debug)]
pub struct Lease {
    inner: Arc<Inner>,
    id: FileId,
    key: Key,
    path: PathBuf,
    bytes: u64,
}

impl Lease {
    /// Takes a use that is counted already.
    pub(super) fn of(inner: &Arc<Inner>, entry: &Entry) -> Self {
        let (id, key, bytes) = (entry.id, entry.key.clone(), entry.content.bytes);
        Self { inner: Arc::clone(inner), id, path: inner.root.path_of(&key), key, bytes }
    }

    /// Returns which file.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// Returns where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns its length.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.inner.state().ledger.end_use(self.id);
    }
}

impl Cache {
    /// Returns a file that is here and whole, held while the value lives, and beyond that as `lease` says.
    ///
    /// # Errors
    /// [`CacheError::Missing`]; [`CacheError::Damaged`], and then it is here no more; the database refuses.
    pub fn hold(&self, key: &Key, lease: Option<&NewLease>) -> Result<Lease, CacheError> {
        let missing = || CacheError::Missing(key.to_string());
        let mut used = {
            let mut state = self.inner.state();
            let id = state.ledger.named(key).filter(|entry| entry.state == EntryState::Ready).map(|entry| entry.id);
            let id = id.ok_or_else(missing)?;
            state.ledger.begin_use(id);
            let entry = state.ledger.entry(id).ok_or_else(missing)?;
            Lease::of(&self.inner, entry)
        };
        self.inner.ensure_sound(used.id)?;
        // It may have been proven just now, and be known better.
        used.bytes = self.inner.state().ledger.entry(used.id).map_or(used.bytes, |entry| entry.content.bytes);
        self.inner.record_use(used.id, lease)?;
        Ok(used)
    }

    /// Holds a file for somebody who does not read it now.
    ///
    /// # Errors
    /// As [`Cache::hold`].
    pub fn lease(&self, key: &Key, lease: &NewLease) -> Result<(), CacheError> {
        self.hold(key, Some(lease)).map(drop)
    }

    /// Lets all files of a holder go; returns which. Doing it again does nothing. A hold that comes with a file still on its
    /// way is not known yet: whoever ends a class meanwhile ends its hold again when the file is here.
    ///
    /// # Errors
    /// The database refuses; then nothing was let go.
    pub fn release(&self, holder: &Holder) -> Result<Vec<Key>, CacheError> {
        let inner = &self.inner;
        let _holds = inner.holds.lock().unwrap_or_else(PoisonError::into_inner);
        // Also those whose time is over, which the count has forgotten and the rows have not.
        let (kind, who) = (holder.kind.name(), holder.name.clone());
        inner.store.write(move |tx| tx.cache().release_all(kind, &who))?;
        let mut state = inner.state();
        let ids = state.ledger.held_by(holder);
        Ok(state.let_go(&ids, holder))
    }

    /// Keeps a file until it is unpinned, or until a time.
    ///
    /// # Errors
    /// As [`Cache::hold`].
    pub fn pin(&self, key: &Key, by: &str, until_milliseconds: Option<i64>) -> Result<Held, CacheError> {
        let holder = Holder { kind: HolderKind::Pin, name: by.to_owned() };
        self.lease(key, &NewLease { holder: holder.clone(), until_milliseconds })?;
        let since_milliseconds = {
            let state = self.inner.state();
            let holds = state.ledger.named(key).map_or(&[][..], |entry| entry.holds.as_slice());
            holds.iter().find(|held| held.holder == holder).map_or(self.inner.now(), |held| held.since_milliseconds)
        };
        Ok(Held { holder, since_milliseconds, until_milliseconds })
    }

    /// Notes another place where a file may be had, which was found to have what `before` tells of; nothing where a new
    /// version has come since.
    ///
    /// # Errors
    /// The file is not here, or the database refuses.
    pub fn set_source(&self, key: &Key, before: &FileSource, source: FileSource) -> Result<(), CacheError> {
        let inner = &self.inner;
        // No new version gets the name meanwhile.
        let _turn = inner.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let known = inner.state().ledger.named(key).map(|entry| (entry.id, entry.source.clone()));
        let (id, now) = known.ok_or_else(|| CacheError::Missing(key.to_string()))?;
        if now != *before {
            return Ok(());
        }
        let row = source.clone();
        inner.store.write(move |tx| tx.cache().set_source(id, &row))?;
        inner.state().ledger.set_source(id, source);
        Ok(())
    }

    /// Ends a pin; returns whether there was one.
    ///
    /// # Errors
    /// The file is not here, or the database refuses.
    pub fn unpin(&self, key: &Key, by: &str) -> Result<bool, CacheError> {
        let holder = Holder { kind: HolderKind::Pin, name: by.to_owned() };
        let id = self.inner.state().ledger.named(key).map(|entry| entry.id);
        let id = id.ok_or_else(|| CacheError::Missing(key.to_string()))?;
        Ok(!self.inner.let_go(&[id], &holder)?.is_empty())
    }
}

impl Inner {
    /// Records that a file is used, and held as `lease` says.
    fn record_use(&self, id: FileId, lease: Option<&NewLease>) -> Result<(), CacheError> {
        let _holds = self.holds.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.now();
        let sequence = self.state().touch_ready(id, now)?;
        let Some(NewLease { holder, until_milliseconds }) = lease.cloned() else {
            // Only the order of going hangs on it: nobody need wait, and a full queue costs a place in that order.
            if let Err(error) = self.store.submit(move |tx| tx.cache().touch(id, sequence, now)) {
                tracing::debug!(%error, "a use was not recorded");
            }
            return Ok(());
        };
        let held = Held { holder, since_milliseconds: now, until_milliseconds };
        let row = name::lease_row(id, &held);
        let taken = self.store.write(move |tx| {
            tx.cache().touch(id, sequence, now)?;
            tx.cache().lease(&row)
        });
        // A row that went in between took the hold with it.
        let mut state = self.state();
        state.check_ready(id)?;
        taken?;
        state.ledger.hold(id, held);
        Ok(())
    }

    /// Ends a holder's holds on these files; returns those that it held.
    fn let_go(&self, ids: &[FileId], holder: &Holder) -> Result<Vec<Key>, CacheError> {
        let _holds = self.holds.lock().unwrap_or_else(PoisonError::into_inner);
        let (files, kind, who) = (ids.to_vec(), holder.kind.name(), holder.name.clone());
        self.store
            .write(move |tx| files.iter().try_for_each(|file| tx.cache().release(*file, kind, &who)))
            .map_err(|error: StoreError| CacheError::from(error))?;
        Ok(self.state().let_go(ids, holder))
    }
}

impl State {
    /// Ends a holder's holds in the count; returns of which files.
    fn let_go(&mut self, ids: &[FileId], holder: &Holder) -> Vec<Key> {
        let mut freed = Vec::new();
        for id in ids {
            if self.ledger.release(*id, holder).is_some() {
                freed.extend(self.ledger.entry(*id).map(|entry| entry.key.clone()));
            }
        }
        freed
    }

    fn check_ready(&self, id: FileId) -> Result<(), CacheError> {
        let is_ready = self.ledger.entry(id).is_some_and(|entry| entry.state == EntryState::Ready);
        if is_ready { Ok(()) } else { Err(CacheError::Missing(format!("file {id}"))) }
    }

    /// Moves a file to the end of the order of going, if it is here still; returns its place.
    fn touch_ready(&mut self, id: FileId, now: i64) -> Result<u64, CacheError> {
        self.check_ready(id)?;
        Ok(self.ledger.touch(id, now))
    }
}

/// Returns who holds a file, in words; nothing where nobody does.
pub(super) fn holders_text(entry: &Entry, now_milliseconds: i64) -> Option<String> {
    let mut holders: Vec<String> = entry
        .holds
        .iter()
        .filter(|held| held.is_live(now_milliseconds))
        .map(|held| held.holder.to_string())
        .collect();
    if entry.users > 0 {
        holders.push("this process, which reads it".to_owned());
    }
    (!holders.is_empty()).then(|| holders.join(", "))
}
