//! What the proof will demand of an output, from what went into it. Pure.

use super::super::TranscodeError;
use super::super::plan::VideoPlan;
use super::decode::Tally;
use super::encode::Counts;
use crate::media::{AudioInfo, MediaInfo, TimeBase, Timestamp, VideoInfo};
use crate::proof::{AudioExpectation, DURATION_SHARE, Expectation, SYNC_SECONDS};

/// What an encoder made.
pub(super) struct Made {
    pub(super) counts: Counts,
    /// The encoder's tick.
    pub(super) tick: TimeBase,
    /// Zero of the encoder's clock on the output's, in microseconds.
    pub(super) zero_microseconds: i64,
    /// Seconds of silence in front of encoded sound; `None` without sound.
    pub(super) priming: Option<f64>,
    /// Packets of encoded sound; `None` where the source's own are copied.
    pub(super) sounds: Option<u64>,
}

/// Returns where the picture starts, in microseconds on the outputs' common clock: the zero of every encoder's clock.
pub(super) fn zero(info: &MediaInfo, origin_seconds: f64) -> i64 {
    let start = info.video.as_ref().map_or(origin_seconds, |video| video.start_seconds);
    #[expect(clippy::cast_possible_truncation, reason = "seconds of a recording, far below 2^63 microseconds")]
    let zero = ((start - origin_seconds) * 1e6).round() as i64;
    zero
}

/// Returns what a file with the source's own pictures must be; `tally` tells which of its packets were left out, and
/// `sounds` how many packets of sound were encoded, if any were.
pub(super) fn copied(info: &MediaInfo, with_sound: bool, sounds: Option<u64>, tally: &Tally) -> Expectation {
    let Some(video) = &info.video else { return alone(info, sounds, tally) };
    let audio = info.audio.as_ref().filter(|_| with_sound);
    Expectation {
        frames: Some(video.packets - tally.torn_pictures),
        size: None,
        seconds: video.end_seconds - video.start_seconds,
        frame_seconds: video.frame_seconds(),
        audio: audio.map(|audio| AudioExpectation {
            packets: sounds.unwrap_or(audio.packets - tally.torn_sounds),
            start_offset_seconds: audio.start_seconds - video.start_seconds,
            end_offset_seconds: audio.end_seconds - video.end_seconds,
            priming_seconds: 0.0,
        }),
        closed_groups: false,
    }
}

/// Returns what a file with sound alone must be.
fn alone(info: &MediaInfo, sounds: Option<u64>, tally: &Tally) -> Expectation {
    let audio = info.audio.as_ref();
    let left_out = |audio: &AudioInfo| if sounds.is_some() { lag(audio, tally) } else { audio.priming_seconds };
    Expectation {
        frames: None,
        size: None,
        seconds: audio.map_or(0.0, |audio| audio.end_seconds - audio.start_seconds - left_out(audio)),
        // As beside a picture: the last packet may reach over the end by its own length.
        frame_seconds: SYNC_SECONDS + audio.map_or(0.0, usual_packet),
        audio: audio.map(|audio| AudioExpectation {
            packets: sounds.unwrap_or(audio.packets - tally.torn_sounds),
            start_offset_seconds: 0.0,
            end_offset_seconds: 0.0,
            priming_seconds: if sounds.is_some() { 0.0 } else { audio.priming_seconds },
        }),
        closed_groups: false,
    }
}

/// Returns the length of a packet of sound, on average where it varies.
fn usual_packet(audio: &AudioInfo) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "packet counts stay far below 2^52")]
    let average = (audio.end_seconds - audio.start_seconds) / audio.packets.max(1) as f64;
    audio.packet_seconds().max(average)
}

/// Returns what a file with encoded pictures must be, once it is clear that they are all of the source's.
pub(super) fn encoded(
    info: &MediaInfo,
    plan: &VideoPlan,
    made: &Made,
    tally: &Tally,
    origin_seconds: f64,
) -> Result<Expectation, TranscodeError> {
    let Some(video) = &info.video else { return Err(TranscodeError::NothingDecoded) };
    let first = Timestamp::new(made.counts.first, made.tick).seconds();
    let start = Timestamp::from_microseconds(made.zero_microseconds).seconds() + first;
    let seconds = Timestamp::new(made.counts.end, made.tick).seconds() - first;
    check_whole(video, made, tally, start + origin_seconds, seconds)?;
    // Copied sound begins with all that the source has, what its decoder leaves out among it.
    let left_out = |audio: &AudioInfo| if made.sounds.is_some() { lag(audio, tally) } else { 0.0 };
    let expected = |audio: &AudioInfo, priming: f64| AudioExpectation {
        packets: made.sounds.unwrap_or(audio.packets - tally.torn_sounds),
        start_offset_seconds: audio.start_seconds + left_out(audio) - origin_seconds - start - priming,
        end_offset_seconds: audio.end_seconds - origin_seconds - start - seconds,
        priming_seconds: priming,
    };
    Ok(Expectation {
        frames: Some(made.counts.frames),
        size: Some((plan.width, plan.height)),
        seconds,
        frame_seconds: plan.frame_rate.inverse().value(),
        audio: info.audio.as_ref().zip(made.priming).map(|(audio, priming)| expected(audio, priming)),
        closed_groups: true,
    })
}

/// Returns seconds of sound at the start that its decoder leaves out: priming by the container's word, or by the
/// codec's nature. (Decoders of WMA yield nothing for the first packets.)
pub(super) fn lag(audio: &AudioInfo, tally: &Tally) -> f64 {
    /// More than a few packets of any codec: then sound was lost.
    const LAG_SECONDS_MAX: f64 = 0.25;
    let hidden = audio.priming_seconds;
    tally.sound_lag.filter(|lag| (hidden..hidden + LAG_SECONDS_MAX).contains(lag)).unwrap_or(hidden)
}

/// Checks that the encoder saw every picture of the source, or that what it did not see is accounted for: the chain
/// between decoder and encoder may lose nothing, and without a decoder's error the span of the frames is the span of
/// the packets.
fn check_whole(
    video: &VideoInfo,
    made: &Made,
    tally: &Tally,
    start_seconds: f64,
    seconds: f64,
) -> Result<(), TranscodeError> {
    let unexplained = TranscodeError::Unexplained { decoded: made.counts.frames, total: tally.packets };
    if made.counts.frames != tally.frames || made.counts.packets != made.counts.frames {
        return Err(unexplained);
    }
    if tally.packets != video.packets {
        return Err(TranscodeError::Unexplained { decoded: tally.packets, total: video.packets });
    }
    // Pictures that are known to be missing may have stood at either end.
    #[expect(clippy::cast_precision_loss, reason = "frame counts stay far below 2^52")]
    let missing = (tally.before_keyframe + tally.lost()) as f64 * video.frame_seconds();
    let rounding = video.frame_seconds().max((video.end_seconds - video.start_seconds) * DURATION_SHARE) + 0.001;
    let tolerance = rounding + missing;
    let early = start_seconds - video.start_seconds;
    let late = video.end_seconds - (start_seconds + seconds);
    if early.abs() > tolerance || late.abs() > tolerance { Err(unexplained) } else { Ok(()) }
}
