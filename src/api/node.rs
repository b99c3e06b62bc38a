//! What the interface asks of the node, and the values that it gets: the only way from here to any state.
//!
//! Everything that blocks, the database above all, happens inside of an implementation, off the caller's runtime. What a
//! call returns is on the disk.

use std::pin::Pin as Pinned;
use std::sync::Arc;

use tokio::sync::broadcast;

use super::ApiError;
use crate::booking::ClassKey;
use crate::cache::{EntryView, Eviction, Held, Key, Stat, Why};
use crate::store::JobId;

pub use crate::store::JobFilter;
pub use crate::worker::{
    Advance, BookingFilter, BookingView, Check, Events, Health, JobView, Order, Page, Pin, Taken, Tiding,
};

/// What comes of a call, later.
pub type Answer<'a, T> = Pinned<Box<dyn Future<Output = Result<T, ApiError>> + Send + 'a>>;

/// The node, as seen from outside.
///
/// Where an institution is given, nothing of another one is told or changed: whoever asks is bound to it.
pub trait Node: Send + Sync + 'static {
    /// Takes a message.
    fn take(&self, order: Order) -> Answer<'_, Taken>;

    /// Returns the latest booking of a class.
    fn booking(&self, class: ClassKey) -> Answer<'_, Option<BookingView>>;
    /// Returns bookings after that number, in the order of [`BookingView::id`].
    fn bookings(&self, filter: BookingFilter, after: i64, limit: u32) -> Answer<'_, Page<BookingView>>;

    /// Returns a job.
    fn job(&self, id: JobId) -> Answer<'_, Option<JobView>>;
    /// Returns jobs after that number, in order.
    fn jobs(&self, filter: JobFilter, after: i64, limit: u32) -> Answer<'_, Page<JobView>>;
    /// Lets a job that is held begin anew; nothing where there is no such job, false where it is not held.
    fn retry(&self, id: JobId) -> Answer<'_, Option<bool>>;
    /// Lets every held job of the filter begin anew (its state aside), and returns how many those were.
    fn retry_all(&self, filter: JobFilter) -> Answer<'_, u64>;
    /// Takes a job back; nothing where there is no such job, false where it has ended.
    fn cancel_job(&self, id: JobId) -> Answer<'_, Option<bool>>;

    /// Returns how the cache is.
    fn cache_stat(&self) -> Answer<'_, Stat>;
    /// Returns files after that key, in the order of keys; of one institution where one is given.
    fn cache_files(
        &self,
        institution: Option<String>,
        after: Option<Key>,
        limit: u32,
    ) -> Answer<'_, Page<EntryView>>;
    /// Returns why a file is here, or is not.
    fn cache_why(&self, key: Key) -> Answer<'_, Why>;
    /// Keeps a file in somebody's name.
    fn pin(&self, pin: Pin) -> Answer<'_, Held>;
    /// Lets a file go that was kept in that name; returns whether it was.
    fn unpin(&self, key: Key, name: String) -> Answer<'_, bool>;
    /// Removes a file that nobody holds.
    fn evict(&self, key: Key, reason: String) -> Answer<'_, Eviction>;

    /// Returns events after that sequence, in order; of one institution where one is given. The bounds are of the same
    /// state of the database: what is not among the events up to the last sequence will never be.
    fn events(&self, institution: Option<String>, after: i64, limit: u32) -> Answer<'_, Events>;
    /// Returns what is told from now on. An event is told after it is on the disk; whoever lags reads it there.
    fn subscribe(&self) -> broadcast::Receiver<Arc<Tiding>>;

    /// Returns how the node is. At once: from memory.
    fn health(&self) -> Health;
    /// Returns the node's figures, as Prometheus reads them. At once: from memory.
    fn metrics(&self) -> String;
}
