//! The words of `reelmill book`, `reelmill over` and `reelmill cancel`.

use std::path::PathBuf;

use clap::{ArgGroup, Args};
use url::Url;

use super::{DbPlaceArgs, value};
use crate::media::RenditionName;

const AFTER_LONG_HELP: &str = "\
The running worker takes the booking; start it with reelmill worker. The same booking again changes nothing, another one \
of the same class replaces it as long as it lives.

Examples:
  reelmill book c-1029 --record 6666 --url http://origin/6666.flv --resolution 720P --wait
  reelmill book c-1029 --record 6666 --list 480P=http://origin/6666_480P.flv \\
    --list 720P=http://origin/6666_720P.flv
  echo '{\"class_id\":\"c-1029\",\"record_id\":6666,\"video_url\":\"http://origin/6666.flv\"}' |
    reelmill book --message -

It ends with 0 when the booking is taken, with --wait when the recording is ready. A booking that fails ends with 3 \
(the recording is at fault), 5 (the disk is full), 75 (the origin cannot be reached) or 1.";

/// `reelmill book`.
#[derive(Debug, Args)]
#[command(after_long_help = AFTER_LONG_HELP)]
#[command(group = ArgGroup::new("what").required(true).multiple(false).args(["class", "message"]))]
pub struct BookArgs {
    /// The class
    #[arg(value_name = "CLASS", requires = "record")]
    pub class: Option<String>,
    /// The recording that it needs
    #[arg(long, value_name = "ID", conflicts_with = "message")]
    pub record: Option<String>,
    /// Where the recording lies
    #[arg(long, value_name = "URL", value_hint = clap::ValueHint::Url, conflicts_with = "message")]
    pub url: Option<Url>,
    /// Where a rendition of it lies, as 480P=URL; once for each
    #[arg(long, value_name = "NAME=URL", value_parser = value::listed, conflicts_with = "message")]
    pub list: Vec<(RenditionName, Url)>,
    /// The size that the class needs [default: the recording as it is]
    #[arg(short, long, value_name = "NAME", value_parser = value::rendition_name, conflicts_with = "message")]
    pub resolution: Option<RenditionName>,
    /// When the class begins: 2026-11-21T18:00:00Z, or Unix seconds
    #[arg(long, value_name = "TIME", value_parser = value::moment, conflicts_with = "message")]
    pub start: Option<i64>,
    /// When it ends, and its file may go
    #[arg(long, value_name = "TIME", value_parser = value::moment, conflicts_with = "message")]
    pub end: Option<i64>,
    /// Whose class it is [default: the single default institution's]
    #[arg(long, value_name = "ID", conflicts_with = "message")]
    pub institution: Option<String>,
    /// What people call the class
    #[arg(long, value_name = "NAME", conflicts_with = "message")]
    pub course: Option<String>,
    /// Who is told how it ended
    #[arg(long, value_name = "URL", value_hint = clap::ValueHint::Url, conflicts_with = "message")]
    pub callback: Option<Url>,
    /// 0 to 100, higher first
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(..=100), conflicts_with = "message")]
    pub priority: Option<u8>,
    /// A message as systems send it, from a file; - is stdin
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath, value_parser = value::path())]
    pub message: Option<PathBuf>,
    /// Wait until the recording is ready, or will not be
    #[arg(long)]
    pub wait: bool,
    /// Which node.
    #[command(flatten)]
    pub place: DbPlaceArgs,
}

const AFTER_CLASS_HELP: &str = "\
The running worker hears it; start it with reelmill worker. A class that has ended already, or that has no booking, is no error: \
it says so, and ends with 0.";

/// `reelmill over` and `reelmill cancel`.
#[derive(Debug, Args)]
#[command(after_long_help = AFTER_CLASS_HELP)]
pub struct ClassArgs {
    /// The class
    #[arg(value_name = "CLASS")]
    pub class: String,
    /// Whose class it is [default: the single default institution's]
    #[arg(long, value_name = "ID")]
    pub institution: Option<String>,
    /// Which node.
    #[command(flatten)]
    pub place: DbPlaceArgs,
}
