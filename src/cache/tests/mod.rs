//! The cache on a real folder and with a real database; recordings are any bytes here, and proven by decree.

mod admission;
mod crash;
mod hold;
mod strange;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use tempfile::TempDir;

use super::{
    Acquired, Cache, CacheError, Holder, HolderKind, Key, Lease, Limits, NewLease, Options, Provenance, Prover,
    Wanted,
};
use crate::clock::Clock;
use crate::proof::{ProofError, VerifiedFile};
use crate::store::{self, FILE_NAME, Store};

/// A clock that stands until it is moved.
#[derive(Debug, Default)]
struct HandClock(AtomicI64);

impl Clock for HandClock {
    fn now_milliseconds(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// Believes everything that does not begin with `bad`; while it looks, something may happen.
#[derive(Default)]
struct Decree(Mutex<Option<Box<dyn FnOnce() + Send>>>);

impl std::fmt::Debug for Decree {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Decree")
    }
}

impl Prover for Decree {
    fn prove(&self, path: &Path) -> Result<VerifiedFile, ProofError> {
        let proven = VerifiedFile::trusted(path);
        let meanwhile = self.0.lock().unwrap().take();
        meanwhile.into_iter().for_each(|happens| happens());
        if fs::read(path).unwrap().starts_with(b"good") {
            return Ok(proven);
        }
        if fs::read(path).unwrap().starts_with(b"bad") {
            return Err(ProofError::Torn { detail: "it is bad".to_owned() });
        }
        Ok(VerifiedFile::trusted(path))
    }
}

/// A cache in a folder of its own.
struct Scratch {
    cache: Cache,
    store: Arc<Store>,
    clock: Arc<HandClock>,
    prover: Arc<Decree>,
    folder: TempDir,
    limits: Limits,
}

const LIMITS: Limits = Limits { bytes_max: 1 << 20, count_max: 100, free_bytes_min: 0 };

impl Scratch {
    fn new(limits: Limits) -> Self {
        Self::within(tempfile::tempdir().unwrap(), limits).unwrap()
    }

    fn within(folder: TempDir, limits: Limits) -> Result<Self, CacheError> {
        let options = store::Options { backup_every: None, ..store::Options::default() };
        let store = Arc::new(Store::open(&folder.path().join(FILE_NAME), &options)?);
        let (clock, prover) = (Arc::<HandClock>::default(), Arc::<Decree>::default());
        let options = self::options(&folder.path().join("root"), limits, &clock);
        let options = Options { prover: Arc::clone(&prover) as Arc<dyn Prover>, ..options };
        let cache = Cache::open(Arc::clone(&store), options)?;
        Ok(Self { cache, store, clock, prover, folder, limits })
    }

    /// Closes it properly and opens it again.
    fn reopened(self) -> Self {
        let Self { cache, store, folder, limits, .. } = self;
        drop(cache);
        drop(store);
        Self::within(folder, limits).unwrap()
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    fn file(&self, key: &str) -> PathBuf {
        self.root().join(self::key(key).path())
    }

    fn at(&self, milliseconds: i64) {
        self.clock.0.store(milliseconds, Ordering::SeqCst);
    }

    /// Brings a file in.
    fn put(&self, key: &str, bytes: usize) -> Lease {
        self.try_put(key, bytes, None).unwrap()
    }

    fn try_put(&self, key: &str, bytes: usize, lease: Option<NewLease>) -> Result<Lease, CacheError> {
        match self.acquire(key, bytes, lease)? {
            Acquired::Hit(lease) => Ok(lease),
            Acquired::Lead(reservation) => {
                let work = reservation.folder().join("work.flv");
                fs::write(&work, vec![b'x'; bytes]).unwrap();
                reservation.commit(&VerifiedFile::trusted(&work), provenance(key))
            }
            Acquired::Follow(_) => panic!("nobody else is at it"),
        }
    }

    fn acquire(&self, key: &str, bytes: usize, lease: Option<NewLease>) -> Result<Acquired, CacheError> {
        let job = format!("job-{}", key.replace('/', "-"));
        self.cache.acquire(&Wanted { key: &self::key(key), job: &job, bytes: Some(bytes as u64), lease })
    }

    /// Returns the names that are in the cache, the next to go first.
    fn names(&self) -> Vec<String> {
        let now = self.clock.now_milliseconds();
        let views = self.store.read(|reading| super::list(reading, now, super::Order::Going)).unwrap();
        let there = views.iter().filter(|view| view.state == super::EntryState::Ready);
        there.map(|view| view.key.to_string()).collect()
    }
}

fn options(root: &Path, limits: Limits, clock: &Arc<HandClock>) -> Options {
    Options {
        root: root.to_owned(),
        limits,
        clock: Arc::clone(clock) as Arc<dyn Clock>,
        prover: Arc::<Decree>::default(),
        targets: Vec::new(),
    }
}

fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

fn provenance(key: &str) -> Provenance {
    Provenance { url: format!("http://origin/{key}.flv"), ..Provenance::default() }
}

fn class(name: &str, until_milliseconds: Option<i64>) -> NewLease {
    NewLease { holder: Holder { kind: HolderKind::Class, name: name.to_owned() }, until_milliseconds }
}

fn code<T>(result: Result<T, CacheError>) -> &'static str {
    use crate::failure::Failure;
    result.err().map_or("none", |error| error.code())
}

/// Returns the length of all files below a folder.
fn bytes_below(folder: &Path) -> u64 {
    super::evict::length_of(folder)
}
