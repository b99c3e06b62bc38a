//! What was mended, in words: every difference between the source and an output has a sentence. Pure.

use super::super::plan::{Action, AudioPlan, RenditionPlan};
use super::decode::Tally;
use crate::media::{MediaInfo, Oddity};

/// Returns the repairs of one output.
pub(super) fn sentences(info: &MediaInfo, rendition: &RenditionPlan, tally: &Tally) -> Vec<String> {
    if rendition.action == Action::Copy {
        return Vec::new();
    }
    let mut sentences: Vec<String> = info.oddities.iter().filter_map(of_source).collect();
    if matches!(rendition.action, Action::Transcode(_)) {
        sentences.extend(of_decoding(tally));
    }
    if matches!(rendition.audio, AudioPlan::Aac(_)) && tally.sound_errors > 0 {
        sentences.push(format!("{} of sound could not be decoded", packets(tally.sound_errors)));
    }
    if rendition.audio == AudioPlan::Copy && tally.torn_sounds > 0 {
        sentences.push(format!("{} of sound left out", plural(tally.torn_sounds, "damaged packet")));
    }
    sentences
}

fn of_source(oddity: &Oddity) -> Option<String> {
    match oddity {
        Oddity::Truncated { present_seconds, declared_seconds } => Some(match declared_seconds {
            Some(declared) => format!("source ends early: {present_seconds:.2} of {declared:.2} s are there"),
            None => format!("source ends early, after {present_seconds:.2} s"),
        }),
        Oddity::TornTail => Some("cut-off last packet dropped".to_owned()),
        Oddity::ZeroTail { bytes } => Some(format!("{bytes} zero bytes at the end ignored")),
        Oddity::TimestampJumps { count, first } => Some(format!(
            "{} taken out, the first of {:.2} s at {:.2} s",
            plural(*count, "timestamp jump"),
            first.jump_seconds,
            first.at_seconds
        )),
        Oddity::TimestampsRollOver { count, at_seconds } => {
            Some(format!("timestamps that roll over {} counted on, from {at_seconds:.2} s", times(*count)))
        }
        Oddity::UnorderedTimestamps { count } => Some(format!("{} put in order", plural(*count, "timestamp"))),
        Oddity::MissingTimestamps { count } => Some(format!("{} filled in", plural(*count, "missing timestamp"))),
        Oddity::WrongDuration { declared_seconds } => {
            Some(format!("the header's duration of {declared_seconds:.2} s was wrong"))
        }
        // These change an output only through what decoding makes of them, which is told from its own counts.
        Oddity::DamagedPackets { .. }
        | Oddity::LateKeyframe { .. }
        | Oddity::AudioOffset { .. }
        | Oddity::ChangedParameters { .. } => None,
    }
}

fn of_decoding(tally: &Tally) -> Vec<String> {
    /// A count, and how to tell it.
    type Told = (u64, fn(u64) -> String);
    let told: [Told; 5] = [
        (tally.before_keyframe, |count| format!("{} before the first keyframe dropped", plural(count, "picture"))),
        (tally.lost(), |count| {
            format!("{} could not be decoded and {} left out", plural(count, "picture"), are(count))
        }),
        (tally.damaged, |count| format!("{} {} damaged and patched up", plural(count, "picture"), are(count))),
        (tally.unordered, |count| format!("the times of {} put in order", plural(count, "picture"))),
        (tally.reshaped, |count| format!("picture changed shape {}; fitted", times(count))),
    ];
    told.into_iter().filter(|(count, _)| *count > 0).map(|(count, tell)| tell(count)).collect()
}

fn packets(count: u64) -> String {
    plural(count, "packet")
}

fn plural(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

fn are(count: u64) -> &'static str {
    if count == 1 { "was" } else { "were" }
}

fn times(count: u64) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_told_in_grammar() {
        let one = Tally { packets: 10, frames: 9, damaged: 2, reshaped: 1, ..Tally::default() };
        assert_eq!(
            of_decoding(&one),
            [
                "1 picture could not be decoded and was left out",
                "2 pictures were damaged and patched up",
                "picture changed shape once; fitted",
            ]
        );
    }
}
