//! `reelmill db`: whether the node's database is whole, and the ways out when it is not.
//!
//! What is done is the store's; here is what is said about it.

mod wire;

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use jiff::Timestamp;

use super::console::Paint;
use super::sheet::{self, sheet, shown};
use super::{CommandError, Console, config};
use crate::cli::{DbCommand, DbPlaceArgs};
use crate::config::Variables;
use crate::failure::ExitCode;
use crate::figure;
use crate::store::{self, BackupFile, Depth, Rebuilt, Report, Restored, StoreError};

/// Runs the command and prints its result.
pub(super) fn run(command: &DbCommand, variables: &Variables, console: &Console) -> Result<ExitCode, CommandError> {
    let place = command.place();
    let database = folder(place, variables)?.join(store::FILE_NAME);
    let text = carry_out(command, &database, console.stdout).map_err(CommandError::stage)?;
    console.print(&text)?;
    Ok(ExitCode::Done)
}

/// Returns the folder that is named, or else the configured one: a broken configuration must not keep anybody from
/// mending a database.
fn folder(place: &DbPlaceArgs, variables: &Variables) -> Result<PathBuf, CommandError> {
    match &place.data_folder {
        Some(folder) => Ok(folder.clone()),
        None => Ok(config::read_without_secrets(&place.files, variables)?.config.node.data_folder.clone()),
    }
}

fn carry_out(command: &DbCommand, database: &Path, paint: Paint) -> Result<String, StoreError> {
    let json = command.place().json;
    Ok(match command {
        DbCommand::Check { full, .. } => {
            let report = store::check(database, if *full { Depth::Full } else { Depth::Quick })?;
            if json { wire::check_document(&report) } else { checked(&report, paint) }
        }
        DbCommand::Backup { file, .. } => {
            let made = store::backup(database, file.as_deref())?;
            if json { wire::backup_document(&made) } else { format!("backup  {}", backup_file(&made)) }
        }
        DbCommand::Restore { from, .. } => {
            let restored = store::restore(database, from.as_deref())?;
            if json { wire::restore_document(&restored) } else { put_back(&restored, paint) }
        }
        DbCommand::RebuildIndex { .. } => {
            let rebuilt = store::rebuild(database)?;
            if json { wire::rebuild_document(&rebuilt) } else { made_anew(&rebuilt, paint) }
        }
    })
}

fn checked(report: &Report, paint: Paint) -> String {
    sheet(&format!("{}: whole", shown(&report.path)), &facts(report), paint)
}

fn facts(report: &Report) -> Vec<(&'static str, String)> {
    let schema = match report.latest_version {
        latest if latest == report.schema_version => report.schema_version.to_string(),
        latest => format!("{}, brought to {latest} when a node next opens it", report.schema_version),
    };
    let size = format!("{}, and {} in its log", figure::bytes(report.bytes), figure::bytes(report.wal_bytes));
    let mut facts = vec![("schema", schema), ("size", size)];
    facts.extend(report.rows.iter().map(|(table, rows)| (*table, figure::count(*rows, "row"))));
    facts.push(("backup", report.backup.as_ref().map_or("none".to_owned(), backup_file)));
    facts
}

fn put_back(restored: &Restored, paint: Paint) -> String {
    let mut facts = facts(&restored.report);
    facts.retain(|(label, _)| *label != "backup");
    facts.push(("from", backup_file(&restored.from)));
    facts.extend(restored.aside.as_deref().map(|aside| ("kept", shown(aside))));
    sheet(&format!("{}: restored", shown(&restored.report.path)), &facts, paint)
}

fn made_anew(rebuilt: &Rebuilt, paint: Paint) -> String {
    let table = |table: &store::SavedTable| {
        let lost = match table.lost {
            0 => "none lost".to_owned(),
            lost => format!("at most {lost} lost"),
        };
        (table.name, format!("{} saved, {lost}", figure::count(table.saved, "row")))
    };
    let mut facts: Vec<(&str, String)> = rebuilt.tables.iter().map(table).collect();
    facts.extend(rebuilt.aside.as_deref().map(|aside| ("kept", shown(aside))));
    sheet(&format!("{}: made anew", shown(&rebuilt.path)), &facts, paint)
}

fn backup_file(file: &BackupFile) -> String {
    format!("{}, {}, of {}", shown(&file.path), figure::bytes(file.bytes), moment(file.made))
}

/// Returns a time as `2026-11-20T18:00:00Z`; what no calendar holds is left out.
fn moment(time: SystemTime) -> String {
    Timestamp::try_from(time).map_or(String::new(), |time| sheet::moment(time.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::store::SavedTable;

    fn backup() -> BackupFile {
        let made = SystemTime::UNIX_EPOCH + Duration::from_millis(1_763_661_600_500);
        BackupFile { path: "/data/reelmill.db.backup".into(), bytes: 2048, made }
    }

    fn report() -> Report {
        Report {
            path: "/data/reelmill.db".into(),
            schema_version: 1,
            latest_version: 2,
            bytes: 4096,
            wal_bytes: 0,
            rows: vec![("job", 1), ("outbox", 20)],
            backup: None,
        }
    }

    #[test]
    fn a_check_tells_what_is_there() {
        assert_eq!(
            checked(&report(), Paint(false)),
            "/data/reelmill.db: whole\n  \
             schema    1, brought to 2 when a node next opens it\n  \
             size      4.0 KiB, and 0 B in its log\n  \
             job       1 row\n  \
             outbox    20 rows\n  \
             backup    none"
        );
        let with_backup = Report { backup: Some(backup()), ..report() };
        let text = checked(&with_backup, Paint(false));
        assert!(text.ends_with("backup    /data/reelmill.db.backup, 2.0 KiB, of 2025-11-20T18:00:00Z"), "{text}");
    }

    #[test]
    fn a_rebuild_tells_what_was_saved_and_what_is_lost() {
        let tables = vec![
            SavedTable { name: "job", saved: 95, lost: 5 },
            SavedTable { name: "outbox", saved: 100, lost: 0 },
        ];
        let rebuilt =
            Rebuilt { path: "/data/reelmill.db".into(), aside: Some("/data/reelmill.db.damaged-1".into()), tables };
        assert_eq!(
            made_anew(&rebuilt, Paint(false)),
            "/data/reelmill.db: made anew\n  \
             job       95 rows saved, at most 5 lost\n  \
             outbox    100 rows saved, none lost\n  \
             kept      /data/reelmill.db.damaged-1"
        );
    }

    #[test]
    fn a_restore_tells_from_what_and_what_was_kept() {
        let restored = Restored { from: backup(), aside: None, report: report() };
        let text = put_back(&restored, Paint(false));
        assert!(text.starts_with("/data/reelmill.db: restored\n"), "{text}");
        assert!(text.ends_with("from      /data/reelmill.db.backup, 2.0 KiB, of 2025-11-20T18:00:00Z"), "{text}");
    }
}
