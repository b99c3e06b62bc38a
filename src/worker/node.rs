//! The node: what all its parts share, and the one way in which any of them changes its state.
//!
//! Invariant: nobody is told of anything, and nothing is done outside of the database, before the transaction that decided it
//! is on the disk ([`Node::decide`]).

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::{Notify, broadcast, mpsc};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::desk::{After, Desk};
use super::terms::Terms;
use super::view::Tiding;
use super::{Acquirer, Media, Progress};
use crate::booking::consumer;
use crate::cache::{Cache, Holder};
use crate::clock::Clock;
use crate::store::{JobId, JobKind, Reading, Store, StoreError};

/// Jobs that may be told to stop before the dispatcher hears of the first: more than ever run.
const STOPS_MAX: usize = 1024;
/// Tidings that a slow listener may be behind; then it reads them from the database.
const TIDINGS_MAX: usize = 1024;
/// How often a transaction of the node's own is tried where too many others wait, and how long between two tries.
const BUSY_TRIES: u32 = 20;
const BUSY_PAUSE: Duration = Duration::from_millis(250);

/// What a node is made of.
pub struct Parts {
    /// Where its state is.
    pub store: Arc<Store>,
    /// Where its files are.
    pub cache: Cache,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// What brings files.
    pub acquirer: Acquirer,
    /// Who works on media.
    pub media: Arc<dyn Media>,
    /// What it keeps to.
    pub terms: Terms,
    /// How its Redis is, where it has one.
    pub redis: Option<Arc<consumer::Status>>,
    /// Where it records which classes it has, where it has a Redis.
    pub claims: Option<consumer::Claims>,
    /// Where its figures are gathered; none where nobody asks for them.
    pub figures: Option<PrometheusHandle>,
}

/// A job that runs here.
#[derive(Clone, Debug)]
pub(super) struct Running {
    /// What it does.
    pub(super) kind: JobKind,
    /// How far it is.
    pub(super) progress: Arc<Progress>,
    /// When it began.
    pub(super) since_milliseconds: i64,
    /// How long it was thought to take.
    pub(super) predicted_milliseconds: i64,
}

/// What all parts share.
pub(super) struct Inner {
    pub(super) store: Arc<Store>,
    pub(super) cache: Cache,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) acquirer: Acquirer,
    pub(super) media: Arc<dyn Media>,
    pub(super) terms: Arc<Terms>,
    pub(super) redis: Option<Arc<consumer::Status>>,
    pub(super) claims: Option<consumer::Claims>,
    pub(super) figures: Option<PrometheusHandle>,
    /// There may be work.
    pub(super) work: Notify,
    /// There may be events to be delivered.
    pub(super) events: Arc<Notify>,
    /// There may be events to be told to those who listen.
    pub(super) recorded: Notify,
    /// Jobs that are to stop.
    pub(super) stops: mpsc::Sender<JobId>,
    /// What is told to whoever listens now.
    pub(super) tidings: broadcast::Sender<Arc<Tiding>>,
    running: Mutex<HashMap<JobId, Running>>,
    /// Nothing new is begun.
    is_draining: AtomicBool,
    /// When the dispatcher last came round, by the clock.
    pub(super) beat_milliseconds: AtomicI64,
}

/// The node; every handle is the same one.
#[derive(Clone)]
pub struct Node {
    pub(super) inner: Arc<Inner>,
}

impl fmt::Debug for Node {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Node").field("terms", &self.inner.terms).finish_non_exhaustive()
    }
}

impl Node {
    /// Puts it together; nothing runs yet. What is returned beside it is the dispatcher's.
    pub(super) fn new(parts: Parts) -> (Self, mpsc::Receiver<JobId>) {
        let (stops, stopped) = mpsc::channel(STOPS_MAX);
        let now = parts.clock.now_milliseconds();
        let inner = Inner {
            store: parts.store,
            cache: parts.cache,
            clock: parts.clock,
            acquirer: parts.acquirer,
            media: parts.media,
            terms: Arc::new(parts.terms),
            redis: parts.redis,
            claims: parts.claims,
            figures: parts.figures,
            work: Notify::new(),
            events: Arc::new(Notify::new()),
            recorded: Notify::new(),
            stops,
            tidings: broadcast::Sender::new(TIDINGS_MAX),
            running: Mutex::default(),
            is_draining: AtomicBool::new(false),
            beat_milliseconds: AtomicI64::new(now),
        };
        (Self { inner: Arc::new(inner) }, stopped)
    }

    /// Decides something in one transaction, and does what follows from it once it is on the disk. Waits a little where many
    /// others wait.
    pub(super) async fn decide<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Fn(&Desk<'_>) -> Result<T, StoreError> + Send + Sync + 'static,
    {
        let work = Arc::new(work);
        let mut tries = 0;
        loop {
            let again = Arc::clone(&work);
            match self.decide_once(move |desk| again(desk)).await {
                Err(StoreError::Busy(_)) if tries < BUSY_TRIES => {
                    tries += 1;
                    sleep(BUSY_PAUSE).await;
                }
                result => return result,
            }
        }
    }

    /// The same, refused at once where too many wait: for what others ask, who had better be told.
    pub(super) async fn decide_once<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Desk<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        self.decide_now(work)?.await
    }

    /// The same, handed in before this returns: what is handed in together is committed together.
    pub(super) fn decide_now<T, F>(
        &self,
        work: F,
    ) -> Result<impl Future<Output = Result<T, StoreError>> + use<'_, T, F>, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Desk<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let (terms, now) = (Arc::clone(&self.inner.terms), self.now());
        let is_only_node = self.is_only_node();
        let pending = self.inner.store.submit(move |tx| {
            let desk = Desk::new(tx, &terms, now, is_only_node);
            let answer = work(&desk)?;
            Ok::<_, StoreError>((answer, desk.close()))
        })?;
        Ok(async move {
            let (answer, after) = pending.await?;
            self.follow(after);
            Ok(answer)
        })
    }

    /// Does what follows from a transaction.
    pub(super) fn follow(&self, after: After) {
        for id in after.stopped {
            // A full queue is one that nobody reads any more.
            let _ = self.inner.stops.try_send(id);
        }
        if !after.releases.is_empty() {
            let cache = self.inner.cache.clone();
            spawn_blocking(move || release(&cache, &after.releases));
        }
        self.inner.work.notify_one();
        self.inner.events.notify_one();
        self.inner.recorded.notify_one();
    }

    /// Passes over a refusal of the database that will pass, such as that of a full disk; a final one ends the node.
    pub(super) fn passing<T>(&self, result: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(error) => match self.inner.store.failure() {
                Some(failure) => Err(failure),
                None => {
                    tracing::warn!(%error, "the database refused; tried again");
                    Ok(None)
                }
            },
        }
    }

    /// Looks at the database from where that may block.
    pub(super) async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Reading<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let store = Arc::clone(&self.inner.store);
        blocking(move || store.read(work)).await?
    }

    /// Returns now, in Unix milliseconds of the node's clock.
    pub(super) fn now(&self) -> i64 {
        self.inner.clock.now_milliseconds()
    }

    pub(super) fn is_only_node(&self) -> bool {
        self.inner.redis.as_ref().is_none_or(|redis| redis.is_only_node())
    }

    /// Returns what runs.
    pub(super) fn running(&self) -> MutexGuard<'_, HashMap<JobId, Running>> {
        self.inner.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets nothing new begin.
    pub(super) fn begin_draining(&self) {
        self.inner.is_draining.store(true, Ordering::Relaxed);
    }

    /// Returns whether nothing new begins.
    pub(super) fn is_draining(&self) -> bool {
        self.inner.is_draining.load(Ordering::Relaxed)
    }

    /// Returns what wakes whoever delivers events.
    pub fn wake_of_events(&self) -> Arc<Notify> {
        Arc::clone(&self.inner.events)
    }
}

/// Lets files go. One that stays held because the database refused is let go at its time, or at the next start.
fn release(cache: &Cache, holders: &[Holder]) {
    for holder in holders {
        match cache.release(holder) {
            Ok(keys) if !keys.is_empty() => tracing::debug!(%holder, files = keys.len(), "let go"),
            Ok(_) => {}
            Err(error) => tracing::warn!(%holder, %error, "a file stays held for now"),
        }
    }
}

/// Runs what may wait for a disk where it may.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, StoreError> {
    spawn_blocking(work).await.map_err(|_| StoreError::Panicked)
}
