//! The table of jobs: its statements, and rows turned into values.

use std::ops::Deref;

use rusqlite::types::Type;
use rusqlite::{Row, named_params};

use super::state::{class_name, parse_class};
use super::{
    Claim, Claimant, Inserted, Job, JobFailure, JobFilter, JobId, JobKind, JobState, NewJob, RECOVERIES_MAX, Step,
};
use crate::failure::FailureClass;
use crate::store::booking::institution_words;
use crate::store::outbox::NewEvent;
use crate::store::{Reading, StoreError, Transaction};

/// Leases that one claim may find run out; the next one sees to the rest.
const LAPSES_MAX: u32 = 100;

/// Makes the event that tells of a change, from the job as it is after it.
type Tell<'a> = &'a dyn Fn(&Job) -> NewEvent;

/// What can be asked about jobs.
#[derive(Debug)]
pub struct JobRows<'a> {
    reading: &'a Reading<'a>,
}

impl<'a> JobRows<'a> {
    pub(in crate::store) fn new(reading: &'a Reading<'a>) -> Self {
        Self { reading }
    }

    /// Returns a job.
    pub fn get(&self, id: JobId) -> Result<Option<Job>, StoreError> {
        self.reading.row("SELECT * FROM job WHERE id = ?1", [id.0], job)
    }

    /// Returns whether a claim is still good: nobody else has its job by now.
    pub fn is_claimed(&self, claim: &Claim) -> Result<bool, StoreError> {
        Ok(self.get(claim.id)?.and_then(|job| job.claim()) == Some(*claim))
    }

    /// Returns the live job of a key.
    pub fn live(&self, institution: &str, kind: JobKind, key: &str) -> Result<Option<Job>, StoreError> {
        let sql = "SELECT * FROM job WHERE institution = ?1 AND kind = ?2 AND key = ?3 \
                   AND state IN ('waiting', 'running', 'proving', 'held')";
        self.reading.row(sql, (institution, kind.name(), key), job)
    }

    /// Returns up to `limit` jobs in a state whose numbers are above `after`, in the order of their numbers.
    pub fn in_state(&self, state: JobState, after: JobId, limit: u32) -> Result<Vec<Job>, StoreError> {
        self.page(&JobFilter { state: Some(state), ..JobFilter::default() }, after, limit)
    }

    /// Returns up to `limit` waiting jobs of a kind that may begin now, by priority and age.
    ///
    /// The fetch that one needs is found by the index of live jobs, whose words must all stand in the question.
    pub fn ready(&self, kind: JobKind, now_milliseconds: i64, limit: u32) -> Result<Vec<Job>, StoreError> {
        let sql = "SELECT * FROM job WHERE state = 'waiting' AND kind = ?1 AND not_before_milliseconds <= ?2 \
                   AND (needs IS NULL OR NOT EXISTS (SELECT 1 FROM job AS needed WHERE needed.kind = 'fetch' \
                   AND needed.institution = job.institution AND needed.key = job.needs \
                   AND needed.state IN ('waiting', 'running', 'proving', 'held') AND needed.state <> 'held')) ORDER BY priority DESC, id LIMIT ?3";
        self.reading.rows(sql, (kind.name(), now_milliseconds, limit), job)
    }

    /// Returns up to `limit` waiting jobs that need a fetch.
    pub fn needing(&self, institution: &str, needs: &str, limit: u32) -> Result<Vec<Job>, StoreError> {
        let sql = "SELECT * FROM job WHERE state = 'waiting' AND needs IS NOT NULL AND institution = ?1 \
                   AND needs = ?2 ORDER BY id LIMIT ?3";
        self.reading.rows(sql, (institution, needs, limit), job)
    }

    /// Returns up to `limit` jobs whose numbers are above `after`.
    pub fn page(&self, filter: &JobFilter, after: JobId, limit: u32) -> Result<Vec<Job>, StoreError> {
        let whose = institution_words(filter.institution.as_deref());
        // The words in front let the index of such rows be used.
        let states = match filter.state {
            Some(state) if state.is_live() => "state IN ('waiting', 'running', 'proving', 'held') AND state = ?4",
            Some(_) => "state IN ('done', 'failed', 'cancelled') AND state = ?4",
            None => "?4 IS NULL",
        };
        let sql = format!(
            "SELECT * FROM job WHERE id > ?1 AND {whose} AND (?3 IS NULL OR kind = ?3) AND {states} ORDER BY id LIMIT ?5"
        );
        let (kind, state) = (filter.kind.map(JobKind::name), filter.state.map(JobState::name));
        self.reading.rows(&sql, (after.0, &filter.institution, kind, state, limit), job)
    }

    /// Returns how many live jobs there are of each kind and state.
    pub fn counts(&self) -> Result<Vec<(JobKind, JobState, u64)>, StoreError> {
        let sql = "SELECT kind, state, count(*) AS jobs FROM job \
                   WHERE state IN ('waiting', 'running', 'proving', 'held') GROUP BY kind, state";
        let read = |row: &Row<'_>| {
            let jobs = row.get::<_, i64>("jobs")?.unsigned_abs();
            Ok((word(row, "kind", JobKind::parse)?, word(row, "state", JobState::parse)?, jobs))
        };
        self.reading.rows(sql, [], read)
    }

    /// Returns how many jobs there are.
    pub fn count(&self) -> Result<u64, StoreError> {
        let count = self.reading.row("SELECT count(*) FROM job", [], |row| row.get::<_, i64>(0))?;
        Ok(count.unwrap_or(0).unsigned_abs())
    }
}

/// What can be done with jobs, and asked. Each change writes its event.
#[derive(Debug)]
pub struct Jobs<'a> {
    transaction: &'a Transaction<'a>,
    rows: JobRows<'a>,
}

impl<'a> Deref for Jobs<'a> {
    type Target = JobRows<'a>;

    fn deref(&self) -> &Self::Target {
        &self.rows
    }
}

impl<'a> Jobs<'a> {
    pub(in crate::store) fn new(transaction: &'a Transaction<'a>) -> Self {
        Self { transaction, rows: JobRows::new(transaction) }
    }

    /// Records a job unless there is a live one of its key.
    pub fn insert(&self, new: &NewJob, now_milliseconds: i64, tell: Tell<'_>) -> Result<Inserted, StoreError> {
        let sql = "INSERT INTO job (institution, kind, key, state, priority, deadline_milliseconds, input, parent, needs, \
                   start_milliseconds, predicted_milliseconds, created_milliseconds, updated_milliseconds) \
                   VALUES (:institution, :kind, :key, 'waiting', :priority, :deadline, :input, :parent, :needs, :start, \
                   :predicted, :now, :now) \
                   ON CONFLICT (institution, kind, key) WHERE state IN ('waiting', 'running', 'proving', 'held') \
                   DO NOTHING RETURNING *";
        let values = named_params! {
            ":institution": new.institution, ":kind": new.kind.name(), ":key": new.key, ":priority": new.priority,
            ":deadline": new.deadline_milliseconds, ":input": new.input, ":parent": new.parent.map(|id| id.0),
            ":needs": new.needs, ":start": new.start_milliseconds, ":predicted": new.predicted_milliseconds,
            ":now": now_milliseconds,
        };
        if let Some(job) = self.changed(sql, values, tell)? {
            return Ok(Inserted::New(job.id));
        }
        let live = self.live(&new.institution, new.kind, &new.key)?;
        let gone = || StoreError::Statement("a key is taken by a job that is not there".to_owned());
        live.map(|job| Inserted::Live(job.id)).ok_or_else(gone)
    }

    /// Gives the waiting job `id`, or else the first waiting one of this kind (by priority, then age), to a claimant. One whose
    /// time has not come, or whose fetch is still under way, is not given.
    ///
    /// Jobs of this kind whose lease ran out are taken from their owners first: their attempt is spent, so after the
    /// last one they are held.
    pub fn claim(
        &self,
        kind: JobKind,
        id: Option<JobId>,
        claimant: &Claimant,
        tell: Tell<'_>,
    ) -> Result<Option<Job>, StoreError> {
        self.lapse(kind, claimant.now_milliseconds, tell)?;
        let sql = "UPDATE job SET state = 'running', phase = '', attempt = attempt + 1, \
                   lease_number = lease_number + 1, lease_owner = :owner, lease_until_milliseconds = :until, \
                   updated_milliseconds = :now \
                   WHERE id = (SELECT id FROM job WHERE state = 'waiting' AND kind = :kind \
                   AND (:id IS NULL OR id = :id) AND not_before_milliseconds <= :now \
                   AND (needs IS NULL OR NOT EXISTS (SELECT 1 FROM job AS needed WHERE needed.kind = 'fetch' \
                   AND needed.institution = job.institution AND needed.key = job.needs \
                   AND needed.state IN ('waiting', 'running', 'proving', 'held') AND needed.state <> 'held')) ORDER BY priority DESC, id LIMIT 1) RETURNING *";
        let values = named_params! {
            ":kind": kind.name(), ":id": id.map(|id| id.0), ":owner": claimant.owner,
            ":until": claimant.until_milliseconds, ":now": claimant.now_milliseconds,
        };
        self.changed(sql, values, tell)
    }

    /// Takes jobs of a kind whose lease ran out from their owners, a bounded number; returns them as they are then.
    pub fn lapse(&self, kind: JobKind, now_milliseconds: i64, tell: Tell<'_>) -> Result<Vec<Job>, StoreError> {
        let sql = "SELECT * FROM job WHERE state IN ('running', 'proving') AND kind = ?1 \
                   AND lease_until_milliseconds <= ?2 ORDER BY lease_until_milliseconds LIMIT ?3";
        let mut lapsed = Vec::new();
        for job in self.transaction.rows(sql, (kind.name(), now_milliseconds, LAPSES_MAX), job)? {
            let Some(claim) = job.claim() else { continue };
            let text =
                format!("no sign of life from {} in time", job.lease_owner.as_deref().unwrap_or("its owner"));
            let code = LEASE_LAPSED.to_owned();
            let failure = JobFailure { code, class: FailureClass::Transient, text };
            lapsed.extend(self.step(&claim, job.state, &Step::Retry(failure), now_milliseconds, tell)?);
        }
        Ok(lapsed)
    }

    /// Changes a claimed job that is in state `from`. Nothing, and no event, where the claim is worth nothing any more:
    /// the job has another state, attempt or lease by now.
    pub fn step(
        &self,
        claim: &Claim,
        from: JobState,
        step: &Step,
        now_milliseconds: i64,
        tell: Tell<'_>,
    ) -> Result<Option<Job>, StoreError> {
        let to = step.target(claim.attempt);
        if !from.is_leased() || !from.may_become(to) {
            return Ok(None);
        }
        let sql = "UPDATE job SET state = :to, phase = '', attempt = attempt - :refund, \
                   lease_owner = CASE WHEN :leased THEN lease_owner END, \
                   lease_until_milliseconds = CASE WHEN :leased THEN lease_until_milliseconds END, \
                   output = :output, failure_code = :code, failure_class = :class, failure_text = :text, \
                   updated_milliseconds = :now \
                   WHERE id = :id AND state = :from AND attempt = :attempt AND lease_number = :lease RETURNING *";
        let output = if let Step::Finish(output) = step { Some(output) } else { None };
        let failure = step.failure();
        let values = named_params! {
            ":to": to.name(), ":refund": *step == Step::Release, ":leased": to.is_leased(), ":output": output,
            ":code": failure.map(|failure| &failure.code), ":class": failure.map(|failure| class_name(failure.class)),
            ":text": failure.map(|failure| &failure.text), ":now": now_milliseconds, ":id": claim.id.0,
            ":from": from.name(), ":attempt": claim.attempt, ":lease": claim.lease_number,
        };
        self.changed(sql, values, tell)
    }

    /// Gives a claim more time, and says what its job is at. Returns whether the claim is still worth anything: one whose
    /// time ran out is not, even if nobody has taken the job since. No event: nothing has changed its state.
    pub fn renew(
        &self,
        claim: &Claim,
        now_milliseconds: i64,
        until_milliseconds: i64,
        phase: &str,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE job SET lease_until_milliseconds = ?1, phase = ?2 WHERE id = ?3 AND attempt = ?4 \
                   AND lease_number = ?5 AND state IN ('running', 'proving') AND lease_until_milliseconds > ?6";
        let values = (until_milliseconds, phase, claim.id.0, claim.attempt, claim.lease_number, now_milliseconds);
        Ok(self.transaction.execute(sql, values)? == 1)
    }

    /// Lets a waiting job wait until a time.
    pub fn postpone(&self, id: JobId, not_before_milliseconds: i64) -> Result<(), StoreError> {
        let sql = "UPDATE job SET not_before_milliseconds = ?1 WHERE id = ?2 AND state = 'waiting'";
        self.transaction.execute(sql, (not_before_milliseconds, id.0)).map(|_| ())
    }

    /// Notes how long a waiting job will probably take.
    pub fn predict(&self, id: JobId, milliseconds: i64) -> Result<(), StoreError> {
        let sql = "UPDATE job SET predicted_milliseconds = ?1 WHERE id = ?2 AND state = 'waiting'";
        self.transaction.execute(sql, (milliseconds, id.0)).map(|_| ())
    }

    /// Lets a waiting job be needed sooner, or be more important, where another class asks for it.
    pub fn hasten(&self, id: JobId, start_milliseconds: Option<i64>, priority: u8) -> Result<(), StoreError> {
        let sql = "UPDATE job SET priority = max(priority, ?3), start_milliseconds = \
                   CASE WHEN start_milliseconds IS NULL OR ?2 < start_milliseconds THEN ?2 ELSE start_milliseconds END \
                   WHERE id = ?1 AND state = 'waiting'";
        self.transaction.execute(sql, (id.0, start_milliseconds, priority)).map(|_| ())
    }

    /// Gives up a waiting job: what it needs cannot be had. Nothing where it does not wait.
    pub fn fail_waiting(
        &self,
        id: JobId,
        failure: &JobFailure,
        now_milliseconds: i64,
        tell: Tell<'_>,
    ) -> Result<Option<Job>, StoreError> {
        let sql = "UPDATE job SET state = 'failed', failure_code = ?2, failure_class = ?3, failure_text = ?4, \
                   updated_milliseconds = ?5 WHERE id = ?1 AND state = 'waiting' RETURNING *";
        let class = class_name(failure.class);
        self.changed(sql, (id.0, &failure.code, class, &failure.text, now_milliseconds), tell)
    }

    /// Removes up to `limit` jobs that ended before a time; returns how many.
    pub fn prune(&self, before_milliseconds: i64, limit: u32) -> Result<usize, StoreError> {
        let sql = "DELETE FROM job WHERE id IN (SELECT id FROM job WHERE state IN ('done', 'failed', 'cancelled') \
                   AND updated_milliseconds < ?1 LIMIT ?2)";
        self.transaction.execute(sql, (before_milliseconds, limit))
    }

    /// Gives up a live job that nobody wants any more, whoever has it. Nothing where it is not live.
    pub fn cancel(&self, id: JobId, now_milliseconds: i64, tell: Tell<'_>) -> Result<Option<Job>, StoreError> {
        let sql = "UPDATE job SET state = 'cancelled', phase = '', lease_owner = NULL, \
                   lease_until_milliseconds = NULL, updated_milliseconds = ?1 \
                   WHERE id = ?2 AND state IN ('waiting', 'running', 'proving', 'held') RETURNING *";
        self.changed(sql, (now_milliseconds, id.0), tell)
    }

    /// Lets a held job be tried anew, as if it never had been. Nothing where it is not held.
    pub fn resume(&self, id: JobId, now_milliseconds: i64, tell: Tell<'_>) -> Result<Option<Job>, StoreError> {
        let sql = "UPDATE job SET state = 'waiting', attempt = 0, recoveries = 0, not_before_milliseconds = 0, \
                   updated_milliseconds = ?1 \
                   WHERE id = ?2 AND state = 'held' RETURNING *";
        self.changed(sql, (now_milliseconds, id.0), tell)
    }

    /// Lets the jobs wait again that an earlier process of `owner` had when it ended; their attempts are not spent, but one
    /// that this happened to [`RECOVERIES_MAX`] times is held: it may be what ends the process. At most `limit` of them, so
    /// that a start's first transaction stays short; none are left when it returns fewer.
    pub fn recover(
        &self,
        owner: &str,
        limit: u32,
        now_milliseconds: i64,
        tell: Tell<'_>,
    ) -> Result<Vec<Job>, StoreError> {
        let sql =
            "SELECT * FROM job WHERE state IN ('running', 'proving') AND lease_owner = ?1 ORDER BY +id LIMIT ?2";
        let mut recovered = Vec::new();
        for job in self.transaction.rows(sql, (owner, limit), job)? {
            let Some(claim) = job.claim() else { continue };
            let sql = "UPDATE job SET recoveries = recoveries + 1 WHERE id = ?1";
            self.transaction.execute(sql, [job.id.0])?;
            let step =
                if job.recoveries + 1 < RECOVERIES_MAX { Step::Release } else { Step::Hold(ended_with_node()) };
            recovered.extend(self.step(&claim, job.state, &step, now_milliseconds, tell)?);
        }
        Ok(recovered)
    }

    /// Carries out a statement that returns the one row it changed, if any, and writes the event of that.
    fn changed(&self, sql: &str, values: impl rusqlite::Params, tell: Tell<'_>) -> Result<Option<Job>, StoreError> {
        let job = self.transaction.row(sql, values, job)?;
        if let Some(job) = &job {
            self.transaction.outbox().append(&tell(job), Some(job.id))?;
        }
        Ok(job)
    }
}

/// The code of a job whose executor was not heard of in time. Not an error of a command: it stands in the row.
const LEASE_LAPSED: &str = "LEASE_LAPSED";
/// The code of a job during which the node ended again and again. As above.
const NODE_ENDED: &str = "NODE_ENDED";

fn ended_with_node() -> JobFailure {
    let text = format!("the node ended {RECOVERIES_MAX} times while it ran");
    JobFailure { code: NODE_ENDED.to_owned(), class: FailureClass::Bug, text }
}

fn job(row: &Row<'_>) -> rusqlite::Result<Job> {
    let failure = match row.get::<_, Option<String>>("failure_code")? {
        Some(code) => {
            let class = word(row, "failure_class", parse_class)?;
            Some(JobFailure { code, class, text: row.get("failure_text")? })
        }
        None => None,
    };
    Ok(Job {
        id: JobId(row.get("id")?),
        institution: row.get("institution")?,
        kind: word(row, "kind", JobKind::parse)?,
        key: row.get("key")?,
        state: word(row, "state", JobState::parse)?,
        priority: row.get("priority")?,
        deadline_milliseconds: row.get("deadline_milliseconds")?,
        attempt: row.get("attempt")?,
        lease_number: row.get("lease_number")?,
        lease_owner: row.get("lease_owner")?,
        lease_until_milliseconds: row.get("lease_until_milliseconds")?,
        phase: row.get("phase")?,
        failure,
        input: row.get("input")?,
        output: row.get("output")?,
        parent: row.get::<_, Option<i64>>("parent")?.map(JobId),
        needs: row.get("needs")?,
        start_milliseconds: row.get("start_milliseconds")?,
        predicted_milliseconds: row.get("predicted_milliseconds")?,
        not_before_milliseconds: row.get("not_before_milliseconds")?,
        recoveries: row.get("recoveries")?,
        created_milliseconds: row.get("created_milliseconds")?,
        updated_milliseconds: row.get("updated_milliseconds")?,
    })
}

/// Returns the value that a name in a column stands for.
pub(in crate::store) fn word<T>(
    row: &Row<'_>,
    column: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> rusqlite::Result<T> {
    let name: String = row.get(column)?;
    let unknown = || format!("no version of this program writes {name:?} into {column}");
    let index = row.as_ref().column_index(column)?;
    parse(&name).ok_or_else(|| rusqlite::Error::FromSqlConversionFailure(index, Type::Text, unknown().into()))
}
