//! Settings that are numbers, with or without a unit, and the ones that are yes or no.

use std::borrow::Cow;
use std::time::Duration;

use super::unit::{self, LARGEST};
use super::{Form, Refusal, quoted};
use crate::config::value::{Rate, Size};
use crate::config::written::{Shape, Written};

/// Bytes per second, or no limit.
pub(in crate::config) struct Rates;

impl Form for Rates {
    type Value = Option<Rate>;

    fn unit(&self) -> &'static str {
        "bytes per second"
    }

    fn rule(&self) -> Cow<'static, str> {
        "a rate as wget takes it, in bytes per second with k, m or g (k is 1024), 0 for no limit".into()
    }

    fn parse(&self, written: &Written) -> Result<Self::Value, Refusal> {
        let bytes = written.text_or_digits().and_then(unit::rate);
        bytes.map(Rate::new).ok_or_else(|| Refusal::of(written))
    }

    fn spell(&self, value: &Self::Value) -> String {
        quoted(&unit::spell_rate(value.map_or(0, Rate::bytes_per_second)))
    }
}

/// Bytes.
pub(in crate::config) struct Sizes {
    /// The fewest.
    pub(in crate::config) min: u64,
}

impl Form for Sizes {
    type Value = Size;

    fn unit(&self) -> &'static str {
        "bytes"
    }

    fn rule(&self) -> Cow<'static, str> {
        let least =
            if self.min == 0 { String::new() } else { format!(", at least {}", unit::spell_size(self.min)) };
        format!("a size in bytes with KiB, MiB, GiB or TiB (1024), or KB, MB, GB or TB (1000){least}").into()
    }

    fn parse(&self, written: &Written) -> Result<Self::Value, Refusal> {
        let bytes = written.text_or_digits().and_then(unit::size).filter(|bytes| *bytes >= self.min);
        bytes.map(Size).ok_or_else(|| Refusal::of(written))
    }

    fn spell(&self, value: &Self::Value) -> String {
        quoted(&unit::spell_size(value.bytes().min(LARGEST)))
    }
}

/// Lengths of time.
pub(in crate::config) struct Times {
    /// The shortest.
    pub(in crate::config) min: Duration,
    /// The longest.
    pub(in crate::config) max: Duration,
}

impl Form for Times {
    type Value = Duration;

    fn unit(&self) -> &'static str {
        "time"
    }

    fn rule(&self) -> Cow<'static, str> {
        let [min, max] = [self.min, self.max].map(unit::spell_duration);
        format!("a length of time with d, h, m, s or ms, from {min} to {max}").into()
    }

    fn parse(&self, written: &Written) -> Result<Self::Value, Refusal> {
        // A number alone says no unit, and seconds are as likely as milliseconds.
        let time = written.text().and_then(unit::duration);
        time.filter(|time| (self.min..=self.max).contains(time)).ok_or_else(|| Refusal::of(written))
    }

    fn spell(&self, value: &Self::Value) -> String {
        quoted(&unit::spell_duration(*value))
    }
}

/// Whole numbers.
pub(in crate::config) struct Counts {
    /// The least.
    pub(in crate::config) min: u32,
    /// The most.
    pub(in crate::config) max: u32,
}

impl Form for Counts {
    type Value = u32;

    fn unit(&self) -> &'static str {
        "count"
    }

    fn rule(&self) -> Cow<'static, str> {
        format!("a whole number from {} to {}", self.min, self.max).into()
    }

    fn parse(&self, written: &Written) -> Result<Self::Value, Refusal> {
        let digits = written.digits().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        let number = digits.and_then(|text| text.parse().ok());
        number.filter(|number| (self.min..=self.max).contains(number)).ok_or_else(|| Refusal::of(written))
    }

    fn spell(&self, value: &Self::Value) -> String {
        value.to_string()
    }
}

/// Numbers with a point.
pub(in crate::config) struct Decimals {
    /// The least.
    pub(in crate::config) min: f64,
    /// The most.
    pub(in crate::config) max: f64,
}

impl Form for Decimals {
    type Value = f64;

    fn unit(&self) -> &'static str {
        "number"
    }

    fn rule(&self) -> Cow<'static, str> {
        format!("a number from {} to {}", self.min, self.max).into()
    }

    fn parse(&self, written: &Written) -> Result<Self::Value, Refusal> {
        // Rust's own parser takes `nan` and `inf` too; neither is within the range.
        let number = written.digits().and_then(|text| text.parse::<f64>().ok());
        number.filter(|number| (self.min..=self.max).contains(number)).ok_or_else(|| Refusal::of(written))
    }

    fn spell(&self, value: &Self::Value) -> String {
        value.to_string()
    }
}

/// Yes or no.
pub(in crate::config) struct Switches;

impl Form for Switches {
    type Value = bool;

    fn unit(&self) -> &'static str {
        "yes or no"
    }

    fn rule(&self) -> Cow<'static, str> {
        "true or false".into()
    }

    fn parse(&self, written: &Written) -> Result<Self::Value, Refusal> {
        match &written.shape {
            Shape::Boolean(value) => Ok(*value),
            Shape::Words(words) => words.parse().map_err(|_| Refusal::of(written)),
            _ => Err(Refusal::of(written)),
        }
    }

    fn spell(&self, value: &Self::Value) -> String {
        value.to_string()
    }
}
