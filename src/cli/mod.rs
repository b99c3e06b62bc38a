//! The command line: which words it takes and what they are turned into. Nothing is done here; `command` does it.
//!
//! The doc comments of these types are the help that a person reads, so they are written for that person.

mod book;
mod cache;
mod child;
mod config;
mod db;
mod environment;
mod fetch;
mod import_legacy;
mod transcode;
mod value;
mod worker;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{ArgAction, Args, ColorChoice, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

pub use book::{BookArgs, ClassArgs};
pub use cache::{CacheArgs, CacheCommand, FileOrder, PinArgs};
pub use child::ChildArgs;
pub use config::{ConfigArgs, ConfigCheckArgs, ConfigCommand, ConfigFileArgs, ConfigShowArgs};
pub use db::{DbArgs, DbCommand, DbPlaceArgs};
pub use environment::Environment;
pub use fetch::FetchArgs;
pub use import_legacy::{ImportLegacyArgs, RedisAddress};
pub use transcode::{ProgressStyle, TranscodeArgs};
pub use worker::WorkerArgs;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

const AFTER_HELP: &str = "\
Examples:
  reelmill demo                                          see it work on a clip it makes itself
  reelmill probe lesson.flv                              what is in this file?
  reelmill transcode lesson.flv -r 720P -r 480P -o out/  two renditions from one decode
  reelmill transcode talk.avi -o talk.mp4                one file, container by its extension
  reelmill fetch https://origin.example/lesson.flv       download, and go on after an interruption";

const AFTER_LONG_HELP: &str = "\
Examples:
  reelmill demo                                          see it work on a clip it makes itself
  reelmill probe lesson.flv                              what is in this file?
  reelmill transcode lesson.flv -r 720P -r 480P -o out/  two renditions from one decode
  reelmill transcode talk.avi -o talk.mp4                one file, container by its extension
  reelmill fetch https://origin.example/lesson.flv       download, and go on after an interruption

Exit codes:
    0  done: every output is finished and proven
    1  failure for a reason not named below
    2  the command line cannot be understood or contradicts itself
    3  the source is damaged, cut short, or no media that we take; its origin refuses it
    4  the output exists, is the source, or is no plain file
    5  the disk failed, is full, or cannot be written
    6  some renditions are done, some failed
   75  another run holds the output, or the origin cannot be reached; try again later
   78  the configuration is missing or wrong
  130  stopped by Ctrl-C (143: by SIGTERM)";

/// Any recording in, a proven ladder of renditions out.
///
/// Reads recordings as they are (cut short, out of order, odd sizes, wrong clocks), makes MP4, MKV, TS and FLV files that
/// play, and proves each one whole before it gets its name.
#[derive(Debug, Parser)]
#[command(name = "reelmill", version, styles = STYLES, max_term_width = 110)]
#[command(after_help = AFTER_HELP, after_long_help = AFTER_LONG_HELP, arg_required_else_help = true)]
#[command(disable_help_subcommand = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// What holds for every command.
    #[command(flatten)]
    pub general: GeneralArgs,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make renditions of a recording, and prove them whole
    Transcode(Box<TranscodeArgs>),
    /// Tell what is in a recording, what is odd about it, and what a plan would do
    Probe(ProbeArgs),
    /// Download a recording: resumed where that is safe, within a rate, whole or not at all
    Fetch(Box<FetchArgs>),
    /// Run the node: bookings in, the right rendition on this disk before class
    Worker(WorkerArgs),
    /// Make a lesson, a ladder of it, and three classes for a worker: see it all work
    Demo(DemoArgs),
    /// Check the configuration, show what holds and where it comes from
    Config(ConfigArgs),
    /// Look after the node's database: check, backup, restore, rebuild-index
    Db(DbArgs),
    /// Look at the disk cache and change it by hand: stat, ls, why, pin, unpin, evict, scrub
    Cache(CacheArgs),
    /// Book a recording for a class with the running worker, and wait for it
    Book(Box<BookArgs>),
    /// Tell the running worker that a class is over: its file may go
    Over(ClassArgs),
    /// Take a class's booking back
    Cancel(ClassArgs),
    /// Take over an older node where it stands: its recordings, classes, renditions and waiting lists
    ImportLegacy(Box<ImportLegacyArgs>),
    /// Work on one job's media for a worker, which starts this by itself
    #[command(hide = true)]
    Child(ChildArgs),
    /// Print the shell's completions
    Completions(CompletionsArgs),
    /// Print the manual page (roff): reelmill man > reelmill.1
    Man,
    /// Print the version; with --verbose the linked libraries too
    Version,
}

/// What holds for every command.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "General")]
pub struct GeneralArgs {
    /// Only errors: no progress, no table, no warnings
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Log more: -v what is done, -vv why, -vvv everything
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// Color: auto, always or never [default: auto]
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t = ColorWhen::Auto)]
    #[arg(hide_default_value = true, hide_possible_values = true)]
    pub color: ColorWhen,
}

/// When output is colored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ColorWhen {
    /// On a terminal that can, unless the environment says otherwise.
    Auto,
    /// Even into a pipe.
    Always,
    /// Not at all.
    Never,
}

/// `reelmill probe`.
#[derive(Debug, Args)]
pub struct ProbeArgs {
    /// The recording
    #[arg(value_name = "SOURCE", value_hint = clap::ValueHint::FilePath, value_parser = value::path())]
    pub source: PathBuf,
    /// Print one JSON document instead of text
    #[arg(long)]
    pub json: bool,
}

/// `reelmill demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Where the clip, its renditions and the worker's folder go [default: ./demo]
    #[arg(long, value_name = "DIR", default_value = "demo", hide_default_value = true)]
    #[arg(value_hint = clap::ValueHint::DirPath, value_parser = value::path())]
    pub folder: PathBuf,
}

/// `reelmill completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// bash, zsh, fish, powershell or elvish
    #[arg(value_name = "SHELL", value_enum, hide_possible_values = true)]
    pub shell: clap_complete::Shell,
}

impl Command {
    /// Returns whether one JSON document on stdout was asked for.
    pub fn wants_json(&self) -> bool {
        match self {
            Self::Transcode(args) => args.json,
            Self::Probe(args) => args.json,
            Self::Fetch(args) => args.json,
            Self::Config(args) => args.command.wants_json(),
            Self::Db(args) => args.command.place().json,
            Self::Cache(args) => args.command.place().json,
            Self::Book(args) => args.place.json,
            Self::Over(args) | Self::Cancel(args) => args.place.json,
            Self::ImportLegacy(args) => args.json,
            _ => false,
        }
    }
}

/// Returns the command that `arguments` (the program's own name first) spell; the error also carries `--help` and
/// `--version`.
pub fn parse(arguments: &[OsString]) -> Result<Cli, clap::Error> {
    let mut command = Cli::command().color(help_color(arguments));
    let matches = command.try_get_matches_from_mut(arguments)?;
    Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

/// Returns the color of help and usage errors, which are printed before the options are known. Left to itself, clap
/// already heeds the environment.
fn help_color(arguments: &[OsString]) -> ColorChoice {
    let texts: Vec<&str> = arguments.iter().filter_map(|argument| argument.to_str()).collect();
    let pair = texts.windows(2).find(|pair| pair[0] == "--color").map(|pair| pair[1]);
    match pair.or_else(|| texts.iter().find_map(|text| text.strip_prefix("--color="))) {
        Some("always") => ColorChoice::Always,
        Some("never") => ColorChoice::Never,
        _ => ColorChoice::Auto,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split_whitespace().map(OsString::from).collect()
    }

    #[test]
    fn the_tree_of_commands_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn overwriting_and_refusing_to_overwrite_exclude_each_other() {
        let error = parse(&words("reelmill transcode a.flv -y -n")).unwrap_err();
        assert_eq!(error.kind(), clap::error::ErrorKind::ArgumentConflict);
        assert_eq!(error.exit_code(), 2);
    }

    #[test]
    fn the_names_of_the_systems_we_replace_are_understood() {
        use crate::media::RateControlMode;
        for (word, mode) in
            [("CQP", RateControlMode::Cq), ("B", RateControlMode::Cbr), ("crf", RateControlMode::Crf)]
        {
            let cli = parse(&words(&format!("reelmill transcode a.flv --rate-control {word}"))).unwrap();
            let Command::Transcode(args) = cli.command else { panic!("not a transcode") };
            assert_eq!(args.rate_control, Some(mode), "{word}");
        }
    }

    #[test]
    fn color_is_known_before_the_options_are() {
        assert_eq!(help_color(&words("reelmill --color never")), ColorChoice::Never);
        assert_eq!(help_color(&words("reelmill probe --color=always x")), ColorChoice::Always);
        assert_eq!(help_color(&words("reelmill probe x")), ColorChoice::Auto);
    }
}
