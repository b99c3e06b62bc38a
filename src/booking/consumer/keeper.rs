//! What a node does in Redis besides reading: it says that it is there, holds or waits for the bridge's lock, removes what
//! is too old for anybody, and looks whether Redis is set up to keep what it is given.
//!
//! Every second it asks something of Redis, which is how an outage is noticed in time when nothing else is going on.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{ErrorKind, RedisError, Script, Value, cmd};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::backoff::Backoff;
use super::{BRIDGE_KEY, NODES_KEY, Part, Settings, Status, is_stopped, milliseconds, pause, stopped};
use crate::redis_server::{is_answer, told};

/// How often Redis is asked; the lock is renewed or tried for as often.
const TICK: Duration = Duration::from_secs(1);
/// An answer takes less, or there is an outage: with the tick it is known within 5 s.
const PATIENCE: Duration = Duration::from_secs(3);
/// Waits between attempts to dial, so short that the lock is not lost by them.
const DIAL_LONGEST: Duration = Duration::from_secs(2);
/// How long the lock outlives its holder.
const LOCK: Duration = Duration::from_secs(10);
/// So much earlier the holder takes it for lost: Redis' clock and ours need not run alike.
const LOCK_MARGIN: Duration = Duration::from_secs(1);
/// How long a holder that ends waits for another node to listen: two of its ticks, and a dial.
const HAND_OVER: Duration = Duration::from_secs(3);
/// How often it looks for that.
const HAND_OVER_LOOK: Duration = Duration::from_millis(50);
/// How often a node says that it is there.
const PRESENCE_EVERY: Duration = Duration::from_secs(5);
/// A node that has not said so for longer is not counted.
const PRESENT: Duration = Duration::from_secs(30);
/// And is forgotten after a day.
const FORGOTTEN: Duration = Duration::from_secs(24 * 3600);
/// How often the streams are trimmed.
const TRIM_EVERY: Duration = Duration::from_secs(3600);
/// Entries are removed when they are older, acknowledged or not: the longest wait of a booking has passed many times over.
/// Without it the streams would grow until Redis is full, as acknowledging removes nothing.
const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);

/// Takes or renews the lock: 0 it is another's; 1 ours; 2 ours, handed over by a node that still listens.
const TAKE: &str = "local held = redis.call('GET', KEYS[1]) \
    if held and held ~= '' and held ~= ARGV[1] then return 0 end \
    redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) \
    if held == '' then return 2 end \
    return 1";
/// Gives the lock away: to whoever takes it within a time, or to nobody.
const GIVE: &str = "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end \
    if ARGV[2] == '0' then redis.call('DEL', KEYS[1]) else redis.call('SET', KEYS[1], '', 'PX', ARGV[2]) end \
    return 1";
/// Says that a node is there, and returns how many are, how many were lately, and Redis' time: the only clock that nodes
/// share.
const PRESENCE: &str = "local now = tonumber(redis.call('TIME')[1]) \
    redis.call('ZADD', KEYS[1], now, ARGV[1]) \
    redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[3])) \
    return {redis.call('ZCOUNT', KEYS[1], now - tonumber(ARGV[2]), '+inf'), redis.call('ZCARD', KEYS[1]), now}";
/// Says that a node has gone. It is still known for a while: what it asked for may yet be answered.
const ABSENCE: &str = "local now = tonumber(redis.call('TIME')[1]) \
    return redis.call('ZADD', KEYS[1], now - tonumber(ARGV[2]) - 1, ARGV[1])";

/// The bridge's lock, while it is ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lock {
    /// From then on it may be another's.
    pub(super) until: Instant,
    /// Whether nobody held it before.
    pub(super) is_gap: bool,
}

/// Keeps this node known.
pub(super) struct Keeper {
    pub(super) settings: Arc<Settings>,
    pub(super) status: Arc<Status>,
    pub(super) stop: watch::Receiver<bool>,
    /// Tells the bridge; dropped when it is to end.
    pub(super) lock: watch::Sender<Option<Lock>>,
}

/// When to do again what is not done at every tick.
struct Due {
    presence: Instant,
    trim: Instant,
}

impl Keeper {
    /// Keeps on until it is to stop; then hands the bridge over and says goodbye.
    pub(super) async fn run(mut self) {
        let mut wait = Backoff::up_to(DIAL_LONGEST);
        let mut connection = None;
        while !is_stopped(&self.stop) {
            let Err(error) = self.session(&mut connection, &mut wait).await else { continue };
            connection = None;
            self.status.link(Part::Keeper, error.kind() == ErrorKind::Extension);
            self.status
                .complain(Part::Keeper, Some(format!("Redis does not do what it is asked for: {}", told(&error))));
            pause(&self.stop, wait.wait(fastrand::f64())).await;
        }
        if let Some(connection) = &mut connection {
            // Whatever fails now ends by itself, a little later.
            let _ = self.leave(connection).await;
        }
        self.status.link(Part::Keeper, false);
    }

    async fn session(
        &mut self,
        kept: &mut Option<MultiplexedConnection>,
        wait: &mut Backoff,
    ) -> Result<(), RedisError> {
        let dial = self.settings.server.dial(PATIENCE);
        let connection = tokio::select! {
            connection = dial => kept.insert(connection?),
            () = stopped(self.stop.clone()) => return Ok(()),
        };
        self.advise(connection).await?;
        let mut due = Due { presence: Instant::now(), trim: Instant::now() };
        while !is_stopped(&self.stop) {
            self.tick(connection, &mut due).await?;
            self.status.link(Part::Keeper, true);
            self.status.complain(Part::Keeper, None);
            wait.reset();
            pause(&self.stop, TICK).await;
        }
        Ok(())
    }

    async fn tick(&self, connection: &mut MultiplexedConnection, due: &mut Due) -> Result<(), RedisError> {
        self.take(connection).await?;
        if Instant::now() >= due.presence {
            due.presence = Instant::now() + PRESENCE_EVERY;
            let now = self.present(connection).await?;
            if Instant::now() >= due.trim {
                due.trim = Instant::now() + TRIM_EVERY;
                self.trim(connection, now).await?;
            }
        }
        Ok(())
    }

    /// Takes or renews the lock, and tells the bridge. What is not answered changes nothing: the bridge has the time.
    async fn take(&self, connection: &mut MultiplexedConnection) -> Result<(), RedisError> {
        let until = Instant::now() + LOCK - LOCK_MARGIN;
        let script = Script::new(TAKE);
        let mut take = script.key(BRIDGE_KEY);
        take.arg(&self.settings.node_id).arg(milliseconds(LOCK));
        let answer: u8 = take.invoke_async(connection).await?;
        self.lock.send_replace((answer != 0).then_some(Lock { until, is_gap: answer == 1 }));
        Ok(())
    }

    async fn present(&self, connection: &mut MultiplexedConnection) -> Result<u64, RedisError> {
        let script = Script::new(PRESENCE);
        let mut presence = script.key(NODES_KEY);
        presence.arg(&self.settings.node_id).arg(PRESENT.as_secs()).arg(FORGOTTEN.as_secs());
        let (nodes, known, now): (u64, u64, u64) = presence.invoke_async(connection).await?;
        self.status.set_nodes(nodes, known);
        Ok(now)
    }

    /// Removes entries that are too old. A stream that Redis refuses to trim is the readers' to complain about.
    async fn trim(&self, connection: &mut MultiplexedConnection, now: u64) -> Result<(), RedisError> {
        let oldest = format!("{}-0", now.saturating_sub(KEPT.as_secs()) * 1000);
        for stream in [&self.settings.bookings_stream, &self.settings.control_stream] {
            let trim = cmd("XTRIM").arg(stream).arg("MINID").arg("~").arg(&oldest).to_owned();
            if let Err(error) = trim.query_async::<Value>(connection).await
                && !is_answer(&error)
            {
                return Err(error);
            }
        }
        Ok(())
    }

    /// Looks whether Redis keeps what it is given, where it lets us see that.
    async fn advise(&self, connection: &mut MultiplexedConnection) -> Result<(), RedisError> {
        let mut advice = Vec::new();
        for (key, wanted) in [("appendonly", "yes"), ("maxmemory-policy", "noeviction")] {
            let asked = cmd("CONFIG").arg("GET").arg(key).query_async::<Vec<String>>(connection).await;
            match asked {
                Ok(pair) => match pair.get(1) {
                    Some(value) if value != wanted => advice.push(format!("{key} is {value}, not {wanted}")),
                    _ => {}
                },
                // Many providers do not let their customers look.
                Err(error) if is_answer(&error) => {}
                Err(error) => return Err(error),
            }
        }
        self.status.advise(advice.join(", "));
        Ok(())
    }

    /// Hands the lock over, and says that this node is gone. While another node begins to listen this one still does, so
    /// that nothing is lost between the two.
    async fn leave(&self, connection: &mut MultiplexedConnection) -> Result<(), RedisError> {
        let script = Script::new(ABSENCE);
        let mut absence = script.key(NODES_KEY);
        let () = absence.arg(&self.settings.node_id).arg(PRESENT.as_secs()).invoke_async(connection).await?;
        if self.lock.borrow().is_none() {
            return Ok(());
        }
        let time = if self.status.nodes() == 1 { 0 } else { milliseconds(HAND_OVER) };
        let script = Script::new(GIVE);
        let mut give = script.key(BRIDGE_KEY);
        let is_given: bool = give.arg(&self.settings.node_id).arg(time).invoke_async(connection).await?;
        if !is_given || time == 0 {
            return Ok(());
        }
        let until = Instant::now() + HAND_OVER;
        self.lock.send_replace(Some(Lock { until, is_gap: false }));
        // The bridge ends by itself as soon as it hears another one begin.
        while self.status.is_bridge() && Instant::now() < until {
            sleep(HAND_OVER_LOOK).await;
        }
        Ok(())
    }
}
