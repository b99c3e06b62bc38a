//! The start after any end: what an earlier process had in hand is taken up, before anybody is told that the node is there.
//!
//! Everything that a crash can lose is found here: jobs that ran, classes that nobody brings on, classes of an older system; and
//! while the node works, what is still held for bookings and jobs that have ended. Files are not looked at here: each is before
//! its first use (`cache`), and a ready class's that turns out to be gone is brought again (`desk::mend`).

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use super::desk::{Desk, holder_of};
use super::node::Node;
use crate::booking::ClassKey;
use crate::cache::{Holder, HolderKind};
use crate::store::{JobId, StoreError};

/// The wait before a database that refused is asked again: whoever makes room on a disk is a person.
const PAUSE: Duration = Duration::from_secs(1);

/// Takes up what an earlier process left, unless it is told to stop meanwhile. Where the database refuses for now, as on a full
/// disk, it waits: nobody is told that the node is there.
pub(super) async fn recover(node: &Node, stop: &watch::Receiver<bool>) -> Result<(), StoreError> {
    while persist(node, stop, |desk| desk.recover()).await?.unwrap_or(0) > 0 {}
    while persist(node, stop, |desk| desk.adopt()).await?.unwrap_or(0) > 0 {}
    let mut after = 0;
    while let Some(last) = persist(node, stop, move |desk| desk.unstick(after)).await?.flatten() {
        after = last;
    }
    Ok(())
}

/// Decides something, as often as it takes; nothing once it is told to stop.
async fn persist<T: Send + 'static>(
    node: &Node,
    stop: &watch::Receiver<bool>,
    work: impl Fn(&Desk<'_>) -> Result<T, StoreError> + Clone + Send + Sync + 'static,
) -> Result<Option<T>, StoreError> {
    while !*stop.borrow() {
        if let Some(answer) = node.passing(node.decide(work.clone()).await)? {
            return Ok(Some(answer));
        }
        sleep(PAUSE).await;
    }
    Ok(None)
}

/// Lets go what is held for what has ended: a crash may have come between an end and its letting go. Each holder is asked
/// for by itself, so that the node may work meanwhile.
pub(super) fn let_go_of_ended(node: &Node, is_over: &dyn Fn() -> bool) -> Result<(), StoreError> {
    let held = node.inner.store.read(|reading| reading.cache().leases())?;
    let holders: BTreeSet<Holder> = held
        .into_iter()
        .filter_map(|lease| Some(Holder { kind: HolderKind::parse(&lease.kind)?, name: lease.holder }))
        .collect();
    for holder in holders.into_iter().filter(|holder| is_ended(node, holder)) {
        if is_over() {
            return Ok(());
        }
        tracing::info!(%holder, "let go: what it was held for has ended");
        if let Err(error) = node.inner.cache.release(&holder) {
            tracing::warn!(%holder, %error, "a file stays held until its time");
        }
    }
    Ok(())
}

/// Returns whether what somebody held a file for has ended. What an older system's class holds has no booking, and stays
/// until its time; people's pins and pushes are not ours to end.
fn is_ended(node: &Node, holder: &Holder) -> bool {
    match holder.kind {
        HolderKind::Class => has_ended(node, holder),
        HolderKind::Job => job_of(&holder.name).is_some_and(|id| !is_live(node, id)),
        HolderKind::Pin | HolderKind::Push => false,
    }
}

fn is_live(node: &Node, id: JobId) -> bool {
    // Where the database refuses to say, nothing is let go.
    let job = node.inner.store.read(|reading| reading.jobs().get(id));
    job.map_or(true, |job| job.is_some_and(|job| job.state.is_live()))
}

/// Returns the job that a holder is called after.
fn job_of(holder: &str) -> Option<JobId> {
    holder.strip_prefix("job-")?.parse().ok().map(JobId)
}

/// Returns whether a class has booked, and what it holds is not its live booking's. Only the last one can be live.
fn has_ended(node: &Node, holder: &Holder) -> bool {
    let ClassKey { institution, class_id } = class_of(&holder.name);
    let latest = node.inner.store.read(|reading| reading.bookings().latest(&institution, &class_id));
    latest.is_ok_and(|row| row.is_some_and(|row| !row.state.is_live() || holder_of(&row) != *holder))
}

/// Returns the class that a holder is called after, whichever of its bookings it was.
fn class_of(holder: &str) -> ClassKey {
    ClassKey::named(holder.split_once('#').map_or(holder, |(class, _)| class))
}

#[cfg(test)]
mod tests {
    use super::{ClassKey, class_of, job_of};
    use crate::store::JobId;

    #[test]
    fn a_holder_s_name_tells_the_class_whichever_booking_it_was() {
        for (holder, institution) in [("c-1", ""), ("22/c-1", "22"), ("22/c-1#3", "22")] {
            let class = ClassKey { institution: institution.to_owned(), class_id: "c-1".to_owned() };
            assert_eq!(class_of(holder), class);
        }
        assert_eq!((job_of("job-7"), job_of("c-1")), (Some(JobId(7)), None));
    }
}
