//! What holds of daemons whatever became of them (I1 to I7), looked at from outside: their events, their files, their processes,
//! and what they tell. All work must have ended.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::leftover::sha256;
use super::worker::{Worker, until};

/// Nothing without an owner lies about for longer.
const SETTLED: Duration = Duration::from_secs(60);
/// How long a daemon that lives may take to say so.
const ALIVE: Duration = Duration::from_secs(1);

/// Fails the test unless everything holds of each daemon, all of which run.
#[track_caller]
pub(crate) fn check(workers: &[&Worker]) {
    for worker in workers {
        lives(worker);
        each_booking_ended_once(worker);
        files_are_what_rows_say(worker);
        holds_are_those_of_classes(worker);
        nothing_is_left(worker);
        limits_are_kept(worker);
        tells_no_secret(worker);
    }
}

/// I1: accepted, then one end; one that is ready may be over or cancelled later. An event's name stands for one content.
fn each_booking_ended_once(worker: &Worker) {
    let mut told: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut ids = BTreeSet::new();
    let mut sequence = 0;
    for event in worker.events() {
        assert!(ids.insert(event["event_id"].to_string()), "I1: an event twice: {event}");
        assert!(event["sequence"].as_i64().unwrap() > sequence, "I1: out of order: {event}");
        sequence = event["sequence"].as_i64().unwrap();
        let name = event["type"].as_str().unwrap();
        if let Some(state) = name.strip_prefix("booking.") {
            let class = [&event["institution_id"], &event["class_id"], &event["data"]["booking_sequence"]];
            told.entry(format!("{class:?}")).or_default().push(state.to_owned());
        }
    }
    for (class, states) in told {
        let states: Vec<&str> = states.iter().map(String::as_str).collect();
        let is_one_life = matches!(
            states[..],
            // What cannot be understood was never accepted.
            ["failed"]
                | ["accepted", "ready" | "failed" | "over" | "cancelled"]
                | ["accepted", "ready", "over" | "cancelled"]
        );
        assert!(is_one_life, "I1: {class}: {states:?}\n{}", worker.log());
    }
}

/// I2.
fn files_are_what_rows_say(worker: &Worker) {
    for row in worker.all("/api/v1/cache/files") {
        if row["state"] == "ready" {
            let path = worker.root().join(row["path"].as_str().unwrap());
            let length = fs::metadata(&path).map(|data| data.len()).ok();
            assert_eq!(length, row["bytes"].as_u64(), "I2: {row}");
            assert_eq!(sha256(&path).as_deref(), row["sha256"].as_str(), "I2: {row}");
        }
    }
}

/// Returns who holds files, of one sort or of all others.
fn holders(worker: &Worker, is_meant: impl Fn(&Value) -> bool) -> BTreeSet<String> {
    let rows = worker.all("/api/v1/cache/files");
    let all = rows.iter().flat_map(|row| row["holders"].as_array().unwrap());
    all.filter(|held| is_meant(&held["kind"])).map(|held| held["name"].as_str().unwrap().to_owned()).collect()
}

/// I3. A hold is let go a moment after its booking's end is on the disk.
fn holds_are_those_of_classes(worker: &Worker) {
    let bookings = || worker.all("/api/v1/bookings?state=ready");
    let name = |booking: &Value| {
        let (institution, class) =
            (booking["institution_id"].as_str().unwrap(), booking["class_id"].as_str().unwrap());
        let class = if institution.is_empty() { class.to_owned() } else { format!("{institution}/{class}") };
        let sequence = booking["sequence"].as_u64().unwrap();
        if sequence == 1 { class } else { format!("{class}#{sequence}") }
    };
    until("I3: classes that are ready hold their files, and no others", SETTLED, || {
        let live: BTreeSet<String> = bookings().iter().map(name).collect();
        (holders(worker, |kind| kind == "class") == live).then_some(())
    });
}

/// I4, and that what is counted is what lies there.
fn limits_are_kept(worker: &Worker) {
    let stat = worker.get("/api/v1/cache").document();
    let (bytes, files) = size(&worker.root());
    assert!(bytes <= stat["bytes_max"].as_u64().unwrap(), "I4: {bytes} bytes: {stat}");
    assert!(files <= stat["count_max"].as_u64().unwrap(), "I4: {files} files: {stat}");
    assert_eq!(Some(bytes), stat["all"]["bytes"].as_u64(), "I4: {stat}");
}

/// Returns the bytes and the number of files below a cache's root, its own two marks aside.
pub(crate) fn size(folder: &Path) -> (u64, u64) {
    let (mut bytes, mut files) = (0, 0);
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let Ok(data) = entry.metadata() else { continue };
        if data.is_dir() {
            let (more_bytes, more_files) = size(&entry.path());
            (bytes, files) = (bytes + more_bytes, files + more_files);
        } else if !entry.file_name().to_string_lossy().starts_with(".reelmill-cache") {
            (bytes, files) = (bytes + data.len(), files + 1);
        }
    }
    (bytes, files)
}

/// I5.
fn nothing_is_left(worker: &Worker) {
    until("I5: no work without an owner", SETTLED, || {
        let is_idle = worker.children().is_empty() && holders(worker, |kind| kind == "job").is_empty();
        let is_empty = fs::read_dir(worker.root().join(".work")).map_or(true, |mut work| work.next().is_none());
        (is_idle && is_empty).then_some(())
    });
}

/// I6.
fn lives(worker: &Worker) {
    let asked = Instant::now();
    assert_eq!(worker.get("/healthz").status, 200, "I6");
    assert!(asked.elapsed() < ALIVE, "I6: {:?}", asked.elapsed());
}

/// I7.
fn tells_no_secret(worker: &Worker) {
    let process = format!("/proc/{}", worker.pid().as_raw_nonzero());
    let seen = ["cmdline", "environ"].map(|name| {
        let bytes = fs::read(format!("{process}/{name}")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    });
    let events = worker.events().iter().map(Value::to_string).collect::<String>();
    for secret in worker.secrets() {
        for text in seen.iter().chain([&worker.log(), &events]) {
            assert!(!text.contains(secret), "I7: a secret is told");
        }
    }
}
