//! What can be wrong with the configuration, each fault with its place, its rule and an example.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::origin::Origin;
use crate::failure::{Failure, FailureClass};

/// The configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file that was named is not there.
    #[error("there is no configuration file {}", .0.display())]
    Missing(PathBuf),
    /// A file is there and cannot be read.
    #[error("cannot read the configuration file {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Settings are wrong: all of them, in the order of their places.
    #[error("{}", summary(.0))]
    Invalid(Vec<Fault>),
}

fn summary(faults: &[Fault]) -> String {
    match faults.len() {
        1 => "the configuration is wrong in one place".to_owned(),
        count => format!("the configuration is wrong in {count} places"),
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// Where it stands.
    pub place: Origin,
    /// The setting, or the name that was meant to be one; `None` where a line is nothing of the kind.
    pub key: Option<String>,
    /// What stands there; `None` where it must not be repeated, or is beside the point.
    pub value: Option<String>,
    /// The rule that it breaks, or what else is wrong.
    pub rule: String,
    /// What would be right, as it is to be written in that place.
    pub example: Option<String>,
}

impl Fault {
    /// Returns a fault that the rule alone explains.
    pub(super) fn of(place: Origin, key: Option<&str>, rule: impl Into<String>) -> Self {
        Self { place, key: key.map(str::to_owned), value: None, rule: rule.into(), example: None }
    }
}

impl fmt::Display for Fault {
    /// `place: key = value: rule; for example …`, on one line.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: ", self.place)?;
        match (&self.key, &self.value) {
            (Some(key), Some(value)) => write!(formatter, "{key} = {value}: ")?,
            (Some(key), None) => write!(formatter, "{key}: ")?,
            _ => {}
        }
        formatter.write_str(&self.rule)?;
        match &self.example {
            Some(example) => write!(formatter, "; for example {example}"),
            None => Ok(()),
        }
    }
}

impl Failure for ConfigError {
    fn code(&self) -> &'static str {
        match self {
            Self::Missing(_) => "CONFIG_MISSING",
            Self::Unreadable { .. } => "CONFIG_UNREADABLE",
            Self::Invalid(_) => "CONFIG_INVALID",
        }
    }

    fn class(&self) -> FailureClass {
        FailureClass::Configuration
    }

    fn cure(&self) -> &'static str {
        match self {
            Self::Missing(_) => "check the name, or leave the option out",
            Self::Unreadable { .. } => "check that it is a plain file of a few kilobytes, and its permissions",
            Self::Invalid(_) => "mend these lines; reelmill config document explains every key",
        }
    }

    fn details(&self) -> Vec<String> {
        match self {
            Self::Invalid(faults) => faults.iter().map(Fault::to_string).collect(),
            _ => Vec::new(),
        }
    }
}
