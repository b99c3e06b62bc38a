//! Settings that are text with places in it, filled in for each use: `http://origin/{record_id}.flv`.

use std::borrow::Cow;

use url::Url;

use super::text::{is_anonymous, plain};
use super::{Form, Refusal, quoted};
use crate::config::written::Written;

/// What a template makes, once its places are filled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum Made {
    /// An address, http or https, without a name or a password in it.
    Url,
    /// The path of an object below its store's own place.
    Key,
    /// Any text.
    Text,
}

/// Text with places that are filled in for each use, `{record_id}`.
pub(in crate::config) struct Templates {
    /// What it makes.
    pub(in crate::config) made: Made,
    /// The names of the places.
    pub(in crate::config) places: &'static [&'static str],
    /// The places without which the results of several uses would be one.
    pub(in crate::config) needs: &'static [&'static str],
    /// Whether it may be left out by an empty text.
    pub(in crate::config) may_be_empty: bool,
}

impl Made {
    const fn rule(self) -> &'static str {
        match self {
            Self::Url => "an http:// or https:// address without a password",
            Self::Key => "a path without .. and without a / in front",
            Self::Text => "text",
        }
    }

    /// Returns whether `text`, with something filled in, is one.
    fn takes(self, text: &str) -> bool {
        match self {
            Self::Url => {
                let is_web = |url: &Url| matches!(url.scheme(), "http" | "https") && url.has_host();
                Url::parse(text).is_ok_and(|url| is_web(&url) && is_anonymous(&url))
            }
            Self::Key => text.split('/').all(|part| !matches!(part, "" | "." | "..")),
            Self::Text => true,
        }
    }
}

/// Returns names as `{record}, {RES}`.
fn braced(names: &[&str]) -> String {
    names.iter().map(|name| format!("{{{name}}}")).collect::<Vec<_>>().join(", ")
}

impl Form for Templates {
    type Value = String;

    fn unit(&self) -> &'static str {
        "template"
    }

    fn rule(&self) -> Cow<'static, str> {
        let needs = match self.needs {
            [] => String::new(),
            some => format!("; {} must be in it", braced(some)),
        };
        let or_empty = if self.may_be_empty { ", or empty for none" } else { "" };
        format!("{} in which {} are filled in{needs}{or_empty}", self.made.rule(), braced(self.places)).into()
    }

    fn parse(&self, written: &Written) -> Result<Self::Value, Refusal> {
        let text = plain(written).ok_or_else(|| Refusal::of(written))?;
        let places = places(text).ok_or_else(|| Refusal::of(written))?;
        let filled = text.replace(['{', '}'], "");
        let are_known = places.iter().all(|place| self.places.contains(place));
        let has_needed = self.needs.iter().all(|place| places.contains(place));
        let is_good =
            if text.is_empty() { self.may_be_empty } else { are_known && has_needed && self.made.takes(&filled) };
        if is_good { Ok(text.to_owned()) } else { Err(Refusal::of(written)) }
    }

    fn spell(&self, value: &Self::Value) -> String {
        quoted(value)
    }

    fn hides(&self, part: &Written) -> bool {
        part.text().is_some_and(|text| text.contains('@'))
    }
}

/// Returns the names between braces; `None` where a brace has no partner.
fn places(text: &str) -> Option<Vec<&str>> {
    let mut parts = text.split('{');
    let before = parts.next().filter(|before| !before.contains('}'));
    before?;
    parts.map(|part| part.split_once('}').filter(|(_, after)| !after.contains('}')).map(|(name, _)| name)).collect()
}
