//! What can be changed of the cache's files: one function for each step of a file's life.

use std::ops::Deref;

use rusqlite::named_params;

use super::read::{file, named};
use super::{CacheIdentity, CacheRows, FileContent, FileName, FileRow, FileSource, LeaseRow, NewFile, PublishRow};
use crate::store::{StoreError, Transaction};

/// Evictions that are remembered: months of a busy node, and a megabyte or two.
const EVICTIONS_KEPT: i64 = 10_000;

/// What can be done with the cache's files, and asked.
#[derive(Debug)]
pub struct CacheTables<'a> {
    transaction: &'a Transaction<'a>,
    rows: CacheRows<'a>,
}

impl<'a> Deref for CacheTables<'a> {
    type Target = CacheRows<'a>;

    fn deref(&self) -> &Self::Target {
        &self.rows
    }
}

impl<'a> CacheTables<'a> {
    pub(in crate::store) fn new(transaction: &'a Transaction<'a>) -> Self {
        Self { transaction, rows: CacheRows::new(transaction) }
    }

    /// Notes which cache this is, and how it is.
    pub fn identify(&self, identity: &CacheIdentity) -> Result<(), StoreError> {
        let sql = "INSERT INTO cache_identity (id, cache_id, is_marked, is_clean) VALUES (1, ?1, ?2, ?3) \
                   ON CONFLICT (id) DO UPDATE SET cache_id = ?1, is_marked = ?2, is_clean = ?3";
        let CacheIdentity { cache_id, is_marked, is_clean } = identity;
        self.transaction.execute(sql, (cache_id, is_marked, is_clean)).map(drop)
    }

    /// Notes that a file is about to get its name; one that was about to get the same name before is forgotten.
    pub fn begin_publish(&self, new: &PublishRow) -> Result<(), StoreError> {
        let sql = "INSERT OR REPLACE INTO cache_publish (institution, record, resolution, bytes, sha256, inode, \
                   modified_nanoseconds, url, source_bytes, validator, note) VALUES (:institution, :record, \
                   :resolution, :bytes, :sha256, :inode, :modified, :url, :source_bytes, :validator, :note)";
        let PublishRow { name, content, inode, source, note } = new;
        let values = named_params! {
            ":institution": name.institution, ":record": name.record, ":resolution": name.resolution,
            ":bytes": signed(content.bytes), ":sha256": content.sha256, ":inode": inode.cast_signed(),
            ":modified": content.modified_nanoseconds, ":url": source.url,
            ":source_bytes": source.bytes.map(signed), ":validator": source.validator, ":note": note,
        };
        self.transaction.execute(sql, values).map(drop)
    }

    /// Forgets that a file is about to get its name.
    pub fn end_publish(&self, name: &FileName) -> Result<(), StoreError> {
        let sql = "DELETE FROM cache_publish WHERE institution = :institution AND record = :record \
                   AND resolution = :resolution";
        self.transaction.execute(sql, named(name).as_slice()).map(drop)
    }

    /// Records a file that has its name, in the place of one that had it before: who held that holds this one.
    pub fn put(&self, new: &NewFile, now_milliseconds: i64) -> Result<FileRow, StoreError> {
        let sql = "INSERT INTO cache_file (institution, record, resolution, state, bytes, sha256, \
                   modified_nanoseconds, url, source_bytes, validator, sequence, created_milliseconds, \
                   used_milliseconds, note) VALUES (:institution, :record, :resolution, 'ready', :bytes, :sha256, \
                   :modified, :url, :source_bytes, :validator, :sequence, :now, :used, :note) \
                   ON CONFLICT (institution, record, resolution) WHERE state <> 'quarantined' DO UPDATE SET \
                   state = excluded.state, bytes = excluded.bytes, sha256 = excluded.sha256, \
                   modified_nanoseconds = excluded.modified_nanoseconds, url = excluded.url, \
                   source_bytes = excluded.source_bytes, validator = excluded.validator, \
                   sequence = excluded.sequence, created_milliseconds = excluded.created_milliseconds, \
                   used_milliseconds = excluded.used_milliseconds, note = excluded.note RETURNING *";
        let NewFile { name, content, source, sequence, used_milliseconds, note } = new;
        let values = named_params! {
            ":institution": name.institution, ":record": name.record, ":resolution": name.resolution,
            ":bytes": signed(content.bytes), ":sha256": content.sha256,
            ":modified": content.modified_nanoseconds, ":url": source.url,
            ":source_bytes": source.bytes.map(signed), ":validator": source.validator,
            ":sequence": signed(*sequence), ":now": now_milliseconds, ":used": used_milliseconds, ":note": note,
        };
        let row = self.transaction.row(sql, values, file)?;
        row.ok_or_else(|| StoreError::Statement("a file that was recorded is not there".to_owned()))
    }

    /// Changes a file's state, and says why.
    pub fn set_state(&self, id: i64, state: &str, note: &str) -> Result<(), StoreError> {
        let sql = "UPDATE cache_file SET state = ?2, note = ?3 WHERE id = ?1";
        self.transaction.execute(sql, (id, state, note)).map(drop)
    }

    /// Notes by which number the disk knows a damaged file.
    pub fn set_inode(&self, id: i64, inode: u64) -> Result<(), StoreError> {
        self.transaction
            .execute("UPDATE cache_file SET inode = ?2 WHERE id = ?1", (id, inode.cast_signed()))
            .map(drop)
    }

    /// Moves files to the end of the order of going.
    pub fn touch(&self, id: i64, sequence: u64, now_milliseconds: i64) -> Result<(), StoreError> {
        let sql = "UPDATE cache_file SET sequence = ?2, used_milliseconds = ?3 WHERE id = ?1";
        self.transaction.execute(sql, (id, signed(sequence), now_milliseconds)).map(drop)
    }

    /// Notes what a file was found to be.
    pub fn set_content(&self, id: i64, content: &FileContent) -> Result<(), StoreError> {
        let sql = "UPDATE cache_file SET bytes = ?2, sha256 = ?3, modified_nanoseconds = ?4 WHERE id = ?1";
        let values = (id, signed(content.bytes), &content.sha256, content.modified_nanoseconds);
        self.transaction.execute(sql, values).map(drop)
    }

    /// Notes where a file may be had, and what that place says of it.
    pub fn set_source(&self, id: i64, source: &FileSource) -> Result<(), StoreError> {
        let sql = "UPDATE cache_file SET url = ?2, source_bytes = ?3, validator = ?4 WHERE id = ?1";
        let values = (id, &source.url, source.bytes.map(signed), &source.validator);
        self.transaction.execute(sql, values).map(drop)
    }

    /// Forgets a file, and who held it.
    pub fn forget(&self, id: i64) -> Result<(), StoreError> {
        self.transaction.execute("DELETE FROM cache_file WHERE id = ?1", [id]).map(drop)
    }

    /// Forgets a file that went, and remembers that it did and why.
    pub fn evicted(&self, id: i64, reason: &str, now_milliseconds: i64) -> Result<(), StoreError> {
        let sql = "INSERT INTO cache_eviction (institution, record, resolution, bytes, reason, used_milliseconds, \
                   time_milliseconds) SELECT institution, record, resolution, bytes, ?2, used_milliseconds, ?3 \
                   FROM cache_file WHERE id = ?1";
        self.transaction.execute(sql, (id, reason, now_milliseconds))?;
        let old = "DELETE FROM cache_eviction WHERE id <= (SELECT max(id) FROM cache_eviction) - ?1";
        self.transaction.execute(old, [EVICTIONS_KEPT])?;
        self.forget(id)
    }

    /// Records a hold; one that the holder has already gets the new end.
    pub fn lease(&self, lease: &LeaseRow) -> Result<(), StoreError> {
        let sql = "INSERT INTO cache_lease (file, kind, holder, since_milliseconds, until_milliseconds) \
                   VALUES (?1, ?2, ?3, ?4, ?5) \
                   ON CONFLICT (file, kind, holder) DO UPDATE SET until_milliseconds = excluded.until_milliseconds";
        let LeaseRow { file, kind, holder, since_milliseconds, until_milliseconds } = lease;
        self.transaction.execute(sql, (file, kind, holder, since_milliseconds, until_milliseconds)).map(drop)
    }

    /// Ends a holder's hold on a file.
    pub fn release(&self, file: i64, kind: &str, holder: &str) -> Result<(), StoreError> {
        let sql = "DELETE FROM cache_lease WHERE file = ?1 AND kind = ?2 AND holder = ?3";
        self.transaction.execute(sql, (file, kind, holder)).map(drop)
    }

    /// Ends all holds of a holder.
    pub fn release_all(&self, kind: &str, holder: &str) -> Result<(), StoreError> {
        let sql = "DELETE FROM cache_lease WHERE kind = ?1 AND holder = ?2";
        self.transaction.execute(sql, (kind, holder)).map(drop)
    }

    /// Forgets the holds whose time is over.
    pub fn expire(&self, now_milliseconds: i64) -> Result<(), StoreError> {
        let sql = "DELETE FROM cache_lease WHERE until_milliseconds <= ?1";
        self.transaction.execute(sql, [now_milliseconds]).map(drop)
    }
}

/// No file and no order of use comes near the numbers that SQLite has no room for.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
