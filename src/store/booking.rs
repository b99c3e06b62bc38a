//! Bookings as rows: what classes have booked and where each booking is in its life. What becomes of them is decided elsewhere.
//!
//! Every change is a compare-and-set on the state that the caller believes in.

use std::ops::Deref;

use rusqlite::{Row, named_params};

pub use super::booking_state::BookingState;
use super::job::word;
use super::{Reading, StoreError, Transaction};

/// How long the number of a class's last booking is known after that was forgotten: longer than receivers remember events,
/// and than a school's class pauses.
const NUMBERS_KEPT_MILLISECONDS: i64 = 180 * 24 * 3_600_000;

/// The file that a booking is about, by its name in the cache.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BookedFile {
    /// Whose; empty for the single default institution.
    pub institution: String,
    /// Of which recording.
    pub record: String,
    /// Its short side; 0 for the recording as it is.
    pub resolution: u32,
}

/// A booking to be recorded; it begins waiting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewBooking {
    /// Whose class.
    pub institution: String,
    /// Which class.
    pub class_id: String,
    /// Which booking of that class, from 1.
    pub sequence: u32,
    /// What it is to get.
    pub file: BookedFile,
    /// What was booked, as JSON.
    pub body: String,
    /// Its hash.
    pub body_sha256: String,
    /// What people call it.
    pub course_name: String,
    /// 0 to 100, higher first.
    pub priority: u8,
    /// When the class begins, in Unix milliseconds.
    pub start_milliseconds: Option<i64>,
    /// When it ends.
    pub end_milliseconds: Option<i64>,
    /// Who is told how it ended.
    pub callback_url: Option<String>,
    /// When it ends by itself.
    pub due_milliseconds: i64,
    /// The stream entry that booked it last; empty for other ways in.
    pub entry: String,
}

/// A booking as it is recorded. Times are Unix milliseconds of the node's own clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookingRow {
    /// Its number on this node.
    pub id: i64,
    /// What was recorded.
    pub new: NewBooking,
    /// Where it is.
    pub state: BookingState,
    /// Where its file comes from; empty where nobody knows.
    pub url: String,
    /// Why it failed, in a number.
    pub code: Option<u16>,
    /// Why it failed, in a code.
    pub error: String,
    /// Why it is in its state, for people.
    pub reason: String,
    /// How often its file had to be brought again, or held again, since it was ready.
    pub mends: u32,
    /// Not before this time once more.
    pub mend_milliseconds: i64,
    /// When it was recorded.
    pub accepted_milliseconds: i64,
    /// When it last changed.
    pub updated_milliseconds: i64,
}

/// What becomes of a booking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookingChange {
    /// Where it is then.
    pub state: BookingState,
    /// Where its file comes from.
    pub url: String,
    /// When it ends by itself.
    pub due_milliseconds: i64,
    /// Why it failed, in a number.
    pub code: Option<u16>,
    /// Why it failed, in a code.
    pub error: String,
    /// Why it is in its state, for people.
    pub reason: String,
}

/// Which bookings a list is of; what is left out does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BookingFilter {
    /// Whose classes.
    pub institution: Option<String>,
    /// In one of which states; in any where none is named.
    pub states: Vec<BookingState>,
}

/// What can be asked about bookings.
#[derive(Debug)]
pub struct BookingRows<'a> {
    reading: &'a Reading<'a>,
}

impl<'a> BookingRows<'a> {
    pub(super) fn new(reading: &'a Reading<'a>) -> Self {
        Self { reading }
    }

    /// Returns a class's last booking.
    pub fn latest(&self, institution: &str, class_id: &str) -> Result<Option<BookingRow>, StoreError> {
        let sql = "SELECT * FROM booking WHERE institution = ?1 AND class_id = ?2 ORDER BY sequence DESC LIMIT 1";
        self.reading.row(sql, (institution, class_id), booking)
    }

    /// Returns the number of a class's next booking: above those of all that it had, whether or not they are kept.
    pub fn next_sequence(&self, institution: &str, class_id: &str) -> Result<u32, StoreError> {
        let sql = "SELECT max(coalesce((SELECT max(sequence) FROM booking WHERE institution = ?1 AND class_id = ?2), 0), \
                   coalesce((SELECT sequence FROM booking_past WHERE institution = ?1 AND class_id = ?2), 0))";
        let last = self.reading.row(sql, (institution, class_id), |row| row.get::<_, u32>(0))?;
        Ok(last.unwrap_or(0).saturating_add(1))
    }

    /// Returns a booking.
    pub fn get(&self, id: i64) -> Result<Option<BookingRow>, StoreError> {
        self.reading.row("SELECT * FROM booking WHERE id = ?1", [id], booking)
    }

    /// Returns up to `limit` bookings of a file that are in a state, the first to come first.
    pub fn of_file(
        &self,
        file: &BookedFile,
        state: BookingState,
        limit: u32,
    ) -> Result<Vec<BookingRow>, StoreError> {
        // The words in front let the index be used.
        let sql = "SELECT * FROM booking WHERE state IN ('waiting', 'downloading', 'ready') AND state = ?4 \
                   AND file_institution = ?1 AND record = ?2 AND resolution = ?3 ORDER BY id LIMIT ?5";
        let values = (&file.institution, &file.record, file.resolution, state.name(), limit);
        self.reading.rows(sql, values, booking)
    }

    /// Returns up to `limit` bookings that get a file from this address.
    pub fn on_their_way(&self, file: &BookedFile, url: &str, limit: u32) -> Result<Vec<BookingRow>, StoreError> {
        let sql = "SELECT * FROM booking WHERE state IN ('waiting', 'downloading', 'ready') \
                   AND state = 'downloading' AND file_institution = ?1 AND record = ?2 AND resolution = ?3 \
                   AND url = ?4 ORDER BY id LIMIT ?5";
        self.reading.rows(sql, (&file.institution, &file.record, file.resolution, url, limit), booking)
    }

    /// Returns up to `limit` live bookings whose time is over, the longest overdue first.
    pub fn due(&self, now_milliseconds: i64, limit: u32) -> Result<Vec<BookingRow>, StoreError> {
        let sql = "SELECT * FROM booking WHERE state IN ('waiting', 'downloading', 'ready') \
                   AND due_milliseconds <= ?1 ORDER BY due_milliseconds, id LIMIT ?2";
        self.reading.rows(sql, (now_milliseconds, limit), booking)
    }

    /// Returns up to `limit` live bookings whose numbers are above `after`.
    pub fn live(&self, after: i64, limit: u32) -> Result<Vec<BookingRow>, StoreError> {
        let sql = "SELECT * FROM booking WHERE state IN ('waiting', 'downloading', 'ready') AND id > ?1 \
                   ORDER BY id LIMIT ?2";
        self.reading.rows(sql, (after, limit), booking)
    }

    /// Returns up to `limit` bookings whose numbers are above `after`.
    pub fn page(&self, filter: &BookingFilter, after: i64, limit: u32) -> Result<Vec<BookingRow>, StoreError> {
        let whose = institution_words(filter.institution.as_deref());
        let sql = format!(
            "SELECT * FROM booking WHERE id > ?1 AND {whose} AND {} ORDER BY id LIMIT ?3",
            state_words(&filter.states)
        );
        self.reading.rows(&sql, (after, &filter.institution, limit), booking)
    }

    /// Returns how many live bookings there are in each state.
    pub fn counts(&self) -> Result<Vec<(BookingState, u64)>, StoreError> {
        let sql = "SELECT state, count(*) AS bookings FROM booking \
                   WHERE state IN ('waiting', 'downloading', 'ready') GROUP BY state";
        let read = |row: &Row<'_>| {
            Ok((word(row, "state", BookingState::parse)?, row.get::<_, i64>("bookings")?.unsigned_abs()))
        };
        self.reading.rows(sql, [], read)
    }
}

/// What can be done with bookings, and asked.
#[derive(Debug)]
pub struct Bookings<'a> {
    transaction: &'a Transaction<'a>,
    rows: BookingRows<'a>,
}

impl<'a> Deref for Bookings<'a> {
    type Target = BookingRows<'a>;

    fn deref(&self) -> &Self::Target {
        &self.rows
    }
}

impl<'a> Bookings<'a> {
    pub(super) fn new(transaction: &'a Transaction<'a>) -> Self {
        Self { transaction, rows: BookingRows::new(transaction) }
    }

    /// Records a booking.
    pub fn insert(&self, new: &NewBooking, now_milliseconds: i64) -> Result<BookingRow, StoreError> {
        let sql = "INSERT INTO booking (institution, class_id, sequence, state, file_institution, record, resolution, \
                   url, body, body_sha256, course_name, priority, start_milliseconds, end_milliseconds, callback_url, \
                   due_milliseconds, entry, error, reason, accepted_milliseconds, updated_milliseconds) \
                   VALUES (:institution, :class, :sequence, 'waiting', :owner, :record, :resolution, '', :body, :hash, \
                   :course, :priority, :start, :end, :callback, :due, :entry, '', '', :now, :now) RETURNING *";
        let values = named_params! {
            ":institution": new.institution, ":class": new.class_id, ":sequence": new.sequence,
            ":owner": new.file.institution, ":record": new.file.record, ":resolution": new.file.resolution,
            ":body": new.body, ":hash": new.body_sha256, ":course": new.course_name, ":priority": new.priority,
            ":start": new.start_milliseconds, ":end": new.end_milliseconds, ":callback": new.callback_url,
            ":due": new.due_milliseconds, ":entry": new.entry, ":now": now_milliseconds,
        };
        let row = self.transaction.row(sql, values, booking)?;
        row.ok_or_else(|| StoreError::Statement("a booking is recorded and not there".to_owned()))
    }

    /// Changes a booking that is in state `from`. Nothing where it is in another by now, or may not become that.
    pub fn change(
        &self,
        id: i64,
        from: BookingState,
        change: &BookingChange,
        now_milliseconds: i64,
    ) -> Result<Option<BookingRow>, StoreError> {
        if !from.may_become(change.state) {
            return Ok(None);
        }
        let sql = "UPDATE booking SET state = :to, url = :url, due_milliseconds = :due, code = :code, error = :error, \
                   reason = :reason, updated_milliseconds = :now WHERE id = :id AND state = :from RETURNING *";
        let values = named_params! {
            ":to": change.state.name(), ":url": change.url, ":due": change.due_milliseconds, ":code": change.code,
            ":error": change.error, ":reason": change.reason, ":now": now_milliseconds, ":id": id,
            ":from": from.name(),
        };
        self.transaction.row(sql, values, booking)
    }

    /// Notes by which entry a booking was booked once more.
    pub fn set_entry(&self, id: i64, entry: &str) -> Result<(), StoreError> {
        self.transaction.execute("UPDATE booking SET entry = ?2 WHERE id = ?1", (id, entry)).map(drop)
    }

    /// Counts that a ready class's file is brought again, which is not to be tried once more before `next_milliseconds`.
    pub fn count_mend(&self, id: i64, next_milliseconds: i64) -> Result<(), StoreError> {
        let sql = "UPDATE booking SET mends = mends + 1, mend_milliseconds = ?2 WHERE id = ?1";
        self.transaction.execute(sql, (id, next_milliseconds)).map(drop)
    }

    /// Removes up to `limit` bookings that ended before a time, the first to end first; their classes' numbers stay known
    /// for half a year from `now_milliseconds` on. Returns how many.
    pub fn prune(&self, before_milliseconds: i64, limit: u32, now_milliseconds: i64) -> Result<usize, StoreError> {
        let sql = "DELETE FROM booking WHERE id IN (SELECT id FROM booking \
                   WHERE state IN ('failed', 'over', 'cancelled') AND updated_milliseconds < ?1 \
                   ORDER BY updated_milliseconds LIMIT ?2) RETURNING institution, class_id, sequence";
        let read = |row: &Row<'_>| {
            Ok((row.get::<_, String>("institution")?, row.get::<_, String>("class_id")?, row.get("sequence")?))
        };
        let gone: Vec<(String, String, u32)> = self.transaction.rows(sql, (before_milliseconds, limit), read)?;
        for past in &gone {
            let sql = "INSERT INTO booking_past (institution, class_id, sequence, time_milliseconds) \
                       VALUES (?1, ?2, ?3, ?4) ON CONFLICT (institution, class_id) DO UPDATE \
                       SET sequence = max(sequence, excluded.sequence), time_milliseconds = excluded.time_milliseconds";
            self.transaction.execute(sql, (&past.0, &past.1, past.2, now_milliseconds))?;
        }
        let sql = "DELETE FROM booking_past WHERE rowid IN (SELECT rowid FROM booking_past \
                   WHERE time_milliseconds < ?1 LIMIT ?2)";
        self.transaction.execute(sql, (now_milliseconds.saturating_sub(NUMBERS_KEPT_MILLISECONDS), limit))?;
        Ok(gone.len())
    }
}

/// Returns the condition of being in one of these states. The words in front let the index of such rows be used.
fn state_words(states: &[BookingState]) -> String {
    let names: Vec<String> = states.iter().map(|state| format!("'{}'", state.name())).collect();
    let class = match (states.iter().any(|state| state.is_live()), states.iter().all(|state| state.is_live())) {
        (_, true) if !states.is_empty() => "state IN ('waiting', 'downloading', 'ready')",
        (false, _) if !states.is_empty() => "state IN ('failed', 'over', 'cancelled')",
        _ => "TRUE",
    };
    if names.is_empty() { class.to_owned() } else { format!("{class} AND state IN ({})", names.join(", ")) }
}

/// Returns the condition of being an institution's, which is the second value.
pub(super) fn institution_words(institution: Option<&str>) -> &'static str {
    if institution.is_some() { "institution = ?2" } else { "?2 IS NULL" }
}

fn booking(row: &Row<'_>) -> rusqlite::Result<BookingRow> {
    let file = BookedFile {
        institution: row.get("file_institution")?,
        record: row.get("record")?,
        resolution: row.get("resolution")?,
    };
    let new = NewBooking {
        institution: row.get("institution")?,
        class_id: row.get("class_id")?,
        sequence: row.get("sequence")?,
        file,
        body: row.get("body")?,
        body_sha256: row.get("body_sha256")?,
        course_name: row.get("course_name")?,
        priority: row.get("priority")?,
        start_milliseconds: row.get("start_milliseconds")?,
        end_milliseconds: row.get("end_milliseconds")?,
        callback_url: row.get("callback_url")?,
        due_milliseconds: row.get("due_milliseconds")?,
        entry: row.get("entry")?,
    };
    Ok(BookingRow {
        id: row.get("id")?,
        new,
        state: word(row, "state", BookingState::parse)?,
        url: row.get("url")?,
        code: row.get("code")?,
        error: row.get("error")?,
        reason: row.get("reason")?,
        mends: row.get("mends")?,
        mend_milliseconds: row.get("mend_milliseconds")?,
        accepted_milliseconds: row.get("accepted_milliseconds")?,
        updated_milliseconds: row.get("updated_milliseconds")?,
    })
}
