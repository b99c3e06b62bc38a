//! The words of `reelmill config`, and the options of every command that reads the configuration.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::value;
use crate::config::{Sources, Variables};

/// Where the configuration is.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Configuration")]
pub struct ConfigFileArgs {
    /// The configuration [default: /etc/reelmill/reelmill.toml, if it is there]
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath, value_parser = value::path())]
    pub config: Option<PathBuf>,
    /// A .env of an older system, whose keys are read too
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath, value_parser = value::path())]
    pub env_file: Option<PathBuf>,
}

impl ConfigFileArgs {
    /// Returns everything that settings may come from.
    pub fn sources(&self, variables: &Variables) -> Sources {
        Sources {
            file: self.config.clone(),
            env_file: self.env_file.clone(),
            variables: variables.clone(),
            ..Sources::default()
        }
    }
}

/// `reelmill config`.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// What to do with it.
    #[command(subcommand)]
    pub command: ConfigCommand,
}

/// What can be done with the configuration.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Check all of it and tell every fault with its file, line, rule and an example
    Check(ConfigCheckArgs),
    /// Print the settings that hold, as TOML
    Show(ConfigShowArgs),
    /// Print a reelmill.toml with every key, its default and what it does
    Sample,
    /// Print the document of all keys (docs/configuration.md)
    Document,
}

/// `reelmill config check`.
#[derive(Debug, Args)]
pub struct ConfigCheckArgs {
    /// Print one JSON document instead of text
    #[arg(long)]
    pub json: bool,
    /// Where it is.
    #[command(flatten)]
    pub files: ConfigFileArgs,
}

/// `reelmill config show`.
#[derive(Debug, Args)]
pub struct ConfigShowArgs {
    /// Only these keys, or tables: download.rate cache
    #[arg(value_name = "KEY")]
    pub keys: Vec<String>,
    /// Say where each value comes from
    #[arg(long)]
    pub origin: bool,
    /// Print one JSON document instead of text
    #[arg(long)]
    pub json: bool,
    /// Where it is.
    #[command(flatten)]
    pub files: ConfigFileArgs,
}

impl ConfigCommand {
    /// Returns whether one JSON document on stdout was asked for.
    pub(super) fn wants_json(&self) -> bool {
        match self {
            Self::Check(args) => args.json,
            Self::Show(args) => args.json,
            Self::Sample | Self::Document => false,
        }
    }
}
