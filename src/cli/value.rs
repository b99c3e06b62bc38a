//! Spellings of single values: `720P:crf=22`, `2M`, `aac:128k`. Each refusal says what would be right.

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use clap::builder::{PathBufValueParser, PossibleValue, TypedValueParser};
use url::Url;

use crate::media::{Container, RateControlMode, RenditionName};
use crate::transcode::{AudioRequest, RenditionRequest};

/// A value cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct ValueError(String);

fn refuse<T>(text: impl Into<String>) -> Result<T, ValueError> {
    Err(ValueError(text.into()))
}

/// Returns the parser of paths; clap's own refuses the empty one.
pub(super) fn path() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new()
}

/// Parses `NAME[:k=v,…]`.
pub(super) fn rendition(text: &str) -> Result<RenditionRequest, ValueError> {
    let (name, settings) = text.split_once(':').unwrap_or((text, ""));
    let name = RenditionName::parse(name).map_err(|error| ValueError(error.to_string()))?;
    let mut request = RenditionRequest::plain(name);
    if text.ends_with(':') {
        return refuse(format!("nothing follows the colon; write {name}:crf=22 or just {name}"));
    }
    for setting in settings.split(',').filter(|_| !settings.is_empty()) {
        set(&mut request, setting)?;
    }
    if request.crf.is_some() && request.bits_per_second.is_some() {
        return refuse(format!("{name} cannot have both crf and bitrate; keep one of them"));
    }
    Ok(request)
}

fn set(request: &mut RenditionRequest, setting: &str) -> Result<(), ValueError> {
    let Some((key, value)) = setting.split_once('=') else {
        return refuse(format!("{setting:?} is not a setting; write crf=22, bitrate=2M or preset=fast"));
    };
    let taken = match key {
        "crf" => request.crf.replace(number(value)?).is_some(),
        "bitrate" => request.bits_per_second.replace(bit_rate(value)?).is_some(),
        "preset" if value.is_empty() => return refuse("preset= needs a name, like preset=fast"),
        "preset" => request.preset.replace(value.to_owned()).is_some(),
        _ => return refuse(format!("{key:?} is not a setting of a rendition; known: crf, bitrate, preset")),
    };
    if taken { refuse(format!("{key} is given twice for {}", request.name)) } else { Ok(()) }
}

/// Parses a rate in bits per second, or a size in bits: `2M`, `1.5M`, `800k`, `2500000` (k is 1000).
pub(super) fn bit_rate(text: &str) -> Result<u64, ValueError> {
    // Far above any video, far below where sums of rates could overflow.
    const MAX: f64 = 1.0e12;
    // Below it nobody means bits: `128` was meant as `128k`.
    const MIN: f64 = 1000.0;
    let (digits, unit) = match text.strip_suffix(['k', 'K']) {
        Some(digits) => (digits, 1.0e3),
        None => text.strip_suffix('M').map_or((text, 1.0), |digits| (digits, 1.0e6)),
    };
    let plain = digits.starts_with(|first: char| first.is_ascii_digit())
        && digits.chars().all(|letter| letter.is_ascii_digit() || letter == '.');
    let bits = match digits.parse::<f64>() {
        Ok(value) if plain => (value * unit).round(),
        _ => return refuse(format!("{text:?} is not a bitrate; write 2M, 800k or 2500000 (k is 1000)")),
    };
    if bits < MIN {
        return refuse(format!("{text} is less than 1000 bits per second; did you mean {digits}k?"));
    }
    if bits > MAX {
        return refuse(format!("{text} is more than any video needs; write 2M, 800k or 2500000"));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1000 to 1e12, checked above")]
    Ok(bits as u64)
}

/// Parses a rate in bytes per second, as the configuration does: `1000k`, `1.5m`, `2g`, `4096` (k is 1024).
pub(super) fn byte_rate(text: &str) -> Result<u64, ValueError> {
    let wrong =
        || ValueError(format!("{text:?} is not a rate; write 1000k, 1.5m or 4096 (bytes a second, k is 1024)"));
    crate::config::byte_rate(text).ok_or_else(wrong)
}

/// Parses a length of time above zero, as the configuration does: `7d`, `1h30m`.
pub(super) fn duration(text: &str) -> Result<Duration, ValueError> {
    let wrong = || ValueError(format!("{text:?} is not a length of time; write 7d, 12h or 1h30m"));
    crate::config::duration(text).filter(|duration| !duration.is_zero()).ok_or_else(wrong)
}

/// Parses the name of a rendition.
pub(super) fn rendition_name(text: &str) -> Result<RenditionName, ValueError> {
    RenditionName::parse(text).map_err(|error| ValueError(error.to_string()))
}

/// Parses where a rendition lies: `480P=http://origin/6666_480P.flv`.
pub(super) fn listed(text: &str) -> Result<(RenditionName, Url), ValueError> {
    let wrong =
        || ValueError(format!("{text:?} is not NAME=URL; write for example 480P=http://origin/6666_480P.flv"));
    let (name, url) = text.split_once('=').ok_or_else(wrong)?;
    Ok((rendition_name(name)?, Url::parse(url).map_err(|_| wrong())?))
}

/// Parses a time, as RFC 3339 has it or in Unix seconds; returns the latter.
pub(super) fn moment(text: &str) -> Result<i64, ValueError> {
    let wrong = || ValueError(format!("{text:?} is not a time; write 2026-11-21T18:00:00Z, or Unix seconds"));
    let timestamp = text.parse::<jiff::Timestamp>().map(jiff::Timestamp::as_second);
    text.parse::<i64>().or(timestamp).map_err(|_| wrong())
}

/// Parses 64 hexadecimal digits; returns them in lower case.
pub(super) fn sha256(text: &str) -> Result<String, ValueError> {
    let is_hash = text.len() == 64 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
    if is_hash { Ok(text.to_ascii_lowercase()) } else { refuse("a SHA-256 has 64 hexadecimal digits") }
}

/// Parses a number that is one: no `nan`, no `inf`.
pub(super) fn number(text: &str) -> Result<f64, ValueError> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(value),
        _ => refuse(format!("{text:?} is not a number")),
    }
}

/// Parses seconds from zero on, up to a day.
pub(super) fn seconds(text: &str) -> Result<f64, ValueError> {
    match number(text)? {
        value if (0.0..=86_400.0).contains(&value) => Ok(value),
        _ => refuse("must be 0 to 86400; write seconds, like 4 or 2.5"),
    }
}

/// Parses seconds to wait for something: above zero, up to a day.
pub(super) fn patience(text: &str) -> Result<f64, ValueError> {
    match seconds(text)? {
        value if value > 0.0 => Ok(value),
        _ => refuse("must be above 0; write seconds, like 4 or 2.5"),
    }
}

/// Parses seconds above zero.
pub(super) fn positive_seconds(text: &str) -> Result<f64, ValueError> {
    match number(text)? {
        value if value > 0.0 => Ok(value),
        _ => refuse("must be above 0; write seconds, like 4 or 2.5"),
    }
}

/// Parses a number of threads: 1 to 1024, more than any machine has.
pub(super) fn jobs(text: &str) -> Result<usize, ValueError> {
    match text.parse() {
        Ok(jobs @ 1..=1024) => Ok(jobs),
        _ => refuse(format!("{text:?} is not a number of threads; write 1 to 1024")),
    }
}

/// Parses `copy`, `none`, `aac`, `aac:128k`.
pub(super) fn audio(text: &str) -> Result<AudioRequest, ValueError> {
    match text.to_ascii_lowercase().split_once(':') {
        Some(("aac", _)) => bit_rate(&text["aac:".len()..]).map(|rate| AudioRequest::Aac(Some(rate))),
        None if text.eq_ignore_ascii_case("aac") => Ok(AudioRequest::Aac(None)),
        None if text.eq_ignore_ascii_case("copy") => Ok(AudioRequest::Copy),
        None if text.eq_ignore_ascii_case("none") => Ok(AudioRequest::None),
        _ => refuse(format!("{text:?} is not known; write copy, aac, aac:128k or none")),
    }
}

/// Parses `key=value` for the encoder.
pub(super) fn encoder_option(text: &str) -> Result<(String, String), ValueError> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => refuse(format!("{text:?} is not KEY=VALUE; write for example --enc aq-mode=2")),
    }
}

impl ValueEnum for Container {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::WRITABLE
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name()))
    }
}

impl ValueEnum for RateControlMode {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Copy, Self::Crf, Self::Cq, Self::Cbr, Self::Abr, Self::Vbr]
    }

    /// The aliases are the names that `RateControlMode::from_name` takes.
    fn to_possible_value(&self) -> Option<PossibleValue> {
        let value = PossibleValue::new(self.name());
        Some(match self {
            Self::Cq => value.alias("cqp"),
            Self::Cbr => value.alias("b"),
            _ => value,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message<T: std::fmt::Debug>(result: Result<T, ValueError>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn a_rendition_carries_its_own_settings() {
        let request = rendition("720p:crf=21.5,preset=fast").unwrap();
        assert_eq!((request.name.short_side(), request.crf), (720, Some(21.5)));
        assert_eq!(request.preset.as_deref(), Some("fast"));
        assert_eq!(rendition("480:bitrate=800k").unwrap().bits_per_second, Some(800_000));
        assert_eq!(rendition("240P").unwrap(), RenditionRequest::plain(RenditionName::of_source(240)));
    }

    #[test]
    fn a_wrong_rendition_is_refused_with_what_would_be_right() {
        for (text, part) in [
            ("721P", "known: 2160P"),
            ("", "known: 2160P"),
            ("720P:", "nothing follows the colon"),
            ("720P:qp=3", "known: crf, bitrate, preset"),
            ("720P:crf", "write crf=22"),
            ("720P:crf=22,", "write crf=22"),
            ("720P:crf=", "not a number"),
            ("720P:crf=nan", "not a number"),
            ("720P:crf=1,crf=2", "given twice"),
            ("720P:preset=", "needs a name"),
            ("720P:crf=20,bitrate=2M", "keep one"),
        ] {
            assert!(message(rendition(text)).contains(part), "{text:?}: {}", message(rendition(text)));
        }
    }

    #[test]
    fn bitrates_are_spelled_plain_or_with_a_decimal_unit() {
        for (text, bits) in
            [("2M", 2_000_000), ("1.5M", 1_500_000), ("800k", 800_000), ("128K", 128_000), ("2500000", 2_500_000)]
        {
            assert_eq!(bit_rate(text), Ok(bits), "{text}");
        }
        for text in ["", "k", "M", "-2M", "+2M", "2Mb", "2m", "1e6", "inf", "nan", ".5M", "1.2.3M", "2 M"] {
            assert!(message(bit_rate(text)).contains("not a bitrate"), "{text:?}");
        }
        assert!(message(bit_rate("128")).contains("did you mean 128k?"));
        assert!(message(bit_rate("99999999M")).contains("more than any video"));
    }

    #[test]
    fn lengths_of_time_are_spelled_as_in_the_configuration_and_are_never_nothing() {
        assert_eq!(duration("7d"), Ok(Duration::from_hours(168)));
        for text in ["", "0s", "7", "-1d", "7 d", "d"] {
            assert!(message(duration(text)).contains("write 7d"), "{text:?}");
        }
    }

    #[test]
    fn times_are_spelled_as_a_calendar_has_them_or_in_seconds() {
        for text in ["1760000000", "2025-10-09T08:53:20Z", "2025-10-09T16:53:20+08:00"] {
            assert_eq!(moment(text), Ok(1_760_000_000), "{text}");
        }
        for text in ["", "tomorrow", "2025-10-09", "18:00"] {
            assert!(message(moment(text)).contains("not a time"), "{text:?}");
        }
    }

    #[test]
    fn an_address_of_a_rendition_follows_its_name() {
        let (name, url) = listed("480p=http://origin/a=b").unwrap();
        assert_eq!((name.short_side(), url.as_str()), (480, "http://origin/a=b"));
        for (text, part) in [("480P", "NAME=URL"), ("480P=x", "NAME=URL"), ("481P=http://origin/", "known: 2160P")]
        {
            assert!(message(listed(text)).contains(part), "{text:?}");
        }
    }

    #[test]
    fn sound_is_copied_encoded_or_left_out() {
        assert_eq!(audio("copy"), Ok(AudioRequest::Copy));
        assert_eq!(audio("aac"), Ok(AudioRequest::Aac(None)));
        assert_eq!(audio("AAC:96k"), Ok(AudioRequest::Aac(Some(96_000))));
        assert_eq!(audio("none"), Ok(AudioRequest::None));
        for text in ["", "opus", "aac:", "copy:128k", "aac:128"] {
            assert!(audio(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn encoder_options_keep_equal_signs_in_their_value() {
        assert_eq!(encoder_option("x264-params=a=1"), Ok(("x264-params".into(), "a=1".into())));
        assert!(encoder_option("=1").is_err() && encoder_option("aq-mode").is_err());
    }

    #[test]
    fn aliases_agree_with_the_vocabulary() {
        for mode in RateControlMode::value_variants() {
            let value = mode.to_possible_value().unwrap();
            for name in value.get_name_and_aliases() {
                assert_eq!(RateControlMode::from_name(name), Some(*mode), "{name}");
            }
        }
    }
}
