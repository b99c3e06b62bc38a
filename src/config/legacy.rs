//! The keys of the systems we replace, as their `.env` holds them, and what each is here.

use std::collections::BTreeMap;
use std::path::Path;

use super::dotenv::{self, Assignment};
use super::error::Fault;
use super::key::{Key, suggestion};
use super::origin::Origin;
use super::reading::{Entry, Layer};
use super::setting::KEYS;
use super::written::Written;

/// How the value of an old key becomes one of ours.
#[derive(Clone, Copy)]
enum Translation {
    /// It is written in the same way.
    Same,
    /// Whole GiB.
    Gibibytes,
    /// Milliseconds, or a product that comes to them.
    Milliseconds,
}

/// An old key that is still heard.
pub(super) struct LegacyKey {
    /// Its name.
    pub(super) name: &'static str,
    /// The key that it sets; `None` for one that means nothing any more.
    pub(super) key: Option<&'static str>,
    translation: Translation,
    /// What may be written, where that is not what our own key takes.
    pub(super) rule: &'static str,
    example: &'static str,
    /// What somebody who sets it should know.
    pub(super) note: &'static str,
}

/// All old keys.
pub(super) static LEGACY_KEYS: [LegacyKey; 6] = [
    LegacyKey {
        name: "DOWNLOAD_RATE",
        key: Some("download.rate"),
        translation: Translation::Same,
        rule: "",
        example: "1000k",
        note: "it now holds for all downloads together; download.job_rate is the limit of each",
    },
    LegacyKey {
        name: "MAX_VIDEO_NUM",
        key: Some("cache.count_max"),
        translation: Translation::Same,
        rule: "",
        example: "1000",
        note: "",
    },
    LegacyKey {
        name: "MAX_VIDEO_SIZE",
        key: Some("cache.bytes_max"),
        translation: Translation::Gibibytes,
        rule: "a whole number of GiB from 1, with or without G",
        example: "1000",
        note: "",
    },
    LegacyKey {
        name: "wget_path",
        key: None,
        translation: Translation::Same,
        rule: "",
        example: "/usr/bin/wget",
        note: "ignored: downloads need no wget",
    },
    LegacyKey {
        name: "transcoding_time_out",
        key: Some("booking.transcoding_timeout"),
        translation: Translation::Milliseconds,
        rule: "whole milliseconds, or a product like 1000*60*2, from 1000 to a year",
        example: "120000",
        note: "",
    },
    LegacyKey {
        name: "order_warn_time_out",
        key: Some("booking.timeout"),
        translation: Translation::Milliseconds,
        rule: "whole milliseconds, or a product like 1000*60*60*24, from 1000 to a year",
        example: "86400000",
        note: "",
    },
];

/// Understands a `.env` of an older system.
pub(super) fn layer(path: &Path, bytes: &[u8]) -> Layer {
    let at = |line: u32| Origin::File { path: path.to_owned(), line };
    let (assignments, bad) = dotenv::parse(bytes);
    let mut layer = Layer::default();
    layer.faults.extend(bad.into_iter().map(|(line, why)| Fault::of(at(line), None, why)));
    let mut seen = BTreeMap::new();
    for assignment in assignments {
        let place = at(assignment.line);
        if let Some(first) = seen.insert(assignment.name.clone(), assignment.line) {
            let rule = format!("this is set twice, on line {first} too; keep one of them");
            layer.faults.push(Fault::of(place, Some(&assignment.name), rule));
            continue;
        }
        match LEGACY_KEYS.iter().find(|old| old.name == assignment.name) {
            Some(old) => take(old, &assignment, place, &mut layer),
            None => layer.faults.push(unknown(&assignment.name, place)),
        }
    }
    layer
}

fn take(old: &LegacyKey, assignment: &Assignment, place: Origin, layer: &mut Layer) {
    if !old.note.is_empty() {
        layer.notes.push(format!("{place}: {}: {}", old.name, old.note));
    }
    let Some(key) = old.key.and_then(|name| KEYS.iter().find(|key| key.name == name)) else { return };
    match translated(old, key, &assignment.value, place.clone()) {
        Some(entry) => layer.entries.push(entry),
        None => {
            let rule = if old.rule.is_empty() { key.form.rule().into_owned() } else { old.rule.to_owned() };
            layer.faults.push(Fault {
                value: Some(Written::words(&assignment.value, 0).shown()),
                example: Some(format!("{}={}", old.name, old.example)),
                ..Fault::of(place, Some(old.name), rule)
            });
        }
    }
}

fn translated(old: &LegacyKey, key: &'static Key, value: &str, place: Origin) -> Option<Entry> {
    let words = match old.translation {
        Translation::Same => value.to_owned(),
        Translation::Gibibytes => {
            let digits = value.strip_suffix(['G', 'g']).unwrap_or(value);
            format!("{}GiB", whole(digits)?)
        }
        Translation::Milliseconds => {
            let factors = value.split('*').map(|factor| whole(factor.trim()));
            let product = factors.reduce(|product, factor| product?.checked_mul(factor?))??;
            format!("{product}ms")
        }
    };
    Entry::new(key, Written::words(&words, 0), place).ok()
}

/// Returns digits as a number; a sign is none.
fn whole(digits: &str) -> Option<u64> {
    digits.parse().ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Returns why a name is none of the old ones. Its value is not repeated: it may be a secret.
fn unknown(name: &str, place: Origin) -> Fault {
    let rule = match suggestion(name, LEGACY_KEYS.iter().map(|old| old.name)) {
        Some(meant) => format!("there is no such key; did you mean {meant}?"),
        None => {
            let names: Vec<_> = LEGACY_KEYS.iter().map(|old| old.name).collect();
            format!("there is no such key; known are {}", names.join(", "))
        }
    };
    Fault::of(place, Some(name), rule)
}
