//! Is a file still what its row says? Looked at before each use: its length and its time always, its bytes where nobody
//! here has proven them yet, or where the last process did not close the cache.

use std::fs::File;
use std::sync::PoisonError;

use rustix::io::Errno;

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
    /// It is something else: what is there, by which number the disk knows it, and what is wrong with it.
    Wrong(FileContent, u64, String),
}

impl Inner {
    /// Looks at a file before it is used. One that is not what it should be leaves the cache.
    pub(super) fn ensure_sound(&self, id: FileId) -> Result<(), CacheError> {
        let missing = |key: String| Err(CacheError::Missing(key));
        match self.examine(id, Depth::Needed)? {
            Some((_, Finding::Sound { .. })) => Ok(()),
            Some((entry, Finding::Missing)) => missing(entry.key.to_string()),
            Some((entry, Finding::Wrong(_, _, why))) => {
                Err(CacheError::Damaged { key: entry.key.to_string(), why })
            }
            None => missing(format!("file {id}")),
        }
    }

    /// Looks at a file, notes what is learned of a sound one, and takes any other out of the cache. Returns what was found,
    /// and of what; nothing where it went meanwhile.
    pub(super) fn examine(&self, id: FileId, depth: Depth) -> Result<Option<(Entry, Finding)>, CacheError> {
        loop {
            let Some(entry) = self.state().ledger.entry(id).cloned() else { return Ok(None) };
            let (finding, learned) = self.look_at(&entry, depth)?;
            if learned.is_none() && matches!(finding, Finding::Sound { .. }) {
                return Ok(Some((entry, finding)));
            }
            // A new version may have got the name while we looked; nothing gets a name, or goes, during our turn.
            let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
            self.settle_if_due()?;
            match self.state().ledger.entry(id) {
                Some(now) if now.content != entry.content => continue,
                Some(now) if now.state == EntryState::Ready => {}
                _ => return Ok(None),
            }
            match (&finding, learned) {
                (Finding::Sound { .. }, Some(content)) => self.note_checked(&entry, content)?,
                (Finding::Sound { .. }, None) => {}
                (Finding::Missing, _) => self.drop_missing(&entry)?,
                (Finding::Wrong(found, inode, why), _) => self.quarantine(&entry, found, *inode, why)?,
            }
            return Ok(Some((entry, finding)));
        }
    }

    /// Compares a file with its row; returns besides what was learned of a sound one by reading it.
    fn look_at(&self, entry: &Entry, depth: Depth) -> Result<(Finding, Option<FileContent>), CacheError> {
        self.root.check()?;
        let (bytes, modified_nanoseconds, inode) = match self.root.find(&entry.key) {
            Ok(Found::File { bytes, modified_nanoseconds, inode }) => (bytes, modified_nanoseconds, inode),
            // A folder on the way that is none any more: the file is not there either, and what is in its place is not ours.
            Ok(Found::Nothing | Found::Other(_)) | Err(CacheError::Taken { .. }) => {
                return Ok((Finding::Missing, None));
            }
            Err(error) => return Err(error),
        };
        let found = FileContent { bytes, sha256: None, modified_nanoseconds };
        if bytes != entry.content.bytes {
            let why = format!("it has {bytes} bytes of {}", entry.content.bytes);
            return Ok((Finding::Wrong(found, inode, why), None));
        }
        let is_due = !entry.is_checked && (self.state().was_unclean || entry.content.sha256.is_none());
        let is_changed = modified_nanoseconds != entry.content.modified_nanoseconds;
        if depth == Depth::Needed && !is_due && !is_changed {
            return Ok((Finding::Sound { is_new: false }, None));
        }
        self.look_into(entry, found, inode)
    }

    /// Reads every byte of a file: its hash must be the row's, or where that has none it is proven like a download.
    fn look_into(
        &self,
        entry: &Entry,
        found: FileContent,
        inode: u64,
    ) -> Result<(Finding, Option<FileContent>), CacheError> {
        let path = self.root.path_of(&entry.key);
        let failed = CacheError::disk("read", &path);
        // Who may not open it, or has no descriptors to spare, learns nothing of it.
        drop(File::open(&path).map_err(&failed)?);
        let hashed = match &entry.content.sha256 {
            Some(_) => match content_hash::of_file(&path) {
                Err(error) if is_lost(&error) => Err(format!("it cannot be read: {error}")),
                hash => Ok(hash.map_err(&failed)?),
            },
            None => match self.options.prover.prove(&path) {
                Ok(file) => Ok(file.sha256().to_owned()),
                Err(error) if is_verdict(&error) => Err(told(&error)),
                Err(error) => return Err(error.into()),
            },
        };
        let sha256 = match hashed {
            Ok(sha256) => sha256,
            // Its disk may be gone, and with it everything: that says nothing about this file.
            Err(why) => return self.root.check().map(|()| (Finding::Wrong(found, inode, why), None)),
        };
        if entry.content.sha256.as_ref().is_some_and(|expected| *expected != sha256) {
            return Ok((Finding::Wrong(found, inode, "its bytes have changed".to_owned()), None));
        }
        let is_new = entry.content.sha256.is_none();
        Ok((Finding::Sound { is_new }, Some(FileContent { sha256: Some(sha256), ..found })))
    }

    /// Notes what a sound file was found to be.
    fn note_checked(&self, entry: &Entry, content: FileContent) -> Result<(), CacheError> {
        if content != entry.content {
            let (id, known) = (entry.id, content.clone());
            self.store.write(move |tx| tx.cache().set_content(id, &known))?;
        }
        self.state().ledger.checked(entry.id, content);
        Ok(())
    }

    /// Forgets a file that is gone.
    fn drop_missing(&self, entry: &Entry) -> Result<(), CacheError> {
        let what = "it is gone from the disk";
        tracing::warn!(key = %entry.key, what);
        let _holds = self.holds.lock().unwrap_or_else(PoisonError::into_inner);
        let holds = self.state().ledger.entry(entry.id).map_or(Vec::new(), |now| now.holds.clone());
        let (id, event) = (entry.id, self.alarm("CACHE_MISSING", &entry.key, what, &holds));
        self.store.write(move |tx| {
            tx.cache().forget(id)?;
            tx.outbox().append(&event, None).map(drop)
        })?;
        self.state().ledger.take(id);
        Ok(())
    }

    /// Moves a damaged file aside, where a person can look at it; it loses its name and whoever held it. What counts from
    /// then on is what was found there.
    fn quarantine(&self, entry: &Entry, found: &FileContent, inode: u64, why: &str) -> Result<(), CacheError> {
        tracing::error!(key = %entry.key, why, "a file is damaged");
        let _holds = self.holds.lock().unwrap_or_else(PoisonError::into_inner);
        let holds = self.state().ledger.entry(entry.id).map_or(Vec::new(), |now| now.holds.clone());
        let event = self.alarm("CACHE_DAMAGED", &entry.key, why, &holds);
        let (id, note, content) = (entry.id, why.to_owned(), found.clone());
        // The row first: a crash in between leaves a file that the next start moves aside.
        self.store.write(move |tx| {
            tx.cache().set_content(id, &content)?;
            tx.cache().set_inode(id, inode)?;
            tx.cache().set_state(id, EntryState::Quarantined.name(), &note)?;
            for held in &holds {
                tx.cache().release(id, held.holder.kind.name(), &held.holder.name)?;
            }
            tx.outbox().append(&event, None).map(drop)
        })?;
        {
            let mut state = self.state();
            state.ledger.set_content(id, found.clone());
            state.ledger.set_inode(id, inode);
            state.ledger.set_state(id, EntryState::Quarantined, why);
        }
        // One that cannot be moved now is moved by the next start, or scrub, or by whoever wants its name.
        if let Err(error) = self.root.set_aside(&entry.key, id) {
            tracing::error!(key = %entry.key, %error, "a damaged file cannot be moved aside");
        }
        Ok(())
    }

    /// Returns whether a file that is said to have been moved aside has its name still: it, and not another one that
    /// somebody put there, however alike.
    pub(super) fn has_name_still(&self, entry: &Entry) -> Result<bool, CacheError> {
        if self.state().ledger.named(&entry.key).is_some() {
            return Ok(false);
        }
        Ok(matches!(self.root.find(&entry.key), Ok(Found::File { bytes, inode, .. })
            if bytes == entry.content.bytes && Some(inode) == entry.inode))
    }

    /// Moves aside what was said to be, and was not yet.
    pub(super) fn finish_quarantines(&self) {
        let damaged: Vec<Entry> = {
            let state = self.state();
            state.ledger.entries().filter(|entry| entry.state == EntryState::Quarantined).cloned().collect()
        };
        for entry in damaged {
            let moved = self
                .has_name_still(&entry)
                .and_then(|has_name| if has_name { self.root.set_aside(&entry.key, entry.id) } else { Ok(()) });
            if let Err(error) = moved {
                tracing::error!(key = %entry.key, %error, "a damaged file cannot be moved aside");
            }
        }
    }
}

/// Returns whether a failed look says something about the file, and not about the disk, the machine, or a stop on request.
fn is_verdict(error: &ProofError) -> bool {
    match error {
        ProofError::Unreadable(source) => source.class() == FailureClass::Source,
        ProofError::Read { source, .. } => is_lost(source),
        error => error.class() == FailureClass::Source,
    }
}

/// Returns whether the disk has lost a file's bytes, which is about the file, and not about who asks.
fn is_lost(error: &std::io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::IO | Errno::BADMSG | Errno::UCLEAN))
}

fn told(error: &ProofError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
