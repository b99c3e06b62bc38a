//! Bookings: what they are, how messages are understood, and what is decided about the rendition that a class needs.
//!
//! `message` turns what systems in the field write into these types, or says what is wrong with it; `decide` is the state
//! machine of a rendition, and `source` says what a class needs and what that is made from. All are pure: nothing there asks
//! a clock, a cache or a database. `consumer` takes messages out of Redis. Carrying decisions out is the worker's.

pub mod consumer;
pub mod decide;
pub mod message;
pub mod source;

use std::collections::BTreeMap;
use std::fmt;

use url::Url;

use crate::failure::{Failure, FailureClass};
use crate::media::RenditionName;

/// A class, by the institution that holds it; of the single default institution that is empty.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClassKey {
    /// Whose.
    pub institution: String,
    /// Its name there.
    pub class_id: String,
}

impl ClassKey {
    /// Returns the class of a name as this is shown: `22/c-1029`, or `c-1029` of the single default institution.
    pub fn named(name: &str) -> Self {
        let (institution, class_id) = name.split_once('/').unwrap_or(("", name));
        Self { institution: institution.to_owned(), class_id: class_id.to_owned() }
    }
}

impl fmt::Display for ClassKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.institution.is_empty() {
            write!(formatter, "{}/", self.institution)?;
        }
        formatter.write_str(&self.class_id)
    }
}

/// A class reserves a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booking {
    /// Which class.
    pub class: ClassKey,
    /// What people call it.
    pub course_name: String,
    /// Of which recording.
    pub record: String,
    /// Where the recording itself lies.
    pub video_url: Option<Url>,
    /// In which size; none for a class of the old sort, which takes the recording as it is.
    pub resolution: Option<RenditionName>,
    /// Where its renditions lie.
    pub list: BTreeMap<RenditionName, Url>,
    /// When the class begins, in Unix milliseconds.
    pub start_milliseconds: Option<i64>,
    /// When it ends.
    pub end_milliseconds: Option<i64>,
    /// Where the class is shown; kept for the push.
    pub push_url: Option<String>,
    /// Who is told how the booking ended.
    pub callback_url: Option<Url>,
    /// 0 to 100, higher first.
    pub priority: u8,
}

/// What became of a rendition that somebody was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TranscodeResult {
    /// Whose; empty for the single default institution.
    pub institution: String,
    /// Of which recording.
    pub record: String,
    /// Which.
    pub resolution: RenditionName,
    /// Whether it was made.
    pub is_success: bool,
    /// Where it lies.
    pub url: Option<Url>,
    /// Who says so, by the name of a provider.
    pub provider: Option<String>,
    /// Of which attempt.
    pub attempt: Option<u32>,
}

/// What comes in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A class reserves a recording.
    Booking(Box<Booking>),
    /// A class has ended.
    Over(ClassKey),
    /// A booking is taken back.
    Cancel(ClassKey),
    /// A rendition was made, or not.
    Result(TranscodeResult),
}

/// Where a message came from, which says what it is where it does not say so itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// Without `cmd` it is a booking.
    Bookings,
    /// It must say what it is.
    Control,
}

/// A message that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {rule}, not {got}")]
pub struct Invalid {
    /// Which field; `message` for the whole.
    pub field: String,
    /// What it should be.
    pub rule: &'static str,
    /// What it is, cut.
    pub got: String,
    /// Whose message it is, where that much could be read.
    pub class: Option<ClassKey>,
}

impl Failure for Invalid {
    fn code(&self) -> &'static str {
        "MSG_INVALID"
    }

    fn class(&self) -> FailureClass {
        FailureClass::Usage
    }

    fn cure(&self) -> &'static str {
        "docs/messages.md says how a message is written"
    }
}

/// The codes by which people in the field know why a booking failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// The transcode took too long, or the booking waited too long.
    TimedOut = 207,
    /// The transcode failed, or the recording is none.
    TranscodeFailed = 208,
    /// The download failed, or its origin cannot be reached.
    DownloadFailed = 209,
    /// The disk is full of what classes need.
    DiskFull = 316,
    /// The message cannot be understood.
    InvalidMessage = 400,
    /// A rendition is made on record, and the booking did not carry its URL.
    UrlMissing = 501,
}

impl Code {
    /// Every code.
    pub const ALL: [Self; 6] = [
        Self::TimedOut,
        Self::TranscodeFailed,
        Self::DownloadFailed,
        Self::DiskFull,
        Self::InvalidMessage,
        Self::UrlMissing,
    ];

    /// Returns the number.
    pub const fn number(self) -> u16 {
        self as u16
    }

    /// Returns the stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TimedOut => "TIMED_OUT",
            Self::TranscodeFailed => "TRANSCODE_FAILED",
            Self::DownloadFailed => "DOWNLOAD_FAILED",
            Self::DiskFull => "DISK_FULL",
            Self::InvalidMessage => "MSG_INVALID",
            Self::UrlMissing => "URL_MISSING",
        }
    }

    /// Returns the code of that number.
    pub fn of(number: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.number() == number)
    }
}
