//! Room for a file that is coming: taken before its first byte, larger when it must be, given back when it is dropped.
//!
//! A reservation hands out the work folder, the only place where stages write. Dropped without a commit it leaves there
//! what a later try can go on from; that counts, and goes when room is needed.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::admission::Need;
use super::evict::length_of;
use super::ledger::{Entry, ReservationId};
use super::{Cache, CacheError, EntryState, Flight, Inner, Key, Lease, NewLease, Provenance};
use crate::proof::VerifiedFile;
use crate::room::{NoRoom, Room, RoomSource};

/// Reservations of an unknown or wrong size grow by this, so that the count is not asked for every piece.
const STEP_BYTES: u64 = 64 << 20;
/// What a job notes beside its files: of every file one byte in so many …
const NOTES_SHARE: u64 = 4096;
/// … and so much in all: addresses, and the first lines of journals.
const NOTES_BYTES: u64 = 32 << 10;

/// A file that somebody wants.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// Which.
    pub key: &'a Key,
    /// The name of the work: the folder under `.work`; the same again goes on from what is there.
    pub job: &'a str,
    /// How long it will be, as far as anybody knows.
    pub bytes: Option<u64>,
    /// Who holds it then.
    pub lease: Option<NewLease>,
}

/// What is to be done to have a file.
#[derive(Debug)]
pub enum Acquired {
    /// It is here.
    Hit(Lease),
    /// It is to be fetched, into this room.
    Lead(Reservation),
    /// Somebody is fetching it.
    Follow(Flight),
}

/// Room for one file, and the folder to make it in.
#[derive(Debug)]
pub struct Reservation {
    inner: Arc<Inner>,
    key: Key,
    job: String,
    folder: PathBuf,
    lease: Option<NewLease>,
    /// Of this way to the file.
    number: u64,
    rooms: Arc<Rooms>,
}

impl Cache {
    /// Returns the file if it is here, else room to fetch it, else somebody to wait for.
    ///
    /// # Errors
    /// There is no room ([`CacheError::Full`]), and nothing was fetched or evicted; something else has the file's name;
    /// the disk or the database refuses.
    pub fn acquire(&self, wanted: &Wanted<'_>) -> Result<Acquired, CacheError> {
        loop {
            match self.hold(wanted.key, wanted.lease.as_ref()) {
                Ok(lease) => return Ok(Acquired::Hit(lease)),
                // What was damaged has gone, and is to be fetched like what was never here.
                Err(CacheError::Missing(_) | CacheError::Damaged { .. }) => {}
                Err(error) => return Err(error),
            }
            // Nothing where somebody has brought it in since we looked.
            if let Some(acquired) = self.lead(wanted, true)? {
                return Ok(acquired);
            }
        }
    }

    /// Returns room to fetch a file anew, whether or not one is here; that one stays until the commit.
    ///
    /// # Errors
    /// As [`Cache::acquire`].
    pub fn replace(&self, wanted: &Wanted<'_>) -> Result<Acquired, CacheError> {
        let acquired = self.lead(wanted, false)?;
        Ok(acquired.expect("only a caller who wants no new version is told that there is one"))
    }

    fn lead(&self, wanted: &Wanted<'_>, is_new: bool) -> Result<Option<Acquired>, CacheError> {
        check_job(wanted.job)?;
        let inner = &self.inner;
        if inner.state().ledger.is_at_work(wanted.job) {
            // What it had left may be going just now, for somebody else's room.
            drop(inner.turn.lock().unwrap_or_else(PoisonError::into_inner));
        }
        let way = {
            let mut state = inner.state();
            if let Some(flight) = state.flights.of(wanted.key) {
                return Ok(Some(Acquired::Follow(flight)));
            }
            let is_ready = |entry: &Entry| entry.state == EntryState::Ready;
            if is_new && state.ledger.named(wanted.key).is_some_and(is_ready) {
                return Ok(None);
            }
            if state.ledger.is_at_work(wanted.job) {
                return Err(CacheError::JobTaken(wanted.job.to_owned()));
            }
            let number = state.flights.begin(wanted.key);
            let (id, there) = state.ledger.begin_reservation(wanted.job);
            drop(state);
            let count = Mutex::new(Count { granted: there, ..Count::default() });
            let rooms = Arc::new(Rooms { inner: Arc::clone(inner), key: wanted.key.clone(), id, count });
            // From here on dropping it gives back what it has, and wakes those who wait.
            Reservation {
                inner: Arc::clone(inner),
                key: wanted.key.clone(),
                job: wanted.job.to_owned(),
                folder: inner.root.work_folder(wanted.job),
                lease: wanted.lease.clone(),
                number,
                rooms,
            }
        };
        way.take_room(wanted.bytes)?;
        Ok(Some(Acquired::Lead(way)))
    }
}

/// Checks the name of a job, which becomes a folder.
fn check_job(job: &str) -> Result<(), CacheError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte) || byte >= 0x80;
    if !job.is_empty() && job.len() <= 240 && !job.starts_with('.') && job.bytes().all(is_plain) {
        return Ok(());
    }
    Err(CacheError::Key { text: job.to_owned(), why: "it is no name for a job's folder".to_owned() })
}

/// Returns the bytes of a file and of what is noted about it.
fn with_notes(bytes: u64) -> u64 {
    bytes.saturating_add(bytes / NOTES_SHARE).saturating_add(NOTES_BYTES)
}

impl Reservation {
    /// Takes what is known to be needed, and makes the folder.
    fn take_room(&self, bytes: Option<u64>) -> Result<(), CacheError> {
        let replaces = {
            let _turn = self.inner.turn.lock().unwrap_or_else(PoisonError::into_inner);
            self.inner.settle_if_due()?;
            self.inner.replaces(&self.key)?
        };
        let there = self.rooms.count().granted;
        let total = bytes.map_or(there, with_notes);
        self.rooms.grow(total.saturating_sub(there), u64::from(!replaces))?;
        self.inner.root.make_work_folder(&self.job).map(drop)
    }

    /// Returns the folder to work in, and nowhere else.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns which file it is for.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// Returns who is asked for room for each file in the folder.
    pub fn rooms(&self) -> Arc<dyn RoomSource> {
        Arc::clone(&self.rooms) as Arc<dyn RoomSource>
    }

    /// Makes room again on a disk that others have filled: what nobody holds goes until the rest of the reservation fits. For
    /// when work is begun again: nothing may be writing, and every file asks for its room anew.
    ///
    /// # Errors
    /// Nothing more may go, or the disk refuses.
    pub fn relieve(&self) -> Result<(), CacheError> {
        let mut count = self.rooms.count();
        count.taken = 0;
        self.rooms.extend(&mut count, 0, 0)
    }

    /// Gives the proven file its name in the cache, held as was wanted.
    ///
    /// # Errors
    /// The file is not the one that was proven; something else has its name; the disk or the database refuses. The name
    /// then stands for what it stood for before, or for nothing.
    pub fn commit(self, file: &VerifiedFile, provenance: Provenance) -> Result<Lease, CacheError> {
        // Whoever wrote it should have asked; asking now at least keeps the count true.
        let length = file.bytes();
        self.rooms.cover(length)?;
        let lease = self.inner.publish(file, &self.key, provenance, self.lease.as_ref(), self.rooms.id)?;
        // What is left there is of no use to anybody; where it cannot be removed it counts as a leftover.
        if let Err(error) = self.inner.root.remove_work_folder(&self.job) {
            tracing::warn!(job = self.job, %error, "a work folder stays");
        }
        Ok(lease)
    }

    /// Throws away what was made, also what could be gone on from.
    ///
    /// # Errors
    /// The disk refuses; what it kept goes on counting.
    pub fn discard(self) -> Result<(), CacheError> {
        self.inner.root.remove_work_folder(&self.job)
    }
}

impl Drop for Reservation {
    /// Gives back what was reserved and not used. What lies in the folder counts on; an empty folder goes.
    fn drop(&mut self) {
        // Whoever still writes is told at its next step.
        self.rooms.count().is_over = true;
        let left = length_of(&self.folder);
        if left == 0
            && let Err(error) = self.inner.root.remove_work_folder(&self.job)
        {
            tracing::debug!(job = self.job, %error, "a work folder stays");
        }
        let mut state = self.inner.state();
        state.ledger.end_reservation(self.rooms.id, left);
        state.flights.end(&self.key, self.number);
    }
}

/// What a reservation has, and what its files take of it.
#[derive(Debug)]
struct Rooms {
    inner: Arc<Inner>,
    key: Key,
    id: ReservationId,
    count: Mutex<Count>,
}

#[derive(Debug, Default)]
struct Count {
    granted: u64,
    /// What all files together may be long.
    taken: u64,
    /// The reservation is gone, and with it all room.
    is_over: bool,
}

impl Rooms {
    fn count(&self) -> MutexGuard<'_, Count> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for so many bytes and files more.
    fn grow(&self, bytes: u64, files: u64) -> Result<(), CacheError> {
        self.extend(&mut self.count(), bytes, files)
    }

    fn extend(&self, count: &mut Count, bytes: u64, files: u64) -> Result<(), CacheError> {
        let need = Need { bytes, files };
        self.inner.admit(need, &self.key, |state| state.ledger.grow_reservation(self.id, bytes, files))?;
        count.granted += bytes;
        Ok(())
    }

    /// Lets one file be `bytes` long that was `before`.
    fn reach(&self, before: u64, bytes: u64) -> Result<(), CacheError> {
        let mut count = self.count();
        if count.is_over {
            return Err(NoRoom("the work that wanted it has ended".to_owned()).into());
        }
        let taken = count.taken.saturating_sub(before).saturating_add(bytes);
        let missing = with_notes(taken).saturating_sub(count.granted);
        if missing > 0 {
            // A length near the end of all numbers is refused like any other that is too much.
            let step = missing.checked_next_multiple_of(STEP_BYTES).unwrap_or(missing);
            match self.extend(&mut count, step, 0) {
                // Near the limit a whole step may be too much, and what is needed not.
                Err(CacheError::Full(_)) => self.extend(&mut count, missing, 0)?,
                result => result?,
            }
        }
        count.taken = taken;
        Ok(())
    }

    /// Makes the reservation at least as large as a file that is to be committed.
    fn cover(&self, bytes: u64) -> Result<(), CacheError> {
        let mut count = self.count();
        let missing = with_notes(bytes).saturating_sub(count.granted);
        if missing > 0 { self.extend(&mut count, missing, 0) } else { Ok(()) }
    }
}

impl RoomSource for Rooms {
    fn file(self: Arc<Self>) -> Arc<dyn Room> {
        Arc::new(FileRoom { rooms: self, bytes: Mutex::default() })
    }
}

/// One file's part of a reservation.
#[derive(Debug)]
struct FileRoom {
    rooms: Arc<Rooms>,
    bytes: Mutex<u64>,
}

impl Room for FileRoom {
    fn reach(&self, bytes: u64) -> Result<(), NoRoom> {
        let mut before = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        if bytes != *before {
            self.rooms.reach(*before, bytes).map_err(|error| match error {
                CacheError::Full(full) => full,
                other => NoRoom(other.to_string()),
            })?;
            *before = bytes;
        }
        Ok(())
    }
}
