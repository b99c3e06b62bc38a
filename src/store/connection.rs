//! How a database is opened: which SQLite, which settings, reading or writing.
//!
//! Whether the file may be opened at all is `check`'s to say, before the first connection that could write.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::StoreError;

/// Marks our files: `reel` in ASCII.
pub(super) const APPLICATION_ID: i64 = 0x7265_656c;

/// The first SQLite without the error that could damage a database when its log was begun anew (fixed in 3.51.3).
const SOUND_VERSION: i32 = 3_051_003;
/// A later one that has the error again; 3.53.0 is sound.
const UNSOUND_VERSIONS: std::ops::Range<i32> = 3_052_000..3_053_000;

/// Statements that each connection keeps ready: all that there are, with room for those to come.
const STATEMENTS_KEPT: usize = 150;

/// As many bytes of log as stay allocated after a checkpoint has emptied it.
const WAL_KEPT_BYTES: i64 = 4 << 20;

/// Refuses a library that can damage databases, in SQLite's own counting: 3.53.2 is 3053002.
pub(super) fn check_library(version: i32) -> Result<(), StoreError> {
    if version >= SOUND_VERSION && !UNSOUND_VERSIONS.contains(&version) {
        return Ok(());
    }
    let version = format!("{}.{}.{}", version / 1_000_000, version / 1000 % 1000, version % 1000);
    Err(StoreError::Library { version })
}

/// Opens a database that cannot be changed through this connection, not even by closing it.
pub(super) fn open_to_read(path: &Path, busy_time: Duration) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | COMMON)?;
    configure(&connection, busy_time)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// Opens a database as a file that does not change: nothing is locked, and nothing put beside it.
pub(super) fn open_unchanging(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | COMMON;
    let connection = Connection::open_with_flags(address(path), flags)?;
    configure(&connection, Duration::ZERO)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// Returns the address of a file that does not change, in which any byte may stand.
fn address(path: &Path) -> String {
    let spelled = |byte: &u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => char::from(*byte).to_string(),
        other => format!("%{other:02x}"),
    };
    let path: String = path.as_os_str().as_bytes().iter().map(spelled).collect();
    format!("file:{path}?immutable=1")
}

/// Opens an existing database for writing.
pub(super) fn open_to_write(path: &Path, busy_time: Duration) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | COMMON)?;
    configure(&connection, busy_time)?;
    Ok(connection)
}

/// One thread per connection, by the ownership that Rust checks, so SQLite need not lock for us.
const COMMON: OpenFlags = OpenFlags::SQLITE_OPEN_NO_MUTEX;

fn configure(connection: &Connection, busy_time: Duration) -> rusqlite::Result<()> {
    connection.busy_timeout(busy_time)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    // NORMAL would lose the commits since the last checkpoint in a power cut; FULL syncs the log at every one.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "temp_store", "MEMORY")
}

/// Turns the log on, and SQLite's own checkpoints off: they would hide the disk's errors, so the writer makes them.
pub(super) fn use_wal(connection: &Connection) -> rusqlite::Result<()> {
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode != "wal" {
        // A file system without shared memory, such as a network mount.
        return Err(rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CANTOPEN),
            Some(format!("the file system allows no write-ahead log, only {mode}")),
        ));
    }
    connection.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))?;
    connection.pragma_update_and_check(None, "journal_size_limit", WAL_KEPT_BYTES, |_| Ok(()))
}

/// Closes a database so that all of it is in its one file. Closing alone would leave in the log what a full disk does not
/// take, and say nothing.
pub(super) fn close_whole(connection: Connection) -> rusqlite::Result<()> {
    let is_busy: bool = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if is_busy {
        return Err(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY), None));
    }
    connection.close().map_err(|(_, error)| error)
}

/// Returns a number that a pragma answers.
pub(super) fn number(connection: &Connection, pragma: &str) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, pragma, |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Failure;

    #[test]
    fn only_versions_without_the_log_s_error_are_taken() {
        for (version, is_sound) in [
            (3_040_001, false),
            (3_051_002, false),
            (3_051_003, true),
            (3_052_000, false),
            (3_052_001, false),
            (3_053_000, true),
            (3_053_002, true),
        ] {
            assert_eq!(check_library(version).is_ok(), is_sound, "{version}");
        }
        let error = check_library(3_052_000).unwrap_err();
        assert_eq!(
            (error.code(), error.to_string().as_str()),
            ("DB_LIBRARY", "the linked SQLite 3.52.0 can damage databases")
        );
        check_library(rusqlite::version_number()).unwrap();
    }
}
