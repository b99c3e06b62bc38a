//! The words of `reelmill cache`.

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use super::{DbPlaceArgs, ProgressStyle, value};

const AFTER_LONG_HELP: &str = "\
A KEY is RECORD, RECORD_720P or INSTITUTION/RECORD_720P, as ls prints it, or the file's path below the cache's root.

stat, ls and why only read, also beside a running worker. pin, unpin, evict and scrub are carried out by the worker where \
one runs; else the command takes the cache itself, and lets other commands in as long as it has it.

scrub ends with 3 where it found files damaged or gone.";

/// `reelmill cache`.
#[derive(Debug, Args)]
#[command(after_long_help = AFTER_LONG_HELP)]
pub struct CacheArgs {
    /// What to do with the cache.
    #[command(subcommand)]
    pub command: CacheCommand,
}

/// What can be done with the cache.
#[derive(Debug, Subcommand)]
pub enum CacheCommand {
    /// Tell how full it is, what is held and what may go
    Stat {
        /// Which one.
        #[command(flatten)]
        place: DbPlaceArgs,
    },
    /// List the files
    Ls {
        /// key, going (what goes first), size (the largest first) or used (the latest first) [default: key]
        #[arg(long, value_name = "ORDER", value_enum, default_value_t = FileOrder::Key)]
        #[arg(hide_default_value = true, hide_possible_values = true)]
        sort: FileOrder,
        /// Only files that somebody holds
        #[arg(long)]
        held: bool,
        /// Say where each file is
        #[arg(long)]
        path: bool,
        /// Which one.
        #[command(flatten)]
        place: DbPlaceArgs,
    },
    /// Tell why a file is here and who holds it until when, or when and why it went
    Why {
        /// The file
        #[arg(value_name = "KEY")]
        key: String,
        /// Which one.
        #[command(flatten)]
        place: DbPlaceArgs,
    },
    /// Keep a file, whatever else needs room
    Pin {
        /// Which, and in whose name.
        #[command(flatten)]
        pin: PinArgs,
        /// For how long: 7d, 12h, 1h30m [default: until it is unpinned]
        #[arg(long = "for", value_name = "TIME", value_parser = value::duration)]
        duration: Option<Duration>,
        /// Which one.
        #[command(flatten)]
        place: DbPlaceArgs,
    },
    /// Let a pinned file go when room is needed
    Unpin {
        /// Which, and in whose name.
        #[command(flatten)]
        pin: PinArgs,
        /// Which one.
        #[command(flatten)]
        place: DbPlaceArgs,
    },
    /// Remove a file that nobody holds
    Evict {
        /// The file
        #[arg(value_name = "KEY")]
        key: String,
        /// Which one.
        #[command(flatten)]
        place: DbPlaceArgs,
    },
    /// Take the configured folder for this node's cache from now on: another one was before, or its disk was replaced
    Claim {
        /// Which one.
        #[command(flatten)]
        place: DbPlaceArgs,
    },
    /// Read every byte: move aside what is damaged, forget what is gone, name what is not the cache's
    Scrub {
        /// bar, plain, json, none or auto: bar on a terminal [default: auto]
        #[arg(long, value_name = "STYLE", value_enum, default_value_t = ProgressStyle::Auto)]
        #[arg(hide_default_value = true, hide_possible_values = true)]
        progress: ProgressStyle,
        /// Which one.
        #[command(flatten)]
        place: DbPlaceArgs,
    },
}

/// A pin: of a file, in a name.
#[derive(Debug, Args)]
pub struct PinArgs {
    /// The file
    #[arg(value_name = "KEY")]
    pub key: String,
    /// In whose name; each name is a pin of its own
    #[arg(long = "as", value_name = "NAME", default_value = "operator")]
    #[arg(value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub name: String,
}

/// In which order files are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FileOrder {
    /// By name.
    Key,
    /// What would go first is first.
    Going,
    /// The largest first.
    Size,
    /// What was used last is first.
    Used,
}

impl CacheCommand {
    /// Returns where the cache is.
    pub fn place(&self) -> &DbPlaceArgs {
        match self {
            Self::Stat { place }
            | Self::Ls { place, .. }
            | Self::Why { place, .. }
            | Self::Pin { place, .. }
            | Self::Unpin { place, .. }
            | Self::Evict { place, .. }
            | Self::Claim { place }
            | Self::Scrub { place, .. } => place,
        }
    }
}
