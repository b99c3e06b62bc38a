//! The HTTP interface: bookings, jobs, the cache and events over JSON, as `docs/api.md` tells people.
//!
//! Nothing is decided here and no state is kept: what is asked or changed goes through [`Node`], which the node itself
//! implements.
//!
//! ```text
//! listener ─▶ server: a place ─▶ hyper ─▶ problem · time · intake { origin, access, body } ─▶ booking, job, cache, event ─▶ Node
//! ```

mod access;
mod ask;
mod body;
mod booking;
mod cache;
mod error;
mod event;
mod intake;
mod job;
mod node;
mod origin;
mod problem;
mod router;
mod server;
mod wire;
mod worker;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio_util::task::TaskTracker;

pub use error::ApiError;
pub use node::{
    Advance, Answer, BookingFilter, BookingView, Check, Events, Health, JobFilter, JobView, Node, Order, Page, Pin,
    Taken, Tiding,
};

use crate::clock::Clock;
use access::Access;
use router::Api;

/// How the interface works.
#[derive(Clone)]
pub struct ApiSettings {
    /// What stands in the tokens' file: a line each, `token` or `token institution=22`. Empty: none.
    pub tokens: String,
    /// What stands in the keys' file, in the same form. Empty: none.
    pub keys: String,
    /// By which signatures are too old.
    pub clock: Arc<dyn Clock>,
    /// What it keeps to.
    pub limits: Limits,
}

impl std::fmt::Debug for ApiSettings {
    /// Without what is secret.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("ApiSettings").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl ApiSettings {
    /// Returns whether one can serve by these settings at that address: for whoever would rather not begin otherwise.
    ///
    /// # Errors
    /// A line of the files says nothing; or others reach the address, and nothing says who may ask.
    pub fn check(&self, address: SocketAddr) -> Result<(), ApiError> {
        self.access(address).map(drop)
    }

    fn access(&self, address: SocketAddr) -> Result<Access, ApiError> {
        let access = Access::new(&self.tokens, &self.keys)?;
        if access.is_open() && !address.ip().is_loopback() {
            return Err(ApiError::Unguarded(address));
        }
        Ok(access)
    }
}

/// What the interface keeps to; the default is what the node uses.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at a time: what programs of a school and a few people hold, many times over.
    pub connections_max: usize,
    /// Subscribers to events at a time: each may keep a few hundred kilobytes waiting.
    pub subscribers_max: usize,
    /// How long the head of a request may take to come, and how long a connection may say nothing between two.
    pub header_time: Duration,
    /// How long a body may take to come, and a second more for each 32 KiB of it.
    pub body_time: Duration,
    /// How long a request may take, its body and its answer together.
    pub request_time: Duration,
    /// How often a subscriber is asked whether it is there.
    pub ping_time: Duration,
    /// How long what runs may take to end when the node does.
    pub end_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 1024,
            subscribers_max: 64,
            header_time: Duration::from_secs(10),
            body_time: Duration::from_secs(5),
            request_time: Duration::from_secs(30),
            ping_time: Duration::from_secs(20),
            end_time: Duration::from_secs(10),
        }
    }
}

/// Serves on `listener` until `stop` says so, then finishes what runs.
///
/// # Errors
/// The listener cannot be used; or others reach it, and nothing says who may ask.
pub async fn serve(
    listener: TcpListener,
    node: Arc<dyn Node>,
    settings: ApiSettings,
    stop: watch::Receiver<bool>,
) -> Result<(), ApiError> {
    let address = listener.local_addr().map_err(ApiError::socket)?;
    let access = settings.access(address)?;
    listener.set_nonblocking(true).map_err(ApiError::socket)?;
    let listener = tokio::net::TcpListener::from_std(listener).map_err(ApiError::socket)?;
    let (limits, running) = (settings.limits, TaskTracker::new());
    let api = Api {
        node,
        access: Arc::new(access),
        clock: settings.clock,
        limits,
        is_loopback: address.ip().is_loopback(),
        subscribers: Arc::new(Semaphore::new(limits.subscribers_max)),
        bodies: Arc::default(),
        running: running.clone(),
        stop: stop.clone(),
    };
    server::serve(listener, router::router(api), limits, running, stop).await;
    Ok(())
}
