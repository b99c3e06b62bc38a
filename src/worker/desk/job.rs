//! How jobs end, and what that means for the classes and the jobs that waited for them.

use super::file::{file_of, holder_of, holder_of_job, url_of};
use super::rendition::WAITERS_MAX;
use super::{Alarm, Desk};
use crate::booking::Code;
use crate::booking::decide::{Event, LOCAL};
use crate::cache::Key;
use crate::event::EventType;
use crate::failure::FailureClass;
use crate::store::{
    ATTEMPTS_MAX, BookedFile, BookingRow, BookingState, Claim, Job, JobFailure, JobId, JobKind, JobState, Step,
    StoreError,
};
use crate::worker::message::{FetchInput, JobOutput, TranscodeInput, json, read};

/// Classes that are given their file in one transaction; then the next ones are looked for.
pub(in crate::worker) const HANDED_MAX: u32 = 100;
/// The wait before the second and the third attempt. A download has tried several times by itself before.
const RETRY_MILLISECONDS: [i64; 2] = [5_000, 30_000];
/// A child process that ended in a way that its recording may be to blame for.
const CRASHES: [&str; 3] = ["MEDIA_CRASHED", "MEDIA_OOM", "MEDIA_STALLED"];
/// How the codes of downloads begin.
const NOT_FETCHED: [&str; 2] = ["DL_", "URL_"];
/// There is no room in the cache or on the disk, or the disk itself fails or is not there: nothing that an origin or a
/// recording is to blame for.
const FULL: [&str; 5] = ["CACHE_FULL", "DISK_FULL", "CACHE_DIR_NOT_MOUNTED", "CACHE_DISK", "DISK_SYNC"];

/// A booking whose file is held for it.
#[derive(Clone, Debug)]
pub(in crate::worker) struct Handed {
    /// The booking.
    pub(in crate::worker) row: BookingRow,
    /// Until when it holds its file.
    pub(in crate::worker) until: i64,
}

/// A file that is in the cache.
#[derive(Clone, Debug)]
pub(in crate::worker) struct There {
    /// Where.
    pub(in crate::worker) path: String,
    /// Its length.
    pub(in crate::worker) bytes: u64,
}

/// What is left to do before a fetch has ended.
#[derive(Debug)]
pub(in crate::worker) enum Settled {
    /// Nothing.
    Done,
    /// These want to hold the file first.
    More {
        /// Classes.
        bookings: Vec<BookingRow>,
        /// Jobs that need it, with how long each will probably take.
        jobs: Vec<Job>,
    },
    /// The job is somebody else's by now.
    Lost,
}

/// How a job ended, apart from well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::worker) enum Fate {
    /// It did not do what it was to do.
    Failed(JobFailure),
    /// The node stops: another one begins where it was.
    Released,
}

impl Desk<'_> {
    /// Gives the classes of `handed` their file, and ends the fetch if nobody else wants to hold it first. `held` names the
    /// jobs that hold it by now.
    pub(in crate::worker) fn settle(
        &self,
        job: &Job,
        claim: &Claim,
        there: &There,
        handed: &[Handed],
        held: &[JobId],
        output: &JobOutput,
    ) -> Result<Settled, StoreError> {
        if !self.tx.jobs().is_claimed(claim)? {
            tracing::warn!(job = %job.id, "LEASE_LOST: the job is not ours any more");
            self.release_all(handed);
            self.let_go_of_ended(held)?;
            return Ok(Settled::Lost);
        }
        self.hand_over(handed, there)?;
        let Some((key, input)) = fetch_of(job) else { return self.finish(job, claim, output) };
        let url = input.url.as_deref().unwrap_or_default();
        let bookings = self.tx.bookings().on_their_way(&file_of(&key), url, HANDED_MAX)?;
        let mut jobs = self.tx.jobs().needing(&job.institution, &job.key, HANDED_MAX)?;
        jobs.retain(|job| !held.contains(&job.id));
        if bookings.is_empty() && jobs.is_empty() {
            self.let_go_of_ended(held)?;
            return self.finish(job, claim, output);
        }
        Ok(Settled::More { bookings, jobs })
    }

    /// Lets go what is held for classes that are not told; whoever has the job now holds it for them again.
    fn release_all(&self, handed: &[Handed]) {
        handed.iter().for_each(|handed| self.release(holder_of(&handed.row)));
    }

    /// Lets go what is held for jobs that ended before it was: nobody else would.
    fn let_go_of_ended(&self, held: &[JobId]) -> Result<(), StoreError> {
        for id in held {
            if self.tx.jobs().get(*id)?.is_none_or(|job| !job.state.is_live()) {
                self.release(holder_of_job(*id));
            }
        }
        Ok(())
    }

    fn hand_over(&self, handed: &[Handed], there: &There) -> Result<(), StoreError> {
        for Handed { row, until } in handed {
            if !self.ready(row, &there.path, there.bytes, *until)? {
                // It ended meanwhile, and its hold came too late to be let go with it.
                self.release(holder_of(row));
            }
        }
        Ok(())
    }

    fn finish(&self, job: &Job, claim: &Claim, output: &JobOutput) -> Result<Settled, StoreError> {
        let step = Step::Finish(json(output));
        let done = self.tx.jobs().step(claim, JobState::Running, &step, self.now, &|job| self.tell_job(job))?;
        if done.is_none() {
            tracing::warn!(job = %job.id, "LEASE_LOST: the job is not ours any more");
        }
        Ok(done.map_or(Settled::Lost, |_| Settled::Done))
    }

    /// Ends a transcode whose rendition is in the cache, held for the classes of `handed`; returns whether it was still ours.
    pub(in crate::worker) fn transcoded(
        &self,
        job: &Job,
        claim: &Claim,
        there: &There,
        handed: &[Handed],
        output: &JobOutput,
    ) -> Result<bool, StoreError> {
        self.release(holder_of_job(job.id));
        if matches!(self.finish(job, claim, output)?, Settled::Lost) {
            self.release_all(handed);
            return Ok(false);
        }
        self.hand_over(handed, there)?;
        if let Some((key, input)) = transcode_of(job) {
            let (provider, attempt) = (Some(LOCAL.to_owned()), Some(input.attempt));
            self.decide(&file_of(&key), &Event::Succeeded { provider, attempt, url: None }, None)?;
        }
        Ok(true)
    }

    /// Ends an attempt that came to nothing: the job is tried again, or given up with all that waited for it. Nothing where
    /// the job is somebody else's by now.
    pub(in crate::worker) fn failed(&self, job: &Job, claim: &Claim, fate: &Fate) -> Result<(), StoreError> {
        let step = step_of(job, fate);
        let ended = self.tx.jobs().step(claim, JobState::Running, &step, self.now, &|job| self.tell_job(job))?;
        let Some(ended) = ended else {
            tracing::warn!(job = %job.id, "LEASE_LOST: the job is not ours any more");
            return Ok(());
        };
        match (ended.state, fate) {
            (JobState::Waiting, Fate::Failed(failure)) => {
                let wait = RETRY_MILLISECONDS[(job.attempt as usize).min(RETRY_MILLISECONDS.len()) - 1];
                tracing::warn!(job = %job.id, code = failure.code, "tried again in {} s: {}", wait / 1000, failure.text);
                self.tx.jobs().postpone(job.id, self.now.saturating_add(wait))
            }
            (_, Fate::Failed(failure)) => self.gave_up(&ended, failure),
            (_, Fate::Released) => Ok(()),
        }
    }

    /// Tells those who waited for a job that it is given up.
    pub(in crate::worker) fn gave_up(&self, job: &Job, failure: &JobFailure) -> Result<(), StoreError> {
        if job.state == JobState::Held {
            self.alarm(&Alarm {
                event: EventType::Alarm,
                code: Some(code_of(job.kind, failure)),
                error: failure.code.clone(),
                reason: failure.text.clone(),
                institution: job.institution.clone(),
                subject: format!("job {}", job.id),
            })?;
        }
        self.why.replace(Some(failure.clone()));
        let told = match job.kind {
            JobKind::Fetch => self.fetch_gave_up(job, failure),
            JobKind::Transcode => self.transcode_gave_up(job),
        };
        self.why.replace(None);
        told
    }

    fn transcode_gave_up(&self, job: &Job) -> Result<(), StoreError> {
        self.release(holder_of_job(job.id));
        let Some((key, input)) = transcode_of(job) else { return Ok(()) };
        let (provider, attempt) = (Some(LOCAL.to_owned()), Some(input.attempt));
        self.decide(&file_of(&key), &Event::Failed { provider, attempt }, None)
    }

    fn fetch_gave_up(&self, job: &Job, failure: &JobFailure) -> Result<(), StoreError> {
        let Some((key, input)) = fetch_of(job) else { return Ok(()) };
        let (file, url) = (file_of(&key), input.url.as_deref().unwrap_or_default());
        // Before the first class is told: what becomes of that changes what is on record.
        let rendition = self.tx.renditions().get(&file.institution, &file.record, file.resolution)?;
        let is_on_record = rendition.is_some_and(|rendition| rendition.url == url);
        let on_their_way = self.tx.bookings().on_their_way(&file, url, WAITERS_MAX)?;
        for row in &on_their_way {
            self.fetch_failed_for(row, failure, is_on_record)?;
        }
        if on_their_way.is_empty() && is_on_record && failure.class == FailureClass::Source {
            self.made_elsewhere_is_lost(&file)?;
        }
        for waiting in self.tx.jobs().needing(&job.institution, &job.key, WAITERS_MAX)? {
            let failed = self.tx.jobs().fail_waiting(waiting.id, failure, self.now, &|job| self.tell_job(job))?;
            if let Some(failed) = failed {
                self.transcode_gave_up(&failed)?;
            }
        }
        Ok(())
    }

    /// Decides what becomes of a rendition that others made, where its address leads nowhere and only classes want it that
    /// had it: it is made anew, once.
    fn made_elsewhere_is_lost(&self, file: &BookedFile) -> Result<(), StoreError> {
        let ready = self.tx.bookings().of_file(file, BookingState::Ready, WAITERS_MAX)?;
        match ready.first() {
            Some(row) => self.decide(file, &Event::UrlUseless, Some(row)),
            None => Ok(()),
        }
    }

    /// Decides what becomes of a class whose file did not come; `is_on_record` where its address was a provider's result.
    fn fetch_failed_for(
        &self,
        row: &BookingRow,
        failure: &JobFailure,
        is_on_record: bool,
    ) -> Result<(), StoreError> {
        // The origin has nothing there, or not for us; or it is no recording.
        let is_useless = failure.class == FailureClass::Source;
        if url_of(row).is_none() {
            // It was in the cache when this was decided.
            return self.decide_for(row, &Event::Booked { is_cached: false }).map(drop);
        }
        if is_useless && is_on_record {
            return self.decide_for(row, &Event::UrlUseless).map(drop);
        }
        if FULL.contains(&failure.code.as_str()) {
            self.alarm_full(row, &failure.code, &failure.text)?;
        }
        self.refuse(row, code_of(JobKind::Fetch, failure), &failure.code, &failure.text).map(drop)
    }
}

/// Returns what becomes of a job after an attempt.
fn step_of(job: &Job, fate: &Fate) -> Step {
    let Fate::Failed(failure) = fate else { return Step::Release };
    let is_crash = CRASHES.contains(&failure.code.as_str());
    match failure.class {
        FailureClass::Cancelled => Step::Release,
        // After the last attempt a person must look: the recording may be made to break things.
        _ if is_crash => Step::Retry(failure.clone()),
        FailureClass::Transient | FailureClass::Bug if job.attempt < ATTEMPTS_MAX => Step::Retry(failure.clone()),
        _ => Step::Fail(failure.clone()),
    }
}

/// Returns the code by which people in the field know why a job failed.
pub(in crate::worker) fn code_of(kind: JobKind, failure: &JobFailure) -> Code {
    let is_media = failure.code.starts_with("MEDIA_") || failure.code.starts_with("PROOF_");
    match kind {
        _ if FULL.contains(&failure.code.as_str()) => Code::DiskFull,
        // Also of a transcode's source.
        _ if NOT_FETCHED.iter().any(|begin| failure.code.starts_with(begin)) => Code::DownloadFailed,
        JobKind::Fetch if !is_media && !CRASHES.contains(&failure.code.as_str()) => Code::DownloadFailed,
        JobKind::Fetch | JobKind::Transcode => Code::TranscodeFailed,
    }
}

fn fetch_of(job: &Job) -> Option<(Key, FetchInput)> {
    let input: FetchInput = read(&job.input)?;
    Some((Key::parse(&input.key).ok()?, input))
}

pub(super) fn transcode_of(job: &Job) -> Option<(Key, TranscodeInput)> {
    let input: TranscodeInput = read(&job.input)?;
    Some((Key::parse(&input.key).ok()?, input))
}
