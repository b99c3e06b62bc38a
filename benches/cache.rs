//! How long a full cache takes to say yes: 100,000 files, room asked for again and again, with and without something that
//! must go for it; and how long it takes to start.
//!
//! Prints a table; nothing here passes or fails. The folder is the target's, since a temporary one may be memory.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use reelmill::av::Interrupt;
use reelmill::cache::{Acquired, Adopted, Cache, Key, Limits, Options, Prover, Wanted};
use reelmill::clock::NodeClock;
use reelmill::proof::{self, ProofError, VerifiedFile};
use reelmill::store::{self, FILE_NAME, Store};

/// Files in the cache.
const FILES: u64 = 100_000;
/// Bytes of each: what counts is how many there are.
const FILE_BYTES: u64 = 1000;
/// How often room is asked for.
const ADMISSIONS: u64 = 5000;
/// How often while a file must go for it.
const EVICTIONS: u64 = 1000;
/// Starts, the median of which counts.
const STARTS: usize = 9;

#[derive(Debug)]
struct Here;

impl Prover for Here {
    fn prove(&self, path: &Path) -> Result<VerifiedFile, ProofError> {
        proof::measure(path, &Interrupt::default()).map(|measured| measured.file)
    }
}

fn key(number: u64) -> Key {
    Key::parse(&format!("22/{number}_720P")).expect("a number is a name")
}

fn open(folder: &Path, limits: Limits) -> (Arc<Store>, Cache) {
    let options = store::Options { backup_every: None, ..store::Options::default() };
    let store = Arc::new(Store::open(&folder.join(FILE_NAME), &options).expect("the database opens"));
    let options = Options {
        root: folder.join("root"),
        limits,
        clock: Arc::new(NodeClock::start()),
        prover: Arc::new(Here),
        targets: Vec::new(),
    };
    let cache = Cache::open(Arc::clone(&store), options).expect("the cache opens");
    (store, cache)
}

/// Fills the cache with files that lie there already.
fn fill(folder: &Path, limits: Limits) {
    let root = folder.join("root");
    let (_store, cache) = open(folder, limits);
    let adopted = |number| {
        let key = key(number);
        let path = root.join(key.path());
        fs::create_dir_all(path.parent().expect("it is in a folder")).expect("the folder can be made");
        fs::write(&path, vec![0; usize::try_from(FILE_BYTES).unwrap_or(0)]).expect("there is room");
        Adopted { key, modified_nanoseconds: 0, bytes: FILE_BYTES, used_milliseconds: 0, leases: Vec::new() }
    };
    let report = cache.adopt((0..FILES).map(adopted).collect()).expect("files are taken in");
    assert_eq!(report.adopted, FILES);
}

/// Returns how long each of so many admissions took. Nothing is brought in; what was reserved stays so where `is_kept`.
fn admissions(cache: &Cache, count: u64, from: u64, is_kept: bool) -> Vec<Duration> {
    let mut kept = Vec::new();
    let mut admission = |number| {
        let (key, job) = (key(FILES + from + number), format!("job-{number}"));
        let wanted = Wanted { key: &key, job: &job, bytes: Some(FILE_BYTES), lease: None };
        let began = Instant::now();
        let acquired = cache.acquire(&wanted).expect("there is room, or can be made");
        let took = began.elapsed();
        assert!(matches!(acquired, Acquired::Lead(_)));
        kept.extend(Some(acquired).filter(|_| is_kept));
        took
    };
    (0..count).map(&mut admission).collect()
}

fn main() {
    let folder = tempfile::tempdir_in(Path::new(env!("CARGO_TARGET_TMPDIR"))).expect("the target folder is there");
    let wide = Limits { bytes_max: 1 << 50, count_max: 2 * FILES, free_bytes_min: 0 };
    fill(folder.path(), wide);
    let starts = (0..STARTS).map(|_| {
        let began = Instant::now();
        let opened = open(folder.path(), wide);
        let took = began.elapsed();
        drop(opened);
        took
    });
    say("start, database and cache", starts.collect());
    let (store, cache) = open(folder.path(), wide);
    say("admission, room is there", admissions(&cache, ADMISSIONS, 0, false));
    drop((store, cache));
    // As many files as there may be, so that for each one that is to come another one goes.
    let (_store, cache) = open(folder.path(), Limits { count_max: FILES, ..wide });
    say("admission, a file must go", admissions(&cache, EVICTIONS, ADMISSIONS, true));
}

#[expect(clippy::print_stdout, reason = "the figures are what it is run for")]
fn say(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |share: usize| times[(times.len() * share / 100).min(times.len() - 1)].as_secs_f64() * 1e3;
    println!("{what:<28} {:>6} times   median {:>8.3} ms   p99 {:>8.3} ms", times.len(), at(50), at(99));
}
