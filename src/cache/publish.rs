//! A proven file gets its name and its row, so that whatever happens in between, the next start knows which of the two are
//! true.
//!
//! ```text
//! fsync the file · note (name, inode, hash) · rename · fsync the folder · row instead of the note
//!       crash here ▲ ──▶ the work folder is left    ▲ the inode has the name: the row is made at the next start
//! ```

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Arc, PoisonError};

use rustix::fs::OFlags;

use super::admission::Need;
use super::ledger::{Entry, ReservationId};
use super::root::Found;
use super::{CacheError, Held, Inner, Key, Lease, NewLease, State, name};
use crate::failure::is_disk_full;
use crate::proof::VerifiedFile;
use crate::store::{FileContent, FileSource, NewFile, PublishRow, StoreError};

/// Where a file came from, and what a person should know about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Provenance {
    /// The address.
    pub url: String,
    /// The length at the origin.
    pub source_bytes: Option<u64>,
    /// What tells this version from others, as text.
    pub validator: Option<String>,
    /// What a person should know; empty mostly.
    pub note: String,
}

impl Inner {
    /// Brings a proven work file to the disk, gives it its name and its row, and holds it.
    pub(super) fn publish(
        self: &Arc<Self>,
        file: &VerifiedFile,
        key: &Key,
        provenance: Provenance,
        lease: Option<&NewLease>,
        reservation: ReservationId,
    ) -> Result<Lease, CacheError> {
        self.root.check()?;
        let (content, inode) = sync_work(file)?;
        // Until the count knows it: what has the name now must not go, or be judged, by what is known of it.
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.settle_if_due()?;
        let replaced = self.replaces(key)?;
        if !replaced && self.state().ledger.reserved_files(reservation) == 0 {
            // What it was to replace has gone meanwhile, so it is one file more.
            let need = Need { bytes: 0, files: 1 };
            self.admit_in_turn(need, key, |state| state.ledger.grow_reservation(reservation, 0, 1))?;
        }
        let Provenance { url, source_bytes, validator, note } = provenance;
        let source = FileSource { url, bytes: source_bytes, validator };
        let row = PublishRow { name: name::of_key(key), content, inode, source, note };
        let noted = row.clone();
        self.store.write(move |tx| tx.cache().begin_publish(&noted))?;
        if let Err(error) = self.root.publish(file.path(), key, replaced) {
            return Err(self.take_back(file.path(), key, &row, error));
        }
        let _holds = self.holds.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = self.record(&row, lease).inspect_err(|_| self.leave_unsettled(key, row.content.bytes))?;
        let mut state = self.state();
        // In one breath: the bytes are the reservation's before and the file's after, and never both.
        state.ledger.shrink_reservation(reservation, entry.content.bytes);
        state.take_over(entry.clone());
        state.ledger.begin_use(entry.id);
        drop(state);
        Ok(Lease::of(self, &entry))
    }

    /// Counts on a file that has its name and could not get its row, until it gets it.
    pub(super) fn leave_unsettled(&self, key: &Key, bytes: u64) {
        let mut state = self.state();
        let (id, _) = state.ledger.begin_reservation(&format!("{key} without a row"));
        state.ledger.grow_reservation(id, bytes, 1);
        state.unsettled.push(id);
    }

    /// Gives the files their rows that got their names and could not be recorded then. During one's turn.
    pub(super) fn settle_if_due(&self) -> Result<(), CacheError> {
        if self.state().unsettled.is_empty() { Ok(()) } else { self.settle() }
    }

    /// Returns whether a file of ours has the name; an error where something else has.
    pub(super) fn replaces(&self, key: &Key) -> Result<bool, CacheError> {
        let is_known = self.state().ledger.named(key).is_some();
        let taken = |what: String| CacheError::Taken { path: self.root.path_of(key), what };
        if !is_known && matches!(self.root.find(key), Ok(Found::File { .. })) {
            // It may be a damaged one that could not be moved aside.
            self.finish_quarantines();
        }
        match self.root.find(key)? {
            Found::Nothing => Ok(false),
            Found::File { .. } if is_known => Ok(true),
            Found::File { .. } => Err(taken("a file that is none of ours".to_owned())),
            Found::Other(what) => Err(taken(what)),
        }
    }

    /// Forgets the note of a file that did not get its name. Where the rename was made and only its sync failed, nobody
    /// knows what is on the disk: then the file goes.
    fn take_back(&self, work: &Path, key: &Key, row: &PublishRow, error: CacheError) -> CacheError {
        let has_name = matches!(self.root.find(key), Ok(Found::File { inode, .. }) if inode == row.inode);
        if has_name && let Err(left) = self.root.remove(key) {
            tracing::error!(%key, error = %left, "a file that the disk did not keep for certain cannot be removed");
            self.leave_unsettled(key, row.content.bytes);
            return error;
        }
        if has_name {
            // What it replaced is gone with it.
            self.forget(key);
        }
        let _ = fs::remove_file(work);
        let name = row.name.clone();
        if let Err(store) = self.store.write(move |tx| tx.cache().end_publish(&name)) {
            tracing::warn!(%key, error = %store, "the note of a file that got no name stays until the next start");
        }
        error
    }

    /// Takes a name out of the count and the rows, whose file is gone.
    pub(super) fn forget(&self, key: &Key) {
        let entry = {
            let mut state = self.state();
            let id = state.ledger.named(key).map(|entry| entry.id);
            id.and_then(|id| state.ledger.take(id))
        };
        if let Some(entry) = entry
            && let Err(error) = self.store.write(move |tx| tx.cache().forget(entry.id))
        {
            tracing::warn!(%key, %error, "the row of a file that is gone stays until the next start");
        }
    }

    /// Makes the row of a file that has its name, instead of the note; returns it as it is counted, with this hold alone.
    fn record(&self, row: &PublishRow, lease: Option<&NewLease>) -> Result<Entry, CacheError> {
        let now = self.now();
        let sequence = self.state().ledger.next_number();
        let new = NewFile {
            name: row.name.clone(),
            content: row.content.clone(),
            source: row.source.clone(),
            sequence,
            used_milliseconds: now,
            note: row.note.clone(),
        };
        let lease = lease.cloned().map(|NewLease { holder, until_milliseconds }| Held {
            holder,
            since_milliseconds: now,
            until_milliseconds,
        });
        let own = lease.clone();
        let row = self.store.write(move |tx| {
            let row = tx.cache().put(&new, now)?;
            tx.cache().end_publish(&new.name)?;
            if let Some(held) = &lease {
                tx.cache().lease(&name::lease_row(row.id, held))?;
            }
            Ok::<_, StoreError>(row)
        })?;
        Ok(Entry { is_checked: true, ..name::entry(row, own.into_iter().collect())? })
    }

    /// Finds out what became of the files that were about to get their names when the last process ended, or when the
    /// database refused. At the start, or during one's turn.
    pub(super) fn settle(&self) -> Result<(), CacheError> {
        let publishes = self.store.read(|reading| reading.cache().publishes())?;
        for row in publishes {
            let key = name::key(&row.name)?;
            let found = match self.root.find(&key) {
                // A folder on the way became something else since.
                Err(CacheError::Taken { .. }) => Found::Nothing,
                result => result?,
            };
            let has_name = matches!(found, Found::File { inode, bytes, .. }
                if inode == row.inode && bytes == row.content.bytes);
            if has_name {
                tracing::info!(%key, "a file had got its name, and now gets its row");
                let _holds = self.holds.lock().unwrap_or_else(PoisonError::into_inner);
                let entry = self.record(&row, None)?;
                let leases = self.store.read(|reading| reading.cache().leases_of(entry.id))?;
                let holds = leases.iter().filter_map(name::held).collect();
                self.state().take_over(Entry { is_checked: false, holds, ..entry });
            } else {
                let name = row.name.clone();
                self.store.write(move |tx| tx.cache().end_publish(&name))?;
            }
        }
        let mut state = self.state();
        for id in std::mem::take(&mut state.unsettled) {
            state.ledger.end_reservation(id, 0);
        }
        Ok(())
    }
}

impl State {
    /// Takes a new version in. Whoever held and reads the one before holds this one; the count knows it best, as holds come
    /// and go while rows are written.
    fn take_over(&mut self, mut entry: Entry) {
        if let Some(before) = self.ledger.entry(entry.id) {
            let own = std::mem::replace(&mut entry.holds, before.holds.clone());
            entry.users = before.users;
            entry.holds.retain(|held| own.iter().all(|new| new.holder != held.holder));
            entry.holds.extend(own);
        }
        self.ledger.add(entry);
    }
}

/// Brings a work file's bytes to the disk, once it is certain that it is the one that was proven. Returns what it is, and
/// the number by which the disk knows it. One that the disk did not keep is thrown away: asking a second time could be
/// answered with yes, and be wrong.
fn sync_work(file: &VerifiedFile) -> Result<(FileContent, u64), CacheError> {
    let path = file.path();
    let not_proven = |why: &str| CacheError::NotProven { path: path.to_owned(), why: why.to_owned() };
    #[expect(clippy::cast_possible_wrap, reason = "flags are bits")]
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32;
    let open = File::options().read(true).custom_flags(flags).open(path);
    let open = open.map_err(CacheError::disk("open", path))?;
    let metadata = open.metadata().map_err(CacheError::disk("look at", path))?;
    if !metadata.is_file() {
        return Err(not_proven("it is no plain file"));
    }
    if metadata.len() != file.bytes() {
        return Err(not_proven("its length has changed"));
    }
    if let Err(source) = open.sync_all() {
        drop(open);
        let _ = fs::remove_file(path);
        let path = path.to_owned();
        let is_full = is_disk_full(&source);
        return Err(if is_full {
            CacheError::disk("write", &path)(source)
        } else {
            CacheError::Sync { path, source }
        });
    }
    let modified_nanoseconds = metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec());
    let sha256 = Some(file.sha256().to_owned());
    Ok((FileContent { bytes: metadata.len(), sha256, modified_nanoseconds }, metadata.ino()))
}
