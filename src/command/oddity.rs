//! What is unusual about a file, in words for people and with a name for programs.

use crate::figure;
use crate::media::Oddity;

/// Returns the stable name of an oddity in JSON.
pub(super) const fn name(oddity: &Oddity) -> &'static str {
    match oddity {
        Oddity::Truncated { .. } => "truncated",
        Oddity::TornTail => "torn_tail",
        Oddity::ZeroTail { .. } => "zero_tail",
        Oddity::TimestampJumps { .. } => "timestamp_jumps",
        Oddity::UnorderedTimestamps { .. } => "unordered_timestamps",
        Oddity::MissingTimestamps { .. } => "missing_timestamps",
        Oddity::DamagedPackets { .. } => "damaged_packets",
        Oddity::LateKeyframe { .. } => "late_keyframe",
        Oddity::WrongDuration { .. } => "wrong_duration",
        Oddity::AudioOffset { .. } => "audio_offset",
        Oddity::ChangedParameters { .. } => "changed_parameters",
    }
}

/// Returns what it is, one sentence fragment.
pub(super) fn text(oddity: &Oddity) -> String {
    match oddity {
        Oddity::Truncated { present_seconds, declared_seconds: Some(declared) } => {
            format!("ends early: {} of {} are there", figure::length(*present_seconds), figure::length(*declared))
        }
        Oddity::Truncated { present_seconds, declared_seconds: None } => {
            format!("ends early, after {}", figure::length(*present_seconds))
        }
        Oddity::TornTail => "the last packet is cut off".to_owned(),
        Oddity::ZeroTail { bytes } => format!("ends in {} of zeros", figure::bytes(*bytes)),
        Oddity::TimestampJumps { count, first } => format!(
            "timestamps jump in {}, first by {:+.2} s at {}",
            figure::count(*count, "place"),
            first.jump_seconds,
            figure::length(first.at_seconds)
        ),
        Oddity::UnorderedTimestamps { count } => {
            format!("{} with a decode time that does not rise", figure::count(*count, "packet"))
        }
        Oddity::MissingTimestamps { count } => format!("{} without a timestamp", figure::count(*count, "packet")),
        Oddity::DamagedPackets { count } => figure::count(*count, "damaged packet"),
        Oddity::LateKeyframe { packets, seconds } => format!(
            "the picture starts with {} ({seconds:.2} s) before its first keyframe",
            figure::count(*packets, "packet")
        ),
        Oddity::WrongDuration { declared_seconds } => {
            format!("the header claims a duration of {}", figure::length(*declared_seconds))
        }
        Oddity::AudioOffset { seconds } if *seconds < 0.0 => {
            format!("sound starts {:.2} s before the picture", -seconds)
        }
        Oddity::AudioOffset { seconds } => format!("sound starts {seconds:.2} s after the picture"),
        Oddity::ChangedParameters { count } => {
            format!("the picture's parameters change {} in mid-stream", figure::count(*count, "time"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::Discontinuity;

    #[test]
    fn oddities_are_told_with_their_numbers() {
        let truncated = Oddity::Truncated { present_seconds: 61.0, declared_seconds: Some(120.0) };
        assert_eq!(text(&truncated), "ends early: 1:01.00 of 2:00.00 are there");
        let first = Discontinuity { at_seconds: 5.0, jump_seconds: -3.5 };
        let jump = text(&Oddity::TimestampJumps { count: 1, first });
        assert_eq!(jump, "timestamps jump in 1 place, first by -3.50 s at 0:05.00");
        assert_eq!(text(&Oddity::AudioOffset { seconds: -0.25 }), "sound starts 0.25 s before the picture");
    }
}
