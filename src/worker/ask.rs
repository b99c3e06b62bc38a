//! What can be asked of the node, and the few things that people may do to its jobs. Nothing here decides anything.

use std::sync::Arc;

use tokio::sync::broadcast;

use super::desk::{Desk, fetch_key, key_of, resolution_of, url_of};
use super::estimate::Queue;
use super::node::Node;
use super::view::{BookingFilter, BookingView, Events, JobView, Page, Tiding};
use crate::booking::ClassKey;
use crate::booking::decide::LOCAL;
use crate::store::{
    self, BookingRow, BookingState, Job, JobFilter, JobId, JobKind, JobState, Reading, RenditionState, StoreError,
};

/// Jobs that one request may let begin anew.
const JOBS_MAX: u32 = 1000;
/// Bookings that are looked at for one page: some tens of milliseconds.
const LOOKED_MAX: u32 = 1000;

/// Where a booking is, as it is told, and which job brings it on.
struct Place {
    state: &'static str,
    job: Option<Job>,
    /// The file, or what it is made from, is on its way.
    is_fetching: bool,
}

/// A booking and how it stands.
struct Standing {
    row: BookingRow,
    place: Place,
    /// Work that stands before its own.
    ahead_milliseconds: i64,
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

    /// Returns bookings after that number. A page ends early where many that are not asked for had to be looked at.
    pub async fn bookings(
        &self,
        filter: BookingFilter,
        after: i64,
        limit: u32,
    ) -> Result<Page<BookingView>, StoreError> {
        let now = self.now();
        let (found, next) = self.read(move |reading| look_through(reading, &filter, after, limit, now)).await?;
        let items = found.into_iter().map(|standing| self.view_of(standing)).collect();
        Ok(Page { items, next: next.map(|id| id.to_string()) })
    }

    /// Returns a booking as it is told.
    pub(super) async fn view(&self, row: BookingRow) -> Result<BookingView, StoreError> {
        let now = self.now();
        let standing = self.read(move |reading| Standing::of(reading, row, &mut None, now)).await?;
        Ok(self.view_of(standing))
    }

    fn view_of(&self, standing: Standing) -> BookingView {
        let Standing { row, place, ahead_milliseconds } = standing;
        // How long its source takes, and how long that is, nobody knows before it is here.
        let job = place.job.as_ref().filter(|job| !(place.is_fetching && job.kind == JobKind::Transcode));
        let eta_seconds = job.and_then(|job| self.eta(job, ahead_milliseconds));
        let path = match row.state {
            BookingState::Ready => key_of(&row.new.file).ok().map(|key| self.inner.cache.root().join(key.path())),
            _ => None,
        };
        BookingView {
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
        }
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
        let next = jobs.last().filter(|_| has_more).map(|job| job.id.to_string());
        let items = jobs.into_iter().map(|job| JobView { advance: self.advance(job.id), job }).collect();
        Ok(Page { items, next })
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
    let Ok(key) = key_of(&row.new.file) else { return Ok(Place { state: name, job: None, is_fetching: false }) };
    let file = &row.new.file;
    match row.state {
        BookingState::Waiting => {
            let rendition = reading.renditions().get(&file.institution, &file.record, file.resolution)?;
            let is_elsewhere = rendition.is_some_and(|rendition| {
                rendition.state == RenditionState::Transcoding && rendition.provider != LOCAL
            });
            let job = reading.jobs().live(&file.institution, JobKind::Transcode, &key.to_string())?;
            let is_fetching = job.as_ref().map_or(Ok(false), |job| is_fetching(reading, job))?;
            let state = match &job {
                Some(job) if job.state.is_leased() => "transcoding",
                Some(_) if is_fetching => "downloading",
                None if is_elsewhere => "transcoding",
                _ => name,
            };
            Ok(Place { state, job, is_fetching })
        }
        BookingState::Downloading => {
            let job = reading.jobs().live(
                &file.institution,
                JobKind::Fetch,
                &fetch_key(&key.to_string(), url_of(row)),
            )?;
            Ok(Place { state: name, job, is_fetching: true })
        }
        _ => Ok(Place { state: name, job: None, is_fetching: false }),
    }
}

/// Returns whether the source of a job is on its way.
fn is_fetching(reading: &Reading<'_>, job: &Job) -> Result<bool, StoreError> {
    let Some(needs) = &job.needs else { return Ok(false) };
    Ok(reading.jobs().live(&job.institution, JobKind::Fetch, needs)?.is_some())
}

impl Standing {
    /// Returns how a booking stands. `queue` is read when it is first needed.
    fn of(reading: &Reading<'_>, row: BookingRow, queue: &mut Option<Queue>, now: i64) -> Result<Self, StoreError> {
        let place = place_of(reading, &row)?;
        let mut standing = Self { row, place, ahead_milliseconds: 0 };
        if let Some(job) = standing.place.job.as_ref().filter(|job| job.kind == JobKind::Transcode) {
            if queue.is_none() {
                *queue = Some(Queue::read(reading, now)?);
            }
            standing.ahead_milliseconds = queue.as_ref().map_or(0, |queue| queue.ahead_of(job.id));
        }
        Ok(standing)
    }
}

/// Returns up to `limit` bookings behind `after` that are asked for, and the last one that was looked at where there are more.
fn look_through(
    reading: &Reading<'_>,
    filter: &BookingFilter,
    mut after: i64,
    limit: u32,
    now: i64,
) -> Result<(Vec<Standing>, Option<i64>), StoreError> {
    let institution = filter.institution.clone();
    let rows = store::BookingFilter { institution, states: filter.state.map_or_else(Vec::new, recorded_as) };
    let (mut found, mut queue, mut looked_at) = (Vec::new(), None, 0);
    loop {
        let batch = reading.bookings().page(&rows, after, LOOKED_MAX.min(limit.saturating_add(1)))?;
        if batch.is_empty() {
            return Ok((found, None));
        }
        for row in batch {
            if found.len() >= limit as usize || looked_at >= LOOKED_MAX {
                return Ok((found, Some(after)));
            }
            (after, looked_at) = (row.id, looked_at + 1);
            let standing = Standing::of(reading, row, &mut queue, now)?;
            if filter.state.is_none_or(|state| state == standing.place.state) {
                found.push(standing);
            }
        }
    }
}

/// Returns the states in which the database has those that are told to be in one: a class whose rendition is being made waits
/// there, and so does one whose rendition's source is on its way.
fn recorded_as(told: &'static str) -> Vec<BookingState> {
    match (told, BookingState::parse(told)) {
        ("downloading", _) => vec![BookingState::Waiting, BookingState::Downloading],
        (_, state) => vec![state.unwrap_or(BookingState::Waiting)],
    }
}
