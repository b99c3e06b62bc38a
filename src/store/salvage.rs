//! What can still be read of a damaged database, in a new one.
//!
//! Rows are read by their number, so a page that cannot be read costs the rows in it and no others: a range that breaks
//! off is halved until what is left of it is a single number. Indexes are made anew, which mends one that is damaged
//! at no loss. The damaged file is kept.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::types::Value;
use rusqlite::{Connection, Statement, params_from_iter};

use super::check::{Depth, TABLES, check_origin, findings, missing};
use super::connection::{close_whole, number, open_to_read};
use super::health::Health;
use super::layout::{Layout, file_error, is_there, remove_draft, sync_draft};
use super::lock::Lock;
use super::{StoreError, begin, migration};
use crate::atomic_file;

/// The highest number that is looked for where the database cannot say how many there have been.
pub(super) const UNKNOWN_HIGHEST: i64 = 1 << 32;
/// Ranges that may break off before the rest of a table is given up: some seconds of work.
const BROKEN_MAX: u32 = 1_000_000;
/// Another program's transaction may stand in the way that long.
const BUSY_TIME: Duration = Duration::from_secs(5);

/// What became of a rebuild.
#[derive(Clone, Debug)]
pub struct Rebuilt {
    /// The database now.
    pub path: PathBuf,
    /// The damaged file.
    pub aside: Option<PathBuf>,
    /// What was saved of each table.
    pub tables: Vec<SavedTable>,
}

/// What was saved of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavedTable {
    /// Its name.
    pub name: &'static str,
    /// Rows in the new database.
    pub saved: u64,
    /// Rows that are lost, at most: numbers in places that cannot be read, whether or not there was a row.
    pub lost: u64,
}

/// Makes a new database of every row that can still be read, and puts it in the damaged one's place.
///
/// A database of which nothing at all can be read is refused as damaged and stays where it is.
pub fn rebuild(database: &Path) -> Result<Rebuilt, StoreError> {
    let layout = Layout::around(database)?;
    if !is_there(layout.database()) {
        return Err(missing(&layout));
    }
    let _lock = Lock::take(&layout)?;
    let draft = layout.draft();
    let tables = fill(&layout, &draft).inspect_err(|_| {
        // It would be removed by the next one anyway.
        let _ = remove_draft(&draft);
    })?;
    sync_draft(&draft)?;
    let aside = layout.set_aside()?;
    atomic_file::publish_new(&draft, layout.database()).map_err(file_error(&draft))?;
    Ok(Rebuilt { path: layout.database().to_owned(), aside, tables })
}

fn fill(layout: &Layout, draft: &Path) -> Result<Vec<SavedTable>, StoreError> {
    let health = Health::new(layout.clone());
    let refuse = |error: rusqlite::Error| health.refuse(&error);
    let old = open_to_read(layout.database(), BUSY_TIME).map_err(refuse)?;
    check_origin(&old, layout.database(), &health)?;
    let schema = number(&old, "user_version").map_err(refuse)?;
    let mut new = begin(draft, schema, &health)?;
    let tables = copy(&old, &mut new).map_err(refuse)?;
    let damaged = |finding: &str| StoreError::Damaged {
        path: layout.database().to_owned(),
        finding: finding.to_owned(),
        backup: layout.found_backup(),
    };
    if tables.iter().all(|table| table.saved == 0) && tables.iter().any(|table| table.lost > 0) {
        return Err(damaged("and nothing in it can be read"));
    }
    migration::run(&mut new).map_err(refuse)?;
    let finding = findings(&new, Depth::Full).map_err(refuse)?;
    finding.map_or(Ok(()), |finding| Err(damaged(&finding)))?;
    close_whole(new).map_err(refuse)?;
    Ok(tables)
}

/// Copies all tables in one transaction, and takes out what refers to lost rows.
fn copy(old: &Connection, new: &mut Connection) -> rusqlite::Result<Vec<SavedTable>> {
    new.pragma_update(None, "foreign_keys", false)?;
    let transaction = new.transaction()?;
    let mut tables = Vec::new();
    for name in TABLES {
        if transaction.table_exists(None, name)? {
            tables.push(copy_table(old, &transaction, name)?);
        }
    }
    transaction.execute("UPDATE job SET parent = NULL WHERE parent NOT IN (SELECT id FROM job)", [])?;
    for (name, orphans) in ORPHANS {
        if let Some(table) = tables.iter_mut().find(|table| table.name == name) {
            let count = u64::try_from(transaction.execute(orphans, [])?).unwrap_or(u64::MAX);
            table.saved -= count;
            table.lost += count;
        }
    }
    if tables.iter().any(|table| table.name == "outbox" && table.lost > 0) {
        note_lost_events(&transaction)?;
    }
    transaction.commit()?;
    Ok(tables)
}

/// Notes that of the events that were recorded some may be gone, so that replays are told.
pub(super) fn note_lost_events(new: &Connection) -> rusqlite::Result<()> {
    // An older schema has no place for that.
    if !new.table_exists(None, "outbox_pruned")? {
        return Ok(());
    }
    let sql = "INSERT OR REPLACE INTO outbox_pruned (id, sequence) \
               SELECT 1, coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'outbox'";
    new.execute(sql, []).map(drop)
}

/// Rows that say nothing without one of another table, by their table.
const ORPHANS: [(&str, &str); 2] = [
    ("delivery", "DELETE FROM delivery WHERE sequence NOT IN (SELECT sequence FROM outbox)"),
    ("cache_lease", "DELETE FROM cache_lease WHERE file NOT IN (SELECT id FROM cache_file)"),
];

/// One table on its way from the old database to the new one.
struct Crossing<'a> {
    read: Statement<'a>,
    write: Statement<'a>,
    columns: usize,
    table: SavedTable,
}

/// A range that broke off: how far it could be read.
struct Broken {
    last: Option<i64>,
}

fn copy_table(old: &Connection, new: &Connection, name: &'static str) -> rusqlite::Result<SavedTable> {
    let table = SavedTable { name, saved: 0, lost: 0 };
    let columns = columns(new, name)?;
    let list = columns.join(", ");
    let marks = vec!["?"; columns.len()].join(", ");
    let write = new.prepare(&format!("INSERT OR IGNORE INTO {name} ({list}) VALUES ({marks})"))?;
    let select =
        format!("SELECT rowid, {list} FROM {name} NOT INDEXED WHERE rowid BETWEEN ?1 AND ?2 ORDER BY rowid");
    let highest = highest(old, name);
    let lost = u64::try_from(highest).unwrap_or(0);
    // A table that the old schema does not tell of any more cannot be asked.
    let Ok(read) = old.prepare(&select) else { return Ok(SavedTable { lost, ..table }) };
    let mut crossing = Crossing { read, write, columns: columns.len(), table };
    crossing.copy_all(highest)?;
    keep_numbers(new, name, highest)?;
    Ok(crossing.table)
}

fn columns(new: &Connection, table: &str) -> rusqlite::Result<Vec<String>> {
    let mut statement = new.prepare("SELECT name FROM pragma_table_info(?1)")?;
    statement.query_map([table], |row| row.get(0))?.collect()
}

/// Returns the highest number that a row of the table has had, as far as the database can still say.
pub(super) fn highest(old: &Connection, table: &str) -> i64 {
    let given =
        old.query_row("SELECT seq FROM sqlite_sequence WHERE name = ?1", [table], |row| row.get::<_, i64>(0));
    let last = format!("SELECT coalesce(max(rowid), 0) FROM {table} NOT INDEXED");
    let last = old.query_row(&last, [], |row| row.get::<_, i64>(0));
    match (given, last) {
        (Ok(given), Ok(last)) => given.max(last),
        (Ok(one), Err(_)) | (Err(_), Ok(one)) => one,
        (Err(_), Err(_)) => UNKNOWN_HIGHEST,
    }
}

/// Sees to it that numbers of lost rows are not given again: others may still know them.
pub(super) fn keep_numbers(new: &Connection, table: &str, highest: i64) -> rusqlite::Result<()> {
    let counted = "SELECT count(*) FROM sqlite_schema WHERE name = ?1 AND sql LIKE '%AUTOINCREMENT%'";
    let is_counted: bool = new.query_row(counted, [table], |row| row.get(0))?;
    if is_counted && (1..UNKNOWN_HIGHEST).contains(&highest) {
        new.execute("DELETE FROM sqlite_sequence WHERE name = ?1", [table])?;
        new.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?1, ?2)", (table, highest))?;
    }
    Ok(())
}

impl Crossing<'_> {
    /// Copies the rows numbered 1 to `highest`, as far as they can be read.
    fn copy_all(&mut self, highest: i64) -> rusqlite::Result<()> {
        let mut broken = 0;
        let mut ranges = vec![(1, highest)];
        while let Some((low, high)) = ranges.pop() {
            if low > high {
                continue;
            }
            let Err(Broken { last }) = self.copy_range(low, high)? else { continue };
            broken += 1;
            let from = last.map_or(low, |last| last + 1);
            if from >= high || broken > BROKEN_MAX {
                self.table.lost += u64::try_from(high - from + 1).unwrap_or(0);
                continue;
            }
            let middle = from + (high - from) / 2;
            // The lower half is next.
            ranges.extend([(middle + 1, high), (from, middle)]);
        }
        Ok(())
    }

    /// Copies the rows of a range up to the first place that cannot be read. An error is the new database's.
    fn copy_range(&mut self, low: i64, high: i64) -> rusqlite::Result<Result<(), Broken>> {
        let mut last = None;
        let Ok(mut rows) = self.read.query((low, high)) else { return Ok(Err(Broken { last })) };
        loop {
            let row = match rows.next() {
                Ok(Some(row)) => row,
                Ok(None) => return Ok(Ok(())),
                Err(_) => return Ok(Err(Broken { last })),
            };
            last =
                Some(row.get(0).or_else(|_| Ok::<i64, rusqlite::Error>(last.map_or(low, |last: i64| last + 1)))?);
            let values: rusqlite::Result<Vec<Value>> = (1..=self.columns).map(|column| row.get(column)).collect();
            match values.map(|values| self.write.execute(params_from_iter(values))) {
                Ok(Ok(1)) => self.table.saved += 1,
                // Its key is taken by another row, or it holds what no row may: damage that reads like data.
                Ok(Ok(_)) | Err(_) => self.table.lost += 1,
                Ok(Err(error)) if is_refusal(&error) => self.table.lost += 1,
                Ok(Err(error)) => return Err(error),
            }
        }
    }
}

fn is_refusal(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{ConstraintViolation, TypeMismatch};
    matches!(error.sqlite_error_code(), Some(ConstraintViolation | TypeMismatch))
}
