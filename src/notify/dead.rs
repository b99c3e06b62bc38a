//! The target that is the dead letters: beside what is no message, the jobs that a person must look at, where operators
//! look for both.

use ::redis::Pipeline;

use super::message::envelope;
use super::redis::{Line, MESSAGE_FIELD};
use super::target::{Sending, Target};
use crate::redis_server::RedisServer;
use crate::store::Event;

/// The name under which events are recorded for the dead letters.
pub const DEAD_LETTERS: &str = "dead-letters";

/// Where such a letter comes from: no stream, but the node's own jobs.
const SOURCE: &str = "jobs";
/// Dead letters that are kept, about, as of messages.
const DEAD_MAX: usize = 10_000;

/// The dead letters, as somebody who is told.
pub struct DeadLetters {
    line: Line,
    stream: String,
    node_id: String,
}

impl std::fmt::Debug for DeadLetters {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("DeadLetters").field("stream", &self.stream).finish_non_exhaustive()
    }
}

impl DeadLetters {
    /// Sets it up; nothing is dialled before the first event.
    pub fn new(server: RedisServer, stream: String, node_id: String) -> Self {
        Self { line: Line::to(server), stream, node_id }
    }
}

impl Target for DeadLetters {
    fn name(&self) -> &str {
        DEAD_LETTERS
    }

    fn send<'a>(&'a self, event: &'a Event) -> Sending<'a> {
        Box::pin(async move {
            let envelope = envelope(event);
            let data: serde_json::Value = serde_json::from_str(&event.data).unwrap_or_default();
            let text = |field: &str| data[field].as_str().unwrap_or_default().to_owned();
            let mut pipeline = Pipeline::with_capacity(1);
            let add = pipeline.cmd("XADD").arg(&self.stream).arg("MAXLEN").arg("~").arg(DEAD_MAX).arg("*");
            add.arg("source").arg(SOURCE).arg("entry").arg(event.job_id.map_or(0, |id| id.0));
            add.arg("node").arg(&self.node_id).arg("field").arg(text("error")).arg("reason").arg(text("reason"));
            add.arg("bytes").arg(envelope.len()).arg(MESSAGE_FIELD).arg(&envelope).ignore();
            self.line.say(&pipeline).await
        })
    }
}
