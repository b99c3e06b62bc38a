//! What a closure may do with the database: read one state of it, or change it in a transaction.
//!
//! The tables' own functions are beside their types (`job`, `outbox`); every statement passes here, so that no error of
//! the disk goes unnoticed.

use std::cell::RefCell;
use std::ops::Deref;

use rusqlite::{Connection, Params, Row};

use super::StoreError;
use super::booking::{BookingRows, Bookings};
use super::cache::{CacheRows, CacheTables};
use super::error::Fault;
use super::health::Health;
use super::inbox::{Alarms, Inbox, InboxRows};
use super::job::{JobRows, Jobs};
use super::legacy_row::{LegacyRowRows, LegacyRows};
use super::outbox::{Outbox, OutboxRows};
use super::rendition::{RenditionRows, Renditions, WaiterRows, Waiters};

/// One state of the database, for reading: what is committed meanwhile is not seen.
#[derive(Debug)]
pub struct Reading<'a> {
    connection: &'a Connection,
    health: &'a Health,
    /// The last thing that went wrong; an error that ends the whole transaction is everybody's in it.
    fault: RefCell<Option<Fault>>,
}

impl<'a> Reading<'a> {
    pub(super) fn new(connection: &'a Connection, health: &'a Health) -> Self {
        Self { connection, health, fault: RefCell::new(None) }
    }

    /// Returns what can be asked about jobs.
    pub fn jobs(&self) -> JobRows<'_> {
        JobRows::new(self)
    }

    /// Returns what can be asked about events.
    pub fn outbox(&self) -> OutboxRows<'_> {
        OutboxRows::new(self)
    }

    /// Returns what can be asked about bookings.
    pub fn bookings(&self) -> BookingRows<'_> {
        BookingRows::new(self)
    }

    /// Returns what can be asked about messages that were taken.
    pub fn inbox(&self) -> InboxRows<'_> {
        InboxRows::new(self)
    }

    /// Returns what can be asked about renditions.
    pub fn renditions(&self) -> RenditionRows<'_> {
        RenditionRows::new(self)
    }

    /// Returns what can be asked about the classes that wait for them.
    pub fn waiters(&self) -> WaiterRows<'_> {
        WaiterRows::new(self)
    }

    /// Returns what can be asked about what was taken over.
    pub fn legacy_rows(&self) -> LegacyRowRows<'_> {
        LegacyRowRows::new(self)
    }

    /// Returns what can be asked about the cache's files.
    pub fn cache(&self) -> CacheRows<'_> {
        CacheRows::new(self)
    }

    /// Returns every row of an answer.
    pub(super) fn rows<T>(
        &self,
        sql: &str,
        values: impl Params,
        read: fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        #[cfg(test)]
        super::tests::plan::heard(sql);
        let all = || -> rusqlite::Result<Vec<T>> {
            self.connection.prepare_cached(sql)?.query_map(values, read)?.collect()
        };
        all().map_err(|error| self.refuse(&error))
    }

    /// Returns the first row of an answer.
    pub(super) fn row<T>(
        &self,
        sql: &str,
        values: impl Params,
        read: fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, StoreError> {
        Ok(self.rows(sql, values, read)?.into_iter().next())
    }

    fn refuse(&self, error: &rusqlite::Error) -> StoreError {
        let fault = self.health.judge(error);
        let answer = self.health.error(&fault);
        *self.fault.borrow_mut() = Some(fault);
        answer
    }

    /// Returns the last thing that went wrong.
    pub(super) fn fault(&self) -> Option<Fault> {
        self.fault.borrow().clone()
    }
}

/// A transaction under way: what is done through it stands for all to see, and on the disk, or not at all.
#[derive(Debug)]
pub struct Transaction<'a> {
    reading: Reading<'a>,
}

impl<'a> Transaction<'a> {
    pub(super) fn new(connection: &'a Connection, health: &'a Health) -> Self {
        Self { reading: Reading::new(connection, health) }
    }

    /// Returns what can be done with jobs, and asked.
    pub fn jobs(&self) -> Jobs<'_> {
        Jobs::new(self)
    }

    /// Returns what can be done with events, and asked.
    pub fn outbox(&self) -> Outbox<'_> {
        Outbox::new(self)
    }

    /// Returns what can be done with bookings, and asked.
    pub fn bookings(&self) -> Bookings<'_> {
        Bookings::new(self)
    }

    /// Returns what can be done with messages that were taken, and asked.
    pub fn inbox(&self) -> Inbox<'_> {
        Inbox::new(self)
    }

    /// Returns what can be done with alarms.
    pub fn alarms(&self) -> Alarms<'_> {
        Alarms::new(self)
    }

    /// Returns what can be done with renditions, and asked.
    pub fn renditions(&self) -> Renditions<'_> {
        Renditions::new(self)
    }

    /// Returns what can be done with the classes that wait for them, and asked.
    pub fn waiters(&self) -> Waiters<'_> {
        Waiters::new(self)
    }

    /// Returns what can be done with the list of what was taken over, and asked.
    pub fn legacy_rows(&self) -> LegacyRows<'_> {
        LegacyRows::new(self)
    }

    /// Returns what can be done with the cache's files, and asked.
    pub fn cache(&self) -> CacheTables<'_> {
        CacheTables::new(self)
    }

    /// Changes rows and returns how many.
    pub(super) fn execute(&self, sql: &str, values: impl Params) -> Result<usize, StoreError> {
        #[cfg(test)]
        super::tests::plan::heard(sql);
        let change = || self.connection.prepare_cached(sql)?.execute(values);
        change().map_err(|error| self.refuse(&error))
    }
}

impl<'a> Deref for Transaction<'a> {
    type Target = Reading<'a>;

    fn deref(&self) -> &Self::Target {
        &self.reading
    }
}
