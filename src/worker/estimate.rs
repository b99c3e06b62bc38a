//! When a booking will be ready, as far as can be told: what is left of its work, and of what stands before it.
//!
//! Nothing is said where nobody can know: how long a download takes before it has begun, how long a recording is that is not
//! here yet, when a person will look at what is held.

use super::node::{Node, Running};
use super::predict;
use super::slack::order;
use super::view::Advance;
use crate::store::{Job, JobId, JobKind, JobState, Reading, StoreError};

/// Waiting transcodes that are looked at; a class behind so many has other worries.
const QUEUE_MAX: u32 = 1000;

/// The transcodes that wait for their turn, in the order in which they will have it.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: Vec<Job>,
}

impl Queue {
    /// Returns them as they are now.
    pub(super) fn read(reading: &Reading<'_>, now: i64) -> Result<Self, StoreError> {
        let mut waiting = reading.jobs().ready(JobKind::Transcode, now, QUEUE_MAX)?;
        order(&mut waiting, now);
        Ok(Self { waiting })
    }

    /// Returns the work that stands before a job, in milliseconds.
    pub(super) fn ahead_of(&self, id: JobId) -> i64 {
        self.waiting.iter().take_while(|other| other.id != id).map(work).sum()
    }
}

/// Returns how long a transcode takes, in milliseconds.
fn work(job: &Job) -> i64 {
    job.predicted_milliseconds.max(predict::LEAST_MILLISECONDS)
}

impl Node {
    /// Returns when a job will be done, in seconds from now; `ahead_milliseconds` of work stand before it.
    pub(super) fn eta(&self, job: &Job, ahead_milliseconds: i64) -> Option<f64> {
        let now = self.now();
        let running = self.running().get(&job.id).cloned();
        match running {
            Some(running) => advance_of(&running, now).eta_seconds,
            None if job.kind == JobKind::Transcode && job.state == JobState::Waiting => {
                let is_transcode = |running: &&Running| running.kind == JobKind::Transcode;
                let at_work: i64 =
                    self.running().values().filter(is_transcode).map(|running| left(running, now)).sum();
                let pause = job.not_before_milliseconds.saturating_sub(now).max(0);
                Some(seconds((at_work + ahead_milliseconds).max(pause) + work(job)))
            }
            None => None,
        }
    }

    /// Returns how far a job is that runs here.
    pub fn advance(&self, id: JobId) -> Option<Advance> {
        let running = self.running().get(&id).cloned()?;
        Some(advance_of(&running, self.now()))
    }
}

/// Returns how far a job is: its phase, and the time that this will take at the pace that it had so far.
fn advance_of(running: &Running, now: i64) -> Advance {
    let snapshot = running.progress.snapshot();
    let fraction = snapshot.fraction();
    let passed = running.progress.in_phase().as_secs_f64();
    // The first hundredth says nothing yet about the rest.
    let measured = fraction.filter(|fraction| *fraction > 0.01).map(|done| tenths(passed / done * (1.0 - done)));
    let predicted = || Some(seconds(left(running, now))).filter(|left| *left > 0.0);
    let eta_seconds = measured.or_else(|| if running.kind == JobKind::Transcode { predicted() } else { None });
    Advance { phase: snapshot.phase.to_owned(), fraction, eta_seconds }
}

/// Returns what is left of the time that a job was thought to take, in milliseconds.
fn left(running: &Running, now: i64) -> i64 {
    running.predicted_milliseconds.saturating_sub(now - running.since_milliseconds).max(0)
}

/// Returns seconds as they are told: nobody means more than a tenth.
#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn seconds(milliseconds: i64) -> f64 {
    tenths(milliseconds as f64 / 1000.0)
}

fn tenths(seconds: f64) -> f64 {
    (seconds * 10.0).round() / 10.0
}
