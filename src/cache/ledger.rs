//! The count of the cache: every file, who holds it, what is reserved, what may go and in which order. Pure: no disk, no
//! clock, no database; what is done here is done at once and cannot fail.
//!
//! Invariants: a file is in the order of going exactly when it may go (`place`); the totals are the sums of what is there
//! (`add`, `take`); what somebody holds is never a victim (`admission`).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{EntryState, Held, Holder, Key, Limits, Tally};
use crate::store::{FileContent, FileSource};

/// The number of a file's row.
pub(super) type FileId = i64;
/// The number of a reservation in this process.
pub(super) type ReservationId = u64;

/// A file, as it is counted.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) id: FileId,
    pub(super) key: Key,
    pub(super) state: EntryState,
    pub(super) content: FileContent,
    /// Of a damaged file that is to be moved aside.
    pub(super) inode: Option<u64>,
    pub(super) source: FileSource,
    pub(super) sequence: u64,
    pub(super) created_milliseconds: i64,
    pub(super) used_milliseconds: i64,
    pub(super) note: String,
    /// Holds that are recorded.
    pub(super) holds: Vec<Held>,
    /// Leases of this process.
    pub(super) users: u32,
    /// It was looked at since the start, or made since.
    pub(super) is_checked: bool,
}

impl Entry {
    fn is_held(&self) -> bool {
        self.users > 0 || !self.holds.is_empty()
    }
}

/// Room that somebody may fill.
#[derive(Clone, Debug)]
pub(super) struct Reserved {
    pub(super) job: String,
    pub(super) bytes: u64,
    /// Files that it adds: 0 where it will take another one's place.
    pub(super) files: u64,
}

/// What lies in a work folder that nobody works in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Leftover {
    pub(super) job: String,
    pub(super) bytes: u64,
    /// The disk would not let it go: others are to go instead.
    pub(super) is_stuck: bool,
}

/// The count.
#[derive(Debug)]
pub(super) struct Ledger {
    pub(super) limits: Limits,
    entries: HashMap<FileId, Entry>,
    names: HashMap<Key, FileId>,
    /// Files that may go, by their sequence.
    pub(super) order: BTreeMap<u64, FileId>,
    /// Files that were moved aside, by their sequence; they go before all others.
    pub(super) aside: BTreeMap<u64, FileId>,
    /// Holds that end by themselves, the first one first.
    endings: BTreeSet<(i64, FileId, Holder)>,
    /// Which files each holder holds.
    holders: BTreeSet<(Holder, FileId)>,
    all: Tally,
    reservations: HashMap<ReservationId, Reserved>,
    reserved: Tally,
    /// The oldest first.
    pub(super) leftovers: BTreeMap<u64, Leftover>,
    leftover_bytes: u64,
    /// The highest number given, of sequences, reservations and leftovers together.
    last_number: u64,
}

impl Ledger {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            entries: HashMap::new(),
            names: HashMap::new(),
            order: BTreeMap::new(),
            aside: BTreeMap::new(),
            endings: BTreeSet::new(),
            holders: BTreeSet::new(),
            all: Tally::default(),
            reservations: HashMap::new(),
            reserved: Tally::default(),
            leftovers: BTreeMap::new(),
            leftover_bytes: 0,
            last_number: 0,
        }
    }

    /// Returns a number above all that were given before.
    pub(super) fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    pub(super) fn entry(&self, id: FileId) -> Option<&Entry> {
        self.entries.get(&id)
    }

    /// Returns the file of this name, whatever its state; one that was moved aside has lost its name.
    pub(super) fn named(&self, key: &Key) -> Option<&Entry> {
        self.entries.get(self.names.get(key)?)
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// Returns the bytes of all files, all reservations and all leftovers: what the limit is about.
    pub(super) fn bytes(&self) -> u64 {
        self.all.bytes + self.reserved.bytes + self.leftover_bytes
    }

    /// Returns all files and those that reservations will add.
    pub(super) fn files(&self) -> u64 {
        self.all.files + self.reserved.files
    }

    pub(super) fn reserved_bytes(&self) -> u64 {
        self.reserved.bytes
    }

    pub(super) fn reservations(&self) -> impl Iterator<Item = &Reserved> {
        self.reservations.values()
    }

    /// Takes a file in; one of the same number or name goes.
    pub(super) fn add(&mut self, entry: Entry) {
        let id = entry.id;
        self.take(id);
        if entry.state != EntryState::Quarantined
            && let Some(other) = self.names.insert(entry.key.clone(), id)
        {
            self.take(other);
            self.names.insert(entry.key.clone(), id);
        }
        self.last_number = self.last_number.max(entry.sequence);
        self.all.add(entry.content.bytes);
        entry.holds.iter().for_each(|held| self.index(id, held));
        self.entries.insert(id, entry);
        self.place(id);
    }

    /// Takes a file out.
    pub(super) fn take(&mut self, id: FileId) -> Option<Entry> {
        let entry = self.entries.remove(&id)?;
        self.order.remove(&entry.sequence);
        self.aside.remove(&entry.sequence);
        if self.names.get(&entry.key) == Some(&id) {
            self.names.remove(&entry.key);
        }
        entry.holds.iter().for_each(|held| self.unindex(id, held));
        self.all.files -= 1;
        self.all.bytes -= entry.content.bytes;
        Some(entry)
    }

    /// Puts a file where it belongs in the orders, after a change.
    fn place(&mut self, id: FileId) {
        let Some(entry) = self.entries.get(&id) else { return };
        self.order.remove(&entry.sequence);
        self.aside.remove(&entry.sequence);
        match entry.state {
            EntryState::Ready if !entry.is_held() => drop(self.order.insert(entry.sequence, id)),
            EntryState::Quarantined => drop(self.aside.insert(entry.sequence, id)),
            EntryState::Ready | EntryState::Evicting | EntryState::EvictFailed => {}
        }
    }

    fn change(&mut self, id: FileId, change: impl FnOnce(&mut Entry)) {
        if let Some(entry) = self.entries.get_mut(&id) {
            change(entry);
            self.place(id);
        }
    }

    /// Changes a file's state. One that is moved aside loses its name and its holds, which are returned.
    pub(super) fn set_state(&mut self, id: FileId, state: EntryState, note: &str) -> Vec<Held> {
        let mut lost = Vec::new();
        self.change(id, |entry| {
            entry.state = state;
            note.clone_into(&mut entry.note);
            if state == EntryState::Quarantined {
                lost = std::mem::take(&mut entry.holds);
            }
        });
        lost.iter().for_each(|held| self.unindex(id, held));
        if state == EntryState::Quarantined
            && let Some(entry) = self.entries.get(&id)
            && self.names.get(&entry.key) == Some(&id)
        {
            self.names.remove(&entry.key);
        }
        lost
    }

    /// Notes that a file was found to be what its row says, or what it was found to be.
    pub(super) fn checked(&mut self, id: FileId, content: FileContent) {
        self.set_content(id, content);
        self.change(id, |entry| entry.is_checked = true);
    }

    /// Notes by which number the disk knows a damaged file.
    pub(super) fn set_inode(&mut self, id: FileId, inode: u64) {
        self.change(id, |entry| entry.inode = Some(inode));
    }

    /// Notes what a file was found to be.
    pub(super) fn set_content(&mut self, id: FileId, content: FileContent) {
        if let Some(entry) = self.entries.get_mut(&id) {
            self.all.bytes = self.all.bytes - entry.content.bytes + content.bytes;
            entry.content = content;
        }
    }

    /// Notes where a file may be had.
    pub(super) fn set_source(&mut self, id: FileId, source: FileSource) {
        self.change(id, |entry| entry.source = source);
    }

    /// Moves a file to the end of the order; returns its new place.
    pub(super) fn touch(&mut self, id: FileId, now_milliseconds: i64) -> u64 {
        let sequence = self.next_number();
        if let Some(entry) = self.entries.get_mut(&id) {
            self.order.remove(&entry.sequence);
            self.aside.remove(&entry.sequence);
            (entry.sequence, entry.used_milliseconds) = (sequence, now_milliseconds);
        }
        self.place(id);
        sequence
    }

    /// Counts a lease of this process.
    pub(super) fn begin_use(&mut self, id: FileId) {
        self.change(id, |entry| entry.users += 1);
    }

    /// Counts the end of a lease of this process.
    pub(super) fn end_use(&mut self, id: FileId) {
        self.change(id, |entry| entry.users = entry.users.saturating_sub(1));
    }

    /// Takes in a hold; one that the holder has already gets the new end and keeps its beginning.
    pub(super) fn hold(&mut self, id: FileId, mut held: Held) {
        if let Some(before) = self.release(id, &held.holder) {
            held.since_milliseconds = before.since_milliseconds;
        }
        self.index(id, &held);
        self.change(id, |entry| entry.holds.push(held));
    }

    /// Ends a hold; returns it, if there was one.
    pub(super) fn release(&mut self, id: FileId, holder: &Holder) -> Option<Held> {
        let entry = self.entries.get_mut(&id)?;
        let at = entry.holds.iter().position(|held| held.holder == *holder)?;
        let held = entry.holds.swap_remove(at);
        self.unindex(id, &held);
        self.place(id);
        Some(held)
    }

    fn index(&mut self, id: FileId, held: &Held) {
        self.holders.insert((held.holder.clone(), id));
        if let Some(until) = held.until_milliseconds {
            self.endings.insert((until, id, held.holder.clone()));
        }
    }

    fn unindex(&mut self, id: FileId, held: &Held) {
        self.holders.remove(&(held.holder.clone(), id));
        if let Some(until) = held.until_milliseconds {
            self.endings.remove(&(until, id, held.holder.clone()));
        }
    }

    /// Returns the files that somebody holds.
    pub(super) fn held_by(&self, holder: &Holder) -> Vec<FileId> {
        let from = (holder.clone(), FileId::MIN);
        self.holders.range(from..).take_while(|(theirs, _)| theirs == holder).map(|(_, id)| *id).collect()
    }

    /// Ends the holds whose time is over; returns how many.
    pub(super) fn expire(&mut self, now_milliseconds: i64) -> usize {
        let mut count = 0;
        while let Some((until, id, holder)) = self.endings.first().cloned() {
            if until > now_milliseconds {
                break;
            }
            self.endings.pop_first();
            self.release(id, &holder);
            count += 1;
        }
        count
    }

    /// Returns whether somebody works in this job's folder, or removes it.
    pub(super) fn is_at_work(&self, job: &str) -> bool {
        self.reservations.values().any(|reserved| reserved.job == job)
    }

    /// Begins a reservation with what lies in the job's work folder already, which counts already.
    pub(super) fn begin_reservation(&mut self, job: &str) -> (ReservationId, u64) {
        let at = self.leftovers.iter().find(|(_, leftover)| leftover.job == job).map(|(at, _)| *at);
        let bytes = at.map_or(0, |at| self.take_leftover(at));
        let id = self.next_number();
        self.reserved.bytes += bytes;
        self.reservations.insert(id, Reserved { job: job.to_owned(), bytes, files: 0 });
        (id, bytes)
    }

    /// Makes a reservation larger; whether there is room was decided before, in the same breath.
    pub(super) fn grow_reservation(&mut self, id: ReservationId, bytes: u64, files: u64) {
        if let Some(reserved) = self.reservations.get_mut(&id) {
            reserved.bytes += bytes;
            reserved.files += files;
            self.reserved.bytes += bytes;
            self.reserved.files += files;
        }
    }

    /// Returns how many files a reservation will add.
    pub(super) fn reserved_files(&self, id: ReservationId) -> u64 {
        self.reservations.get(&id).map_or(0, |reserved| reserved.files)
    }

    /// Takes out of a reservation the file that it was made for.
    pub(super) fn shrink_reservation(&mut self, id: ReservationId, bytes: u64) {
        if let Some(reserved) = self.reservations.get_mut(&id) {
            let bytes = bytes.min(reserved.bytes);
            self.reserved.bytes -= bytes;
            self.reserved.files -= reserved.files;
            (reserved.bytes, reserved.files) = (reserved.bytes - bytes, 0);
        }
    }

    /// Ends a reservation, and counts what it leaves in its work folder.
    pub(super) fn end_reservation(&mut self, id: ReservationId, left_bytes: u64) {
        self.end(id, left_bytes, false);
    }

    /// Ends a reservation whose work folder the disk would not let go.
    pub(super) fn end_stuck(&mut self, id: ReservationId, left_bytes: u64) {
        self.end(id, left_bytes, true);
    }

    fn end(&mut self, id: ReservationId, left_bytes: u64, is_stuck: bool) {
        let Some(reserved) = self.reservations.remove(&id) else { return };
        self.reserved.bytes -= reserved.bytes;
        self.reserved.files -= reserved.files;
        if left_bytes > 0 {
            self.add_leftover(Leftover { job: reserved.job, bytes: left_bytes, is_stuck });
        }
    }

    /// Counts what lies in a work folder that nobody works in.
    pub(super) fn add_leftover(&mut self, leftover: Leftover) {
        self.leftover_bytes += leftover.bytes;
        let at = self.next_number();
        self.leftovers.insert(at, leftover);
    }

    fn take_leftover(&mut self, at: u64) -> u64 {
        let bytes = self.leftovers.remove(&at).map_or(0, |leftover| leftover.bytes);
        self.leftover_bytes -= bytes;
        bytes
    }

    /// Takes over a work folder that nobody works in; nothing where somebody does, or there is none.
    pub(super) fn claim_leftover(&mut self, job: &str) -> Option<(ReservationId, u64)> {
        let is_there = self.leftovers.values().any(|leftover| leftover.job == job);
        is_there.then(|| self.begin_reservation(job))
    }
}

#[cfg(test)]
mod tests;
