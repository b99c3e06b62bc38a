//! Messages about classes and the bookings that they lead to, as the control socket carries them.

use serde::{Deserialize, Serialize};

/// Where a message would have come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageChannel {
    /// Without `cmd` it is a booking.
    Bookings,
    /// It must say what it is.
    Control,
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Taken {
    /// It is booked: by this message, or the same one before.
    Booked {
        /// How it stands.
        booking: Booking,
        /// It was so before this message.
        was_there: bool,
    },
    /// The class has no booking that lives.
    Ended {
        /// Its last one.
        booking: Option<Booking>,
        /// It lived before this message.
        was_live: bool,
    },
    /// A result was heard.
    Noted {
        /// Somebody had asked for that rendition.
        is_known: bool,
    },
}

/// A booking as it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Booking {
    /// Whose; empty for the single default institution.
    pub institution_id: String,
    /// Which class.
    pub class_id: String,
    /// Which of the class's bookings, from 1.
    pub sequence: i64,
    /// `waiting`, `downloading`, `transcoding`, `ready`, `failed`, `over` or `cancelled`.
    pub state: String,
    /// Why it failed, as a number.
    pub code: Option<u16>,
    /// Why it failed, as a stable name; empty otherwise.
    pub error: String,
    /// Why it failed, in words; empty otherwise.
    pub reason: String,
    /// Which recording.
    pub record_id: String,
    /// In which size.
    pub video_resolution: Option<String>,
    /// Where the file is; none unless it is ready.
    pub path: Option<String>,
    /// Where it comes from; empty while nobody knows.
    pub url: String,
    /// When it will be ready, as far as can be told.
    pub eta_seconds: Option<f64>,
    /// When it was accepted, in Unix milliseconds of the node's clock.
    pub accepted_milliseconds: i64,
    /// When it last changed.
    pub updated_milliseconds: i64,
    /// When the class begins.
    pub start_milliseconds: Option<i64>,
    /// When it ends.
    pub end_milliseconds: Option<i64>,
}
