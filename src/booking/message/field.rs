//! The fields of a message: read once, with bounds, and shown in messages so that whoever sent them sees what is wrong.

use std::borrow::Cow;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::booking::Invalid;

/// A longer message than this is none. Far beyond any booking, and little enough to be held many times over.
pub const BODY_BYTES_MAX: usize = 1 << 20;
/// So much of what was refused is shown.
pub const GOT_CHARS_MAX: usize = 80;
/// Of what was refused so much is left beside the reason.
const GOT_CHARS_MIN: usize = 20;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// 2001 and the first moment of 2101, in Unix seconds. No number is a time in seconds and in milliseconds between the two.
const SECONDS: std::ops::Range<i64> = 978_307_200..4_133_980_800;
const MILLISECONDS_IN_SECOND: i64 = 1000;

/// A message's fields.
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    /// Reads them. Nesting has serde_json's own limit.
    pub(super) fn read(body: &[u8]) -> Result<Self, Invalid> {
        const FIELD: &str = "message";
        if body.len() > BODY_BYTES_MAX {
            return Err(invalid(FIELD, "at most 1 MiB", format!("{} bytes", body.len())));
        }
        let text = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
        match serde_json::from_slice(text) {
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            Ok(other) => Err(invalid(FIELD, "a JSON object", shown(&other))),
            Err(error) => {
                let start = &text[..text.len().min(GOT_CHARS_MAX)];
                let got = quoted(&String::from_utf8_lossy(start));
                Err(invalid(FIELD, "JSON", with_reason(&got, &error.to_string())))
            }
        }
    }

    /// Returns a field; one that is null is not there.
    pub(super) fn get(&self, field: &str) -> Option<&Value> {
        self.0.get(field).filter(|value| !value.is_null())
    }

    /// Returns a field that is text or a whole number, as text.
    pub(super) fn text(&self, field: &str) -> Option<Cow<'_, str>> {
        match self.get(field)? {
            Value::String(text) => Some(Cow::Borrowed(text)),
            Value::Number(number) if !number.is_f64() => Some(Cow::Owned(number.to_string())),
            _ => None,
        }
    }

    /// Returns a field that is a whole number from 0 on, or text that spells one.
    pub(super) fn whole(&self, field: &str) -> Option<u64> {
        let text = self.text(field)?;
        text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
    }

    /// Returns a time in Unix milliseconds; it may be written in seconds, with a fraction too, or in milliseconds.
    pub(super) fn time(&self, field: &str) -> Result<Option<i64>, Invalid> {
        let Some(value) = self.get(field) else { return Ok(None) };
        let whole = self.whole(field).and_then(|number| i64::try_from(number).ok());
        let milliseconds = match whole {
            Some(number) if SECONDS.contains(&(number / MILLISECONDS_IN_SECOND)) => Some(number),
            Some(number) => number.checked_mul(MILLISECONDS_IN_SECOND),
            None => value.as_f64().and_then(of_fraction),
        };
        let time = milliseconds.filter(|time| SECONDS.contains(&(time / MILLISECONDS_IN_SECOND)));
        time.map(Some).ok_or_else(|| self.refuse(field, "Unix seconds of the years 2001 to 2100"))
    }

    /// Returns that a field is not as it should be.
    pub(super) fn refuse(&self, field: &str, rule: &'static str) -> Invalid {
        invalid(field, rule, self.get(field).map_or("nothing".to_owned(), shown))
    }
}

fn of_fraction(seconds: f64) -> Option<i64> {
    let time = Duration::try_from_secs_f64(seconds).ok()?;
    i64::try_from(time.as_millis()).ok()
}

/// Returns a time as it is written: in seconds, or in milliseconds where these say more.
pub(super) const fn time_written(milliseconds: i64) -> i64 {
    match milliseconds % MILLISECONDS_IN_SECOND {
        0 => milliseconds / MILLISECONDS_IN_SECOND,
        _ => milliseconds,
    }
}

/// Returns that a field is not as it should be.
pub(super) fn invalid(field: &str, rule: &'static str, got: String) -> Invalid {
    Invalid { field: field.to_owned(), rule, got: cut(&got, GOT_CHARS_MAX), class: None }
}

/// Returns a value for people: text in quotes, with everything in it that would not be seen; of the larger ones their size.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Array(items) => format!("a list of {}", items.len()),
        Value::Object(fields) => format!("an object of {}", fields.len()),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// Returns text in quotes.
pub(super) fn quoted(text: &str) -> String {
    // A few letters more than are shown: what is cut ends in dots.
    let start: String = text.chars().take(GOT_CHARS_MAX + 1).collect();
    format!("{start:?}")
}

/// Returns what was refused with the reason behind it, both as far as there is room.
pub(super) fn with_reason(got: &str, reason: &str) -> String {
    let reason = cut(reason, GOT_CHARS_MAX - GOT_CHARS_MIN - 3);
    let room = GOT_CHARS_MAX - 3 - reason.chars().count();
    format!("{} ({reason})", cut(got, room))
}

fn cut(text: &str, chars_max: usize) -> String {
    let visible = text.chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter });
    if text.chars().nth(chars_max).is_none() {
        return visible.collect();
    }
    visible.take(chars_max - 1).chain(['…']).collect()
}
