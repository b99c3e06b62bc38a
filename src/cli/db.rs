//! The words of `reelmill db`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{ConfigFileArgs, value};

/// `reelmill db`.
#[derive(Debug, Args)]
pub struct DbArgs {
    /// What to do with the database.
    #[command(subcommand)]
    pub command: DbCommand,
}

/// What can be done with the database.
#[derive(Debug, Subcommand)]
pub enum DbCommand {
    /// Tell whether it is whole, and what is in it; changes nothing, also beside a running node
    Check {
        /// Look at the indexes and at references between tables too: slower
        #[arg(long)]
        full: bool,
        /// Which one.
        #[command(flatten)]
        place: DbPlaceArgs,
    },
    /// Copy it, prove the copy, and put that in the last backup's place; also beside a running node
    Backup {
        /// Another file, which must not be there yet
        #[arg(value_name = "FILE", value_hint = clap::ValueHint::FilePath, value_parser = value::path())]
        file: Option<PathBuf>,
        /// Which one.
        #[command(flatten)]
        place: DbPlaceArgs,
    },
    /// Put the backup in its place, and keep what was there as ….damaged-N
    Restore {
        /// Another backup than the one beside the database
        #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath, value_parser = value::path())]
        from: Option<PathBuf>,
        /// Which one.
        #[command(flatten)]
        place: DbPlaceArgs,
    },
    /// Make it anew from every row that can still be read, and keep the damaged one as ….damaged-N
    RebuildIndex {
        /// Which one.
        #[command(flatten)]
        place: DbPlaceArgs,
    },
}

/// Where the database is, and how to answer.
#[derive(Debug, Args)]
pub struct DbPlaceArgs {
    /// The folder that holds reelmill.db [default: data_folder of the configuration]
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath, value_parser = value::path())]
    pub data_folder: Option<PathBuf>,
    /// Print one JSON document instead of text
    #[arg(long)]
    pub json: bool,
    /// Where the configuration is; not read where the folder is named.
    #[command(flatten)]
    pub files: ConfigFileArgs,
}

impl DbCommand {
    /// Returns where the database is.
    pub fn place(&self) -> &DbPlaceArgs {
        match self {
            Self::Check { place, .. }
            | Self::Backup { place, .. }
            | Self::Restore { place, .. }
            | Self::RebuildIndex { place } => place,
        }
    }
}
