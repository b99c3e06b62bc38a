//! Progress in JSON, one object a line; `type` tells the last line from the others.

use serde::Serialize;

use super::View;
use crate::command::wire::{compact, rounded};

/// One line of `--progress json`.
#[derive(Serialize)]
struct ProgressLine {
    r#type: &'static str,
    rendition: String,
    phase: &'static str,
    frame: u64,
    frames_total: u64,
    fps: f64,
    speed: f64,
    percent: f64,
    eta_seconds: Option<f64>,
}

/// The last line of `--progress json`.
#[derive(Serialize)]
struct EndLine {
    r#type: &'static str,
    wall_seconds: f64,
    renditions: Vec<EndRendition>,
}

#[derive(Serialize)]
struct EndRendition {
    rendition: String,
    phase: &'static str,
    frame: u64,
}

/// Returns the line that tells where a rendition is.
pub(in crate::command) fn progress_line(view: &View) -> String {
    compact(&ProgressLine {
        r#type: "progress",
        rendition: view.name.to_string(),
        phase: view.phase.name(),
        frame: view.frames,
        frames_total: view.frames_total,
        fps: rounded(view.fps),
        speed: rounded(view.speed),
        percent: rounded(view.percent),
        eta_seconds: view.eta_seconds.map(rounded),
    })
}

/// Returns the line that ends the progress.
pub(in crate::command) fn end_line(views: &[View], wall_seconds: f64) -> String {
    let rendition = |view: &View| EndRendition {
        rendition: view.name.to_string(),
        phase: view.phase.name(),
        frame: view.frames,
    };
    let renditions = views.iter().map(rendition).collect();
    compact(&EndLine { r#type: "end", wall_seconds: rounded(wall_seconds), renditions })
}
