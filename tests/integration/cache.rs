//! The cache as the world treats it: killed, cut off, filled up, unmounted; each row of the fault list ends as it says.
//!
//! What it does when nobody disturbs it is tested beside its code.

mod child;
mod clock;
mod crash;
mod disk;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use reelmill::av::Interrupt;
use reelmill::cache::{Acquired, Cache, CacheError, Key, Lease, Limits, Options, Provenance, Prover, Wanted};
use reelmill::clip::Recipe;
use reelmill::clock::NodeClock;
use reelmill::content_hash;
use reelmill::media::Container;
use reelmill::proof::{self, ProofError, VerifiedFile};
use reelmill::store::{self, FILE_NAME, Store, StoreError};
use tempfile::TempDir;

use crate::support::clip::make;

/// Looks into files in this process.
#[derive(Debug)]
struct Here;

impl Prover for Here {
    fn prove(&self, path: &Path) -> Result<VerifiedFile, ProofError> {
        proof::measure(path, &Interrupt::default()).map(|measured| measured.file)
    }
}

pub(crate) fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

/// Opens the database and the cache below a folder.
pub(crate) fn open(folder: &Path, limits: Limits) -> Result<(Arc<Store>, Cache), CacheError> {
    let options = store::Options { backup_every: None, ..store::Options::default() };
    let store = Arc::new(patiently(|| {
        let opened = Store::open(&folder.join(FILE_NAME), &options);
        if matches!(opened, Err(StoreError::InUse { .. })) { None } else { Some(opened) }
    })?);
    let cache = patiently(|| {
        let opened = Cache::open(Arc::clone(&store), options_of(&folder.join("root"), limits));
        if matches!(opened, Err(CacheError::InUse { .. })) { None } else { Some(opened) }
    })?;
    Ok((store, cache))
}

/// Tries until something comes of it: another test's child has all our files open between its fork and its program, and
/// with them the locks of what we have closed meanwhile.
fn patiently<T>(mut attempt: impl FnMut() -> Option<T>) -> T {
    loop {
        match attempt() {
            Some(done) => return done,
            None => std::thread::yield_now(),
        }
    }
}

fn options_of(root: &Path, limits: Limits) -> Options {
    Options {
        root: root.to_owned(),
        limits,
        clock: Arc::new(NodeClock::start()),
        prover: Arc::new(Here),
        targets: Vec::new(),
    }
}

/// Makes a work file of so many bytes, and gives it its name.
pub(crate) fn put(cache: &Cache, name: &str, clip: &Clip) -> Result<Lease, CacheError> {
    let (key, job) = (key(name), format!("job-{name}"));
    let wanted = Wanted { key: &key, job: &job, bytes: Some(clip.bytes as u64), lease: None };
    let Acquired::Lead(reservation) = cache.acquire(&wanted)? else { panic!("{name} is here") };
    let work = reservation.folder().join("work.flv");
    fs::copy(&clip.path, &work).unwrap();
    reservation.commit(&Here.prove(&work).unwrap(), Provenance::default())
}

/// A recording that is served.
#[derive(Clone, Debug)]
pub(crate) struct Clip {
    path: PathBuf,
    bytes: usize,
    sha256: String,
}

/// Makes recordings of four lengths.
pub(crate) fn clips(folder: &TempDir) -> Vec<Clip> {
    let clip = |seconds: u32| {
        let recipe = Recipe::plain(Container::Flv, "128x96", f64::from(seconds));
        let path = make(folder, &format!("clip-{seconds}.flv"), &recipe);
        let bytes = usize::try_from(fs::metadata(&path).unwrap().len()).unwrap();
        Clip { sha256: content_hash::of_file(&path).unwrap(), path, bytes }
    };
    [1, 2, 3, 5].map(clip).to_vec()
}

/// Returns every file below a folder with its length; what goes meanwhile is left out.
fn files_below(folder: &Path) -> Vec<(PathBuf, u64)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => found.extend(files_below(&entry.path())),
            Ok(metadata) => found.push((entry.path(), metadata.len())),
            Err(_) => {}
        }
    }
    found
}

/// Returns the bytes of all files below the root, the cache's own marker and lock aside.
fn bytes_below(root: &Path) -> u64 {
    let is_own = |path: &Path| path.file_name().unwrap().to_string_lossy().starts_with(".reelmill-cache");
    files_below(root).iter().filter(|(path, _)| !is_own(path)).map(|(_, bytes)| bytes).sum()
}
