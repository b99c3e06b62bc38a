//! Messages as systems in the field write them, and what came of one (`reelmill.taken/1`, `reelmill.booking/1`).

use std::collections::BTreeMap;

use serde::Serialize;

use crate::cli::BookArgs;
use crate::command::wire::{compact, pretty};
use crate::control::{Booking, Taken};

#[derive(Serialize)]
struct BookMessage<'a> {
    cmd: &'static str,
    class_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    institution_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    course_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    record_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    video_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    video_resolution: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    video_url_list: BTreeMap<String, &'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    callback_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<u8>,
}

/// Returns the message that the options spell. Whether it can be is the worker's to say: it knows the rules.
pub(super) fn message(args: &BookArgs) -> String {
    compact(&BookMessage {
        cmd: "booking",
        class_id: args.class.as_deref().unwrap_or_default(),
        institution_id: args.institution.as_deref(),
        course_name: args.course.as_deref(),
        record_id: args.record.as_deref(),
        video_url: args.url.as_ref().map(|url| url.as_str()),
        video_resolution: args.resolution.map(|name| name.to_string()),
        video_url_list: args.list.iter().map(|(name, url)| (name.to_string(), url.as_str())).collect(),
        start_time: args.start,
        end_time: args.end,
        callback_url: args.callback.as_ref().map(|url| url.as_str()),
        priority: args.priority,
    })
}

#[derive(Serialize)]
struct EndMessage<'a> {
    cmd: &'static str,
    class_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    institution_id: Option<&'a str>,
}

/// Returns the message that ends a class's booking.
pub(super) fn ending(cmd: &'static str, class_id: &str, institution_id: Option<&str>) -> String {
    compact(&EndMessage { cmd, class_id, institution_id })
}

#[derive(Serialize)]
struct Document<'a, T> {
    schema: &'static str,
    #[serde(flatten)]
    what: &'a T,
}

/// Returns the document of what became of a message. What the socket carries is what programs read.
pub(super) fn taken_document(taken: &Taken) -> String {
    pretty(&Document { schema: "reelmill.taken/1", what: taken })
}

/// Returns the document of a booking.
pub(super) fn booking_document(booking: &Booking) -> String {
    pretty(&Document { schema: "reelmill.booking/1", what: booking })
}
