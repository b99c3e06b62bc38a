//! A job's life: its states, which may follow which, and what each step makes of it. Pure.
//!
//! ```text
//!             claim                prove               finish
//! waiting ─────────▶ running ─────────────▶ proving ─────────▶ done
//!    ▲ ▲                │ retry, release,      │
//!    │ └────────────────┴── lease ran out ─────┤
//!    │ resume           │                      │ fail
//!   held ◀──────────────┴── third attempt ─────┼─────────▶ failed
//!                                              └─ cancel, from any live state ─▶ cancelled
//! waiting ── what it needs has failed ─▶ failed
//! ```

use crate::failure::FailureClass;

/// As many times a job is tried. A file that brings down whoever touches it stops here.
pub const ATTEMPTS_MAX: u32 = 3;
/// As many times the whole node may end while a job runs, which no attempt counts: whoever brings the node itself down each
/// time stops here, and with it whoever always ran beside it. More than an innocent job meets in a bad day; one that ends the
/// node at once gets there in minutes.
pub const RECOVERIES_MAX: u32 = 50;

/// Where a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JobState {
    /// It may be claimed.
    Waiting,
    /// An executor has it under a lease.
    Running,
    /// Its output is being proven, under the same lease.
    Proving,
    /// Finished, with an output.
    Done,
    /// Given up.
    Failed,
    /// It needs a person.
    Held,
    /// Nobody wants it any more.
    Cancelled,
}

impl JobState {
    /// Every state.
    pub const ALL: [Self; 7] =
        [Self::Waiting, Self::Running, Self::Proving, Self::Done, Self::Failed, Self::Held, Self::Cancelled];

    /// Returns the name in the database and in documents.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Proving => "proving",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Held => "held",
            Self::Cancelled => "cancelled",
        }
    }

    /// Returns the state of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Returns whether the job still has its key for itself.
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Waiting | Self::Running | Self::Proving | Self::Held)
    }

    /// Returns whether an executor has it.
    pub const fn is_leased(self) -> bool {
        matches!(self, Self::Running | Self::Proving)
    }

    /// Returns whether `next` may follow.
    pub const fn may_become(self, next: Self) -> bool {
        use JobState::{Cancelled, Done, Failed, Held, Proving, Running, Waiting};
        match self {
            Waiting => matches!(next, Running | Failed | Cancelled),
            Running => matches!(next, Waiting | Proving | Done | Failed | Held | Cancelled),
            Proving => matches!(next, Waiting | Done | Failed | Held | Cancelled),
            Held => matches!(next, Waiting | Cancelled),
            Done | Failed | Cancelled => false,
        }
    }
}

/// Why a job did not come to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobFailure {
    /// The stable code.
    pub code: String,
    /// Who must do something.
    pub class: FailureClass,
    /// The sentence.
    pub text: String,
}

/// What an executor's dispatcher says about a claimed job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The output is made and goes to its proof.
    Prove,
    /// The output, as JSON, is committed.
    Finish(String),
    /// No attempt will do better.
    Fail(JobFailure),
    /// Another attempt may do better, as long as there are any left; then a person must look.
    Retry(JobFailure),
    /// A person must look.
    Hold(JobFailure),
    /// The node stops or lost its hold: the attempt was none.
    Release,
}

impl Step {
    /// Returns the state that follows, for a job in its `attempt`th attempt.
    pub const fn target(&self, attempt: u32) -> JobState {
        match self {
            Self::Prove => JobState::Proving,
            Self::Finish(_) => JobState::Done,
            Self::Fail(_) => JobState::Failed,
            Self::Retry(_) if attempt < ATTEMPTS_MAX => JobState::Waiting,
            Self::Retry(_) | Self::Hold(_) => JobState::Held,
            Self::Release => JobState::Waiting,
        }
    }

    /// Returns the failure that the step tells of.
    pub(in crate::store) const fn failure(&self) -> Option<&JobFailure> {
        match self {
            Self::Fail(failure) | Self::Retry(failure) | Self::Hold(failure) => Some(failure),
            Self::Prove | Self::Finish(_) | Self::Release => None,
        }
    }
}

/// Every class and its name in the database.
const CLASSES: [(FailureClass, &str); 8] = [
    (FailureClass::Transient, "transient"),
    (FailureClass::Source, "source"),
    (FailureClass::Capacity, "capacity"),
    (FailureClass::Usage, "usage"),
    (FailureClass::Output, "output"),
    (FailureClass::Configuration, "configuration"),
    (FailureClass::Bug, "bug"),
    (FailureClass::Cancelled, "cancelled"),
];

/// Returns the name of a failure's class. One that is not in the list is a defect of somebody's, as a bug is.
pub(super) fn class_name(class: FailureClass) -> &'static str {
    CLASSES.iter().find(|(known, _)| *known == class).map_or("bug", |(_, name)| name)
}

/// Returns the class of that name.
pub(super) fn parse_class(name: &str) -> Option<FailureClass> {
    CLASSES.iter().find(|(_, known)| *known == name).map(|(class, _)| *class)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_states_follow_each_other_as_the_table_says_and_no_other_way() {
        use JobState::{Cancelled, Done, Failed, Held, Proving, Running, Waiting};
        let table: [(JobState, &[JobState]); 7] = [
            (Waiting, &[Running, Failed, Cancelled]),
            (Running, &[Waiting, Proving, Done, Failed, Held, Cancelled]),
            (Proving, &[Waiting, Done, Failed, Held, Cancelled]),
            (Done, &[]),
            (Failed, &[]),
            (Held, &[Waiting, Cancelled]),
            (Cancelled, &[]),
        ];
        for (from, nexts) in table {
            for to in JobState::ALL {
                assert_eq!(from.may_become(to), nexts.contains(&to), "{from:?} to {to:?}");
            }
            assert_eq!(from.is_live(), !nexts.is_empty(), "{from:?}");
            assert_eq!(JobState::parse(from.name()), Some(from));
        }
    }

    #[test]
    fn every_step_leads_from_a_leased_state_to_one_that_may_follow() {
        let failure = JobFailure { code: "X".to_owned(), class: FailureClass::Bug, text: "x".to_owned() };
        let steps = [
            Step::Finish("{}".to_owned()),
            Step::Fail(failure.clone()),
            Step::Retry(failure.clone()),
            Step::Hold(failure.clone()),
            Step::Release,
        ];
        for step in steps {
            for attempt in 1..=ATTEMPTS_MAX {
                let target = step.target(attempt);
                assert!(JobState::Running.may_become(target) && JobState::Proving.may_become(target), "{step:?}");
            }
        }
        assert!(JobState::Running.may_become(Step::Prove.target(1)));
        let retry = Step::Retry(failure);
        assert_eq!(
            [1, 2, 3].map(|attempt| retry.target(attempt)),
            [JobState::Waiting, JobState::Waiting, JobState::Held]
        );
    }

    #[test]
    fn every_class_of_failure_is_found_by_its_name() {
        for (class, name) in CLASSES {
            assert_eq!((class_name(class), parse_class(name)), (name, Some(class)));
        }
    }
}
