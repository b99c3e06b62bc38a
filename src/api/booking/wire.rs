//! Bookings and messages in JSON.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::wire::{moment, text};
use crate::api::{BookingView, Taken};

/// How a class's latest booking stands.
#[derive(Serialize, ToSchema)]
#[schema(as = Booking, example = json!({
    "class_id": "c-1029", "institution_id": "22", "sequence": 1, "state": "ready", "code": null, "error": "",
    "reason": "", "record_id": "6666", "video_resolution": "720P", "path": "/var/cache/reelmill/22/6666/6666_720P.flv",
    "url": "http://origin/6666_720P.flv", "eta_seconds": null, "start_time": 1_760_000_000, "end_time": 1_760_003_600,
    "accepted_at": "2025-10-09T08:30:00.000Z", "updated_at": "2025-10-09T08:30:12.250Z"
}))]
pub(super) struct BookingBody {
    class_id: String,
    /// Empty for the single default institution.
    institution_id: String,
    /// Which of the class's bookings, from 1.
    sequence: i64,
    /// waiting, downloading, transcoding, ready, failed, over or cancelled.
    state: &'static str,
    /// Why it failed: 207, 208, 209, 316, 400 or 501.
    code: Option<u16>,
    /// Why it failed, as a stable name.
    error: String,
    /// Why it failed, in words.
    reason: String,
    record_id: String,
    video_resolution: Option<String>,
    /// Where the file is on the node; null unless it is ready.
    path: Option<String>,
    /// Where the file comes from; empty while nobody knows.
    url: String,
    /// In how many seconds it will be ready; null where that cannot be told: before its recording is here, or is on its way
    /// with a known length.
    eta_seconds: Option<f64>,
    /// When the class begins, in Unix seconds, as booked.
    start_time: Option<i64>,
    /// When it ends, in Unix seconds, as booked.
    end_time: Option<i64>,
    accepted_at: String,
    updated_at: String,
}

impl From<BookingView> for BookingBody {
    fn from(view: BookingView) -> Self {
        let seconds = |milliseconds: Option<i64>| milliseconds.map(|milliseconds| milliseconds.div_euclid(1000));
        Self {
            class_id: view.class.class_id,
            institution_id: view.class.institution,
            sequence: view.sequence,
            state: view.state,
            code: view.code,
            error: view.error,
            reason: view.reason,
            record_id: view.record,
            video_resolution: view.resolution,
            path: view.path,
            url: view.url,
            eta_seconds: view.eta_seconds,
            start_time: seconds(view.start_milliseconds),
            end_time: seconds(view.end_milliseconds),
            accepted_at: moment(view.accepted_milliseconds),
            updated_at: moment(view.updated_milliseconds),
        }
    }
}

/// What became of a message: `booked`, `ended` or `noted`.
#[derive(Serialize, ToSchema)]
#[serde(tag = "outcome", rename_all = "snake_case")]
#[schema(as = Taken)]
pub(super) enum TakenBody {
    /// It is booked: by this message, or by the same one before.
    Booked {
        booking: Box<BookingBody>,
        /// It was so before this message.
        was_there: bool,
    },
    /// The class has no booking that lives.
    Ended {
        /// Its last one.
        booking: Option<Box<BookingBody>>,
        /// It lived before this message; false: nothing was left to be released.
        was_live: bool,
    },
    /// A result was heard.
    Noted {
        /// Somebody had asked for that rendition.
        is_known: bool,
    },
}

impl TakenBody {
    /// Returns what is told, of what is no refusal.
    pub(super) fn of(taken: Taken) -> Option<Self> {
        match taken {
            Taken::Booked { booking, was_there } => {
                Some(Self::Booked { booking: Box::new(booking.into()), was_there })
            }
            Taken::Ended { booking, was_live } => {
                Some(Self::Ended { booking: booking.map(|view| Box::new(view.into())), was_live })
            }
            Taken::Noted { is_known } => Some(Self::Noted { is_known }),
            Taken::Invalid(_) | Taken::Foreign | Taken::KeyReused => None,
        }
    }
}

/// A booking, as systems in the field write it. Numbers may be strings and strings numbers; further fields are ignored.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a schema for readers; the message itself is understood by `booking`")]
#[schema(as = BookingMessage, example = json!({
    "class_id": "c-1029", "institution_id": "22", "course_name": "Algebra 3", "record_id": 6666,
    "video_url": "http://origin/6666.flv", "video_resolution": "720P",
    "video_url_list": { "480P": "http://origin/6666_480P.flv" }, "start_time": 1_760_000_000, "end_time": 1_760_003_600
}))]
pub(super) struct BookingMessage {
    /// `booking`, where it is given.
    cmd: Option<String>,
    class_id: String,
    institution_id: Option<String>,
    course_name: Option<String>,
    record_id: String,
    /// Needed where there is no `video_url_list`.
    video_url: Option<String>,
    /// `720P`; left out: the recording as it is.
    video_resolution: Option<String>,
    /// Addresses by resolution.
    video_url_list: Option<std::collections::BTreeMap<String, String>>,
    /// Unix seconds.
    start_time: Option<i64>,
    /// Unix seconds.
    end_time: Option<i64>,
    push_url: Option<String>,
    /// Who is told how the booking ended.
    callback_url: Option<String>,
    /// 0 to 100, higher first.
    priority: Option<u8>,
}

/// `over`, `cancel`, or the result of a transcode. Further fields are ignored.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a schema for readers; the message itself is understood by `booking`")]
#[schema(as = ControlMessage, example = json!({ "cmd": "over", "class_id": "c-1029", "institution_id": "22" }))]
pub(super) struct ControlMessage {
    /// `over`, `cancel` or `transcoding`.
    cmd: String,
    /// Of `over` and `cancel`.
    class_id: Option<String>,
    institution_id: Option<String>,
    /// Of `transcoding`, with what follows.
    record_id: Option<String>,
    video_resolution: Option<String>,
    /// `success`; anything else is a failure.
    result: Option<String>,
    transcode_video_url: Option<String>,
    /// `oss` or `ecs`.
    r#type: Option<String>,
    attempt: Option<u32>,
}

/// Which bookings are asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct BookingQuery {
    /// Of which institution; left out: of all, or of the one to which the token is bound.
    pub(super) institution_id: Option<String>,
    /// waiting, downloading, transcoding, ready, failed, over or cancelled.
    pub(super) state: Option<String>,
    /// The `next` of the page before.
    pub(super) after: Option<String>,
    /// 1 to 200.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub(super) limit: Option<u32>,
}

#[derive(Serialize)]
struct Cancel<'a> {
    cmd: &'static str,
    class_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    institution_id: Option<&'a str>,
}

/// Returns the message that takes a class's booking back.
pub(super) fn cancel_message(class_id: &str, institution_id: Option<&str>) -> String {
    text(&Cancel { cmd: "cancel", class_id, institution_id })
}
