//! The writer: what is kept of what is handed in, and what is told to whom.

use std::sync::{Arc, Barrier};
use std::thread;

use super::{Scratch, claimant, insertion, open, options, scratch, stranger, told};
use crate::failure::Failure;
use crate::store::{Inserted, JobKind, Store, StoreError};

fn count(scratch: &Scratch) -> u64 {
    scratch.store.read(|reading| reading.jobs().count()).unwrap()
}

#[test]
fn a_closure_that_fails_is_undone_alone() {
    let scratch = scratch();
    // All three are in one commit: the first one holds the writer until the others wait behind it.
    let (entered, go) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let gates = (Arc::clone(&entered), Arc::clone(&go));
    let first = scratch.store.submit(move |_| {
        gates.0.wait();
        gates.1.wait();
        Ok::<_, StoreError>(())
    });
    entered.wait();
    let kept = scratch.store.submit(insertion("kept")).unwrap();
    let undone = scratch.store.submit(|tx| {
        insertion("undone")(tx)?;
        Err::<(), _>(StoreError::Busy("on purpose".to_owned()))
    });
    let broken = scratch.store.submit(|tx| {
        insertion("broken")(tx)?;
        if tx.jobs().get(crate::store::JobId(1)).is_ok() {
            panic!("on purpose")
        };
        Ok::<(), StoreError>(())
    });
    let last = scratch.store.submit(insertion("last")).unwrap();
    go.wait();
    first.unwrap().wait().unwrap();
    kept.wait().unwrap();
    assert_eq!(undone.unwrap().wait().unwrap_err().to_string(), "the database is busy: on purpose");
    assert_eq!(broken.unwrap().wait().unwrap_err().code(), "INTERNAL");
    last.wait().unwrap();
    let keys = scratch
        .store
        .read(|reading| reading.jobs().in_state(crate::store::JobState::Waiting, crate::store::JobId(0), 9));
    assert_eq!(keys.unwrap().iter().map(|job| job.key.as_str()).collect::<Vec<_>>(), ["kept", "last"]);
}

#[test]
fn many_callers_at_once_all_get_their_own_answer() {
    const CALLERS: u64 = 8;
    const EACH: u64 = 25;
    let scratch = scratch();
    thread::scope(|scope| {
        for caller in 0..CALLERS {
            let store = &scratch.store;
            scope.spawn(move || {
                for number in 0..EACH {
                    let inserted = store.write(insertion(&format!("{caller}/{number}"))).unwrap();
                    let Inserted::New(id) = inserted else { panic!("{inserted:?}") };
                    let job = store.read(|reading| reading.jobs().get(id)).unwrap().unwrap();
                    assert_eq!(job.key, format!("{caller}/{number}"), "it is there as soon as it is told");
                }
            });
        }
    });
    assert_eq!(count(&scratch), CALLERS * EACH);
}

#[tokio::test]
async fn an_async_caller_awaits_the_commit() {
    let scratch = scratch();
    let inserted = scratch.store.submit(insertion("a")).unwrap().await.unwrap();
    assert_eq!(inserted, Inserted::New(crate::store::JobId(1)));
    assert_eq!(count(&scratch), 1);
}

#[test]
fn what_is_handed_in_and_not_awaited_is_done_before_the_store_closes() {
    let scratch = scratch();
    for number in 0..50 {
        drop(scratch.store.submit(insertion(&format!("{number}"))).unwrap());
    }
    let folder = scratch.closed();
    assert_eq!(open(&folder).unwrap().read(|reading| reading.jobs().count()).unwrap(), 50);
}

#[test]
fn more_than_can_wait_is_refused_and_nothing_of_it_done() {
    let scratch = scratch();
    let (entered, go) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let gates = (Arc::clone(&entered), Arc::clone(&go));
    let held = scratch.store.submit(move |_| {
        gates.0.wait();
        gates.1.wait();
        Ok::<_, StoreError>(())
    });
    entered.wait();
    let pending: Vec<_> =
        (0..2000).map_while(|number| scratch.store.submit(insertion(&number.to_string())).ok()).collect();
    let refused = scratch.store.submit(insertion("one more")).unwrap_err();
    assert_eq!((refused.code(), pending.len()), ("DB_BUSY", 1024));
    go.wait();
    held.unwrap().wait().unwrap();
    pending.into_iter().for_each(|pending| assert!(pending.wait().is_ok()));
    assert_eq!(count(&scratch), 1024);
}

#[test]
fn s2_a_lock_that_another_program_holds_too_long_is_busy_and_nothing_is_lost_or_half_done() {
    let scratch = scratch();
    let other = stranger(&scratch.folder);
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = scratch.store.write(insertion("a")).unwrap_err();
    assert_eq!((refused.code(), refused.class()), ("DB_BUSY", crate::failure::FailureClass::Transient));
    assert_eq!(count(&scratch), 0, "reading goes on");
    assert!(scratch.store.failure().is_none());
    other.execute_batch("COMMIT").unwrap();
    scratch.insert("a");
}

#[test]
fn s4_a_reader_that_never_ends_makes_the_log_grow_and_is_warned_of_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(crate::store::FILE_NAME);
    let options = crate::store::Options { checkpoint_frames: 8, wal_warn_bytes: 200_000, ..options() };
    let store = Store::open(&path, &options).unwrap();
    store.write(insertion("first")).unwrap();
    let reader = stranger(&folder);
    reader.execute_batch("BEGIN; SELECT count(*) FROM job").unwrap();
    for number in 0..40 {
        store.write(insertion(&number.to_string())).unwrap();
    }
    // The log is looked at behind the answer to the last write.
    store.write(|_| Ok::<_, StoreError>(())).unwrap();
    let grown = store.wal();
    assert!(grown.bytes > 200_000 && grown.frames - grown.checkpointed_frames > 8, "{grown:?}");
    assert_eq!(grown.warnings, 1);
    reader.execute_batch("COMMIT").unwrap();
    for number in 100..103 {
        store.write(insertion(&number.to_string())).unwrap();
    }
    let shrunk = store.wal();
    assert!(shrunk.frames - shrunk.checkpointed_frames < 32 && shrunk.warnings == 1, "{shrunk:?}");
}

#[test]
fn a_statement_that_the_tables_refuse_is_a_fault_of_ours_and_nobody_else_s() {
    let scratch = scratch();
    let mut job = super::new_job("a");
    job.priority = 101;
    let refused = scratch.store.write(move |tx| tx.jobs().insert(&job, 1, &told)).unwrap_err();
    assert_eq!(refused.code(), "INTERNAL");
    scratch.insert("a");
    let claimant = claimant("n", 1);
    assert!(
        scratch
            .store
            .write(move |tx| tx.jobs().claim(JobKind::Transcode, None, &claimant, &told))
            .unwrap()
            .is_some()
    );
}

#[test]
fn a_value_that_no_version_wrote_is_told_as_damage_and_does_not_stop_the_rest() {
    let scratch = scratch();
    let id = scratch.insert("a");
    stranger(&scratch.folder).execute("UPDATE job SET kind = 'paint'", []).unwrap();
    let refused = scratch.store.read(|reading| reading.jobs().get(id)).unwrap_err();
    assert_eq!(refused.code(), "DB_DAMAGED");
    assert!(refused.to_string().contains("\"paint\""), "{refused}");
    scratch.insert("b");
}

#[test]
fn damage_that_is_met_under_way_is_final() {
    let scratch = scratch();
    scratch.fill(200);
    let folder = scratch.closed();
    let store = open(&folder).unwrap();
    let path = folder.path().join(crate::store::FILE_NAME);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[4096..].fill(0xff);
    std::fs::write(&path, bytes).unwrap();
    let met = store.read(|reading| reading.jobs().get(crate::store::JobId(150))).unwrap_err();
    assert_eq!(met.code(), "DB_DAMAGED");
    assert_eq!(store.write(insertion("more")).unwrap_err().code(), "DB_DAMAGED");
    assert_eq!(store.failure().unwrap().code(), "DB_DAMAGED");
}
