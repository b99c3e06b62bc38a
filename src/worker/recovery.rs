//! The start after any end: what an earlier process had in hand is taken up, before anybody is told that the node is there.
//!
//! Everything that a crash can lose is found here: jobs that ran, classes that nobody brings on, holds of bookings that have
//! ended, classes of an older system.

use std::collections::BTreeSet;

use super::desk::{holder_of, key_of};
use super::node::{Node, blocking};
use crate::cache::{CacheError, Holder, HolderKind, NewLease};
use crate::store::{BookingRow, BookingState, JobId, StoreError};

/// Bookings that are looked at in one go.
const PAGE: u32 = 500;

/// Takes up what an earlier process left.
pub(super) async fn recover(node: &Node) -> Result<(), StoreError> {
    while node.decide(|desk| desk.recover()).await? > 0 {}
    while node.decide(|desk| desk.adopt()).await? > 0 {}
    let mut after = 0;
    while let Some(last) = node.decide(move |desk| desk.unstick(after)).await? {
        after = last;
    }
    let own = node.clone();
    blocking(move || mend_holds(&own)).await?
}

/// Lets go what is held for bookings that have ended, and holds what those that live should have.
fn mend_holds(node: &Node) -> Result<(), StoreError> {
    let mut wanted = BTreeSet::new();
    let mut after = 0;
    loop {
        let rows = node.inner.store.read(|reading| reading.bookings().live(after, PAGE))?;
        let Some(last) = rows.last() else { break };
        after = last.id;
        for row in rows.iter().filter(|row| row.state == BookingState::Ready) {
            hold_again(node, row);
        }
        wanted.extend(rows.iter().map(holder_of));
    }
    let held = node.inner.store.read(|reading| reading.cache().leases())?;
    let holders: BTreeSet<Holder> = held
        .into_iter()
        .filter_map(|lease| Some(Holder { kind: HolderKind::parse(&lease.kind)?, name: lease.holder }))
        .filter(|holder| !wanted.contains(holder) && is_ended(node, holder))
        .collect();
    for holder in holders {
        tracing::info!(%holder, "let go: what it was held for has ended");
        if let Err(error) = node.inner.cache.release(&holder) {
            tracing::warn!(%holder, %error, "a file stays held until its time");
        }
    }
    Ok(())
}

/// Holds a ready class's file, where a crash came between the class's row and that of its hold, or the file was replaced.
fn hold_again(node: &Node, row: &BookingRow) {
    let Ok(key) = key_of(&row.new.file) else { return };
    let holder = holder_of(row);
    let lease = NewLease { holder, until_milliseconds: Some(row.new.due_milliseconds) };
    match node.inner.cache.lease(&key, &lease) {
        Ok(()) => {}
        Err(error @ (CacheError::Missing(_) | CacheError::Damaged { .. })) => {
            tracing::warn!(%key, class = row.new.class_id, %error, "what a class needs is gone; it is fetched again");
        }
        Err(error) => tracing::warn!(%key, class = row.new.class_id, %error, "what a class needs is not held"),
    }
}

/// Returns whether what somebody held a file for has ended. What an older system's class holds has no booking, and stays
/// until its time; people's pins and pushes are not ours to end.
fn is_ended(node: &Node, holder: &Holder) -> bool {
    match holder.kind {
        HolderKind::Class => {
            class_of(&holder.name).is_some_and(|(institution, class_id)| is_booked(node, institution, class_id))
        }
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

fn is_booked(node: &Node, institution: &str, class_id: &str) -> bool {
    let latest = node.inner.store.read(|reading| reading.bookings().latest(institution, class_id));
    latest.is_ok_and(|row| row.is_some())
}

/// Returns the institution and the class that a holder is called after.
fn class_of(holder: &str) -> Option<(&str, &str)> {
    let class = holder.split('#').next()?;
    Some(class.split_once('/').unwrap_or(("", class)))
}

#[cfg(test)]
mod tests {
    use super::{class_of, job_of};
    use crate::store::JobId;

    #[test]
    fn a_holder_s_name_tells_the_class_whichever_booking_it_was() {
        assert_eq!(class_of("c-1"), Some(("", "c-1")));
        assert_eq!(class_of("22/c-1"), Some(("22", "c-1")));
        assert_eq!(class_of("22/c-1#3"), Some(("22", "c-1")));
        assert_eq!((job_of("job-7"), job_of("c-1")), (Some(JobId(7)), None));
    }
}
