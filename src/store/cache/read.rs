//! What can be asked about the cache's files.

use rusqlite::{Row, ToSql};

use super::{CacheIdentity, EvictionRow, FileContent, FileName, FileRow, FileSource, LeaseRow, PublishRow};
use crate::store::{Reading, StoreError};

/// What can be asked about the cache's files.
#[derive(Debug)]
pub struct CacheRows<'a> {
    reading: &'a Reading<'a>,
}

impl<'a> CacheRows<'a> {
    pub(in crate::store) fn new(reading: &'a Reading<'a>) -> Self {
        Self { reading }
    }

    /// Returns which cache this database speaks of; nothing before the first one.
    pub fn identity(&self) -> Result<Option<CacheIdentity>, StoreError> {
        let sql = "SELECT cache_id, is_marked, is_clean FROM cache_identity";
        self.reading.row(sql, [], |row| {
            Ok(CacheIdentity { cache_id: row.get(0)?, is_marked: row.get(1)?, is_clean: row.get(2)? })
        })
    }

    /// Returns every file, in the order of use.
    pub fn files(&self) -> Result<Vec<FileRow>, StoreError> {
        self.reading.rows("SELECT * FROM cache_file ORDER BY sequence, id", [], file)
    }

    /// Returns the file that has this name.
    pub fn file(&self, name: &FileName) -> Result<Option<FileRow>, StoreError> {
        let sql = "SELECT * FROM cache_file WHERE institution = :institution AND record = :record \
                   AND resolution = :resolution AND state <> 'quarantined'";
        self.reading.row(sql, named(name).as_slice(), file)
    }

    /// Returns every hold.
    pub fn leases(&self) -> Result<Vec<LeaseRow>, StoreError> {
        self.reading.rows("SELECT * FROM cache_lease ORDER BY file, kind, holder", [], lease)
    }

    /// Returns the holds on a file.
    pub fn leases_of(&self, file: i64) -> Result<Vec<LeaseRow>, StoreError> {
        self.reading.rows("SELECT * FROM cache_lease WHERE file = ?1 ORDER BY kind, holder", [file], lease)
    }

    /// Returns whether somebody holds a file, as far as is recorded.
    pub fn is_held(&self, file: i64, kind: &str, holder: &str) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM cache_lease WHERE file = ?1 AND kind = ?2 AND holder = ?3";
        Ok(self.reading.row(sql, (file, kind, holder), |_| Ok(()))?.is_some())
    }

    /// Returns whether somebody holds any file, as far as is recorded.
    pub fn holds_any(&self, kind: &str, holder: &str) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM cache_lease WHERE kind = ?1 AND holder = ?2 LIMIT 1";
        Ok(self.reading.row(sql, (kind, holder), |_| Ok(()))?.is_some())
    }

    /// Returns the files that were about to get their names.
    pub fn publishes(&self) -> Result<Vec<PublishRow>, StoreError> {
        self.reading.rows("SELECT * FROM cache_publish ORDER BY id", [], publish)
    }

    /// Returns the last time that a file of this name went, if that is still known.
    pub fn eviction(&self, name: &FileName) -> Result<Option<EvictionRow>, StoreError> {
        let sql = "SELECT * FROM cache_eviction WHERE institution = :institution AND record = :record \
                   AND resolution = :resolution ORDER BY id DESC LIMIT 1";
        self.reading.row(sql, named(name).as_slice(), eviction)
    }
}

/// Returns the three parts of a name for a statement.
pub(super) fn named(name: &FileName) -> [(&'static str, &dyn ToSql); 3] {
    [(":institution", &name.institution), (":record", &name.record), (":resolution", &name.resolution)]
}

fn name(row: &Row<'_>) -> rusqlite::Result<FileName> {
    let (institution, record) = (row.get("institution")?, row.get("record")?);
    Ok(FileName { institution, record, resolution: row.get("resolution")? })
}

fn content(row: &Row<'_>) -> rusqlite::Result<FileContent> {
    let (bytes, sha256) = (unsigned(row.get("bytes")?), row.get("sha256")?);
    Ok(FileContent { bytes, sha256, modified_nanoseconds: row.get("modified_nanoseconds")? })
}

fn source(row: &Row<'_>) -> rusqlite::Result<FileSource> {
    let bytes = row.get::<_, Option<i64>>("source_bytes")?.map(unsigned);
    Ok(FileSource { url: row.get("url")?, bytes, validator: row.get("validator")? })
}

/// Columns of ours that SQLite counts with a sign, though the table keeps them at 0 or above.
fn unsigned(number: i64) -> u64 {
    number.unsigned_abs()
}

pub(super) fn file(row: &Row<'_>) -> rusqlite::Result<FileRow> {
    Ok(FileRow {
        id: row.get("id")?,
        name: name(row)?,
        state: row.get("state")?,
        content: content(row)?,
        inode: row.get::<_, Option<i64>>("inode")?.map(i64::cast_unsigned),
        source: source(row)?,
        sequence: unsigned(row.get("sequence")?),
        created_milliseconds: row.get("created_milliseconds")?,
        used_milliseconds: row.get("used_milliseconds")?,
        note: row.get("note")?,
    })
}

fn lease(row: &Row<'_>) -> rusqlite::Result<LeaseRow> {
    Ok(LeaseRow {
        file: row.get("file")?,
        kind: row.get("kind")?,
        holder: row.get("holder")?,
        since_milliseconds: row.get("since_milliseconds")?,
        until_milliseconds: row.get("until_milliseconds")?,
    })
}

pub(super) fn publish(row: &Row<'_>) -> rusqlite::Result<PublishRow> {
    Ok(PublishRow {
        name: name(row)?,
        content: content(row)?,
        // The disk's numbers use all bits.
        inode: row.get::<_, i64>("inode")?.cast_unsigned(),
        source: source(row)?,
        note: row.get("note")?,
    })
}

fn eviction(row: &Row<'_>) -> rusqlite::Result<EvictionRow> {
    Ok(EvictionRow {
        name: name(row)?,
        bytes: unsigned(row.get("bytes")?),
        reason: row.get("reason")?,
        used_milliseconds: row.get("used_milliseconds")?,
        time_milliseconds: row.get("time_milliseconds")?,
    })
}
