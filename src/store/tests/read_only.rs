//! Reading beside a node and without one: what is seen, and what is left behind.

use std::fs;
use std::path::Path;

use super::{open, scratch, stranger};
use crate::failure::Failure;
use crate::store::{FILE_NAME, ReadOnly, Reading, StoreError};

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn count(reading: &Reading<'_>) -> Result<usize, StoreError> {
    reading.rows("SELECT id FROM job", [], |_| Ok(())).map(|rows| rows.len())
}

fn jobs(folder: &Path) -> Result<usize, StoreError> {
    ReadOnly::open(&folder.join(FILE_NAME))?.read(count)
}

#[test]
fn a_stopped_node_s_database_is_read_and_nothing_is_put_beside_it() {
    let scratch = scratch();
    scratch.fill(30);
    let folder = scratch.closed();
    let before = names(folder.path());
    assert_eq!(jobs(folder.path()).unwrap(), 30);
    assert_eq!(names(folder.path()), before);
    // In its name everything stands that addresses give a meaning to.
    let odd = folder.path().join("50% of?what#ü &c=1");
    fs::create_dir(&odd).unwrap();
    fs::copy(folder.path().join(FILE_NAME), odd.join(FILE_NAME)).unwrap();
    assert_eq!(jobs(&odd).unwrap(), 30);
    assert_eq!(names(&odd), [FILE_NAME]);
}

#[test]
fn beside_a_running_node_everything_committed_is_seen() {
    let scratch = scratch();
    let database = ReadOnly::open(&scratch.path()).unwrap();
    scratch.fill(7);
    assert_eq!(database.read(count).unwrap(), 7);
    let folder = scratch.closed();
    assert_eq!(database.read(count).unwrap(), 7);
    drop(open(&folder).unwrap());
}

#[test]
fn what_a_killed_node_left_in_its_log_is_seen_too() {
    let scratch = scratch();
    scratch.fill(7);
    let left = tempfile::tempdir().unwrap();
    for name in [FILE_NAME, "reelmill.db-wal"] {
        fs::copy(scratch.folder.path().join(name), left.path().join(name)).unwrap();
    }
    assert_eq!(jobs(left.path()).unwrap(), 7);
}

#[test]
fn a_database_that_appears_to_rest_and_changes_meanwhile_is_read_again() {
    let folder = scratch().closed();
    let database = ReadOnly::open(&folder.path().join(FILE_NAME)).unwrap();
    let looks = std::cell::Cell::new(0);
    let seen = database.read(|reading| {
        looks.set(looks.get() + 1);
        if looks.get() == 1 {
            let store = open(&folder)?;
            store.write(|transaction| super::insertion("new")(transaction).map(|_| ()))?;
        }
        count(reading)
    });
    assert_eq!((seen.unwrap(), looks.get()), (1, 2));
}

#[test]
fn what_cannot_be_read_is_refused_with_its_own_code() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(jobs(folder.path()).unwrap_err().code(), "DB_MISSING");
    assert!(names(folder.path()).is_empty());
    fs::write(folder.path().join(FILE_NAME), "").unwrap();
    assert_eq!(jobs(folder.path()).unwrap_err().code(), "DB_DAMAGED");
    for (pragma, code) in
        [("user_version = 999", "DB_NEWER"), ("user_version = 1", "DB_OLDER"), ("application_id = 7", "DB_FOREIGN")]
    {
        let folder = scratch().closed();
        stranger(&folder).execute_batch(&format!("PRAGMA {pragma}")).unwrap();
        assert_eq!(jobs(folder.path()).unwrap_err().code(), code, "{pragma}");
    }
}
