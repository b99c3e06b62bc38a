//! The way to one target: takes what is due, sends some of it at a time, and writes down what became of each.
//!
//! ```text
//! due ─▶ queue ─▶ under way (8 at most, one per order key) ─▶ outcomes ─▶ one transaction for all that have come together
//!  ▲                                                                            │
//!  └──────────────────── the next ones of these keys ◀──────────────────────────┘
//! ```
//!
//! Order per class is the table's: `due` has only the first event of each key. What is under way, or has ended and is not
//! yet written down, is in `pending` and not taken again. While the disk refuses to write, outcomes are kept and nothing
//! of these keys is sent again.
//!
//! A door (a host, of callbacks) that was closed at the last attempt is tried by one event at a time, and all closed doors
//! together by half of them, so that they cannot take the places from the others.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{Id, JoinError, JoinHandle, JoinSet, spawn_blocking};
use tokio::time::{sleep, timeout};

use super::retry::{Verdict, judge};
use super::sender::{Follow, GivenUp, OnGivenUp};
use super::target::{Refused, Target};
use crate::clock::Clock;
use crate::event::EventType;
use crate::store::{Due, Store, StoreError};

/// Attempts at the same time: enough to hide the way to a receiver, and few for its server.
const TOGETHER_MAX: usize = 8;
/// Attempts among these at doors that were closed.
const CLOSED_TOGETHER_MAX: usize = TOGETHER_MAX / 2;
/// Closed doors that are remembered. Beyond, all are forgotten, and the next attempts find out again.
const CLOSED_MAX: usize = 1000;
/// Events that are taken at once. More than these places can be waiting for a closed door before others do not see theirs.
const QUEUE_MAX: u32 = 1000;
/// Outcomes that may wait to be written down; no more is sent then, for all of it would be sent again after a crash.
const UNWRITTEN_MAX: usize = 1000;
/// An attempt that takes longer has failed, whatever it waits for. More than the sum of a target's own limits.
const SENDING_MAX: Duration = Duration::from_secs(30);
/// Between two looks when nobody rings.
const TICK: Duration = Duration::from_secs(1);
/// How long what is under way may take when the node stops; it is sent again after the start.
const PARTING: Duration = Duration::from_secs(2);

/// An event on its way.
struct Parcel {
    due: Due,
    door: String,
}

/// A delivery that was tried, and what became of it at what time.
struct Outcome {
    due: Due,
    verdict: Verdict,
    now_milliseconds: i64,
}

type Writing = JoinHandle<Result<(), StoreError>>;

/// Sends to one target.
pub(super) struct Courier {
    store: Arc<Store>,
    clock: Arc<dyn Clock>,
    target: Arc<dyn Target>,
    on_given_up: OnGivenUp,
    queue: VecDeque<Parcel>,
    under_way: JoinSet<Result<(), Refused>>,
    in_hand: HashMap<Id, Parcel>,
    /// What has ended and is not written down, and what is being written.
    outcomes: Vec<Outcome>,
    written: Arc<Vec<Outcome>>,
    writing: Option<Writing>,
    /// The sequences of all of these.
    pending: HashSet<i64>,
    closed: HashSet<String>,
    next_due: Option<i64>,
    is_stale: bool,
    /// The last writing failed: not before the next tick.
    is_held: bool,
}

impl Courier {
    pub(super) fn new(
        store: Arc<Store>,
        clock: Arc<dyn Clock>,
        target: Arc<dyn Target>,
        on_given_up: OnGivenUp,
    ) -> Self {
        Self {
            store,
            clock,
            target,
            on_given_up,
            queue: VecDeque::new(),
            under_way: JoinSet::new(),
            in_hand: HashMap::new(),
            outcomes: Vec::new(),
            written: Arc::default(),
            writing: None,
            pending: HashSet::new(),
            closed: HashSet::new(),
            next_due: None,
            is_stale: true,
            is_held: false,
        }
    }

    /// Sends until `stop`.
    pub(super) async fn run(mut self, mut bell: watch::Receiver<()>, mut stop: watch::Receiver<bool>) {
        loop {
            self.start();
            if self.is_stale && self.has_room() {
                self.look().await;
                self.start();
            }
            let pause = self.pause();
            tokio::select! {
                _ = stop.wait_for(|is_stopping| *is_stopping) => break,
                Some(ended) = self.under_way.join_next_with_id() => self.note(ended),
                result = end_of(&mut self.writing) => self.note_written(result),
                Ok(()) = bell.changed() => self.is_stale = true,
                () = sleep(pause) => (self.is_stale, self.is_held) = (true, false),
            }
            self.write();
        }
        self.part().await;
    }

    fn has_room(&self) -> bool {
        self.under_way.len() < TOGETHER_MAX && self.outcomes.len() < UNWRITTEN_MAX
    }

    /// Starts what may go, the oldest first.
    fn start(&mut self) {
        while self.has_room()
            && let Some(index) = self.queue.iter().position(|parcel| self.may_go(parcel))
            && let Some(parcel) = self.queue.remove(index)
        {
            let (target, event) = (Arc::clone(&self.target), parcel.due.event.clone());
            let attempt = async move {
                let sent = timeout(SENDING_MAX, target.send(&event)).await;
                sent.unwrap_or_else(|_| {
                    Err(Refused::later(format!("no answer within {} s", SENDING_MAX.as_secs())))
                })
            };
            self.pending.insert(parcel.due.event.sequence);
            self.in_hand.insert(self.under_way.spawn(attempt).id(), parcel);
        }
    }

    fn may_go(&self, parcel: &Parcel) -> bool {
        if !self.closed.contains(&parcel.door) {
            return true;
        }
        let tried = self.in_hand.values().filter(|other| self.closed.contains(&other.door));
        let tried: Vec<_> = tried.map(|other| &other.door).collect();
        tried.len() < CLOSED_TOGETHER_MAX && !tried.contains(&&parcel.door)
    }

    /// Takes what is due, in the place of what was taken before and has not gone.
    async fn look(&mut self) {
        self.is_stale = false;
        let (store, name, now) =
            (Arc::clone(&self.store), self.target.name().to_owned(), self.clock.now_milliseconds());
        let read = spawn_blocking(move || {
            store.read(|reading| {
                let outbox = reading.outbox();
                Ok::<_, StoreError>((outbox.due(&name, now, QUEUE_MAX)?, outbox.next_due(&name, now)?))
            })
        });
        match read.await {
            Ok(Ok((due, next_due))) => {
                self.next_due = next_due;
                let due = due.into_iter().filter(|due| !self.pending.contains(&due.event.sequence));
                self.queue = due.map(|due| Parcel { door: self.target.door(&due.event), due }).collect();
            }
            Ok(Err(error)) => tracing::warn!(target = self.target.name(), %error, "cannot see what is due"),
            Err(error) => tracing::error!(target = self.target.name(), %error, "cannot see what is due"),
        }
    }

    /// Returns how long there is nothing to do if nobody rings.
    fn pause(&self) -> Duration {
        let left = self.next_due.map(|next| next.saturating_sub(self.clock.now_milliseconds()));
        let left = left.and_then(|left| u64::try_from(left).ok()).filter(|left| *left > 0);
        left.map_or(TICK, |left| Duration::from_millis(left).min(TICK))
    }

    /// Judges an attempt that has ended.
    fn note(&mut self, ended: Result<(Id, Result<(), Refused>), JoinError>) {
        let (id, result) = match ended {
            Ok(ended) => ended,
            Err(error) => (error.id(), Err(Refused::later("the attempt broke down"))),
        };
        let Some(Parcel { due, door }) = self.in_hand.remove(&id) else { return };
        self.note_door(door, &result);
        let now_milliseconds = self.clock.now_milliseconds();
        let age = Duration::from_millis(age_milliseconds(&due, now_milliseconds));
        let verdict = judge(&result, due.attempt, age, fastrand::f64());
        tracing::debug!(target = self.target.name(), event_id = due.event.event_id, ?result, ?verdict, "tried");
        self.outcomes.push(Outcome { due, verdict, now_milliseconds });
    }

    /// Remembers whether the door was open, and says it when that is new.
    fn note_door(&mut self, door: String, result: &Result<(), Refused>) {
        let target = self.target.name();
        match result {
            Ok(()) if self.closed.remove(&door) => tracing::info!(target, door, "takes events again"),
            Err(Refused::Later { why, said, .. }) if !self.closed.contains(&door) => {
                tracing::warn!(target, door, why, said, "does not take events");
                if self.closed.len() == CLOSED_MAX {
                    self.closed.clear();
                }
                self.closed.insert(door);
            }
            _ => {}
        }
    }

    /// Begins to write down what has ended, unless that is being done.
    fn write(&mut self) {
        if self.writing.is_some() || self.is_held || self.outcomes.is_empty() {
            return;
        }
        let outcomes = Arc::new(std::mem::take(&mut self.outcomes));
        self.written = Arc::clone(&outcomes);
        let (store, name) = (Arc::clone(&self.store), self.target.name().to_owned());
        let on_given_up = Arc::clone(&self.on_given_up);
        self.writing = Some(spawn_blocking(move || {
            let follows = record(&store, &name, &outcomes, on_given_up)?;
            outcomes.iter().for_each(|outcome| count(outcome, &name));
            follows.into_iter().for_each(|follow| follow());
            Ok(())
        }));
    }

    fn note_written(&mut self, result: Result<Result<(), StoreError>, JoinError>) {
        self.writing = None;
        self.is_stale = true;
        let outcomes = std::mem::take(&mut self.written);
        if let Ok(Err(error)) = result {
            tracing::warn!(target = self.target.name(), %error, "cannot write down what was sent");
            self.is_held = true;
            // The thread has ended, so nobody else has them.
            self.outcomes.extend(Arc::into_inner(outcomes).unwrap_or_default());
            return;
        }
        for outcome in outcomes.iter() {
            self.pending.remove(&outcome.due.event.sequence);
        }
    }

    /// Ends: waits a moment for what is under way and writes it down.
    async fn part(mut self) {
        let ending = async {
            while let Some(ended) = self.under_way.join_next_with_id().await {
                self.note(ended);
            }
        };
        let _ = timeout(PARTING, ending).await;
        self.is_held = false;
        // What is being written, and what came after it.
        for _ in 0..2 {
            if self.writing.is_some() {
                let result = end_of(&mut self.writing).await;
                self.note_written(result);
            }
            self.write();
        }
        if self.writing.is_some() {
            let _ = end_of(&mut self.writing).await;
        }
    }
}

/// Waits for the end of what is being written; for ever where nothing is.
async fn end_of(writing: &mut Option<Writing>) -> Result<Result<(), StoreError>, JoinError> {
    match writing {
        Some(writing) => writing.await,
        None => std::future::pending().await,
    }
}

fn age_milliseconds(due: &Due, now_milliseconds: i64) -> u64 {
    u64::try_from(now_milliseconds.saturating_sub(due.event.time_milliseconds)).unwrap_or(0)
}

/// Writes all outcomes down in one transaction, with what it means that some are given up; returns what follows from that.
fn record(
    store: &Store,
    target: &str,
    outcomes: &Arc<Vec<Outcome>>,
    on_given_up: OnGivenUp,
) -> Result<Vec<Follow>, StoreError> {
    let (target, outcomes) = (target.to_owned(), Arc::clone(outcomes));
    store.write(move |transaction| {
        let outbox = transaction.outbox();
        let mut follows = Vec::new();
        for Outcome { due, verdict, now_milliseconds: now } in outcomes.iter() {
            let (event, sequence) = (&due.event, due.event.sequence);
            match verdict {
                Verdict::Delivered => outbox.delivered(sequence, &target, *now)?,
                Verdict::Postponed(wait) => {
                    let wait = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
                    outbox.postponed(sequence, &target, now.saturating_add(wait))?;
                }
                Verdict::GivenUp(why) => {
                    outbox.give_up(sequence, &target, *now)?;
                    if event.event_type != EventType::Alarm {
                        follows.push(on_given_up(transaction, &GivenUp { event, target: &target, why })?);
                    }
                }
            }
        }
        Ok(follows)
    })
}

/// Counts an outcome that is written down.
fn count(outcome: &Outcome, target: &str) {
    let result = match &outcome.verdict {
        Verdict::Delivered => "delivered",
        Verdict::Postponed(_) => "postponed",
        Verdict::GivenUp(_) => "given_up",
    };
    metrics::counter!("reelmill_event_deliveries_total", "target" => target.to_owned(), "result" => result)
        .increment(1);
    if let Verdict::GivenUp(why) = &outcome.verdict {
        tracing::warn!(target, event_id = outcome.due.event.event_id, why, "an event will not be told");
    }
    if outcome.verdict == Verdict::Delivered {
        let took = Duration::from_millis(age_milliseconds(&outcome.due, outcome.now_milliseconds));
        metrics::histogram!("reelmill_event_delivery_seconds", "target" => target.to_owned())
            .record(took.as_secs_f64());
    }
}
