//! What the origin serves, and the answer that RFC 9110 wants for a request.

use std::sync::Arc;

use super::Asked;
use super::answer::Answer;
use crate::support::bytes::Noise;

/// When the object changed, unless said otherwise: long before [`DATE`], so that it is a strong validator.
pub(crate) const LAST_MODIFIED: &str = "Mon, 02 Nov 2026 08:00:00 GMT";
/// What the origin takes for now, so that no answer depends on the clock.
const DATE: &str = "Tue, 03 Nov 2026 08:00:00 GMT";

/// Bytes with their validators.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) bytes: Arc<Vec<u8>>,
    /// With its quotes, and `W/` where it is weak.
    pub(crate) etag: Option<String>,
    pub(crate) last_modified: Option<String>,
    pub(crate) date: Option<String>,
}

impl Object {
    /// An object of so many bytes, which look random, with strong validators; another seed makes another object.
    pub(crate) fn new(count: usize, seed: u64) -> Self {
        Self::of(noise(count, seed), &format!("\"object-{seed}\""))
    }

    /// An object of these bytes.
    pub(crate) fn of(bytes: Vec<u8>, etag: &str) -> Self {
        Self {
            bytes: Arc::new(bytes),
            etag: Some(etag.to_owned()),
            last_modified: Some(LAST_MODIFIED.to_owned()),
            date: Some(DATE.to_owned()),
        }
    }

    /// The same with this entity tag, or none.
    pub(crate) fn tagged(self, etag: Option<&str>) -> Self {
        Self { etag: etag.map(str::to_owned), ..self }
    }

    /// The same with this date of change, or none.
    pub(crate) fn changed(self, last_modified: Option<&str>) -> Self {
        Self { last_modified: last_modified.map(str::to_owned), ..self }
    }

    /// The same, served at that time.
    pub(crate) fn dated(self, date: Option<&str>) -> Self {
        Self { date: date.map(str::to_owned), ..self }
    }

    /// Returns the correct answer.
    pub(crate) fn answer(&self, asked: &Asked) -> Answer {
        let length = self.bytes.len();
        let mut answer =
            match asked.header("range").filter(|_| self.is_meant(asked)).map(|range| asked_range(range, length)) {
                None => self.whole(),
                Some(None) => {
                    let mut refusal = Answer::of(416);
                    refusal.set("Content-Range", format!("bytes */{length}"));
                    refusal
                }
                Some(Some((first, last))) => {
                    let mut part = Answer::of(206);
                    part.part(&self.bytes, first..last + 1);
                    part.set("Content-Range", format!("bytes {first}-{last}/{length}"));
                    part
                }
            };
        let headers = [("ETag", &self.etag), ("Last-Modified", &self.last_modified), ("Date", &self.date)];
        for (name, value) in headers {
            if let Some(value) = value {
                answer.set(name, value);
            }
        }
        answer.set("Accept-Ranges", "bytes");
        answer
    }

    fn whole(&self) -> Answer {
        let mut answer = Answer::of(200);
        answer.part(&self.bytes, 0..self.bytes.len());
        answer
    }

    /// Returns whether `If-Range` is absent or names this very object; weak tags never do.
    fn is_meant(&self, asked: &Asked) -> bool {
        let is_same = |wanted: &str| match wanted.starts_with('"') {
            true => self.etag.as_deref() == Some(wanted),
            false => self.last_modified.as_deref() == Some(wanted),
        };
        asked.header("if-range").is_none_or(is_same)
    }
}

/// Returns the first and the last byte that `bytes=first-last` means, `None` where there are none.
fn asked_range(range: &str, length: usize) -> Option<(usize, usize)> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let first: usize = first.parse().ok()?;
    let last = if last.is_empty() {
        length.checked_sub(1)?
    } else {
        last.parse::<usize>().ok()?.min(length.checked_sub(1)?)
    };
    (first <= last).then_some((first, last))
}

/// Returns bytes that compress as badly as media. One number makes a kibibyte, or large objects would take a second each.
fn noise(count: usize, seed: u64) -> Vec<u8> {
    let mut noise = Noise::new(seed);
    let block = noise.bytes(4099);
    let mut bytes = Vec::with_capacity(count);
    while bytes.len() < count {
        let shift = u8::try_from(noise.below(256)).unwrap();
        let wanted = (count - bytes.len()).min(block.len());
        bytes.extend(block[..wanted].iter().map(|byte| byte.wrapping_add(shift)));
    }
    bytes
}
