//! What the first bits of a picture say, for codecs of old recordings that libavcodec has no parser for. Pure.

/// Returns whether a picture coded as `codec` (FFmpeg's name) needs no other one; `None` where nobody here can tell.
pub(super) fn stands_alone(codec: &str, payload: &[u8]) -> Option<bool> {
    match codec {
        "flv1" => sorenson(payload),
        // The topmost bit is set in pictures that lean on others.
        "vp6" | "vp6f" => payload.first().map(|byte| byte & 0x80 == 0),
        _ => None,
    }
}

/// Reads the picture type of Sorenson's H.263 (Adobe's Video File Format Specification 10.1, E.4.3.2): behind a start
/// code of 17 bits, a version of 5, a time of 8, and a size of 3 bits that tells how many more belong to it.
fn sorenson(payload: &[u8]) -> Option<bool> {
    const SIZE_AT: usize = 17 + 5 + 8;
    let more = match bits(payload, SIZE_AT, 3)? {
        0 => 2 * 8,
        1 => 2 * 16,
        _ => 0,
    };
    Some(bits(payload, SIZE_AT + 3 + more, 2)? == 0)
}

/// Returns `count` bits from bit `at` on.
fn bits(payload: &[u8], at: usize, count: usize) -> Option<u32> {
    let bit = |at: usize| payload.get(at / 8).map(|byte| u32::from(byte >> (7 - at % 8) & 1));
    (at..at + count).try_fold(0, |value, at| Some(value << 1 | bit(at)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_of_a_sorenson_picture_stands_behind_its_size() {
        // A size with a name (2), and one spelled out; pictures of their own (0), and such as lean on others (1).
        assert_eq!(stands_alone("flv1", &[0, 0, 0x80, 0b01, 0b0000_0000]), Some(true));
        assert_eq!(stands_alone("flv1", &[0, 0, 0x80, 0b01, 0b0010_0000]), Some(false));
        assert_eq!(stands_alone("flv1", &[0, 0, 0x80, 0, 80, 60, 0b0010_0000]), Some(false));
        assert_eq!(stands_alone("flv1", &[0, 0, 0x80]), None);
    }

    #[test]
    fn the_first_bit_of_vp6_tells() {
        assert_eq!(stands_alone("vp6f", &[0x7f]), Some(true));
        assert_eq!(stands_alone("vp6f", &[0x80]), Some(false));
        assert_eq!(stands_alone("wmv2", &[0x80]), None);
    }
}
