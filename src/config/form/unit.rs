//! Numbers with units: rates, sizes, lengths of time; as text and back.
//!
//! Exact, in whole numbers: what does not fit is refused, never rounded to what does.

use std::time::Duration;

/// The largest number of bytes, or bytes per second: what the database and the file system count in.
pub(super) const LARGEST: u64 = i64::MAX as u64;
/// Ten years: longer than anything waits, and short enough that every sum of times fits.
const LONGEST_MILLISECONDS: u64 = 10 * 365 * 24 * 3_600_000;
/// More digits than this behind the point are a mistake.
const FRACTION_DIGITS: usize = 6;

/// What follows the number of a rate. As wget takes it: k is 1024.
const RATE_UNITS: [(&str, u64); 6] =
    [("k", 1 << 10), ("K", 1 << 10), ("m", 1 << 20), ("M", 1 << 20), ("g", 1 << 30), ("G", 1 << 30)];
/// What follows the number of a size; the larger before the smaller, and what spells sizes before what only reads them.
const SIZE_UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1000),
    ("kB", 1000),
];
/// What follows the number of a length of time, in milliseconds; each may stand once, the longer first.
const TIME_UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

/// Understands bytes per second as wget takes them: `1000k`, `1.5m`, `250000` (k is 1024). 0 to `i64::MAX`.
pub fn rate(text: &str) -> Option<u64> {
    scaled(text, &RATE_UNITS)
}

/// Understands bytes: `100GiB`, `1.5GB`, `4096`.
pub(super) fn size(text: &str) -> Option<u64> {
    scaled(text, &SIZE_UNITS)
}

fn scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let end = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let factor = if unit.is_empty() { 1 } else { units.iter().find(|(name, _)| *name == unit)?.1 };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if whole.is_empty() || fraction.is_empty() || fraction.len() > FRACTION_DIGITS {
        return None;
    }
    let divisor = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
    let parts = whole.parse::<u64>().ok().map(u128::from)? * divisor + fraction.parse::<u128>().ok()?;
    // 64 bits of digits, 20 of the fraction and 40 of the unit are less than 128.
    let product = parts * u128::from(factor);
    // Half a byte is a mistake: `1.5` without its unit.
    let is_whole = product.is_multiple_of(divisor);
    u64::try_from(product / divisor).ok().filter(|value| is_whole && *value <= LARGEST)
}

/// Spells bytes per second in the largest unit that divides them.
pub(super) fn spell_rate(bytes_per_second: u64) -> String {
    spell(bytes_per_second, [("g", 1 << 30), ("m", 1 << 20), ("k", 1 << 10)])
}

/// Spells bytes in the largest binary unit that divides them.
pub(super) fn spell_size(bytes: u64) -> String {
    spell(bytes, SIZE_UNITS.into_iter().take(4))
}

fn spell(value: u64, units: impl IntoIterator<Item = (&'static str, u64)>) -> String {
    let mut fitting = units.into_iter().filter(|(_, factor)| value > 0 && value.is_multiple_of(*factor));
    fitting.next().map_or_else(|| value.to_string(), |(name, factor)| format!("{}{name}", value / factor))
}

/// Understands a length of time: `24h`, `1h30m`, `500ms`.
pub fn duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut units = TIME_UNITS.iter();
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let number = &rest[..rest.find(|letter: char| !letter.is_ascii_digit())?];
        rest = &rest[number.len()..];
        let unit = &rest[..rest.find(|letter: char| letter.is_ascii_digit()).unwrap_or(rest.len())];
        rest = &rest[unit.len()..];
        // The search goes on behind the unit found last: none stands twice, and none out of order.
        let (_, factor) = units.find(|(name, _)| *name == unit)?;
        total = number.parse::<u64>().ok()?.checked_mul(*factor)?.checked_add(total)?;
    }
    let is_sane = !text.is_empty() && total <= LONGEST_MILLISECONDS;
    is_sane.then(|| Duration::from_millis(total))
}

/// Spells a length of time; of less than a millisecond nothing is said.
pub(super) fn spell_duration(duration: Duration) -> String {
    let mut rest = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if rest == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    // Days are read and not written: people say 24h.
    for (name, factor) in &TIME_UNITS[1..] {
        if rest >= *factor {
            text.push_str(&format!("{}{name}", rest / factor));
            rest %= factor;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn x15_a_rate_is_in_bytes_and_its_k_is_1024_as_with_wget() {
        for (text, bytes) in [
            ("1000k", 1_024_000),
            ("1000K", 1_024_000),
            ("300k", 307_200),
            ("1M", 1_048_576),
            ("1m", 1_048_576),
            ("1.5m", 1_572_864),
            ("2G", 2_147_483_648),
            ("0", 0),
            ("250000", 250_000),
            ("9223372036854775807", LARGEST),
        ] {
            assert_eq!(rate(text), Some(bytes), "{text}");
        }
    }

    #[test]
    fn c1_what_is_no_rate_is_refused() {
        for text in [
            "",
            " ",
            "k",
            "-1",
            "-1k",
            "+1k",
            "1000kb",
            "1000kB",
            "1000kbit",
            "1000 k",
            "1e6",
            "nan",
            "inf",
            "0x10",
            "1,5m",
            ".5m",
            "5.m",
            "1.2.3m",
            "1.5",
            "1.0000001m",
            "1T",
            "9223372036854775808",
            "8589934592G",
            "99999999999999999999999999",
            "１",
            "1k1k",
            "∞",
        ] {
            assert_eq!(rate(text), None, "{text:?}");
        }
    }

    #[test]
    fn sizes_are_binary_with_an_i_and_decimal_without() {
        for (text, bytes) in [
            ("100GiB", 107_374_182_400),
            ("2GB", 2_000_000_000),
            ("512MiB", 536_870_912),
            ("1.5GB", 1_500_000_000),
            ("4096", 4096),
            ("0", 0),
            ("1kB", 1000),
            ("1KB", 1000),
            ("1KiB", 1024),
            ("1TiB", 1_099_511_627_776),
        ] {
            assert_eq!(size(text), Some(bytes), "{text}");
        }
        for text in ["", "100G", "100g", "100 GiB", "-1GiB", "GiB", "100gib", "9000000TiB", "NaN", "1.5B"] {
            assert_eq!(size(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_length_of_time_carries_its_units_the_longer_first() {
        for (text, milliseconds) in [
            ("24h", 86_400_000),
            ("7d", 604_800_000),
            ("30m", 1_800_000),
            ("10s", 10_000),
            ("500ms", 500),
            ("1h30m", 5_400_000),
            ("1s500ms", 1500),
            ("0s", 0),
        ] {
            assert_eq!(duration(text), Some(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in [
            "",
            "10",
            "s",
            "-1s",
            "1.5h",
            "30m1h",
            "1s1s",
            "1ms1s",
            "10 s",
            "1w",
            "10S",
            "4000d",
            "99999999999999h",
            "18446744073709551616ms",
            "10s ",
            "µs",
        ] {
            assert_eq!(duration(text), None, "{text:?}");
        }
    }

    #[test]
    fn spellings_are_the_shortest() {
        assert_eq!([0, 1, 1024, 1_024_000, 1 << 30].map(spell_rate), ["0", "1", "1k", "1000k", "1g"]);
        assert_eq!([0, 1000, 1 << 31, 100 << 30].map(spell_size), ["0", "1000", "2GiB", "100GiB"]);
        let times = [0, 500, 90_000, 5_400_000, 86_400_000, 604_800_000];
        let spelled = times.map(|milliseconds| spell_duration(Duration::from_millis(milliseconds)));
        assert_eq!(spelled, ["0s", "500ms", "1m30s", "1h30m", "24h", "168h"]);
    }

    proptest! {
        #[test]
        fn what_is_spelled_is_understood_as_the_same(bytes in 0..=LARGEST, time in 0..=LONGEST_MILLISECONDS) {
            prop_assert_eq!(rate(&spell_rate(bytes)), Some(bytes));
            prop_assert_eq!(size(&spell_size(bytes)), Some(bytes));
            let time = Duration::from_millis(time);
            prop_assert_eq!(duration(&spell_duration(time)), Some(time));
        }

        #[test]
        fn no_text_makes_the_units_panic(text in "[0-9a-zA-Z.µ -]{0,40}", any in ".*") {
            for text in [text, any] {
                let _ = (rate(&text), size(&text), duration(&text));
            }
        }
    }
}
