//! The node as the interface sees it: the worker's handle, its errors turned into answers.

use std::sync::Arc;

use tokio::sync::broadcast;
use tokio::task::spawn_blocking;

use super::ApiError;
use super::node::{
    Answer, BookingFilter, BookingView, Events, Health, JobFilter, JobView, Node, Order, Page, Pin, Taken, Tiding,
};
use crate::booking::ClassKey;
use crate::cache::{CacheError, EntryView, Eviction, Held, Key, Stat, Why};
use crate::store::{JobId, StoreError};
use crate::worker;

impl Node for worker::Node {
    fn take(&self, order: Order) -> Answer<'_, Taken> {
        Box::pin(async move { self.take(order).await.map_err(ApiError::node) })
    }

    fn booking(&self, class: ClassKey) -> Answer<'_, Option<BookingView>> {
        Box::pin(async move { self.booking(class).await.map_err(ApiError::node) })
    }

    fn bookings(&self, filter: BookingFilter, after: i64, limit: u32) -> Answer<'_, Page<BookingView>> {
        Box::pin(async move { self.bookings(filter, after, limit).await.map_err(ApiError::node) })
    }

    fn job(&self, id: JobId) -> Answer<'_, Option<JobView>> {
        Box::pin(async move { self.job(id).await.map_err(ApiError::node) })
    }

    fn jobs(&self, filter: JobFilter, after: i64, limit: u32) -> Answer<'_, Page<JobView>> {
        Box::pin(async move { self.jobs(filter, after, limit).await.map_err(ApiError::node) })
    }

    fn retry(&self, id: JobId) -> Answer<'_, Option<bool>> {
        Box::pin(async move { self.retry(id).await.map_err(ApiError::node) })
    }

    fn retry_all(&self, filter: JobFilter) -> Answer<'_, u64> {
        Box::pin(async move { self.retry_all(filter).await.map_err(ApiError::node) })
    }

    fn cancel_job(&self, id: JobId) -> Answer<'_, Option<bool>> {
        Box::pin(async move { self.cancel_job(id).await.map_err(ApiError::node) })
    }

    fn cache_stat(&self) -> Answer<'_, Stat> {
        let node = self.clone();
        Box::pin(blocking(move || node.cache_stat()))
    }

    fn cache_files(
        &self,
        institution: Option<String>,
        after: Option<Key>,
        limit: u32,
    ) -> Answer<'_, Page<EntryView>> {
        let node = self.clone();
        Box::pin(blocking(move || node.cache_files(institution.as_deref(), after.as_ref(), limit)))
    }

    fn cache_why(&self, key: Key) -> Answer<'_, Why> {
        let node = self.clone();
        Box::pin(blocking(move || node.cache_why(&key)))
    }

    fn pin(&self, pin: Pin) -> Answer<'_, Held> {
        let node = self.clone();
        Box::pin(blocking(move || node.pin(&pin)))
    }

    fn unpin(&self, key: Key, name: String) -> Answer<'_, bool> {
        let node = self.clone();
        Box::pin(blocking(move || node.cache().unpin(&key, &name)))
    }

    fn evict(&self, key: Key, reason: String) -> Answer<'_, Eviction> {
        let node = self.clone();
        Box::pin(blocking(move || node.cache().evict(&key, &reason)))
    }

    fn events(&self, institution: Option<String>, after: i64, limit: u32) -> Answer<'_, Events> {
        Box::pin(async move { self.events(institution, after, limit).await.map_err(ApiError::node) })
    }

    fn subscribe(&self) -> broadcast::Receiver<Arc<Tiding>> {
        self.subscribe()
    }

    fn health(&self) -> Health {
        self.health()
    }

    fn metrics(&self) -> String {
        self.metrics()
    }
}

/// Asks the cache from where it may wait for a disk.
async fn blocking<T: Send + 'static>(
    ask: impl FnOnce() -> Result<T, CacheError> + Send + 'static,
) -> Result<T, ApiError> {
    let asked = spawn_blocking(ask).await.map_err(|_| ApiError::node(StoreError::Panicked))?;
    asked.map_err(ApiError::node)
}
