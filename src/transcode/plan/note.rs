//! What is said of a source as a whole: each oddity and each stream left out, with what is done about it.

use crate::media::{AudioInfo, MediaInfo, Oddity, VideoInfo};

/// Returns one sentence fragment for everything about the source that a person should know.
pub(super) fn notes(info: &MediaInfo) -> Vec<String> {
    let mut notes: Vec<String> = info.oddities.iter().map(oddity).collect();
    notes.extend(info.other_streams.iter().map(|stream| format!("left out: {}", stream.what)));
    notes
}

fn oddity(oddity: &Oddity) -> String {
    match oddity {
        Oddity::Truncated { present_seconds, declared_seconds } => truncated(*present_seconds, *declared_seconds),
        Oddity::TornTail => "the last packet is torn off and dropped".to_owned(),
        Oddity::ZeroTail { bytes } => format!("{bytes} zero bytes at the end are ignored"),
        Oddity::TimestampJumps { count, first } => format!(
            "{} of the clock closed, the first by {:+.3} s at {:.3} s",
            counted(*count, "jump", "jumps"),
            first.jump_seconds,
            first.at_seconds
        ),
        Oddity::TimestampsRollOver { count, at_seconds } => {
            format!("the timestamps roll over {}, first at {at_seconds:.3} s, and are counted on", times(*count))
        }
        Oddity::UnorderedTimestamps { count } => {
            format!("{} out of order put right", counted(*count, "decode time", "decode times"))
        }
        Oddity::MissingTimestamps { count } => {
            format!("{} without time placed by the frame rate", counted(*count, "packet", "packets"))
        }
        Oddity::DamagedPackets { count } => {
            format!("{}: what cannot be decoded is dropped", counted(*count, "damaged packet", "damaged packets"))
        }
        Oddity::LateKeyframe { packets, seconds } => format!(
            "{} ({seconds:.2} s) before the first keyframe dropped",
            counted(*packets, "picture", "pictures")
        ),
        Oddity::WrongDuration { declared_seconds } => {
            format!("the header's duration of {declared_seconds:.1} s is wrong and not used")
        }
        Oddity::AudioOffset { seconds } => audio_offset(*seconds),
        Oddity::ChangedParameters { count } => {
            format!("the picture's parameters change {}; the output keeps one size", times(*count))
        }
    }
}

fn truncated(present: f64, declared: Option<f64>) -> String {
    let of = declared.map_or_else(String::new, |declared| format!(" of {declared:.1} s"));
    format!("the source ends early: {present:.1} s{of} are there and taken, as asked")
}

fn audio_offset(seconds: f64) -> String {
    let side = if seconds > 0.0 { "after" } else { "before" };
    format!("the sound begins {:.3} s {side} the picture, and still does in the outputs", seconds.abs())
}

fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn times(count: u64) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

/// Returns the picture stream in a few words.
pub(in crate::transcode) fn picture(video: &VideoInfo) -> String {
    let rate = if video.frame_rate.is_known() {
        format!("{:.4}", video.frame_rate.value()).trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        "unknown".to_owned()
    };
    let profile = video.profile.as_deref().map_or_else(String::new, |profile| format!(" {profile}"));
    let (width, height) = (video.width, video.height);
    let format = &video.pixel_format.name;
    format!("{}{profile}, {width}x{height}, {format}, {rate} frames/s", video.codec.name())
}

/// Returns the sound stream in a few words.
pub(in crate::transcode) fn sound(audio: &AudioInfo) -> String {
    format!("{}, {} Hz, {}", audio.codec.name(), audio.sample_rate, audio.layout)
}
