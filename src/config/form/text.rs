//! Settings that are text of a certain shape: paths, addresses, names, choices.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use url::Url;

use super::{Form, Refusal, alternatives, quoted};
use crate::config::value::{Secret, SecretFile};
use crate::config::written::Written;
use crate::media::Encoder;

/// Longer names than this are a mistake; Redis and file systems would take them.
const NAME_LENGTH_MAX: usize = 200;

/// Returns the text of a value without control characters, as no setting has any.
pub(super) fn plain(written: &Written) -> Option<&str> {
    written.text().filter(|text| !text.chars().any(char::is_control))
}

fn absolute(written: &Written) -> Option<PathBuf> {
    plain(written).map(Path::new).filter(|path| path.is_absolute()).map(Path::to_owned)
}

fn spell_path(path: &Path) -> String {
    // It came from text, so nothing is lost.
    quoted(&path.to_string_lossy())
}

/// A file or folder.
pub(in crate::config) struct AbsolutePaths;

impl Form for AbsolutePaths {
    type Value = PathBuf;

    fn unit(&self) -> &'static str {
        "path"
    }

    fn rule(&self) -> Cow<'static, str> {
        "an absolute path".into()
    }

    fn parse(&self, written: &Written) -> Result<Self::Value, Refusal> {
        absolute(written).ok_or_else(|| Refusal::of(written))
    }

    fn spell(&self, value: &Self::Value) -> String {
        spell_path(value)
    }
}

/// A file or folder, or none.
pub(in crate::config) struct OptionalPaths;

impl Form for OptionalPaths {
    type Value = Option<PathBuf>;

    fn unit(&self) -> &'static str {
        "path"
    }

    fn rule(&self) -> Cow<'static, str> {
        "an absolute path, or empty for none".into()
    }

    fn parse(&self, written: &Written) -> Result<Self::Value, Refusal> {
        match written.text() {
            Some("") => Ok(None),
            _ => absolute(written).map(Some).ok_or_else(|| Refusal::of(written)),
        }
    }

    fn spell(&self, value: &Self::Value) -> String {
        value.as_deref().map_or_else(|| quoted(""), spell_path)
    }
}

/// The file of a secret, or none.
pub(in crate::config) struct SecretFiles;

impl Form for SecretFiles {
    type Value = SecretFile;

    fn unit(&self) -> &'static str {
        "path of a secret"
    }

    fn rule(&self) -> Cow<'static, str> {
        "the absolute path of a file that only its owner can read, or empty for none".into()
    }

    fn parse(&self, written: &Written) -> Result<Self::Value, Refusal> {
        match OptionalPaths.parse(written) {
            Ok(path) => Ok(SecretFile { path, secret: None }),
            Err(_) => Err(Refusal::of(written)),
        }
    }

    fn spell(&self, value: &Self::Value) -> String {
        OptionalPaths.spell(&value.path)
    }

    /// Somebody may have written the secret in the place of its file's name.
    fn hides(&self, part: &Written) -> bool {
        absolute(part).is_none()
    }

    fn secret_path(&self, written: &Written) -> Option<PathBuf> {
        absolute(written)
    }

    fn is_secret(&self) -> bool {
        true
    }

    fn value(&self, written: &Written, secret: Option<&Secret>) -> Self::Value {
        SecretFile { path: absolute(written), secret: secret.cloned() }
    }
}

/// An address to listen on.
pub(in crate::config) struct Addresses;

impl Form for Addresses {
    type Value = SocketAddr;

    fn unit(&self) -> &'static str {
        "address"
    }

    fn rule(&self) -> Cow<'static, str> {
        "an IP address and a port".into()
    }

    fn parse(&self, written: &Written) -> Result<Self::Value, Refusal> {
        written.text().and_then(|text| text.parse().ok()).ok_or_else(|| Refusal::of(written))
    }

    fn spell(&self, value: &Self::Value) -> String {
        quoted(&value.to_string())
    }
}

/// A URL, or none.
pub(in crate::config) struct Urls {
    /// The schemes that it may have.
    pub(in crate::config) schemes: &'static [&'static str],
}

impl Form for Urls {
    type Value = Option<Url>;

    fn unit(&self) -> &'static str {
        "URL"
    }

    fn rule(&self) -> Cow<'static, str> {
        let schemes = self.schemes.join(":// or ");
        format!("a URL that begins with {schemes}:// and holds no user and no password, or empty for none").into()
    }

    fn parse(&self, written: &Written) -> Result<Self::Value, Refusal> {
        let text = plain(written).ok_or_else(|| Refusal::of(written))?;
        if text.is_empty() {
            return Ok(None);
        }
        let url = Url::parse(text).ok().filter(|url| self.takes(url));
        url.map(Some).ok_or_else(|| Refusal::of(written))
    }

    fn spell(&self, value: &Self::Value) -> String {
        quoted(value.as_ref().map_or("", Url::as_str))
    }

    /// Passwords stand in front of an `@`, keys behind a `?`.
    fn hides(&self, part: &Written) -> bool {
        part.text().is_some_and(|text| text.contains(['@', '?']))
    }
}

impl Urls {
    fn takes(&self, url: &Url) -> bool {
        let has_place = url.scheme() == "file" || url.host_str().is_some_and(|host| !host.is_empty());
        // What else a URL's query may hold could be a key, and keys have files.
        let has_no_key = url.query_pairs().all(|(name, value)| match &*name {
            "region" => true,
            "endpoint" => is_endpoint(&value),
            _ => false,
        });
        self.schemes.contains(&url.scheme()) && has_place && is_anonymous(url) && has_no_key
    }
}

/// Returns whether a URL can be shown: nobody's name or password stands in it.
pub(super) fn is_anonymous(url: &Url) -> bool {
    url.username().is_empty() && url.password().is_none() && url.fragment().is_none()
}

/// Returns whether it can be the place of a server, and holds no name, password or key.
fn is_endpoint(text: &str) -> bool {
    !text.is_empty() && !text.contains(['@', '?', '#', ' '])
}

fn name(written: &Written) -> Option<String> {
    let is_name = |text: &&str| {
        (1..=NAME_LENGTH_MAX).contains(&text.len()) && !text.chars().any(|letter| letter.is_whitespace())
    };
    plain(written).filter(is_name).map(str::to_owned)
}

/// A name that somebody else gave.
pub(in crate::config) struct Names;

impl Form for Names {
    type Value = String;

    fn unit(&self) -> &'static str {
        "name"
    }

    fn rule(&self) -> Cow<'static, str> {
        "a name without spaces".into()
    }

    fn parse(&self, written: &Written) -> Result<Self::Value, Refusal> {
        name(written).ok_or_else(|| Refusal::of(written))
    }

    fn spell(&self, value: &Self::Value) -> String {
        quoted(value)
    }
}

/// A name, or none.
pub(in crate::config) struct OptionalNames;

impl Form for OptionalNames {
    type Value = Option<String>;

    fn unit(&self) -> &'static str {
        "name"
    }

    fn rule(&self) -> Cow<'static, str> {
        "a name without spaces, or empty for none".into()
    }

    fn parse(&self, written: &Written) -> Result<Self::Value, Refusal> {
        match written.text() {
            Some("") => Ok(None),
            _ => name(written).map(Some).ok_or_else(|| Refusal::of(written)),
        }
    }

    fn spell(&self, value: &Self::Value) -> String {
        quoted(value.as_deref().unwrap_or_default())
    }
}

/// One of a few words.
pub(in crate::config) struct Choices<T: 'static> {
    /// The words and what they mean.
    pub(in crate::config) words: &'static [(&'static str, T)],
}

impl<T: Copy + PartialEq + Sync> Form for Choices<T> {
    type Value = T;

    fn unit(&self) -> &'static str {
        "choice"
    }

    fn rule(&self) -> Cow<'static, str> {
        alternatives(self.words.iter().map(|(word, _)| *word)).into()
    }

    fn parse(&self, written: &Written) -> Result<Self::Value, Refusal> {
        let meant = self.words.iter().find(|(word, _)| written.text() == Some(*word));
        meant.map(|(_, value)| *value).ok_or_else(|| Refusal::of(written))
    }

    fn spell(&self, value: &Self::Value) -> String {
        let word = self.words.iter().find(|(_, meant)| meant == value);
        quoted(word.map_or("", |(word, _)| *word))
    }
}

/// A preset of an encoder, by its own name for it.
pub(in crate::config) struct Presets {
    /// The encoder.
    pub(in crate::config) encoder: Encoder,
}

impl Form for Presets {
    type Value = String;

    fn unit(&self) -> &'static str {
        "choice"
    }

    fn rule(&self) -> Cow<'static, str> {
        alternatives(self.encoder.presets().iter().copied()).into()
    }

    fn parse(&self, written: &Written) -> Result<Self::Value, Refusal> {
        let known = written.text().filter(|text| self.encoder.presets().contains(text));
        known.map(str::to_owned).ok_or_else(|| Refusal::of(written))
    }

    fn spell(&self, value: &Self::Value) -> String {
        quoted(value)
    }
}
