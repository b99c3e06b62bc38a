//! From all places to one checked configuration: who goes before whom, and every fault at once.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::env::Variables;
use super::error::{ConfigError, Fault};
use super::form::{Form, Refusal};
use super::key::{Key, suggestion};
use super::origin::Origin;
use super::setting::{Config, KEYS};
use super::value::Secret;
use super::written::Written;
use super::{agreement, env, file, legacy, secret};

/// The file that is read where none is named, if it is there.
pub const DEFAULT_FILE: &str = "/etc/reelmill/reelmill.toml";
/// A larger file is no configuration: all keys with their comments take a twentieth of it.
const FILE_BYTES_MAX: u64 = 256 << 10;

/// Where settings may come from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The file that was named; else [`DEFAULT_FILE`], if it is there.
    pub file: Option<PathBuf>,
    /// A `.env` of an older system.
    pub env_file: Option<PathBuf>,
    /// The environment.
    pub variables: Variables,
    /// Leave all secrets alone, and what depends on their being there unjudged: for commands that need none, which people
    /// run who must not read them.
    pub without_secrets: bool,
}

/// What was read, and what came of it.
#[derive(Debug)]
pub struct Reading {
    /// The settings, ready for use.
    pub config: Config,
    /// The same, one by one with where they come from, in the order of the document.
    pub settings: Vec<Setting>,
    /// What was read: files, and how many variables and credentials.
    pub sources: Vec<String>,
    /// What somebody should know although nothing is wrong.
    pub notes: Vec<String>,
}

impl Reading {
    /// Returns whether somebody set this key, if only to its default.
    pub fn is_set(&self, name: &str) -> bool {
        self.settings.iter().any(|setting| setting.name == name && setting.origin != Origin::Default)
    }
}

/// A setting in use.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Its full name.
    pub name: &'static str,
    /// Its value as TOML, in its shortest spelling; of a secret the path of its file.
    pub value: String,
    /// Where it comes from.
    pub origin: Origin,
    /// Where its secret comes from, if it has one: the path of a file, or a credential.
    pub secret_source: Option<String>,
    written: Written,
    secret: Option<Secret>,
}

/// The settings in use, by name.
pub(super) struct Settings(BTreeMap<&'static str, Setting>);

/// A setting that one of the places holds, and that keeps its rule.
pub(super) struct Entry {
    key: &'static Key,
    written: Written,
    value: String,
    origin: Origin,
}

impl Entry {
    /// Checks a setting by its rule.
    pub(super) fn new(key: &'static Key, written: Written, origin: Origin) -> Result<Self, Refusal> {
        key.form.respell(&written).map(|value| Self { key, written, value, origin })
    }
}

/// What one place holds.
#[derive(Default)]
pub(super) struct Layer {
    /// What is right.
    pub(super) entries: Vec<Entry>,
    /// What is wrong.
    pub(super) faults: Vec<Fault>,
    /// What somebody should know.
    pub(super) notes: Vec<String>,
}

/// Reads and checks everything. Nothing but these files and the secrets they name is touched.
pub fn read(sources: &Sources) -> Result<Reading, ConfigError> {
    let mut names = Vec::new();
    let mut layers = Vec::new();
    if let Some(path) = &sources.env_file {
        layers.push(legacy::layer(path, &load(path)?));
        names.push(path.display().to_string());
    }
    if let Some((path, bytes)) = main_file(sources.file.as_deref())? {
        layers.push(file::layer(&path, &bytes));
        names.push(path.display().to_string());
    }
    let variables = env::layer(&sources.variables);
    names.extend(variables.entries.iter().map(|entry| entry.origin.to_string()));
    layers.push(variables);
    let secrets = match sources.without_secrets {
        true => Secrets::Left,
        false => Secrets::Taken { credentials: sources.variables.credentials.as_deref() },
    };
    settle(layers, names, secrets)
}

/// Returns the file to read with its content; none where none is named and the usual one is not there.
fn main_file(named: Option<&Path>) -> Result<Option<(PathBuf, Vec<u8>)>, ConfigError> {
    let path = named.unwrap_or(Path::new(DEFAULT_FILE));
    match load(path) {
        Err(ConfigError::Missing(_)) if named.is_none() => Ok(None),
        result => result.map(|bytes| Some((path.to_owned(), bytes))),
    }
}

fn load(path: &Path) -> Result<Vec<u8>, ConfigError> {
    let unreadable = |source| ConfigError::Unreadable { path: path.to_owned(), source };
    let metadata = match fs::metadata(path) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Err(ConfigError::Missing(path.to_owned()));
        }
        result => result.map_err(unreadable)?,
    };
    // Before opening: a pipe without a writer would block for ever.
    if !metadata.is_file() {
        return Err(unreadable(io::Error::other("it is not a plain file")));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    match u64::try_from(bytes.len()) {
        Ok(length) if length <= FILE_BYTES_MAX => Ok(bytes),
        _ => Err(unreadable(io::Error::from(ErrorKind::FileTooLarge))),
    }
}

/// What is done about secrets.
#[derive(Clone, Copy)]
enum Secrets<'a> {
    /// They are read, with systemd's from this folder.
    Taken { credentials: Option<&'a Path> },
    /// Nobody needs them.
    Left,
}

/// Puts the layers on top of each other, the later before the earlier, and checks what comes out.
fn settle(layers: Vec<Layer>, mut sources: Vec<String>, secrets: Secrets<'_>) -> Result<Reading, ConfigError> {
    let mut settings = Settings::default();
    let (mut faults, mut notes) = (Vec::new(), Vec::new());
    for layer in layers {
        faults.extend(layer.faults);
        notes.extend(layer.notes);
        layer.entries.into_iter().for_each(|entry| settings.put(entry));
    }
    if let Secrets::Taken { credentials } = secrets {
        faults.extend(settings.take_secrets(credentials));
    }
    let config = if faults.is_empty() { Some(Config::of(&settings)) } else { None };
    if matches!(secrets, Secrets::Taken { .. }) {
        faults.extend(config.iter().flat_map(|config| agreement::faults(config, &settings)));
    }
    faults.sort_by(|one, other| one.place.cmp(&other.place));
    let settings = settings.in_order();
    sources.extend(settings.iter().filter_map(Setting::credential));
    match config {
        Some(config) if faults.is_empty() => Ok(Reading { config, settings, sources, notes }),
        _ => Err(ConfigError::Invalid(faults)),
    }
}

impl Default for Settings {
    /// Returns what holds where nobody says otherwise.
    fn default() -> Self {
        let mut settings = Self(BTreeMap::new());
        for key in KEYS {
            let written = Written::parse(key.default).expect("a test holds that every default is TOML");
            let entry = Entry::new(key, written, Origin::Default);
            settings.put(entry.expect("a test holds that every default keeps its rule"));
        }
        settings
    }
}

impl Settings {
    fn put(&mut self, entry: Entry) {
        let Entry { key, written, value, origin } = entry;
        let setting = Setting { name: key.name, value, origin, secret_source: None, written, secret: None };
        self.0.insert(key.name, setting);
    }

    /// Returns a setting's value, by its form.
    pub(super) fn value<F: Form>(&self, name: &str, form: &F) -> F::Value {
        let setting = self.get(name);
        form.value(&setting.written, setting.secret.as_ref())
    }

    /// Returns a setting.
    pub(super) fn get(&self, name: &str) -> &Setting {
        self.0.get(name).expect("every key of the table has a setting, if only its default")
    }

    /// Reads the secrets whose files are named, and takes the others from systemd where it has them.
    fn take_secrets(&mut self, credentials: Option<&Path>) -> Vec<Fault> {
        let mut faults = Vec::new();
        for key in KEYS {
            let (Some(name), Some(setting)) = (key.secret_name(), self.0.get_mut(key.name)) else { continue };
            let path = key.form.secret_path(&setting.written);
            let credential = Origin::Credential(name.to_owned());
            let found = match &path {
                Some(path) => secret::read(path).map(Some).map_err(|rule| setting.fault(rule)),
                None => secret::credential(credentials, name)
                    .map_err(|rule| Fault::of(credential.clone(), Some(key.name), rule)),
            };
            setting.secret = found.unwrap_or_else(|fault| {
                faults.push(fault);
                None
            });
            if path.is_none() && setting.secret.is_some() {
                setting.origin = credential;
            }
            let source = path.map_or_else(|| setting.origin.to_string(), |path| path.display().to_string());
            setting.secret_source = setting.secret.is_some().then_some(source);
        }
        faults
    }

    fn in_order(mut self) -> Vec<Setting> {
        KEYS.iter().filter_map(|key| self.0.remove(key.name)).collect()
    }
}

impl Setting {
    /// Returns a fault of this setting as it stands.
    pub(super) fn fault(&self, rule: impl Into<String>) -> Fault {
        Fault { value: Some(self.value.clone()), ..Fault::of(self.origin.clone(), Some(self.name), rule) }
    }

    /// Returns the credential that the secret comes from.
    fn credential(&self) -> Option<String> {
        matches!(self.origin, Origin::Credential(_)).then(|| self.origin.to_string())
    }

    /// Returns the name of its table, "" for the top level, and its name within.
    pub fn parts(&self) -> (&'static str, &'static str) {
        self.name.split_once('.').unwrap_or(("", self.name))
    }
}

/// Returns the settings that `name` stands for: one by its full name, or all of a table. The error holds what the name
/// was probably meant to be.
pub fn matching<'a>(settings: &'a [Setting], name: &str) -> Result<Vec<&'a Setting>, Option<&'static str>> {
    let is_meant = |setting: &&Setting| setting.name == name || (setting.parts().0 == name && !name.is_empty());
    let found: Vec<&Setting> = settings.iter().filter(is_meant).collect();
    if found.is_empty() { Err(suggestion(name, KEYS.iter().map(|key| key.name))) } else { Ok(found) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Failure;

    #[test]
    fn who_needs_no_secret_reads_none_and_still_hears_of_every_other_fault() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("reelmill.toml");
        let read = |text: &str| {
            fs::write(&file, text).unwrap();
            read(&Sources { file: Some(file.clone()), without_secrets: true, ..Sources::default() })
        };
        let text = "[webhook]\nurl = 'http://h/'\nsecret_file = '/nowhere/secret'\n[download]\nrate = '5k'\n";
        let config = read(text).unwrap().config;
        assert!(config.webhook.secret.secret.is_none() && config.download.rate.is_some());
        assert_eq!(read("[download]\nrate = 'fast'").unwrap_err().details().len(), 1);
    }
}
