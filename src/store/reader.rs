//! A few connections that only read, each beside the writer and beside the others.
//!
//! Whoever finds none free waits for one: reads are short, and more at once than there are cores gains nothing.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use super::connection::open_to_read;
use super::health::Health;
use super::transaction::Reading;
use super::{Options, StoreError};

/// The connections that nobody uses at the moment.
#[derive(Debug)]
pub(super) struct Readers {
    free: Mutex<Vec<Connection>>,
    returned: Condvar,
}

impl Readers {
    /// Opens them all, so that a node without descriptors to spare learns it at its start.
    pub(super) fn open(health: &Health, options: &Options) -> Result<Self, StoreError> {
        let open = |_| open_to_read(health.layout().database(), options.busy_time);
        let free: rusqlite::Result<Vec<Connection>> = (0..options.readers.max(1)).map(open).collect();
        let free = free.map_err(|error| health.refuse(&error))?;
        Ok(Self { free: Mutex::new(free), returned: Condvar::new() })
    }

    /// Lets `work` read one state of the database.
    pub(super) fn read<T, E: From<StoreError>>(
        &self,
        health: &Health,
        work: impl FnOnce(&Reading<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        health.check()?;
        let lent = self.lend();
        lent.connection().execute_batch("BEGIN").map_err(|error| health.refuse(&error))?;
        work(&Reading::new(lent.connection(), health))
    }

    fn lend(&self) -> Lent<'_> {
        let mut free = self.free();
        loop {
            if let Some(connection) = free.pop() {
                return Lent { readers: self, connection: Some(connection) };
            }
            free = self.returned.wait(free).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn free(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection in use; it goes back when this is dropped, also by a panic.
struct Lent<'a> {
    readers: &'a Readers,
    connection: Option<Connection>,
}

impl Lent<'_> {
    fn connection(&self) -> &Connection {
        self.connection.as_ref().expect("it is given back by dropping this, and by nothing else")
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        if !connection.is_autocommit() {
            // Nothing was written, so there is nothing to lose; a connection that cannot even do this refuses the
            // next reader by itself.
            let _ = connection.execute_batch("ROLLBACK");
        }
        self.readers.free().push(connection);
        self.readers.returned.notify_one();
    }
}
