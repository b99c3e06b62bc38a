//! Transactions a second, each on the disk before its caller is told: what the writer gains by committing together what
//! waits together.
//!
//! The folder is the target's, since a temporary one may be memory.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use reelmill::event::EventType;
use reelmill::store::{FILE_NAME, Inserted, Job, JobKind, NewEvent, NewJob, Options, Store, StoreError};

/// Names the keys of all rounds.
static NUMBER: AtomicU64 = AtomicU64::new(0);

/// A job, its event, and two targets to be told: about what a booking writes.
fn book(store: &Store) {
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let job = NewJob {
        institution: "22".to_owned(),
        kind: JobKind::Transcode,
        key: format!("{number}/720P"),
        priority: 50,
        deadline_milliseconds: None,
        input: "{\"video_url\":\"http://origin.example/6666.flv\"}".to_owned(),
        parent: None,
    };
    let told = move |_: &Job| NewEvent {
        event_id: format!("event-{number}"),
        event_type: EventType::TranscodeRequested,
        institution: "22".to_owned(),
        class_id: Some(format!("c-{number}")),
        order_key: format!("22/c-{number}"),
        time_milliseconds: 1,
        data: "{\"video_resolution\":\"720P\"}".to_owned(),
        callback_url: None,
        targets: vec!["redis".to_owned(), "webhook".to_owned()],
    };
    let inserted = store.write(move |tx| tx.jobs().insert(&job, 1, &told));
    let inserted: Result<Inserted, StoreError> = inserted;
    assert!(matches!(inserted, Ok(Inserted::New(_))), "{inserted:?}");
}

/// Returns how long `callers` at once take for so many bookings, in all.
fn bookings(store: &Store, callers: u64, count: u64) -> Duration {
    let began = Instant::now();
    thread::scope(|scope| {
        for caller in 0..callers {
            let share = count / callers + u64::from(caller < count % callers);
            scope.spawn(move || (0..share).for_each(|_| book(store)));
        }
    });
    began.elapsed()
}

fn durable_transactions(criterion: &mut Criterion) {
    let folder = tempfile::tempdir_in(Path::new(env!("CARGO_TARGET_TMPDIR"))).expect("the target folder is there");
    let options = Options { backup_every: None, ..Options::default() };
    let store = Store::open(&folder.path().join(FILE_NAME), &options).expect("a new database");
    let mut group = criterion.benchmark_group("store");
    group.throughput(Throughput::Elements(1));
    group.sample_size(20).measurement_time(Duration::from_secs(8));
    for callers in [1, 16, 256] {
        group.bench_function(format!("durable bookings, {callers} at once"), |bencher| {
            bencher.iter_custom(|count| bookings(&store, callers, count));
        });
    }
    group.finish();
}

/// What a start costs: the check of a database with many finished rows, and opening it.
fn open_many_rows(criterion: &mut Criterion) {
    const ROWS: u64 = 100_000;
    let folder = tempfile::tempdir_in(Path::new(env!("CARGO_TARGET_TMPDIR"))).expect("the target folder is there");
    let path = folder.path().join(FILE_NAME);
    let options = Options { backup_every: None, ..Options::default() };
    let store = Store::open(&path, &options).expect("a new database");
    bookings(&store, 256, ROWS);
    drop(store);
    let mut group = criterion.benchmark_group("store");
    group.sample_size(10);
    group.bench_function("open a database of 100,000 jobs and their events", |bencher| {
        bencher.iter_custom(|count| {
            let open = || {
                let began = Instant::now();
                let store = Store::open(&path, &options).expect("a whole database");
                let took = began.elapsed();
                drop(store);
                took
            };
            (0..count).map(|_| open()).sum()
        });
    });
    group.finish();
}

criterion_group!(store, durable_transactions, open_many_rows);
criterion_main!(store);
