//! What a demuxer hands out that cannot be: reads that fail, times nobody can compute with, packets of nothing. Pure.
//!
//! What is found here is counted as damage by the demuxer; what comes of that is decided elsewhere.

use super::packet::Packet;
use super::sys::{self, AVCodecID};
use super::timeline::Times;
use crate::media::{Container, TimeBase, Timestamp};
use std::hint::black_box;

/// Further from zero than this no clock stands that counts a recording: a hundred years. FLV's own ends after 50 days.
const CLOCK_MICROSECONDS_MAX: i64 = 100 * 365 * 86_400 * 1_000_000;
/// A picture is not shown so much later than it is decoded. What follows a pause of a screen recording may be decoded before
/// it; a pause that is longer than this counts as a jump of the clock everywhere.
const LEAD_MICROSECONDS_MAX: i64 = 3_600 * 1_000_000;
/// No packet lasts longer than a day.
const DURATION_MICROSECONDS_MAX: i64 = 86_400 * 1_000_000;

/// Returns whether a read that failed tells of the media and not of the machine. A packet or a table of a size that makes no
/// sense is "no memory" to libav: where there is some, that is damage.
pub(super) fn is_damage(failed: sys::Failed) -> bool {
    /// More than any table or packet of what is taken here.
    const SOME_BYTES: usize = 64 << 20;
    // Looked at, or the compiler would spare itself the asking.
    let has_memory = || black_box(&mut Vec::<u8>::new()).try_reserve_exact(SOME_BYTES).is_ok();
    match failed.code {
        sys::INVALID_DATA | sys::EAGAIN => true,
        sys::ENOMEM => has_memory(),
        _ => false,
    }
}

/// Returns a failure in the words that fit it: what is damage is told as such.
pub(super) fn judged(failed: sys::Failed) -> sys::Failed {
    if is_damage(failed) { sys::Failed { code: sys::INVALID_DATA, ..failed } } else { failed }
}

/// Returns the times of a packet without those that cannot be.
pub(super) fn believable(times: Times, base: TimeBase) -> Times {
    let microseconds = |ticks: i64| Timestamp::new(ticks, base).microseconds();
    let is_clock = |ticks: &i64| (-CLOCK_MICROSECONDS_MAX..=CLOCK_MICROSECONDS_MAX).contains(&microseconds(*ticks));
    let (pts, dts) = (times.pts.filter(is_clock), times.dts.filter(is_clock));
    let is_near = |pts: &i64| dts.is_none_or(|dts| microseconds(pts.saturating_sub(dts)) <= LEAD_MICROSECONDS_MAX);
    let lasts = (0..=DURATION_MICROSECONDS_MAX).contains(&microseconds(times.duration));
    Times { pts: pts.filter(is_near), dts, duration: if lasts { times.duration } else { 0 } }
}

/// Says of a packet that it is damaged, where only its own bytes tell.
pub(super) fn mark(packet: &mut Packet, container: Container, stream: Option<&sys::AVCodecParameters>) {
    if stream.is_some_and(|stream| has_own_headers(container, stream)) && !is_whole(packet.payload()) {
        packet.set_corrupt();
    }
}

const HEADER_BYTES: usize = 7;
/// Sample rates that the header has a number for.
const SAMPLE_RATES: u8 = 13;

/// Returns whether packets of this stream are AAC that brings its own headers, as in transport streams.
fn has_own_headers(container: Container, parameters: &sys::AVCodecParameters) -> bool {
    let has_none_of_its_own = matches!(container, Container::Ts | Container::Ps | Container::Aac);
    parameters.codec_id == AVCodecID::AV_CODEC_ID_AAC && parameters.extradata_size == 0 && has_none_of_its_own
}

/// Returns whether a packet of AAC begins with a header that makes sense and is as long as that says (ADTS, ISO/IEC 13818-7,
/// 6.2). A torn one decodes to noise at best: muxers of other containers, which must take the header off, give up at it.
fn is_whole(payload: &[u8]) -> bool {
    let Some(&[sync, second, third, fourth, fifth, sixth, _]) = payload.first_chunk::<HEADER_BYTES>() else {
        return false;
    };
    let length = usize::from(fourth & 0x03) << 11 | usize::from(fifth) << 3 | usize::from(sixth >> 5);
    let is_header = sync == 0xff && second & 0xf6 == 0xf0 && third >> 2 & 0x0f < SAMPLE_RATES;
    is_header && (HEADER_BYTES..=payload.len()).contains(&length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::Ratio;

    #[test]
    fn times_that_cannot_be_are_unknown() {
        let base = Ratio::new(1, 90_000);
        let kept = |pts: i64, dts: i64, duration: i64| {
            let Times { pts, dts, duration } = believable(Times { pts: Some(pts), dts: Some(dts), duration }, base);
            (pts, dts, duration)
        };
        assert_eq!(kept(93_600, 90_000, 3600), (Some(93_600), Some(90_000), 3600));
        // A decode time after the presentation is put right by the clock.
        assert_eq!(kept(0, 90_000, 0), (Some(0), Some(90_000), 0));
        assert_eq!(kept(1 << 33, 90_000, 3600), (None, Some(90_000), 3600));
        assert_eq!(kept(i64::MAX, i64::MIN + 1, i64::MAX), (None, None, 0));
        assert_eq!(kept(0, 0, -1), (Some(0), Some(0), 0));
    }

    #[test]
    fn no_memory_for_nonsense_is_damage_where_there_is_memory() {
        let failed = |code| sys::Failed { call: "av_read_frame", code };
        assert!(is_damage(failed(sys::ENOMEM)) && is_damage(failed(sys::EAGAIN)));
        assert_eq!(judged(failed(sys::ENOMEM)).code, sys::INVALID_DATA);
        assert_eq!(judged(failed(sys::AVERROR_EOF)).code, sys::AVERROR_EOF);
    }

    #[test]
    fn a_header_must_make_sense_and_its_packet_be_as_long_as_it_says() {
        // 44.1 kHz stereo, 9 bytes in all.
        let good = [0xff, 0xf1, 0x50, 0x80, 0x01, 0x3f, 0xfc, 1, 2];
        assert!(is_whole(&good));
        let with = |at: usize, byte: u8| {
            let mut bytes = good;
            bytes[at] = byte;
            bytes
        };
        // No sync, no layer 0, a rate without a number, and too long.
        for bad in [with(0, 0xfe), with(1, 0xf3), with(2, 0x74), with(4, 0x02)] {
            assert!(!is_whole(&bad), "{bad:x?}");
        }
        assert!(!is_whole(&good[..8]) && !is_whole(&good[..6]) && !is_whole(&[]));
        assert!(!is_whole(&with(4, 0)), "shorter than itself");
    }
}
