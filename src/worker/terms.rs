//! What the worker keeps to: the settings that its decisions need, as values.

use crate::booking::decide::Policy;
use crate::store::{BookingRow, BookingState};

/// How many downloads run at once. They share one rate, so that more would only make each slower; with fewer, a slow origin
/// would hold up what comes from others.
pub(super) const FETCHES_MAX: usize = 16;

/// What holds as long as the node runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Terms {
    /// What this node is called in its fleet.
    pub node_id: String,
    /// Who transcodes, and how long that may take.
    pub policy: Policy,
    /// The longest that a class waits, and that it keeps its file where its end is not known.
    pub booking_timeout_milliseconds: i64,
    /// How long after its end a class keeps its file.
    pub lease_grace_milliseconds: i64,
    /// Who is to be told of every event.
    pub targets: Vec<String>,
    /// Encode threads.
    pub jobs: usize,
    /// How renditions are made here.
    pub preset: String,
    /// Their constant quality.
    pub crf: f64,
    /// Whether a recording that ends early is taken as far as it goes.
    pub accept_truncated: bool,
}

impl Terms {
    /// Returns until when a class keeps its file once it has it, in Unix milliseconds: its end and a while, else a while after
    /// its beginning or from now.
    pub(super) fn held_until(&self, row: &BookingRow, now_milliseconds: i64) -> i64 {
        let (grace, timeout) = (self.lease_grace_milliseconds, self.booking_timeout_milliseconds);
        match (row.new.end_milliseconds, row.new.start_milliseconds) {
            (Some(end), _) => end.saturating_add(grace),
            (None, Some(start)) => start.max(now_milliseconds).saturating_add(timeout),
            (None, None) => now_milliseconds.saturating_add(timeout),
        }
    }

    /// Returns a time at which a booking has ended, whatever comes: it waits until it is due, and then may have its file.
    pub(super) fn lives_until(&self, row: &BookingRow) -> i64 {
        let due = row.new.due_milliseconds;
        match row.state {
            BookingState::Ready => due,
            BookingState::Waiting | BookingState::Downloading => self.held_until(row, due),
            BookingState::Failed | BookingState::Over | BookingState::Cancelled => i64::MIN,
        }
    }
}
