//! What becomes of the sound: kept as it is where the container can hold it, else AAC.

use super::{AacPlan, AudioPlan, PlanError};
use crate::media::{AudioInfo, Container};
use crate::transcode::AudioRequest;

/// The sample rates that AAC has an index for; the encoder refuses others. FLV takes them all: its tag header says
/// "44 kHz stereo" for any AAC and players read the stream's own header.
const AAC_SAMPLE_RATES: [u32; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];
/// Where a rate without an index goes: every player's native rate.
const SAMPLE_RATE_FALLBACK: u32 = 48_000;
/// Transparent for speech and near it for music with libavcodec's AAC encoder.
const BITS_PER_CHANNEL: u64 = 64_000;
/// 5.1 at the rate per channel above.
const BITS_MAX: u64 = 384_000;
/// Below this speech is unusable, above it nothing is gained.
const BITS_ACCEPTED: std::ops::RangeInclusive<u64> = 16_000..=512_000;
/// The most channels that every player of AAC mixes down by itself.
const CHANNELS_MAX: u32 = 6;
/// More hidden sound than this at the start is no encoder's priming but what an edit list cuts off.
const HIDDEN_SECONDS_MAX: f64 = 0.15;
/// Renditions up to this short side are watched on phones and small windows: two channels serve them best.
const STEREO_UP_TO_SHORT_SIDE: u32 = 720;

/// Checks what can be checked before the source is known.
pub(super) fn check(request: AudioRequest) -> Result<(), PlanError> {
    match request {
        AudioRequest::Aac(Some(bits_per_second)) if !BITS_ACCEPTED.contains(&bits_per_second) => {
            Err(PlanError::AudioBitrate { bits_per_second })
        }
        _ => Ok(()),
    }
}

/// Returns the plan for the sound of a rendition of this short side, and a fragment of reason where there is one.
pub(super) fn plan(
    audio: Option<&AudioInfo>,
    request: AudioRequest,
    container: Container,
    short_side: u32,
) -> (AudioPlan, Option<String>) {
    let Some(audio) = audio else { return (AudioPlan::None, None) };
    match request {
        AudioRequest::None => (AudioPlan::None, Some("sound left out as asked".to_owned())),
        // One header stands for all packets of a copy.
        AudioRequest::Copy if audio.changes > 0 => {
            encode(audio, None, short_side, "sound encoded to AAC: its parameters change in mid-stream")
        }
        AudioRequest::Copy if audio.priming_seconds > HIDDEN_SECONDS_MAX => encode(
            audio,
            None,
            short_side,
            "sound encoded to AAC: a copy would let what an edit list hides be heard",
        ),
        AudioRequest::Copy if container.holds_audio(&audio.codec, audio.sample_rate) => (AudioPlan::Copy, None),
        AudioRequest::Copy => encode(audio, None, short_side, &unfit(audio, container)),
        AudioRequest::Aac(bits) => encode(audio, bits, short_side, "sound encoded to AAC as asked"),
    }
}

fn unfit(audio: &AudioInfo, container: Container) -> String {
    let (codec, rate) = (audio.codec.name(), audio.sample_rate);
    format!("sound encoded to AAC: {container} cannot hold {codec} at {rate} Hz")
}

fn encode(audio: &AudioInfo, bits: Option<u64>, short_side: u32, why: &str) -> (AudioPlan, Option<String>) {
    let channels = channels(audio.channels, short_side);
    let sample_rate =
        if AAC_SAMPLE_RATES.contains(&audio.sample_rate) { audio.sample_rate } else { SAMPLE_RATE_FALLBACK };
    let aac = AacPlan { bits_per_second: bits_per_second(bits, channels, sample_rate), sample_rate, channels };
    let mut reason = why.to_owned();
    if channels < audio.channels {
        reason.push_str(&format!(", {} mixed down to {}", layout(audio), channel_word(channels)));
    }
    if sample_rate != audio.sample_rate {
        reason.push_str(&format!(", {} Hz resampled to {sample_rate} Hz", audio.sample_rate));
    }
    (AudioPlan::Aac(aac), Some(reason))
}

fn channels(source: u32, short_side: u32) -> u32 {
    let most = if short_side <= STEREO_UP_TO_SHORT_SIDE { 2 } else { CHANNELS_MAX };
    source.clamp(1, most)
}

/// An AAC frame of 1024 samples holds at most 6144 bits per channel; the encoder clamps with a warning, so the plan
/// says the rate that will really be used.
fn bits_per_second(asked: Option<u64>, channels: u32, sample_rate: u32) -> u64 {
    let ceiling = 6 * u64::from(sample_rate) * u64::from(channels);
    asked.unwrap_or_else(|| (BITS_PER_CHANNEL * u64::from(channels)).min(BITS_MAX)).min(ceiling)
}

fn layout(audio: &AudioInfo) -> String {
    if audio.layout.is_empty() { format!("{} channels", audio.channels) } else { audio.layout.clone() }
}

/// Returns a channel count in people's words.
pub(in crate::transcode) fn channel_word(channels: u32) -> String {
    match channels {
        1 => "mono".to_owned(),
        2 => "stereo".to_owned(),
        6 => "5.1".to_owned(),
        more => format!("{more} channels"),
    }
}
