//! Old databases: read in any state, of any types, and left as they were.

use std::fs;
use std::path::Path;

use rusqlite::Connection;
use tempfile::TempDir;

use crate::failure::Failure;
use crate::store::{OldRow, OldTable, Shape, back_up_old_database, read_old_database};

fn make(folder: &TempDir, name: &str, sql: &str) -> Connection {
    let connection = Connection::open(folder.path().join(name)).unwrap();
    connection.execute_batch(sql).unwrap();
    connection
}

fn row(values: &[&str]) -> OldRow {
    values.iter().map(|value| Some((*value).to_owned()).filter(|value| value != "-")).collect()
}

/// Everything in a folder, names and bytes.
fn state(folder: &Path) -> Vec<(std::ffi::OsString, Vec<u8>)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let mut files: Vec<_> = entries.map(|entry| (entry.file_name(), fs::read(entry.path()).unwrap())).collect();
    files.sort();
    files
}

const PUSHER: &str = "
    CREATE TABLE video_list (id VARCHAR(250) PRIMARY KEY, num_cite INTEGER, site VARCHAR, update_time FLOAT);
    INSERT INTO video_list VALUES ('6666', 1, '/old/6666', 1690000000.25), (7777, 'x', NULL, NULL), (x'ff', 1, ' a ', 5);
    CREATE TABLE class_list (class_id TEXT PRIMARY KEY, video_id TEXT NOT NULL, site TEXT);
    CREATE TABLE alembic_version (n);";

#[test]
fn x11_two_tables_of_one_name_are_told_apart_by_their_columns_and_every_value_is_a_text() {
    let folder = tempfile::tempdir().unwrap();
    drop(make(&folder, "push.db", PUSHER));
    let teacher = "CREATE TABLE Video_List (record_id INTEGER, Resolution, status varchar(20));
        INSERT INTO video_list VALUES (6666, 720, '转码中'), ('a', '480P', NULL);
        CREATE TABLE task_list (class_id); INSERT INTO task_list VALUES (1029);
        CREATE TABLE dir_info (dir, volume);";
    drop(make(&folder, "teacher.db", teacher));
    let push = read_old_database(&folder.path().join("push.db")).unwrap();
    let videos = [
        row(&["6666", "1690000000.25", "1", "/old/6666"]),
        row(&["7777", "-", "x", "-"]),
        row(&["\u{fffd}", "5", "1", "a"]),
    ];
    let classes = OldTable { shape: Shape::Classes, rows: vec![] };
    assert_eq!(push.tables, [classes, OldTable { shape: Shape::Videos, rows: videos.to_vec() }]);
    assert_eq!(push.other_tables, ["alembic_version"]);
    let teacher = read_old_database(&folder.path().join("teacher.db")).unwrap();
    let renditions = vec![row(&["6666", "720", "转码中"]), row(&["a", "480P", "-"])];
    let tasks = OldTable { shape: Shape::Tasks, rows: vec![row(&["1029", "-"])] };
    assert_eq!(teacher.tables, [OldTable { shape: Shape::Renditions, rows: renditions }, tasks]);
    assert_eq!(teacher.misshapen_tables, ["dir_info (dir, volume)"]);
}

#[test]
fn one_table_with_the_columns_of_both_is_read_as_both() {
    let folder = tempfile::tempdir().unwrap();
    let sql = "CREATE TABLE video_list (record_id, resolution, status, id, num_cite, site, update_time);
        INSERT INTO video_list (record_id, resolution, status) VALUES (1, '720P', '转码成功');
        INSERT INTO video_list (id, num_cite, site, update_time) VALUES (2, 0, '', 7);";
    drop(make(&folder, "both.db", sql));
    let tables = read_old_database(&folder.path().join("both.db")).unwrap().tables;
    assert_eq!(
        tables.iter().map(|table| (table.shape, table.rows.len())).collect::<Vec<_>>(),
        [(Shape::Renditions, 1), (Shape::Videos, 1)]
    );
}

#[test]
fn a_database_is_read_and_copied_while_the_old_system_writes_and_nothing_of_it_changes() {
    for mode in ["DELETE", "WAL"] {
        let (folder, copies) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let writer = make(&folder, "push.db", &format!("PRAGMA journal_mode = {mode}; {PUSHER}"));
        writer.execute_batch("BEGIN IMMEDIATE; UPDATE video_list SET num_cite = 9").unwrap();
        let database = || fs::read(folder.path().join("push.db")).unwrap();
        let (path, before) = (folder.path().join("push.db"), database());
        let found = read_old_database(&path).unwrap();
        assert_eq!(found.tables[1].rows[0][2].as_deref(), Some("1"), "{mode}: what is not committed is not seen");
        assert_eq!(back_up_old_database(&path, &copies.path().join("live.db")).unwrap(), None);
        assert!(database() == before);
        writer.execute_batch("COMMIT").unwrap();
        assert_eq!(read_old_database(&path).unwrap().tables[1].rows[0][2].as_deref(), Some("9"), "{mode}");
        drop(writer);
        let before = state(folder.path());
        let found = read_old_database(&path).unwrap();
        let copy = copies.path().join("push.db");
        assert_eq!(back_up_old_database(&path, &copy).unwrap(), None);
        assert!(state(folder.path()) == before, "{mode}: no file came, went or changed");
        let copied = read_old_database(&copy).unwrap();
        assert_eq!((copied.tables, copied.other_tables), (found.tables, found.other_tables), "{mode}");
        assert_eq!(back_up_old_database(&path, &copy).unwrap_err().code(), "OUTPUT_EXISTS");
        assert_eq!(state(copies.path()).len(), 2, "{mode}: no draft is left");
    }
}

#[test]
fn what_is_no_database_or_cannot_be_read_is_told_by_a_code() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("text.db"), "no database at all, and longer than a header of a hundred bytes".repeat(9))
        .unwrap();
    fs::write(path("empty.db"), "").unwrap();
    drop(make(&folder, "cut.db", PUSHER));
    let bytes = fs::read(path("cut.db")).unwrap();
    fs::write(path("cut.db"), &bytes[..4096]).unwrap();
    let code = |name: &str| read_old_database(&path(name)).map_err(|error| error.code()).err();
    assert_eq!(code("text.db"), Some("LEGACY_NOT_A_DATABASE"));
    assert_eq!(code("."), Some("LEGACY_NOT_A_DATABASE"));
    assert_eq!(code("gone.db"), Some("LEGACY_DATABASE_MISSING"));
    assert_eq!(code("cut.db"), Some("LEGACY_DATABASE_UNREADABLE"));
    assert_eq!(read_old_database(&path("empty.db")).unwrap().tables, []);
    let writer = make(&folder, "busy.db", PUSHER);
    writer.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE").unwrap();
    assert_eq!(code("busy.db"), Some("LEGACY_DATABASE_BUSY"));
    for target in ["text.copy", "cut.copy"] {
        let source = path(&target.replace("copy", "db"));
        assert!(back_up_old_database(&source, &path(target)).is_err());
        assert!(fs::symlink_metadata(path(target)).is_err());
        assert!(fs::symlink_metadata(path(&format!("{target}.part"))).is_err());
    }
}
