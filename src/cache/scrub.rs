//! A look at every file, and below the root for what is none of ours.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;

use super::check::{Depth, Finding};
use super::ledger::FileId;
use super::marker::MARKER;
use super::root::{QUARANTINE, WORK};
use super::{Cache, CacheError, EntryState, Scrubbed, Tally};
use crate::failure::{Failure, FailureClass};

/// Strangers that are named; whoever has more of them knows where they come from.
const STRANGERS_MAX: usize = 1000;
/// Institution, record, file; what is deeper is not looked at.
const DEPTH_MAX: usize = 3;

/// How far a scrub is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScrubProgress {
    /// Files looked at.
    pub files: u64,
    /// Files in all.
    pub files_total: u64,
    /// Bytes looked at.
    pub bytes: u64,
    /// Bytes in all.
    pub bytes_total: u64,
}

impl Cache {
    /// Looks at every byte of every file; damaged ones are moved aside, rows of missing ones go, what could not be evicted
    /// is tried again, and leftovers of work that nobody is at are removed. Strangers are named and left alone.
    ///
    /// # Errors
    /// [`CacheError::Cancelled`] when `stop` says so; the disk or the database refuses.
    pub fn scrub(&self, watch: &dyn Fn(ScrubProgress), stop: &dyn Fn() -> bool) -> Result<Scrubbed, CacheError> {
        self.inner.root.check()?;
        let mut scrubbed = Scrubbed { evicted: self.inner.finish_evictions()?, ..Scrubbed::default() };
        {
            let _turn = self.inner.turn.lock().unwrap_or_else(PoisonError::into_inner);
            self.inner.settle_if_due()?;
            self.inner.finish_quarantines();
        }
        self.look_over(Depth::Whole, &mut scrubbed, watch, stop)?;
        scrubbed.strangers = self.strangers()?;
        scrubbed.leftovers = self.sweep(&|_| false)?;
        Ok(scrubbed)
    }

    /// Looks at every file as closely as its first use would: what a start owes, off the way of those who wait.
    ///
    /// # Errors
    /// As [`Cache::scrub`].
    pub fn check(&self, stop: &dyn Fn() -> bool) -> Result<Scrubbed, CacheError> {
        let mut scrubbed = Scrubbed::default();
        self.look_over(Depth::Needed, &mut scrubbed, &|_| (), stop)?;
        scrubbed.strangers = self.strangers()?;
        Ok(scrubbed)
    }

    fn look_over(
        &self,
        depth: Depth,
        scrubbed: &mut Scrubbed,
        watch: &dyn Fn(ScrubProgress),
        stop: &dyn Fn() -> bool,
    ) -> Result<(), CacheError> {
        let ids: Vec<FileId> = {
            let state = self.inner.state();
            state.ledger.entries().filter(|entry| entry.state == EntryState::Ready).map(|entry| entry.id).collect()
        };
        let bytes_total =
            ids.iter().filter_map(|id| Some(self.inner.state().ledger.entry(*id)?.content.bytes)).sum();
        let mut progress = ScrubProgress { files_total: ids.len() as u64, bytes_total, ..ScrubProgress::default() };
        watch(progress);
        for id in ids {
            if stop() {
                return Err(CacheError::Cancelled);
            }
            progress.bytes += self.look_over_one(id, depth, scrubbed)?;
            progress.files += 1;
            watch(progress);
        }
        Ok(())
    }

    /// Looks at one file, which stays meanwhile; returns its length.
    fn look_over_one(&self, id: FileId, depth: Depth, scrubbed: &mut Scrubbed) -> Result<u64, CacheError> {
        {
            let mut state = self.inner.state();
            // It may have gone since the list was made.
            if !state.ledger.entry(id).is_some_and(|entry| entry.state == EntryState::Ready) {
                return Ok(0);
            }
            state.ledger.begin_use(id);
        }
        let found = self.inner.examine(id, depth);
        self.inner.state().ledger.end_use(id);
        let found = match found {
            // Whoever was to look could not: that says nothing about this file, or the next one.
            Err(CacheError::Proof(error)) if !matches!(error.class(), FailureClass::Cancelled) => {
                tracing::error!(file = id, %error, "a file could not be looked into");
                return Ok(0);
            }
            result => result?,
        };
        let Some((entry, finding)) = found else { return Ok(0) };
        match finding {
            Finding::Sound { is_new } => {
                scrubbed.sound.add(entry.content.bytes);
                scrubbed.proven += u64::from(is_new);
            }
            Finding::Missing => scrubbed.missing.push(entry.key),
            Finding::Wrong(_, _, why) => scrubbed.damaged.push((entry.key, why)),
        }
        Ok(entry.content.bytes)
    }

    /// Removes the leftovers of jobs that are neither at work nor to be kept.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn sweep(&self, is_kept: &dyn Fn(&str) -> bool) -> Result<Tally, CacheError> {
        let leftovers: Vec<_> = {
            let state = self.inner.state();
            state.ledger.leftovers.values().filter(|leftover| !is_kept(&leftover.job)).cloned().collect()
        };
        let mut swept = Tally::default();
        for leftover in leftovers {
            match self.inner.remove_leftover(&leftover.job)? {
                0 => {}
                bytes => swept.add(bytes),
            }
        }
        Ok(swept)
    }

    /// Returns what lies below the root and is none of ours.
    fn strangers(&self) -> Result<Vec<PathBuf>, CacheError> {
        let ours: HashSet<PathBuf> = {
            let state = self.inner.state();
            let named = state.ledger.entries().filter(|entry| entry.state != EntryState::Quarantined);
            named.map(|entry| entry.key.path()).collect()
        };
        let mut found = Vec::new();
        self.look_below(Path::new(""), 1, &ours, &mut found)?;
        found.sort();
        Ok(found)
    }

    fn look_below(
        &self,
        below: &Path,
        depth: usize,
        ours: &HashSet<PathBuf>,
        found: &mut Vec<PathBuf>,
    ) -> Result<(), CacheError> {
        let folder = self.root().join(below);
        let entries = match fs::read_dir(&folder) {
            // It went while we looked.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            // None of ours is closed to us.
            Err(_) if depth > 1 => {
                found.push(below.to_owned());
                return Ok(());
            }
            result => result.map_err(CacheError::disk("list", &folder))?,
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let is_own = name
                .to_str()
                .is_some_and(|name| name.starts_with(MARKER) || [WORK, QUARANTINE, "lost+found"].contains(&name));
            if (depth == 1 && is_own) || found.len() >= STRANGERS_MAX {
                continue;
            }
            let path = below.join(&name);
            // The kind of the entry itself: no link is followed.
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_folder && depth < DEPTH_MAX {
                self.look_below(&path, depth + 1, ours, found)?;
            } else if !ours.contains(&path) {
                found.push(path);
            }
        }
        Ok(())
    }
}
