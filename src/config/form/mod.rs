//! The forms that settings take: what may be written, what it means, how it is spelled, and the rule in one sentence.
//!
//! Pure: text in, values out. That a path leads somewhere or a secret can be read is not looked at here.

mod list;
mod number;
mod template;
mod text;
mod unit;

use std::borrow::Cow;
use std::path::PathBuf;

pub(super) use list::{AllowLists, ProviderLists, Windows};
pub(super) use number::{Counts, Decimals, Rates, Sizes, Switches, Times};
pub(super) use template::{Made, Templates};
pub(super) use text::{
    AbsolutePaths, Addresses, Choices, Names, OptionalNames, OptionalPaths, Presets, SecretFiles, Urls,
};

pub use unit::{duration, rate as byte_rate};

use super::value::Secret;
use super::written::Written;

/// A value that its form does not allow.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Refusal {
    /// The part that is refused: the value itself, or one of a list.
    pub(super) part: Written,
    /// What it breaks, where that is not simply the form's own rule.
    pub(super) rule: Option<String>,
}

impl Refusal {
    /// Refuses `part` by the form's own rule.
    fn of(part: &Written) -> Self {
        Self { part: part.clone(), rule: None }
    }

    /// Refuses `part` by another rule.
    fn by(part: &Written, rule: impl Into<String>) -> Self {
        Self { part: part.clone(), rule: Some(rule.into()) }
    }
}

/// A form that settings may take.
pub(super) trait Form: Sync {
    /// What it means.
    type Value;

    /// Returns the unit of a value, as the document names it.
    fn unit(&self) -> &'static str;
    /// Returns what may be written: a fragment that follows a colon.
    fn rule(&self) -> Cow<'static, str>;
    /// Understands a value.
    fn parse(&self, written: &Written) -> Result<Self::Value, Refusal>;
    /// Spells a value as TOML that is understood as the same value.
    fn spell(&self, value: &Self::Value) -> String;

    /// Returns whether a refused value may hold something that no message must repeat.
    fn hides(&self, _part: &Written) -> bool {
        false
    }

    /// Returns whether the value is the path of a secret.
    fn is_secret(&self) -> bool {
        false
    }

    /// Returns the path of the secret, where the value is one.
    fn secret_path(&self, _written: &Written) -> Option<PathBuf> {
        None
    }

    /// Returns the value in use. Only a secret is more than what was written: the content of a file.
    fn value(&self, written: &Written, _secret: Option<&Secret>) -> Self::Value {
        let parsed = self.parse(written).ok();
        parsed.expect("every value was understood once when it was read, and a test holds the defaults")
    }
}

/// A form whose values are not asked for: for checking and showing.
pub(super) trait Spelling: Sync {
    /// As [`Form::unit`].
    fn unit(&self) -> &'static str;
    /// As [`Form::rule`].
    fn rule(&self) -> Cow<'static, str>;
    /// As [`Form::hides`].
    fn hides(&self, part: &Written) -> bool;
    /// As [`Form::is_secret`].
    fn is_secret(&self) -> bool;
    /// As [`Form::secret_path`].
    fn secret_path(&self, written: &Written) -> Option<PathBuf>;
    /// Returns the value spelled anew, as TOML.
    fn respell(&self, written: &Written) -> Result<String, Refusal>;
}

impl<F: Form> Spelling for F {
    fn unit(&self) -> &'static str {
        Form::unit(self)
    }

    fn rule(&self) -> Cow<'static, str> {
        Form::rule(self)
    }

    fn hides(&self, part: &Written) -> bool {
        Form::hides(self, part)
    }

    fn is_secret(&self) -> bool {
        Form::is_secret(self)
    }

    fn secret_path(&self, written: &Written) -> Option<PathBuf> {
        Form::secret_path(self, written)
    }

    fn respell(&self, written: &Written) -> Result<String, Refusal> {
        self.parse(written).map(|value| self.spell(&value))
    }
}

/// Returns a TOML string of `text`.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// Returns `first, second or third`.
fn alternatives<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.into_iter().map(quoted).collect();
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests;
