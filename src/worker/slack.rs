//! Which transcode comes first: the one that can wait least. Pure.

use crate::store::Job;

/// A class that does not say when it begins needs its rendition so long after it asked.
const UNSAID_MILLISECONDS: i64 = 3_600_000;

/// Returns how long a job may still wait, in milliseconds: until its class begins, less the time that it takes itself.
pub(super) fn slack(job: &Job, now_milliseconds: i64) -> i64 {
    let start = job.start_milliseconds.unwrap_or(job.created_milliseconds.saturating_add(UNSAID_MILLISECONDS));
    start.saturating_sub(now_milliseconds).saturating_sub(job.predicted_milliseconds)
}

/// Puts jobs into the order in which they are to be done: by slack, then by priority, then by age. None that runs is stopped
/// for another one.
pub(super) fn order(jobs: &mut [Job], now_milliseconds: i64) {
    jobs.sort_by_key(|job| (slack(job, now_milliseconds), std::cmp::Reverse(job.priority), job.id));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{JobId, JobKind, JobState};

    fn job(id: i64, start: Option<i64>, predicted: i64, priority: u8) -> Job {
        Job {
            id: JobId(id),
            institution: String::new(),
            kind: JobKind::Transcode,
            key: id.to_string(),
            state: JobState::Waiting,
            priority,
            deadline_milliseconds: None,
            attempt: 0,
            lease_number: 0,
            lease_owner: None,
            lease_until_milliseconds: None,
            phase: String::new(),
            failure: None,
            input: String::new(),
            output: None,
            parent: None,
            needs: None,
            start_milliseconds: start,
            predicted_milliseconds: predicted,
            not_before_milliseconds: 0,
            recoveries: 0,
            created_milliseconds: 1000,
            updated_milliseconds: 1000,
        }
    }

    #[test]
    fn what_can_wait_least_comes_first_then_what_is_more_important_then_what_is_older() {
        let mut jobs = vec![
            job(1, None, 0, 50),
            job(2, Some(600_000), 0, 50),
            // Begins later, and takes so long that it must begin sooner.
            job(3, Some(900_000), 500_000, 50),
            job(4, Some(600_000), 0, 60),
            job(5, Some(600_000), 0, 50),
        ];
        order(&mut jobs, 2000);
        assert_eq!(jobs.iter().map(|job| job.id.0).collect::<Vec<_>>(), [3, 4, 2, 5, 1]);
        assert_eq!(slack(&jobs[4], 2000), 1000 + UNSAID_MILLISECONDS - 2000);
    }
}
