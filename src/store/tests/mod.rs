//! The store from the inside: what its tables, its writer and its files do when all goes well, and when it does not.

mod booking;
mod cache;
mod file;
mod job;
mod legacy;
mod outbox;
pub(super) mod plan;
mod read_only;
mod rendition;
mod salvage;
mod writer;

use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;

use super::{Claimant, FILE_NAME, Inserted, Job, JobId, JobKind, NewEvent, NewJob, Options, Store, StoreError};
use crate::event::EventType;

/// An open store in a folder of its own.
struct Scratch {
    store: Store,
    folder: TempDir,
}

impl Scratch {
    fn path(&self) -> PathBuf {
        self.folder.path().join(FILE_NAME)
    }

    /// Closes it and keeps the folder.
    fn closed(self) -> TempDir {
        drop(self.store);
        self.folder
    }

    /// Records that many jobs, their keys the numbers from 0, in one transaction.
    fn fill(&self, count: u32) {
        let fill = move |transaction: &super::Transaction<'_>| {
            (0..count).try_for_each(|number| insertion(&number.to_string())(transaction).map(|_| ()))
        };
        self.store.write(fill).unwrap();
    }

    fn insert(&self, key: &str) -> JobId {
        match self.store.write(insertion(key)).unwrap() {
            Inserted::New(id) => id,
            Inserted::Live(id) => panic!("{key} is live as {id}"),
        }
    }
}

/// Nothing by itself, and no long waiting.
fn options() -> Options {
    Options {
        busy_time: Duration::from_millis(20),
        busy_tries: 2,
        backup_every: None,
        checkpoint_every: Duration::from_secs(3600),
        ..Options::default()
    }
}

fn scratch() -> Scratch {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join(FILE_NAME), &options()).unwrap();
    Scratch { store, folder }
}

fn open(folder: &TempDir) -> Result<Store, StoreError> {
    Store::open(&folder.path().join(FILE_NAME), &options())
}

/// A connection of somebody else, who does as he likes.
fn stranger(folder: &TempDir) -> rusqlite::Connection {
    rusqlite::Connection::open(folder.path().join(FILE_NAME)).unwrap()
}

fn new_job(key: &str) -> NewJob {
    NewJob {
        institution: "22".to_owned(),
        kind: JobKind::Transcode,
        key: key.to_owned(),
        priority: 50,
        deadline_milliseconds: None,
        input: "{}".to_owned(),
        parent: None,
        needs: None,
        start_milliseconds: None,
        predicted_milliseconds: 0,
    }
}

/// The event of a change, named after it.
fn told(job: &Job) -> NewEvent {
    event(&format!("{}-{}-{}", job.id, job.lease_number, job.state.name()), "class", &["redis"])
}

fn event(event_id: &str, order_key: &str, targets: &[&str]) -> NewEvent {
    NewEvent {
        event_id: event_id.to_owned(),
        event_type: EventType::JobChanged,
        institution: "22".to_owned(),
        class_id: None,
        order_key: order_key.to_owned(),
        time_milliseconds: 1000,
        data: "{}".to_owned(),
        callback_url: None,
        targets: targets.iter().map(|target| (*target).to_owned()).collect(),
    }
}

fn insertion(key: &str) -> impl FnOnce(&super::Transaction<'_>) -> Result<Inserted, StoreError> + Send + 'static {
    let job = new_job(key);
    move |transaction| transaction.jobs().insert(&job, 1000, &told)
}

fn claimant(owner: &str, now_milliseconds: i64) -> Claimant {
    Claimant { owner: owner.to_owned(), now_milliseconds, until_milliseconds: now_milliseconds + 100 }
}
