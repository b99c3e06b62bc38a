//! From an address to a file in the cache, held.
//!
//! Invariants: an origin is asked for a body once, however many want the file (`Cache::acquire` has one lead, the others
//! follow); nothing is fetched for which there is no room; what is committed was proven here; whatever fails, what lies in
//! the work folder afterwards is a part to go on from, or nothing.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::spawn_blocking;
use url::Url;

use super::progress::Stage;
use super::{AcquireError, Facts, Media, MediaError, Progress, TakeIn, TakenIn, place};
use crate::av::Interrupt;
use crate::cache::{self, Cache, CacheError, Flight, Key, Lease, NewLease, Provenance, Reservation, Wanted};
use crate::download::{Downloader, Fetched, Looked, Rate, Report, Request, Validator};
use crate::proof::VerifiedFile;
use crate::store::FileSource;
use crate::transcode::TranscodeError;

/// So often somebody else's way to a file is awaited. Those who wait take turns where it fails each time, and no more ask
/// than a control socket has connections (16); twice that is somebody who fails again and again.
const FOLLOWS_MAX: usize = 32;

/// What acquires: the node has one.
#[derive(Clone, Debug)]
pub struct Acquirer {
    /// Where files go.
    pub cache: Cache,
    /// What fetches them.
    pub downloader: Downloader,
    /// The cap of each download within the budget of all.
    pub rate: Rate,
    /// Who looks into what came.
    pub media: Arc<dyn Media>,
    /// Threads that encode what the cache's container cannot hold.
    pub jobs: usize,
}

/// A file that is wanted in the cache.
#[derive(Clone, Debug)]
pub struct Errand {
    /// What it will be called.
    pub key: Key,
    /// Where it is.
    pub url: Url,
    /// What the recording must hash to, in lower-case hex.
    pub sha256: Option<String>,
    /// Whether a recording that ends early is taken as far as it goes.
    pub accept_truncated: bool,
    /// Who holds it then; nobody where it is just to be there.
    pub lease: Option<NewLease>,
}

/// How somebody ends it: both ways at once.
#[derive(Clone, Debug)]
pub struct Stop {
    /// For what waits for a network.
    pub told: watch::Receiver<bool>,
    /// For what works.
    pub interrupt: Interrupt,
}

impl Stop {
    /// Waits until somebody does.
    pub(super) async fn comes(&self) {
        if self.told.clone().wait_for(|told| *told).await.is_err() {
            // Whoever could ask is gone: then nobody will.
            std::future::pending::<()>().await;
        }
    }
}

/// What was done to have a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing: it was here.
    Present,
    /// It was fetched.
    Fetched,
    /// Another version was here, and has gone.
    Replaced,
}

impl State {
    /// Returns the name in documents.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Present => "present",
            Self::Fetched => "fetched",
            Self::Replaced => "replaced",
        }
    }
}

/// A file that is here.
#[derive(Debug)]
pub struct Acquired {
    /// It, held while this lives.
    pub lease: Lease,
    /// What was done.
    pub state: State,
    /// What a person should know about the file.
    pub notes: Vec<String>,
    /// How it came; none where it was here.
    pub report: Option<Report>,
    /// What it is, where it was looked into now.
    pub facts: Option<Facts>,
}

/// Where a file is, before anything is done.
enum Found {
    Here(Lease),
    /// It is to be fetched, for this state.
    Nowhere(Box<Reservation>, State),
    OnItsWay(Flight),
}

/// A file that is ready to be committed.
struct Made {
    file: VerifiedFile,
    notes: Vec<String>,
    facts: Facts,
    /// Its part is locked as long as this lives.
    fetched: Fetched,
}

impl Acquirer {
    /// Brings the file here, unless it is here already, and holds it.
    ///
    /// # Errors
    /// [`AcquireError`]: whatever the cache, the download, the proof or the repacking say.
    pub async fn acquire(
        &self,
        errand: &Errand,
        progress: &Arc<Progress>,
        stop: &Stop,
    ) -> Result<Acquired, AcquireError> {
        for _ in 0..FOLLOWS_MAX {
            progress.enter(Stage::Looking);
            match self.find(errand, stop).await? {
                Found::Here(lease) => return self.present(lease).await,
                Found::Nowhere(reservation, state) => {
                    return self.bring(errand, *reservation, state, progress, stop).await;
                }
                Found::OnItsWay(flight) => {
                    progress.enter(Stage::Following);
                    tokio::select! {
                        () = stop.comes() => return Err(CacheError::Cancelled.into()),
                        () = flight.ended() => {}
                    }
                }
            }
        }
        Err(CacheError::JobTaken(place::job(&errand.key)).into())
    }

    /// Asks the cache, and where that is not enough the origin.
    async fn find(&self, errand: &Errand, stop: &Stop) -> Result<Found, AcquireError> {
        let known = self.cache.source(&errand.key);
        let has_hash = self.may_have_hash(errand, known.as_ref());
        if has_hash && known.as_ref().is_some_and(|known| known.url == errand.url.as_str()) {
            return self.ask_cache(errand, None, State::Fetched).await;
        }
        let looked = self.downloader.look(&errand.url, stop.told.clone()).await?;
        let is_same = has_hash && known.as_ref().is_some_and(|known| is_same(known, &looked));
        let state = if known.is_none() || is_same { State::Fetched } else { State::Replaced };
        let found = self.ask_cache(errand, looked.total, state).await?;
        if let (Found::Here(lease), true, Some(known)) = (&found, is_same, known) {
            self.note_source(lease.key(), known, errand, &looked).await?;
        }
        Ok(found)
    }

    /// Returns false where the file is known to have another hash than is wanted. One that was repacked has a hash of its
    /// own, which says nothing.
    fn may_have_hash(&self, errand: &Errand, known: Option<&FileSource>) -> bool {
        let (Some(wanted), Some(entry)) = (&errand.sha256, self.cache.entry(&errand.key)) else { return true };
        let is_as_it_came = known.is_some_and(|known| known.bytes == Some(entry.bytes));
        !is_as_it_came || entry.sha256.is_none_or(|sha256| sha256 == *wanted)
    }

    async fn ask_cache(&self, errand: &Errand, bytes: Option<u64>, state: State) -> Result<Found, AcquireError> {
        let (cache, key, lease) = (self.cache.clone(), errand.key.clone(), errand.lease.clone());
        let acquired = blocking(move || {
            let wanted = Wanted { key: &key, job: &place::job(&key), bytes, lease };
            if state == State::Replaced { cache.replace(&wanted) } else { cache.acquire(&wanted) }
        });
        Ok(match acquired.await?? {
            cache::Acquired::Hit(lease) => Found::Here(lease),
            cache::Acquired::Lead(reservation) => Found::Nowhere(Box::new(reservation), state),
            cache::Acquired::Follow(flight) => Found::OnItsWay(flight),
        })
    }

    /// Notes that the file may be had from here too.
    async fn note_source(
        &self,
        key: &Key,
        known: FileSource,
        errand: &Errand,
        looked: &Looked,
    ) -> Result<(), AcquireError> {
        let (cache, key) = (self.cache.clone(), key.clone());
        let validator = looked.validator.as_ref().map(Validator::to_text);
        let source = FileSource { url: errand.url.to_string(), bytes: looked.total, validator };
        Ok(blocking(move || cache.set_source(&key, &known, source)).await??)
    }

    /// Answers with a file that is here; what an earlier try for it has left is of no use to anybody.
    async fn present(&self, lease: Lease) -> Result<Acquired, AcquireError> {
        self.sweep(lease.key()).await?;
        let note = self.cache.entry(lease.key()).map_or_else(String::new, |entry| entry.note);
        let notes = Some(note).filter(|note| !note.is_empty()).into_iter().collect();
        Ok(Acquired { lease, state: State::Present, notes, report: None, facts: None })
    }

    /// Removes what lies in the work folder of a key that nobody works on.
    async fn sweep(&self, key: &Key) -> Result<(), AcquireError> {
        let (cache, job) = (self.cache.clone(), place::job(key));
        blocking(move || cache.sweep(&|other| other != job)).await??;
        Ok(())
    }

    /// Fetches the file into its room and commits it.
    async fn bring(
        &self,
        errand: &Errand,
        reservation: Reservation,
        state: State,
        progress: &Arc<Progress>,
        stop: &Stop,
    ) -> Result<Acquired, AcquireError> {
        let (reservation, made) = self.make_twice(errand, reservation, progress, stop).await?;
        let Made { file, notes, facts, fetched } = match made {
            Ok(made) => made,
            Err(error) if error.spoils_work() => {
                blocking(move || reservation.discard()).await??;
                return Err(error);
            }
            Err(error) => return Err(error),
        };
        progress.enter(Stage::Committing);
        let provenance = Provenance {
            url: errand.url.to_string(),
            source_bytes: Some(fetched.report.bytes),
            validator: fetched.report.validator.as_ref().map(Validator::to_text),
            note: notes.join("; "),
        };
        let committed = blocking(move || reservation.commit(&file, provenance)).await?;
        let lease = match committed.map_err(|error| AcquireError::from(error).of_full_disk()) {
            Ok(lease) => lease,
            Err(error) => {
                if error.spoils_work() {
                    self.sweep(&errand.key).await?;
                }
                return Err(error);
            }
        };
        Ok(Acquired { lease, state, notes, report: Some(fetched.report), facts: Some(facts) })
    }

    /// Makes the file, and once more where the disk itself turned out to be full and something could go (K1).
    async fn make_twice(
        &self,
        errand: &Errand,
        reservation: Reservation,
        progress: &Arc<Progress>,
        stop: &Stop,
    ) -> Result<(Reservation, Result<Made, AcquireError>), AcquireError> {
        let made = self.make(errand, &reservation, progress, stop).await;
        if !made.as_ref().is_err_and(AcquireError::is_disk_full) {
            return Ok((reservation, made));
        }
        tracing::warn!(key = %errand.key, "the disk is full; what nobody holds goes");
        let relieve = move || {
            let relieved = reservation.relieve();
            (reservation, relieved)
        };
        let (reservation, relieved) = blocking(relieve).await?;
        let made = match relieved {
            Ok(()) => self.make(errand, &reservation, progress, stop).await.map_err(AcquireError::of_full_disk),
            Err(error) => Err(error.into()),
        };
        Ok((reservation, made))
    }

    /// Fetches the recording and has it looked into, and brought into the cache's container where it comes in another.
    async fn make(
        &self,
        errand: &Errand,
        reservation: &Reservation,
        progress: &Arc<Progress>,
        stop: &Stop,
    ) -> Result<Made, AcquireError> {
        let folder = reservation.folder().to_owned();
        let work = folder.clone();
        blocking(move || place::tidy(&work)).await??;
        progress.enter(Stage::Fetching);
        let request = self.request(errand, place::source(&folder), reservation);
        let fetched = self.downloader.fetch(&request, &progress.download, stop.told.clone()).await?;
        let order = TakeIn {
            folder,
            path: fetched.path().to_owned(),
            key_label: errand.key.resolution(),
            accept_truncated: errand.accept_truncated,
            jobs: self.jobs,
        };
        let (media, rooms) = (Arc::clone(&self.media), reservation.rooms());
        let (progress, interrupt) = (Arc::clone(progress), stop.interrupt.clone());
        let taken = blocking(move || media.take_in(&order, rooms, &progress, &interrupt));
        let TakenIn { file, notes, facts } = taken.await??;
        Ok(Made { file, notes, facts, fetched })
    }

    fn request(&self, errand: &Errand, output: PathBuf, reservation: &Reservation) -> Request {
        Request {
            url: errand.url.clone(),
            output,
            resume: true,
            overwrite: true,
            sha256: errand.sha256.clone(),
            bytes_max: None,
            rate: self.rate,
            room: Some(reservation.rooms().file()),
        }
    }
}

/// Returns whether the origin has what is here: the same length, and a validator that both times was the same.
fn is_same(known: &FileSource, looked: &Looked) -> bool {
    let validator = known.validator.as_deref().and_then(Validator::parse);
    let has_length = known.bytes.is_some() && known.bytes == looked.total;
    has_length && validator.is_some() && validator == looked.validator
}

/// Runs what may wait for a disk or keep a core busy where it may.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, AcquireError> {
    let panicked =
        |error: tokio::task::JoinError| MediaError::from(TranscodeError::Panicked { message: error.to_string() });
    Ok(spawn_blocking(work).await.map_err(panicked)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_address_has_the_same_only_with_the_same_length_and_strong_validator() {
        let known = |bytes, validator: Option<&str>| FileSource {
            url: "http://a.example/1".to_owned(),
            bytes,
            validator: validator.map(ToOwned::to_owned),
        };
        let looked = |total, tag: Option<&str>| Looked {
            final_url: "http://b.example/1".to_owned(),
            total,
            validator: tag.map(|tag| Validator::ETag(tag.to_owned())),
            content_type: None,
        };
        let tag = Some("etag:\"1\"");
        assert!(is_same(&known(Some(7), tag), &looked(Some(7), Some("\"1\""))));
        for (known, looked) in [
            (known(Some(7), tag), looked(Some(8), Some("\"1\""))),
            (known(Some(7), tag), looked(Some(7), Some("\"2\""))),
            (known(Some(7), tag), looked(Some(7), None)),
            (known(Some(7), None), looked(Some(7), None)),
            (known(None, tag), looked(None, Some("\"1\""))),
        ] {
            assert!(!is_same(&known, &looked), "{known:?} {looked:?}");
        }
    }
}
