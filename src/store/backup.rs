//! Copies of the database: made while it is in use, proven, and put in its place when it is lost.
//!
//! A copy is one file without a log, and takes the last one's name only when it has been found whole: a damaged database
//! never replaces its own good backup.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use super::check::{Depth, TABLES, check_origin, findings, missing};
use super::connection::{close_whole, open_to_read, open_to_write, use_wal};
use super::health::Health;
use super::layout::{BackupFile, Layout, create_private, file_error, is_there, remove_draft, sync_draft};
use super::lock::Lock;
use super::salvage::{UNKNOWN_HIGHEST, highest, keep_numbers, note_lost_events};
use super::{Report, StoreError, check};
use crate::atomic_file;

/// Another program's transaction may stand in the way that long.
const BUSY_TIME: Duration = Duration::from_secs(5);

/// Copies the database beside itself, in place of the last backup, or to `target`, where no file may be.
///
/// Only reads the database, so it may run beside the process that writes.
pub fn backup(database: &Path, target: Option<&Path>) -> Result<BackupFile, StoreError> {
    let layout = Layout::around(database)?;
    if !is_there(layout.database()) {
        return Err(missing(&layout));
    }
    // A running node may be making its own at this moment.
    let suffix = format!(".part-{}", std::process::id());
    let Some(target) = target else { return to_usual_place(&layout, &suffix) };
    if is_there(target) {
        return Err(StoreError::BackupExists(target.to_owned()));
    }
    let part = Layout::around(target)?.beside(&suffix);
    copy_whole(&layout, &part, Depth::Quick, |part| {
        atomic_file::publish_new(part, target).map_err(file_error(target))
    })?;
    found(target)
}

/// What stands behind the name of a backup that the node itself is making: always the same, so that one which was
/// broken off is overwritten by the next.
pub(super) const NODE_SUFFIX: &str = ".part";

/// Makes the backup that a restore takes when it is not told of another.
pub(super) fn to_usual_place(layout: &Layout, suffix: &str) -> Result<BackupFile, StoreError> {
    let (target, part) = (layout.backup(), layout.beside(&format!(".backup{suffix}")));
    copy_whole(layout, &part, Depth::Quick, |part| {
        atomic_file::publish(part, &target).map_err(file_error(&target))
    })?;
    found(&target)
}

fn found(target: &Path) -> Result<BackupFile, StoreError> {
    let gone = || file_error(target)(std::io::ErrorKind::NotFound.into());
    BackupFile::at(target).ok_or_else(gone)
}

/// What became of a restore.
#[derive(Clone, Debug)]
pub struct Restored {
    /// The backup that is now the database; it stays where it is too.
    pub from: BackupFile,
    /// What was in its place.
    pub aside: Option<PathBuf>,
    /// The database now.
    pub report: Report,
}

/// Puts a backup in the database's place and keeps what was there under another name.
pub fn restore(database: &Path, from: Option<&Path>) -> Result<Restored, StoreError> {
    let layout = Layout::around(database)?;
    let source = Layout::around(from.unwrap_or(&layout.backup()))?;
    let Some(from) = BackupFile::at(source.database()) else {
        return Err(StoreError::Missing { path: source.database().to_owned(), backup: None, aside: None });
    };
    let _lock = Lock::take(&layout)?;
    let mut aside = None;
    // Looked at closely now: nobody will while a node runs on it.
    copy_whole(&source, &layout.draft(), Depth::Full, |draft| {
        keep_log(draft, &layout)?;
        sync_draft(draft)?;
        aside = layout.set_aside()?;
        atomic_file::publish_new(draft, layout.database()).map_err(file_error(draft))
    })?;
    Ok(Restored { from, aside, report: check::check(layout.database(), Depth::Quick)? })
}

/// Turns a copy into a database like any that we make: one with a log from its first moment under its name. Numbers that the
/// database in whose place it comes has given are not given again: others may still know them.
fn keep_log(draft: &Path, layout: &Layout) -> Result<(), StoreError> {
    let keep = || {
        let connection = open_to_write(draft, BUSY_TIME)?;
        use_wal(&connection)?;
        // It may be gone, or too damaged to say.
        if let Ok(lost) = open_to_read(layout.database(), BUSY_TIME) {
            go_on_from(&connection, &lost)?;
        }
        close_whole(connection)
    };
    keep().map_err(|error| Health::new(layout.clone()).refuse(&error))
}

fn go_on_from(copy: &Connection, lost: &Connection) -> rusqlite::Result<()> {
    for table in TABLES {
        if !copy.table_exists(None, table)? {
            continue;
        }
        let (before, here) = (highest(lost, table), highest(copy, table));
        if before > here && before != UNKNOWN_HIGHEST {
            keep_numbers(copy, table, before)?;
            if table == "outbox" {
                note_lost_events(copy)?;
            }
        }
    }
    keep_class_numbers(copy, lost)
}

/// Keeps the numbers of the classes' bookings, which are in the names of events and of holders, from being given once more. What
/// the lost database does not tell any more is not known.
fn keep_class_numbers(copy: &Connection, lost: &Connection) -> rusqlite::Result<()> {
    if !(copy.table_exists(None, "booking_past")? && lost.table_exists(None, "booking").unwrap_or(false)) {
        return Ok(());
    }
    let sql = "SELECT institution, class_id, max(sequence), max(updated_milliseconds) FROM booking \
               GROUP BY institution, class_id";
    let Ok(mut told) = lost.prepare(sql) else { return Ok(()) };
    let Ok(mut rows) = told.query([]) else { return Ok(()) };
    let sql = "INSERT INTO booking_past (institution, class_id, sequence, time_milliseconds) VALUES (?1, ?2, ?3, ?4) \
               ON CONFLICT (institution, class_id) DO UPDATE SET sequence = max(sequence, excluded.sequence)";
    let mut keep = copy.prepare(sql)?;
    // A damaged page ends what is told, and a damaged row tells nothing.
    while let Ok(Some(row)) = rows.next() {
        let number = || {
            Ok::<(String, String, i64, i64), rusqlite::Error>((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        };
        if let Ok(number) = number()
            && number.2 > 0
        {
            keep.execute(number)?;
        }
    }
    Ok(())
}

/// Copies a database to `draft`, proves the copy and has it published; a copy that fails is removed.
fn copy_whole(
    source: &Layout,
    draft: &Path,
    depth: Depth,
    publish: impl FnOnce(&Path) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    remove_draft(draft)?;
    let result = copy(source, draft, depth).and_then(|()| publish(draft));
    if result.is_err() {
        // It would be removed by the next copy anyway.
        let _ = remove_draft(draft);
    }
    result
}

fn copy(source: &Layout, draft: &Path, depth: Depth) -> Result<(), StoreError> {
    let health = Health::new(source.clone());
    let refuse = |error: rusqlite::Error| health.refuse(&error);
    let from = open_to_read(source.database(), BUSY_TIME).map_err(refuse)?;
    check_origin(&from, source.database(), &health)?;
    create_private(draft)?;
    let mut to = open_to_write(draft, BUSY_TIME).map_err(refuse)?;
    let finding = copy_pages(&from, &mut to).and_then(|()| findings(&to, depth)).map_err(refuse)?;
    let Some(finding) = finding else { return Ok(()) };
    // The copy is the original's twin, so this is the original's damage.
    let (path, backup) = (source.database().to_owned(), source.found_backup());
    Err(StoreError::Damaged { path, finding, backup })
}

/// Copies all pages in one step: one state of the database, however much is written meanwhile.
pub(super) fn copy_pages(from: &Connection, to: &mut Connection) -> rusqlite::Result<()> {
    // The draft is worth nothing until it is published, which syncs it: no journal and no syncs of its own.
    to.pragma_update(None, "synchronous", "OFF")?;
    to.pragma_update_and_check(None, "journal_mode", "OFF", |_| Ok(()))?;
    let step = Backup::new(from, to)?.step(-1)?;
    if step != StepResult::Done {
        return Err(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY), None));
    }
    // The copied header says that there is a log. A backup is one file.
    to.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))
}

/// Returns how long to wait for the next backup, given the last one's age; none, or one from the future after the
/// clock was set back, is not waited for.
pub(super) fn wait_for_next(age: Option<Duration>, every: Duration) -> Duration {
    age.map_or(Duration::ZERO, |age| every.saturating_sub(age))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_backup_is_due_when_the_last_one_is_old_enough() {
        let hour = Duration::from_secs(3600);
        for (age, wait) in [(None, 0), (Some(0), 3600), (Some(3599), 1), (Some(3600), 0), (Some(90_000), 0)] {
            let wait = Duration::from_secs(wait);
            assert_eq!(wait_for_next(age.map(Duration::from_secs), hour), wait, "{age:?}");
        }
    }
}
