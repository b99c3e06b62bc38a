//! What was taken over from an older system: a name for each thing, kept for ever, so that a second import changes nothing.

use std::ops::Deref;

use rusqlite::Row;

use super::{Reading, StoreError, Transaction};

/// Something that was taken over.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LegacyRow {
    /// What sort of thing; a word of the importer's.
    pub kind: String,
    /// Its name among those of its sort.
    pub key: String,
}

/// What can be asked about what was taken over.
#[derive(Debug)]
pub struct LegacyRowRows<'a> {
    reading: &'a Reading<'a>,
}

impl<'a> LegacyRowRows<'a> {
    pub(super) fn new(reading: &'a Reading<'a>) -> Self {
        Self { reading }
    }

    /// Returns everything that was taken over.
    pub fn all(&self) -> Result<Vec<LegacyRow>, StoreError> {
        let row = |row: &Row<'_>| Ok(LegacyRow { kind: row.get("kind")?, key: row.get("key")? });
        self.reading.rows("SELECT kind, key FROM legacy_row ORDER BY rowid", [], row)
    }
}

/// What can be done with it, and asked.
#[derive(Debug)]
pub struct LegacyRows<'a> {
    transaction: &'a Transaction<'a>,
    rows: LegacyRowRows<'a>,
}

impl<'a> Deref for LegacyRows<'a> {
    type Target = LegacyRowRows<'a>;

    fn deref(&self) -> &Self::Target {
        &self.rows
    }
}

impl<'a> LegacyRows<'a> {
    pub(super) fn new(transaction: &'a Transaction<'a>) -> Self {
        Self { transaction, rows: LegacyRowRows::new(transaction) }
    }

    /// Notes that something was taken over; returns `false` where that is noted already.
    pub fn add(&self, new: &LegacyRow, now_milliseconds: i64) -> Result<bool, StoreError> {
        let sql = "INSERT OR IGNORE INTO legacy_row (kind, key, imported_milliseconds) VALUES (?1, ?2, ?3)";
        self.transaction.execute(sql, (&new.kind, &new.key, now_milliseconds)).map(|rows| rows > 0)
    }
}
