//! `reelmill probe`: what is in a file, what is odd about it, and what `transcode` without options would do.

pub(super) mod wire;

use std::path::Path;

use super::console::Paint;
use super::engine::{self, Interrupt};
use super::signal::{SignalWatch, stopping};
use super::{CommandError, Console, check};
use crate::cli::ProbeArgs;
use crate::failure::ExitCode;
use crate::figure;
use crate::media::{AudioInfo, Dynamics, MediaInfo, Range, Scan, Timing, VideoInfo};
use crate::telemetry::printable;
use crate::transcode::Request;
use crate::transcode::plan::{Plan, RenditionPlan};

/// Runs the command and prints its result.
pub(super) fn run(args: &ProbeArgs, console: &Console) -> Result<ExitCode, CommandError> {
    check::source(&args.source)?;
    let interrupt = Interrupt::default();
    let signals = SignalWatch::start(stopping(&interrupt), console)?;
    let info = engine::probe(&args.source, &interrupt).map_err(|error| signals.attribute(error))?;
    // A recording that cannot be transcoded can still be looked at: the refusal is part of the answer, not a failure.
    let plan = engine::plan(&info, &Request::default());
    let text = if args.json {
        wire::probe_document(&args.source, &info, plan.as_ref().map_err(CommandError::failure))
    } else {
        report(&args.source, &info, plan.as_ref(), console.stdout)
    };
    console.print(&text)?;
    Ok(ExitCode::Done)
}

/// Returns the report for people: a label to the left, facts to the right.
fn report(source: &Path, info: &MediaInfo, plan: Result<&Plan, &CommandError>, paint: Paint) -> String {
    let mut facts = vec![("file", file(info))];
    facts.extend(info.video.iter().flat_map(picture));
    facts.extend(info.audio.iter().map(|audio| ("sound", sound(audio))));
    let others = info.other_streams.iter();
    facts.extend(others.map(|other| ("left out", format!("#{} {}", other.stream_index, printable(&other.what)))));
    facts.extend(info.oddities.iter().map(|found| ("odd", found.to_string())));
    facts.extend(planned(plan));
    let mut lines = vec![paint.strong(&printable(&source.to_string_lossy()))];
    // A label is said once for all the facts under it.
    let mut before = "";
    for (label, fact) in &facts {
        let shown = if *label == before { "" } else { label };
        before = label;
        lines.push(format!("  {}  {fact}", paint.faint(&format!("{shown:<8}"))));
    }
    lines.join("\n")
}

fn file(info: &MediaInfo) -> String {
    let mut text =
        format!("{}, {}, {}", info.container, figure::bytes(info.bytes), figure::length(info.duration_seconds));
    // Half a second and more is worth telling apart; headers round.
    match info.declared_duration_seconds {
        Some(declared) if (declared - info.duration_seconds).abs() >= 0.5 => {
            text.push_str(&format!(" (the header says {})", figure::length(declared)));
        }
        _ => {}
    }
    text
}

/// Returns the picture's four lines: what it is, its colors, its timing, its weight.
fn picture(video: &VideoInfo) -> [(&'static str, String); 4] {
    let profile = video.profile.as_ref().map(|name| format!(" {}", printable(name))).unwrap_or_default();
    let stream = format!("#{} {}{profile}, {}", video.stream_index, video.codec.name(), size(video));
    let rate = figure::trimmed(video.frame_rate.value());
    let evenness = if video.timing == Timing::Variable { " on average, variable" } else { "" };
    let frames = figure::count(video.packets, "frame");
    let timing = format!("{frames} at {rate} fps{evenness}, {}", scan(video.scan));
    let gap = video.longest_keyframe_gap_seconds;
    let keyframes = format!("{}, at most {gap:.2} s apart", figure::count(video.keyframes, "keyframe"));
    let weight = format!("{}, {}", figure::bytes(video.bytes), figure::bit_rate(video.bits_per_second()));
    [
        ("picture", stream),
        ("picture", color(video)),
        ("picture", timing),
        ("picture", format!("{keyframes}; {weight}")),
    ]
}

fn size(video: &VideoInfo) -> String {
    let mut text = format!("{}x{}", video.width, video.height);
    if !video.has_square_pixels() {
        text.push_str(&format!(", pixels {}", video.sample_aspect_ratio));
    }
    if video.rotation.degrees() != 0 {
        text.push_str(&format!(", turned by {}°", video.rotation.degrees()));
    }
    text
}

fn color(video: &VideoInfo) -> String {
    let range = match video.range {
        Range::Limited => "limited range",
        Range::Full => "full range",
        Range::Unknown => "range not said",
    };
    let matrix = video.color.matrix.as_deref().unwrap_or("colors not said");
    let dynamics = if video.color.dynamics() == Dynamics::High { ", HDR" } else { "" };
    let format = &video.pixel_format;
    format!("{} ({} bit), {range}, {matrix}{dynamics}", format.name, format.bit_depth)
}

const fn scan(scan: Scan) -> &'static str {
    match scan {
        Scan::Progressive => "progressive",
        Scan::TopFieldFirst => "interlaced, top field first",
        Scan::BottomFieldFirst => "interlaced, bottom field first",
    }
}

fn sound(audio: &AudioInfo) -> String {
    let seconds = audio.end_seconds - audio.start_seconds;
    #[expect(clippy::cast_precision_loss, reason = "a rate for printing")]
    let rate = if seconds > 0.0 { audio.bytes as f64 * 8.0 / seconds } else { 0.0 };
    format!(
        "#{} {}, {} Hz, {}, {}",
        audio.stream_index,
        audio.codec.name(),
        audio.sample_rate,
        printable(&audio.layout),
        figure::bit_rate(rate)
    )
}

/// Returns what a default plan would do with each rendition, or why there is none.
fn planned(plan: Result<&Plan, &CommandError>) -> Vec<(&'static str, String)> {
    let plan = match plan {
        Ok(plan) => plan,
        Err(error) => {
            let error = error.failure();
            return vec![("plan", format!("refused, {}: {}", error.code(), printable(&super::chain(error))))];
        }
    };
    let rendition = |rendition: &RenditionPlan| {
        let head = format!("{} {} into {}", rendition.name, rendition.action.name(), plan.container);
        let reasons: Vec<_> = rendition.reasons.iter().map(|reason| format!("  {}", printable(reason))).collect();
        std::iter::once(head).chain(reasons)
    };
    let notes = plan.notes.iter().map(|note| printable(note).into_owned());
    plan.renditions.iter().flat_map(rendition).chain(notes).map(|line| ("plan", line)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::table::tests::{info, plan};

    #[test]
    fn a_report_tells_streams_oddities_and_the_plan() {
        let text = report(Path::new("in/lesson.flv"), &info(), Ok(&plan()), Paint(false));
        assert_eq!(
            text,
            "in/lesson.flv\n  \
             file      flv, 1.0 MiB, 0:40.00 (the header says 0:41.00)\n  \
             picture   #0 h264 High, 1920x1080\n            \
             yuv420p (8 bit), limited range, bt709\n            \
             1000 frames at 25 fps, progressive\n            \
             10 keyframes, at most 4.00 s apart; 878.9 KiB, 180 kbit/s\n  \
             sound     #1 aac, 48000 Hz, stereo, 20 kbit/s\n  \
             left out  #2 cover art (mjpeg)\n  \
             odd       ends in 4.0 KiB of zeros\n  \
             plan      720P transcode into mp4\n              \
             smaller than the source\n            \
             480P copy into mp4\n              \
             it fits as it is\n            \
             cover art is left out"
        );
    }

    #[test]
    fn a_refused_plan_is_part_of_the_report() {
        let refusal = CommandError::SourceMissing("x".into());
        let text = report(Path::new("lesson.flv"), &info(), Err(&refusal), Paint(false));
        assert!(text.ends_with("\n  plan      refused, SOURCE_MISSING: there is no file x"), "{text}");
    }
}
