//! The sender: a courier for each target, woken when something was recorded.
//!
//! Targets know nothing of each other: one that is slow or gone delays nobody else.

use std::sync::Arc;

use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use super::courier::Courier;
use super::target::Target;
use crate::clock::Clock;
use crate::store::{Event, Store, StoreError, Transaction};

/// A delivery that is given up.
#[derive(Clone, Copy, Debug)]
pub struct GivenUp<'a> {
    /// Of which event.
    pub event: &'a Event,
    /// To whom.
    pub target: &'a str,
    /// Why.
    pub why: &'a str,
}

/// What is to be done once a transaction is on the disk, on a thread that may wait.
pub type Follow = Box<dyn FnOnce() + Send>;

/// Hears of every delivery that is given up, alarms aside, in the transaction that does so: what that means for others is
/// written with it, or neither is, and then it comes again. An alarm that cannot be told must raise none, or a target that is
/// gone would keep the node busy with itself.
pub type OnGivenUp = Arc<dyn Fn(&Transaction<'_>, &GivenUp<'_>) -> Result<Follow, StoreError> + Send + Sync>;

/// Tells all targets of what is recorded for them.
pub struct Sender {
    /// Where it is recorded.
    pub store: Arc<Store>,
    /// When it was.
    pub clock: Arc<dyn Clock>,
    /// Who is told.
    pub targets: Vec<Arc<dyn Target>>,
    /// Rung (`notify_one`) after a commit that recorded events; one that is missed costs a second.
    pub wake: Arc<Notify>,
    /// Who hears of what is given up.
    pub on_given_up: OnGivenUp,
}

impl std::fmt::Debug for Sender {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.targets.iter().map(|target| target.name()).collect();
        formatter.debug_struct("Sender").field("targets", &names).finish_non_exhaustive()
    }
}

impl Sender {
    /// Sends until `stop` becomes true or is dropped; what is under way then has a moment to end.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let (bell, heard) = watch::channel(());
        let mut couriers = JoinSet::new();
        for target in self.targets {
            let (store, clock) = (Arc::clone(&self.store), Arc::clone(&self.clock));
            let courier = Courier::new(store, clock, target, Arc::clone(&self.on_given_up));
            couriers.spawn(courier.run(heard.clone(), stop.clone()));
        }
        loop {
            tokio::select! {
                // Each courier must hear it, also one that is busy now: a `Notify` wakes only one, or only who waits.
                () = self.wake.notified() => bell.send_replace(()),
                _ = stop.wait_for(|is_stopping| *is_stopping) => break,
            }
        }
        while let Some(ended) = couriers.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a courier broke down");
            }
        }
    }
}
