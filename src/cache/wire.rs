//! What the cache's events carry, as JSON.

use serde::Serialize;

use super::{Held, Key};

#[derive(Serialize)]
struct Evicted<'a> {
    key: String,
    record_id: &'a str,
    bytes: u64,
    reason: &'a str,
}

/// Returns the particulars of a file that went.
pub(super) fn evicted(key: &Key, bytes: u64, reason: &str) -> String {
    text(&Evicted { key: key.to_string(), record_id: key.record(), bytes, reason })
}

#[derive(Serialize)]
struct Alarm<'a> {
    error: &'static str,
    reason: &'a str,
    subject: String,
    count: u64,
    holders: Vec<String>,
}

/// Returns the particulars of an alarm about a file, named as those of all alarms are.
pub(super) fn alarm(code: &'static str, key: &Key, reason: &str, holders: &[Held]) -> String {
    let holders = holders.iter().map(|held| held.holder.to_string()).collect();
    text(&Alarm { error: code, reason, subject: key.to_string(), count: 1, holders })
}

fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("numbers and strings always serialize")
}
