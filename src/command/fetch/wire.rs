//! A finished download in JSON (`reelmill.fetch/1`), and its progress, one object a line.

use serde::Serialize;

use super::progress::View;
use crate::command::wire::{compact, pretty, rounded};
use crate::download::{Report, Request, Validator};

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
}

/// Returns the document of a finished download.
pub(super) fn fetch_document(request: &Request, report: &Report, seconds: f64) -> String {
    pretty(&FetchDocument {
        schema: "reelmill.fetch/1",
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
    })
}

#[derive(Serialize)]
struct ProgressLine {
    r#type: &'static str,
    phase: &'static str,
    seconds: f64,
    bytes: u64,
    total_bytes: Option<u64>,
    bytes_per_second: f64,
    eta_seconds: Option<f64>,
    attempts: u64,
}

/// Returns the line that tells how far a download is; `end` for the last one.
pub(super) fn progress_line(view: &View, is_end: bool) -> String {
    compact(&ProgressLine {
        r#type: if is_end { "end" } else { "progress" },
        phase: view.phase.name(),
        seconds: rounded(view.seconds),
        bytes: view.bytes,
        total_bytes: view.total,
        bytes_per_second: rounded(view.bytes_per_second),
        eta_seconds: view.eta_seconds.map(rounded),
        attempts: view.attempts,
    })
}
