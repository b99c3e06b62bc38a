//! What follows from verdicts: acknowledging, and the dead letters. A refused entry is acknowledged only when its dead
//! letter stands; a crash between the two leaves that letter twice.

use redis::aio::MultiplexedConnection;
use redis::{Pipeline, RedisError, cmd};

use super::status::Count;
use super::{MESSAGE_FIELD, Part, Settings, Status};
use crate::booking::Invalid;
use crate::redis_server::{is_answer, told};

/// Dead letters that are kept, about: weeks of them where anything is right, and at most 160 MiB of Redis' memory.
const DEAD_MAX: usize = 10_000;
/// What of a message a dead letter repeats. The entry itself has the rest, as long as it is in its stream.
const DEAD_BODY_BYTES_MAX: usize = 16 << 10;

/// An entry that is no message, and why.
#[derive(Debug)]
pub(super) struct Letter {
    entry: String,
    /// The beginning of what it held, and how long all of it is.
    body: Vec<u8>,
    bytes: usize,
    invalid: Invalid,
}

/// What is kept of an entry while it is being taken, in case that it is refused.
#[derive(Debug)]
pub(super) struct Stub {
    pub(super) entry: String,
    body: Vec<u8>,
    bytes: usize,
}

impl Stub {
    pub(super) fn of(entry: &str, body: &[u8]) -> Self {
        let beginning = body[..body.len().min(DEAD_BODY_BYTES_MAX)].to_vec();
        Self { entry: entry.to_owned(), body: beginning, bytes: body.len() }
    }

    pub(super) fn refused(self, invalid: Invalid) -> Letter {
        Letter { entry: self.entry, body: self.body, bytes: self.bytes, invalid }
    }
}

/// Acknowledges entries.
pub(super) async fn acknowledge(
    connection: &mut MultiplexedConnection,
    stream: &str,
    group: &str,
    entries: &[String],
) -> Result<(), RedisError> {
    if entries.is_empty() {
        return Ok(());
    }
    cmd("XACK").arg(stream).arg(group).arg(entries).query_async(connection).await
}

/// Writes dead letters and then acknowledges their entries. Where Redis refuses the letters, being full or having something
/// else under that name, the entries stay as they are and come again; it is told, and holds up nothing else.
pub(super) async fn bury(
    connection: &mut MultiplexedConnection,
    settings: &Settings,
    status: &Status,
    (stream, group): (&str, &str),
    letters: &[Letter],
) -> Result<(), RedisError> {
    if letters.is_empty() {
        return Ok(());
    }
    let written: Result<(), RedisError> = deaths(settings, stream, letters).query_async(connection).await;
    match written {
        Ok(()) => {
            status.complain(Part::DeadLetters, None);
            let entries: Vec<String> = letters.iter().map(|letter| letter.entry.clone()).collect();
            acknowledge(connection, stream, group, &entries).await?;
            status.count(Count::Refused, letters.len());
            Ok(())
        }
        Err(error) if is_answer(&error) => {
            let text = format!("dead letters cannot be written to {}: {}", settings.dead_stream, told(&error));
            status.complain(Part::DeadLetters, Some(text));
            Ok(())
        }
        Err(error) => Err(error),
    }
}

fn deaths(settings: &Settings, stream: &str, letters: &[Letter]) -> Pipeline {
    let mut pipeline = Pipeline::with_capacity(letters.len());
    for letter in letters {
        let invalid = &letter.invalid;
        let add = pipeline.cmd("XADD").arg(&settings.dead_stream).arg("MAXLEN").arg("~").arg(DEAD_MAX).arg("*");
        add.arg("source").arg(stream).arg("entry").arg(&letter.entry).arg("node").arg(&settings.node_id);
        add.arg("field").arg(&invalid.field).arg("reason").arg(invalid.to_string());
        add.arg("bytes").arg(letter.bytes).arg(MESSAGE_FIELD).arg(&letter.body).ignore();
    }
    pipeline
}
