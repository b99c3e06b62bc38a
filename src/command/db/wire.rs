//! What `reelmill db` answers in JSON: `reelmill.db-check/1`, `-backup/1`, `-restore/1`, `-rebuild/1`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::moment;
use crate::command::wire::pretty;
use crate::store::{BackupFile, Rebuilt, Report, Restored};

#[derive(Serialize)]
struct CheckDocument {
    schema: &'static str,
    #[serde(flatten)]
    database: Database,
}

#[derive(Serialize)]
struct Database {
    path: String,
    schema_version: i64,
    latest_schema_version: i64,
    bytes: u64,
    wal_bytes: u64,
    rows: BTreeMap<&'static str, u64>,
    backup: Option<Backup>,
}

#[derive(Serialize)]
struct Backup {
    path: String,
    bytes: u64,
    made: String,
}

#[derive(Serialize)]
struct BackupDocument {
    schema: &'static str,
    backup: Backup,
}

#[derive(Serialize)]
struct RestoreDocument {
    schema: &'static str,
    from: Backup,
    kept: Option<String>,
    database: Database,
}

#[derive(Serialize)]
struct RebuildDocument {
    schema: &'static str,
    path: String,
    kept: Option<String>,
    tables: BTreeMap<&'static str, Saved>,
}

#[derive(Serialize)]
struct Saved {
    saved_rows: u64,
    lost_rows_at_most: u64,
}

/// Returns the document of a check that found nothing wrong.
pub(super) fn check_document(report: &Report) -> String {
    pretty(&CheckDocument { schema: "reelmill.db-check/1", database: database(report) })
}

/// Returns the document of a backup.
pub(super) fn backup_document(made: &BackupFile) -> String {
    pretty(&BackupDocument { schema: "reelmill.db-backup/1", backup: backup(made) })
}

/// Returns the document of a restore.
pub(super) fn restore_document(restored: &Restored) -> String {
    pretty(&RestoreDocument {
        schema: "reelmill.db-restore/1",
        from: backup(&restored.from),
        kept: restored.aside.as_deref().map(text),
        database: database(&restored.report),
    })
}

/// Returns the document of a rebuild.
pub(super) fn rebuild_document(rebuilt: &Rebuilt) -> String {
    let saved = rebuilt.tables.iter();
    let saved =
        saved.map(|table| (table.name, Saved { saved_rows: table.saved, lost_rows_at_most: table.lost })).collect();
    pretty(&RebuildDocument {
        schema: "reelmill.db-rebuild/1",
        path: text(&rebuilt.path),
        kept: rebuilt.aside.as_deref().map(text),
        tables: saved,
    })
}

fn database(report: &Report) -> Database {
    Database {
        path: text(&report.path),
        schema_version: report.schema_version,
        latest_schema_version: report.latest_version,
        bytes: report.bytes,
        wal_bytes: report.wal_bytes,
        rows: report.rows.iter().copied().collect(),
        backup: report.backup.as_ref().map(backup),
    }
}

fn backup(file: &BackupFile) -> Backup {
    Backup { path: text(&file.path), bytes: file.bytes, made: moment(file.made) }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
