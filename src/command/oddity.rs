//! What programs call that which is unusual about a file. The words for people are `media`'s.

use crate::media::Oddity;

/// Returns the stable name of an oddity in JSON.
pub(super) const fn name(oddity: &Oddity) -> &'static str {
    match oddity {
        Oddity::Truncated { .. } => "truncated",
        Oddity::TornTail => "torn_tail",
        Oddity::ZeroTail { .. } => "zero_tail",
        Oddity::TimestampJumps { .. } => "timestamp_jumps",
        Oddity::TimestampsRollOver { .. } => "timestamps_roll_over",
        Oddity::UnorderedTimestamps { .. } => "unordered_timestamps",
        Oddity::MissingTimestamps { .. } => "missing_timestamps",
        Oddity::DamagedPackets { .. } => "damaged_packets",
        Oddity::LateKeyframe { .. } => "late_keyframe",
        Oddity::WrongDuration { .. } => "wrong_duration",
        Oddity::AudioOffset { .. } => "audio_offset",
        Oddity::ChangedParameters { .. } => "changed_parameters",
    }
}
