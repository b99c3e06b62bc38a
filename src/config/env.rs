//! The environment: `REELMILL_…` variables and the folder of systemd's credentials.
//!
//! Here and in `cli::environment` the environment is read, once; tests hand their own in.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use super::error::Fault;
use super::key::{Key, VARIABLE_PREFIX, suggestion};
use super::origin::Origin;
use super::reading::{Entry, Layer};
use super::setting::KEYS;
use super::written::Written;

/// The variables that concern the configuration. Values are not shown by `Debug`: somebody may have put a secret there.
#[derive(Clone, Default)]
pub struct Variables {
    settings: BTreeMap<String, OsString>,
    pub(super) credentials: Option<PathBuf>,
}

impl fmt::Debug for Variables {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.settings.keys()).finish()
    }
}

impl Variables {
    /// Reads those of this process.
    pub fn read() -> Self {
        Self::from_pairs(std::env::vars_os())
    }

    /// Takes those that concern us from `pairs` of names and values.
    pub fn from_pairs(pairs: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let mut variables = Self::default();
        for (name, value) in pairs {
            match name.into_string() {
                Ok(name) if name.starts_with(VARIABLE_PREFIX) => drop(variables.settings.insert(name, value)),
                Ok(name) if name == "CREDENTIALS_DIRECTORY" && !value.is_empty() => {
                    variables.credentials = Some(value.into());
                }
                _ => {}
            }
        }
        variables
    }
}

/// Understands the variables. One that is set to nothing is set: an error where nothing is no value.
pub(super) fn layer(variables: &Variables) -> Layer {
    let mut layer = Layer::default();
    for (name, value) in &variables.settings {
        match entry(name, value.to_str()) {
            Ok(entry) => layer.entries.push(entry),
            Err(fault) => layer.faults.push(*fault),
        }
    }
    layer
}

fn entry(name: &str, value: Option<&str>) -> Result<Entry, Box<Fault>> {
    let place = || Origin::Variable(name.to_owned());
    let Some(key) = KEYS.iter().find(|key| key.variable() == name) else {
        return Err(Box::new(unknown(name, place())));
    };
    let Some(value) = value else {
        return Err(Box::new(Fault::of(place(), Some(key.name), "the value is not UTF-8")));
    };
    Entry::new(key, Written::words(value, 0), place()).map_err(|refusal| {
        let (rule, value) = key.explain(&refusal);
        let example = Some(format!("{name}={}", key.plain_example()));
        Box::new(Fault { value, example, ..Fault::of(place(), Some(key.name), rule) })
    })
}

/// Returns why a name is none of ours. Its value is not repeated: it may be a secret.
fn unknown(name: &str, place: Origin) -> Fault {
    let file_of = |key: &&Key| key.secret_name().is_some() && key.variable().strip_suffix("_FILE") == Some(name);
    if let Some(key) = KEYS.iter().find(file_of) {
        let rule = "a secret does not stand in a variable; put it into a file of mode 600 and name that";
        let example = Some(format!("{}={}", key.variable(), key.plain_example()));
        return Fault { example, ..Fault::of(place, key.secret_name(), rule) };
    }
    let known: Vec<String> = KEYS.iter().map(Key::variable).collect();
    let rule = match suggestion(name, known.iter().map(String::as_str)) {
        Some(meant) => format!("there is no such setting; did you mean {meant}?"),
        None => "there is no such setting; reelmill config document lists them all".to_owned(),
    };
    Fault::of(place, None, rule)
}
