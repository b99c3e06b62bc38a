//! What the node must not forget: one SQLite file, one thread that writes it, a few connections that read it.
//!
//! Here alone is SQL. Others hand in closures that get a [`Transaction`] or a [`Reading`] with a function for each
//! thing that can be asked or changed, and learn the outcome only when it is on the disk. What is to become of a job or
//! of a booking is decided elsewhere; the time is always passed in.
//!
//! ```text
//! write(closure) ─▶ queue ─▶ writer thread: BEGIN IMMEDIATE · every waiting closure · COMMIT (one fsync) ─▶ each caller
//! read(closure)  ─▶ one of a few reading connections, beside all of that
//! keeper thread  ─▶ a checkpoint when it is quiet, a proven backup every hour
//! ```
//!
//! Invariants: what a caller was told is on the disk (`writer`); a file that is damaged, foreign or newer is refused
//! and never changed (`check`); after the disk failed once, everything is refused (`health`); one process at a time
//! writes (`lock`).

mod backup;
mod booking;
mod booking_state;
mod cache;
mod check;
mod connection;
mod error;
mod health;
mod inbox;
mod job;
mod keeper;
mod layout;
mod legacy;
mod legacy_row;
mod lock;
mod migration;
mod outbox;
mod quiet;
mod read_only;
mod reader;
mod rendition;
mod salvage;
#[cfg(test)]
mod tests;
mod transaction;
mod wal;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;

pub use backup::{Restored, backup, restore};
pub use booking::{
    BookedFile, BookingChange, BookingFilter, BookingRow, BookingRows, BookingState, Bookings, NewBooking,
};
pub use cache::{
    CacheIdentity, CacheRows, CacheTables, EvictionRow, FileContent, FileName, FileRow, FileSource, LeaseRow,
    NewFile, PublishRow,
};
pub use check::{Depth, Report, check};
pub use error::StoreError;
pub use inbox::{AlarmRow, Alarms, Inbox, InboxRow, InboxRows};
pub use job::{
    ATTEMPTS_MAX, Claim, Claimant, Inserted, Job, JobFailure, JobFilter, JobId, JobKind, JobRows, JobState, Jobs,
    NewJob, RECOVERIES_MAX, Step,
};
pub use layout::{BackupFile, FILE_NAME};
pub use legacy::{OldDatabase, OldDatabaseError, OldRow, OldTable, Shape, back_up_old_database, read_old_database};
pub use legacy_row::{LegacyRow, LegacyRowRows, LegacyRows};
pub use lock::refuse_if_in_use;
pub use outbox::{Due, Event, NewEvent, Outbox, OutboxRows, Pruned, Undelivered};
pub use read_only::ReadOnly;
pub use rendition::{Rendition, RenditionRows, RenditionState, Renditions, Waiter, WaiterRows, Waiters};
pub use salvage::{Rebuilt, SavedTable, rebuild};
pub use transaction::{Reading, Transaction};
pub use wal::WalFigures;
pub use writer::Pending;

use crate::atomic_file;
use connection::{APPLICATION_ID, open_to_write, use_wal};
use health::Health;
use keeper::Keeper;
use layout::{Layout, create_private, file_error, is_there, remove_draft};
use lock::Lock;
use reader::Readers;
use wal::Log;
use writer::Writer;

/// How a store works; the default is what the node uses.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long a statement waits for another program's lock.
    pub busy_time: Duration,
    /// How many times that is waited for before a transaction is refused.
    pub busy_tries: u32,
    /// Connections that read.
    pub readers: usize,
    /// How often a backup is made; never where there is none.
    pub backup_every: Option<Duration>,
    /// How often the log is moved into the database while nobody writes.
    pub checkpoint_every: Duration,
    /// Frames (pages of 4 KiB) in the log that are moved although somebody writes.
    pub checkpoint_frames: u64,
    /// Bytes of log from which on it is warned of.
    pub wal_warn_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            busy_time: Duration::from_secs(5),
            // 15 s in all: an operator's transaction by hand lasts that long, an outage much longer.
            busy_tries: 3,
            // More than cores, as some will be waiting for the disk.
            readers: 4,
            backup_every: Some(Duration::from_secs(3600)),
            checkpoint_every: Duration::from_secs(10),
            // 4 MiB, SQLite's own default: seldom enough to cost little, often enough to keep the log in memory.
            checkpoint_frames: 1000,
            wal_warn_bytes: 64 << 20,
        }
    }
}

/// An open database. Dropping it waits for what was asked for, then closes.
///
/// The order of the fields is the order of closing: the writer's connection last of the connections, since that moves
/// the log into the database, and the lock after everything.
#[derive(Debug)]
pub struct Store {
    _keeper: Keeper,
    readers: Readers,
    writer: Writer,
    health: Arc<Health>,
    log: Arc<Log>,
    _lock: Lock,
}

impl Store {
    /// Opens the database at `path`, or makes it where there has been none; its folder must be there.
    ///
    /// Refuses what is damaged, foreign, newer or in use, each with its own code, and changes nothing then.
    pub fn open(path: &Path, options: &Options) -> Result<Self, StoreError> {
        connection::check_library(rusqlite::version_number())?;
        let layout = Layout::around(path)?;
        let lock = Lock::take(&layout)?;
        if is_there(layout.database()) {
            finish_rollback(&layout)?;
            drop(check::inspect(&layout, Depth::Quick)?);
        } else {
            make(&layout)?;
        }
        let health = Arc::new(Health::new(layout.clone()));
        let connection = open_writing(&layout, options).map_err(|error| health.refuse(&error))?;
        // The log has its name from now on, and SQLite would not tell if that did not reach the disk.
        atomic_file::sync_folder(layout.database()).map_err(file_error(layout.database()))?;
        let log = Arc::new(Log::new(&health, options));
        let readers = Readers::open(&health, options)?;
        let writer = Writer::start(connection, Arc::clone(&health), Arc::clone(&log), options.clone())?;
        let keeper = Keeper::start(layout, options, writer.checkpoint())?;
        Ok(Self { _keeper: keeper, readers, writer, health, log, _lock: lock })
    }

    /// Carries `work` out in a transaction and waits until that is on the disk; an error of `work` undoes all it did.
    ///
    /// Not for async code (see [`Store::submit`]), and not for use inside of another transaction's work, which it
    /// would wait for.
    pub fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, E> + Send + 'static,
    {
        self.health.check()?;
        self.writer.send(work)?.wait()
    }

    /// As [`Store::write`], without waiting: what is returned can be awaited. Refused as busy where more is waiting
    /// than will be done soon. The work is done also when nobody awaits it.
    pub fn submit<T, E, F>(&self, work: F) -> Result<Pending<T, E>, StoreError>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, E> + Send + 'static,
    {
        self.health.check()?;
        self.writer.try_send(work)
    }

    /// Lets `work` look at one state of the database. Blocks while it runs, and until a connection is free.
    pub fn read<T, E, F>(&self, work: F) -> Result<T, E>
    where
        E: From<StoreError>,
        F: FnOnce(&Reading<'_>) -> Result<T, E>,
    {
        self.readers.read(&self.health, work)
    }

    /// Returns the error with which everything is refused, once the disk has failed: the process is to end then.
    pub fn failure(&self) -> Option<StoreError> {
        self.health.check().err()
    }

    /// Returns how the log is.
    pub fn wal(&self) -> WalFigures {
        self.log.figures()
    }
}

/// Lets SQLite undo what a process had begun in the older way, with a journal beside the database. Ours never do, but a
/// copy that somebody put in place by hand begins so, and a reading connection could not undo it.
fn finish_rollback(layout: &Layout) -> Result<(), StoreError> {
    if !is_there(&layout.journal()) {
        return Ok(());
    }
    let undo =
        || open_to_write(layout.database(), Duration::ZERO)?.query_row("PRAGMA schema_version", [], |_| Ok(()));
    undo().map_err(|error| Health::new(layout.clone()).refuse(&error))
}

/// Makes a new database under another name, and gives it its own when it is finished.
fn make(layout: &Layout) -> Result<(), StoreError> {
    let leavings = [layout.backup(), layout.wal(), layout.journal()];
    if layout.found_aside().is_some() || leavings.iter().any(|path| is_there(path)) {
        // There has been a database. To begin with nothing now would be to forget it in silence.
        return Err(check::missing(layout));
    }
    let draft = layout.draft();
    let health = Health::new(layout.clone());
    let connection = begin(&draft, migration::latest(), &health)?;
    connection::close_whole(connection).map_err(|error| health.refuse(&error))?;
    atomic_file::publish_new(&draft, layout.database()).map_err(file_error(&draft))
}

/// Makes an empty database of that schema under the name of a draft; `health` puts its errors into words.
fn begin(draft: &Path, schema: i64, health: &Health) -> Result<Connection, StoreError> {
    remove_draft(draft)?;
    create_private(draft)?;
    let fill = || {
        let mut connection = open_to_write(draft, Duration::ZERO)?;
        connection.pragma_update(None, "application_id", APPLICATION_ID)?;
        migration::to(&mut connection, schema)?;
        use_wal(&connection)?;
        Ok(connection)
    };
    fill().map_err(|error| health.refuse(&error))
}

fn open_writing(layout: &Layout, options: &Options) -> rusqlite::Result<Connection> {
    let mut connection = open_to_write(layout.database(), options.busy_time)?;
    use_wal(&connection)?;
    migration::run(&mut connection)?;
    Ok(connection)
}
