//! Numbers as people read them: sizes, lengths, rates. Programs get plain numbers from `wire`.

/// Returns a size in binary units, `85.2 MiB`.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if count < 1024 {
        return format!("{count} B");
    }
    let mut value = count as f64 / 1024.0;
    let mut unit = UNITS[0];
    for next in &UNITS[1..] {
        // 1023.95 would print as 1024.0 of the smaller unit.
        if value < 1023.95 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    format!("{value:.1} {unit}")
}

/// Returns a rate in the decimal units of the field, `1.25 Mbit/s`.
pub fn bit_rate(bits_per_second: f64) -> String {
    match bits_per_second {
        rate if rate >= 999_500.0 => format!("{:.2} Mbit/s", rate / 1.0e6),
        rate if rate >= 1000.0 => format!("{:.0} kbit/s", rate / 1.0e3),
        rate => format!("{rate:.0} bit/s"),
    }
}

/// Returns a rate of bytes in binary units, `1.0 MiB/s`.
pub fn byte_rate(bytes_per_second: f64) -> String {
    format!("{}/s", bytes(whole(bytes_per_second)))
}

/// Returns a media length to the hundredth, `1:02:03.50`, `0:12.04`.
pub fn length(seconds: f64) -> String {
    let hundredths = whole(seconds * 100.0);
    format!("{}.{:02}", clock(hundredths / 100), hundredths % 100)
}

/// Returns a waiting time to the second, `1:02:03`, `0:12`.
pub fn wait(seconds: f64) -> String {
    clock(whole(seconds))
}

/// Returns a length of time in its largest unit, for ages: `12 s`, `5 min`, `3 h`, `12 d`.
pub fn span(milliseconds: u64) -> String {
    match milliseconds / 1000 {
        seconds if seconds < 60 => format!("{seconds} s"),
        seconds if seconds < 3600 => format!("{} min", seconds / 60),
        // Two days on, hours say nothing more.
        seconds if seconds < 48 * 3600 => format!("{} h", seconds / 3600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

fn clock(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// Rounds; what is below zero or no number is zero.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates, and maps NaN to 0")]
fn whole(value: f64) -> u64 {
    value.round() as u64
}

/// Returns a number with as many of four decimals as it needs: `25`, `29.833`, `23.976`.
pub fn trimmed(value: f64) -> String {
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Returns `1 frame`, `2 frames`.
pub fn count(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_one_decimal_and_never_1024_of_a_unit() {
        for (size, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1_048_524, "1023.9 KiB"),
            (1_048_575, "1.0 MiB"),
            (89_338_675, "85.2 MiB"),
            (u64::MAX, "16384.0 PiB"),
        ] {
            assert_eq!(bytes(size), text, "{size}");
        }
    }

    #[test]
    fn lengths_carry_into_minutes_and_hours() {
        assert_eq!([0.0, 12.04, 59.996, 3723.5].map(length), ["0:00.00", "0:12.04", "1:00.00", "1:02:03.50"]);
        assert_eq!([0.4, 59.6, 3599.5, -3.0, f64::NAN].map(wait), ["0:00", "1:00", "1:00:00", "0:00", "0:00"]);
    }

    #[test]
    fn ages_are_told_in_their_largest_unit() {
        let ages = [0, 59_999, 60_000, 3_600_000, 172_799_999, 172_800_000].map(span);
        assert_eq!(ages, ["0 s", "59 s", "1 min", "1 h", "47 h", "2 d"]);
    }

    #[test]
    fn decimals_are_kept_where_they_say_something() {
        assert_eq!([25.0, 29.833, 23.976_023_9, 100.0, 0.0].map(trimmed), ["25", "29.833", "23.976", "100", "0"]);
    }

    #[test]
    fn rates_are_decimal() {
        let rates = [900.0, 128_000.0, 999_499.0, 999_600.0, 2_500_000.0].map(bit_rate);
        assert_eq!(rates, ["900 bit/s", "128 kbit/s", "999 kbit/s", "1.00 Mbit/s", "2.50 Mbit/s"]);
    }
}
