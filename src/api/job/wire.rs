//! Jobs in JSON.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::JobView;
use crate::api::wire::moment;

/// A piece of work: a download or a transcode.
#[derive(Serialize, ToSchema)]
#[schema(as = Job, example = json!({
    "id": 17, "institution_id": "22", "kind": "transcode", "key": "22/6666_720P", "state": "running", "priority": 50,
    "attempt": 1, "phase": "encoding", "fraction": 0.42, "eta_seconds": 95.0, "failure": null, "deadline_at": null,
    "parent_id": null, "created_at": "2025-10-09T08:30:00.000Z", "updated_at": "2025-10-09T08:31:10.500Z"
}))]
pub(super) struct JobBody {
    id: i64,
    /// Empty for the single default institution.
    institution_id: String,
    /// fetch or transcode.
    kind: &'static str,
    /// What it is about.
    key: String,
    /// waiting, running, proving, done, failed, held (a person must look) or cancelled.
    state: &'static str,
    /// 0 to 100, higher first.
    priority: u8,
    /// Attempts begun.
    attempt: u32,
    /// What is being done.
    phase: String,
    /// How much is done, 0 to 1, where that can be told.
    fraction: Option<f64>,
    eta_seconds: Option<f64>,
    /// Why the last attempt did not come to its end.
    failure: Option<FailureBody>,
    /// When it is worth nothing any more.
    deadline_at: Option<String>,
    /// The job that waits for it.
    parent_id: Option<i64>,
    created_at: String,
    updated_at: String,
}

/// Why something failed.
#[derive(Serialize, ToSchema)]
#[schema(as = Failure)]
struct FailureBody {
    /// The stable code, listed in docs/errors.md.
    code: String,
    /// Who must do something: transient, source, capacity, usage, output, configuration, bug or cancelled.
    class: &'static str,
    message: String,
}

impl From<JobView> for JobBody {
    fn from(JobView { job, advance }: JobView) -> Self {
        let failure = job.failure.map(|failure| FailureBody {
            code: failure.code,
            class: failure.class.name(),
            message: failure.text,
        });
        Self {
            id: job.id.0,
            institution_id: job.institution,
            kind: job.kind.name(),
            key: job.key,
            state: job.state.name(),
            priority: job.priority,
            attempt: job.attempt,
            phase: advance.as_ref().map_or(job.phase, |advance| advance.phase.clone()),
            fraction: advance.as_ref().and_then(|advance| advance.fraction),
            eta_seconds: advance.as_ref().and_then(|advance| advance.eta_seconds),
            failure,
            deadline_at: job.deadline_milliseconds.map(moment),
            parent_id: job.parent.map(|id| id.0),
            created_at: moment(job.created_milliseconds),
            updated_at: moment(job.updated_milliseconds),
        }
    }
}

/// Which jobs are asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct JobQuery {
    /// Of which institution; left out: of all, or of the one to which the token is bound.
    pub(super) institution_id: Option<String>,
    /// fetch or transcode.
    pub(super) kind: Option<String>,
    /// waiting, running, proving, done, failed, held or cancelled.
    pub(super) state: Option<String>,
    /// The `next` of the page before.
    pub(super) after: Option<String>,
    /// 1 to 200.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub(super) limit: Option<u32>,
}

/// Which jobs are to begin anew, of those that are held.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct RetryQuery {
    /// Of which institution; left out: of all, or of the one to which the token is bound.
    pub(super) institution_id: Option<String>,
    /// fetch or transcode.
    pub(super) kind: Option<String>,
}

/// How many jobs begin anew.
#[derive(Serialize, ToSchema)]
pub(super) struct Retried {
    #[schema(example = 3)]
    pub(super) retried: u64,
}
