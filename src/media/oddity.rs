//! What is unusual about a file, with its numbers, and in words for people. Programs get a name from `wire`.

use std::fmt;

use crate::figure;

/// A jump of a stream's clock that does not mean time passed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Discontinuity {
    /// Where on the repaired clock, in seconds.
    pub at_seconds: f64,
    /// How far the file's clock jumped, in seconds; negative when backwards.
    pub jump_seconds: f64,
}

/// Something unusual found in a file.
#[derive(Clone, Debug, PartialEq)]
pub enum Oddity {
    /// The file ends before its media does.
    Truncated {
        /// Seconds of media that are there.
        present_seconds: f64,
        /// Seconds the header promises, where it does.
        declared_seconds: Option<f64>,
    },
    /// The last packet is cut off, but at least 99 % of the declared duration is there.
    TornTail,
    /// The file ends in zero bytes (power cut, preallocated recording).
    ZeroTail {
        /// How many.
        bytes: u64,
    },
    /// Timestamps jump; the first few places and the count of all.
    TimestampJumps {
        /// How many.
        count: u64,
        /// The first one.
        first: Discontinuity,
    },
    /// The counter behind the timestamps reaches its last value and begins anew; time goes on.
    TimestampsRollOver {
        /// How often.
        count: u64,
        /// Where it first does, in seconds after the start.
        at_seconds: f64,
    },
    /// Decode times that do not rise; they are nudged to the next tick.
    UnorderedTimestamps {
        /// How many.
        count: u64,
    },
    /// Packets without any timestamp.
    MissingTimestamps {
        /// How many.
        count: u64,
    },
    /// Packets that the demuxer knows to be damaged.
    DamagedPackets {
        /// How many.
        count: u64,
    },
    /// The first picture packets cannot be decoded for want of a keyframe.
    LateKeyframe {
        /// Packets before the first keyframe.
        packets: u64,
        /// Their length.
        seconds: f64,
    },
    /// The header's duration is off from what the packets tell by more than 1 %, and the file is not cut short.
    WrongDuration {
        /// What the header says.
        declared_seconds: f64,
    },
    /// Sound begins after the picture (negative: before) by more than 100 ms.
    AudioOffset {
        /// By how much.
        seconds: f64,
    },
    /// The picture's parameters change in mid-stream (new headers in the packets).
    ChangedParameters {
        /// How often.
        count: u64,
    },
}

impl fmt::Display for Oddity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl Oddity {
    /// Returns whether the file is cut off, by its structure or by what its header promises.
    pub const fn is_cut_short(&self) -> bool {
        matches!(self, Self::Truncated { .. } | Self::TornTail | Self::ZeroTail { .. })
    }

    /// Returns what it is, one sentence fragment.
    fn text(&self) -> String {
        match self {
            Self::Truncated { present_seconds, declared_seconds: Some(declared) } => {
                format!(
                    "ends early: {} of {} are there",
                    figure::length(*present_seconds),
                    figure::length(*declared)
                )
            }
            Self::Truncated { present_seconds, declared_seconds: None } => {
                format!("ends early, after {}", figure::length(*present_seconds))
            }
            Self::TornTail => "the last packet is cut off".to_owned(),
            Self::ZeroTail { bytes } => format!("ends in {} of zeros", figure::bytes(*bytes)),
            Self::TimestampJumps { count, first } => format!(
                "timestamps jump in {}, first by {:+.2} s at {}",
                figure::count(*count, "place"),
                first.jump_seconds,
                figure::length(first.at_seconds)
            ),
            Self::TimestampsRollOver { count, at_seconds } => format!(
                "timestamps roll over {}, first at {}",
                figure::count(*count, "time"),
                figure::length(*at_seconds)
            ),
            Self::UnorderedTimestamps { count } => {
                format!("{} with a decode time that does not rise", figure::count(*count, "packet"))
            }
            Self::MissingTimestamps { count } => format!("{} without a timestamp", figure::count(*count, "packet")),
            Self::DamagedPackets { count } => figure::count(*count, "damaged packet"),
            Self::LateKeyframe { packets, seconds } => format!(
                "the picture starts with {} ({seconds:.2} s) before its first keyframe",
                figure::count(*packets, "packet")
            ),
            Self::WrongDuration { declared_seconds } => {
                format!("the header claims a duration of {}", figure::length(*declared_seconds))
            }
            Self::AudioOffset { seconds } if *seconds < 0.0 => {
                format!("sound starts {:.2} s before the picture", -seconds)
            }
            Self::AudioOffset { seconds } => format!("sound starts {seconds:.2} s after the picture"),
            Self::ChangedParameters { count } => {
                format!("the picture's parameters change {} in mid-stream", figure::count(*count, "time"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oddities_are_told_with_their_numbers() {
        let truncated = Oddity::Truncated { present_seconds: 61.0, declared_seconds: Some(120.0) };
        assert_eq!(truncated.to_string(), "ends early: 1:01.00 of 2:00.00 are there");
        let first = Discontinuity { at_seconds: 5.0, jump_seconds: -3.5 };
        let jump = Oddity::TimestampJumps { count: 1, first };
        assert_eq!(jump.to_string(), "timestamps jump in 1 place, first by -3.50 s at 0:05.00");
        assert_eq!(Oddity::AudioOffset { seconds: -0.25 }.to_string(), "sound starts 0.25 s before the picture");
    }
}
