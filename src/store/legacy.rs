//! Databases of older systems: read as they are, whatever types they hold, and copied; never a byte of one changed.
//!
//! Tables are known by their name and their columns, since two different ones are both called `video_list`. What the rows
//! mean is the importer's to say; here every value is a text, or nothing.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode};

use super::StoreError;
use super::backup::copy_pages;
use super::check::{Depth, findings};
use super::connection::open_to_write;
use super::layout::{Layout, create_private, file_error, is_there, remove_draft};
use super::quiet;
use crate::atomic_file;
use crate::failure::{Failure, FailureClass};

/// Rows that are read of one table: a node of a thousand files has some thousands.
const ROWS_MAX: usize = 1_000_000;
/// Characters that are read of one value; no name and no path of use is longer.
const LETTERS_MAX: usize = 4096;

/// What a table holds, by its name and columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shape {
    /// `video_list` of the orchestrator: what is known of renditions.
    Renditions,
    /// `video_list` of the pushing end: recordings on the disk.
    Videos,
    /// `class_list`: classes and the recordings that they need.
    Classes,
    /// `dir_info`: folders, as they were when somebody last counted.
    Folders,
    /// `task_list`: whose class it is.
    Tasks,
}

impl Shape {
    const ALL: [Self; 5] = [Self::Renditions, Self::Videos, Self::Classes, Self::Folders, Self::Tasks];

    /// Returns the table's name.
    pub const fn table(self) -> &'static str {
        match self {
            Self::Renditions | Self::Videos => "video_list",
            Self::Classes => "class_list",
            Self::Folders => "dir_info",
            Self::Tasks => "task_list",
        }
    }

    /// Returns the columns in the order of a row's values, and how many of them, from the first, must be there.
    const fn columns(self) -> (&'static [&'static str], usize) {
        match self {
            Self::Renditions => (&["record_id", "resolution", "status"], 3),
            Self::Videos => (&["id", "update_time", "num_cite", "site"], 2),
            Self::Classes => (&["class_id", "video_id", "site"], 2),
            Self::Folders => (&["dir", "size", "num"], 3),
            Self::Tasks => (&["class_id", "institution_id"], 1),
        }
    }
}

/// The values of a row, in the order of its shape's columns.
pub type OldRow = Vec<Option<String>>;

/// A table that is understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OldTable {
    /// What it holds.
    pub shape: Shape,
    /// Its rows, in its own order.
    pub rows: Vec<OldRow>,
}

/// What an old database holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OldDatabase {
    /// The file.
    pub path: PathBuf,
    /// The tables that are understood.
    pub tables: Vec<OldTable>,
    /// The names of the others.
    pub other_tables: Vec<String>,
    /// Those that have the name of one that is understood, and other columns: `video_list (a, b)`.
    pub misshapen_tables: Vec<String>,
}

/// Why an old database cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum OldDatabaseError {
    /// There is no such file.
    #[error("there is no database {}", .0.display())]
    Missing(PathBuf),
    /// It is something else.
    #[error("{} is no SQLite database", .0.display())]
    NotADatabase(PathBuf),
    /// The old system is writing, and does not stop.
    #[error("the database {} is locked by another program", .0.display())]
    Busy(PathBuf),
    /// It is damaged, or may not be read.
    #[error("the database {} cannot be read: {cause}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What was found.
        cause: String,
    },
    /// The copy of it cannot be made.
    #[error(transparent)]
    Copy(#[from] StoreError),
}

impl OldDatabaseError {
    fn of(path: &Path, error: &rusqlite::Error) -> Self {
        let path = path.to_owned();
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Self::NotADatabase(path),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy(path),
            _ => Self::Unreadable { path, cause: error.to_string() },
        }
    }
}

impl Failure for OldDatabaseError {
    fn code(&self) -> &'static str {
        match self {
            Self::Missing(_) => "LEGACY_DATABASE_MISSING",
            Self::NotADatabase(_) => "LEGACY_NOT_A_DATABASE",
            Self::Busy(_) => "LEGACY_DATABASE_BUSY",
            Self::Unreadable { .. } => "LEGACY_DATABASE_UNREADABLE",
            Self::Copy(inner) => inner.code(),
        }
    }

    fn class(&self) -> FailureClass {
        match self {
            Self::Missing(_) | Self::NotADatabase(_) | Self::Unreadable { .. } => FailureClass::Source,
            Self::Busy(_) => FailureClass::Transient,
            Self::Copy(inner) => inner.class(),
        }
    }

    fn cure(&self) -> &'static str {
        match self {
            Self::Missing(_) => "check the name; it is the .db file of the old system",
            Self::NotADatabase(_) => "name the .db files of the old system, one --database for each",
            Self::Busy(_) => "run the command again, or stop the old system first",
            Self::Unreadable { .. } => {
                "start the old system once and stop it properly, which mends a broken-off write; or name a copy that \
                 can be read"
            }
            Self::Copy(inner) => inner.cure(),
        }
    }
}

/// Reads an old database, also while the old system has it open.
///
/// # Errors
/// It is not there, no database, locked for long, or damaged.
pub fn read_old_database(path: &Path) -> Result<OldDatabase, OldDatabaseError> {
    let layout = old_layout(path)?;
    let read = quiet::read(&layout, |connection| {
        // One state of all tables.
        connection.execute_batch("BEGIN")?;
        tables(connection, path)
    });
    read.map_err(|error| OldDatabaseError::of(path, &error))?
}

/// Copies an old database to `target`, where no file may be. Returns what is wrong with the copy, and so with the
/// database, where something is.
///
/// # Errors
/// It cannot be read, or the copy not be written.
pub fn back_up_old_database(path: &Path, target: &Path) -> Result<Option<String>, OldDatabaseError> {
    let layout = old_layout(path)?;
    if is_there(target) {
        return Err(StoreError::BackupExists(target.to_owned()).into());
    }
    let draft = Layout::around(target)?.beside(".part");
    let copy = quiet::read(&layout, |connection| {
        if let Err(error) = remove_draft(&draft).and_then(|()| create_private(&draft)) {
            return Ok(Err(error));
        }
        let mut to = open_to_write(&draft, std::time::Duration::ZERO)?;
        copy_pages(connection, &mut to)?;
        findings(&to, Depth::Quick).map(Ok)
    });
    let finding = copy.map_err(|error| OldDatabaseError::of(path, &error)).and_then(|result| Ok(result?));
    if finding.is_err() {
        // It would be removed by the next copy anyway.
        let _ = remove_draft(&draft);
    }
    let finding = finding?;
    atomic_file::publish_new(&draft, target).map_err(file_error(target))?;
    Ok(finding)
}

fn old_layout(path: &Path) -> Result<Layout, OldDatabaseError> {
    let layout = Layout::around(path)?;
    match fs::metadata(layout.database()) {
        Ok(metadata) if metadata.is_file() => Ok(layout),
        Ok(_) => Err(OldDatabaseError::NotADatabase(path.to_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(OldDatabaseError::Missing(path.to_owned()))
        }
        Err(error) => Err(OldDatabaseError::Unreadable { path: path.to_owned(), cause: error.to_string() }),
    }
}

fn tables(connection: &Connection, path: &Path) -> rusqlite::Result<Result<OldDatabase, OldDatabaseError>> {
    let mut found = OldDatabase {
        path: path.to_owned(),
        tables: Vec::new(),
        other_tables: Vec::new(),
        misshapen_tables: Vec::new(),
    };
    for name in table_names(connection)? {
        let columns = column_names(connection, &name)?;
        let has_name = |shape: &Shape| shape.table().eq_ignore_ascii_case(&name);
        let (named, fitting): (Vec<Shape>, Vec<Shape>) =
            Shape::ALL.into_iter().filter(has_name).partition(|shape| !fits(*shape, &columns));
        if fitting.is_empty() && named.is_empty() {
            found.other_tables.push(name);
            continue;
        }
        if fitting.is_empty() {
            found.misshapen_tables.push(format!("{name} ({})", columns.join(", ")));
        }
        for shape in fitting.iter().copied() {
            let mut rows = rows(connection, &name, shape, &columns)?;
            if rows.len() > ROWS_MAX {
                let cause = format!("{name} has more than {ROWS_MAX} rows");
                return Ok(Err(OldDatabaseError::Unreadable { path: path.to_owned(), cause }));
            }
            if fitting.len() > 1 {
                // Somebody put both into one table: the rows of the other shape are empty here.
                rows.retain(|row| row.iter().any(Option::is_some));
            }
            found.tables.push(OldTable { shape, rows });
        }
    }
    Ok(Ok(found))
}

fn fits(shape: Shape, columns: &[String]) -> bool {
    let (wanted, needed) = shape.columns();
    wanted[..needed].iter().all(|name| has(columns, name))
}

fn has(columns: &[String], name: &str) -> bool {
    columns.iter().any(|column| column.eq_ignore_ascii_case(name))
}

fn table_names(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite^_%' ESCAPE '^' ORDER BY name";
    connection.prepare(sql)?.query_map([], |row| row.get(0))?.collect()
}

fn column_names(connection: &Connection, table: &str) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare("SELECT name FROM pragma_table_info(?1)")?;
    statement.query_map([table], |row| row.get(0))?.collect()
}

/// Returns the rows, one more than [`ROWS_MAX`] where there are more.
fn rows(connection: &Connection, table: &str, shape: Shape, columns: &[String]) -> rusqlite::Result<Vec<OldRow>> {
    let (wanted, _) = shape.columns();
    // A column that is not there is asked for as nothing.
    let list: Vec<&str> = wanted.iter().map(|name| if has(columns, name) { *name } else { "NULL" }).collect();
    let sql = format!(
        "SELECT {} FROM \"{}\" LIMIT {}",
        list.join(", "),
        table.replace('"', "\"\""),
        ROWS_MAX.saturating_add(1)
    );
    let mut statement = connection.prepare(&sql)?;
    let read = |row: &rusqlite::Row<'_>| (0..wanted.len()).map(|index| Ok(text(row.get_ref(index)?))).collect();
    statement.query_map([], read)?.collect()
}

/// Returns a value of any type as a text: what is stored as what is up to whoever stored it.
fn text(value: ValueRef<'_>) -> Option<String> {
    let bytes = match value {
        ValueRef::Null => return None,
        ValueRef::Integer(number) => return Some(number.to_string()),
        ValueRef::Real(number) => return Some(number.to_string()),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes,
    };
    Some(String::from_utf8_lossy(bytes).trim().chars().take(LETTERS_MAX).collect())
}
