//! The words of `reelmill import-legacy`.

use std::fmt;
use std::path::PathBuf;

use clap::Args;

use super::{ConfigFileArgs, value};

/// `reelmill import-legacy`.
#[derive(Debug, Args)]
pub struct ImportLegacyArgs {
    /// A database of the old system, any of its .db files; give it once for each. They are only read
    #[arg(long, value_name = "FILE", num_args = 1.., value_hint = clap::ValueHint::FilePath)]
    #[arg(value_parser = value::path())]
    pub database: Vec<PathBuf>,
    /// The folder of its recordings, which must be this node's cache.root: they stay where they are
    #[arg(long, value_name = "DIR", required = true, value_hint = clap::ValueHint::DirPath)]
    #[arg(value_parser = value::path())]
    pub videos: PathBuf,
    /// Its Redis, with the lists of waiting classes: redis://host:6379/0 or unix:///run/redis.sock. Only read
    #[arg(long, value_name = "URL")]
    pub redis: Option<RedisAddress>,
    /// Tell what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Print one JSON document instead of text
    #[arg(long)]
    pub json: bool,
    /// Where the configuration is.
    #[command(flatten)]
    pub files: ConfigFileArgs,
}

/// An address that may hold a password: it is checked by whoever uses it, as a complaint of ours would repeat it.
#[derive(Clone)]
pub struct RedisAddress(String);

impl RedisAddress {
    /// Returns the address.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for RedisAddress {
    fn from(address: String) -> Self {
        Self(address)
    }
}

impl fmt::Debug for RedisAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("RedisAddress(…)")
    }
}
