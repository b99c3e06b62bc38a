//! Reading a database without leaving a trace beside it: for looks that must change nothing.
//!
//! SQLite makes two files beside a database with a log even for a reader. Where nobody has it open there is no log to be
//! read, and the file can be read as one that does not change. Only where a crash left a log without its index, the index is
//! made anew, which is what the next program to open it would do.

use std::fmt::Write;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::check::check_origin;
use super::connection::{number, open_to_read};
use super::health::Health;
use super::layout::{Layout, is_there};
use super::transaction::Reading;
use super::{StoreError, migration};

/// Another program's transaction may stand in the way that long.
const BUSY_TIME: Duration = Duration::from_secs(5);
/// The byte of a database's header that tells how it is written, and its value where there is a log.
const MODE_OFFSET: usize = 18;
const MODE_LOG: u8 = 2;

/// Opens a database for reading, lets `work` look, and closes it. Where somebody began to write meanwhile, `work` is called
/// once more with the log.
pub(super) fn read<T>(
    layout: &Layout,
    mut work: impl FnMut(&Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    if is_at_rest(layout) {
        let result = open_at_rest(layout.database()).and_then(|connection| work(&connection));
        if is_at_rest(layout) {
            return result;
        }
    }
    work(&open_to_read(layout.database(), BUSY_TIME)?)
}

/// Returns whether the database is written with a log, and there is none: nobody has it open.
fn is_at_rest(layout: &Layout) -> bool {
    let mut header = [0; MODE_OFFSET + 1];
    let is_read = File::open(layout.database()).and_then(|mut file| file.read_exact(&mut header)).is_ok();
    is_read && header[MODE_OFFSET] == MODE_LOG && !is_there(&layout.wal())
}

fn open_at_rest(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(format!("file:{}?immutable=1", escaped(path)), flags)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    Ok(connection)
}

/// Returns a path as it stands in an address: everything but letters, digits and `/` as `%` and two digits.
fn escaped(path: &Path) -> String {
    let mut text = String::new();
    for byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || *byte == b'/' {
            text.push(char::from(*byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

/// Lets `work` look at a database, beside the process that writes or without one, and changes nothing, not even in the
/// folder. Nothing where there is no database, or one of an older schema.
pub fn peek<T, E: From<StoreError>>(
    database: &Path,
    work: impl Fn(&Reading<'_>) -> Result<T, E>,
) -> Result<Option<T>, E> {
    let layout = Layout::around(database)?;
    if !is_there(layout.database()) {
        return Ok(None);
    }
    let health = Health::new(layout.clone());
    let look = |connection: &Connection| {
        connection.execute_batch("BEGIN")?;
        if let Err(error) = check_origin(connection, layout.database(), &health) {
            return Ok(Err(error.into()));
        }
        if number(connection, "user_version")? < migration::latest() {
            return Ok(Ok(None));
        }
        Ok(work(&Reading::new(connection, &health)).map(Some))
    };
    read(&layout, look).map_err(|error| health.refuse(&error))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_any_letters_can_stand_in_an_address() {
        assert_eq!(escaped(Path::new("/a b/ü?#%.db")), "/a%20b/%C3%BC%3F%23%25%2Edb");
    }
}
