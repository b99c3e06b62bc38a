//! The words of `reelmill db`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::value;

/// `reelmill db`.
#[derive(Debug, Args)]
pub struct DbArgs {
    /// What to do with the database.
    #[command(subcommand)]
    pub command: DbCommand,
    /// The folder that holds reelmill.db [default: /var/lib/reelmill]
    #[arg(long, global = true, value_name = "DIR", default_value = "/var/lib/reelmill", hide_default_value = true)]
    #[arg(value_hint = clap::ValueHint::DirPath, value_parser = value::path())]
    pub data_folder: PathBuf,
    /// Print one JSON document instead of text
    #[arg(long, global = true)]
    pub json: bool,
}

/// What can be done with the database.
#[derive(Debug, Subcommand)]
pub enum DbCommand {
    /// Tell whether it is whole, and what is in it; changes nothing, also beside a running node
    Check {
        /// Look at the indexes and at references between tables too: slower
        #[arg(long)]
        full: bool,
    },
    /// Copy it, prove the copy, and put that in the last backup's place; also beside a running node
    Backup {
        /// Another file, which must not be there yet
        #[arg(value_name = "FILE", value_hint = clap::ValueHint::FilePath, value_parser = value::path())]
        file: Option<PathBuf>,
    },
    /// Put the backup in its place, and keep what was there as ….damaged-N
    Restore {
        /// Another backup than the one beside the database
        #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath, value_parser = value::path())]
        from: Option<PathBuf>,
    },
    /// Make it anew from every row that can still be read, and keep the damaged one as ….damaged-N
    RebuildIndex,
}
