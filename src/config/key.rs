//! What is known of a key, and the names that can be made of it.
//!
//! The keys themselves stand in `setting`; from that one table come parsing, `config show`, the document and the sample.

use super::form::{Refusal, Spelling};
use super::written::Written;

/// What introduces the names of our environment variables.
pub(super) const VARIABLE_PREFIX: &str = "REELMILL_";

/// Who acts on a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    /// `reelmill fetch`, and the daemon.
    Fetch,
    /// `reelmill db`, `reelmill cache`, and the daemon.
    Db,
    /// `reelmill cache`, `reelmill fetch --cache`, `reelmill import-legacy`, and the daemon.
    Cache,
    /// `reelmill import-legacy`, and the daemon.
    Import,
    /// The daemon alone.
    Worker,
}

impl Reader {
    /// Returns the commands, for the document.
    pub(super) const fn commands(self) -> &'static str {
        match self {
            Self::Fetch => "`fetch`, `worker`",
            Self::Db => "`db`, `cache`, `worker`",
            Self::Cache => "`cache`, `fetch --cache`, `import-legacy`, `worker`",
            Self::Import => "`import-legacy`, `worker`",
            Self::Worker => "`worker`",
        }
    }
}

/// A key of the configuration.
pub(super) struct Key {
    /// Its full name, `download.rate`.
    pub(super) name: &'static str,
    /// What it does, for people.
    pub(super) effect: &'static str,
    /// What holds where nobody sets it, as TOML.
    pub(super) default: &'static str,
    /// A value that somebody might want, as TOML.
    pub(super) example: &'static str,
    /// Who acts on it.
    pub(super) reader: Reader,
    /// What may be written.
    pub(super) form: &'static dyn Spelling,
}

impl Key {
    /// Returns the name of its table, "" for the top level, and its name within.
    pub(super) fn parts(&self) -> (&'static str, &'static str) {
        self.name.split_once('.').unwrap_or(("", self.name))
    }

    /// Returns the environment variable, `REELMILL_DOWNLOAD__RATE`.
    pub(super) fn variable(&self) -> String {
        format!("{VARIABLE_PREFIX}{}", self.name.replace('.', "__").to_ascii_uppercase())
    }

    /// Returns the name of the secret whose file this key names, `api.token` for `api.token_file`; systemd knows it by
    /// the same name.
    pub(super) fn secret_name(&self) -> Option<&'static str> {
        self.name.strip_suffix("_file").filter(|_| self.form.is_secret())
    }

    /// Returns the example as it is typed for a variable: text without TOML's quotes, and in the shell's where it needs
    /// them.
    pub(super) fn plain_example(&self) -> String {
        let text = Written::parse(self.example).and_then(|value| value.text().map(str::to_owned));
        let text = text.unwrap_or_else(|| self.example.to_owned());
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:@,+".contains(&byte);
        if text.bytes().all(is_plain) { text } else { format!("'{text}'") }
    }

    /// Returns the rule and the shown value of a refusal.
    pub(super) fn explain(&self, refusal: &Refusal) -> (String, Option<String>) {
        let rule = refusal.rule.clone().unwrap_or_else(|| self.form.rule().into_owned());
        let shown = if self.form.hides(&refusal.part) { "<hidden>".to_owned() } else { refusal.part.shown() };
        (rule, Some(shown))
    }
}

/// Returns the known name that `name` was probably meant to be. The last part alone decides where it is one of a known
/// name, since a key under the wrong table is a common slip.
pub(super) fn suggestion<'a>(name: &str, known: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    let last = |name: &str| name.rsplit_once('.').map_or(name, |(_, last)| last).to_owned();
    let distance = |other: &str| strsim::damerau_levenshtein(&name.to_lowercase(), &other.to_lowercase());
    // Farther than a third of its letters is another word.
    let near = known.clone().map(|other| (distance(other), other)).min();
    let near = near.filter(|(distance, _)| *distance <= (name.len() / 3).clamp(1, 6)).map(|(_, other)| other);
    near.or_else(|| known.clone().find(|other| last(other) == last(name)))
}

#[cfg(test)]
mod tests {
    use super::suggestion;

    #[test]
    fn a_slip_is_taken_for_the_nearest_key_or_the_same_one_of_another_table() {
        let known = ["data_folder", "download.rate", "cache.count_max", "api.listen"];
        for (name, meant) in [
            ("download.rat", Some("download.rate")),
            ("Download.Rate", Some("download.rate")),
            ("datafolder", Some("data_folder")),
            ("count_max", Some("cache.count_max")),
            ("download.count_max", Some("cache.count_max")),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(suggestion(name, known.into_iter()), meant, "{name}");
        }
    }
}
