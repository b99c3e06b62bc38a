//! Messages that were taken, and alarms that were raised lately: what makes the second of two the same as the first.

use std::ops::Deref;

use rusqlite::Row;

use super::{Reading, StoreError, Transaction};

/// A message that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxRow {
    /// Where it came from: a stream, an interface.
    pub source: String,
    /// What it is called there.
    pub entry: String,
    /// The hash of what it said.
    pub body_sha256: String,
    /// What was answered.
    pub answer: String,
}

/// What can be asked about messages that were taken.
#[derive(Debug)]
pub struct InboxRows<'a> {
    reading: &'a Reading<'a>,
}

impl<'a> InboxRows<'a> {
    pub(super) fn new(reading: &'a Reading<'a>) -> Self {
        Self { reading }
    }

    /// Returns a message, if it was taken and is not forgotten.
    pub fn get(&self, source: &str, entry: &str) -> Result<Option<InboxRow>, StoreError> {
        let sql = "SELECT source, entry, body_sha256, answer FROM inbox WHERE source = ?1 AND entry = ?2";
        self.reading.row(sql, (source, entry), |row| {
            Ok(InboxRow { source: row.get(0)?, entry: row.get(1)?, body_sha256: row.get(2)?, answer: row.get(3)? })
        })
    }
}

/// What can be done with messages that were taken, and asked.
#[derive(Debug)]
pub struct Inbox<'a> {
    transaction: &'a Transaction<'a>,
    rows: InboxRows<'a>,
}

impl<'a> Deref for Inbox<'a> {
    type Target = InboxRows<'a>;

    fn deref(&self) -> &Self::Target {
        &self.rows
    }
}

impl<'a> Inbox<'a> {
    pub(super) fn new(transaction: &'a Transaction<'a>) -> Self {
        Self { transaction, rows: InboxRows::new(transaction) }
    }

    /// Notes that a message was taken; returns `false` where it was before.
    pub fn insert(&self, row: &InboxRow, now_milliseconds: i64) -> Result<bool, StoreError> {
        let sql = "INSERT OR IGNORE INTO inbox (source, entry, body_sha256, answer, time_milliseconds) \
                   VALUES (?1, ?2, ?3, ?4, ?5)";
        let values = (&row.source, &row.entry, &row.body_sha256, &row.answer, now_milliseconds);
        self.transaction.execute(sql, values).map(|rows| rows > 0)
    }

    /// Notes something under a name, in place of what was noted there before.
    pub fn put(&self, row: &InboxRow, now_milliseconds: i64) -> Result<(), StoreError> {
        let sql = "INSERT OR REPLACE INTO inbox (source, entry, body_sha256, answer, time_milliseconds) \
                   VALUES (?1, ?2, ?3, ?4, ?5)";
        let values = (&row.source, &row.entry, &row.body_sha256, &row.answer, now_milliseconds);
        self.transaction.execute(sql, values).map(drop)
    }

    /// Forgets up to `limit` messages that were taken before a time; returns how many.
    pub fn prune(&self, before_milliseconds: i64, limit: u32) -> Result<usize, StoreError> {
        let sql =
            "DELETE FROM inbox WHERE rowid IN (SELECT rowid FROM inbox WHERE time_milliseconds < ?1 LIMIT ?2)";
        self.transaction.execute(sql, (before_milliseconds, limit))
    }
}

/// An alarm that was raised more often than it was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlarmRow {
    /// What it is about.
    pub key: String,
    /// To whom.
    pub institution: String,
    /// Raised so often since it was last told.
    pub count: u64,
    /// What it says.
    pub data: String,
}

/// What can be done with alarms.
#[derive(Debug)]
pub struct Alarms<'a> {
    transaction: &'a Transaction<'a>,
}

impl<'a> Alarms<'a> {
    pub(super) fn new(transaction: &'a Transaction<'a>) -> Self {
        Self { transaction }
    }

    /// Counts an alarm; returns whether it is to be told now, being the first of its key for a while.
    pub fn raise(&self, alarm: &AlarmRow, now_milliseconds: i64) -> Result<bool, StoreError> {
        let sql = "INSERT OR IGNORE INTO alarm (key, institution, since_milliseconds, count, data) \
                   VALUES (?1, ?2, ?3, 0, ?4)";
        let values = (&alarm.key, &alarm.institution, now_milliseconds, &alarm.data);
        if self.transaction.execute(sql, values)? > 0 {
            return Ok(true);
        }
        let sql = "UPDATE alarm SET count = count + 1, data = ?2 WHERE key = ?1";
        self.transaction.execute(sql, (&alarm.key, &alarm.data)).map(|_| false)
    }

    /// Returns up to `limit` alarms that were raised again since they were last told, before a time, and counts anew;
    /// forgets those that were not.
    pub fn settle(
        &self,
        before_milliseconds: i64,
        now_milliseconds: i64,
        limit: u32,
    ) -> Result<Vec<AlarmRow>, StoreError> {
        let forgotten = "DELETE FROM alarm WHERE since_milliseconds < ?1 AND count = 0";
        self.transaction.execute(forgotten, [before_milliseconds])?;
        let sql =
            "SELECT key, institution, count, data FROM alarm WHERE since_milliseconds < ?1 ORDER BY key LIMIT ?2";
        let read = |row: &Row<'_>| {
            Ok(AlarmRow {
                key: row.get(0)?,
                institution: row.get(1)?,
                count: row.get::<_, i64>(2)?.unsigned_abs(),
                data: row.get(3)?,
            })
        };
        let again = self.transaction.rows(sql, (before_milliseconds, limit), read)?;
        for alarm in &again {
            let sql = "UPDATE alarm SET count = 0, since_milliseconds = ?2 WHERE key = ?1";
            self.transaction.execute(sql, (&alarm.key, now_milliseconds))?;
        }
        Ok(again)
    }
}
