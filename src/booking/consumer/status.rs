//! What the reading side is doing, for whoever asks from outside: counters that disturb nobody, and what is wrong now.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The parts that have a connection of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Part {
    /// Reads the bookings.
    Bookings = 1,
    /// Reads ends, cancellations and results.
    Control = 2,
    /// Says that this node is there, and keeps the bridge's lock.
    Keeper = 4,
    /// Writes into the streams what older systems publish. Not every node has it.
    Bridge = 8,
    /// Writes dead letters, over the readers' connections.
    DeadLetters = 16,
}

impl Part {
    /// What is connected while the node is.
    const NEEDED: u8 = Self::Bookings as u8 | Self::Control as u8 | Self::Keeper as u8;
}

/// The state of the reading side.
#[derive(Debug, Default)]
pub struct Status {
    /// Which parts are connected, a bit each.
    linked: AtomicU8,
    is_bridge: AtomicBool,
    nodes: AtomicU64,
    known: AtomicU64,
    kept: AtomicU64,
    refused: AtomicU64,
    postponed: AtomicU64,
    claimed: AtomicU64,
    handed: AtomicU64,
    trimmed: AtomicU64,
    bridged: AtomicU64,
    gaps: AtomicU64,
    overflowed: AtomicU64,
    complaints: Mutex<BTreeMap<Part, String>>,
    advice: Mutex<String>,
}

impl Status {
    /// Returns whether messages come: all that must be connected is. Untrue within 5 s of an outage.
    pub fn is_connected(&self) -> bool {
        self.linked.load(Ordering::Acquire) & Part::NEEDED == Part::NEEDED
    }

    /// Returns what is wrong now, for an alarm: Redis is gone, refuses, or has something else under a stream's name.
    pub fn complaint(&self) -> Option<String> {
        let complaints = self.complaints();
        let texts: Vec<&str> = complaints.values().map(String::as_str).collect();
        Some(texts.join("; ")).filter(|text| !text.is_empty())
    }

    /// Returns how Redis is set up to lose what it is given, where that could be seen.
    pub fn advice(&self) -> Option<String> {
        Some(lock(&self.advice).clone()).filter(|advice| !advice.is_empty())
    }

    /// Returns how many nodes were there lately, this one among them; 0 before that is known.
    pub fn nodes(&self) -> u64 {
        self.nodes.load(Ordering::Relaxed)
    }

    /// Returns whether no other node was there for a day. Before that is known there may be others.
    pub fn is_only_node(&self) -> bool {
        self.known.load(Ordering::Relaxed) == 1
    }

    /// Returns whether this node carries what older systems publish into the streams.
    pub fn is_bridge(&self) -> bool {
        self.is_bridge.load(Ordering::Acquire)
    }

    /// Returns how many entries were recorded.
    pub fn kept(&self) -> u64 {
        self.kept.load(Ordering::Relaxed)
    }

    /// Returns how many entries went to the dead letters.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Returns how many times an entry could not be made durable.
    pub fn postponed(&self) -> u64 {
        self.postponed.load(Ordering::Relaxed)
    }

    /// Returns how many entries were taken over after nobody had acknowledged them for long: of nodes that are gone, and
    /// of our own those that could not be settled.
    pub fn claimed(&self) -> u64 {
        self.claimed.load(Ordering::Relaxed)
    }

    /// Returns how many times an entry was handed over to the node that has its class.
    pub fn handed(&self) -> u64 {
        self.handed.load(Ordering::Relaxed)
    }

    /// Returns how many entries somebody removed from a stream after they had been read and before they were taken.
    pub fn trimmed(&self) -> u64 {
        self.trimmed.load(Ordering::Relaxed)
    }

    /// Returns how many published messages were written into the streams.
    pub fn bridged(&self) -> u64 {
        self.bridged.load(Ordering::Relaxed)
    }

    /// Returns how many times listening to the channels began when nobody had listened: what was published before is
    /// lost, as Redis keeps nothing for those who are away.
    pub fn gaps(&self) -> u64 {
        self.gaps.load(Ordering::Relaxed)
    }

    /// Returns how many published messages were dropped because they came faster than they could be written.
    pub fn overflowed(&self) -> u64 {
        self.overflowed.load(Ordering::Relaxed)
    }

    pub(super) fn link(&self, part: Part, is_linked: bool) {
        match is_linked {
            true => self.linked.fetch_or(part as u8, Ordering::AcqRel),
            false => self.linked.fetch_and(!(part as u8), Ordering::AcqRel),
        };
    }

    /// Notes what is wrong with a part, or that nothing is; said in the log when it changes.
    pub(super) fn complain(&self, part: Part, text: Option<String>) {
        let mut complaints = self.complaints();
        match text {
            Some(text) if complaints.get(&part) == Some(&text) => {}
            Some(text) => {
                tracing::warn!(?part, "{text}");
                complaints.insert(part, text);
            }
            None => {
                if complaints.remove(&part).is_some() {
                    tracing::info!(?part, "Redis does what it is asked for again");
                }
            }
        }
    }

    /// Notes how Redis is set up to lose things, empty where it is not; said in the log when it changes.
    pub(super) fn advise(&self, advice: String) {
        let mut known = lock(&self.advice);
        if *known != advice && !advice.is_empty() {
            tracing::warn!("Redis may lose bookings that wait in it: {advice}");
        }
        *known = advice;
    }

    /// Notes how many nodes are there, and how many were lately.
    pub(super) fn set_nodes(&self, nodes: u64, known: u64) {
        self.nodes.store(nodes, Ordering::Relaxed);
        self.known.store(known, Ordering::Relaxed);
    }

    pub(super) fn set_bridge(&self, is_bridge: bool) {
        self.is_bridge.store(is_bridge, Ordering::Release);
    }

    pub(super) fn count(&self, what: Count, many: usize) {
        let counter = match what {
            Count::Kept => &self.kept,
            Count::Refused => &self.refused,
            Count::Postponed => &self.postponed,
            Count::Claimed => &self.claimed,
            Count::Handed => &self.handed,
            Count::Trimmed => &self.trimmed,
            Count::Bridged => &self.bridged,
            Count::Gap => &self.gaps,
            Count::Overflowed => &self.overflowed,
        };
        counter.fetch_add(many as u64, Ordering::Relaxed);
    }

    fn complaints(&self) -> MutexGuard<'_, BTreeMap<Part, String>> {
        lock(&self.complaints)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that holds a lock here can leave things half changed.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is counted; each is told by the method of [`Status`] of its name.
#[derive(Clone, Copy, Debug)]
pub(super) enum Count {
    Kept,
    Refused,
    Postponed,
    Claimed,
    Handed,
    Trimmed,
    Bridged,
    Gap,
    Overflowed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_connected_when_all_that_must_be_is_bridge_or_not() {
        let status = Status::default();
        for part in [Part::Bookings, Part::Control, Part::Bridge, Part::Keeper] {
            assert!(!status.is_connected());
            status.link(part, true);
        }
        status.link(Part::Bridge, false);
        assert!(status.is_connected());
        status.link(Part::Control, false);
        assert!(!status.is_connected());
    }

    #[test]
    fn what_is_wrong_is_told_until_it_is_not() {
        let status = Status::default();
        assert_eq!(status.complaint(), None);
        status.complain(Part::Control, Some("b".to_owned()));
        status.complain(Part::Bookings, Some("a".to_owned()));
        assert_eq!(status.complaint().as_deref(), Some("a; b"));
        status.complain(Part::Bookings, None);
        status.complain(Part::Control, None);
        assert_eq!(status.complaint(), None);
    }

    #[test]
    fn a_node_that_knows_of_no_other_is_the_only_one_and_one_that_knows_nothing_yet_is_not() {
        let status = Status::default();
        assert!(!status.is_only_node());
        for (nodes, known, is_only) in [(1, 1, true), (1, 2, false), (2, 2, false)] {
            status.set_nodes(nodes, known);
            assert_eq!(status.is_only_node(), is_only, "{nodes} of {known}");
        }
    }
}
