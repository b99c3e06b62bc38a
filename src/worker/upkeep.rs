//! What is done beside the work, now and then: looking at files that nobody has looked at since the start, removing what ended
//! work left, forgetting what is old.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use super::desk::{Alarm, file_of};
use super::message::{FetchInput, TranscodeInput, read};
use super::node::{Node, blocking};
use super::place;
use super::recovery::let_go_of_ended;
use crate::cache::{CacheError, Key};
use crate::event::EventType;
use crate::store::{BookingState, Job, JobId, JobKind, JobState, StoreError};

/// How often what is left of ended work is removed: no job's leftovers lie for a minute without an owner.
const SWEEP_EVERY: Duration = Duration::from_secs(20);
/// How often it is looked for what is old enough to be forgotten.
const FORGET_EVERY: Duration = Duration::from_secs(60);
/// How often figures are measured: more often than they are asked for, as a rule.
const MEASURE_EVERY: Duration = Duration::from_secs(5);
/// Live jobs of one state whose work folders are kept; more are never waiting.
const JOBS_MAX: u32 = 100_000;
/// Classes of one file that are looked at when it is found damaged.
const CLASSES_MAX: u32 = 1000;

/// Sees to it until `stop` is told.
///
/// # Errors
/// The database takes nothing any more. What it refuses for now, as on a full disk, is tried again at the next turn.
pub(super) async fn run(node: Node, mut stop: watch::Receiver<bool>) -> Result<(), StoreError> {
    let check = Check::begin(node.clone());
    let (mut sweep, mut forget) = (interval(SWEEP_EVERY), interval(FORGET_EVERY));
    let mut measure = interval(MEASURE_EVERY);
    for ticks in [&mut sweep, &mut forget, &mut measure] {
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    }
    while !*stop.borrow() {
        tokio::select! {
            _ = stop.changed() => {}
            _ = measure.tick() => {
                node.passing(node.measure().await)?;
                node.passing(complain(&node).await)?;
            }
            _ = sweep.tick() => {
                node.passing(remove_leftovers(&node).await)?;
            }
            _ = forget.tick() => {
                let mut left = 1;
                while left > 0 && !*stop.borrow() {
                    left = node.passing(node.decide(|desk| desk.forget()).await)?.unwrap_or(0);
                }
            }
        }
    }
    check.end().await
}

/// The look at what lies in the cache, beside all else; it ends when this goes.
struct Check {
    is_over: Arc<AtomicBool>,
    task: JoinHandle<Result<(), StoreError>>,
}

impl Check {
    fn begin(node: Node) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let task = tokio::spawn(check(node, Arc::clone(&is_over)));
        Self { is_over, task }
    }

    async fn end(mut self) -> Result<(), StoreError> {
        self.is_over.store(true, Ordering::Relaxed);
        (&mut self.task).await.map_err(|_| StoreError::Panicked)?
    }
}

impl Drop for Check {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

/// Raises what is wrong with Redis; once a minute, however long it lasts.
async fn complain(node: &Node) -> Result<(), StoreError> {
    let Some(reason) = node.inner.redis.as_ref().and_then(|redis| redis.complaint()) else { return Ok(()) };
    let alarm = Alarm {
        event: EventType::Alarm,
        code: None,
        error: "REDIS".to_owned(),
        reason,
        institution: String::new(),
        subject: "redis".to_owned(),
    };
    node.decide(move |desk| desk.alarm(&alarm)).await
}

/// Lets go what a crash left held, and looks at every file that was not looked at since the start; what classes need and is
/// gone is asked for again.
async fn check(node: Node, is_over: Arc<AtomicBool>) -> Result<(), StoreError> {
    let (own, over) = (node.clone(), Arc::clone(&is_over));
    let let_go = blocking(move || let_go_of_ended(&own, &|| over.load(Ordering::Relaxed))).await?;
    node.passing(let_go)?;
    let cache = node.inner.cache.clone();
    let checked = blocking(move || cache.check(&|| is_over.load(Ordering::Relaxed))).await?;
    let found = match checked {
        Ok(found) => found,
        Err(CacheError::Cancelled) => return Ok(()),
        Err(error) => {
            tracing::warn!(%error, "the cache's files could not all be looked at");
            return Ok(());
        }
    };
    tracing::info!(
        sound = found.sound.files,
        damaged = found.damaged.len(),
        missing = found.missing.len(),
        "looked at the cache"
    );
    for key in found.damaged.into_iter().map(|(key, _)| key).chain(found.missing) {
        let ready = file_of(&key);
        node.decide(move |desk| {
            for row in desk.tx().bookings().of_file(&ready, BookingState::Ready, CLASSES_MAX)? {
                desk.mend(&row)?;
            }
            Ok(())
        })
        .await?;
    }
    for path in found.strangers.iter().take(1) {
        let (reason, subject) = (
            format!("{} files below the cache's root are none of its", found.strangers.len()),
            path.display().to_string(),
        );
        node.decide(move |desk| {
            desk.alarm(&Alarm {
                event: EventType::Alarm,
                code: None,
                error: "CACHE_STRANGERS".to_owned(),
                reason: reason.clone(),
                institution: String::new(),
                subject: subject.clone(),
            })
        })
        .await?;
    }
    Ok(())
}

/// Removes the work folders of which no live job would make use.
async fn remove_leftovers(node: &Node) -> Result<(), StoreError> {
    let jobs = node.read(|reading| {
        let mut live = Vec::new();
        for state in JobState::ALL.into_iter().filter(|state| state.is_live()) {
            live.extend(reading.jobs().in_state(state, JobId(0), JOBS_MAX)?);
        }
        Ok::<_, StoreError>(live)
    });
    let kept: HashSet<String> = jobs.await?.iter().flat_map(work_names).collect();
    let cache = node.inner.cache.clone();
    let swept = blocking(move || cache.sweep(&|job| kept.contains(job))).await?;
    match swept {
        Ok(swept) if swept.files > 0 => {
            tracing::info!(folders = swept.files, bytes = swept.bytes, "removed leftovers")
        }
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "what ended work left is not removed"),
    }
    Ok(())
}

/// Returns the names of the work folders that a job goes on from.
fn work_names(job: &Job) -> Vec<String> {
    let key = |text: &str| Key::parse(text).ok();
    match job.kind {
        JobKind::Fetch => read::<FetchInput>(&job.input)
            .and_then(|input| key(&input.key))
            .map_or_else(Vec::new, |key| vec![place::job(&key)]),
        JobKind::Transcode => read::<TranscodeInput>(&job.input).map_or_else(Vec::new, |input| {
            let own = key(&input.key).map(|key| place::transcode(&key));
            own.into_iter().chain(key(&input.source_key).map(|key| place::job(&key))).collect()
        }),
    }
}
