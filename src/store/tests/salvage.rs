//! What a rebuild saves of a damaged database, and what it loses.

use std::fs;

use super::{open, scratch, stranger};
use crate::failure::Failure;
use crate::store::{self, Depth, FILE_NAME, JobId, JobState};

const JOBS: u64 = 500;

/// A closed database with as many jobs, events and deliveries.
fn filled() -> tempfile::TempDir {
    let scratch = scratch();
    scratch.fill(u32::try_from(JOBS).unwrap());
    scratch.closed()
}

/// Overwrites a page, numbered from 1 as SQLite does.
fn ruin(folder: &tempfile::TempDir, page: usize) {
    let path = folder.path().join(FILE_NAME);
    let mut bytes = fs::read(&path).unwrap();
    bytes[(page - 1) * 4096..page * 4096].fill(0x5a);
    fs::write(&path, bytes).unwrap();
}

/// Returns the pages of a table or an index: leaves, or the one at the root.
fn pages(folder: &tempfile::TempDir, name: &str, kind: &str) -> Vec<usize> {
    let connection = stranger(folder);
    let sql = "SELECT pageno FROM dbstat WHERE name = ?1 AND pagetype = ?2 ORDER BY path";
    let mut statement = connection.prepare(sql).unwrap();
    let pages = statement.query_map((name, kind), |row| row.get::<_, i64>(0)).unwrap();
    pages.map(|page| usize::try_from(page.unwrap()).unwrap()).collect()
}

#[test]
fn a_ruined_leaf_costs_its_own_rows_and_no_others() {
    let folder = filled();
    ruin(&folder, pages(&folder, "job", "leaf")[3]);
    let path = folder.path().join(FILE_NAME);
    assert_eq!(open(&folder).unwrap_err().code(), "DB_DAMAGED");
    let rebuilt = store::rebuild(&path).unwrap();
    let [job, outbox, delivery, ..] = rebuilt.tables[..] else { panic!("{rebuilt:?}") };
    assert_eq!(job.saved + job.lost, JOBS);
    assert!((1..100).contains(&job.lost), "{job:?}");
    assert_eq!([(outbox.saved, outbox.lost), (delivery.saved, delivery.lost)], [(JOBS, 0), (JOBS, 0)]);
    assert_eq!(rebuilt.aside.unwrap(), folder.path().join("reelmill.db.damaged-1"));
    let store = open(&folder).unwrap();
    let waiting = store.read(|reading| reading.jobs().in_state(JobState::Waiting, JobId(0), 1000)).unwrap();
    assert_eq!(waiting.len(), usize::try_from(job.saved).unwrap());
    assert!(waiting.iter().all(|job| job.key == (job.id.0 - 1).to_string()), "each row is its own");
}

#[test]
fn a_ruined_index_costs_nothing() {
    let folder = filled();
    ruin(&folder, pages(&folder, "job_live_key", "leaf")[1]);
    assert_eq!(open(&folder).unwrap_err().code(), "DB_DAMAGED");
    let rebuilt = store::rebuild(&folder.path().join(FILE_NAME)).unwrap();
    assert!(rebuilt.tables[..3].iter().all(|table| (table.saved, table.lost) == (JOBS, 0)), "{rebuilt:?}");
    let report = store::check(&rebuilt.path, Depth::Full).unwrap();
    assert_eq!(report.rows[..3], [("job", JOBS), ("outbox", JOBS), ("delivery", JOBS)]);
}

#[test]
fn a_ruined_root_costs_its_table_and_numbers_are_not_given_again() {
    let folder = filled();
    ruin(&folder, pages(&folder, "job", "internal")[0]);
    let rebuilt = store::rebuild(&folder.path().join(FILE_NAME)).unwrap();
    assert_eq!((rebuilt.tables[0].saved, rebuilt.tables[0].lost), (0, JOBS));
    assert_eq!(rebuilt.tables[1].saved, JOBS);
    let scratch = super::Scratch { store: open(&folder).unwrap(), folder };
    assert_eq!(scratch.insert("next"), JobId(i64::try_from(JOBS).unwrap() + 1));
}

#[test]
fn deliveries_of_lost_events_go_with_them() {
    let folder = filled();
    ruin(&folder, pages(&folder, "outbox", "leaf")[2]);
    let rebuilt = store::rebuild(&folder.path().join(FILE_NAME)).unwrap();
    let [_, outbox, delivery, ..] = rebuilt.tables[..] else { panic!("{rebuilt:?}") };
    assert!(outbox.lost > 0);
    assert_eq!((outbox.saved, outbox.lost), (delivery.saved, delivery.lost));
    store::check(&rebuilt.path, Depth::Full).unwrap();
    let bounds = open(&folder).unwrap().read(|reading| reading.outbox().bounds()).unwrap();
    let last = i64::try_from(JOBS).unwrap();
    assert_eq!(bounds, Some((last + 1, last)), "a replay is told that some are missing");
}

#[test]
fn a_database_of_which_nothing_can_be_read_stays_where_it_is() {
    let folder = filled();
    let path = folder.path().join(FILE_NAME);
    ruin(&folder, 1);
    let before = fs::read(&path).unwrap();
    assert_eq!(store::rebuild(&path).unwrap_err().code(), "DB_DAMAGED");
    assert_eq!(fs::read(&path).unwrap(), before);
    assert!(!folder.path().join("reelmill.db.damaged-1").try_exists().unwrap());
}
