//! A finished download in JSON (`reelmill.fetch/1`), and its progress, one object a line.

use serde::Serialize;
use url::Url;

use super::progress::View;
use crate::command::wire::{compact, pretty, rounded};
use crate::control::Fetched;
use crate::download::{Report, Request, Validator};

const SCHEMA: &str = "reelmill.fetch/1";

#[derive(Serialize)]
struct FetchDocument<'a> {
    schema: &'static str,
    url: &'a str,
    final_url: &'a str,
    path: String,
    bytes: u64,
    sha256: &'a str,
    fetched_bytes: u64,
    resumed_from_bytes: u64,
    attempts: u64,
    seconds: f64,
    validator: Option<&'a str>,
    content_type: Option<&'a str>,
    notes: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    cache: Option<Cached<'a>>,
}

#[derive(Serialize)]
struct Cached<'a> {
    key: &'a str,
    path: &'a str,
    state: &'a str,
    notes: &'a [String],
}

/// Returns the document of a file that is in the cache. What no download told is 0, null or left empty.
pub(super) fn cached_document(url: &Url, fetched: &Fetched, seconds: f64) -> String {
    let Fetched { key, path, bytes, sha256, state, notes, download } = fetched;
    let download = download.as_ref();
    pretty(&FetchDocument {
        schema: SCHEMA,
        url: url.as_str(),
        final_url: download.map_or(url.as_str(), |download| &download.final_url),
        path: path.clone(),
        bytes: *bytes,
        sha256,
        fetched_bytes: download.map_or(0, |download| download.fetched_bytes),
        resumed_from_bytes: download.map_or(0, |download| download.resumed_from_bytes),
        attempts: download.map_or(0, |download| download.attempts),
        seconds: rounded(seconds),
        validator: download.and_then(|download| download.validator.as_deref()),
        content_type: download.and_then(|download| download.content_type.as_deref()),
        notes: download.map_or(&[], |download| &download.notes),
        cache: Some(Cached { key, path, state, notes }),
    })
}

/// Returns the document of a finished download.
pub(super) fn fetch_document(request: &Request, report: &Report, seconds: f64) -> String {
    pretty(&FetchDocument {
        schema: SCHEMA,
        url: request.url.as_str(),
        final_url: &report.final_url,
        path: request.output.to_string_lossy().into_owned(),
        bytes: report.bytes,
        sha256: &report.sha256,
        fetched_bytes: report.fetched,
        resumed_from_bytes: report.resumed_from,
        attempts: report.attempts,
        seconds: rounded(seconds),
        validator: report.validator.as_ref().map(Validator::value),
        content_type: report.content_type.as_deref(),
        notes: &report.notes,
        cache: None,
    })
}

#[derive(Serialize)]
struct ProgressLine<'a> {
    r#type: &'static str,
    phase: &'a str,
    seconds: f64,
    bytes: u64,
    total_bytes: Option<u64>,
    bytes_per_second: f64,
    eta_seconds: Option<f64>,
    attempts: Option<u64>,
}

/// Returns the line that tells how far a download is; `end` for the last one.
pub(super) fn progress_line(view: &View, is_end: bool) -> String {
    compact(&ProgressLine {
        r#type: if is_end { "end" } else { "progress" },
        phase: &view.phase,
        seconds: rounded(view.seconds),
        bytes: view.bytes,
        total_bytes: view.total,
        bytes_per_second: rounded(view.bytes_per_second),
        eta_seconds: view.eta_seconds.map(rounded),
        attempts: view.attempts,
    })
}
