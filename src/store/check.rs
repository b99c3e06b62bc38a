//! Whether a database may be opened, and how it is: nothing here writes, and nothing found is mended.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;

use super::connection::{self, APPLICATION_ID, number, open_to_read};
use super::health::Health;
use super::layout::{BackupFile, Layout, is_there};
use super::{StoreError, migration};

/// The tables, those that others refer to first.
pub(super) const TABLES: [&str; 16] = [
    "job",
    "outbox",
    "delivery",
    "cache_identity",
    "cache_file",
    "cache_lease",
    "cache_publish",
    "cache_eviction",
    "rendition",
    "waiter",
    "legacy_row",
    "booking",
    "booking_past",
    "inbox",
    "alarm",
    "outbox_pruned",
];

/// How a database is.
#[derive(Clone, Debug)]
pub struct Report {
    /// The file.
    pub path: PathBuf,
    /// The schema of the file; lower than [`Report::latest_version`] until it is next opened for writing.
    pub schema_version: i64,
    /// The schema of this program.
    pub latest_version: i64,
    /// The size of the file.
    pub bytes: u64,
    /// The size of the log beside it.
    pub wal_bytes: u64,
    /// Rows per table.
    pub rows: Vec<(&'static str, u64)>,
    /// The backup beside it.
    pub backup: Option<BackupFile>,
}

/// How closely a database is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Every page and row, without the indexes' contents: what a start does.
    Quick,
    /// The indexes against their tables, and the references between tables.
    Full,
}

/// Looks at the database and says how it is. May run beside the process that writes.
pub fn check(database: &Path, depth: Depth) -> Result<Report, StoreError> {
    let layout = Layout::around(database)?;
    connection::check_library(rusqlite::version_number())?;
    if !is_there(layout.database()) {
        return Err(missing(&layout));
    }
    let health = Health::new(layout.clone());
    let connection = inspect(&layout, depth)?;
    let rows = count_rows(&connection).map_err(|error| health.refuse(&error))?;
    Ok(Report {
        path: layout.database().to_owned(),
        schema_version: number(&connection, "user_version").map_err(|error| health.refuse(&error))?,
        latest_version: migration::latest(),
        bytes: fs::metadata(layout.database()).map_or(0, |metadata| metadata.len()),
        wal_bytes: layout.wal_bytes(),
        rows,
        backup: BackupFile::at(&layout.backup()),
    })
}

pub(super) fn missing(layout: &Layout) -> StoreError {
    StoreError::Missing {
        path: layout.database().to_owned(),
        backup: layout.found_backup(),
        aside: layout.found_aside(),
    }
}

/// Returns a reading connection to a database that is ours, not from a later release, and whole.
pub(super) fn inspect(layout: &Layout, depth: Depth) -> Result<Connection, StoreError> {
    let damaged = |finding: String| StoreError::Damaged {
        path: layout.database().to_owned(),
        finding,
        backup: layout.found_backup(),
    };
    refuse_empty(layout)?;
    let health = Health::new(layout.clone());
    let refuse = |error| health.refuse(&error);
    let connection = open_to_read(layout.database(), CHECK_BUSY_TIME).map_err(refuse)?;
    check_origin(&connection, layout.database(), &health)?;
    let findings = findings(&connection, depth).map_err(refuse)?;
    findings.map_or(Ok(connection), |finding| Err(damaged(finding)))
}

/// Refuses a file without a byte, which SQLite takes for a new database. Ours get their name when they are finished.
pub(super) fn refuse_empty(layout: &Layout) -> Result<(), StoreError> {
    let path = layout.database();
    if fs::metadata(path).is_ok_and(|metadata| metadata.len() == 0) {
        let finding = "it is empty".to_owned();
        return Err(StoreError::Damaged { path: path.to_owned(), finding, backup: layout.found_backup() });
    }
    Ok(())
}

/// A checkpoint or another program's transaction may hold the lock that long when a check begins.
const CHECK_BUSY_TIME: Duration = Duration::from_secs(5);

/// Refuses what is not ours and what a later release wrote.
pub(super) fn check_origin(connection: &Connection, path: &Path, health: &Health) -> Result<(), StoreError> {
    let refuse = |error| health.refuse(&error);
    let application_id = number(connection, "application_id").map_err(refuse)?;
    if application_id != APPLICATION_ID {
        return Err(StoreError::Foreign { path: path.to_owned(), application_id });
    }
    let (found, known) = (number(connection, "user_version").map_err(refuse)?, migration::latest());
    if found < 1 {
        // Ours get their mark and their first schema before their name.
        let finding = format!("it says that it has schema {found}");
        return Err(StoreError::Damaged { path: path.to_owned(), finding, backup: health.layout().found_backup() });
    }
    if found > known {
        return Err(StoreError::Newer { path: path.to_owned(), found, known });
    }
    Ok(())
}

/// Returns the first thing that is wrong.
pub(super) fn findings(connection: &Connection, depth: Depth) -> rusqlite::Result<Option<String>> {
    let pragma = match depth {
        Depth::Quick => "PRAGMA quick_check(1)",
        Depth::Full => "PRAGMA integrity_check(1)",
    };
    let answer: String = connection.query_row(pragma, [], |row| row.get(0))?;
    if answer != "ok" {
        // The first line says where, the second what.
        return Ok(Some(answer.lines().map(str::trim).collect::<Vec<_>>().join(" ")));
    }
    let mut references = connection.prepare("PRAGMA foreign_key_check")?;
    if depth == Depth::Full && references.exists([])? {
        return Ok(Some("a row refers to one that is not there".to_owned()));
    }
    Ok(None)
}

fn count_rows(connection: &Connection) -> rusqlite::Result<Vec<(&'static str, u64)>> {
    let mut counts = Vec::new();
    for table in TABLES {
        if connection.table_exists(None, table)? {
            let count: i64 =
                connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))?;
            counts.push((table, count.unsigned_abs()));
        }
    }
    Ok(counts)
}
