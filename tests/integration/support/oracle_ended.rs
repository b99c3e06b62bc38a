//! What holds of a node that has ended with nothing left to do, whatever was done to it before: the oracle of all its faults
//! (I1 to I5).
//!
//! It reads the database, the disk and `/proc`, and believes nothing that the node says of itself but its events, which are
//! held against each other.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use reelmill::cache::{CacheError, EntryState, EntryView, HolderKind, Order, list};
use reelmill::content_hash;
use reelmill::store::{
    BookingRow, BookingState, Depth, FILE_NAME, JobFilter, JobId, ReadOnly, StoreError, check as check_database,
};
use serde_json::Value;

use super::process::said_children_of;

/// Rows that are looked at: more than any test makes.
const ROWS_MAX: u32 = 1_000_000;
/// Events after which a booking is over and done.
const ENDS: [&str; 3] = ["booking.failed", "booking.over", "booking.cancelled"];

/// A node that has ended.
pub(crate) struct Ended<'a> {
    /// Its own folder.
    pub(crate) data: &'a Path,
    /// Its cache's.
    pub(crate) root: &'a Path,
    /// What that may hold.
    pub(crate) bytes_max: u64,
    /// The bookings that were acknowledged, by their class, each with the event that it must come to; every one was the only
    /// booking of its class.
    pub(crate) acknowledged: &'a BTreeMap<String, &'static str>,
    /// Every event by `/api/v1/events?after=0`, as it was told last.
    pub(crate) events: &'a [Value],
    /// Every event that anybody was told at any time, as often as they were.
    pub(crate) told: &'a [Value],
    /// The processes that ran the node.
    pub(crate) pids: &'a [u32],
}

/// Fails the test unless everything holds.
#[track_caller]
pub(crate) fn check(node: &Ended<'_>) {
    let database = node.data.join(FILE_NAME);
    check_database(&database, Depth::Full).unwrap();
    events_agree(node);
    every_booking_has_one_end(node);
    let open = ReadOnly::open(&database).unwrap();
    let read = |reading: &reelmill::store::Reading<'_>| {
        let bookings = reading.bookings().live(0, ROWS_MAX)?;
        let jobs = reading.jobs().page(&JobFilter::default(), JobId(0), ROWS_MAX)?;
        assert_eq!(reading.cache().publishes()?, [], "a publication is left");
        let live: Vec<_> = jobs.into_iter().filter(|job| job.state.is_live()).collect();
        assert!(live.is_empty(), "jobs are left: {live:?}");
        Ok::<_, StoreError>(bookings)
    };
    let bookings = open.read(read).unwrap();
    let views = open.read(|reading| list(reading, 0, Order::Key)).map_err(|error: CacheError| error).unwrap();
    holds_are_those_of_bookings(&bookings, &views);
    files_are_what_is_recorded(node, &views);
    let children = said_children_of(node.pids);
    assert!(children.is_empty(), "children are left: {children:?}");
}

/// One name, one content; and what was told once is kept.
fn events_agree(node: &Ended<'_>) {
    let sequences: Vec<u64> = node.events.iter().map(|event| event["sequence"].as_u64().unwrap()).collect();
    // There are gaps: a transcode that is begun again has its event already, and that takes a number for nothing.
    assert!(sequences.is_sorted_by(|one, next| one < next), "{sequences:?}");
    let mut kept: BTreeMap<&str, &Value> = BTreeMap::new();
    for event in node.events {
        let double = kept.insert(event["event_id"].as_str().unwrap(), event);
        assert!(double.is_none(), "one name, two events: {double:?} {event}");
    }
    for told in node.told {
        let event = kept.get(told["event_id"].as_str().unwrap());
        assert_eq!(event, Some(&told), "not the same of {}, or it is lost: {told}", kept.len());
    }
}

/// I1.
fn every_booking_has_one_end(node: &Ended<'_>) {
    let mut per_class: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for event in node.events {
        let name = event["type"].as_str().unwrap();
        if name.starts_with("booking.") {
            per_class.entry(event["class_id"].as_str().unwrap()).or_default().push(name);
        }
    }
    for (class, wanted) in node.acknowledged {
        let names = per_class.remove(class.as_str()).unwrap_or_default();
        let count = |name: &str| names.iter().filter(|other| **other == name).count();
        assert_eq!(names.first(), Some(&"booking.accepted"), "{class} is lost: {names:?}");
        assert_eq!((names.last(), count(wanted)), (Some(wanted), 1), "{class}: {names:?}");
        let ends: usize = ENDS.into_iter().map(count).sum();
        assert!(ends <= 1 && count("booking.ready") <= 1 && count("booking.accepted") == 1, "{class}: {names:?}");
        assert!(count("booking.ready") + count("booking.failed") <= 1, "{class}: {names:?}");
    }
    assert!(per_class.is_empty(), "nobody booked these: {per_class:?}");
}

/// I3: who holds a file has a booking that is ready, and the other way round.
fn holds_are_those_of_bookings(bookings: &[BookingRow], views: &[EntryView]) {
    let undone: Vec<_> = bookings.iter().filter(|row| row.state != BookingState::Ready).collect();
    assert!(undone.is_empty(), "bookings wait for nothing: {undone:?}");
    let wanted: BTreeSet<(String, String)> = bookings.iter().map(|row| (key_of(row), holder_of(row))).collect();
    let mut held = BTreeSet::new();
    for view in views {
        for holder in view.holders.iter().map(|held| &held.holder) {
            assert_eq!(holder.kind, HolderKind::Class, "{} is held by {holder}", view.key);
            held.insert((view.key.to_string(), holder.name.clone()));
        }
    }
    assert_eq!(held, wanted);
}

/// Returns the name of the file that a booking is about.
fn key_of(row: &BookingRow) -> String {
    let file = &row.new.file;
    let institution = if file.institution.is_empty() { String::new() } else { format!("{}/", file.institution) };
    let size = if file.resolution == 0 { String::new() } else { format!("_{}P", file.resolution) };
    format!("{institution}{}{size}", file.record)
}

/// Returns the name by which a booking holds its file.
fn holder_of(row: &BookingRow) -> String {
    let new = &row.new;
    let institution = if new.institution.is_empty() { String::new() } else { format!("{}/", new.institution) };
    let again = if new.sequence == 1 { String::new() } else { format!("#{}", new.sequence) };
    format!("{institution}{}{again}", new.class_id)
}

/// I2, I4 and I5.
fn files_are_what_is_recorded(node: &Ended<'_>, views: &[EntryView]) {
    let mut recorded = BTreeSet::new();
    for view in views {
        assert_eq!(view.state, EntryState::Ready, "{view:?}");
        let path = node.root.join(&view.path);
        let bytes = fs::metadata(&path).unwrap_or_else(|error| panic!("{}: {error}", view.key)).len();
        assert_eq!((bytes, view.sha256.clone()), (view.bytes, content_hash::of_file(&path).ok()), "{}", view.key);
        recorded.insert(path);
    }
    let found = files_below(node.root);
    let bytes: u64 = found.iter().map(|path| fs::metadata(path).unwrap().len()).sum();
    assert!(bytes <= node.bytes_max, "{bytes} bytes of {}", node.bytes_max);
    let others: Vec<_> = found.difference(&recorded).filter(|path| !is_marker(path)).collect();
    assert!(others.is_empty(), "files without an owner: {others:?}");
}

/// Returns whether a file says whose the folder is.
fn is_marker(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(".reelmill-cache"))
}

/// Returns every file below a folder.
pub(crate) fn files_below(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => found.extend(files_below(&entry.path())),
            _ => drop(found.insert(entry.path())),
        }
    }
    found
}
