//! The files: who may open which, and what stands where afterwards.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{insertion, open, options, scratch, stranger};
use crate::failure::{Failure, FailureClass};
use crate::store::health::Health;
use crate::store::layout::Layout;
use crate::store::{self, Depth, FILE_NAME, Options, Store, StoreError, migration};

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A closed database with jobs in it, and its path.
fn filled() -> (tempfile::TempDir, PathBuf) {
    let scratch = scratch();
    scratch.fill(300);
    let folder = scratch.closed();
    let path = folder.path().join(FILE_NAME);
    (folder, path)
}

#[test]
fn a_new_database_is_its_owner_s_alone_and_leaves_no_draft() {
    let folder = scratch().closed();
    assert_eq!(names(folder.path()), ["reelmill.db", "reelmill.db.lock"]);
    for name in names(folder.path()) {
        assert_eq!(fs::metadata(folder.path().join(name)).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_second_opener_is_told_who_was_first() {
    let scratch = scratch();
    let refused = Store::open(&scratch.path(), &options()).unwrap_err();
    assert_eq!((refused.code(), refused.class()), ("DB_IN_USE", FailureClass::Transient));
    assert!(refused.to_string().ends_with(&format!("by process {}", std::process::id())), "{refused}");
    let path = scratch.path();
    for error in [store::restore(&path, None).unwrap_err(), store::rebuild(&path).unwrap_err()] {
        assert!(matches!(error, StoreError::InUse { .. } | StoreError::Missing { .. }), "{error}");
    }
    store::check(&path, Depth::Full).unwrap();
    let folder = scratch.closed();
    open(&folder).unwrap();
}

#[test]
fn a_folder_that_is_not_there_is_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let refused = Store::open(&folder.path().join("gone").join(FILE_NAME), &options()).unwrap_err();
    assert_eq!(refused.code(), "DB_UNWRITABLE");
    assert!(names(folder.path()).is_empty());
}

#[test]
fn s3_a_damaged_database_is_refused_and_not_a_byte_of_it_changed() {
    for (from, to) in [(0, 100), (4096, 8192), (8192, 20_000)] {
        let (folder, path) = filled();
        let mut bytes = fs::read(&path).unwrap();
        bytes[from..to].fill(0xa5);
        fs::write(&path, &bytes).unwrap();
        for refused in [open(&folder).unwrap_err(), store::check(&path, Depth::Full).unwrap_err()] {
            assert_eq!((refused.code(), refused.class()), ("DB_DAMAGED", FailureClass::Capacity), "{refused}");
            assert!(refused.to_string().ends_with("there is no backup of it"), "{refused}");
            assert!(refused.cure().contains("db restore") && refused.cure().contains("db rebuild-index"));
        }
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }
}

#[test]
fn s3_a_database_that_was_cut_to_nothing_is_not_begun_anew() {
    let (folder, path) = filled();
    fs::write(&path, "").unwrap();
    assert_eq!(open(&folder).unwrap_err().code(), "DB_DAMAGED");
    assert_eq!(fs::read(&path).unwrap(), b"");
}

#[test]
fn a_database_that_is_gone_while_its_backup_is_there_is_not_begun_anew() {
    let (folder, path) = filled();
    store::backup(&path, None).unwrap();
    fs::remove_file(&path).unwrap();
    let refused = open(&folder).unwrap_err();
    assert_eq!(refused.code(), "DB_MISSING");
    assert!(refused.to_string().contains("its backup is /"), "{refused}");
    assert!(!path.try_exists().unwrap());
    store::restore(&path, None).unwrap();
    assert_eq!(open(&folder).unwrap().read(|reading| reading.jobs().count()).unwrap(), 300);
}

#[test]
fn s5_a_newer_schema_is_refused_with_both_numbers_and_left_alone() {
    let (folder, path) = filled();
    stranger(&folder).pragma_update(None, "user_version", 999).unwrap();
    let before = fs::read(&path).unwrap();
    let refused = open(&folder).unwrap_err();
    assert_eq!(refused.code(), "DB_NEWER");
    let told = format!("has schema 999, and this program knows schemas up to {}", migration::latest());
    assert!(refused.to_string().ends_with(&told), "{refused}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn s5_every_older_schema_is_taken_to_today_s_with_its_rows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE_NAME);
    let health = Health::new(Layout::around(&path).unwrap());
    let old = store::begin(&path, 1, &health).unwrap();
    let row = "INSERT INTO job (institution, kind, key, state, priority, input, created_milliseconds, \
               updated_milliseconds) VALUES ('22', 'transcode', '6666/720P', 'waiting', 50, '{}', 1, 1)";
    old.execute(row, []).unwrap();
    drop(old);
    assert_eq!(store::check(&path, Depth::Full).unwrap().schema_version, 1);
    let store = open(&folder).unwrap();
    let job = store.read(|reading| reading.jobs().get(store::JobId(1))).unwrap().unwrap();
    assert_eq!((job.key.as_str(), job.attempt), ("6666/720P", 0));
    store.write(insertion("new")).unwrap();
    let report = store::check(&path, Depth::Full).unwrap();
    assert_eq!(report.schema_version, migration::latest());
    assert_eq!(report.rows[..3], [("job", 2), ("outbox", 1), ("delivery", 1)]);
}

#[test]
fn another_program_s_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let other = stranger(&folder);
    other.execute_batch("CREATE TABLE song (title TEXT)").unwrap();
    other.pragma_update(None, "application_id", 7).unwrap();
    let refused = open(&folder).unwrap_err();
    assert_eq!(refused.code(), "DB_FOREIGN");
    assert!(refused.to_string().ends_with("(application id 0x7)"), "{refused}");
}

#[test]
fn a_backup_is_made_while_the_store_is_open_and_is_one_whole_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE_NAME);
    let store = Store::open(
        &path,
        &Options { backup_every: Some(Duration::ZERO), checkpoint_every: Duration::from_millis(1), ..options() },
    )
    .unwrap();
    store.write(insertion("a")).unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    let backup = folder.path().join("reelmill.db.backup");
    let holds_it = || store::check(&backup, Depth::Full).is_ok_and(|report| report.rows[0] == ("job", 1));
    while !holds_it() {
        assert!(Instant::now() < deadline, "no backup with the job in it: {:?}", names(folder.path()));
        std::thread::yield_now();
    }
    drop(store);
    let found = names(folder.path());
    assert!(!found.iter().any(|name| name.contains("part")), "{found:?}");
}

#[test]
fn a_damaged_database_does_not_replace_its_good_backup() {
    let (folder, path) = filled();
    store::backup(&path, None).unwrap();
    let backup = folder.path().join("reelmill.db.backup");
    let good = fs::read(&backup).unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes[8192..20_000].fill(0xa5);
    fs::write(&path, &bytes).unwrap();
    let refused = store::backup(&path, None).unwrap_err();
    assert_eq!(refused.code(), "DB_DAMAGED");
    assert!(refused.to_string().contains("its backup is"), "{refused}");
    assert_eq!(fs::read(&backup).unwrap(), good);
}

#[test]
fn a_backup_by_name_never_takes_another_file_s_place() {
    let (folder, path) = filled();
    let target = folder.path().join("diary");
    fs::write(&target, "mine").unwrap();
    let refused = store::backup(&path, Some(&target)).unwrap_err();
    assert_eq!((refused.code(), refused.class()), ("OUTPUT_EXISTS", FailureClass::Output));
    assert_eq!(fs::read(&target).unwrap(), b"mine");
    let made = store::backup(&path, Some(&folder.path().join("copy"))).unwrap();
    assert_eq!(store::check(&made.path, Depth::Full).unwrap().rows[0], ("job", 300));
    assert_eq!(store::backup(&folder.path().join("gone"), None).unwrap_err().code(), "DB_MISSING");
}

#[test]
fn a_restore_puts_the_backup_in_place_and_keeps_what_was_there_with_its_log() {
    let (folder, path) = filled();
    store::backup(&path, None).unwrap();
    let store = open(&folder).unwrap();
    store.write(insertion("since the backup")).unwrap();
    // As if the process had been killed: the log is still there.
    let kept = [fs::read(&path).unwrap(), fs::read(folder.path().join("reelmill.db-wal")).unwrap()];
    drop(store);
    fs::write(&path, &kept[0]).unwrap();
    fs::write(folder.path().join("reelmill.db-wal"), &kept[1]).unwrap();
    let restored = store::restore(&path, None).unwrap();
    assert_eq!(restored.report.rows[0], ("job", 300));
    let aside = restored.aside.unwrap();
    assert_eq!(aside, folder.path().join("reelmill.db.damaged-1"));
    assert_eq!(store::check(&aside, Depth::Full).unwrap().rows[0], ("job", 301));
    assert_eq!(store::restore(&path, None).unwrap().aside.unwrap(), folder.path().join("reelmill.db.damaged-2"));
}

#[test]
fn a_restore_from_what_is_no_whole_backup_changes_nothing() {
    let (folder, path) = filled();
    let before = fs::read(&path).unwrap();
    let bad = folder.path().join("bad");
    fs::write(&bad, &before[..9000]).unwrap();
    assert_eq!(store::restore(&path, Some(&bad)).unwrap_err().code(), "DB_DAMAGED");
    assert_eq!(store::restore(&path, Some(&folder.path().join("gone"))).unwrap_err().code(), "DB_MISSING");
    assert_eq!(fs::read(&path).unwrap(), before);
    assert!(!names(folder.path()).iter().any(|name| name.contains("damaged") || name.contains(".new")));
}

#[test]
fn a_copy_put_in_place_by_hand_whose_first_opening_was_killed_is_opened_all_the_same() {
    let (folder, path) = filled();
    let copy = folder.path().join("copy");
    store::backup(&path, Some(&copy)).unwrap();
    fs::rename(&copy, &path).unwrap();
    // A killed process leaves a journal: here, that of a transaction which is not over.
    let other = stranger(&folder);
    other
        .execute_batch("PRAGMA cache_size = 1; PRAGMA cache_spill = 1; BEGIN; UPDATE job SET phase = 'half'")
        .unwrap();
    let killed = [&path, &folder.path().join("reelmill.db-journal")].map(|file| fs::read(file).unwrap());
    drop(other);
    fs::write(&path, &killed[0]).unwrap();
    fs::write(folder.path().join("reelmill.db-journal"), &killed[1]).unwrap();
    let store = open(&folder).unwrap();
    let job = store.read(|reading| reading.jobs().get(store::JobId(300))).unwrap().unwrap();
    assert_eq!(job.phase, "");
}
