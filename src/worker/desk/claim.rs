//! Who has which job: given out, kept, taken back, and taken up after an end of the process.

use super::Desk;
use super::file::file_of;
use super::job::{HANDED_MAX, transcode_of};
use crate::failure::FailureClass;
use crate::store::{Claim, Claimant, Job, JobFailure, JobId, JobKind, JobState, StoreError};

impl Desk<'_> {
    /// Takes jobs whose lease ran out from their owners; those that this happened to too often are given up.
    pub(in crate::worker) fn lapse(&self) -> Result<(), StoreError> {
        for kind in JobKind::ALL {
            for job in self.tx.jobs().lapse(kind, self.now, &|job| self.tell_job(job))? {
                tracing::warn!(job = %job.id, state = job.state.name(), "its lease ran out");
                if let (JobState::Held, Some(failure)) = (job.state, job.failure.clone()) {
                    self.gave_up(&job, &failure)?;
                }
            }
        }
        Ok(())
    }

    /// Gives a waiting job to a claimant; an attempt at a rendition has its time from now on.
    pub(in crate::worker) fn claim_one(
        &self,
        kind: JobKind,
        id: JobId,
        claimant: &Claimant,
    ) -> Result<Option<Job>, StoreError> {
        let job = self.tx.jobs().claim(kind, Some(id), claimant, &|job| self.tell_job(job))?;
        if let Some((job, (key, input))) = job.as_ref().and_then(|job| Some((job, transcode_of(job)?)))
            && kind == JobKind::Transcode
        {
            self.begin_attempt(&file_of(&key), input.attempt, job.predicted_milliseconds)?;
        }
        Ok(job)
    }

    /// Notes how long waiting jobs will probably take.
    pub(in crate::worker) fn predict(&self, works: &[(JobId, i64)]) -> Result<(), StoreError> {
        works.iter().try_for_each(|(id, milliseconds)| self.tx.jobs().predict(*id, *milliseconds))
    }

    /// Gives claims more time; returns the jobs whose claim is worth nothing any more.
    pub(in crate::worker) fn renew(&self, claims: &[(Claim, String)], time: i64) -> Result<Vec<JobId>, StoreError> {
        let mut lost = Vec::new();
        for (claim, phase) in claims {
            if !self.tx.jobs().renew(claim, self.now, self.now.saturating_add(time), phase)? {
                lost.push(claim.id);
            }
        }
        Ok(lost)
    }

    /// Lets jobs wait again that an earlier process of this node had; returns how many those were.
    pub(in crate::worker) fn recover(&self) -> Result<usize, StoreError> {
        let jobs = self.tx.jobs().recover(&self.terms.node_id, HANDED_MAX, self.now, &|job| self.tell_job(job))?;
        for job in &jobs {
            tracing::info!(job = %job.id, key = job.key, state = job.state.name(), "taken up from an earlier run");
            if let (JobState::Held, Some(failure)) = (job.state, job.failure.clone()) {
                self.gave_up(job, &failure)?;
            }
        }
        Ok(jobs.len())
    }

    /// Takes a live job back, and tells those who waited for it.
    pub(in crate::worker) fn cancel_job(&self, job: &Job) -> Result<(), StoreError> {
        self.stop_job(job.id)?;
        let failure = JobFailure {
            code: "JOB_CANCELLED".to_owned(),
            class: FailureClass::Cancelled,
            text: "somebody took the job back".to_owned(),
        };
        self.gave_up(job, &failure)
    }
}
