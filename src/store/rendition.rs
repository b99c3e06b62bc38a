//! Renditions and the classes that wait for them, as rows: what is known, not what is to become of it.

use std::ops::Deref;

use rusqlite::{Row, ToSql};

use super::job::word;
use super::{Reading, StoreError, Transaction};

/// Where a rendition is in its life. One that nobody has asked for has no row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RenditionState {
    /// Somebody makes it.
    Transcoding,
    /// It was made.
    Succeeded,
    /// Nobody could make it.
    Failed,
    /// Nobody made it in time.
    TimedOut,
}

impl RenditionState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Transcoding, Self::Succeeded, Self::Failed, Self::TimedOut];

    /// Returns the name in the database and in documents.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Transcoding => "transcoding",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
        }
    }

    /// Returns the state of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// What is known of a rendition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendition {
    /// Whose; empty for the single default institution.
    pub institution: String,
    /// Of which recording.
    pub record: String,
    /// Its short side.
    pub resolution: u32,
    /// Where it is in its life.
    pub state: RenditionState,
    /// Who makes it, or did; empty where nobody knows.
    pub provider: String,
    /// Which attempt this is.
    pub attempt: u32,
    /// When the attempt is given up, in Unix milliseconds; there while it is made, and only then.
    pub deadline_milliseconds: Option<i64>,
    /// Where it lies; empty where nobody knows.
    pub url: String,
    /// How many times its address turned out to be useless since it last was of use.
    pub returns: u32,
    /// When the row last changed.
    pub updated_milliseconds: i64,
}

/// A class that waits for a rendition, taken over from an older system: it becomes a booking when the node first starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiter {
    /// The rendition's institution.
    pub institution: String,
    /// The recording.
    pub record: String,
    /// The rendition's short side.
    pub resolution: u32,
    /// The class, as a holder is called: with its institution where that is not the rendition's.
    pub class_id: String,
    /// Since when, in Unix milliseconds.
    pub since_milliseconds: i64,
}

/// What can be asked about renditions.
#[derive(Debug)]
pub struct RenditionRows<'a> {
    reading: &'a Reading<'a>,
}

impl<'a> RenditionRows<'a> {
    pub(super) fn new(reading: &'a Reading<'a>) -> Self {
        Self { reading }
    }

    /// Returns what is known of one.
    pub fn get(&self, institution: &str, record: &str, resolution: u32) -> Result<Option<Rendition>, StoreError> {
        let sql = "SELECT * FROM rendition WHERE institution = ?1 AND record = ?2 AND resolution = ?3";
        self.reading.row(sql, (institution, record, resolution), rendition)
    }

    /// Returns up to `limit` renditions whose time ran out.
    pub fn overdue(&self, now_milliseconds: i64, limit: u32) -> Result<Vec<Rendition>, StoreError> {
        let sql = "SELECT * FROM rendition WHERE state = 'transcoding' AND deadline_milliseconds <= ?1 \
                   ORDER BY deadline_milliseconds LIMIT ?2";
        self.reading.rows(sql, (now_milliseconds, limit), rendition)
    }

    /// Returns up to `limit` renditions that somebody makes.
    pub fn under_way(&self, limit: u32) -> Result<Vec<Rendition>, StoreError> {
        let sql = "SELECT * FROM rendition WHERE state = 'transcoding' ORDER BY deadline_milliseconds LIMIT ?1";
        self.reading.rows(sql, [limit], rendition)
    }

    /// Returns all of them, in the order in which they came.
    pub fn all(&self) -> Result<Vec<Rendition>, StoreError> {
        self.reading.rows("SELECT * FROM rendition ORDER BY rowid", [], rendition)
    }
}

/// What can be done with renditions, and asked.
#[derive(Debug)]
pub struct Renditions<'a> {
    transaction: &'a Transaction<'a>,
    rows: RenditionRows<'a>,
}

impl<'a> Deref for Renditions<'a> {
    type Target = RenditionRows<'a>;

    fn deref(&self) -> &Self::Target {
        &self.rows
    }
}

impl<'a> Renditions<'a> {
    pub(super) fn new(transaction: &'a Transaction<'a>) -> Self {
        Self { transaction, rows: RenditionRows::new(transaction) }
    }

    /// Records one; returns `false` and changes nothing where there is a row of it already.
    pub fn insert(&self, new: &Rendition) -> Result<bool, StoreError> {
        let sql = "INSERT INTO rendition (institution, record, resolution, state, provider, attempt, \
                   deadline_milliseconds, url, returns, updated_milliseconds) VALUES (:institution, :record, \
                   :resolution, :state, :provider, :attempt, :deadline, :url, :returns, :updated) \
                   ON CONFLICT (institution, record, resolution) DO NOTHING";
        self.transaction.execute(sql, columns(new).as_slice()).map(|rows| rows > 0)
    }

    /// Records what is known of one now, whatever was before.
    pub fn save(&self, now: &Rendition) -> Result<(), StoreError> {
        let sql = "INSERT OR REPLACE INTO rendition (institution, record, resolution, state, provider, attempt, \
                   deadline_milliseconds, url, returns, updated_milliseconds) VALUES (:institution, :record, \
                   :resolution, :state, :provider, :attempt, :deadline, :url, :returns, :updated)";
        self.transaction.execute(sql, columns(now).as_slice()).map(|_| ())
    }

    /// Gives an attempt that runs another deadline.
    pub fn set_deadline(&self, of: &Rendition, deadline_milliseconds: i64) -> Result<(), StoreError> {
        let sql = "UPDATE rendition SET deadline_milliseconds = ?1 WHERE institution = ?2 AND record = ?3 \
                   AND resolution = ?4 AND state = 'transcoding' AND attempt = ?5";
        let values = (deadline_milliseconds, &of.institution, &of.record, of.resolution, of.attempt);
        self.transaction.execute(sql, values).map(|_| ())
    }
}

/// Returns a row's values for a statement; the states have names that live as long as the program.
fn columns(row: &Rendition) -> [(&'static str, Box<dyn ToSql + '_>); 10] {
    [
        (":institution", Box::new(&row.institution)),
        (":record", Box::new(&row.record)),
        (":resolution", Box::new(row.resolution)),
        (":state", Box::new(row.state.name())),
        (":provider", Box::new(&row.provider)),
        (":attempt", Box::new(row.attempt)),
        (":deadline", Box::new(row.deadline_milliseconds)),
        (":url", Box::new(&row.url)),
        (":returns", Box::new(row.returns)),
        (":updated", Box::new(row.updated_milliseconds)),
    ]
}

/// What can be asked about waiting classes.
#[derive(Debug)]
pub struct WaiterRows<'a> {
    reading: &'a Reading<'a>,
}

impl<'a> WaiterRows<'a> {
    pub(super) fn new(reading: &'a Reading<'a>) -> Self {
        Self { reading }
    }

    /// Returns who waits for a rendition, the first to come first.
    pub fn of(&self, institution: &str, record: &str, resolution: u32) -> Result<Vec<Waiter>, StoreError> {
        let sql = "SELECT * FROM waiter WHERE institution = ?1 AND record = ?2 AND resolution = ?3 ORDER BY rowid";
        self.reading.rows(sql, (institution, record, resolution), waiter)
    }
}

/// What can be done with waiting classes, and asked.
#[derive(Debug)]
pub struct Waiters<'a> {
    transaction: &'a Transaction<'a>,
    rows: WaiterRows<'a>,
}

impl<'a> Deref for Waiters<'a> {
    type Target = WaiterRows<'a>;

    fn deref(&self) -> &Self::Target {
        &self.rows
    }
}

impl<'a> Waiters<'a> {
    pub(super) fn new(transaction: &'a Transaction<'a>) -> Self {
        Self { transaction, rows: WaiterRows::new(transaction) }
    }

    /// Takes up to `limit` classes off the list, and returns them.
    pub fn take(&self, limit: u32) -> Result<Vec<Waiter>, StoreError> {
        let sql =
            "DELETE FROM waiter WHERE rowid IN (SELECT rowid FROM waiter ORDER BY rowid LIMIT ?1) RETURNING *";
        self.transaction.rows(sql, [limit], waiter)
    }

    /// Lets a class wait; returns `false` where it does already.
    pub fn add(&self, new: &Waiter) -> Result<bool, StoreError> {
        let sql = "INSERT OR IGNORE INTO waiter (institution, record, resolution, class_id, since_milliseconds) \
                   VALUES (?1, ?2, ?3, ?4, ?5)";
        let values = (&new.institution, &new.record, new.resolution, &new.class_id, new.since_milliseconds);
        self.transaction.execute(sql, values).map(|rows| rows > 0)
    }
}

fn rendition(row: &Row<'_>) -> rusqlite::Result<Rendition> {
    Ok(Rendition {
        institution: row.get("institution")?,
        record: row.get("record")?,
        resolution: row.get("resolution")?,
        state: word(row, "state", RenditionState::parse)?,
        provider: row.get("provider")?,
        attempt: row.get("attempt")?,
        deadline_milliseconds: row.get("deadline_milliseconds")?,
        url: row.get("url")?,
        returns: row.get("returns")?,
        updated_milliseconds: row.get("updated_milliseconds")?,
    })
}

fn waiter(row: &Row<'_>) -> rusqlite::Result<Waiter> {
    Ok(Waiter {
        institution: row.get("institution")?,
        record: row.get("record")?,
        resolution: row.get("resolution")?,
        class_id: row.get("class_id")?,
        since_milliseconds: row.get("since_milliseconds")?,
    })
}
