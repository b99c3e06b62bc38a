//! Making a rendition here: its source held, room for it, the encode, the commit, and its file to the classes that wait.

use std::sync::Arc;

use super::{Executor, Failed, described, unreadable};
use crate::cache::{Acquired, CacheError, Key, Lease, Provenance, Reservation, Wanted};
use crate::failure::{Failure, FailureClass};
use crate::media::RenditionName;
use crate::store::BookingState;
use crate::worker::desk::{HANDED_MAX, There, file_of};
use crate::worker::message::{TranscodeInput, read};
use crate::worker::node::blocking;
use crate::worker::progress::Stage;
use crate::worker::{MediaError, Transcode, Transcoded, place};

/// So often somebody else's way to the file is awaited, or the file goes before it is used.
const TRIES: usize = 8;

/// Where the rendition comes to be.
enum Place {
    Here(Lease),
    Room(Box<Reservation>),
}

impl Executor {
    pub(super) async fn transcode(&self) -> Result<(), Failed> {
        let job = &self.task.job;
        let input: TranscodeInput = read(&job.input).ok_or_else(|| unreadable(job))?;
        let (key, source_key) = (Key::parse(&input.key)?, Key::parse(&input.source_key)?);
        let resolution = key.resolution().ok_or_else(|| unreadable(job))?;
        let source = self.source(&source_key, &input.source_url).await?;
        let (lease, notes) = match self.place(&key).await? {
            Place::Here(lease) => (lease, Vec::new()),
            Place::Room(room) => self.make(&input, resolution, source.path().to_owned(), *room).await?,
        };
        self.hold_for_ready(&source_key).await?;
        drop(source);
        self.hold_for_ready(&key).await?;
        let there = There { path: lease.path().display().to_string(), bytes: lease.bytes() };
        self.hand_over(&key, &there, notes).await?;
        drop(lease);
        Ok(())
    }

    /// Returns the source, held; it is here unless it went since it was fetched.
    async fn source(&self, key: &Key, url: &str) -> Result<Lease, Failed> {
        let (cache, own) = (self.node.inner.cache.clone(), key.clone());
        match blocking(move || cache.hold(&own, None)).await? {
            Ok(lease) => Ok(lease),
            Err(CacheError::Missing(_) | CacheError::Damaged { .. }) => Ok(self.bring(key, url).await?.lease),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns the file if it is here, else room for it.
    async fn place(&self, key: &Key) -> Result<Place, Failed> {
        for _ in 0..TRIES {
            let (cache, own) = (self.node.inner.cache.clone(), key.clone());
            let acquired = blocking(move || {
                let wanted = Wanted { key: &own, job: &place::transcode(&own), bytes: None, lease: None };
                cache.acquire(&wanted)
            });
            match acquired.await?? {
                Acquired::Hit(lease) => return Ok(Place::Here(lease)),
                Acquired::Lead(reservation) => return Ok(Place::Room(Box::new(reservation))),
                Acquired::Follow(flight) => {
                    self.task.progress.enter(Stage::Following);
                    tokio::select! {
                        () = self.task.stop.comes() => return Err(CacheError::Cancelled.into()),
                        () = flight.ended() => {}
                    }
                }
            }
        }
        Err(CacheError::JobTaken(place::transcode(key)).into())
    }

    /// Makes the rendition and gives it its name.
    async fn make(
        &self,
        input: &TranscodeInput,
        resolution: RenditionName,
        source: std::path::PathBuf,
        room: Reservation,
    ) -> Result<(Lease, Vec<String>), Failed> {
        let terms = &self.node.inner.terms;
        let order = Transcode {
            source,
            output: room.folder().join("rendition.flv"),
            work_folder: room.folder().join("work"),
            resolution,
            preset: terms.preset.clone(),
            crf: terms.crf,
            jobs: terms.jobs,
            accept_truncated: terms.accept_truncated,
            resume: true,
        };
        let (media, rooms) = (Arc::clone(&self.node.inner.media), room.rooms());
        let (progress, interrupt) = (Arc::clone(&self.task.progress), self.task.stop.interrupt.clone());
        let made = blocking(move || media.transcode(&order, rooms, &progress, &interrupt)).await?;
        let Transcoded { file, mut notes, .. } = match made {
            Ok(made) => made,
            Err(error) => return Err(self.leave(room, error).await?),
        };
        notes.extend(input.note.clone());
        self.task.progress.enter(Stage::Committing);
        if self.is_stopped() || !self.is_ours().await? {
            // Another attempt may be at it; what this one made is nobody's.
            let cancelled = Failed::from(CacheError::Cancelled);
            blocking(move || room.discard()).await??;
            return Err(cancelled);
        }
        let provenance = Provenance {
            url: input.source_url.clone(),
            source_bytes: None,
            validator: None,
            note: notes.join("; "),
        };
        let lease = blocking(move || room.commit(&file, provenance)).await??;
        Ok((lease, notes))
    }

    /// Keeps what the next attempt can go on from, and throws away the rest; returns the failure.
    async fn leave(&self, room: Reservation, error: MediaError) -> Result<Failed, Failed> {
        let may_go_on = matches!(error.class(), FailureClass::Cancelled | FailureClass::Transient);
        // Giving a room back looks through its folder.
        if may_go_on {
            blocking(move || drop(room)).await?;
        } else {
            blocking(move || room.discard()).await??;
        }
        Ok(error.into())
    }

    /// Holds the rendition for the classes that wait for it, and ends the job with them.
    async fn hand_over(&self, key: &Key, there: &There, notes: Vec<String>) -> Result<(), Failed> {
        let file = file_of(key);
        let waiting =
            self.node.read(move |reading| reading.bookings().of_file(&file, BookingState::Waiting, HANDED_MAX));
        let mut handed = Vec::new();
        for row in waiting.await? {
            handed.push(self.hold_for(key, row).await?);
        }
        let (job, claim, there) = (self.task.job.clone(), self.task.claim, there.clone());
        let output = described(key, &there, notes, None);
        self.node.decide(move |desk| desk.transcoded(&job, &claim, &there, &handed, &output)).await?;
        Ok(())
    }
}
