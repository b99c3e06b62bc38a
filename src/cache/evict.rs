//! Making room, and giving it: in one turn, so that what was made for one is not taken by another.
//!
//! Evicting: marked as going (row) → removed, and the folder synced → forgotten (row, with its reason and its event). Its
//! bytes count until its name is off the disk. A file that the disk will not let go is marked so and goes on counting.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::PoisonError;

use super::admission::{Bound, Disk, Need, Verdict, Victim};
use super::ledger::{Entry, FileId};
use super::{Cache, CacheError, EntryState, Eviction, Inner, Key, State, wire};
use crate::event::EventType;
use crate::room::NoRoom;
use crate::store::{NewEvent, StoreError, Transaction};

/// So often room is made for one need: files may be open somewhere, so that their bytes are not free at once, and others
/// fill the disk meanwhile.
const ROUNDS_MAX: usize = 16;

/// What became of files that were to go.
#[derive(Debug, Default)]
pub(super) struct Gone {
    /// Those that went.
    pub(super) files: Vec<Entry>,
    /// Why the first one that did not stayed.
    refusal: Option<CacheError>,
}

/// What is told when removing files did not help.
const STILL_FULL: &str = "room was made, and the disk did not become any emptier";

impl Inner {
    /// Makes room for `need`, on behalf of `wanted`, and lets `grant` count it in the same breath.
    ///
    /// # Errors
    /// [`CacheError::Full`] before anything went, or the disk or the database refuses.
    pub(super) fn admit<T>(
        &self,
        need: Need,
        wanted: &Key,
        grant: impl FnOnce(&mut State) -> T,
    ) -> Result<T, CacheError> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.admit_in_turn(need, wanted, grant)
    }

    /// The same during one's turn.
    pub(super) fn admit_in_turn<T>(
        &self,
        need: Need,
        wanted: &Key,
        grant: impl FnOnce(&mut State) -> T,
    ) -> Result<T, CacheError> {
        self.root.check()?;
        self.settle_if_due()?;
        let mut freed = 0;
        for _ in 0..ROUNDS_MAX {
            let disk = self.disk(&need)?;
            let (leftovers, doomed, bound) = {
                let mut state = self.state();
                state.ledger.expire(self.now());
                match state.ledger.admit(&need, &disk) {
                    Verdict::Fits => return Ok(grant(&mut state)),
                    Verdict::Full(why) => return Err(NoRoom(why).into()),
                    // What was removed is somewhere open, or its disk takes its time: more of it would help as little.
                    Verdict::Evict(_, bound) if freed > need.bytes && bound == Bound::FreeBytes => {
                        return Err(NoRoom(STILL_FULL.to_owned()).into());
                    }
                    Verdict::Evict(victims, bound) => {
                        let doomed = state.ledger.doom(&victims);
                        (victims.into_iter().filter_map(Victim::job).collect::<Vec<_>>(), doomed, bound)
                    }
                }
            };
            for job in leftovers {
                // It does not count among those that may go any more; others will.
                if let Err(error) = self.remove_leftover(&job) {
                    tracing::error!(job, %error, "what an earlier run had left cannot be removed");
                }
            }
            let gone = self.evict_files(doomed, &reason(wanted, bound))?;
            freed += gone.files.iter().map(|entry| entry.content.bytes).sum::<u64>();
        }
        Err(NoRoom(STILL_FULL.to_owned()).into())
    }

    /// Looks at the disk. How much of the reservations is on it already matters only where it is nearly full.
    fn disk(&self, need: &Need) -> Result<Disk, CacheError> {
        let (reserved, free_bytes_min) = {
            let state = self.state();
            (state.ledger.reserved_bytes(), state.ledger.limits.free_bytes_min)
        };
        let mut figures = self.root.disk()?;
        let mut unwritten_bytes = reserved;
        let at_worst = free_bytes_min.saturating_add(reserved).saturating_add(need.bytes);
        if at_worst > figures.free_bytes {
            // In this order: what is written in between then counts twice, and not never.
            unwritten_bytes = self.unwritten();
            figures = self.root.disk()?;
        }
        Ok(Disk { free_bytes: figures.free_bytes, unwritten_bytes, free_files: figures.free_files })
    }

    /// Returns how many reserved bytes are not on the disk yet.
    fn unwritten(&self) -> u64 {
        let reserved: Vec<(String, u64)> = {
            let state = self.state();
            state.ledger.reservations().map(|reserved| (reserved.job.clone(), reserved.bytes)).collect()
        };
        let left = |(job, bytes): &(String, u64)| bytes.saturating_sub(on_disk(&self.root.work_folder(job)));
        reserved.iter().map(left).sum()
    }

    /// Removes a work folder that nobody works in; whoever has begun to since keeps it. Returns its bytes.
    pub(super) fn remove_leftover(&self, job: &str) -> Result<u64, CacheError> {
        // As a reservation it goes on counting until it is gone, and nobody else can begin in it.
        let Some((id, bytes)) = self.state().ledger.claim_leftover(job) else { return Ok(0) };
        let removed = self.root.remove_work_folder(job);
        let left = if removed.is_ok() { 0 } else { length_of(&self.root.work_folder(job)) };
        self.state().ledger.end_stuck(id, left);
        removed?;
        tracing::info!(job, bytes, "removed what an earlier run had left");
        Ok(bytes)
    }

    /// Lets files go, which are marked so in the count and are given as they were before. Those that were moved aside go
    /// for good. Returns those that went, and why the first of the others did not. During one's turn.
    pub(super) fn evict_files(&self, doomed: Vec<Entry>, reason: &str) -> Result<Gone, CacheError> {
        if let Err(error) = self.mark_going(&doomed, reason) {
            // Nothing has gone, so everything is as it was.
            let mut state = self.state();
            for entry in &doomed {
                state.ledger.set_state(entry.id, entry.state, &entry.note);
            }
            return Err(error);
        }
        let mut gone = Gone::default();
        for entry in doomed {
            match self.remove_file(&entry) {
                Ok(()) => gone.files.push(entry),
                Err(error) => {
                    self.keep_unremovable(&entry, &error);
                    gone.refusal = gone.refusal.or(Some(error));
                }
            }
        }
        self.forget_gone(&gone.files, reason)?;
        Ok(gone)
    }

    /// Notes which files are going. What was moved aside keeps its word: its name may be another row's by now.
    fn mark_going(&self, doomed: &[Entry], reason: &str) -> Result<(), CacheError> {
        let named = doomed.iter().filter(|entry| entry.state != EntryState::Quarantined);
        let ids: Vec<FileId> = named.map(|entry| entry.id).collect();
        let reason = reason.to_owned();
        Ok(self.store.write(move |tx| {
            let mark = |id: &FileId| tx.cache().set_state(*id, EntryState::Evicting.name(), &reason);
            ids.iter().try_for_each(mark)
        })?)
    }

    fn remove_file(&self, entry: &Entry) -> Result<(), CacheError> {
        if entry.state == EntryState::Quarantined {
            return self.remove_quarantined(entry);
        }
        match self.root.remove(&entry.key) {
            // A folder on the way became something else: our file is not there, and what is there is not ours.
            Err(CacheError::Taken { .. }) => Ok(()),
            result => result,
        }
    }

    /// Removes a damaged file, also one that could not be moved aside.
    fn remove_quarantined(&self, entry: &Entry) -> Result<(), CacheError> {
        if self.root.remove_aside(&entry.key, entry.id)? || !self.has_name_still(entry)? {
            return Ok(());
        }
        self.root.remove(&entry.key)
    }

    /// Takes files that went out of the count, and remembers why they went.
    fn forget_gone(&self, gone: &[Entry], reason: &str) -> Result<(), CacheError> {
        if gone.is_empty() {
            return Ok(());
        }
        let now = self.now();
        {
            let mut state = self.state();
            for entry in gone {
                state.ledger.take(entry.id);
                tracing::info!(key = %entry.key, bytes = entry.content.bytes, reason, "evicted");
            }
        }
        let rows: Vec<(FileId, NewEvent)> =
            gone.iter().map(|entry| (entry.id, self.event(entry, reason, now))).collect();
        let reason = reason.to_owned();
        let forget = move |tx: &Transaction<'_>| {
            for (id, event) in &rows {
                tx.cache().evicted(*id, &reason, now)?;
                tx.outbox().append(event, None)?;
            }
            Ok::<_, StoreError>(())
        };
        // The row says already that it is going, so nobody need wait for the word that it has gone.
        match self.store.submit(forget.clone()) {
            Err(StoreError::Busy(_)) => Ok(self.store.write(forget)?),
            result => Ok(result.map(drop)?),
        }
    }

    fn event(&self, entry: &Entry, reason: &str, now: i64) -> NewEvent {
        NewEvent {
            event_id: format!("cache-evicted-{}-{now}", entry.id),
            event_type: EventType::CacheEvicted,
            institution: entry.key.institution().to_owned(),
            class_id: None,
            order_key: format!("cache/{}", entry.key),
            time_milliseconds: now,
            data: wire::evicted(&entry.key, entry.content.bytes, reason),
            callback_url: None,
            targets: self.options.targets.clone(),
        }
    }

    fn keep_unremovable(&self, entry: &Entry, error: &CacheError) {
        let note = std::error::Error::source(error)
            .map_or_else(|| error.to_string(), |source| format!("{error}: {source}"));
        tracing::error!(key = %entry.key, error = note, "the disk would not let a file go");
        if entry.state == EntryState::Quarantined {
            // Others are to go instead, until the next start.
            self.state().ledger.aside.remove(&entry.sequence);
            return;
        }
        self.state().ledger.set_state(entry.id, EntryState::EvictFailed, &note);
        let (id, event) = (entry.id, self.alarm("CACHE_EVICT_FAILED", &entry.key, &note, &[]));
        let told = self.store.write(move |tx| {
            tx.cache().set_state(id, EntryState::EvictFailed.name(), &note)?;
            tx.outbox().append(&event, None).map(drop)
        });
        let told: Result<(), StoreError> = told;
        if let Err(error) = told {
            // The row says that it is going, and the next start tries that.
            tracing::warn!(key = %entry.key, %error, "that a file would not go is not recorded");
        }
    }

    /// Returns the event that calls a person to a file.
    pub(super) fn alarm(&self, code: &'static str, key: &Key, reason: &str, holders: &[super::Held]) -> NewEvent {
        let now = self.now();
        NewEvent {
            event_id: format!("alarm-{code}-{key}-{now}"),
            event_type: EventType::Alarm,
            institution: key.institution().to_owned(),
            class_id: None,
            order_key: format!("cache/{key}"),
            time_milliseconds: now,
            data: wire::alarm(code, key, reason, holders),
            callback_url: None,
            targets: self.options.targets.clone(),
        }
    }
}

impl Cache {
    /// Lets a file go that nobody holds.
    ///
    /// # Errors
    /// It is not here, somebody holds it, or the disk would not let it go.
    pub fn evict(&self, key: &Key, reason: &str) -> Result<Eviction, CacheError> {
        let inner = &self.inner;
        let _turn = inner.turn.lock().unwrap_or_else(PoisonError::into_inner);
        inner.root.check()?;
        inner.settle_if_due()?;
        let now = inner.now();
        let doomed = {
            let mut state = inner.state();
            state.ledger.expire(now);
            let entry = state.ledger.named(key).ok_or_else(|| CacheError::Missing(key.to_string()))?;
            if let Some(holder) = super::lease::holders_text(entry, now) {
                return Err(CacheError::Held { key: key.to_string(), holder });
            }
            let victim = Victim::File(entry.id);
            state.ledger.doom(&[victim])
        };
        let gone = inner.evict_files(doomed, reason)?;
        let Some(Entry { content, used_milliseconds, .. }) = gone.files.into_iter().next() else {
            return Err(gone.refusal.unwrap_or_else(|| CacheError::Missing(key.to_string())));
        };
        let (key, reason, bytes) = (key.clone(), reason.to_owned(), content.bytes);
        Ok(Eviction { key, bytes, reason, used_milliseconds, time_milliseconds: now })
    }
}

fn reason(wanted: &Key, bound: Bound) -> String {
    format!("made room for {wanted} ({bound})")
}

/// The system counts blocks in this, whatever the disk's own are.
const BLOCK_BYTES: u64 = 512;
/// So much more than its length a file may take by the disk's own measures; beyond that somebody set room aside for it.
const ROUNDING_BYTES: u64 = 64 << 10;

/// Returns how many bytes of a work folder are on the disk.
fn on_disk(folder: &Path) -> u64 {
    files_below(folder).iter().map(|file| file.blocks() * BLOCK_BYTES).sum()
}

/// Returns how long the files of a work folder are together, and those that have room set aside as long as that.
pub(super) fn length_of(folder: &Path) -> u64 {
    let length = |file: &fs::Metadata| match file.blocks() * BLOCK_BYTES {
        blocks if blocks > file.len() + ROUNDING_BYTES => blocks,
        _ => file.len(),
    };
    files_below(folder).iter().map(length).sum()
}

/// Folders in a work folder are nested this deep at most.
const DEPTH_MAX: usize = 4;

fn files_below(folder: &Path) -> Vec<fs::Metadata> {
    let mut found = Vec::new();
    let mut folders = vec![(folder.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        // What goes while it is looked at does not count.
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(metadata) if metadata.is_dir() && depth < DEPTH_MAX => folders.push((entry.path(), depth + 1)),
                Ok(metadata) if metadata.is_file() => found.push(metadata),
                _ => {}
            }
        }
    }
    found
}
