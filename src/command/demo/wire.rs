//! Events as the node's HTTP interface lists them, as far as the demo shows them (docs/messages.md has all of it).

use serde::Deserialize;

/// A page of events.
#[derive(Debug, Deserialize)]
pub(super) struct Page {
    /// The events, oldest first.
    pub(super) items: Vec<Event>,
}

/// One event.
#[derive(Debug, Deserialize)]
pub(super) struct Event {
    pub(super) sequence: i64,
    #[serde(rename = "type")]
    pub(super) name: String,
    pub(super) time: String,
    pub(super) class_id: Option<String>,
    pub(super) data: Data,
}

/// Its particulars; which of them there are follows from its type.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Data {
    pub(super) record_id: Option<String>,
    pub(super) video_resolution: Option<String>,
    pub(super) path: Option<String>,
    pub(super) bytes: Option<u64>,
    pub(super) code: Option<u16>,
    pub(super) error: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) provider: Option<String>,
    pub(super) attempt: Option<u32>,
    pub(super) kind: Option<String>,
    pub(super) key: Option<String>,
    pub(super) state: Option<String>,
    pub(super) subject: Option<String>,
}

/// Understands a page.
pub(super) fn page(text: &[u8]) -> serde_json::Result<Page> {
    serde_json::from_slice(text)
}
