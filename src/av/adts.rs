//! Whether a packet of AAC that brings its own header (ADTS, ISO/IEC 13818-7, 6.2) is what that header says. Pure.
//!
//! Transport streams have such packets, and a torn one decodes to noise at best: muxers of other containers, which must take
//! the header off, give up at it.

use super::sys::{self, AVCodecID};
use crate::media::Container;

const HEADER_BYTES: usize = 7;
/// Sample rates that the header has a number for.
const SAMPLE_RATES: u8 = 13;

/// Returns whether packets of this stream bring their own headers.
pub(super) fn is_used(container: Container, parameters: &sys::AVCodecParameters) -> bool {
    let has_none_of_its_own = matches!(container, Container::Ts | Container::Ps | Container::Aac);
    parameters.codec_id == AVCodecID::AV_CODEC_ID_AAC && parameters.extradata_size == 0 && has_none_of_its_own
}

/// Returns whether a packet begins with a header that makes sense and is as long as that says.
pub(super) fn is_whole(payload: &[u8]) -> bool {
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
