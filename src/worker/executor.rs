//! Carrying one job out: the stages in their order, and the end of it to the desk. A task per job; whatever blocks is on a
//! blocking thread.
//!
//! Invariants: a class is told that it is ready only after its file is committed and held for it; nobody is told anything for a
//! claim that is lost, and a rendition made for one is not committed. (A recording that came for one is: it was proven, and
//! is the same whoever fetched it.)

mod fetch;
mod transcode;

use super::desk::{Fate, There};
use super::message::JobOutput;
use super::node::{Node, blocking};
use super::{AcquireError, MediaError, Progress, Stop};
use crate::cache::{Cache, CacheError, Key, NewLease};
use crate::failure::{Failure, FailureClass};
use crate::store::{Claim, Job, JobFailure, JobKind, StoreError};

use std::sync::Arc;

/// A job that was claimed.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) job: Job,
    pub(super) claim: Claim,
    pub(super) progress: Arc<Progress>,
    pub(super) stop: Stop,
}

/// Who carries it out.
pub(super) struct Executor {
    pub(super) node: Node,
    pub(super) task: Task,
}

/// Why a job came to nothing.
#[derive(Debug)]
enum Failed {
    /// The work itself.
    Work(JobFailure),
    /// The database refuses: the job is taken up again when its lease has run out.
    Store(StoreError),
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<AcquireError> for Failed {
    fn from(error: AcquireError) -> Self {
        Self::Work(failure_of(&error))
    }
}

impl From<CacheError> for Failed {
    fn from(error: CacheError) -> Self {
        match error {
            CacheError::Store(error) => Self::Store(error),
            error => Self::Work(failure_of(&error)),
        }
    }
}

impl From<MediaError> for Failed {
    fn from(error: MediaError) -> Self {
        Self::Work(failure_of(&error))
    }
}

/// Returns what is recorded of an error.
fn failure_of(error: &dyn Failure) -> JobFailure {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    JobFailure { code: error.code().to_owned(), class: error.class(), text }
}

impl Executor {
    /// Carries the job out, and says how it ended.
    pub(super) async fn run(self) {
        let done = match self.task.job.kind {
            JobKind::Fetch => self.fetch().await,
            JobKind::Transcode => self.transcode().await,
        };
        let (job, claim) = (self.task.job.clone(), self.task.claim);
        match done {
            Ok(()) => tracing::info!(job = %job.id, key = job.key, "done"),
            Err(Failed::Store(error)) => tracing::warn!(job = %job.id, %error, "the database refused a job's end"),
            Err(Failed::Work(failure)) => {
                let fate = fate(failure);
                tracing::info!(job = %job.id, key = job.key, ?fate, "not done");
                let ended = self.node.decide(move |desk| desk.failed(&job, &claim, &fate)).await;
                if let Err(error) = ended {
                    tracing::warn!(job = %claim.id, %error, "the database refused a job's end");
                }
            }
        }
    }

    fn is_stopped(&self) -> bool {
        *self.task.stop.told.borrow()
    }

    /// Returns whether the claim is still good, so that what was made for it may be committed.
    async fn is_ours(&self) -> Result<bool, StoreError> {
        let claim = self.task.claim;
        self.node.read(move |reading| reading.jobs().is_claimed(&claim)).await
    }
}

fn fate(failure: JobFailure) -> Fate {
    match failure.class {
        FailureClass::Cancelled => Fate::Released,
        _ => Fate::Failed(failure),
    }
}

/// A job whose input an earlier release wrote, or a name that cannot be one.
fn unreadable(job: &Job) -> Failed {
    let text = format!("what job {} is to do cannot be understood", job.id);
    Failed::Work(JobFailure { code: "JOB_UNREADABLE".to_owned(), class: FailureClass::Bug, text })
}

/// Returns what a job's record and the events say of a file that is here.
fn described(key: &Key, there: &There, notes: Vec<String>, duration_seconds: Option<f64>) -> JobOutput {
    JobOutput { key: key.to_string(), path: there.path.clone(), bytes: there.bytes, notes, duration_seconds }
}

/// Holds a file for somebody.
async fn hold(cache: &Cache, key: &Key, lease: NewLease) -> Result<(), Failed> {
    let (cache, key) = (cache.clone(), key.clone());
    Ok(blocking(move || cache.lease(&key, &lease)).await??)
}
