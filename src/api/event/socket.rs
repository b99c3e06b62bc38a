//! One subscriber's WebSocket: what is recorded is read, then what happens is told, without a gap or a double.
//!
//! What the node tells is only a sign that there is something new: every event goes out in the order of its sequence, read
//! from the record unless it is the very next one. So it does not matter how the signs are ordered, or whether some are
//! lost. Two halves share a [`Queue`]: one fills it and must never wait for the subscriber, the other one empties it.

use std::future::{poll_fn, ready};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::{Notify, watch};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::gap_behind;
use super::queue::{FRAMES_MAX, Full, Queue};
use super::wire::{event_frame, gap_frame, progress_frame};
use crate::api::{ApiError, Node, Tiding};
use crate::store::Event;

/// Questions whether somebody is there that may be unanswered when the next one is due.
const UNANSWERED_MAX: u32 = 2;
/// How long a frame may take to leave. A reader that stands still longer has lost the connection or its mind.
const SEND_TIME: Duration = Duration::from_secs(20);
/// How long a closing connection may take to say so.
const CLOSE_TIME: Duration = Duration::from_secs(2);
/// Events that are read at a time: half of what may wait, so that there is room when a page was asked for.
#[expect(clippy::cast_possible_truncation, reason = "128")]
const READ_MAX: u32 = (FRAMES_MAX / 2) as u32;

/// What a subscriber asked for.
pub(super) struct Subscription {
    pub(super) node: Arc<dyn Node>,
    /// Of which institution; none: of all.
    pub(super) institution: Option<String>,
    /// Behind which sequence; none: from now on.
    pub(super) after: Option<i64>,
    /// How often it is asked whether it is there.
    pub(super) ping_time: Duration,
    pub(super) stop: watch::Receiver<bool>,
}

/// Why a subscriber is sent away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// It has gone.
    Gone,
    /// It reads too slowly.
    Slow,
    /// The node ends.
    Stopping,
    /// The node cannot read what is recorded.
    Failed,
}

/// What both halves share.
#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    /// Something waits.
    filled: Notify,
    /// Nothing waits any more.
    emptied: Notify,
}

impl Shared {
    fn with<T>(&self, change: impl FnOnce(&mut Queue) -> T) -> T {
        change(&mut self.queue.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn event(&self, text: String) -> Result<(), End> {
        self.with(|queue| queue.push_event(text)).map_err(|Full| End::Slow)?;
        self.filled.notify_one();
        Ok(())
    }

    fn progress(&self, text: String) {
        self.with(|queue| queue.push_progress(text));
        self.filled.notify_one();
    }

    /// Waits until everything has left.
    async fn empty(&self) {
        while !self.with(|queue| queue.is_empty()) {
            self.emptied.notified().await;
        }
    }
}

/// Serves a subscriber until one side has had enough.
pub(super) async fn serve(mut socket: WebSocket, subscription: Subscription) {
    let shared = Shared::default();
    let (mut stop, ping_time) = (subscription.stop.clone(), subscription.ping_time);
    let end = tokio::select! {
        end = fill(subscription, &shared) => end,
        end = empty(&mut socket, &shared, ping_time) => end,
        _ = stop.wait_for(|stop| *stop) => End::Stopping,
    };
    tracing::debug!(?end, "a subscriber goes");
    let (code, reason) = match end {
        End::Gone => return,
        End::Slow => (close_code::AGAIN, "too slow: come again with after= and the last sequence"),
        End::Stopping => (close_code::AWAY, "the node ends"),
        End::Failed => (close_code::ERROR, "the node cannot read its events"),
    };
    let farewell = Message::Close(Some(CloseFrame { code, reason: reason.into() }));
    let _ = timeout(CLOSE_TIME, async {
        if socket.send(farewell).await.is_ok() {
            while let Some(Ok(_)) = socket.recv().await {}
        }
    })
    .await;
}

/// Fills the queue: with what is recorded, then with what happens.
async fn fill(subscription: Subscription, shared: &Shared) -> End {
    // Before anything is read, so that nothing happens in between.
    let tidings = subscription.node.subscribe();
    let mut pump = Pump { shared, last: 0, subscription };
    match pump.run(tidings).await {
        Ok(never) => match never {},
        Err(end) => end,
    }
}

struct Pump<'a> {
    shared: &'a Shared,
    subscription: Subscription,
    /// The sequence up to which everything was told, or was none of this subscriber's.
    last: i64,
}

impl Pump<'_> {
    async fn run(
        &mut self,
        mut tidings: broadcast::Receiver<Arc<Tiding>>,
    ) -> Result<std::convert::Infallible, End> {
        self.begin().await?;
        loop {
            match tidings.recv().await {
                Ok(tiding) => self.tell(&tiding).await?,
                // What was lost is recorded; progress comes again.
                Err(RecvError::Lagged(_)) => self.catch_up().await?,
                Err(RecvError::Closed) => return Err(End::Stopping),
            }
        }
    }

    /// Tells what is recorded behind the cursor, and that something there is no longer kept.
    async fn begin(&mut self) -> Result<(), End> {
        let after = self.subscription.after;
        let found = self.read(after.unwrap_or(i64::MAX), 1).await?;
        let latest = found.bounds.map_or(0, |(_, latest)| latest);
        // What lies ahead of everything is a cursor of another time, which nothing here will ever reach.
        self.last = after.map_or(latest, |after| after.min(latest));
        let Some(after) = after else { return Ok(()) };
        if let Some(oldest) = gap_behind(after, found.bounds) {
            self.shared.event(gap_frame(after, oldest))?;
        }
        loop {
            let found = self.read(self.last, READ_MAX).await?;
            let has_more = found.has_more;
            self.push(found.events)?;
            if !has_more {
                return Ok(());
            }
            // A replay may be longer than any queue, and has the time.
            timeout(SEND_TIME, self.shared.empty()).await.map_err(|_| End::Slow)?;
        }
    }

    async fn tell(&mut self, tiding: &Tiding) -> Result<(), End> {
        let is_ours = self.is_ours(tiding.institution());
        match tiding {
            Tiding::Event(event) if event.sequence <= self.last => {}
            Tiding::Event(event) if event.sequence - 1 == self.last => {
                self.last = event.sequence;
                if is_ours {
                    self.shared.event(event_frame(event))?;
                }
            }
            Tiding::Event(_) => self.catch_up().await?,
            Tiding::Progress { .. } if is_ours => {
                if let Some(frame) = progress_frame(tiding) {
                    self.shared.progress(frame);
                }
            }
            Tiding::Progress { .. } => {}
        }
        Ok(())
    }

    /// Tells what is recorded, as far as it goes.
    async fn catch_up(&mut self) -> Result<(), End> {
        loop {
            let found = self.read(self.last, READ_MAX).await?;
            let (has_more, latest) = (found.has_more, found.bounds.map_or(self.last, |(_, latest)| latest));
            self.push(found.events)?;
            if !has_more {
                // What is between belongs to others, or was never given.
                self.last = self.last.max(latest);
                return Ok(());
            }
        }
    }

    fn push(&mut self, events: Vec<Event>) -> Result<(), End> {
        for event in events {
            self.last = self.last.max(event.sequence);
            self.shared.event(event_frame(&event))?;
        }
        Ok(())
    }

    async fn read(&self, after: i64, limit: u32) -> Result<crate::api::Events, End> {
        let asked = self.subscription.node.events(self.subscription.institution.clone(), after, limit);
        asked.await.map_err(|error: ApiError| {
            tracing::warn!(%error, "a subscriber cannot be told of events");
            End::Failed
        })
    }

    fn is_ours(&self, institution: &str) -> bool {
        self.subscription.institution.as_deref().is_none_or(|ours| ours == institution)
    }
}

/// Empties the queue into the socket, listens for pongs, and asks for them. Between two frames it listens: whoever is kept
/// busy is asked like everybody, and heard.
async fn empty(socket: &mut WebSocket, shared: &Shared, ping_time: Duration) -> End {
    let mut pings = interval(ping_time);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first is at once.
    pings.tick().await;
    let mut unanswered = 0;
    loop {
        let has_more = !shared.with(|queue| queue.is_empty());
        if !has_more {
            shared.emptied.notify_one();
        }
        let sent = tokio::select! {
            biased;
            message = socket.recv() => match message {
                // What a subscriber says is heard as a sign of life alone.
                Some(Ok(Message::Close(_)) | Err(_)) | None => return End::Gone,
                Some(Ok(_)) => {
                    unanswered = 0;
                    continue;
                }
            },
            _ = pings.tick() => {
                if unanswered == UNANSWERED_MAX {
                    return End::Gone;
                }
                unanswered += 1;
                send(socket, Message::Ping(Vec::new().into())).await
            }
            () = ready(()), if has_more => match shared.with(Queue::pop) {
                Some(text) => send(socket, Message::Text(text.into())).await,
                None => Ok(false),
            },
            () = shared.filled.notified() => Ok(false),
        };
        match sent {
            // Over a slow line the questions stand behind what was sent before them.
            Ok(true) => unanswered = 0,
            Ok(false) => {}
            Err(end) => return end,
        }
    }
}

/// Sends a frame; returns whether that had to wait, and so that the other end has taken something meanwhile.
async fn send(socket: &mut WebSocket, message: Message) -> Result<bool, End> {
    let mut sending = pin!(socket.send(message));
    if let Poll::Ready(sent) = poll_fn(|context| Poll::Ready(sending.as_mut().poll(context))).await {
        return sent.map(|()| false).map_err(|_| End::Gone);
    }
    match timeout(SEND_TIME, sending).await {
        Ok(Ok(())) => Ok(true),
        Ok(Err(_)) => Err(End::Gone),
        Err(_) => Err(End::Slow),
    }
}
