//! The database as the world treats it: killed, cut off, locked out, filled up, damaged; each row of the fault list ends
//! as it says.
//!
//! What the store does when nobody disturbs it is tested beside its code.

mod child;
mod command;
mod crash;
mod disk;
mod schema;

use std::path::Path;
use std::time::Duration;

use reelmill::event::EventType;
use reelmill::store::{
    Claim, Claimant, Depth, FILE_NAME, Inserted, Job, JobId, JobKind, JobState, NewEvent, NewJob, Options, Step,
    Store, StoreError, check,
};

/// Nothing by itself, checkpoints often, and no long waiting.
fn options() -> Options {
    Options {
        busy_time: Duration::from_millis(50),
        busy_tries: 2,
        backup_every: None,
        checkpoint_every: Duration::from_secs(3600),
        checkpoint_frames: 24,
        ..Options::default()
    }
}

fn open(folder: &Path) -> Result<Store, StoreError> {
    Store::open(&folder.join(FILE_NAME), &options())
}

/// The event of a change, named after it.
fn told(job: &Job) -> NewEvent {
    NewEvent {
        event_id: format!("{}-{}", job.id, job.state.name()),
        event_type: EventType::JobChanged,
        institution: String::new(),
        class_id: None,
        order_key: String::new(),
        time_milliseconds: 1,
        data: "{}".to_owned(),
        callback_url: None,
        targets: vec!["redis".to_owned()],
    }
}

fn insert(store: &Store, key: &str) -> Result<JobId, StoreError> {
    let job = NewJob {
        institution: String::new(),
        kind: JobKind::Transcode,
        key: key.to_owned(),
        priority: 50,
        deadline_milliseconds: None,
        input: "x".repeat(200),
        parent: None,
    };
    store.write(move |tx| {
        let (Inserted::New(id) | Inserted::Live(id)) = tx.jobs().insert(&job, 1, &told)?;
        Ok(id)
    })
}

fn claim(store: &Store, id: JobId) -> Result<Claim, StoreError> {
    let claimant = Claimant { owner: "n".to_owned(), now_milliseconds: 1, until_milliseconds: i64::MAX };
    let job = store.write(move |tx| tx.jobs().claim(JobKind::Transcode, Some(id), &claimant, &told))?;
    Ok(job.and_then(|job| job.claim()).expect("the job is waiting"))
}

fn finish(store: &Store, claim: Claim) -> Result<(), StoreError> {
    let finish = Step::Finish("{}".to_owned());
    let done = store.write(move |tx| tx.jobs().step(&claim, JobState::Running, &finish, 1, &told))?;
    assert!(done.is_some(), "the claim holds");
    Ok(())
}

/// Records that many jobs in a new database, closed.
fn fill(folder: &Path, jobs: usize) {
    let store = open(folder).unwrap();
    for number in 0..jobs {
        insert(&store, &format!("filled/{number}")).unwrap();
    }
}

/// What must hold after whatever happened: the database opens, is whole, has everything that was acknowledged, and each
/// job has exactly the events of the states it has been in.
fn assert_kept(folder: &Path, acknowledged: &[(JobId, JobState)]) {
    let store = open(folder).unwrap_or_else(|error| panic!("{error}: {error:?}"));
    let events = store.read(|reading| reading.outbox().after(0, 100_000)).unwrap();
    let events: Vec<&str> = events.iter().map(|event| event.event_id.as_str()).collect();
    let path = [JobState::Waiting, JobState::Running, JobState::Done];
    let steps = |state: JobState| path.iter().position(|step| *step == state).unwrap();
    let mut jobs = Vec::new();
    for state in path {
        jobs.extend(store.read(|reading| reading.jobs().in_state(state, JobId(0), 100_000)).unwrap());
    }
    for (id, state) in acknowledged {
        let job = jobs.iter().find(|job| job.id == *id).unwrap_or_else(|| panic!("job {id} was acknowledged"));
        assert!(steps(job.state) >= steps(*state), "job {id} was {}, and is {}", state.name(), job.state.name());
    }
    let been = |job: &Job| {
        path[..=steps(job.state)].iter().map(|state| format!("{}-{}", job.id, state.name())).collect::<Vec<_>>()
    };
    let mut wanted: Vec<String> = jobs.iter().flat_map(been).collect();
    let mut found: Vec<String> = events.iter().map(|event| (*event).to_owned()).collect();
    wanted.sort();
    found.sort();
    assert_eq!(found, wanted, "the outbox and the jobs agree");
    insert(&store, "afterwards").unwrap();
    drop(store);
    check(&folder.join(FILE_NAME), Depth::Full).unwrap();
}
