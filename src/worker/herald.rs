//! Telling those who listen right now: events as they are recorded, and how far jobs are. Nothing of it is kept here; whoever
//! misses an event reads it from the database.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::desk::file_of;
use super::node::Node;
use super::view::Tiding;
use crate::cache::Key;
use crate::store::{BookingState, JobId, JobKind, StoreError};

/// Events that are read in one go.
const BATCH: u32 = 500;
/// How often it is told how far jobs are: often enough to look alive.
const PROGRESS_EVERY: Duration = Duration::from_millis(500);
/// Classes that a job's progress names; whoever has more looks them up.
const CLASSES_MAX: u32 = 100;

/// Tells until `stop` is told.
pub(super) async fn run(node: Node, mut stop: watch::Receiver<bool>) -> Result<(), StoreError> {
    let mut told = node.read(|reading| reading.outbox().last()).await?;
    let mut ticks = interval(PROGRESS_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !*stop.borrow() {
        tokio::select! {
            _ = stop.changed() => {}
            () = node.inner.recorded.notified() => {}
            _ = ticks.tick() => tell_progress(&node).await?,
        }
        told = tell_events(&node, told).await?;
    }
    Ok(())
}

/// Tells the events after `told`; returns the last one.
async fn tell_events(node: &Node, mut told: i64) -> Result<i64, StoreError> {
    loop {
        let events = node.read(move |reading| reading.outbox().after(told, BATCH)).await?;
        let is_all = events.len() < BATCH as usize;
        for event in events {
            told = event.sequence;
            // Nobody listens: then it is told to nobody.
            let _ = node.inner.tidings.send(Arc::new(Tiding::Event(event)));
        }
        if is_all {
            return Ok(told);
        }
    }
}

async fn tell_progress(node: &Node) -> Result<(), StoreError> {
    if node.inner.tidings.receiver_count() == 0 {
        return Ok(());
    }
    let running: Vec<(JobId, JobKind)> = node.running().iter().map(|(id, running)| (*id, running.kind)).collect();
    for (id, kind) in running {
        let Some(advance) = node.advance(id) else { continue };
        let found = node.read(move |reading| {
            let Some(job) = reading.jobs().get(id)? else { return Ok(None) };
            let name = job.key.split(' ').next().unwrap_or_default();
            let state = match kind {
                JobKind::Fetch => BookingState::Downloading,
                JobKind::Transcode => BookingState::Waiting,
            };
            let classes = match Key::parse(name) {
                Ok(key) => reading.bookings().of_file(&file_of(&key), state, CLASSES_MAX)?,
                Err(_) => Vec::new(),
            };
            Ok::<_, StoreError>(Some((job.institution, classes)))
        });
        if let Some((institution, classes)) = found.await? {
            let class_ids = classes.into_iter().map(|row| row.new.class_id).collect();
            let _ =
                node.inner.tidings.send(Arc::new(Tiding::Progress { job_id: id, institution, class_ids, advance }));
        }
    }
    Ok(())
}
