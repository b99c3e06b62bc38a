//! Who works on what: one task that gives jobs to executors, keeps their leases alive, and sees what time brings. It alone
//! begins and ends work; what a job's end means is the desk's.
//!
//! ```text
//! wake, tick, end of a job ─▶ claim ─▶ executor (a task per job) ─▶ desk
//!                             └ fetches at once, up to a bound; transcodes one at a time, by slack
//! ```

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::{Id, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout_at};

use super::desk::{Alarm, Desk, HANDED_MAX};
use super::executor::{Executor, Task};
use super::node::{Node, Running};
use super::pace::{Pace, STUCK_TIME, Watch};
use super::slack::order;
use super::terms::FETCHES_MAX;
use super::{Progress, Stop};
use crate::av::Interrupt;
use crate::event::EventType;
use crate::store::{Claim, Claimant, Job, JobId, JobKind, StoreError};

/// How long a claim is good without being renewed.
pub(super) const LEASE_MILLISECONDS: i64 = 15_000;
/// How often it is renewed: twice may fail.
const RENEW_EVERY: Duration = Duration::from_secs(5);
/// How often it is looked what time has brought.
const TICK: Duration = Duration::from_secs(1);
/// Transcodes at a time: one has all encode threads, and is done sooner than two side by side would be.
const TRANSCODES_MAX: usize = 1;
/// Waiting transcodes among which the first is looked for.
const CANDIDATES_MAX: u32 = 1000;
/// How long what runs may go on once the node is to end: with what follows, thirty seconds.
pub(super) const DRAIN_TIME: Duration = Duration::from_secs(25);
/// How long what was told to stop may take for it.
const STOP_TIME: Duration = Duration::from_secs(3);

/// The dispatcher.
pub(super) struct Dispatcher {
    node: Node,
    stopped: mpsc::Receiver<JobId>,
    tasks: JoinSet<()>,
    at_work: HashMap<JobId, AtWork>,
    /// Which job a task is.
    names: HashMap<Id, JobId>,
    /// The last booking that was looked at for somebody who brings it on.
    looked_at: i64,
}

struct AtWork {
    claim: Claim,
    kind: JobKind,
    stop: watch::Sender<bool>,
    interrupt: Interrupt,
    progress: Arc<Progress>,
    watch: Watch,
}

impl AtWork {
    fn stop(&self) {
        self.stop.send_replace(true);
        self.interrupt.cancel();
    }
}

impl Dispatcher {
    /// Takes what an earlier process left, and returns when the node may be said to be ready.
    ///
    /// It may be told to stop meanwhile; then what is left stays for the next start.
    pub(super) async fn begin(
        node: Node,
        stopped: mpsc::Receiver<JobId>,
        stop: &watch::Receiver<bool>,
    ) -> Result<Self, StoreError> {
        super::recovery::recover(&node, stop).await?;
        Ok(Self {
            node,
            stopped,
            tasks: JoinSet::new(),
            at_work: HashMap::new(),
            names: HashMap::new(),
            looked_at: 0,
        })
    }

    /// Works until `stop` is told, and then until what runs has ended or was stopped.
    ///
    /// # Errors
    /// The database takes nothing any more: the process is to end.
    pub(super) async fn run(mut self, mut stop: watch::Receiver<bool>) -> Result<(), StoreError> {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut renewed = Instant::now();
        let node = self.node.clone();
        while !*stop.borrow() {
            tokio::select! {
                _ = stop.changed() => {}
                () = node.inner.work.notified() => self.fill().await?,
                Some(id) = self.stopped.recv() => self.stop_job(id),
                Some(ended) = self.tasks.join_next_with_id() => {
                    self.forget(ended.map_or_else(|error| error.id(), |(id, ())| id));
                    self.fill().await?;
                }
                _ = ticks.tick() => {
                    if renewed.elapsed() >= RENEW_EVERY {
                        renewed = Instant::now();
                        self.renew().await?;
                    }
                    self.beat().await?;
                    self.fill().await?;
                }
            }
        }
        self.drain().await
    }

    /// Sees to what time has brought.
    async fn beat(&mut self) -> Result<(), StoreError> {
        let after = self.looked_at;
        let looked_at = self.node.decide(move |desk| {
            desk.lapse()?;
            desk.pass_time()?;
            desk.unstick(after)
        });
        self.looked_at = self.node.passing(looked_at.await)?.flatten().unwrap_or(0);
        self.node.inner.beat_milliseconds.store(self.node.now(), Ordering::Relaxed);
        Ok(())
    }

    /// Gives out what can be begun.
    async fn fill(&mut self) -> Result<(), StoreError> {
        if self.node.is_draining() {
            return Ok(());
        }
        for (kind, most) in [(JobKind::Fetch, FETCHES_MAX), (JobKind::Transcode, TRANSCODES_MAX)] {
            let busy = self.at_work.values().filter(|work| work.kind == kind).count();
            if busy < most {
                let claimed = self.claim(kind, most - busy).await;
                for job in self.node.passing(claimed)?.unwrap_or_default() {
                    self.start(job);
                }
            }
        }
        Ok(())
    }

    /// Claims up to `most` jobs, those first that can wait least.
    async fn claim(&self, kind: JobKind, most: usize) -> Result<Vec<Job>, StoreError> {
        let now = self.node.now();
        let limit = if kind == JobKind::Fetch { HANDED_MAX } else { CANDIDATES_MAX };
        let mut ready = self.node.read(move |reading| reading.jobs().ready(kind, now, limit)).await?;
        // One whose task has not ended yet is not begun anew beside it.
        ready.retain(|job| !self.at_work.contains_key(&job.id));
        if ready.is_empty() {
            return Ok(Vec::new());
        }
        order(&mut ready, now);
        let ids: Vec<JobId> = ready.iter().take(most).map(|job| job.id).collect();
        let claimant = Claimant {
            owner: self.node.inner.terms.node_id.clone(),
            now_milliseconds: now,
            until_milliseconds: now.saturating_add(LEASE_MILLISECONDS),
        };
        self.node.decide(move |desk| desk.claim(kind, &ids, &claimant)).await
    }

    fn start(&mut self, job: Job) {
        let Some(claim) = job.claim() else { return };
        let (stop, told) = watch::channel(false);
        let (interrupt, progress) = (Interrupt::default(), Arc::<Progress>::default());
        let (id, kind) = (job.id, job.kind);
        self.node.running().insert(
            id,
            Running {
                kind,
                progress: Arc::clone(&progress),
                since_milliseconds: self.node.now(),
                predicted_milliseconds: job.predicted_milliseconds,
            },
        );
        let task =
            Task { job, claim, progress: Arc::clone(&progress), stop: Stop { told, interrupt: interrupt.clone() } };
        tracing::info!(job = %id, kind = kind.name(), key = task.job.key, attempt = claim.attempt, "begun");
        let executor = Executor { node: self.node.clone(), task };
        let handle = self.tasks.spawn(executor.run());
        self.names.insert(handle.id(), id);
        self.at_work
            .insert(id, AtWork { claim, kind, stop, interrupt, progress, watch: Watch::new(Instant::now()) });
    }

    fn stop_job(&self, id: JobId) {
        if let Some(work) = self.at_work.get(&id) {
            work.stop();
        }
    }

    fn forget(&mut self, task: Id) {
        if let Some(id) = self.names.remove(&task) {
            self.at_work.remove(&id);
            self.node.running().remove(&id);
        }
    }

    /// Renews the leases of what runs; what has lost its lease is stopped, and its work is worth nothing. What does not move is
    /// stopped and loses its lease: then it is tried again, also where it hears nothing any more.
    async fn renew(&mut self) -> Result<(), StoreError> {
        let mut claims = Vec::new();
        let now = Instant::now();
        for (id, work) in &mut self.at_work {
            let snapshot = work.progress.snapshot();
            match work.watch.look(&work.progress, now) {
                Pace::Moves => claims.push((work.claim, snapshot.phase.to_owned())),
                Pace::Stuck { is_new } => {
                    work.stop();
                    if is_new {
                        let alarm = stuck(*id, snapshot.phase);
                        self.node.passing(self.node.decide(move |desk| desk.alarm(&alarm)).await)?;
                    }
                }
            }
        }
        if claims.is_empty() {
            return Ok(());
        }
        let lost = self.node.decide(move |desk| desk.renew(&claims, LEASE_MILLISECONDS)).await;
        for id in self.node.passing(lost)?.unwrap_or_default() {
            tracing::warn!(job = %id, "LEASE_LOST: no sign of life in time; what it makes is thrown away");
            self.stop_job(id);
        }
        Ok(())
    }

    /// Ends: fetches at once, transcodes when they are done or their time is over.
    async fn drain(mut self) -> Result<(), StoreError> {
        self.node.begin_draining();
        let (until, mut renewed) = (Instant::now() + DRAIN_TIME, Instant::now());
        self.at_work.values().filter(|work| work.kind == JobKind::Fetch).for_each(AtWork::stop);
        while !self.tasks.is_empty() {
            let soon = (Instant::now() + TICK).min(until);
            match timeout_at(soon, self.tasks.join_next_with_id()).await {
                Ok(Some(ended)) => self.forget(ended.map_or_else(|error| error.id(), |(id, ())| id)),
                Ok(None) => break,
                Err(_) if Instant::now() >= until => break,
                Err(_) if renewed.elapsed() >= RENEW_EVERY => {
                    renewed = Instant::now();
                    self.renew().await?;
                }
                Err(_) => {}
            }
        }
        self.at_work.values().for_each(AtWork::stop);
        let stopped = Instant::now() + STOP_TIME;
        while let Ok(Some(_)) = timeout_at(stopped, self.tasks.join_next()).await {}
        Ok(())
    }
}

fn stuck(job: JobId, phase: &str) -> Alarm {
    Alarm {
        event: EventType::Alarm,
        code: None,
        error: "JOB_STUCK".to_owned(),
        reason: format!(
            "{phase} for {} s without any progress; it is stopped and tried again",
            STUCK_TIME.as_secs()
        ),
        institution: String::new(),
        subject: format!("job {job}"),
    }
}

impl Desk<'_> {
    /// Gives these waiting jobs to a claimant, as far as they still wait.
    fn claim(&self, kind: JobKind, ids: &[JobId], claimant: &Claimant) -> Result<Vec<Job>, StoreError> {
        self.lapse()?;
        let mut claimed = Vec::new();
        for id in ids {
            if let Some(job) = self.claim_one(kind, *id, claimant)? {
                claimed.push(job);
            }
        }
        Ok(claimed)
    }
}
