//! What can be asked of the node, and the few things that people may do to its jobs. Nothing here decides anything.

use std::sync::Arc;

use tokio::sync::broadcast;

use super::desk::{Desk, fetch_key, key_of, resolution_of, url_of};
use super::node::{Node, Running};
use super::predict;
use super::slack::order;
use super::view::{Advance, BookingFilter, BookingView, Events, JobView, Page, Tiding};
use crate::booking::ClassKey;
use crate::booking::decide::LOCAL;
use crate::store::{
    self, BookingRow, BookingState, Job, JobFilter, JobId, JobKind, JobState, Reading, RenditionState, StoreError,
};

/// Jobs that one request may let begin anew, or that stand before another one in an estimate.
const JOBS_MAX: u32 = 1000;

/// Where a booking is, as it is told, and which job brings it on.
struct Place {
    state: &'static str,
    job: Option<Job>,
}

impl Node {
    /// Returns the latest booking of a class.
    ///
    /// # Errors
    /// The database refuses, as everywhere here.
    pub async fn booking(&self, class: ClassKey) -> Result<Option<BookingView>, StoreError> {
        let row = self.read(move |reading| reading.bookings().latest(&class.institution, &class.class_id)).await?;
        match row {
            Some(row) => self.view(row).await.map(Some),
            None => Ok(None),
        }
    }

    /// Returns bookings after that number.
    pub async fn bookings(
        &self,
        filter: BookingFilter,
        after: i64,
        limit: u32,
    ) -> Result<Page<BookingView>, StoreError> {
        let wanted = store::BookingFilter {
            institution: filter.institution,
            // To the database a class whose rendition is being made waits.
            state: filter.state.map(|state| BookingState::parse(state).unwrap_or(BookingState::Waiting)),
        };
        let rows =
            self.read(move |reading| reading.bookings().page(&wanted, after, limit.saturating_add(1))).await?;
        let has_more = rows.len() > limit as usize;
        let mut items = Vec::new();
        for row in rows.into_iter().take(limit as usize) {
            let view = self.view(row).await?;
            if filter.state.is_none_or(|state| state == view.state) {
                items.push(view);
            }
        }
        Ok(Page { items, has_more })
    }

    /// Returns a booking as it is told.
    pub(super) async fn view(&self, row: BookingRow) -> Result<BookingView, StoreError> {
        let now = self.now();
        let of_row = row.clone();
        let (place, ahead) = self
            .read(move |reading| {
                let place = place_of(reading, &of_row)?;
                let ahead = match &place.job {
                    Some(job) if job.kind == JobKind::Transcode => ahead_of(reading, job, now)?,
                    _ => 0,
                };
                Ok::<_, StoreError>((place, ahead))
            })
            .await?;
        let eta_seconds = place.job.as_ref().and_then(|job| self.eta(job, ahead));
        let path = match row.state {
            BookingState::Ready => key_of(&row.new.file).ok().map(|key| self.inner.cache.root().join(key.path())),
            _ => None,
        };
        Ok(BookingView {
            id: row.id,
            class: ClassKey { institution: row.new.institution, class_id: row.new.class_id },
            sequence: row.new.sequence.into(),
            state: place.state,
            code: row.code,
            error: row.error,
            reason: row.reason,
            record: row.new.file.record.clone(),
            resolution: resolution_of(&row.new.file).map(|name| name.to_string()),
            path: path.map(|path| path.display().to_string()),
            url: row.url,
            eta_seconds,
            accepted_milliseconds: row.accepted_milliseconds,
            updated_milliseconds: row.updated_milliseconds,
            start_milliseconds: row.new.start_milliseconds,
            end_milliseconds: row.new.end_milliseconds,
        })
    }

    /// Returns when a job will be done, in seconds from now: what is left of it, and of what stands before it.
    fn eta(&self, job: &Job, ahead_milliseconds: i64) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "an estimate, in whole seconds")]
        let seconds = |milliseconds: i64| milliseconds as f64 / 1000.0;
        if let Some(advance) = self.advance(job.id) {
            return advance.eta_seconds;
        }
        if job.kind == JobKind::Fetch {
            return None;
        }
        let now = self.now();
        let left = |running: &Running| {
            running.predicted_milliseconds.saturating_sub(now - running.since_milliseconds).max(0)
        };
        let is_transcode = |running: &&Running| running.kind == JobKind::Transcode;
        let at_work: i64 = self.running().values().filter(is_transcode).map(left).sum();
        Some(seconds(at_work + ahead_milliseconds + job.predicted_milliseconds))
    }

    /// Returns how far a job is that runs here.
    pub fn advance(&self, id: JobId) -> Option<Advance> {
        let running = self.running().get(&id).cloned()?;
        let snapshot = running.progress.snapshot();
        let fraction = snapshot.fraction();
        #[expect(clippy::cast_precision_loss, reason = "an estimate, in whole seconds")]
        let passed = (self.now() - running.since_milliseconds) as f64 / 1000.0;
        // The first hundredth says nothing yet about the rest.
        let eta_seconds = fraction.filter(|fraction| *fraction > 0.01).map(|done| passed / done * (1.0 - done));
        Some(Advance { phase: snapshot.phase.to_owned(), fraction, eta_seconds })
    }

    /// Returns a job.
    pub async fn job(&self, id: JobId) -> Result<Option<JobView>, StoreError> {
        let job = self.read(move |reading| reading.jobs().get(id)).await?;
        Ok(job.map(|job| JobView { advance: self.advance(job.id), job }))
    }

    /// Returns jobs after that number.
    pub async fn jobs(&self, filter: JobFilter, after: i64, limit: u32) -> Result<Page<JobView>, StoreError> {
        let found = self.read(move |reading| reading.jobs().page(&filter, JobId(after), limit.saturating_add(1)));
        let mut jobs = found.await?;
        let has_more = jobs.len() > limit as usize;
        jobs.truncate(limit as usize);
        let items = jobs.into_iter().map(|job| JobView { advance: self.advance(job.id), job }).collect();
        Ok(Page { items, has_more })
    }

    /// Lets a held job begin anew; nothing where there is none of that number, false where it is not held.
    pub async fn retry(&self, id: JobId) -> Result<Option<bool>, StoreError> {
        self.decide_once(move |desk| desk.retry(id)).await
    }

    /// Lets all held jobs of the filter begin anew; returns how many.
    pub async fn retry_all(&self, filter: JobFilter) -> Result<u64, StoreError> {
        let filter = JobFilter { state: Some(JobState::Held), ..filter };
        self.decide_once(move |desk| {
            let held = desk.tx().jobs().page(&filter, JobId(0), JOBS_MAX)?;
            let mut begun = 0;
            for job in held {
                begun += u64::from(desk.retry(job.id)? == Some(true));
            }
            Ok(begun)
        })
        .await
    }

    /// Takes a job back; nothing where there is none of that number, false where it has ended.
    pub async fn cancel_job(&self, id: JobId) -> Result<Option<bool>, StoreError> {
        self.decide_once(move |desk| desk.cancel(id)).await
    }

    /// Returns what is told from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Tiding>> {
        self.inner.tidings.subscribe()
    }

    /// Returns events after that sequence.
    pub async fn events(&self, institution: Option<String>, after: i64, limit: u32) -> Result<Events, StoreError> {
        self.read(move |reading| {
            let outbox = reading.outbox();
            let most = limit.saturating_add(1);
            let mut events = match &institution {
                Some(institution) => outbox.after_for(institution, after, most)?,
                None => outbox.after(after, most)?,
            };
            let has_more = events.len() > limit as usize;
            events.truncate(limit as usize);
            Ok(Events { events, has_more, bounds: outbox.bounds()? })
        })
        .await
    }
}

impl Desk<'_> {
    fn retry(&self, id: JobId) -> Result<Option<bool>, StoreError> {
        if self.tx().jobs().get(id)?.is_none() {
            return Ok(None);
        }
        let resumed = self.tx().jobs().resume(id, self.now(), &|job| self.tell_job(job))?;
        Ok(Some(resumed.is_some()))
    }

    fn cancel(&self, id: JobId) -> Result<Option<bool>, StoreError> {
        let Some(job) = self.tx().jobs().get(id)? else { return Ok(None) };
        if !job.state.is_live() {
            return Ok(Some(false));
        }
        self.cancel_job(&job)?;
        Ok(Some(true))
    }
}

/// Returns where a booking is, as it is told.
fn place_of(reading: &Reading<'_>, row: &BookingRow) -> Result<Place, StoreError> {
    let name = row.state.name();
    let Ok(key) = key_of(&row.new.file) else { return Ok(Place { state: name, job: None }) };
    let file = &row.new.file;
    match row.state {
        BookingState::Waiting => {
            let rendition = reading.renditions().get(&file.institution, &file.record, file.resolution)?;
            let is_elsewhere = rendition.is_some_and(|rendition| {
                rendition.state == RenditionState::Transcoding && rendition.provider != LOCAL
            });
            let job = reading.jobs().live(&file.institution, JobKind::Transcode, &key.to_string())?;
            let state = match &job {
                Some(job) if job.state.is_leased() => "transcoding",
                Some(job) if is_fetching(reading, job)? => "downloading",
                None if is_elsewhere => "transcoding",
                _ => name,
            };
            Ok(Place { state, job })
        }
        BookingState::Downloading => {
            let job = reading.jobs().live(
                &file.institution,
                JobKind::Fetch,
                &fetch_key(&key.to_string(), url_of(row)),
            )?;
            Ok(Place { state: name, job })
        }
        _ => Ok(Place { state: name, job: None }),
    }
}

/// Returns whether the source of a job is on its way.
fn is_fetching(reading: &Reading<'_>, job: &Job) -> Result<bool, StoreError> {
    let Some(needs) = &job.needs else { return Ok(false) };
    Ok(reading.jobs().live(&job.institution, JobKind::Fetch, needs)?.is_some())
}

/// Returns the work that stands before a transcode, in milliseconds.
fn ahead_of(reading: &Reading<'_>, job: &Job, now: i64) -> Result<i64, StoreError> {
    let mut waiting = reading.jobs().ready(JobKind::Transcode, now, JOBS_MAX)?;
    order(&mut waiting, now);
    let before = waiting.iter().take_while(|other| other.id != job.id);
    Ok(before.map(|other| other.predicted_milliseconds.max(predict::LEAST_MILLISECONDS)).sum())
}
