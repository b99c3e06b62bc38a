//! Another process that has a cache and works it hard, to be killed: this test binary again, at the one test here that does
//! what it is bidden, and nothing when nobody bids.

use std::collections::BTreeMap;
use std::env;
use std::path::Path;
use std::thread;

use reelmill::av::Interrupt;
use reelmill::cache::{
    Acquired, Cache, CacheError, Holder, HolderKind, Limits, NewLease, Provenance, Reservation, Wanted,
};
use reelmill::content_hash;
use reelmill::download::{DownloadError, Progress, Request, parse_url, system_resolver};
use reelmill::failure::Failure;
use reelmill::proof::{self, ProofError};
use tokio::runtime;
use tokio::sync::watch;

use super::{key, open};
use crate::fetch::shared::downloader;
use crate::support::bidden::{Bidden, command, say};
use crate::support::bytes::Noise;

const BIDDING: &str = "REELMILL_TEST_CACHE_CHILD";
const NAME: &str = "cache::child::another_process_works_a_cache_hard";
/// Recordings that are asked for; several times what there is room for.
const KEYS: usize = 14;
/// What the child does, a line before each.
pub(super) const PHASES: [&str; 7] = ["reserve", "download", "prove", "commit", "lease", "release", "evict"];

/// A place to fetch a recording from, and what that comes to.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) url: String,
    pub(super) bytes: usize,
}

/// What a child is bidden: where from, within which limits, by which dice.
#[derive(Clone, Debug)]
pub(super) struct Bidding {
    pub(super) seed: usize,
    pub(super) limits: Limits,
    pub(super) places: Vec<Place>,
}

impl Bidding {
    fn words(&self) -> String {
        let places = self.places.iter().map(|place| format!(" {} {}", place.url, place.bytes));
        let Limits { bytes_max, count_max, .. } = self.limits;
        format!("{} {bytes_max} {count_max}{}", self.seed, places.collect::<String>())
    }

    fn read(words: &str) -> Self {
        let words: Vec<&str> = words.split_whitespace().collect();
        let number = |at: usize| words[at].parse::<u64>().unwrap();
        let place = |pair: &[&str]| Place { url: pair[0].to_owned(), bytes: pair[1].parse().unwrap() };
        Self {
            seed: usize::try_from(number(0)).unwrap(),
            limits: Limits { bytes_max: number(1), count_max: number(2), free_bytes_min: 0 },
            places: words[3..].chunks(2).map(place).collect(),
        }
    }
}

/// What was heard of a child.
#[derive(Clone, Debug, Default)]
pub(super) struct Heard {
    /// Holds that were acknowledged and not begun to be let go: which file each holder has.
    pub(super) held: BTreeMap<String, String>,
    /// What each of its threads was last at.
    pub(super) phases: BTreeMap<String, String>,
    /// Files that were brought in, and files that were served.
    pub(super) committed: usize,
    pub(super) served: usize,
    /// Codes of what went wrong, those of full caches aside.
    pub(super) failed: Vec<String>,
    pub(super) lines: usize,
}

impl Heard {
    fn hear(&mut self, said: &str) {
        self.lines += 1;
        match said.split_whitespace().collect::<Vec<_>>().as_slice() {
            ["phase", thread, phase] => drop(self.phases.insert((*thread).to_owned(), (*phase).to_owned())),
            ["committed", ..] => self.committed += 1,
            ["served", ..] => self.served += 1,
            ["leased", holder, key] => drop(self.held.insert((*holder).to_owned(), (*key).to_owned())),
            ["releasing", holder] => drop(self.held.remove(*holder)),
            ["failed", code] => self.failed.push((*code).to_owned()),
            other => panic!("{other:?}"),
        }
    }
}

/// A child at work.
pub(super) struct AtWork {
    pub(super) child: Bidden,
    pub(super) heard: Heard,
}

impl AtWork {
    /// Starts it; `held` is what it knows of from before.
    pub(super) fn start(bidding: &Bidding, folder: &Path, heard: Heard) -> Self {
        let child = Bidden::start(&mut command(NAME, BIDDING, &bidding.words(), folder));
        Self { child, heard: Heard { held: heard.held, ..Heard::default() } }
    }

    /// Listens until it is at `phase`, not before it has said so much; returns whether it came to that.
    pub(super) fn until(&mut self, phase: &str, lines: usize) -> bool {
        loop {
            let before = self.heard.phases.clone();
            if !self.hear_line() {
                return false;
            }
            let is_new = |(thread, now): (&String, &String)| now == phase && before.get(thread) != Some(now);
            if self.heard.lines >= lines && self.heard.phases.iter().any(is_new) {
                return true;
            }
        }
    }

    /// Listens to the end.
    pub(super) fn end(mut self) -> Heard {
        while self.hear_line() {}
        self.child.wait();
        self.heard
    }

    fn hear_line(&mut self) -> bool {
        let said = self.child.hear();
        said.iter().for_each(|said| self.heard.hear(said));
        said.is_some()
    }
}

/// What the child does goes wrong.
#[derive(Debug)]
enum Trouble {
    Cache(CacheError),
    Download(DownloadError),
    Proof(ProofError),
    /// A file was served that is none of those that were to be had.
    Torn,
}

impl Trouble {
    fn code(&self) -> &'static str {
        match self {
            Self::Cache(error) => error.code(),
            Self::Download(error) => error.code(),
            Self::Proof(error) => error.code(),
            Self::Torn => "TORN",
        }
    }
}

impl From<CacheError> for Trouble {
    fn from(error: CacheError) -> Self {
        Self::Cache(error)
    }
}

/// One of the child's threads.
struct Hand<'a> {
    name: String,
    cache: &'a Cache,
    places: &'a [Place],
    noise: Noise,
    leases: Vec<Holder>,
    count: usize,
}

impl Hand<'_> {
    fn at(&self, phase: &str) {
        say(&format!("phase {} {phase}", self.name));
    }

    fn work(&mut self) -> Result<(), Trouble> {
        loop {
            match self.noise.below(10) {
                0..6 => self.get()?,
                6..8 => self.release()?,
                8 => self.evict()?,
                _ => self.replace()?,
            }
        }
    }

    fn any_key(&mut self) -> String {
        format!("22/{}_720P", self.noise.below(KEYS))
    }

    fn get(&mut self) -> Result<(), Trouble> {
        let name = self.any_key();
        let place = self.places[self.noise.below(self.places.len())].clone();
        self.count += 1;
        let holder = Holder {
            kind: HolderKind::Class,
            name: format!("{}-{}-{}", self.name, std::process::id(), self.count),
        };
        // At most three at once, so that there is something to evict.
        let wants = self.leases.len() < 3 && self.noise.below(2) == 0;
        let lease = wants.then(|| NewLease { holder: holder.clone(), until_milliseconds: None });
        let job = format!("job-{}", self.name);
        let key = key(&name);
        // An origin does not always say how much it has.
        let bytes = (self.noise.below(2) == 0).then_some(place.bytes as u64);
        let wanted = Wanted { key: &key, job: &job, bytes, lease };
        self.at(if wants { "lease" } else { "reserve" });
        let acquired = self.cache.acquire(&wanted);
        if self.take(acquired, &place)? && wants {
            say(&format!("leased {} {name}", holder.name));
            self.leases.push(holder);
        }
        Ok(())
    }

    fn replace(&mut self) -> Result<(), Trouble> {
        let name = self.any_key();
        let place = self.places[self.noise.below(self.places.len())].clone();
        let (job, key) = (format!("job-{}", self.name), key(&name));
        let wanted = Wanted { key: &key, job: &job, bytes: Some(place.bytes as u64), lease: None };
        self.at("reserve");
        let acquired = self.cache.replace(&wanted);
        self.take(acquired, &place).map(drop)
    }

    /// Returns whether the file is here.
    fn take(&self, acquired: Result<Acquired, CacheError>, place: &Place) -> Result<bool, Trouble> {
        match acquired {
            Ok(Acquired::Hit(lease)) => {
                // A disk that is gone says so to the next one who asks.
                let Ok(found) = content_hash::of_file(lease.path()) else { return Ok(true) };
                if !self.places.iter().any(|place| place.url.ends_with(&found)) {
                    return Err(Trouble::Torn);
                }
                say("served");
                Ok(true)
            }
            Ok(Acquired::Lead(reservation)) => self.fetch(reservation, place).map(|()| true),
            Ok(Acquired::Follow(_)) | Err(CacheError::Full(_)) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn fetch(&self, reservation: Reservation, place: &Place) -> Result<(), Trouble> {
        self.at("download");
        let output = reservation.folder().join("source.flv");
        let request = Request {
            url: parse_url(&place.url).unwrap(),
            output: output.clone(),
            resume: true,
            overwrite: true,
            sha256: None,
            bytes_max: None,
            rate: None,
            room: Some(reservation.rooms().file()),
        };
        let fetched = runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let (_stop, stopped) = watch::channel(false);
            downloader(system_resolver(), None).fetch(&request, &Progress::default(), stopped).await
        });
        let report = fetched.and_then(reelmill::download::Fetched::publish).map_err(Trouble::Download)?;
        self.at("prove");
        let proven = proof::measure(&output, &Interrupt::default()).map_err(Trouble::Proof)?;
        self.at("commit");
        let provenance = Provenance { url: report.final_url, ..Provenance::default() };
        reservation.commit(&proven.file, provenance)?;
        say("committed");
        Ok(())
    }

    fn release(&mut self) -> Result<(), Trouble> {
        if self.leases.is_empty() {
            return Ok(());
        }
        let holder = self.leases.remove(0);
        say(&format!("releasing {}", holder.name));
        self.at("release");
        self.cache.release(&holder)?;
        Ok(())
    }

    fn evict(&mut self) -> Result<(), Trouble> {
        let name = self.any_key();
        self.at("evict");
        match self.cache.evict(&key(&name), "by hand") {
            Ok(_) | Err(CacheError::Held { .. } | CacheError::Missing(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

fn work(bidding: &Bidding) -> Result<(), Trouble> {
    let (_store, cache) = open(Path::new("."), bidding.limits)?;
    let results = thread::scope(|scope| {
        let hand = |number: usize| {
            let (name, noise) = (format!("t{number}"), Noise::new((bidding.seed * 7 + number) as u64));
            let mut hand =
                Hand { name, cache: &cache, places: &bidding.places, noise, leases: Vec::new(), count: 0 };
            scope.spawn(move || hand.work())
        };
        let hands = [hand(0), hand(1)];
        hands.map(|hand| hand.join().unwrap())
    });
    results.into_iter().collect()
}

#[test]
fn another_process_works_a_cache_hard() {
    #[expect(clippy::disallowed_methods, reason = "how a parent bids the child that it starts from its own binary")]
    let Ok(words) = env::var(BIDDING) else { return };
    reelmill::av::log::install(reelmill::av::log::Verbosity::Quiet);
    if let Err(trouble) = work(&Bidding::read(&words)) {
        say(&format!("failed {}", trouble.code()));
    }
}
