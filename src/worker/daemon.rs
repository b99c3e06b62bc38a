//! The daemon: the node's parts begun in their order, kept running, and ended in theirs.
//!
//! ```text
//! recovery ─▶ dispatcher · herald · upkeep · what the caller adds (consumer, senders, HTTP) ─▶ ready
//! stop ─▶ intake ends, HTTP takes nothing ─▶ downloads stop, transcodes have a while ─▶ the rest ends, HTTP too ─▶ exit
//! ```

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::dispatcher::{DRAIN_TIME, Dispatcher};
use super::node::{Node, Parts};
use super::supervise::{GaveUp, supervise};
use super::{WorkerError, herald, upkeep};
use crate::store::{JobId, StoreError};

/// What parts that tell and hear may take for their end.
const END_TIME: Duration = Duration::from_secs(5);
/// How often whoever supervises the process is told that it is well.
const WATCHDOG_EVERY: Duration = Duration::from_secs(5);
/// A dispatcher that has not come round for so long is stuck.
const STUCK_MILLISECONDS: i64 = 30_000;

/// A part's work, once begun.
pub type Work = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// A part of the daemon that is not the worker's own.
pub struct Part {
    /// What it is called in the log.
    pub name: &'static str,
    /// It does nothing but take messages: it ends first, before the work does; the others end after it, to tell what became
    /// of it.
    pub is_intake: bool,
    /// Begins it, also again; it works until it is told to stop.
    pub begin: Box<dyn Fn(watch::Receiver<bool>) -> Work + Send + Sync>,
}

/// A node that is ready to run.
pub struct Daemon {
    node: Node,
    stopped: mpsc::Receiver<JobId>,
}

impl Daemon {
    /// Puts a node together; nothing runs yet.
    pub fn new(parts: Parts) -> Self {
        let (node, stopped) = Node::new(parts);
        Self { node, stopped }
    }

    /// Returns a handle on the node.
    pub fn node(&self) -> Node {
        self.node.clone()
    }

    /// Takes up what an earlier process left, runs until `stop` is told, and ends what runs. `ready` is called when
    /// bookings are taken.
    ///
    /// # Errors
    /// [`WorkerError`]: the database failed, or a part ended again and again. The process is to end then, and to be begun
    /// anew.
    pub async fn run(
        self,
        parts: Vec<Part>,
        stop: watch::Receiver<bool>,
        ready: impl FnOnce() + Send,
    ) -> Result<(), WorkerError> {
        let Self { node, stopped } = self;
        let dispatcher = Dispatcher::begin(node.clone(), stopped, &stop).await?;
        if *stop.borrow() {
            return Ok(());
        }
        let (end_intake, intake_ends) = watch::channel(false);
        let (end, ends) = watch::channel(false);
        let mut tasks = own_tasks(&node, &ends);
        for part in parts {
            let told = if part.is_intake { intake_ends.clone() } else { ends.clone() };
            tasks.spawn(keep(part, told));
        }
        let mut work = tokio::spawn(dispatcher.run(stop.clone()));
        let watchdog = tokio::spawn(watch_over(node.clone()));
        ready();
        let worked = tokio::select! {
            worked = &mut work => flat(worked),
            gave_up = first_to_give_up(&mut tasks) => {
                work.abort();
                Err(gave_up.into())
            }
            () = told(stop) => {
                node.begin_draining();
                end_intake.send_replace(true);
                let _ = timeout(DRAIN_TIME + END_TIME, &mut work).await.map(flat);
                Ok(())
            }
        };
        end_intake.send_replace(true);
        end.send_replace(true);
        let _ = timeout(END_TIME, async { while tasks.join_next().await.is_some() {} }).await;
        watchdog.abort();
        worked
    }
}

/// Waits until somebody tells to stop.
async fn told(mut stop: watch::Receiver<bool>) {
    if stop.wait_for(|told| *told).await.is_err() {
        // Whoever could ask is gone: then nobody will.
        std::future::pending::<()>().await;
    }
}

fn own_tasks(node: &Node, ends: &watch::Receiver<bool>) -> JoinSet<Result<(), GaveUp>> {
    let mut tasks = JoinSet::new();
    let (own, told) = (node.clone(), ends.clone());
    tasks.spawn(supervise("herald", ends.clone(), move || herald::run(own.clone(), told.clone())));
    let (own, told) = (node.clone(), ends.clone());
    tasks.spawn(supervise("upkeep", ends.clone(), move || upkeep::run(own.clone(), told.clone())));
    tasks
}

async fn keep(part: Part, told: watch::Receiver<bool>) -> Result<(), GaveUp> {
    let own = told.clone();
    supervise(part.name, told, move || (part.begin)(own.clone())).await
}

/// Waits until a task is given up.
async fn first_to_give_up(tasks: &mut JoinSet<Result<(), GaveUp>>) -> GaveUp {
    while let Some(ended) = tasks.join_next().await {
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(gave_up)) => return gave_up,
            Err(panic) => return GaveUp { name: "supervisor", why: panic.to_string() },
        }
    }
    std::future::pending().await
}

fn flat(worked: Result<Result<(), StoreError>, tokio::task::JoinError>) -> Result<(), WorkerError> {
    match worked {
        Ok(worked) => Ok(worked?),
        Err(panic) => Err(GaveUp { name: "dispatcher", why: panic.to_string() }.into()),
    }
}

/// Tells whoever supervises the process that it is well, as long as the dispatcher and the database are.
async fn watch_over(node: Node) {
    let mut ticks = interval(WATCHDOG_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if node.is_alive(STUCK_MILLISECONDS) {
            // Nobody supervises: then nobody hears it.
            let _ = sd_notify::notify(&[sd_notify::NotifyState::Watchdog]);
        }
    }
}

/// Returns a part that is begun by calling `begin`.
pub fn part<F>(
    name: &'static str,
    is_intake: bool,
    begin: impl Fn(watch::Receiver<bool>) -> F + Send + Sync + 'static,
) -> Part
where
    F: Future<Output = Result<(), String>> + Send + 'static,
{
    let begin = Arc::new(begin);
    Part { name, is_intake, begin: Box::new(move |told| Box::pin(begin(told))) }
}
