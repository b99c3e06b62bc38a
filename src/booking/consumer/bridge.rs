//! Carries what older systems publish on channels into the streams, where it waits for whoever is to take it. One node of
//! a fleet does so, the one that holds the lock. Two at once, as in the moment of handing over, write a message twice: one node
//! takes the same booking twice as one, two nodes take one each.
//!
//! Redis keeps nothing for those who do not listen: what is published while no node does is lost, and such times are
//! counted as gaps. What was heard is written, even when the lock is lost meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Pipeline, PushInfo, PushKind, RedisError, Value, cmd};
use serde_json::Value as Json;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};

use super::backoff::{self, Backoff};
use super::keeper::Lock;
use super::status::Count;
use super::{BODY_BYTES_MAX, MESSAGE_FIELD, Part, Settings, Status};
use crate::redis_server::{is_answer, told};

/// An answer takes less, or there is an outage.
const PATIENCE: Duration = Duration::from_secs(3);
/// How often a quiet connection is tried: one that has gone silently hears nothing, as one on which nothing is published.
const PING_EVERY: Duration = Duration::from_secs(1);
/// Messages that are written together.
const BATCH: usize = 256;
/// Messages that wait to be written: more than a fleet's classes at the stroke of the hour.
const HEARD_MAX: usize = 16_384;
/// And their bytes. Listening cannot be slowed, so what comes beyond is dropped and counted.
const HEARD_BYTES_MAX: usize = 64 << 20;

/// Something that was published.
#[derive(Debug, PartialEq, Eq)]
struct Heard {
    channel: Vec<u8>,
    body: Vec<u8>,
}

/// Carries messages.
pub(super) struct Bridge {
    settings: Arc<Settings>,
    status: Arc<Status>,
    /// The lock; its sender is gone when there is an end.
    lock: watch::Receiver<Option<Lock>>,
    /// Heard, and not yet written.
    pending: Vec<Heard>,
    /// Bytes of all that waits, here or in a connection's queue.
    bytes: Arc<AtomicUsize>,
    /// Whether it listened last and was cut off.
    was_cut_off: bool,
}

impl Bridge {
    pub(super) fn new(settings: Arc<Settings>, status: Arc<Status>, lock: watch::Receiver<Option<Lock>>) -> Self {
        Self { settings, status, lock, pending: Vec::new(), bytes: Arc::default(), was_cut_off: false }
    }

    /// Carries while the lock is held, until its keeper ends.
    pub(super) async fn run(mut self) {
        let mut wait = Backoff::up_to(backoff::LONGEST);
        while !self.pending.is_empty() || self.is_wanted().await {
            let carried = self.carry(&mut wait).await;
            self.status.set_bridge(false);
            self.status.link(Part::Bridge, false);
            let Err(error) = carried else { continue };
            self.was_cut_off = true;
            self.status.complain(Part::Bridge, Some(format!("channels cannot be listened to: {}", told(&error))));
            if self.lock.has_changed().is_err() {
                break;
            }
            sleep(wait.wait(fastrand::f64())).await;
        }
        self.status.count(Count::Overflowed, self.pending.len());
        self.status.complain(Part::Bridge, None);
    }

    /// Waits for the lock; returns false at the end.
    async fn is_wanted(&mut self) -> bool {
        let is_held = |lock: &Option<Lock>| lock.is_some_and(|lock| lock.until > Instant::now());
        // A value that is the last one is found even when there is an end.
        self.lock.wait_for(is_held).await.is_ok() && self.lock.has_changed().is_ok()
    }

    /// Listens over one connection as long as the lock is ours, and writes what it hears.
    async fn carry(&mut self, wait: &mut Backoff) -> Result<(), RedisError> {
        let (sender, mut heard) = mpsc::channel(HEARD_MAX);
        let ear = ear(sender, Arc::clone(&self.bytes), Arc::clone(&self.status));
        let mut connection = self.settings.server.listen(PATIENCE, ear).await?;
        if !is_ours(&self.lock) {
            return self.write(&mut connection).await;
        }
        let settings = Arc::clone(&self.settings);
        let channels = [&settings.bookings_channel, &settings.results_channel];
        connection.subscribe(&channels[..]).await?;
        if self.was_cut_off || self.lock.borrow().is_none_or(|lock| lock.is_gap) {
            self.status.count(Count::Gap, 1);
        }
        self.was_cut_off = false;
        self.status.set_bridge(true);
        self.status.link(Part::Bridge, true);
        self.status.complain(Part::Bridge, None);
        let mut carried = self.forward(&mut connection, &mut heard, wait).await;
        if carried.is_ok() {
            let unheard = connection.unsubscribe(&channels[..]).await;
            carried = unheard.and(carried);
        }
        heard.close();
        while let Ok(Some(message)) = heard.try_recv() {
            self.pending.push(message);
        }
        carried?;
        self.write(&mut connection).await
    }

    async fn forward(
        &mut self,
        connection: &mut MultiplexedConnection,
        heard: &mut mpsc::Receiver<Option<Heard>>,
        wait: &mut Backoff,
    ) -> Result<(), RedisError> {
        let mut lock = self.lock.clone();
        while is_ours(&lock) {
            match self.write(connection).await {
                Ok(()) => wait.reset(),
                // Full, or read-only: we go on listening, as far as there is room.
                Err(error) if is_answer(&error) => {
                    let text = format!("what is published cannot be written into the streams: {}", told(&error));
                    self.status.complain(Part::Bridge, Some(text));
                    tokio::select! {
                        () = sleep(wait.wait(fastrand::f64())) => {}
                        () = lost(&mut lock) => {}
                    }
                    continue;
                }
                Err(error) => return Err(error),
            }
            let mut batch = Vec::new();
            tokio::select! {
                _ = heard.recv_many(&mut batch, BATCH) => {}
                () = sleep(PING_EVERY) => cmd("PING").query_async(connection).await?,
                () = lost(&mut lock) => {}
            }
            let is_cut_off = batch.iter().any(Option::is_none);
            self.pending.extend(batch.into_iter().flatten());
            if is_cut_off {
                return Err(RedisError::from(std::io::Error::from(std::io::ErrorKind::ConnectionReset)));
            }
        }
        Ok(())
    }

    /// Writes what is pending into the streams; what fails stays, and the part of it that was written comes twice.
    async fn write(&mut self, connection: &mut MultiplexedConnection) -> Result<(), RedisError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let mut pipeline = Pipeline::with_capacity(self.pending.len());
        for Heard { channel, body } in &self.pending {
            let stream = self.stream_of(channel, body);
            pipeline.cmd("XADD").arg(stream).arg("*").arg(MESSAGE_FIELD).arg(body).ignore();
        }
        let () = pipeline.query_async(connection).await?;
        self.status.complain(Part::Bridge, None);
        self.status.count(Count::Bridged, self.pending.len());
        let bytes = self.pending.iter().map(|heard| heard.body.len()).sum();
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.pending.clear();
        Ok(())
    }

    fn stream_of(&self, channel: &[u8], body: &[u8]) -> &str {
        let is_control = is_control(body).unwrap_or(channel == self.settings.results_channel.as_bytes());
        if is_control { &self.settings.control_stream } else { &self.settings.bookings_stream }
    }
}

/// Returns what takes pushes from a connection; it must not wait. Nothing is sent for a connection that was lost.
fn ear(
    sender: mpsc::Sender<Option<Heard>>,
    bytes: Arc<AtomicUsize>,
    status: Arc<Status>,
) -> impl Fn(PushInfo) -> Result<(), ()> + Send + Sync + 'static {
    move |push| {
        if push.kind == PushKind::Disconnection {
            return sender.try_send(None).map_err(|_| ());
        }
        let Some(heard) = (push.kind == PushKind::Message).then(|| message(push.data)).flatten() else {
            return Ok(());
        };
        let length = heard.body.len();
        let has_room = bytes.fetch_add(length, Ordering::Relaxed) + length <= HEARD_BYTES_MAX;
        if !has_room || sender.try_send(Some(heard)).is_err() {
            bytes.fetch_sub(length, Ordering::Relaxed);
            status.count(Count::Overflowed, 1);
        }
        Ok(())
    }
}

/// Understands a push. A message that is too long is cut to what is still too long.
fn message(data: Vec<Value>) -> Option<Heard> {
    let [Value::BulkString(channel), Value::BulkString(mut body)] = <[Value; 2]>::try_from(data).ok()? else {
        return None;
    };
    body.truncate(BODY_BYTES_MAX + 1);
    Some(Heard { channel, body })
}

/// Returns whether a message is for every node, where it says what it is.
fn is_control(body: &[u8]) -> Option<bool> {
    let json: Json = serde_json::from_slice(body).ok()?;
    match json.get("cmd")?.as_str()? {
        "booking" => Some(false),
        "over" | "cancel" | "transcoding" => Some(true),
        _ => None,
    }
}

fn is_ours(lock: &watch::Receiver<Option<Lock>>) -> bool {
    lock.has_changed().is_ok() && lock.borrow().is_some_and(|lock| lock.until > Instant::now())
}

/// Returns when the lock is no more ours, or there is an end.
async fn lost(lock: &mut watch::Receiver<Option<Lock>>) {
    loop {
        let Some(Lock { until, .. }) = *lock.borrow_and_update() else { return };
        tokio::select! {
            () = sleep_until(until) => return,
            changed = lock.changed() => if changed.is_err() { return },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_goes_where_it_says_itself() {
        for (body, expected) in [
            (r#"{"cmd":"over","class_id":"c"}"#, Some(true)),
            (r#"{"cmd":"cancel"}"#, Some(true)),
            (r#"{"cmd":"transcoding"}"#, Some(true)),
            (r#"{"cmd":"booking"}"#, Some(false)),
            (r#"{"cmd":"else"}"#, None),
            (r#"{"cmd":1}"#, None),
            ("[]", None),
            ("noise", None),
        ] {
            assert_eq!(is_control(body.as_bytes()), expected, "{body}");
        }
    }

    #[test]
    fn what_cannot_be_held_is_counted_and_dropped() {
        let (sender, mut heard) = mpsc::channel(1);
        let status = Arc::new(Status::default());
        let ear = ear(sender, Arc::default(), Arc::clone(&status));
        let push = |body: &str| PushInfo {
            kind: PushKind::Message,
            data: ["c", body].map(|text| Value::BulkString(text.as_bytes().to_vec())).to_vec(),
        };
        for body in ["first", "second"] {
            assert!(ear(push(body)).is_ok());
        }
        assert_eq!(status.overflowed(), 1);
        assert_eq!(heard.try_recv().unwrap().unwrap().body, b"first");
        let too_long = push(&"x".repeat(BODY_BYTES_MAX + 5));
        assert_eq!(message(too_long.data).unwrap().body.len(), BODY_BYTES_MAX + 1);
    }
}
