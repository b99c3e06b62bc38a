//! What is said over the control socket, a JSON object a line: `reelmill.control/1`.
//!
//! Field names are a contract between releases: a command of one may meet a worker of another. Whoever reads a line of
//! another version says so, and does not guess.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::booking::{Booking, MessageChannel, Taken};
use super::{ControlError, Failed};
use crate::failure::FailureClass;

/// The version of everything here.
pub const SCHEMA: &str = "reelmill.control/1";

/// A list tells so many names; of the rest only how many. A folder of strangers must not make an answer without end.
const NAMES_MAX: usize = 500;

/// What can be asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case")]
pub enum Request {
    /// Keep a file.
    Pin {
        /// Which.
        key: String,
        /// In whose name.
        name: String,
        /// For how long, by the clock of the one who is asked; for ever where it is left out.
        for_milliseconds: Option<u64>,
    },
    /// Let a file go that was pinned in this name.
    Unpin {
        /// Which.
        key: String,
        /// In whose name.
        name: String,
    },
    /// Remove a file that nobody holds.
    Evict {
        /// Which.
        key: String,
        /// Why, for those who ask later.
        reason: String,
    },
    /// Look at every byte of the cache.
    Scrub,
    /// Fetch a file into the cache.
    Fetch {
        /// What it will be called.
        key: String,
        /// Where it is.
        url: String,
        /// What it must hash to, in hex.
        sha256: Option<String>,
        /// Whether a recording that ends early is taken as far as it goes.
        accept_truncated: bool,
    },
    /// Take a message about a class, as systems in the field write them.
    Message {
        /// What it is where it does not say so itself.
        channel: MessageChannel,
        /// The message: JSON.
        body: String,
    },
    /// Tell how a class's booking stands.
    Booking {
        /// Whose; empty for the single default institution.
        institution: String,
        /// Which class.
        class_id: String,
    },
    /// Tell who is there.
    Status,
}

impl Request {
    /// Returns the name in messages.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Pin { .. } => "pin",
            Self::Unpin { .. } => "unpin",
            Self::Evict { .. } => "evict",
            Self::Scrub => "scrub",
            Self::Fetch { .. } => "fetch",
            Self::Message { .. } => "message",
            Self::Booking { .. } => "booking",
            Self::Status => "status",
        }
    }
}

/// How far something is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// What is being done.
    pub phase: String,
    /// Files done.
    pub files: u64,
    /// Files in all, where that is known.
    pub files_total: Option<u64>,
    /// Bytes done.
    pub bytes: u64,
    /// Bytes in all, where that is known.
    pub bytes_total: Option<u64>,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// It is kept.
    Pinned(Pinned),
    /// It is no longer kept in that name.
    Unpinned {
        /// Which.
        key: String,
        /// In whose name.
        name: String,
        /// Whether it was before.
        was_pinned: bool,
    },
    /// It is gone.
    Evicted(Evicted),
    /// Every file was looked at.
    Scrubbed(Scrubbed),
    /// It is in the cache.
    Fetched(Fetched),
    /// A message was taken. One that cannot be understood is answered with a failure.
    Taken(Taken),
    /// How the class's latest booking stands.
    Booking {
        /// None: the class has never booked, or its last booking is forgotten.
        booking: Option<Booking>,
    },
    /// Who is there.
    Status(Status),
}

/// A file that is kept in somebody's name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pinned {
    /// Which.
    pub key: String,
    /// In whose name.
    pub name: String,
    /// Since when, in Unix milliseconds of the node's clock.
    pub since_milliseconds: i64,
    /// Until when; none: until it is let go.
    pub until_milliseconds: Option<i64>,
}

/// A file that went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evicted {
    /// Which.
    pub key: String,
    /// How many bytes that gave back.
    pub bytes: u64,
    /// Why it went.
    pub reason: String,
    /// When it had been used last, in Unix milliseconds.
    pub used_milliseconds: i64,
    /// When it went.
    pub time_milliseconds: i64,
}

/// Names, the first of them at least.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names {
    /// How many there are.
    pub count: u64,
    /// The first of them.
    pub first: Vec<String>,
}

impl Names {
    /// Returns what is told of these names.
    pub fn of(names: impl ExactSizeIterator<Item = String>) -> Self {
        Self { count: names.len() as u64, first: names.take(NAMES_MAX).collect() }
    }
}

/// What a look at every file came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scrubbed {
    /// Files found as they should be.
    pub sound_files: u64,
    /// Their bytes.
    pub sound_bytes: u64,
    /// Files proven for the first time.
    pub proven_files: u64,
    /// Files found damaged and moved aside, each with what is wrong with it behind a colon.
    pub damaged: Names,
    /// Files that were gone.
    pub missing: Names,
    /// Files that should have gone earlier, and have now.
    pub evicted: Names,
    /// What is none of the cache's, below its root.
    pub strangers: Names,
    /// Leftovers of work, removed.
    pub leftover_files: u64,
    /// Their bytes.
    pub leftover_bytes: u64,
}

/// A file that was fetched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fetched {
    /// Which.
    pub key: String,
    /// Where it is.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256 in hex.
    pub sha256: String,
    /// `present`, `fetched` or `replaced`.
    pub state: String,
    /// What a person should know about it.
    pub notes: Vec<String>,
    /// How it came; none where it was there before.
    pub download: Option<Download>,
}

/// How a file came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Download {
    /// Where the redirects led.
    pub final_url: String,
    /// Bytes that came over the network.
    pub fetched_bytes: u64,
    /// Bytes that were here before.
    pub resumed_from_bytes: u64,
    /// How many times the origin was asked.
    pub attempts: u64,
    /// What tells this version from others.
    pub validator: Option<String>,
    /// What the origin calls it.
    pub content_type: Option<String>,
    /// What a person may want to know: why it began at 0, what broke off.
    pub notes: Vec<String>,
}

/// Who is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The process.
    pub pid: u32,
    /// Its release.
    pub version: String,
    /// What it does: `worker`, or the command that it is.
    pub role: String,
}

/// What the one who is asked says.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub(super) enum Answer {
    /// The first line: whoever has read it knows that a request will be heard.
    Greeting,
    /// How far it is.
    Progress(Progress),
    /// The last line, after which it is done.
    Done {
        /// What came of it.
        reply: Reply,
    },
    /// The last line, after which it is not.
    Error(ErrorBody),
}

/// A failure as it is sent.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ErrorBody {
    code: String,
    class: String,
    message: String,
    cure: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    details: Vec<String>,
}

impl From<Failed> for ErrorBody {
    fn from(failed: Failed) -> Self {
        Self {
            code: failed.code.to_owned(),
            class: failed.class.name().to_owned(),
            message: failed.message,
            cure: failed.cure.to_owned(),
            details: failed.details,
        }
    }
}

impl From<ErrorBody> for Failed {
    /// Gives up a few words for good, as every error of the crate has its own for ever: a command asks once and ends.
    fn from(body: ErrorBody) -> Self {
        Self {
            code: body.code.leak(),
            // A class that we do not know is of a later release, and whoever answers is at fault that we see it.
            class: FailureClass::parse(&body.class).unwrap_or(FailureClass::Bug),
            message: body.message,
            cure: body.cure.leak(),
            details: body.details,
        }
    }
}

#[derive(Serialize)]
struct Said<'a, T> {
    schema: &'static str,
    #[serde(flatten)]
    what: &'a T,
}

#[derive(Deserialize)]
struct Head {
    schema: String,
}

/// Returns a request or an answer as a line, its end included.
pub(super) fn encode(what: &impl Serialize) -> String {
    let said = Said { schema: SCHEMA, what };
    let mut line = serde_json::to_string(&said).expect("these hold strings, numbers and lists only");
    line.push('\n');
    line
}

/// Understands a line.
pub(super) fn decode<T: DeserializeOwned>(line: &[u8]) -> Result<T, ControlError> {
    let refuse = |error: serde_json::Error| ControlError::Line(error.to_string());
    let head: Head = serde_json::from_slice(line).map_err(refuse)?;
    if head.schema != SCHEMA {
        return Err(ControlError::Version(head.schema));
    }
    serde_json::from_slice(line).map_err(refuse)
}
