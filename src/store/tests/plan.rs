//! How SQLite finds the rows: no statement of every day walks over rows that have ended.
//!
//! Nobody but the tables knows their statements, so what is asked of SQLite is written down here as it passes.

use std::cell::RefCell;
use std::collections::BTreeSet;

use super::{Scratch, claimant, event, insertion, scratch, stranger, told};
use crate::store::health::Health;
use crate::store::layout::Layout;
use crate::store::{
    BookedFile, BookingChange, BookingFilter, BookingState, FileName, JobFailure, JobFilter, JobId, JobKind,
    JobState, NewBooking, Step, StoreError, Transaction,
};

thread_local! {
    static HEARD: RefCell<BTreeSet<String>> = const { RefCell::new(BTreeSet::new()) };
}

/// Writes down what is asked of SQLite on this thread.
pub(in crate::store) fn heard(sql: &str) {
    HEARD.with_borrow_mut(|heard| heard.insert(sql.to_owned()));
}

/// Tables that grow with all that ever was.
const GROWING: [&str; 8] =
    ["job", "needed", "booking", "booking_past", "outbox", "delivery", "inbox", "cache_eviction"];
/// Indexes that only have rows that somebody still works on: these may be walked.
const LIVE: [&str; 8] = [
    "booking_live",
    "booking_due",
    "booking_file",
    "job_live",
    "job_live_key",
    "job_waiting",
    "job_leased",
    "job_needs",
];

/// Returns whether a line of a plan walks over rows that nobody works on any more.
fn is_walk(line: &str, may_go_on: bool) -> bool {
    let mut words = line.split(' ');
    let (Some(how), Some(table)) = (words.next(), words.next()) else { return false };
    if !GROWING.contains(&table) {
        return false;
    }
    // By number, from one on to the end of all: only what is told in the order of the numbers may do that.
    let goes_on = line.contains("INTEGER PRIMARY KEY (rowid>?)");
    match how {
        "SCAN" => !LIVE.iter().any(|index| words.clone().any(|word| word == *index)),
        _ => goes_on && !may_go_on,
    }
}

type Act = fn(&Transaction<'_>) -> Result<(), StoreError>;

fn file() -> BookedFile {
    BookedFile { institution: "22".to_owned(), record: "6666".to_owned(), resolution: 720 }
}

fn booking() -> NewBooking {
    NewBooking {
        institution: "22".to_owned(),
        class_id: "c-1".to_owned(),
        sequence: 1,
        file: file(),
        body: "{}".to_owned(),
        body_sha256: "00".to_owned(),
        course_name: String::new(),
        priority: 50,
        start_milliseconds: None,
        end_milliseconds: None,
        callback_url: None,
        due_milliseconds: 500,
        entry: String::new(),
    }
}

fn own() -> Option<String> {
    Some("22".to_owned())
}

const ASKED_OF_BOOKINGS: &[(&str, Act)] = &[
    ("latest", |tx| tx.bookings().latest("22", "c-1").map(drop)),
    ("next_sequence", |tx| tx.bookings().next_sequence("22", "c-1").map(drop)),
    ("of_file", |tx| tx.bookings().of_file(&file(), BookingState::Ready, 9).map(drop)),
    ("on_their_way", |tx| tx.bookings().on_their_way(&file(), "http://origin/1", 9).map(drop)),
    ("due", |tx| tx.bookings().due(5, 9).map(drop)),
    ("live", |tx| tx.bookings().live(5, 9).map(drop)),
    ("counts", |tx| tx.bookings().counts().map(drop)),
    ("pages", |tx| {
        let states = BookingState::ALL.map(|state| vec![state]);
        for states in states.into_iter().chain([vec![BookingState::Waiting, BookingState::Downloading]]) {
            for institution in [None, own()] {
                tx.bookings().page(&BookingFilter { institution, states: states.clone() }, 5, 9)?;
            }
        }
        tx.bookings().page(&BookingFilter { institution: own(), states: Vec::new() }, 5, 9).map(drop)
    }),
    ("insert, change, prune", |tx| {
        let row = tx.bookings().insert(&booking(), 1)?;
        let change = BookingChange {
            state: BookingState::Over,
            url: String::new(),
            due_milliseconds: 500,
            code: None,
            error: String::new(),
            reason: String::new(),
        };
        tx.bookings().count_mend(row.id, 2)?;
        tx.bookings().set_entry(row.id, "1-0")?;
        tx.bookings().change(row.id, BookingState::Waiting, &change, 2)?;
        tx.bookings().prune(5, 9, 9).map(drop)
    }),
];

const ASKED_OF_JOBS: &[(&str, Act)] = &[
    ("live", |tx| tx.jobs().live("22", JobKind::Fetch, "a").map(drop)),
    ("ready", |tx| tx.jobs().ready(JobKind::Transcode, 5, 9).map(drop)),
    ("needing", |tx| tx.jobs().needing("22", "a", 9).map(drop)),
    ("counts", |tx| tx.jobs().counts().map(drop)),
    ("pages", |tx| {
        for state in JobState::ALL.map(Some).into_iter().chain([None]) {
            for (institution, kind) in [(own(), None), (None, Some(JobKind::Fetch))] {
                // By kind alone the list is of all.
                if state.is_some() || institution.is_some() {
                    tx.jobs().page(&JobFilter { institution, kind, state }, JobId(5), 9)?;
                }
            }
        }
        tx.jobs().in_state(JobState::Held, JobId(0), 9).map(drop)
    }),
    ("claim, lapse, step, renew", |tx| {
        insertion("a")(tx)?;
        let owner = claimant("n", 1000);
        let job = tx.jobs().claim(JobKind::Transcode, None, &owner, &told)?.expect("it waits");
        let claim = job.claim().expect("it is ours");
        tx.jobs().renew(&claim, 1050, 1100, "encode")?;
        tx.jobs().lapse(JobKind::Transcode, 1200, &told)?;
        tx.jobs().claim(JobKind::Transcode, Some(job.id), &owner, &told)?;
        tx.jobs().recover("n", 9, 1000, &told)?;
        tx.jobs().step(&claim, JobState::Running, &Step::Release, 1000, &told).map(drop)
    }),
    ("the waiting", |tx| {
        let failure =
            JobFailure { code: "X".to_owned(), class: crate::failure::FailureClass::Bug, text: "x".to_owned() };
        tx.jobs().postpone(JobId(9), 5)?;
        tx.jobs().predict(JobId(9), 5)?;
        tx.jobs().hasten(JobId(9), Some(5), 50)?;
        tx.jobs().fail_waiting(JobId(9), &failure, 5, &told)?;
        tx.jobs().cancel(JobId(9), 5, &told)?;
        tx.jobs().resume(JobId(9), 5, &told)?;
        tx.jobs().prune(5, 9).map(drop)
    }),
];

const ASKED_OF_THE_REST: &[(&str, Act)] = &[
    ("due events", |tx| tx.outbox().due("redis", 5, 9).map(drop)),
    ("the next due event", |tx| tx.outbox().next_due("redis", 5).map(drop)),
    ("bounds of the events", |tx| tx.outbox().bounds().map(drop)),
    ("undelivered events", |tx| tx.outbox().undelivered("redis").map(drop)),
    ("deliveries", |tx| {
        let sequence = tx.outbox().append(&event("a", "x", &["redis"]), None)?;
        tx.outbox().append(&event("a", "x", &["redis"]), None)?;
        tx.outbox().delivered(sequence, "redis", 5)?;
        tx.outbox().postponed(sequence, "redis", 5)?;
        tx.outbox().give_up(sequence, "redis", 5)?;
        tx.outbox().prune(0).map(drop)
    }),
    ("messages", |tx| {
        tx.inbox().get("redis", "1-0")?;
        tx.inbox().prune(5, 9).map(drop)
    }),
    ("renditions", |tx| {
        tx.renditions().get("22", "6666", 720)?;
        tx.renditions().overdue(5, 9)?;
        tx.renditions().under_way(9).map(drop)
    }),
    ("files", |tx| {
        let name = FileName { institution: "22".to_owned(), record: "6666".to_owned(), resolution: 720 };
        tx.cache().file(&name)?;
        tx.cache().leases_of(1)?;
        tx.cache().is_held(1, "class", "c-1")?;
        tx.cache().holds_any("class", "c-1")?;
        tx.cache().eviction(&name)?;
        tx.cache().release_all("class", "c-1").map(drop)
    }),
];

/// Those whose answer is in the order of the numbers and reaches to the last one.
const ASKED_IN_ORDER: &[(&str, Act)] = &[
    ("all bookings", |tx| tx.bookings().page(&BookingFilter::default(), 5, 9).map(drop)),
    ("all jobs", |tx| tx.jobs().page(&JobFilter::default(), JobId(5), 9).map(drop)),
    ("events", |tx| tx.outbox().after(5, 9).map(drop)),
    ("an institution's events", |tx| tx.outbox().after_for("22", 5, 9).map(drop)),
    ("a class's events", |tx| tx.outbox().after_for_class("22", "c-1", 5, 9).map(drop)),
];

/// Returns the lines of the plans of what an act asks.
fn plans(scratch: &Scratch, act: Act) -> Vec<(String, String)> {
    let connection = stranger(&scratch.folder);
    let health = Health::new(Layout::around(&scratch.path()).unwrap());
    HEARD.take();
    connection.execute_batch("BEGIN").unwrap();
    act(&Transaction::new(&connection, &health)).unwrap();
    connection.execute_batch("ROLLBACK").unwrap();
    let mut lines = Vec::new();
    for sql in HEARD.take() {
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let mut told = statement.raw_query();
        while let Some(row) = told.next().unwrap() {
            lines.push((sql.clone(), row.get("detail").unwrap()));
        }
    }
    assert!(!lines.is_empty());
    lines
}

#[test]
fn no_statement_of_every_day_walks_over_what_has_ended() {
    let scratch = scratch();
    let mut walks = Vec::new();
    let tables = [ASKED_OF_BOOKINGS, ASKED_OF_JOBS, ASKED_OF_THE_REST].map(|acts| (acts, false));
    for (acts, may_go_on) in tables.into_iter().chain([(ASKED_IN_ORDER, true)]) {
        for (name, act) in acts {
            for (sql, line) in plans(&scratch, *act) {
                if is_walk(&line, may_go_on) {
                    walks.push(format!("{name}: {line}\n{sql}"));
                }
            }
        }
    }
    assert!(walks.is_empty(), "{}", walks.join("\n"));
}

#[test]
fn a_walk_is_known_by_its_line() {
    for line in ["SCAN job", "SCAN needed", "SCAN outbox USING COVERING INDEX outbox_time"] {
        assert!(is_walk(line, true), "{line}");
    }
    let by_number = "SEARCH booking USING INTEGER PRIMARY KEY (rowid>?)";
    assert_eq!([is_walk(by_number, false), is_walk(by_number, true)], [true, false]);
    for line in ["SCAN job USING INDEX job_leased", "SCAN head", "SEARCH job USING INDEX job_live (rowid>?)"] {
        assert!(!is_walk(line, false), "{line}");
    }
}
