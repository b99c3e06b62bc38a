//! Carries what older systems publish on channels into the streams, where it waits for whoever is to take it. One node of
//! a fleet does so, the one that holds the lock. While it hands over to another, both listen, and each message is written by
//! one of them: `ear` says by which.
//!
//! **Once.** What was heard is numbered, and Redis keeps the number of the last one that was written, in one step with
//! writing it: what is written again because the answer got lost is not there twice. **Lost.** Redis keeps nothing for
//! those who do not listen: what is published while no node does is lost, and such times are counted as gaps. What was heard
//! is written, even when the lock is lost meanwhile.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{ErrorKind, RedisError, Script, cmd};
use serde_json::Value as Json;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};

use super::backoff::{self, Backoff};
use super::ear::{Heard, Turn, Word, ear};
use super::keeper::Lock;
use super::status::Count;
use super::{BRIDGE_KEY, MARK_CHANNEL, MESSAGE_FIELD, Part, Settings, Status, milliseconds};
use crate::redis_server::{is_answer, told};

/// An answer takes less, or there is an outage.
const PATIENCE: Duration = Duration::from_secs(3);
/// How often a quiet connection is tried: one that has gone silently hears nothing, as one on which nothing is published.
const PING_EVERY: Duration = Duration::from_secs(1);
/// Messages that are written together.
const BATCH: usize = 256;
/// Messages that wait to be written, in a connection's queue and as many behind it: more than a fleet's classes at the
/// stroke of the hour. Their bytes are bounded by what the ear takes.
const HEARD_MAX: usize = 16_384;
/// How long Redis remembers what a bridge has written: longer than any answer is waited for, an outage in between included.
const WRITTEN_KEPT: Duration = Duration::from_secs(24 * 3600);

/// Writes what has a higher number than the last that was written, in the order in which it was heard: what is written
/// together has the same time, and what comes later a later one, whichever stream it goes to. Each step notes its own number:
/// an error in the midst of it leaves that true.
const WRITE: &str = "local written = tonumber(redis.call('GET', KEYS[1]) or '0') \
    for i = 4, #ARGV, 2 do \
        local number = tonumber(ARGV[3]) + (i - 4) / 2 \
        if number > written then \
            redis.call('XADD', KEYS[tonumber(ARGV[i])], '*', ARGV[1], ARGV[i + 1]) \
            redis.call('SET', KEYS[1], string.format('%.0f', number), 'PX', ARGV[2]) \
        end \
    end";
/// Which of the script's keys a stream is.
const BOOKINGS: u8 = 2;
const CONTROL: u8 = 3;

/// Carries messages.
pub(super) struct Bridge {
    settings: Arc<Settings>,
    status: Arc<Status>,
    /// The lock; its sender is gone when there is an end.
    lock: watch::Receiver<Option<Lock>>,
    /// What this bridge is called in Redis, and how many times it has begun to listen.
    session: String,
    begun: u64,
    /// Heard and not yet written, with the stream that it goes to.
    pending: VecDeque<(u8, Vec<u8>)>,
    /// The number of the first of these; the first of all has 1.
    first: u64,
    /// Bytes of all that waits, here or in a connection's queue.
    bytes: Arc<AtomicUsize>,
    /// Whether it listened last and was cut off.
    was_cut_off: bool,
}

impl Bridge {
    pub(super) fn new(settings: Arc<Settings>, status: Arc<Status>, lock: watch::Receiver<Option<Lock>>) -> Self {
        // By chance, so that no two are alike: neither those of two nodes nor those of two lives of one.
        let session = format!("{:032x}", fastrand::u128(..));
        let (pending, bytes) = (VecDeque::new(), Arc::default());
        Self { settings, status, lock, session, begun: 0, pending, first: 1, bytes, was_cut_off: false }
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
        self.begun += 1;
        let turn = Arc::new(Turn::of(format!("{}-{}", self.session, self.begun)));
        let ear = ear(sender, Arc::clone(&turn), Arc::clone(&self.bytes), Arc::clone(&self.status));
        let mut connection = self.settings.server.listen(PATIENCE, ear).await?;
        let mut carried = Ok(());
        if is_ours(&self.lock) {
            carried = self.listen(&mut connection, &mut heard, &turn, wait).await;
        }
        heard.close();
        while let Ok(word) = heard.try_recv() {
            self.sort(word);
        }
        carried?;
        if let Some(why) = self.write(&mut connection).await? {
            return Err(RedisError::from((ErrorKind::Extension, "Redis refuses what is published", why)));
        }
        if turn.is_over() {
            self.status.set_bridge(false);
            // To listen again would take it back: first somebody must say again that the lock is ours.
            self.lock.mark_unchanged();
            let _ = self.lock.changed().await;
        }
        Ok(())
    }

    async fn listen(
        &mut self,
        connection: &mut MultiplexedConnection,
        heard: &mut mpsc::Receiver<Word>,
        turn: &Turn,
        wait: &mut Backoff,
    ) -> Result<(), RedisError> {
        let settings = Arc::clone(&self.settings);
        let channels = [MARK_CHANNEL, &settings.bookings_channel, &settings.results_channel];
        connection.subscribe(&channels[..]).await?;
        // From here on it is ours.
        let () = cmd("PUBLISH").arg(MARK_CHANNEL).arg(turn.mark()).query_async(connection).await?;
        if self.was_cut_off || self.lock.borrow().is_none_or(|lock| lock.is_gap) {
            self.status.count(Count::Gap, 1);
        }
        self.was_cut_off = false;
        self.status.set_bridge(true);
        self.status.link(Part::Bridge, true);
        self.status.complain(Part::Bridge, None);
        self.forward(connection, heard, turn, wait).await?;
        connection.unsubscribe(&channels[..]).await
    }

    async fn forward(
        &mut self,
        connection: &mut MultiplexedConnection,
        heard: &mut mpsc::Receiver<Word>,
        turn: &Turn,
        wait: &mut Backoff,
    ) -> Result<(), RedisError> {
        let mut lock = self.lock.clone();
        while is_ours(&lock) && !turn.is_over() {
            // Full, or read-only: we go on listening, as far as there is room.
            let refused = self.write(connection).await?;
            let pause = match &refused {
                None => {
                    wait.reset();
                    PING_EVERY
                }
                Some(why) => {
                    self.refused(why);
                    wait.wait(fastrand::f64())
                }
            };
            let mut batch = Vec::new();
            tokio::select! {
                _ = heard.recv_many(&mut batch, BATCH), if self.pending.len() < HEARD_MAX => {}
                () = sleep(pause) => cmd("PING").query_async(connection).await?,
                () = lost(&mut lock) => {}
            }
            let is_cut_off = batch.contains(&Word::End) && !turn.is_over();
            batch.into_iter().for_each(|word| self.sort(word));
            if is_cut_off {
                return Err(RedisError::from(std::io::Error::from(std::io::ErrorKind::ConnectionReset)));
            }
        }
        Ok(())
    }

    /// Puts what was heard to what is to be written.
    fn sort(&mut self, word: Word) {
        let Word::Heard(Heard { channel, body }) = word else { return };
        let is_result = channel == self.settings.results_channel.as_bytes();
        let stream = if is_control(&body).unwrap_or(is_result) { CONTROL } else { BOOKINGS };
        self.pending.push_back((stream, body));
    }

    /// Writes what is pending into the streams; returns why Redis refuses it, where it does. Nothing overtakes what is refused:
    /// an end must not come to be older than the booking behind it.
    async fn write(&mut self, connection: &mut MultiplexedConnection) -> Result<Option<String>, RedisError> {
        while !self.pending.is_empty() {
            let many = self.pending.len().min(BATCH);
            let script = Script::new(WRITE);
            let mut write = script.key(format!("{BRIDGE_KEY}:{}", self.session));
            write.key(&self.settings.bookings_stream).key(&self.settings.control_stream);
            write.arg(MESSAGE_FIELD).arg(milliseconds(WRITTEN_KEPT)).arg(self.first);
            for (stream, body) in self.pending.iter().take(many) {
                write.arg(*stream).arg(body);
            }
            match write.invoke_async(connection).await {
                Ok(()) => {}
                Err(error) if is_answer(&error) => return Ok(Some(told(&error))),
                Err(error) => return Err(error),
            }
            self.first += many as u64;
            self.status.count(Count::Bridged, many);
            let bytes = self.pending.drain(..many).map(|(_, body)| body.len()).sum();
            self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        }
        self.status.complain(Part::Bridge, None);
        Ok(None)
    }

    fn refused(&self, why: &str) {
        let text = format!("what is published cannot be written into the streams: {why}");
        self.status.complain(Part::Bridge, Some(text));
    }
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
}
