//! The node as it is told: values for whoever asks, and nothing that could change it.

use crate::booking::{Channel, ClassKey, Invalid};
use crate::cache::Key;
use crate::store::{Event, Job, JobId};

/// A message as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// What it is where it does not say so itself.
    pub channel: Channel,
    /// The JSON.
    pub body: Vec<u8>,
    /// The sender's name for this request: the same again is answered as the first time.
    pub idempotency_key: Option<String>,
    /// The institution to which the sender is bound. A message of another one is refused as [`Taken::Foreign`]; one that
    /// names none is of this one.
    pub institution: Option<String>,
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Taken {
    /// It is booked: by this message, or the same one before.
    Booked {
        /// How it stands.
        booking: BookingView,
        /// It was so before this message.
        was_there: bool,
    },
    /// The class has no booking that lives.
    Ended {
        /// Its last one.
        booking: Option<BookingView>,
        /// It lived before this message.
        was_live: bool,
    },
    /// A result was heard.
    Noted {
        /// Somebody had asked for that rendition.
        is_known: bool,
    },
    /// It is no message that can be understood.
    Invalid(Invalid),
    /// The sender is bound to another institution.
    Foreign,
    /// Another message came under the same key before.
    KeyReused,
}

/// A booking, as it is told.
#[derive(Clone, Debug, PartialEq)]
pub struct BookingView {
    /// Its number in lists; rises.
    pub id: i64,
    /// Which class.
    pub class: ClassKey,
    /// Which of the class's bookings, from 1.
    pub sequence: i64,
    /// waiting, downloading, transcoding, ready, failed, over or cancelled.
    pub state: &'static str,
    /// Why it failed, as a number.
    pub code: Option<u16>,
    /// Why it failed, as a stable name; empty otherwise.
    pub error: String,
    /// Why it failed, in words; empty otherwise.
    pub reason: String,
    /// Which recording.
    pub record: String,
    /// In which size, `720P`.
    pub resolution: Option<String>,
    /// Where the file is on the node; none unless it is ready.
    pub path: Option<String>,
    /// Where it comes from; empty while nobody knows.
    pub url: String,
    /// When it will be ready, as far as can be told.
    pub eta_seconds: Option<f64>,
    /// When it was accepted, in Unix milliseconds.
    pub accepted_milliseconds: i64,
    /// When it last changed.
    pub updated_milliseconds: i64,
    /// When the class begins.
    pub start_milliseconds: Option<i64>,
    /// When it ends.
    pub end_milliseconds: Option<i64>,
}

impl BookingView {
    /// Returns whether nothing more will become of it, short of the class's end.
    pub fn is_settled(&self) -> bool {
        !matches!(self.state, "waiting" | "downloading" | "transcoding")
    }
}

/// Which bookings are asked for; what is not given is all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BookingFilter {
    /// Whose.
    pub institution: Option<String>,
    /// In which state, a word of [`BookingView::state`].
    pub state: Option<&'static str>,
}

/// A job, as it is told.
#[derive(Clone, Debug, PartialEq)]
pub struct JobView {
    /// What is recorded.
    pub job: Job,
    /// How far it is, while somebody has it.
    pub advance: Option<Advance>,
}

/// How far a job is.
#[derive(Clone, Debug, PartialEq)]
pub struct Advance {
    /// What is being done.
    pub phase: String,
    /// How much is done, 0 to 1, where that can be told.
    pub fraction: Option<f64>,
    /// How long it will take yet.
    pub eta_seconds: Option<f64>,
}

/// Some of many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// In order.
    pub items: Vec<T>,
    /// Behind what to go on; none where there are no more.
    pub next: Option<String>,
}

/// A file to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// Which.
    pub key: Key,
    /// In whose name.
    pub name: String,
    /// For how long; for ever where it is left out.
    pub for_milliseconds: Option<u64>,
}

/// Events, and what is kept of all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Events {
    /// In order.
    pub events: Vec<Event>,
    /// There are more behind the last one.
    pub has_more: bool,
    /// The sequence from which on every event is kept, and the last one that was given, of all institutions; none where
    /// none was.
    pub bounds: Option<(i64, i64)>,
}

/// What is told as it happens.
#[derive(Clone, Debug, PartialEq)]
pub enum Tiding {
    /// An event, which is recorded.
    Event(Event),
    /// How far a job is, which is recorded nowhere.
    Progress {
        /// Which job.
        job_id: JobId,
        /// Whose.
        institution: String,
        /// The classes that wait for it.
        class_ids: Vec<String>,
        /// How far.
        advance: Advance,
    },
}

impl Tiding {
    /// Returns whom it is about.
    pub fn institution(&self) -> &str {
        match self {
            Self::Event(event) => &event.institution,
            Self::Progress { institution, .. } => institution,
        }
    }
}

/// How the node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// What was looked at.
    pub checks: Vec<Check>,
    /// It ends, and takes nothing more.
    pub is_draining: bool,
}

impl Health {
    /// Returns whether bookings are taken.
    pub fn is_ready(&self) -> bool {
        !self.is_draining && self.checks.iter().all(|check| check.is_ok)
    }
}

/// A part of the node that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Which, in a word.
    pub name: &'static str,
    /// It is as it should be.
    pub is_ok: bool,
    /// What is wrong, or what there is to tell. Neither paths nor secrets: strangers may read it.
    pub detail: String,
}
