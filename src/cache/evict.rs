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
        self.root.check()?;
        for _ in 0..ROUNDS_MAX {
            let disk = self.disk(&need)?;
            let (victims, bound) = {
                let mut state = self.state();
                state.ledger.expire(self.now());
                match state.ledger.admit(&need, &disk) {
                    Verdict::Fits => return Ok(grant(&mut state)),
                    Verdict::Full(why) => return Err(NoRoom(why).into()),
                    Verdict::Evict(victims, bound) => {
                        state.ledger.doom(&victims);
                        (victims, bound)
                    }
                }
            };
            self.evict(&victims, &reason(wanted, bound))?;
        }
        Err(NoRoom("room was made again and again, and the disk did not become any emptier".to_owned()).into())
    }

    /// Looks at the disk. How much of the reservations is on it already matters only where it is nearly full.
    fn disk(&self, need: &Need) -> Result<Disk, CacheError> {
        let figures = self.root.disk()?;
        let (reserved, free_bytes_min) = {
            let state = self.state();
            (state.ledger.reserved_bytes(), state.ledger.limits.free_bytes_min)
        };
        let at_worst = free_bytes_min.saturating_add(reserved).saturating_add(need.bytes);
        let unwritten_bytes = if at_worst <= figures.free_bytes { reserved } else { self.unwritten() };
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

    /// Lets victims go, which are marked so in the count.
    fn evict(&self, victims: &[Victim], reason: &str) -> Result<(), CacheError> {
        let mut files = Vec::new();
        for victim in victims {
            match victim {
                Victim::File(id) => files.push(*id),
                Victim::Leftover(job) => drop(self.remove_leftover(job)?),
            }
        }
        self.evict_files(&files, reason).map(drop)
    }

    /// Removes a work folder that nobody works in; whoever has begun to since keeps it. Returns its bytes.
    pub(super) fn remove_leftover(&self, job: &str) -> Result<u64, CacheError> {
        let folder = self.root.work_folder(job);
        // As a reservation it goes on counting until it is gone, and nobody else can begin in it.
        let Some((id, bytes)) = self.state().ledger.claim_leftover(job) else { return Ok(0) };
        let removed = remove_work_folder(&folder);
        self.state().ledger.end_reservation(id, if removed.is_ok() { 0 } else { length_of(&folder) });
        tracing::info!(job, bytes, "removed what an earlier run had left");
        removed.map(|()| bytes)
    }

    /// Lets files go, which are marked so in the count; those that were aside go for good. Returns those that went.
    pub(super) fn evict_files(&self, ids: &[FileId], reason: &str) -> Result<Vec<Entry>, CacheError> {
        let entries: Vec<Entry> = {
            let state = self.state();
            ids.iter().filter_map(|id| state.ledger.entry(*id).cloned()).collect()
        };
        self.mark_going(&entries, reason)?;
        let mut gone = Vec::new();
        for entry in entries {
            match self.remove_file(&entry) {
                Ok(()) => gone.push(entry),
                Err(error) => self.keep_unremovable(&entry, &error)?,
            }
        }
        self.forget_gone(&gone, reason)?;
        Ok(gone)
    }

    fn mark_going(&self, entries: &[Entry], reason: &str) -> Result<(), CacheError> {
        let ids: Vec<FileId> = entries.iter().map(|entry| entry.id).collect();
        let reason = reason.to_owned();
        let marked = self.store.write(move |tx| {
            ids.iter().try_for_each(|id| tx.cache().set_state(*id, EntryState::Evicting.name(), &reason))
        });
        marked.map_err(|error: StoreError| {
            // Nothing has gone, so everything is as it was.
            let mut state = self.state();
            for entry in entries {
                state.ledger.set_state(entry.id, EntryState::Ready, &entry.note);
            }
            error.into()
        })
    }

    fn remove_file(&self, entry: &Entry) -> Result<(), CacheError> {
        // A file that was moved aside has its number in its name, whatever it has become since.
        self.root.remove_aside(&entry.key, entry.id)?;
        let has_name = self.state().ledger.named(&entry.key).is_some_and(|named| named.id == entry.id);
        if has_name { self.root.remove(&entry.key) } else { Ok(()) }
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
            targets: self.options.targets.clone(),
        }
    }

    fn keep_unremovable(&self, entry: &Entry, error: &CacheError) -> Result<(), CacheError> {
        let note = std::error::Error::source(error)
            .map_or_else(|| error.to_string(), |source| format!("{error}: {source}"));
        tracing::error!(key = %entry.key, error = note, "the disk would not let a file go");
        self.state().ledger.set_state(entry.id, EntryState::EvictFailed, &note);
        let (id, event) = (entry.id, self.alarm("CACHE_EVICT_FAILED", &entry.key, &note, &[]));
        self.store.write(move |tx| {
            tx.cache().set_state(id, EntryState::EvictFailed.name(), &note)?;
            tx.outbox().append(&event, None).map(drop)
        })?;
        Ok(())
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
        let _turn = self.inner.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.inner.now();
        let entry = {
            let mut state = self.inner.state();
            state.ledger.expire(now);
            let entry = state.ledger.named(key).cloned().ok_or_else(|| CacheError::Missing(key.to_string()))?;
            if let Some(holder) = super::lease::holders_text(&entry, now) {
                return Err(CacheError::Held { key: key.to_string(), holder });
            }
            state.ledger.doom(&[Victim::File(entry.id)]);
            entry
        };
        self.inner.root.check()?;
        if self.inner.evict_files(&[entry.id], reason)?.is_empty() {
            let path = self.inner.root.path_of(key);
            return Err(CacheError::disk("remove", &path)(std::io::ErrorKind::Other.into()));
        }
        let (bytes, used_milliseconds) = (entry.content.bytes, entry.used_milliseconds);
        let (key, reason) = (key.clone(), reason.to_owned());
        Ok(Eviction { key, bytes, reason, used_milliseconds, time_milliseconds: now })
    }
}

fn reason(wanted: &Key, bound: Bound) -> String {
    format!("made room for {wanted} ({bound})")
}

/// Returns how many bytes of a work folder are on the disk.
fn on_disk(folder: &Path) -> u64 {
    /// The system counts blocks in this, whatever the disk's own are.
    const BLOCK_BYTES: u64 = 512;
    files_below(folder).iter().map(|file| file.blocks() * BLOCK_BYTES).sum()
}

/// Returns how long the files of a work folder are together.
pub(super) fn length_of(folder: &Path) -> u64 {
    files_below(folder).iter().map(fs::Metadata::len).sum()
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

/// Removes a work folder with all that is in it; one that is gone is gone.
pub(super) fn remove_work_folder(folder: &Path) -> Result<(), CacheError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(CacheError::disk("remove", folder)(error))
        }
        _ => Ok(()),
    }
}
