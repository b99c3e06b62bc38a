//! Reading a database beside the node that writes it, or where none runs: no lock is taken and nothing is changed.
//!
//! Where nobody has it open, SQLite would put an empty log and its index beside it, perhaps as another user than the
//! node's. Such a database is read as a file that does not change, and read again the usual way if it did.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;

use super::connection::{self, number, open_to_read, open_unchanging};
use super::health::Health;
use super::layout::{Layout, is_there};
use super::transaction::Reading;
use super::{StoreError, check, migration};

/// A checkpoint holds the lock for less; people wait for the answer.
const BUSY_TIME: Duration = Duration::from_secs(5);

/// A database to be read only.
#[derive(Debug)]
pub struct ReadOnly {
    layout: Layout,
}

impl ReadOnly {
    /// Looks for the database at `path` and checks that this program can read it.
    ///
    /// # Errors
    /// It is not there, damaged, foreign, or of another release's schema.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        connection::check_library(rusqlite::version_number())?;
        let database = Self { layout: Layout::around(path)? };
        database.read(|_| Ok(()))?;
        Ok(database)
    }

    /// Lets `work` look at one state of the database; it may have to look twice.
    pub fn read<T, E, F>(&self, work: F) -> Result<T, E>
    where
        E: From<StoreError>,
        F: Fn(&Reading<'_>) -> Result<T, E>,
    {
        let before = Resting::of(&self.layout);
        if before.is_some() {
            let result = self.read_by(open_unchanging, &work);
            if Resting::of(&self.layout) == before {
                return result;
            }
        }
        self.read_by(|path| open_to_read(path, BUSY_TIME), &work)
    }

    fn read_by<T, E: From<StoreError>>(
        &self,
        open: impl Fn(&Path) -> rusqlite::Result<Connection>,
        work: &impl Fn(&Reading<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let health = Health::new(self.layout.clone());
        let connection = self.opened(&health, open)?;
        work(&Reading::new(&connection, &health))
    }

    /// Opens it and begins to look at one state of it.
    fn opened(
        &self,
        health: &Health,
        open: impl Fn(&Path) -> rusqlite::Result<Connection>,
    ) -> Result<Connection, StoreError> {
        let path = self.layout.database();
        if !is_there(path) {
            return Err(check::missing(&self.layout));
        }
        check::refuse_empty(&self.layout)?;
        let refuse = |error: rusqlite::Error| health.refuse(&error);
        let connection = open(path).map_err(refuse)?;
        connection.execute_batch("BEGIN").map_err(refuse)?;
        check::check_origin(&connection, path, health)?;
        let (found, known) = (number(&connection, "user_version").map_err(refuse)?, migration::latest());
        if found < known {
            return Err(StoreError::Older { path: path.to_owned(), found, known });
        }
        Ok(connection)
    }
}

/// A database that nobody has open: there is no log of what is not in the file yet. While it stays the same, so does
/// what is in it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Resting {
    file: (u64, u64, u64),
    changed: (i64, i64),
}

impl Resting {
    pub(super) fn of(layout: &Layout) -> Option<Self> {
        let is_empty = |path: PathBuf| fs::metadata(path).map_or_else(|_| true, |metadata| metadata.len() == 0);
        // Whoever writes begins with the log; whoever reads beside a log begins with its index.
        if !is_empty(layout.wal()) || is_there(&layout.beside("-shm")) || is_there(&layout.journal()) {
            return None;
        }
        let metadata = fs::metadata(layout.database()).ok()?;
        Some(Self {
            file: (metadata.dev(), metadata.ino(), metadata.len()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }
}
