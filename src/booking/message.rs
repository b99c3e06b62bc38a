//! Messages as systems in the field write them: understood leniently where they differ, refused where they could do harm, and
//! written in one canonical form.
//!
//! Lenient about spelling: numbers or text, `720P`, `720p` or 720, `sucess` or `success`, fields that nobody knows, `null`
//! for nothing, a byte order mark. Of a key that stands twice the last one counts, as for every system that reads these
//! messages with `JSON.parse`. Strict about what becomes a path, an address to dial or an amount: `docs/messages.md`.

mod address;
mod field;
mod name;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use url::Url;

use super::{Booking, Channel, ClassKey, Invalid, Message, TranscodeResult};
use crate::media::RenditionName;
use field::{Fields, invalid, shown};

pub use field::{BODY_BYTES_MAX, GOT_CHARS_MAX};
pub use name::is_institution;

/// More renditions than this nobody lists; there are seven.
const LIST_ENTRIES_MAX: usize = 64;
/// Of a booking that does not say.
pub const PRIORITY: u8 = 50;
const PRIORITY_MAX: u64 = 100;
/// Text that is kept and shown, and nothing else: a course's name, an address to push to.
const TEXT_BYTES_MAX: usize = 4096;

/// Says whether an address may be dialled, and why not.
pub type Admits<'a> = &'a dyn Fn(&Url) -> Result<(), String>;

/// Understands a message. `admits` is asked about each address that this node would fetch from.
///
/// # Errors
/// What is wrong with the first field that is.
pub fn parse(body: &[u8], channel: Channel, admits: Admits<'_>) -> Result<Message, Invalid> {
    let fields = Fields::read(body)?;
    let command = command(&fields, channel);
    let understood = match &command {
        Ok(Command::Booking) => booking(&fields, admits).map(|booking| Message::Booking(Box::new(booking))),
        Ok(Command::Over) => class(&fields).map(Message::Over),
        Ok(Command::Cancel) => class(&fields).map(Message::Cancel),
        // It speaks for a rendition: a class that it names by chance has nothing to do with it.
        Ok(Command::Transcoding) => return result(&fields, admits).map(Message::Result),
        Err(invalid) => Err(invalid.clone()),
    };
    understood.map_err(|invalid| Invalid { class: class(&fields).ok(), ..invalid })
}

/// Returns the class for which a message books, also where the rest of it cannot be understood.
pub fn booked_class(body: &[u8], channel: Channel) -> Option<ClassKey> {
    let fields = Fields::read(body).ok()?;
    matches!(command(&fields, channel), Ok(Command::Booking)).then(|| class(&fields).ok()).flatten()
}

enum Command {
    Booking,
    Over,
    Cancel,
    Transcoding,
}

fn command(fields: &Fields, channel: Channel) -> Result<Command, Invalid> {
    const RULE: &str = "booking, over, cancel or transcoding";
    match (fields.get("cmd"), channel) {
        (None, Channel::Bookings) => Ok(Command::Booking),
        (None, Channel::Control) => Err(fields.refuse("cmd", RULE)),
        (Some(value), _) => match value.as_str() {
            Some("booking") => Ok(Command::Booking),
            Some("over") => Ok(Command::Over),
            Some("cancel") => Ok(Command::Cancel),
            Some("transcoding") => Ok(Command::Transcoding),
            _ => Err(fields.refuse("cmd", RULE)),
        },
    }
}

fn booking(fields: &Fields, admits: Admits<'_>) -> Result<Booking, Invalid> {
    let class = class(fields)?;
    let record = name::record(fields)?;
    let video_url = fetched(fields, "video_url", admits)?;
    let list = list(fields, admits)?;
    if video_url.is_none() && list.is_empty() {
        return Err(invalid("video_url", "there, or a video_url_list that is not empty", "nothing".to_owned()));
    }
    let (start_milliseconds, end_milliseconds) = times(fields)?;
    Ok(Booking {
        class,
        course_name: course_name(fields)?,
        record,
        video_url,
        resolution: fields.get("video_resolution").map(|_| resolution(fields)).transpose()?,
        list,
        start_milliseconds,
        end_milliseconds,
        push_url: push_url(fields)?,
        callback_url: fields
            .get("callback_url")
            .map(|value| address::address("callback_url", value))
            .transpose()?,
        priority: priority(fields)?,
    })
}

fn result(fields: &Fields, admits: Admits<'_>) -> Result<TranscodeResult, Invalid> {
    let record = name::record(fields)?;
    let resolution = resolution(fields)?;
    let is_success = is_success(fields)?;
    Ok(TranscodeResult {
        institution: name::institution(fields)?,
        record,
        resolution,
        is_success,
        // Whatever stands beside a failure leads nowhere.
        url: if is_success { fetched(fields, "transcode_video_url", admits)? } else { None },
        provider: provider(fields)?,
        attempt: attempt(fields)?,
    })
}

fn class(fields: &Fields) -> Result<ClassKey, Invalid> {
    Ok(ClassKey { class_id: name::class_id(fields)?, institution: name::institution(fields)? })
}

fn fetched(fields: &Fields, field: &str, admits: Admits<'_>) -> Result<Option<Url>, Invalid> {
    fields.get(field).map(|value| address::fetched(field, value, admits)).transpose()
}

fn resolution(fields: &Fields) -> Result<RenditionName, Invalid> {
    let text = fields.text("video_resolution");
    let name = text.and_then(|text| RenditionName::parse(&text).ok());
    name.ok_or_else(|| fields.refuse("video_resolution", RENDITION))
}

const RENDITION: &str = "2160P, 1440P, 1080P, 720P, 480P, 360P or 240P";

/// Two spellings of one rendition are taken where they lead to one place: which of two would count nobody could say.
fn list(fields: &Fields, admits: Admits<'_>) -> Result<BTreeMap<RenditionName, Url>, Invalid> {
    const FIELD: &str = "video_url_list";
    let Some(value) = fields.get(FIELD) else { return Ok(BTreeMap::new()) };
    let entries = value.as_object().filter(|entries| entries.len() <= LIST_ENTRIES_MAX);
    let entries = entries.ok_or_else(|| fields.refuse(FIELD, "an object of at most 64 renditions"))?;
    let mut list = BTreeMap::new();
    for (label, value) in entries {
        let refuse = |rule| invalid(FIELD, rule, shown(&Value::from(label.as_str())));
        let name = RenditionName::parse(label).map_err(|_| refuse(RENDITION))?;
        let url = address::fetched(&format!("{FIELD}.{name}"), value, admits)?;
        if list.insert(name, url.clone()).is_some_and(|other| other != url) {
            return Err(refuse("one address for each rendition"));
        }
    }
    Ok(list)
}

fn times(fields: &Fields) -> Result<(Option<i64>, Option<i64>), Invalid> {
    let (start, end) = (fields.time("start_time")?, fields.time("end_time")?);
    match (start, end) {
        (Some(start), Some(end)) if end <= start => Err(fields.refuse("end_time", "after start_time")),
        times => Ok(times),
    }
}

/// It is shown and nothing else, so that no letter in it is a reason to let a class down.
fn course_name(fields: &Fields) -> Result<String, Invalid> {
    let name = kept(fields, "course_name", "text of at most 4096 bytes")?.unwrap_or_default();
    let is_odd = |letter: char| letter.is_control();
    Ok(name.replace(is_odd, " ").trim().to_owned())
}

fn push_url(fields: &Fields) -> Result<Option<String>, Invalid> {
    const RULE: &str = "text of at most 4096 bytes without control characters";
    let text = kept(fields, "push_url", RULE)?.filter(|text| !text.is_empty());
    match text {
        Some(text) if text.contains(char::is_control) => Err(fields.refuse("push_url", RULE)),
        text => Ok(text),
    }
}

fn kept(fields: &Fields, field: &str, rule: &'static str) -> Result<Option<String>, Invalid> {
    if fields.get(field).is_none() {
        return Ok(None);
    }
    let text = fields.text(field).filter(|text| text.len() <= TEXT_BYTES_MAX);
    text.map(|text| Some(text.into_owned())).ok_or_else(|| fields.refuse(field, rule))
}

fn priority(fields: &Fields) -> Result<u8, Invalid> {
    if fields.get("priority").is_none() {
        return Ok(PRIORITY);
    }
    let priority = fields.whole("priority").filter(|priority| *priority <= PRIORITY_MAX);
    let priority = priority.and_then(|priority| u8::try_from(priority).ok());
    priority.ok_or_else(|| fields.refuse("priority", "a whole number from 0 to 100"))
}

/// What is neither of the two spellings of success is a failure, whatever it is.
fn is_success(fields: &Fields) -> Result<bool, Invalid> {
    let value = fields.get("result").ok_or_else(|| fields.refuse("result", "sucess, success or a failure"))?;
    let is = |word: &str| value.as_str().is_some_and(|text| text.eq_ignore_ascii_case(word));
    Ok(is("sucess") || is("success"))
}

/// `local` nobody can say from elsewhere: it means a file of the cache.
fn provider(fields: &Fields) -> Result<Option<String>, Invalid> {
    if fields.get("type").is_none() {
        return Ok(None);
    }
    let name = fields.text("type").map(|text| text.to_ascii_lowercase());
    let name = name.filter(|name| matches!(name.as_str(), "oss" | "ecs"));
    name.map(Some).ok_or_else(|| fields.refuse("type", "oss or ecs"))
}

fn attempt(fields: &Fields) -> Result<Option<u32>, Invalid> {
    if fields.get("attempt").is_none() {
        return Ok(None);
    }
    let attempt = fields.whole("attempt").and_then(|attempt| u32::try_from(attempt).ok());
    attempt.map(Some).ok_or_else(|| fields.refuse("attempt", "a whole number"))
}

#[derive(Serialize)]
struct BookingBody<'a> {
    cmd: &'static str,
    class_id: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    institution_id: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    course_name: &'a str,
    record_id: &'a str,
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
    push_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    callback_url: Option<&'a str>,
    priority: u8,
}

/// Returns a booking's canonical form: two bookings are the same where these are, and [`parse`] reads it.
pub fn to_body(booking: &Booking) -> String {
    let list = booking.list.iter().map(|(label, url)| (label.to_string(), url.as_str()));
    written(&BookingBody {
        cmd: "booking",
        class_id: &booking.class.class_id,
        institution_id: &booking.class.institution,
        course_name: &booking.course_name,
        record_id: &booking.record,
        video_url: booking.video_url.as_ref().map(Url::as_str),
        video_resolution: booking.resolution.map(|resolution| resolution.to_string()),
        video_url_list: list.collect(),
        start_time: booking.start_milliseconds.map(field::time_written),
        end_time: booking.end_milliseconds.map(field::time_written),
        push_url: booking.push_url.as_deref(),
        callback_url: booking.callback_url.as_ref().map(Url::as_str),
        priority: booking.priority,
    })
}

#[derive(Serialize)]
struct EndedBody<'a> {
    cmd: &'a str,
    class_id: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    institution_id: &'a str,
}

/// Returns the message that says `cmd`, `over` or `cancel`, of a class.
pub fn ended_body(cmd: &str, class: &ClassKey) -> String {
    written(&EndedBody { cmd, class_id: &class.class_id, institution_id: &class.institution })
}

fn written(body: &impl Serialize) -> String {
    serde_json::to_string(body).expect("these hold strings and numbers only")
}

#[cfg(test)]
mod tests;
