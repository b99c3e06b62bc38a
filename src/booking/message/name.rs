//! Names in messages: of a class, of a recording, of an institution. The last two become folders, so that they are names on
//! every system and never lead anywhere else.

use super::field::Fields;
use crate::booking::Invalid;

/// Room for a rendition and an ending behind it, in any file system.
const NAME_BYTES_MAX: usize = 64;
const CLASS_BYTES_MAX: usize = 128;
/// Digits of a rendition's name.
const DIGITS_MAX: usize = 4;

/// Names of devices on Windows, whatever follows them behind a dot: a share may be looked at from there.
const DEVICES: [&str; 4] = ["CON", "PRN", "AUX", "NUL"];
const NUMBERED_DEVICES: [&str; 2] = ["COM", "LPT"];

/// Returns `class_id`. What stands for its end in holders' names, in patterns and in paths cannot stand in it.
pub(super) fn class_id(fields: &Fields) -> Result<String, Invalid> {
    let is_odd = |letter: char| letter.is_control() || letter.is_whitespace() || matches!(letter, '/' | '\\' | '#');
    let is_name = |text: &str| (1..=CLASS_BYTES_MAX).contains(&text.len()) && !text.contains(is_odd);
    let name = fields.text("class_id").filter(|text| is_name(text));
    let rule = "1 to 128 bytes without white space, control characters, '/', '\\' and '#'";
    name.map(|text| text.into_owned()).ok_or_else(|| fields.refuse("class_id", rule))
}

/// Returns `record_id`.
pub(super) fn record(fields: &Fields) -> Result<String, Invalid> {
    folder(fields, "record_id")
}

/// Returns `institution_id`; empty for the single default institution.
pub(super) fn institution(fields: &Fields) -> Result<String, Invalid> {
    match fields.get("institution_id") {
        None => Ok(String::new()),
        Some(value) if value.as_str() == Some("") => Ok(String::new()),
        Some(_) => folder(fields, "institution_id"),
    }
}

/// Returns whether an institution may be called that: for whoever names one elsewhere than in a message.
pub fn is_institution(name: &str) -> bool {
    broken_rule(name).is_none()
}

fn folder(fields: &Fields, field: &str) -> Result<String, Invalid> {
    let text = fields.text(field).unwrap_or_default();
    match broken_rule(&text) {
        None => Ok(text.into_owned()),
        Some(rule) => Err(fields.refuse(field, rule)),
    }
}

/// Returns the rule that a folder's name breaks.
fn broken_rule(text: &str) -> Option<&'static str> {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let is_name = (1..=NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(is_letter);
    if !is_name || text.starts_with(['.', '-']) {
        Some("1 to 64 of a-z, A-Z, 0-9, '_', '-' and '.', the first neither '-' nor '.'")
    } else if is_file(text) {
        Some("a name that does not end like a file's or a rendition's")
    } else {
        is_device(text).then_some("a name that is no device's")
    }
}

/// `6666_720P` would be where the file of another recording is.
fn is_file(name: &str) -> bool {
    let is_rendition = |(_, label): (&str, &str)| {
        let digits = label.strip_suffix(['P', 'p']).unwrap_or_default();
        (1..=DIGITS_MAX).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    name.to_ascii_lowercase().ends_with(".flv") || name.rsplit_once('_').is_some_and(is_rendition)
}

fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).to_ascii_uppercase();
    let is_numbered =
        |device: &&str| stem.strip_prefix(*device).is_some_and(|number| matches!(number.as_bytes(), [b'1'..=b'9']));
    DEVICES.contains(&stem.as_str()) || NUMBERED_DEVICES.iter().any(is_numbered)
}
