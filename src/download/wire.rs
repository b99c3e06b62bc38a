//! The sidecar's lines: JSON, sealed. The first says what is being fetched; each further one how much of it is on the disk
//! for certain; the last, once everything is, what it came to. Readers of another version begin anew.

use serde::{Deserialize, Serialize};

use super::part_file::{Mark, Origin};
use super::range::Validator;
use crate::checked_line;

/// Counted up when a line changes its meaning.
const VERSION: u32 = 1;

#[derive(Deserialize, Serialize)]
#[serde(tag = "entry", rename_all = "lowercase")]
enum Line {
    Origin {
        version: u32,
        url: String,
        final_url: String,
        etag: Option<String>,
        last_modified: Option<String>,
        total_bytes: Option<u64>,
    },
    Durable {
        bytes: u64,
        sha256: String,
    },
    Whole {
        bytes: u64,
        sha256: String,
    },
}

/// What a line says.
pub(super) enum Entry {
    Origin(Origin),
    Durable(Mark),
    Whole(Mark),
}

/// Returns what `line` says, if it is whole.
pub(super) fn read(line: &str) -> Option<Entry> {
    match serde_json::from_str(checked_line::unseal(line)?).ok()? {
        Line::Origin { version: VERSION, url, final_url, etag, last_modified, total_bytes } => {
            let validator = etag.map(Validator::ETag).or(last_modified.map(Validator::LastModified));
            Some(Entry::Origin(Origin { url, final_url, validator, total: total_bytes }))
        }
        Line::Origin { .. } => None,
        Line::Durable { bytes, sha256 } => Some(Entry::Durable(Mark { bytes, sha256 })),
        Line::Whole { bytes, sha256 } => Some(Entry::Whole(Mark { bytes, sha256 })),
    }
}

/// Returns the first line.
pub(super) fn origin(origin: &Origin) -> String {
    let tag = |validator: &Validator| matches!(validator, Validator::ETag(_)).then(|| validator.value().to_owned());
    let date = |validator: &Validator| {
        matches!(validator, Validator::LastModified(_)).then(|| validator.value().to_owned())
    };
    text(&Line::Origin {
        version: VERSION,
        url: origin.url.clone(),
        final_url: origin.final_url.clone(),
        etag: origin.validator.as_ref().and_then(tag),
        last_modified: origin.validator.as_ref().and_then(date),
        total_bytes: origin.total,
    })
}

/// Returns the line that says how much is on the disk.
pub(super) fn durable(mark: &Mark) -> String {
    text(&Line::Durable { bytes: mark.bytes, sha256: mark.sha256.clone() })
}

/// Returns the last line.
pub(super) fn whole(mark: &Mark) -> String {
    text(&Line::Whole { bytes: mark.bytes, sha256: mark.sha256.clone() })
}

fn text(line: &Line) -> String {
    let json = serde_json::to_string(line).expect("numbers and strings always serialize");
    let mut line = checked_line::seal(&json);
    line.push('\n');
    line
}
