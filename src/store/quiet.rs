//! Reading an older system's database without leaving a trace beside it, while that system may have it open.
//!
//! SQLite makes two files beside a database with a log even for a reader. Where nobody has it open there is no log to be
//! read, and the file is read as one that does not change. Only where a crash left a log without its index, the index is
//! made anew, which is what the next program to open it would do.

use std::fs::File;
use std::io::Read;
use std::time::Duration;

use rusqlite::Connection;

use super::connection::{open_to_read, open_unchanging};
use super::layout::Layout;
use super::read_only::Resting;

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
    // A reader of a database in the older mode leaves nothing beside it, and locks out who writes: that is the better way.
    let before = Resting::of(layout).filter(|_| has_log(layout));
    if before.is_some() {
        let result = open_unchanging(layout.database()).and_then(|connection| work(&connection));
        if Resting::of(layout) == before {
            return result;
        }
    }
    work(&open_to_read(layout.database(), BUSY_TIME)?)
}

/// Returns whether the database is written with a log.
fn has_log(layout: &Layout) -> bool {
    let mut header = [0; MODE_OFFSET + 1];
    let is_read = File::open(layout.database()).and_then(|mut file| file.read_exact(&mut header)).is_ok();
    is_read && header[MODE_OFFSET] == MODE_LOG
}
