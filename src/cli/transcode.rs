//! The options of `reelmill transcode`. Whether they fit together is decided later, by `command` and the planner.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use super::value;
use crate::media::{Container, RateControlMode};
use crate::transcode::{AudioRequest, RenditionRequest};

const EXAMPLES: &str = "\
Give -r once for each rendition; each may have its own crf=, bitrate= and preset=. In a folder,
outputs are named <source>_<NAME>.<container>. In rates and sizes k is 1000. Progress goes to
stderr, the result to stdout; reelmill --help lists the exit codes.

Examples:
  reelmill transcode lesson.flv -r 720P -r 480P -r 240P -o out/
  reelmill transcode talk.avi -o talk.mp4
  reelmill transcode lesson.flv -o lesson.mp4 --rate-control copy
  reelmill transcode lesson.flv -r 720P:crf=22,preset=fast -r 240P:crf=28 -o out/
  reelmill transcode lesson.flv -r 480P -o out/ --explain";

/// `reelmill transcode`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct TranscodeArgs {
    /// The recording
    #[arg(value_name = "SOURCE", value_hint = ValueHint::FilePath, value_parser = value::path())]
    pub source: PathBuf,

    /// 2160P 1440P 1080P 720P 480P 360P 240P [default: the source's]
    #[arg(short = 'r', long = "rendition", value_name = "NAME[:k=v,…]", value_parser = value::rendition)]
    #[arg(help_heading = "Output")]
    pub renditions: Vec<RenditionRequest>,
    /// A file, or a folder ending in / [default: beside the source]
    #[arg(short, long, value_name = "PATH", value_hint = ValueHint::AnyPath, value_parser = value::path())]
    #[arg(help_heading = "Output")]
    pub output: Option<PathBuf>,
    /// flv, mp4, mkv or ts [default: by extension, else the source's, else mp4]
    #[arg(long, value_enum, ignore_case = true, hide_possible_values = true)]
    #[arg(value_name = "NAME", help_heading = "Output")]
    pub container: Option<Container>,
    /// Overwrite what exists [default: ask; refuse where nobody is there]
    #[arg(short = 'y', long = "overwrite", conflicts_with = "no_overwrite", help_heading = "Output")]
    pub overwrite: bool,
    /// Never overwrite, never ask
    #[arg(short = 'n', long = "no-overwrite", help_heading = "Output")]
    pub no_overwrite: bool,

    /// x264, x265, svtav1, or one of libavcodec's, as h264_nvenc [default: x264]
    #[arg(long, value_name = "NAME", default_value = "x264", hide_default_value = true, help_heading = "Picture")]
    pub encoder: String,
    /// The encoder's own names, svtav1 13 to 0 [default: veryfast, svtav1 8]
    #[arg(long, value_name = "NAME", help_heading = "Picture")]
    pub preset: Option<String>,
    /// Keyframe grid, the same in every rendition [default: 4]
    #[arg(long, value_name = "SECONDS", default_value_t = 4.0, value_parser = value::positive_seconds)]
    #[arg(hide_default_value = true, help_heading = "Picture", allow_negative_numbers = true)]
    pub keyint: f64,
    /// Raw encoder option, repeatable; a mistyped one is refused
    #[arg(long = "enc", value_name = "KEY=VALUE", value_parser = value::encoder_option, help_heading = "Picture")]
    pub encoder_options: Vec<(String, String)>,
    /// Encode even what could be copied
    #[arg(long, help_heading = "Picture")]
    pub force_encode: bool,

    /// copy, crf, cq, cbr, abr or vbr [default: crf, copying what fits]
    #[arg(long, value_name = "MODE", value_enum, ignore_case = true, hide_possible_values = true)]
    #[arg(help_heading = "Rate control")]
    pub rate_control: Option<RateControlMode>,
    /// Constant rate factor, 0 (best) to 51 (svtav1: 63) [default: 24, x265 26, svtav1 35]
    #[arg(long, value_name = "N", value_parser = value::number, help_heading = "Rate control")]
    #[arg(allow_negative_numbers = true)]
    pub crf: Option<f64>,
    /// Constant quantiser, 0 (best) to 51 (svtav1: 63)
    #[arg(long, value_name = "N", help_heading = "Rate control")]
    pub cq: Option<u32>,
    /// Bits per second for cbr, abr, vbr: 2M, 800k, 2500000
    #[arg(long, value_name = "RATE", value_parser = value::bit_rate, help_heading = "Rate control")]
    pub bitrate: Option<u64>,
    /// Bits per second at most, for vbr
    #[arg(long, value_name = "RATE", value_parser = value::bit_rate, help_heading = "Rate control")]
    pub maxrate: Option<u64>,
    /// Bits of decoder buffer, for cbr and vbr
    #[arg(long, value_name = "BITS", value_parser = value::bit_rate, help_heading = "Rate control")]
    pub bufsize: Option<u64>,

    /// copy, aac, aac:128k or none [default: copy, aac where it cannot be]
    #[arg(long, value_name = "WHAT", default_value = "copy", value_parser = value::audio)]
    #[arg(hide_default_value = true, help_heading = "Sound")]
    pub audio: AudioRequest,

    /// Threads that decode and encode [default: one per core]
    #[arg(short, long, value_name = "N", value_parser = value::jobs, help_heading = "Work")]
    pub jobs: Option<usize>,
    /// Take up what an interrupted run has done [the default]
    #[arg(long, overrides_with = "no_resume", help_heading = "Work")]
    pub resume: bool,
    /// Begin anew, whatever an interrupted run has done
    #[arg(long, overrides_with = "resume", help_heading = "Work")]
    pub no_resume: bool,
    /// Encode in one piece: slower, and lost when interrupted
    #[arg(long, help_heading = "Work")]
    pub no_chunks: bool,

    /// Take a source that ends early as a repair, not an error
    #[arg(long, help_heading = "Safety")]
    pub accept_truncated: bool,
    /// Skip the proof that every output is whole (said loudly)
    #[arg(long, help_heading = "Safety")]
    pub no_verify: bool,

    /// Print the plan, its reasons and the ffmpeg line; do nothing
    #[arg(long, conflicts_with = "json", help_heading = "Report")]
    pub explain: bool,
    /// Print one JSON document instead of the table
    #[arg(long, help_heading = "Report")]
    pub json: bool,
    /// bar, plain, json, none or auto: bar on a terminal [default: auto]
    #[arg(long, value_name = "STYLE", value_enum, default_value_t = ProgressStyle::Auto)]
    #[arg(hide_default_value = true, hide_possible_values = true, help_heading = "Report")]
    pub progress: ProgressStyle,
}

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ProgressStyle {
    /// Bars on a terminal, plain lines elsewhere.
    Auto,
    /// Moving bars; plain lines where stderr is no terminal.
    Bar,
    /// A line every few seconds.
    Plain,
    /// One JSON object a line.
    Json,
    /// Nothing.
    None,
}
