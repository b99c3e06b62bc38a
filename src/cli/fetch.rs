//! The words of `reelmill fetch`.

use std::path::PathBuf;

use clap::Args;
use url::Url;

use super::{ConfigFileArgs, ProgressStyle, value};
use crate::download::Allowed;

/// `reelmill fetch`.
#[derive(Debug, Args)]
#[command(after_long_help = AFTER_LONG_HELP)]
pub struct FetchArgs {
    /// Where the recording is: http:// or https://
    #[arg(value_name = "URL", value_hint = clap::ValueHint::Url)]
    pub url: String,

    /// File, or folder (ends in / or is one) [default: the address's last part, here]
    #[arg(short, long, value_name = "PATH", value_hint = clap::ValueHint::AnyPath, help_heading = "Output")]
    #[arg(value_parser = value::path())]
    pub output: Option<PathBuf>,
    /// Overwrite what exists [default: ask; refuse where nobody is there]
    #[arg(short = 'y', long = "overwrite", conflicts_with = "no_overwrite", help_heading = "Output")]
    pub overwrite: bool,
    /// Never overwrite, never ask
    #[arg(short = 'n', long = "no-overwrite", help_heading = "Output")]
    pub no_overwrite: bool,
    /// Begin at 0, whatever an earlier run has left
    #[arg(long, help_heading = "Output")]
    pub no_resume: bool,
    /// Refuse the file unless it has this SHA-256
    #[arg(long, value_name = "HEX", value_parser = value::sha256, help_heading = "Output")]
    pub sha256: Option<String>,
    /// Refuse what is no recording: it is looked into before it gets its name
    #[arg(long, help_heading = "Output")]
    pub media: bool,
    /// Put it into the node's cache as this file: RECORD, RECORD_720P or INSTITUTION/RECORD_720P
    #[arg(long, value_name = "KEY", help_heading = "Output")]
    #[arg(conflicts_with_all = ["output", "overwrite", "no_overwrite", "no_resume", "media"])]
    pub cache: Option<String>,
    /// With --cache: take a recording that ends early as far as it goes [default: as configured, else refuse it]
    #[arg(long, requires = "cache", help_heading = "Output")]
    pub accept_truncated: bool,

    /// Bytes a second at most, as wget means it: 1000k is 1000 KiB, 0 no limit [default: as configured, else 0]
    #[arg(long, value_name = "RATE", value_parser = value::byte_rate, help_heading = "Network")]
    pub limit_rate: Option<u64>,
    /// Dial this host or network too: origin.lan, 10.0.0.0/8 (repeat)
    #[arg(long, value_name = "HOST|CIDR", value_parser = str::parse::<Allowed>, help_heading = "Network")]
    pub allow: Vec<Allowed>,
    /// Trust the certificate authorities in this PEM file too
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath, help_heading = "Network")]
    #[arg(value_parser = value::path())]
    pub ca_file: Option<PathBuf>,
    /// Retries after attempts that brought nothing [default: 5]
    #[arg(long, value_name = "N", help_heading = "Network")]
    pub retries: Option<u32>,
    /// Seconds before the first retry, doubled for each next one [default: 1]
    #[arg(long, value_name = "SECONDS", value_parser = value::seconds, help_heading = "Network")]
    pub retry_wait: Option<f64>,
    /// Seconds to connect [default: 5]
    #[arg(long, value_name = "SECONDS", value_parser = value::patience, help_heading = "Network")]
    pub connect_timeout: Option<f64>,
    /// Seconds from the request to the end of the answer's head [default: 15]
    #[arg(long, value_name = "SECONDS", value_parser = value::patience, help_heading = "Network")]
    pub header_timeout: Option<f64>,
    /// Give an attempt up below so many bytes a second … [default: 1k]
    #[arg(long, value_name = "RATE", value_parser = value::byte_rate, help_heading = "Network")]
    pub stall_rate: Option<u64>,
    /// … over so many seconds [default: 30]
    #[arg(long, value_name = "SECONDS", value_parser = value::patience, help_heading = "Network")]
    pub stall_time: Option<f64>,

    /// Where the configuration is, whose section `[download]` holds where no option says otherwise.
    #[command(flatten)]
    pub files: ConfigFileArgs,

    /// Print one JSON document instead of a line
    #[arg(long, help_heading = "Report")]
    pub json: bool,
    /// bar, plain, json, none or auto: bar on a terminal [default: auto]
    #[arg(long, value_name = "STYLE", value_enum, default_value_t = ProgressStyle::Auto)]
    #[arg(hide_default_value = true, hide_possible_values = true, help_heading = "Report")]
    pub progress: ProgressStyle,
}

const AFTER_LONG_HELP: &str = "\
The file comes as FILE.part, with FILE.part.meta beside it, and gets its name when all of it is on the disk. After an \
interruption the same command goes on where it was, if the origin proves that it is still the same recording: by a \
strong ETag, or by a date that is older than the answer. Otherwise it begins at 0 and says why.

Only public addresses at ports 80 and 443 are dialled, unless --allow names the host or its network; addresses of \
clouds' metadata services never. Every redirect is judged like the address itself. No proxy is used.

With --cache the recording is looked into, brought into FLV where it is none, and put into the cache that [cache] of the \
configuration describes. Where it is there already, from this address or the same from another, nothing is fetched. A \
process that has the cache open carries it out, within that one's own network settings; else this one does.

Examples:
  reelmill fetch https://origin.example/6666.flv
  reelmill fetch http://10.0.0.5:8080/6666.flv --allow 10.0.0.0/8 --limit-rate 1000k -o lessons/
  reelmill fetch https://origin.example/6666.mp4 --cache 22/6666_720P";

impl FetchArgs {
    /// Returns the file name that the address suggests: its last part, as a person would read it.
    pub fn name(url: &Url) -> Option<String> {
        let last = url.path_segments()?.next_back()?;
        let bytes: Vec<u8> = unescaped(last.as_bytes()).collect();
        let name = String::from_utf8(bytes).ok()?;
        let is_plain = !name.contains('/') && !name.chars().any(char::is_control) && !name.starts_with('.');
        (is_plain && !name.is_empty()).then_some(name)
    }
}

/// Resolves `%41`. What is no such escape stays as it is.
fn unescaped(mut rest: &[u8]) -> impl Iterator<Item = u8> + '_ {
    std::iter::from_fn(move || {
        let digit = |at: usize| rest.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        let (first, tail) = rest.split_first()?;
        let escaped = match (first, digit(1), digit(2)) {
            (b'%', Some(high), Some(low)) => u8::try_from(high * 16 + low).ok(),
            _ => None,
        };
        rest = if escaped.is_some() { &rest[3..] } else { tail };
        Some(escaped.unwrap_or(*first))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_after_the_addresss_last_part() {
        for (url, name) in [
            ("http://o.example/a/6666.flv", Some("6666.flv")),
            ("http://o.example/6666.flv?sign=1#x", Some("6666.flv")),
            ("http://o.example/%E7%AC%AC1%E8%AF%BE.flv", Some("第1课.flv")),
            ("http://o.example/100%.flv", Some("100%.flv")),
            ("http://o.example/", None),
            ("http://o.example", None),
            ("http://o.example/a%2Fb", None),
            ("http://o.example/%2e%2e", None),
            ("http://o.example/.bashrc", None),
            ("http://o.example/a%0Ab", None),
            ("http://o.example/%FF", None),
        ] {
            assert_eq!(FetchArgs::name(&Url::parse(url).unwrap()).as_deref(), name, "{url}");
        }
    }
}
