//! Bringing a file here, or holding it where it is, for the classes and the jobs that wait for it.

use std::collections::HashSet;

use super::{Executor, Failed, described, hold, unreadable};
use crate::cache::{Key, Lease, NewLease};
use crate::store::{BookedFile, BookingRow, BookingState, Job, JobId, Reading, StoreError};
use crate::worker::desk::{Handed, Settled, There, file_of, holder_of, holder_of_job, name_of};
use crate::worker::message::{FetchInput, JobOutput, read};
use crate::worker::node::blocking;
use crate::worker::{Acquired, Errand, predict};

/// A job that waits for its turn holds its source no longer than that; then it fetches it again.
const HELD_FOR_JOB_MILLISECONDS: i64 = 24 * 3_600_000;
/// Classes that have one file at a time: more than a school has.
const READY_MAX: u32 = 10_000;

/// A file that is here.
struct Here {
    lease: Lease,
    notes: Vec<String>,
    duration_seconds: Option<f64>,
}

impl Executor {
    pub(super) async fn fetch(&self) -> Result<(), Failed> {
        let job = &self.task.job;
        let input: FetchInput = read(&job.input).ok_or_else(|| unreadable(job))?;
        let key = Key::parse(&input.key)?;
        let here = match &input.url {
            Some(url) => self.acquire(&key, url).await?,
            None => self.hold_here(&key).await?,
        };
        let there = There { path: here.lease.path().display().to_string(), bytes: here.lease.bytes() };
        let output = described(&key, &there, here.notes, here.duration_seconds);
        // The file cannot go before everybody holds it who waits for it: `lease` lives until then.
        self.hold_for_ready(&key).await?;
        let settled = self.settle(&key, &there, &output).await;
        drop(here.lease);
        settled
    }

    async fn acquire(&self, key: &Key, url: &str) -> Result<Here, Failed> {
        let Acquired { lease, notes, facts, .. } = self.bring(key, url).await?;
        Ok(Here { lease, notes, duration_seconds: facts.map(|facts| facts.duration_seconds) })
    }

    /// Brings a file here from an address.
    pub(super) async fn bring(&self, key: &Key, url: &str) -> Result<Acquired, Failed> {
        let errand = Errand {
            key: key.clone(),
            url: url.parse().map_err(|_| unreadable(&self.task.job))?,
            sha256: None,
            accept_truncated: self.node.inner.terms.accept_truncated,
            lease: None,
        };
        Ok(self.node.inner.acquirer.acquire(&errand, &self.task.progress, &self.task.stop).await?)
    }

    async fn hold_here(&self, key: &Key) -> Result<Here, Failed> {
        let (cache, key) = (self.node.inner.cache.clone(), key.clone());
        let lease = blocking(move || cache.hold(&key, None)).await??;
        Ok(Here { lease, notes: Vec::new(), duration_seconds: None })
    }

    /// Holds the file for everybody who waits for it, and ends the job when nobody does any more.
    async fn settle(&self, key: &Key, there: &There, output: &JobOutput) -> Result<(), Failed> {
        let (mut handed, mut held): (Vec<Handed>, Vec<JobId>) = (Vec::new(), Vec::new());
        let mut predicted = Vec::new();
        let seconds = output.duration_seconds.unwrap_or_else(|| predict::length_of(there.bytes));
        loop {
            let (job, claim) = (self.task.job.clone(), self.task.claim);
            let (there, result, ours) = (there.clone(), output.clone(), held.clone());
            let (given, works) = (std::mem::take(&mut handed), std::mem::take(&mut predicted));
            let settled = self.node.decide(move |desk| {
                desk.predict(&works)?;
                desk.settle(&job, &claim, &there, &given, &ours, &result)
            });
            let Settled::More { bookings, jobs } = settled.await? else { return Ok(()) };
            for row in bookings {
                handed.push(self.hold_for(key, row).await?);
            }
            for job in jobs {
                self.hold_for_job(key, &job).await?;
                predicted.extend(self.predicted(&job, seconds));
                held.push(job.id);
            }
        }
    }

    /// Holds the file for a class.
    pub(super) async fn hold_for(&self, key: &Key, row: BookingRow) -> Result<Handed, Failed> {
        let until = self.node.inner.terms.held_until(&row, self.node.now());
        let lease = NewLease { holder: holder_of(&row), until_milliseconds: Some(until) };
        hold(&self.node.inner.cache, key, lease).await?;
        Ok(Handed { row, until })
    }

    /// Holds a file for the classes that have it already and do not hold it: theirs went with a damaged or replaced one.
    pub(super) async fn hold_for_ready(&self, key: &Key) -> Result<(), Failed> {
        let file = file_of(key);
        for row in self.node.read(move |reading| without_hold(reading, &file)).await? {
            let holder = holder_of(&row);
            let lease = NewLease { holder: holder.clone(), until_milliseconds: Some(row.new.due_milliseconds) };
            hold(&self.node.inner.cache, key, lease).await?;
            let (id, cache) = (row.id, self.node.inner.cache.clone());
            let row = self.node.read(move |reading| reading.bookings().get(id)).await?;
            if row.is_none_or(|row| row.state != BookingState::Ready) {
                // It ended before it held it, and so let nothing go.
                blocking(move || cache.release(&holder)).await??;
            }
        }
        Ok(())
    }

    async fn hold_for_job(&self, key: &Key, job: &Job) -> Result<(), Failed> {
        let until = self.node.now().saturating_add(HELD_FOR_JOB_MILLISECONDS);
        let lease = NewLease { holder: holder_of_job(job.id), until_milliseconds: Some(until) };
        hold(&self.node.inner.cache, key, lease).await
    }

    /// Returns how long a job will take, now that the length of its source is known, or its size where it was here before.
    fn predicted(&self, job: &Job, duration_seconds: f64) -> Option<(JobId, i64)> {
        let key = Key::parse(&job.key).ok()?;
        let work = predict::seen(duration_seconds, key.resolution(), self.node.inner.terms.jobs);
        Some((job.id, work))
    }
}

/// Returns the classes that have a file, as far as is recorded, and do not hold it.
fn without_hold(reading: &Reading<'_>, file: &BookedFile) -> Result<Vec<BookingRow>, StoreError> {
    let rows = reading.bookings().of_file(file, BookingState::Ready, READY_MAX)?;
    let Some(here) = reading.cache().file(&name_of(file))? else { return Ok(rows) };
    let held: HashSet<(String, String)> =
        reading.cache().leases_of(here.id)?.into_iter().map(|lease| (lease.kind, lease.holder)).collect();
    let is_held = |row: &BookingRow| {
        let holder = holder_of(row);
        held.contains(&(holder.kind.name().to_owned(), holder.name))
    };
    Ok(rows.into_iter().filter(|row| !is_held(row)).collect())
}
