//! What the rows tell of a cache, for whoever looks at it from outside: also beside the process that has it open. Reads
//! only.

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;

use super::evict::length_of;
use super::ledger::{Entry, FileId};
use super::marker::owner_of;
use super::root::{WORK, aside_path, disk_of};
use super::{CacheError, EntryState, EntryView, Eviction, Held, Key, Limits, Stat, Tally, Why, name};
use crate::store::{FileRow, Reading};

/// In which order files are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// By name.
    Key,
    /// What would go first is first; what stays is last.
    Going,
    /// The largest first.
    Size,
    /// What was used last is first.
    Used,
}

/// Files that are told to be next.
const NEXT: usize = 3;

/// Returns a counted file as it is told.
pub(super) fn of_entry(entry: &Entry, goes_after: Option<u64>) -> EntryView {
    let is_aside = entry.state == EntryState::Quarantined;
    EntryView {
        path: if is_aside { aside_path(&entry.key, entry.id) } else { entry.key.path() },
        key: entry.key.clone(),
        state: entry.state,
        bytes: entry.content.bytes,
        sha256: entry.content.sha256.clone(),
        url: entry.source.url.clone(),
        created_milliseconds: entry.created_milliseconds,
        used_milliseconds: entry.used_milliseconds,
        sequence: entry.sequence,
        holders: entry.holds.clone(),
        goes_after,
        note: entry.note.clone(),
    }
}

/// Returns every file with its holders, in the order of use.
fn read(reading: &Reading<'_>, now_milliseconds: i64) -> Result<Vec<EntryView>, CacheError> {
    let rows = reading.cache();
    let mut holds: HashMap<FileId, Vec<Held>> = HashMap::new();
    for row in rows.leases()? {
        let live = name::held(&row).filter(|held| held.is_live(now_milliseconds));
        holds.entry(row.file).or_default().extend(live);
    }
    let entry = |row: FileRow| {
        let holds = holds.remove(&row.id).unwrap_or_default();
        name::entry(row, holds)
    };
    let entries: Vec<Entry> = rows.files()?.into_iter().map(entry).collect::<Result<_, _>>()?;
    // What was moved aside goes before all others.
    let is_aside = |entry: &Entry| entry.state == EntryState::Quarantined;
    let (mut aside, mut before) = (0, entries.iter().filter(|entry| is_aside(entry)).count() as u64);
    let view = |entry: &Entry| {
        let may_go = entry.state == EntryState::Ready && entry.holds.is_empty();
        let counter = if is_aside(entry) { &mut aside } else { &mut before };
        let goes_after = (may_go || is_aside(entry)).then_some(*counter);
        *counter += u64::from(goes_after.is_some());
        of_entry(entry, goes_after)
    };
    Ok(entries.iter().map(view).collect())
}

/// Returns every file.
///
/// # Errors
/// The database refuses.
pub fn list(reading: &Reading<'_>, now_milliseconds: i64, order: Order) -> Result<Vec<EntryView>, CacheError> {
    let mut views = read(reading, now_milliseconds)?;
    match order {
        Order::Key => views.sort_by(|one, other| one.key.cmp(&other.key)),
        Order::Going => views.sort_by_key(|view| (view.goes_after.unwrap_or(u64::MAX), view.sequence)),
        Order::Size => views.sort_by_key(|view| std::cmp::Reverse(view.bytes)),
        Order::Used => views.sort_by_key(|view| std::cmp::Reverse(view.sequence)),
    }
    Ok(views)
}

/// Returns how the cache is.
///
/// # Errors
/// The database refuses.
pub fn stat(reading: &Reading<'_>, root: &Path, limits: Limits, now_milliseconds: i64) -> Result<Stat, CacheError> {
    let mut stat = Stat {
        root: root.to_owned(),
        limits,
        all: Tally::default(),
        held: Tally::default(),
        evictable: Tally::default(),
        evict_failed: Tally::default(),
        quarantined: Tally::default(),
        unproven: Tally::default(),
        work: work_below(root),
        disk: File::open(root).and_then(|folder| disk_of(&folder)).ok(),
        owner: owner_of(root),
    };
    for view in read(reading, now_milliseconds)? {
        stat.all.add(view.bytes);
        match view.state {
            EntryState::Ready if view.goes_after.is_some() => stat.evictable.add(view.bytes),
            EntryState::Ready => stat.held.add(view.bytes),
            EntryState::Quarantined => stat.quarantined.add(view.bytes),
            EntryState::EvictFailed => stat.evict_failed.add(view.bytes),
            EntryState::Evicting => {}
        }
        if view.sha256.is_none() {
            stat.unproven.add(view.bytes);
        }
    }
    Ok(stat)
}

fn work_below(root: &Path) -> Tally {
    let mut work = Tally::default();
    for folder in std::fs::read_dir(root.join(WORK)).into_iter().flatten().flatten() {
        work.add(length_of(&folder.path()));
    }
    work
}

/// Returns why a file is here, or is not.
///
/// # Errors
/// The database refuses.
pub fn why(reading: &Reading<'_>, key: &Key, now_milliseconds: i64) -> Result<Why, CacheError> {
    let views = list(reading, now_milliseconds, Order::Going)?;
    // What was moved aside has lost its name; it is told of where nothing else has it.
    let named = views.iter().filter(|view| view.key == *key);
    let entry = named.min_by_key(|view| view.state == EntryState::Quarantined).cloned();
    let evicted = reading.cache().eviction(&name::of_key(key))?.map(|row| Eviction {
        key: key.clone(),
        bytes: row.bytes,
        reason: row.reason,
        used_milliseconds: row.used_milliseconds,
        time_milliseconds: row.time_milliseconds,
    });
    let next = views.into_iter().filter(|view| view.goes_after.is_some()).take(NEXT).collect();
    Ok(Why { key: key.clone(), entry, evicted, next })
}
