//! The envelope: what is said of an event, the same on all ways out. Its particulars are made where it happens.

use jiff::Timestamp;
use serde::Serialize;

use crate::store::Event;

/// The envelope without its `data`, in the order in which it is written.
#[derive(Serialize)]
struct Envelope<'a> {
    event_id: &'a str,
    #[serde(rename = "type")]
    event_type: &'static str,
    time: String,
    institution_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    class_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    job_id: Option<i64>,
    sequence: i64,
}

/// Returns an event as JSON, the same text whenever it is asked for. Its `data` stands in it byte for byte as recorded.
pub fn envelope(event: &Event) -> String {
    let head = Envelope {
        event_id: &event.event_id,
        event_type: event.event_type.name(),
        time: format!("{:.3}", Timestamp::from_millisecond(event.time_milliseconds).unwrap_or_default()),
        institution_id: &event.institution,
        class_id: event.class_id.as_deref(),
        job_id: event.job_id.map(|id| id.0),
        sequence: event.sequence,
    };
    let mut text = serde_json::to_string(&head).expect("numbers and strings always serialize");
    text.pop();
    text.push_str(",\"data\":");
    text.push_str(&event.data);
    text.push('}');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::EventType;
    use crate::store::JobId;

    fn event() -> Event {
        Event {
            sequence: 17,
            event_id: "booking-22-c\"1-3-ready".to_owned(),
            event_type: EventType::BookingReady,
            institution: "22".to_owned(),
            class_id: Some("c\"1".to_owned()),
            job_id: Some(JobId(4)),
            time_milliseconds: 1_760_000_000_007,
            data: "{\"path\": \"/x\",  \"n\":1.50}".to_owned(),
            callback_url: Some("https://school.example/?token=secret".to_owned()),
        }
    }

    #[test]
    fn an_envelope_has_its_fields_in_order_and_its_data_as_recorded() {
        assert_eq!(
            envelope(&event()),
            "{\"event_id\":\"booking-22-c\\\"1-3-ready\",\"type\":\"booking.ready\",\
             \"time\":\"2025-10-09T08:53:20.007Z\",\"institution_id\":\"22\",\"class_id\":\"c\\\"1\",\"job_id\":4,\
             \"sequence\":17,\"data\":{\"path\": \"/x\",  \"n\":1.50}}"
        );
    }

    #[test]
    fn what_an_event_does_not_concern_is_left_out_and_whole_seconds_have_their_milliseconds() {
        let event =
            Event { class_id: None, job_id: None, institution: String::new(), time_milliseconds: 0, ..event() };
        let value: serde_json::Value = serde_json::from_str(&envelope(&event)).unwrap();
        let keys: Vec<_> = value.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys.len(), 6, "{keys:?}");
        assert_eq!((&value["time"], &value["institution_id"]), (&"1970-01-01T00:00:00.000Z".into(), &"".into()));
    }
}
