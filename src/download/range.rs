//! What becomes of an answer: append, begin again, ask again, or give up. Pure: from what is here and what the origin's
//! answer says, before its body, to an action.
//!
//! The rules are RFC 9110's (ranges in section 14, validators in 8.8, If-Range in 13.1.5), made strict: bytes are
//! appended only when it is proven that they continue the same object.

use std::time::Duration;

use super::DownloadError;

/// How a validator's text begins.
const ETAG: &str = "etag:";
const DATE: &str = "date:";

/// What proves that two answers are pieces of the same object: a strong validator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Validator {
    /// A strong entity tag, quotes included.
    ETag(String),
    /// A time that cannot be two versions' time, as the origin writes it.
    LastModified(String),
}

impl Validator {
    /// Returns the field value for `If-Range`.
    pub fn value(&self) -> &str {
        match self {
            Self::ETag(value) | Self::LastModified(value) => value,
        }
    }

    /// Returns it as text to be kept; [`Self::parse`] reads it.
    pub fn to_text(&self) -> String {
        match self {
            Self::ETag(tag) => format!("{ETAG}{tag}"),
            Self::LastModified(date) => format!("{DATE}{date}"),
        }
    }

    /// Reads what [`Self::to_text`] wrote; nothing that could not be sent to an origin.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(tag) = text.strip_prefix(ETAG) {
            return is_strong(tag).then(|| Self::ETag(tag.to_owned()));
        }
        let date = text.strip_prefix(DATE)?;
        httpdate::parse_http_date(date).ok().map(|_| Self::LastModified(date.to_owned()))
    }
}

/// The fields of an answer that decide what becomes of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The status code.
    pub status: u16,
    /// `Content-Length`, in bytes of this body.
    pub content_length: Option<u64>,
    /// `Content-Range`, as it stands there.
    pub content_range: Option<String>,
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// `Content-Encoding`.
    pub content_encoding: Option<String>,
    /// `ETag`.
    pub etag: Option<String>,
    /// `Last-Modified`.
    pub last_modified: Option<String>,
    /// `Date`.
    pub date: Option<String>,
    /// `Location`.
    pub location: Option<String>,
    /// `Retry-After`.
    pub retry_after: Option<String>,
    /// The SHA-256 of the whole object in hex, where `Repr-Digest` (RFC 9530) tells it.
    pub sha256: Option<String>,
}

impl Head {
    /// Returns the strong validator, or why there is none.
    ///
    /// # Errors
    /// The reason, for people.
    pub fn validator(&self) -> Result<Validator, &'static str> {
        match (&self.etag, &self.last_modified) {
            (Some(tag), _) if is_strong(tag) => Ok(Validator::ETag(tag.clone())),
            (Some(_), _) => Err("the origin's ETag is weak"),
            (None, Some(modified)) if self.is_older_than_date(modified) => {
                Ok(Validator::LastModified(modified.clone()))
            }
            (None, Some(_)) => Err("the recording changed too recently for its date to tell versions apart"),
            (None, None) => Err("the origin sends neither an ETag nor a date"),
        }
    }

    /// RFC 9110, 8.8.2.2: a date is strong where it lies at least one second before the answer's own.
    fn is_older_than_date(&self, modified: &str) -> bool {
        let parse = |text: &str| httpdate::parse_http_date(text).ok();
        match (parse(modified), self.date.as_deref().and_then(parse)) {
            (Some(modified), Some(date)) => {
                date.duration_since(modified).is_ok_and(|age| age >= Duration::from_secs(1))
            }
            _ => false,
        }
    }

    /// Returns how long the origin asks us to wait. A date is told by the origin's own clock; ours may be wrong.
    pub fn retry_after(&self) -> Option<Duration> {
        let text = self.retry_after.as_deref()?.trim();
        if let Ok(seconds) = text.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let (when, now) =
            (httpdate::parse_http_date(text).ok()?, httpdate::parse_http_date(self.date.as_deref()?).ok()?);
        Some(when.duration_since(now).unwrap_or_default())
    }
}

/// A tag with anything but visible ASCII could not be sent back.
fn is_strong(tag: &str) -> bool {
    tag.len() >= 2 && tag.starts_with('"') && tag.ends_with('"') && tag.bytes().all(|byte| byte.is_ascii_graphic())
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// All of it.
    Whole,
    /// The first byte alone, for what is said beside it.
    Look,
    /// What follows the bytes that are here, if it is still the same object.
    Rest {
        /// How many bytes are here, above zero.
        from: u64,
        /// How many there are in all, where that is known.
        total: Option<u64>,
        /// What they were sent with.
        validator: Validator,
    },
}

/// What to do with an answer.
#[derive(Debug)]
pub(super) enum Action {
    /// Write the body at `offset`; what is there from `offset` on is overwritten.
    Take {
        /// Where the body begins: 0, or what is here.
        offset: u64,
        /// Bytes of this body, where that is known.
        length: Option<u64>,
        /// Bytes in all, where that is known.
        total: Option<u64>,
        /// Why it begins at 0 although something was here.
        instead: Option<&'static str>,
    },
    /// Everything is here already.
    Complete,
    /// Throw away what is here and ask for the whole.
    StartOver {
        /// Why, for people.
        why: String,
        /// The origin broke the rules; once is forgiven.
        is_fault: bool,
    },
    /// Ask there.
    Redirect(String),
    /// Ask again later, not before the time that the origin names.
    Retry(DownloadError, Option<Duration>),
    /// Give up.
    Refuse(DownloadError),
}

/// Decides what becomes of an answer.
pub(super) fn decide(asked: &Asked, head: &Head) -> Action {
    match head.status {
        200 | 206 if let Some(encoding) = encoding(head) => Action::Refuse(DownloadError::Encoded(encoding)),
        200 => whole(asked, head),
        206 => partial(asked, head),
        301 | 302 | 303 | 307 | 308 => redirect(head),
        416 => unsatisfiable(asked, head),
        408 | 425 | 429 | 500..=599 => Action::Retry(DownloadError::Server(head.status), head.retry_after()),
        status => Action::Refuse(DownloadError::Status(status)),
    }
}

fn encoding(head: &Head) -> Option<String> {
    let encoding = head.content_encoding.as_deref()?.trim();
    (!encoding.is_empty() && !encoding.eq_ignore_ascii_case("identity")).then(|| encoding.to_owned())
}

fn whole(asked: &Asked, head: &Head) -> Action {
    let instead = match asked {
        Asked::Whole | Asked::Look => None,
        Asked::Rest { validator, .. } if head.validator().as_ref() == Ok(validator) => {
            Some("the origin does not send parts")
        }
        Asked::Rest { .. } => Some("the recording has changed at the origin"),
    };
    Action::Take { offset: 0, length: head.content_length, total: head.content_length, instead }
}

fn redirect(head: &Head) -> Action {
    match &head.location {
        Some(location) => Action::Redirect(location.clone()),
        None => Action::Refuse(DownloadError::Redirect("without saying where".to_owned())),
    }
}

fn partial(asked: &Asked, head: &Head) -> Action {
    if *asked == Asked::Look {
        return seen(ContentRange::of(head).and_then(|range| range.total));
    }
    let fault = |why: String| Action::StartOver { why, is_fault: true };
    let Asked::Rest { from, total, validator } = asked else {
        return fault("a part, though the whole was asked for".to_owned());
    };
    if is_multipart(head) {
        return fault("several parts at once".to_owned());
    }
    let Some(range) = ContentRange::of(head) else {
        return fault("no Content-Range that could be understood".to_owned());
    };
    if !is_same(head, validator) {
        return Action::StartOver { why: "the recording has changed at the origin".to_owned(), is_fault: false };
    }
    if range.first != *from {
        return fault(format!("it begins at byte {}, not at {from}", range.first));
    }
    if let (Some(known), Some(said)) = (*total, range.total)
        && known != said
    {
        return fault(format!("it says {said} bytes in all, before it was {known}"));
    }
    let length = range.last - range.first + 1;
    if head.content_length.is_some_and(|said| said != length) {
        return fault(format!("a body of {:?} bytes for a range of {length}", head.content_length));
    }
    Action::Take { offset: *from, length: Some(length), total: range.total.or(*total), instead: None }
}

/// A look saw so much. Whoever fetches next is told if the origin makes no sense.
fn seen(total: Option<u64>) -> Action {
    Action::Take { offset: 0, length: None, total, instead: None }
}

fn is_multipart(head: &Head) -> bool {
    head.content_type.as_deref().is_some_and(|kind| kind.trim().to_ascii_lowercase().starts_with("multipart/"))
}

/// Returns whether an answer to a range with `validator` is of the same object. An origin that knows an entity tag must
/// repeat it (RFC 9110, 15.3.7); a date it may leave out.
fn is_same(head: &Head, validator: &Validator) -> bool {
    match validator {
        Validator::ETag(tag) => head.etag.as_ref() == Some(tag),
        Validator::LastModified(date) => head.last_modified.as_ref().is_none_or(|now| now == date),
    }
}

/// Nothing follows what is here: complete if that is all there is. Whoever evaluated If-Range and found another object
/// would have sent that instead, so an answer without a validator counts as the same object's.
fn unsatisfiable(asked: &Asked, head: &Head) -> Action {
    if *asked == Asked::Look {
        // Of nothing there is no first byte.
        return seen(head.content_range.as_deref().and_then(unsatisfied_total));
    }
    let start_over = |why: &str| Action::StartOver { why: why.to_owned(), is_fault: false };
    let Asked::Rest { from, total: known, validator } = asked else {
        return Action::Refuse(DownloadError::Status(416));
    };
    let is_other = match validator {
        Validator::ETag(tag) => head.etag.as_ref().is_some_and(|now| now != tag),
        Validator::LastModified(_) => !is_same(head, validator),
    };
    let total = head.content_range.as_deref().and_then(unsatisfied_total);
    match total {
        _ if is_other => start_over("the recording has changed at the origin"),
        Some(total) if total == *from && known.is_none_or(|known| known == total) => Action::Complete,
        Some(_) => start_over("the recording is shorter at the origin than what was here"),
        None => start_over("the origin has nothing more and does not say how much there is"),
    }
}

/// `bytes first-last/total`; the total may be `*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ContentRange {
    first: u64,
    last: u64,
    total: Option<u64>,
}

impl ContentRange {
    fn of(head: &Head) -> Option<Self> {
        head.content_range.as_deref().and_then(Self::parse)
    }

    fn parse(text: &str) -> Option<Self> {
        let (range, total) = after_unit(text)?.split_once('/')?;
        let (first, last) = range.trim().split_once('-')?;
        let (first, last) = (digits(first)?, digits(last)?);
        let total = match total.trim() {
            "*" => None,
            total => Some(digits(total)?),
        };
        // One byte more than the last must be a number still.
        let is_sound = first <= last && last < u64::MAX && total.is_none_or(|total| last < total);
        is_sound.then_some(Self { first, last, total })
    }
}

/// Reads `bytes */total`.
fn unsatisfied_total(text: &str) -> Option<u64> {
    let (star, total) = after_unit(text)?.split_once('/')?;
    if star.trim() == "*" { digits(total.trim()) } else { None }
}

/// Returns what follows `bytes`.
fn after_unit(text: &str) -> Option<&str> {
    let text = text.trim();
    let unit = text.get(..5)?;
    let rest = &text[5..];
    (unit.eq_ignore_ascii_case("bytes") && rest.starts_with([' ', '\t', '='])).then(|| rest[1..].trim())
}

/// Reads a number without sign or blanks; none that does not fit.
fn digits(text: &str) -> Option<u64> {
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_plain { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests;
