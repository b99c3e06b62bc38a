//! The target that is Redis: each event into a stream, from which nothing is missed, and onto a channel, for those that
//! listen to it as older systems do. The same envelope both times.

use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{Pipeline, RedisError};
use tokio::sync::Mutex;

use super::message::envelope;
use super::target::{Refused, Sending, Target};
use crate::redis_server::{RedisServer, is_answer, told};
use crate::store::Event;

/// The name under which events are recorded for Redis.
pub const REDIS: &str = "redis";

/// The field of an entry that holds the envelope.
pub(super) const MESSAGE_FIELD: &str = "message";
/// Events that the stream keeps, about: days of a busy node, and some fifty megabytes of Redis' memory. Whoever was away
/// for longer asks the node itself, which keeps seven days.
const EVENTS_MAX: usize = 100_000;
/// An answer takes less, or there is an outage.
const PATIENCE: Duration = Duration::from_secs(5);

/// A connection that is made where there is none.
pub(super) struct Line {
    server: RedisServer,
    /// One for all that is sent at the same time; none before the first, and after a failure.
    connection: Mutex<Option<MultiplexedConnection>>,
}

impl Line {
    pub(super) fn to(server: RedisServer) -> Self {
        Self { server, connection: Mutex::default() }
    }

    pub(super) async fn say(&self, pipeline: &Pipeline) -> Result<(), Refused> {
        let mut connection = self.connection().await.map_err(|error| later(&error))?;
        let said: Result<(), RedisError> = pipeline.query_async(&mut connection).await;
        if said.as_ref().is_err_and(|error| !is_answer(error)) {
            // Those that are under way on the same connection fail by themselves.
            *self.connection.lock().await = None;
        }
        said.map_err(|error| later(&error))
    }

    async fn connection(&self) -> Result<MultiplexedConnection, RedisError> {
        let mut kept = self.connection.lock().await;
        if let Some(connection) = &*kept {
            return Ok(connection.clone());
        }
        let connection = self.server.dial(PATIENCE).await?;
        Ok(kept.insert(connection).clone())
    }
}

/// Whatever Redis refuses now, full or somebody's copy, a person can mend: nothing is refused for ever.
fn later(error: &RedisError) -> Refused {
    Refused::later(format!("Redis: {}", told(error)))
}

/// Redis, as somebody who is told.
pub struct RedisTarget {
    line: Line,
    stream: String,
    channel: String,
}

impl std::fmt::Debug for RedisTarget {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut debug = formatter.debug_struct("RedisTarget");
        debug.field("server", &self.line.server).field("stream", &self.stream).field("channel", &self.channel);
        debug.finish_non_exhaustive()
    }
}

impl RedisTarget {
    /// Sets it up; nothing is dialled before the first event.
    pub fn new(server: RedisServer, stream: String, channel: String) -> Self {
        Self { line: Line::to(server), stream, channel }
    }
}

impl Target for RedisTarget {
    fn name(&self) -> &str {
        REDIS
    }

    fn send<'a>(&'a self, event: &'a Event) -> Sending<'a> {
        Box::pin(async move {
            let envelope = envelope(event);
            let mut pipeline = Pipeline::with_capacity(2);
            let add = pipeline.cmd("XADD").arg(&self.stream).arg("MAXLEN").arg("~").arg(EVENTS_MAX).arg("*");
            add.arg(MESSAGE_FIELD).arg(&envelope).ignore();
            pipeline.cmd("PUBLISH").arg(&self.channel).arg(&envelope).ignore();
            self.line.say(&pipeline).await
        })
    }
}
