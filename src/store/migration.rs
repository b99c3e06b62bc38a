//! From any schema that we ever wrote to today's: one file per step, applied in one transaction, all or nothing.
//!
//! The schema's number is SQLite's `user_version`. A file that has been released is never changed again.

use rusqlite::Connection;
use rusqlite_migration::{Error, M, Migrations};

const STEPS: &[M<'_>] = &[
    M::up(include_str!("migrations/001_job.sql")),
    M::up(include_str!("migrations/002_outbox.sql")),
    M::up(include_str!("migrations/003_cache.sql")),
    M::up(include_str!("migrations/004_rendition.sql")),
    M::up(include_str!("migrations/005_booking.sql")),
    M::up(include_str!("migrations/006_booking_past.sql")),
    M::up(include_str!("migrations/007_outbox_pruned.sql")),
];

/// Returns the number of today's schema.
pub(super) fn latest() -> i64 {
    i64::try_from(STEPS.len()).expect("the steps are a short list in this file")
}

/// Takes the database to today's schema.
pub(super) fn run(connection: &mut Connection) -> rusqlite::Result<()> {
    to(connection, latest())
}

/// Takes an empty or older database to the schema of that number.
pub(super) fn to(connection: &mut Connection, version: i64) -> rusqlite::Result<()> {
    let version = usize::try_from(version).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(0, version))?;
    Migrations::from_slice(STEPS).to_version(connection, version).map_err(|error| match error {
        Error::RusqliteError { err, .. } => err,
        other => rusqlite::Error::ToSqlConversionFailure(other.into()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_is_sound_and_leads_to_today_s_schema() {
        Migrations::from_slice(STEPS).validate().unwrap();
    }
}
