//! What `reelmill cache` answers in JSON: `reelmill.cache-stat/1`, `-ls/1`, `-why/1`, `-pin/1`, `-unpin/1`, `-evict/1`,
//! `-scrub/1`; and its progress, one object a line.

use std::path::Path;

use serde::Serialize;

use crate::cache::{EntryView, Eviction, Held, Stat, Tally, Why};
use crate::command::wire::{compact, pretty, rounded};
use crate::control::{Progress, Reply};

#[derive(Serialize)]
struct StatDocument {
    schema: &'static str,
    root: String,
    owner_pid: Option<u32>,
    limits: Limits,
    all: Files,
    held: Files,
    evictable: Files,
    evict_failed: Files,
    quarantined: Files,
    unproven: Files,
    work: Files,
    disk: Option<Disk>,
}

#[derive(Serialize)]
struct Limits {
    bytes_max: u64,
    count_max: u64,
    free_bytes_min: u64,
}

#[derive(Serialize)]
struct Files {
    files: u64,
    bytes: u64,
}

#[derive(Serialize)]
struct Disk {
    total_bytes: u64,
    free_bytes: u64,
    free_files: Option<u64>,
}

#[derive(Serialize)]
struct ListDocument {
    schema: &'static str,
    files: Vec<Entry>,
}

#[derive(Serialize)]
struct WhyDocument {
    schema: &'static str,
    key: String,
    file: Option<Entry>,
    evicted: Option<Gone>,
    next: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    key: String,
    institution: String,
    record: String,
    resolution: Option<String>,
    path: String,
    state: &'static str,
    bytes: u64,
    sha256: Option<String>,
    url: String,
    created_milliseconds: i64,
    used_milliseconds: i64,
    holders: Vec<Holder>,
    goes_after: Option<u64>,
    note: String,
}

#[derive(Serialize)]
struct Holder {
    kind: &'static str,
    name: String,
    since_milliseconds: i64,
    until_milliseconds: Option<i64>,
}

#[derive(Serialize)]
struct Gone {
    bytes: u64,
    reason: String,
    used_milliseconds: i64,
    time_milliseconds: i64,
}

/// Returns the document of how the cache is.
pub(super) fn stat_document(stat: &Stat) -> String {
    pretty(&StatDocument {
        schema: "reelmill.cache-stat/1",
        root: stat.root.to_string_lossy().into_owned(),
        owner_pid: stat.owner,
        limits: Limits {
            bytes_max: stat.limits.bytes_max,
            count_max: stat.limits.count_max,
            free_bytes_min: stat.limits.free_bytes_min,
        },
        all: files(&stat.all),
        held: files(&stat.held),
        evictable: files(&stat.evictable),
        evict_failed: files(&stat.evict_failed),
        quarantined: files(&stat.quarantined),
        unproven: files(&stat.unproven),
        work: files(&stat.work),
        disk: stat.disk.map(|disk| Disk {
            total_bytes: disk.total_bytes,
            free_bytes: disk.free_bytes,
            free_files: disk.free_files,
        }),
    })
}

/// Returns the document of the files.
pub(super) fn list_document(entries: &[EntryView]) -> String {
    pretty(&ListDocument { schema: "reelmill.cache-ls/1", files: entries.iter().map(entry).collect() })
}

/// Returns the document of why a file is here or is not.
pub(super) fn why_document(why: &Why) -> String {
    pretty(&WhyDocument {
        schema: "reelmill.cache-why/1",
        key: why.key.to_string(),
        file: why.entry.as_ref().map(entry),
        evicted: why.evicted.as_ref().map(gone),
        next: why.next.iter().map(entry).collect(),
    })
}

#[derive(Serialize)]
struct ReplyDocument<'a, T> {
    schema: &'static str,
    #[serde(flatten)]
    reply: &'a T,
}

#[derive(Serialize)]
struct Unpinned<'a> {
    key: &'a str,
    name: &'a str,
    was_pinned: bool,
}

#[derive(Serialize)]
struct ClaimDocument {
    schema: &'static str,
    root: String,
    recorded_files: u64,
}

/// Returns the document of a folder that is the cache's from now on.
pub(super) fn claim_document(root: &Path, recorded_files: u64) -> String {
    let root = root.to_string_lossy().into_owned();
    pretty(&ClaimDocument { schema: "reelmill.cache-claim/1", root, recorded_files })
}

/// Returns the document of what came of a change. What the socket carries is what programs read.
pub(super) fn reply_document(reply: &Reply) -> String {
    match reply {
        Reply::Pinned(reply) => document("reelmill.cache-pin/1", reply),
        Reply::Unpinned { key, name, was_pinned } => {
            document("reelmill.cache-unpin/1", &Unpinned { key, name, was_pinned: *was_pinned })
        }
        Reply::Evicted(reply) => document("reelmill.cache-evict/1", reply),
        Reply::Scrubbed(reply) => document("reelmill.cache-scrub/1", reply),
        Reply::Fetched(reply) => document("reelmill.cache-fetch/1", reply),
        Reply::Taken(reply) => document("reelmill.taken/1", reply),
        Reply::Booking { booking } => document("reelmill.booking/1", booking),
        Reply::Status(reply) => document("reelmill.status/1", reply),
    }
}

fn document(schema: &'static str, reply: &impl Serialize) -> String {
    pretty(&ReplyDocument { schema, reply })
}

#[derive(Serialize)]
struct ProgressLine<'a> {
    r#type: &'static str,
    phase: &'a str,
    seconds: f64,
    files: u64,
    total_files: Option<u64>,
    bytes: u64,
    total_bytes: Option<u64>,
}

/// Returns the line that tells how far it is; `is_end` for the last one.
pub(super) fn progress_line(progress: &Progress, seconds: f64, is_end: bool) -> String {
    compact(&ProgressLine {
        r#type: if is_end { "end" } else { "progress" },
        phase: &progress.phase,
        seconds: rounded(seconds),
        files: progress.files,
        total_files: progress.files_total,
        bytes: progress.bytes,
        total_bytes: progress.bytes_total,
    })
}

const fn files(tally: &Tally) -> Files {
    Files { files: tally.files, bytes: tally.bytes }
}

fn entry(view: &EntryView) -> Entry {
    Entry {
        key: view.key.to_string(),
        institution: view.key.institution().to_owned(),
        record: view.key.record().to_owned(),
        resolution: view.key.resolution().map(|name| name.to_string()),
        path: view.path.to_string_lossy().into_owned(),
        state: view.state.name(),
        bytes: view.bytes,
        sha256: view.sha256.clone(),
        url: view.url.clone(),
        created_milliseconds: view.created_milliseconds,
        used_milliseconds: view.used_milliseconds,
        holders: view.holders.iter().map(holder).collect(),
        goes_after: view.goes_after,
        note: view.note.clone(),
    }
}

fn holder(held: &Held) -> Holder {
    Holder {
        kind: held.holder.kind.name(),
        name: held.holder.name.clone(),
        since_milliseconds: held.since_milliseconds,
        until_milliseconds: held.until_milliseconds,
    }
}

fn gone(eviction: &Eviction) -> Gone {
    Gone {
        bytes: eviction.bytes,
        reason: eviction.reason.clone(),
        used_milliseconds: eviction.used_milliseconds,
        time_milliseconds: eviction.time_milliseconds,
    }
}

#[cfg(test)]
mod tests {
    use super::super::listing::tests::{entry, held};
    use super::*;
    use crate::cache::{HolderKind, Key};

    #[test]
    fn documents_are_what_they_were() {
        let file = entry("22/6666_720P", vec![held(HolderKind::Pin, "ann", None)], None);
        let list: serde_json::Value = serde_json::from_str(&list_document(std::slice::from_ref(&file))).unwrap();
        assert_eq!(
            (&list["schema"], &list["files"][0]["resolution"]),
            (&"reelmill.cache-ls/1".into(), &"720P".into())
        );
        assert_eq!(list["files"][0]["holders"][0]["kind"], "pin");
        let why = Why { key: Key::parse("7").unwrap(), entry: None, evicted: None, next: vec![file] };
        let why: serde_json::Value = serde_json::from_str(&why_document(&why)).unwrap();
        assert_eq!((&why["schema"], &why["file"]), (&"reelmill.cache-why/1".into(), &serde_json::Value::Null));
        let unpinned = Reply::Unpinned { key: "7".to_owned(), name: "ann".to_owned(), was_pinned: false };
        assert_eq!(
            reply_document(&unpinned),
            "{\n  \"schema\": \"reelmill.cache-unpin/1\",\n  \"key\": \"7\",\n  \"name\": \"ann\",\n  \"was_pinned\": false\n}"
        );
        assert_eq!(
            progress_line(&Progress { phase: "scrubbing".to_owned(), files: 1, ..Progress::default() }, 1.0, false),
            r#"{"type":"progress","phase":"scrubbing","seconds":1.0,"files":1,"total_files":null,"bytes":0,"total_bytes":null}"#
        );
    }
}
