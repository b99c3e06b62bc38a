//! Jobs: everything that takes time, one row each, and the only ways in which a row may change.
//!
//! Every change of state is a compare-and-set on the state, the attempt and the lease that the caller believes in, and
//! writes its event in the same transaction. What is to be done next, and when, is the dispatcher's to decide.

mod state;
mod table;

pub use state::{ATTEMPTS_MAX, JobFailure, JobState, RECOVERIES_MAX, Step};
pub(super) use table::word;
pub use table::{JobRows, Jobs};

/// The number of a job; never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(pub i64);

impl std::fmt::Display for JobId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(formatter)
    }
}

/// What a job does. A new capability adds a kind, and a migration, so that older programs refuse its jobs by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JobKind {
    /// Downloading a source.
    Fetch,
    /// Making renditions.
    Transcode,
}

impl JobKind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Fetch, Self::Transcode];

    /// Returns the name in the database and in documents.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fetch => "fetch",
            Self::Transcode => "transcode",
        }
    }

    /// Returns the kind of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A job to be recorded; it begins waiting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewJob {
    /// Whose it is; empty for the single default institution.
    pub institution: String,
    /// What is to be done.
    pub kind: JobKind,
    /// What it is about: at most one live job per institution, kind and key.
    pub key: String,
    /// 0 to 100, higher first.
    pub priority: u8,
    /// When it is worth nothing any more, in Unix milliseconds.
    pub deadline_milliseconds: Option<i64>,
    /// What its executor needs to know, as JSON.
    pub input: String,
    /// The job that waits for it.
    pub parent: Option<JobId>,
    /// The key of the fetch of the same institution that must have ended before this one begins.
    pub needs: Option<String>,
    /// When a class needs what comes out, in Unix milliseconds.
    pub start_milliseconds: Option<i64>,
    /// How long it will probably take.
    pub predicted_milliseconds: i64,
}

/// Which jobs a list is of; what is left out does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobFilter {
    /// Whose.
    pub institution: Option<String>,
    /// What they do.
    pub kind: Option<JobKind>,
    /// Where they are.
    pub state: Option<JobState>,
}

/// A job as it is recorded. Times are Unix milliseconds of the node's own clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its number.
    pub id: JobId,
    /// Whose it is.
    pub institution: String,
    /// What is to be done.
    pub kind: JobKind,
    /// What it is about.
    pub key: String,
    /// Where it is.
    pub state: JobState,
    /// 0 to 100, higher first.
    pub priority: u8,
    /// When it is worth nothing any more.
    pub deadline_milliseconds: Option<i64>,
    /// Attempts begun, those aside that were released.
    pub attempt: u32,
    /// How many times it was claimed.
    pub lease_number: i64,
    /// Who has it.
    pub lease_owner: Option<String>,
    /// Until when.
    pub lease_until_milliseconds: Option<i64>,
    /// What its executor is at.
    pub phase: String,
    /// Why the last attempt did not come to its end.
    pub failure: Option<JobFailure>,
    /// What its executor needs to know, as JSON.
    pub input: String,
    /// What came out, as JSON.
    pub output: Option<String>,
    /// The job that waits for it.
    pub parent: Option<JobId>,
    /// The key of the fetch that must have ended first.
    pub needs: Option<String>,
    /// When a class needs what comes out.
    pub start_milliseconds: Option<i64>,
    /// How long it will probably take.
    pub predicted_milliseconds: i64,
    /// It is not tried before.
    pub not_before_milliseconds: i64,
    /// How many times the whole node ended while it ran.
    pub recoveries: u32,
    /// When it was recorded.
    pub created_milliseconds: i64,
    /// When it last changed.
    pub updated_milliseconds: i64,
}

impl Job {
    /// Returns what its executor holds it by; nothing unless somebody has it.
    pub fn claim(&self) -> Option<Claim> {
        let (id, attempt, lease_number) = (self.id, self.attempt, self.lease_number);
        self.state.is_leased().then_some(Claim { id, attempt, lease_number })
    }
}

/// What an executor holds a job by. It is worth nothing once the job has been taken from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Claim {
    /// Which job.
    pub id: JobId,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// Which claim this is, from 1: what tells two claims of one attempt apart, after a release.
    pub lease_number: i64,
}

/// Who claims, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimant {
    /// The name of the node or of its part.
    pub owner: String,
    /// Now.
    pub now_milliseconds: i64,
    /// When the lease runs out unless it is renewed.
    pub until_milliseconds: i64,
}

/// What became of a job that was to be recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// It is recorded.
    New(JobId),
    /// There is a live job of this key already; nothing was changed.
    Live(JobId),
}
