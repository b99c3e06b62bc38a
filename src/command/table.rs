//! The result of a run for people: one row to a rendition, and under it why, what was mended, what went wrong.

use std::path::Path;

use super::console::Paint;
use super::footprint::Cost;
use crate::failure::Failure;
use crate::figure;
use crate::media::MediaInfo;
use crate::telemetry::printable;
use crate::transcode::plan::{Action, AudioPlan, Plan, RenditionPlan};
use crate::transcode::{Finished, Outcome, RenditionOutcome, Resumption};

const HEAD: [&str; 8] = ["rendition", "action", "size", "frames", "duration", "bytes", "proof", "path"];

/// Returns the table with its head line and totals.
pub(super) fn table(
    source: &Path,
    info: &MediaInfo,
    plan: &Plan,
    outcome: &Outcome,
    cost: Cost,
    paint: Paint,
) -> String {
    let mut lines = vec![headline(source, info, paint)];
    lines.extend(plan.notes.iter().map(|note| paint.faint(&format!("  note: {}", printable(note)))));
    lines.push(String::new());
    lines.extend(rows(plan, outcome, paint));
    lines.push(String::new());
    lines.push(totals(info, outcome, cost));
    if outcome.renditions.iter().any(is_unproven) {
        lines.push(paint.caution("NOT VERIFIED: --no-verify skipped the proof; these files may be broken"));
    }
    lines.join("\n")
}

/// The engine's word counts, not the option's: whatever skipped the proof, it is said.
fn is_unproven(rendition: &RenditionOutcome) -> bool {
    rendition.result.as_ref().is_ok_and(|file| !file.verified)
}

/// Returns the first line: what the source was.
fn headline(source: &Path, info: &MediaInfo, paint: Paint) -> String {
    let mut text = paint.strong(&printable(&source.to_string_lossy()));
    if let Some(video) = &info.video {
        text.push_str(&format!("  {}x{} {}", video.width, video.height, video.codec.name()));
    }
    if let Some(audio) = &info.audio {
        text.push_str(&format!(" + {}", audio.codec.name()));
    }
    text.push_str(&format!("  {}  {}", figure::length(info.duration_seconds), figure::bytes(info.bytes)));
    text
}

/// Returns the table's lines, columns aligned, each row followed by its remarks.
fn rows(plan: &Plan, outcome: &Outcome, paint: Paint) -> Vec<String> {
    let cells: Vec<_> =
        plan.renditions.iter().zip(&outcome.renditions).map(|(planned, done)| cells(planned, done)).collect();
    let widths = widths(&cells);
    let mut lines = vec![paint.strong(&row(&HEAD.map(str::to_owned), &widths))];
    for ((cells, planned), done) in cells.iter().zip(&plan.renditions).zip(&outcome.renditions) {
        lines.push(painted_row(cells, &widths, done, paint));
        lines.extend(remarks(planned, done).iter().map(|remark| paint.faint(&format!("      {remark}"))));
    }
    lines
}

fn cells(planned: &RenditionPlan, done: &RenditionOutcome) -> [String; 8] {
    let path = printable(&done.path.to_string_lossy()).into_owned();
    let (name, action) = (done.name.to_string(), planned.action.name().to_owned());
    match &done.result {
        Ok(file) => [
            name,
            action,
            size(file),
            file.frames.to_string(),
            figure::length(file.duration_seconds),
            figure::bytes(file.bytes),
            if file.verified { "✓" } else { "skipped" }.to_owned(),
            path,
        ],
        Err(_) => {
            let gap = || "–".to_owned();
            [name, action, gap(), gap(), gap(), gap(), "✗".to_owned(), gap()]
        }
    }
}

/// A file of sound alone has no size.
fn size(file: &Finished) -> String {
    if file.width == 0 { "–".to_owned() } else { format!("{}x{}", file.width, file.height) }
}

fn widths(rows: &[[String; 8]]) -> [usize; 8] {
    std::array::from_fn(|column| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([HEAD[column].len()]).max().unwrap_or(0)
    })
}

/// Words stand left, numbers right, the path last and as long as it is.
fn row(cells: &[String; 8], widths: &[usize; 8]) -> String {
    let [name, action, size, frames, duration, bytes, proof, path] = cells;
    let [w0, w1, w2, w3, w4, w5, w6, _] = *widths;
    format!(
        "  {name:<w0$}  {action:<w1$}  {size:>w2$}  {frames:>w3$}  {duration:>w4$}  {bytes:>w5$}  {proof:<w6$}  {path}"
    )
}

/// Paint comes after alignment, which counts letters and would count escape sequences too.
fn painted_row(cells: &[String; 8], widths: &[usize; 8], done: &RenditionOutcome, paint: Paint) -> String {
    let text = row(cells, widths);
    match &done.result {
        Ok(file) if file.verified => text.replacen('✓', &paint.good("✓"), 1),
        Ok(_) => text.replacen("skipped", &paint.caution("skipped"), 1),
        Err(_) => text.replacen('✗', &paint.bad("✗"), 1),
    }
}

/// Returns what stands under a row.
fn remarks(planned: &RenditionPlan, done: &RenditionOutcome) -> Vec<String> {
    let mut remarks = Vec::new();
    if let Action::Transcode(video) = &planned.action {
        let keyint = video.keyint_seconds;
        remarks.push(format!(
            "{}, {}, keyframe every {keyint} s{}",
            video.encoder_words(),
            video.rate_control,
            sound(&planned.audio)
        ));
    }
    if let (Action::Sound, AudioPlan::Aac(aac)) = (&planned.action, &planned.audio) {
        remarks.push(format!("sound AAC {}", bit_rate(aac.bits_per_second)));
    }
    remarks.extend(planned.reasons.iter().map(|reason| format!("why: {}", printable(reason))));
    if !planned.merged.is_empty() {
        let names: Vec<_> = planned.merged.iter().map(ToString::to_string).collect();
        remarks.push(format!("serves also: {}", names.join(", ")));
    }
    match &done.result {
        Ok(file) => {
            remarks.extend(resumed(file));
            remarks.extend(file.repairs.iter().map(|repair| format!("mended: {}", printable(repair))));
        }
        Err(error) => remarks.push(format!("failed: {}: {}", error.code(), printable(&super::chain(error)))),
    }
    remarks
}

/// Returns what came of an earlier run's work, where there was any.
fn resumed(file: &Finished) -> Option<String> {
    let Resumption { chunks, reused, discarded } = file.resumption;
    match discarded {
        _ if file.is_found => Some("resumed: finished by an earlier run".to_owned()),
        Some(why) => Some(format!("begun anew: {why}")),
        None if reused > 0 => {
            Some(format!("resumed: {reused} of {} were there already", figure::count(chunks as u64, "chunk")))
        }
        None => None,
    }
}

/// Returns what was done with the sound, to follow the picture's settings.
fn sound(plan: &AudioPlan) -> String {
    match plan {
        AudioPlan::None => String::new(),
        AudioPlan::Copy => "; sound copied".to_owned(),
        AudioPlan::Aac(aac) => format!("; sound AAC {}", bit_rate(aac.bits_per_second)),
    }
}

#[expect(clippy::cast_precision_loss, reason = "printed in kilobits")]
fn bit_rate(bits_per_second: u64) -> String {
    figure::bit_rate(bits_per_second as f64)
}

/// Returns the last line: how many, how long, how fast, at what cost.
fn totals(info: &MediaInfo, outcome: &Outcome, cost: Cost) -> String {
    let done = outcome.renditions.iter().filter(|rendition| rendition.result.is_ok()).count();
    let total = outcome.renditions.len();
    let count = if done == total {
        figure::count(total as u64, "rendition")
    } else {
        format!("{done} of {total} renditions")
    };
    let mut text = format!("{count} in {:.1} s", cost.wall_seconds);
    let is_fresh = |file: &Finished| file.resumption.reused == 0 && !file.is_found;
    let all_fresh = outcome.renditions.iter().filter_map(|rendition| rendition.result.as_ref().ok()).all(is_fresh);
    // What an earlier run did says nothing about the speed of this one.
    if cost.wall_seconds > 0.0 && done > 0 && all_fresh {
        text.push_str(&format!(", {:.1} times real time", info.duration_seconds / cost.wall_seconds));
    }
    if let Some(seconds) = cost.cpu_seconds {
        text.push_str(&format!("; {seconds:.1} s of CPU"));
    }
    if let Some(bytes) = cost.peak_memory_bytes {
        text.push_str(&format!(", {} of memory at most", figure::bytes(bytes)));
    }
    text
}

#[cfg(test)]
pub(super) mod tests;
