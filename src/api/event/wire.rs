//! Events in JSON: the envelope that goes all ways, and the frames of a WebSocket that are no events.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::api::wire::{moment, text};
use crate::api::{Advance, Tiding};
use crate::store::Event;

/// An event, as it goes to Redis and to webhooks too.
#[derive(Serialize, ToSchema)]
#[schema(as = Event, example = json!({
    "event_id": "bc88a260-8288-5585-a3a4-f71c8607b53e", "type": "booking.ready", "time": "2025-10-09T08:30:12.250Z",
    "institution_id": "22", "class_id": "c-1029", "sequence": 4711, "data": { "record_id": "6666" }
}))]
pub(super) struct EventBody {
    /// Its name for all time: an event that comes twice is one.
    event_id: String,
    /// noun.verb
    r#type: &'static str,
    time: String,
    institution_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    class_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    job_id: Option<i64>,
    /// Its place among all events: what to give as `after`.
    sequence: i64,
    /// The particulars.
    #[schema(value_type = Object)]
    data: Value,
}

impl From<Event> for EventBody {
    fn from(event: Event) -> Self {
        Self {
            event_id: event.event_id,
            r#type: event.event_type.name(),
            time: moment(event.time_milliseconds),
            institution_id: event.institution,
            class_id: event.class_id,
            job_id: event.job_id.map(|id| id.0),
            sequence: event.sequence,
            data: serde_json::from_str(&event.data).unwrap_or(Value::Null),
        }
    }
}

/// Events, and what is kept of all of them.
#[derive(Serialize, ToSchema)]
pub(super) struct EventPage {
    /// In order.
    pub(super) items: Vec<EventBody>,
    /// What to give as `after` for those behind; null where there are none yet.
    #[schema(example = "4711")]
    pub(super) next: Option<String>,
    /// Whether of the events behind `after` not all are kept, or the node has not come that far.
    pub(super) gap: bool,
    /// The sequence from which on every event is kept, of all institutions; above `latest` where none is.
    pub(super) oldest: Option<i64>,
    /// The last one that was given.
    pub(super) latest: Option<i64>,
}

/// Which events are asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct EventQuery {
    /// Of which institution; left out: of all, or of the one to which the token is bound.
    pub(super) institution_id: Option<String>,
    /// The sequence behind which to begin. Left out: from the first that is kept; of a WebSocket: from now on.
    pub(super) after: Option<String>,
    /// 1 to 200. Not for a WebSocket.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub(super) limit: Option<u32>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Frame<'a> {
    /// How far a job is.
    Progress {
        job_id: i64,
        institution_id: &'a str,
        class_ids: &'a [String],
        phase: &'a str,
        fraction: Option<f64>,
        eta_seconds: Option<f64>,
    },
    /// Of the events between these two not all are kept; or the node has never come as far as the first.
    Gap { after: i64, oldest: i64 },
}

/// Returns the frame of an event.
pub(super) fn event_frame(event: &Event) -> String {
    text(&EventBody::from(event.clone()))
}

/// Returns the frame of a job's progress; none for an event.
pub(super) fn progress_frame(tiding: &Tiding) -> Option<String> {
    let Tiding::Progress { job_id, institution, class_ids, advance } = tiding else { return None };
    let Advance { phase, fraction, eta_seconds } = advance;
    let (fraction, eta_seconds) = (*fraction, *eta_seconds);
    let frame =
        Frame::Progress { job_id: job_id.0, institution_id: institution, class_ids, phase, fraction, eta_seconds };
    Some(text(&frame))
}

/// Returns the frame that says what was missed.
pub(super) fn gap_frame(after: i64, oldest: i64) -> String {
    text(&Frame::Gap { after, oldest })
}
