//! Jobs: claims, steps, leases, and that each change has its event.

use super::{Scratch, claimant, insertion, new_job, scratch, told};
use crate::failure::FailureClass;
use crate::store::{ATTEMPTS_MAX, Claim, Inserted, Job, JobFailure, JobId, JobKind, JobState, Step};

fn claim(scratch: &Scratch, owner: &str, now: i64) -> Option<Job> {
    let claimant = claimant(owner, now);
    scratch.store.write(move |tx| tx.jobs().claim(JobKind::Transcode, None, &claimant, &told)).unwrap()
}

fn step(scratch: &Scratch, claim: Claim, from: JobState, step: Step) -> Option<Job> {
    scratch.store.write(move |tx| tx.jobs().step(&claim, from, &step, 2000, &told)).unwrap()
}

fn get(scratch: &Scratch, id: JobId) -> Job {
    scratch.store.read(|reading| reading.jobs().get(id)).unwrap().unwrap()
}

fn events(scratch: &Scratch) -> Vec<String> {
    let events = scratch.store.read(|reading| reading.outbox().after(0, 1000)).unwrap();
    events.into_iter().map(|event| event.event_id).collect()
}

fn failure() -> JobFailure {
    JobFailure { code: "ORIGIN_GONE".to_owned(), class: FailureClass::Transient, text: "it broke off".to_owned() }
}

#[test]
fn a_job_lives_from_waiting_to_done_and_every_change_has_its_event() {
    let scratch = scratch();
    let id = scratch.insert("6666/720P");
    let job = claim(&scratch, "node-1", 1000).unwrap();
    assert_eq!((job.id, job.state, job.attempt, job.lease_number), (id, JobState::Running, 1, 1));
    assert_eq!((job.lease_owner.as_deref(), job.lease_until_milliseconds), (Some("node-1"), Some(1100)));
    let claim = job.claim().unwrap();
    assert!(scratch.store.write(move |tx| tx.jobs().renew(&claim, 1050, 5000, "encode")).unwrap());
    assert_eq!(get(&scratch, id).phase, "encode");
    let proving = step(&scratch, claim, JobState::Running, Step::Prove).unwrap();
    assert_eq!((proving.state, proving.lease_until_milliseconds), (JobState::Proving, Some(5000)));
    let done = step(&scratch, claim, JobState::Proving, Step::Finish("{\"bytes\":1}".to_owned())).unwrap();
    assert_eq!(
        (done.state, done.output.as_deref(), done.lease_owner.as_deref()),
        (JobState::Done, Some("{\"bytes\":1}"), None)
    );
    assert_eq!(done.claim(), None);
    assert_eq!(get(&scratch, id), done);
    assert_eq!(events(&scratch), ["1-0-waiting", "1-1-running", "1-1-proving", "1-1-done"]);
}

#[test]
fn a_key_has_one_live_job_per_institution_and_kind() {
    let scratch = scratch();
    let id = scratch.insert("6666/720P");
    assert_eq!(scratch.store.write(insertion("6666/720P")).unwrap(), Inserted::Live(id));
    let mut other = new_job("6666/720P");
    other.institution = "23".to_owned();
    let inserted = scratch.store.write(move |tx| tx.jobs().insert(&other, 1, &told)).unwrap();
    assert_ne!(inserted, Inserted::Live(id));
    let cancelled = scratch.store.write(move |tx| tx.jobs().cancel(id, 1, &told)).unwrap();
    assert_eq!(cancelled.unwrap().state, JobState::Cancelled);
    assert_ne!(scratch.insert("6666/720P"), id);
    assert_eq!(scratch.store.write(move |tx| tx.jobs().cancel(id, 1, &told)).unwrap(), None);
    assert_eq!(scratch.store.read(|reading| reading.jobs().count()).unwrap(), 3);
}

#[test]
fn jobs_are_claimed_by_priority_then_age_or_by_number() {
    let scratch = scratch();
    let [first, second, third] = ["a", "b", "c"].map(|key| scratch.insert(key));
    let mut urgent = new_job("d");
    urgent.priority = 90;
    let urgent = scratch.store.write(move |tx| tx.jobs().insert(&urgent, 1, &told)).unwrap();
    assert_eq!(Inserted::New(claim(&scratch, "n", 1).unwrap().id), urgent);
    let by_number = claimant("n", 1);
    let job = scratch.store.write(move |tx| tx.jobs().claim(JobKind::Transcode, Some(third), &by_number, &told));
    assert_eq!(job.unwrap().unwrap().id, third);
    assert_eq!([claim(&scratch, "n", 1).unwrap().id, claim(&scratch, "n", 1).unwrap().id], [first, second]);
    assert_eq!(claim(&scratch, "n", 1), None);
    let fetch = claimant("n", 1);
    assert_eq!(scratch.store.write(move |tx| tx.jobs().claim(JobKind::Fetch, None, &fetch, &told)).unwrap(), None);
    let running = scratch.store.read(|reading| reading.jobs().in_state(JobState::Running, first, 10)).unwrap();
    assert_eq!(running.iter().map(|job| job.id.0).collect::<Vec<_>>(), [2, 3, 4]);
}

#[test]
fn a_stale_claim_changes_nothing_and_tells_nobody() {
    let scratch = scratch();
    let id = scratch.insert("a");
    let old = claim(&scratch, "n", 1000).unwrap().claim().unwrap();
    step(&scratch, old, JobState::Running, Step::Release).unwrap();
    // The same attempt again, and not the same claim.
    let new = claim(&scratch, "n", 1000).unwrap().claim().unwrap();
    assert_eq!((new.attempt, old.attempt), (1, 1));
    let before = events(&scratch);
    assert_eq!(step(&scratch, old, JobState::Running, Step::Finish("{}".to_owned())), None);
    assert!(!scratch.store.write(move |tx| tx.jobs().renew(&old, 1050, 9000, "")).unwrap());
    assert_eq!(step(&scratch, new, JobState::Proving, Step::Finish("{}".to_owned())), None);
    assert_eq!(step(&scratch, new, JobState::Waiting, Step::Prove), None);
    assert_eq!((events(&scratch), get(&scratch, id).state), (before, JobState::Running));
}

#[test]
fn a_job_whose_leases_run_out_is_held_after_the_third_attempt() {
    let scratch = scratch();
    let id = scratch.insert("a");
    for attempt in 1..=ATTEMPTS_MAX {
        let now = i64::from(attempt) * 1000;
        let job = claim(&scratch, "n", now).unwrap();
        assert_eq!(job.attempt, attempt);
        assert_eq!(claim(&scratch, "other", now + 99), None, "the lease still runs");
    }
    assert_eq!(claim(&scratch, "n", 9000), None);
    let held = get(&scratch, id);
    assert_eq!((held.state, held.attempt), (JobState::Held, ATTEMPTS_MAX));
    let failure = held.failure.unwrap();
    assert_eq!((failure.code.as_str(), failure.text.as_str()), ("LEASE_LAPSED", "no sign of life from n in time"));
    assert_eq!(events(&scratch).last().unwrap(), "1-3-held");
    let resumed = scratch.store.write(move |tx| tx.jobs().resume(id, 9000, &told)).unwrap().unwrap();
    assert_eq!((resumed.state, resumed.attempt), (JobState::Waiting, 0));
    assert_eq!(claim(&scratch, "n", 9000).unwrap().lease_number, 4);
}

#[test]
fn a_failure_is_recorded_and_tried_again_until_the_attempts_are_spent() {
    let scratch = scratch();
    scratch.insert("a");
    let states = (0..ATTEMPTS_MAX).map(|_| {
        let claim = claim(&scratch, "n", 1000).unwrap().claim().unwrap();
        let job = step(&scratch, claim, JobState::Running, Step::Retry(failure())).unwrap();
        assert_eq!(job.failure, Some(failure()));
        job.state
    });
    assert_eq!(states.collect::<Vec<_>>(), [JobState::Waiting, JobState::Waiting, JobState::Held]);
    scratch.insert("b");
    let claim = claim(&scratch, "n", 1000).unwrap().claim().unwrap();
    let failed = step(&scratch, claim, JobState::Running, Step::Fail(failure())).unwrap();
    assert_eq!((failed.state, failed.failure), (JobState::Failed, Some(failure())));
}

#[test]
fn jobs_of_a_dead_process_wait_again_and_their_attempts_are_not_spent() {
    let scratch = scratch();
    let ids = ["a", "b", "c"].map(|key| scratch.insert(key));
    for owner in ["n", "n", "other"] {
        claim(&scratch, owner, 1000).unwrap();
    }
    let recover = || scratch.store.write(|tx| tx.jobs().recover("n", 1, 1050, &told)).unwrap().len();
    assert_eq!([recover(), recover(), recover()], [1, 1, 0]);
    let now = ids.map(|id| get(&scratch, id)).map(|job| (job.state, job.attempt));
    assert_eq!(now, [(JobState::Waiting, 0), (JobState::Waiting, 0), (JobState::Running, 1)]);
}

#[test]
fn a_job_keeps_its_parent_and_its_deadline() {
    let scratch = scratch();
    let parent = scratch.insert("parent");
    let child = crate::store::NewJob { parent: Some(parent), deadline_milliseconds: Some(7), ..new_job("child") };
    let inserted = scratch.store.write(move |tx| tx.jobs().insert(&child, 1, &told)).unwrap();
    let Inserted::New(id) = inserted else { panic!("{inserted:?}") };
    let child = get(&scratch, id);
    assert_eq!((child.parent, child.deadline_milliseconds), (Some(parent), Some(7)));
    let live = scratch.store.read(|reading| reading.jobs().live("22", JobKind::Transcode, "child")).unwrap();
    assert_eq!(live, Some(child));
}
