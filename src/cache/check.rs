//! Is a file still what its row says? Looked at before each use: its length and its time always, its bytes where nobody
//! here has proven them yet, or where the last process did not close the cache.

use std::sync::PoisonError;

use super::ledger::{Entry, FileId};
use super::root::Found;
use super::{CacheError, EntryState, Inner};
use crate::content_hash;
use crate::failure::{Failure, FailureClass};
use crate::proof::ProofError;
use crate::store::FileContent;

/// How closely a file is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Depth {
    /// As much as its use calls for.
    Needed,
    /// Every byte.
    Whole,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// It is what its row says; whether that was proven just now for the first time.
    Sound { is_new: bool },
    /// It is not there.
    Missing,
    /// It is something else; what.
    Wrong(String),
}

impl Inner {
    /// Looks at a file before it is used. One that is not what it should be leaves the cache.
    pub(super) fn ensure_sound(&self, id: FileId) -> Result<(), CacheError> {
        let missing = |key: String| Err(CacheError::Missing(key));
        match self.examine(id, Depth::Needed)? {
            Some((_, Finding::Sound { .. })) => Ok(()),
            Some((entry, Finding::Missing)) => missing(entry.key.to_string()),
            Some((entry, Finding::Wrong(why))) => Err(CacheError::Damaged { key: entry.key.to_string(), why }),
            None => missing(format!("file {id}")),
        }
    }

    /// Looks at a file, and takes it out of the cache if it is not what it should be. Returns what was found, and of what;
    /// nothing where it went meanwhile.
    pub(super) fn examine(&self, id: FileId, depth: Depth) -> Result<Option<(Entry, Finding)>, CacheError> {
        loop {
            let Some(entry) = self.state().ledger.entry(id).cloned() else { return Ok(None) };
            let finding = self.look_at(&entry, depth)?;
            if matches!(finding, Finding::Sound { .. }) {
                return Ok(Some((entry, finding)));
            }
            // A new version may have got the name while we looked; nothing gets a name, or goes, during our turn.
            let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
            match self.state().ledger.entry(id) {
                Some(now) if now.content != entry.content => continue,
                Some(_) => {}
                None => return Ok(None),
            }
            match &finding {
                Finding::Wrong(why) => self.quarantine(&entry, why)?,
                _ => self.drop_missing(&entry)?,
            }
            return Ok(Some((entry, finding)));
        }
    }

    /// Compares a file with its row; what is learned of a sound one is recorded.
    fn look_at(&self, entry: &Entry, depth: Depth) -> Result<Finding, CacheError> {
        self.root.check()?;
        let (bytes, modified_nanoseconds) = match self.root.find(&entry.key) {
            Ok(Found::File { bytes, modified_nanoseconds, .. }) => (bytes, modified_nanoseconds),
            // A folder on the way that is none any more: the file is not there either, and what is in its place is not ours.
            Ok(Found::Nothing | Found::Other(_)) | Err(CacheError::Taken { .. }) => return Ok(Finding::Missing),
            Err(error) => return Err(error),
        };
        if bytes != entry.content.bytes {
            return Ok(Finding::Wrong(format!("it has {bytes} bytes of {}", entry.content.bytes)));
        }
        let is_due = !entry.is_checked && (self.state().was_unclean || entry.content.sha256.is_none());
        let is_changed = modified_nanoseconds != entry.content.modified_nanoseconds;
        if depth == Depth::Needed && !is_due && !is_changed {
            return Ok(Finding::Sound { is_new: false });
        }
        self.look_into(entry, FileContent { bytes, sha256: None, modified_nanoseconds })
    }

    /// Reads every byte of a file: its hash must be the row's, or where that has none it is proven like a download.
    fn look_into(&self, entry: &Entry, found: FileContent) -> Result<Finding, CacheError> {
        let path = self.root.path_of(&entry.key);
        let (sha256, is_new) = match &entry.content.sha256 {
            Some(_) => (content_hash::of_file(&path).map_err(CacheError::disk("read", &path))?, false),
            None => match self.options.prover.prove(&path) {
                Ok(file) => (file.sha256().to_owned(), true),
                Err(error) if is_verdict(&error) => return Ok(Finding::Wrong(told(&error))),
                Err(error) => return Err(error.into()),
            },
        };
        if entry.content.sha256.as_ref().is_some_and(|expected| *expected != sha256) {
            return Ok(Finding::Wrong("its bytes have changed".to_owned()));
        }
        let (id, content) = (entry.id, FileContent { sha256: Some(sha256), ..found });
        if content != entry.content {
            let known = content.clone();
            self.store.write(move |tx| tx.cache().set_content(id, &known))?;
        }
        self.state().ledger.checked(id, content);
        Ok(Finding::Sound { is_new })
    }

    /// Forgets a file that is gone.
    fn drop_missing(&self, entry: &Entry) -> Result<(), CacheError> {
        let what = "it is gone from the disk";
        tracing::warn!(key = %entry.key, what);
        let (id, event) = (entry.id, self.alarm("CACHE_MISSING", &entry.key, what, &entry.holds));
        self.store.write(move |tx| {
            tx.cache().forget(id)?;
            tx.outbox().append(&event, None).map(drop)
        })?;
        self.state().ledger.take(id);
        Ok(())
    }

    /// Moves a damaged file aside, where a person can look at it; it loses its name and whoever held it.
    fn quarantine(&self, entry: &Entry, why: &str) -> Result<(), CacheError> {
        tracing::error!(key = %entry.key, why, "a file is damaged");
        let (id, note) = (entry.id, why.to_owned());
        let event = self.alarm("CACHE_DAMAGED", &entry.key, why, &entry.holds);
        // The row first: a crash in between leaves a file that a later look moves aside.
        let holds = entry.holds.clone();
        self.store.write(move |tx| {
            tx.cache().set_state(id, EntryState::Quarantined.name(), &note)?;
            for held in &holds {
                tx.cache().release(id, held.holder.kind.name(), &held.holder.name)?;
            }
            tx.outbox().append(&event, None).map(drop)
        })?;
        let moved = self.root.set_aside(&entry.key, id);
        self.state().ledger.set_state(id, EntryState::Quarantined, why);
        moved
    }
}

/// Returns whether a failed look says something about the file, and not about the disk, the machine, or a stop on request.
fn is_verdict(error: &ProofError) -> bool {
    match error {
        ProofError::Unreadable(source) => source.class() == FailureClass::Source,
        error => error.class() == FailureClass::Source,
    }
}

fn told(error: &ProofError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
