//! What events and jobs carry, as JSON. Field names are a contract with whoever hears of events (docs/messages.md), and
//! between releases of this program that find each other's jobs.

use serde::{Deserialize, Serialize};

/// The particulars of `booking.*`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct BookingData<'a> {
    /// Which booking of its class, from 1.
    pub booking_sequence: u32,
    pub record_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video_resolution: Option<String>,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub course_name: &'a str,
    pub state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<u16>,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub error: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Until when the file stays, in Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_until: Option<i64>,
}

/// The particulars of `transcode.*`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct TranscodeData<'a> {
    pub record_id: &'a str,
    pub video_resolution: String,
    pub provider: &'a str,
    pub attempt: u32,
    /// When the attempt is given up, in Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transcode_video_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'a str>,
}

/// The particulars of `alarm` and `cache.full`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct AlarmData {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<u16>,
    pub error: String,
    pub reason: String,
    /// What it is about: a class, a rendition, a file, a job.
    pub subject: String,
    /// How many times it was raised since it was last told; 1 for the first time.
    pub count: u64,
}

/// The particulars of `job.changed`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct JobData<'a> {
    pub kind: &'static str,
    pub key: &'a str,
    pub state: &'static str,
    pub attempt: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'a str>,
}

/// What a fetch needs to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FetchInput {
    /// What the file is called in the cache.
    pub key: String,
    /// Where it lies; none where it is in the cache already, and only to be held.
    pub url: Option<String>,
}

/// What a transcode needs to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TranscodeInput {
    /// What the rendition is called in the cache.
    pub key: String,
    /// What its source is called there.
    pub source_key: String,
    /// Where that lies.
    pub source_url: String,
    /// Which attempt of the rendition this is.
    pub attempt: u32,
    /// What a person may want to know of the choice of the source.
    pub note: Option<String>,
}

/// What came of a job.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct JobOutput {
    pub key: String,
    pub path: String,
    pub bytes: u64,
    pub notes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<f64>,
}

/// What was answered to a message, for when it comes again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answered {
    Booked { id: i64 },
    Ended { id: Option<i64>, was_live: bool },
    Noted { is_known: bool },
    Invalid,
}

/// Returns the JSON of what is made of numbers, strings and lists alone.
pub(super) fn json(what: &impl Serialize) -> String {
    serde_json::to_string(what).expect("these hold strings, numbers and lists only")
}

/// Understands what an earlier run has written; nothing where that is another release's.
pub(super) fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Option<T> {
    serde_json::from_str(text).ok()
}
