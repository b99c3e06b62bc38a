//! What parent and child say to each other, a JSON object a line: `reelmill.child/1`. Both are of one release, so that fields
//! may change with it; the name is there to be refused by anything else that reads or writes such a pipe.

use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::media::RenditionName;
use crate::worker::media;

/// The name of everything here.
const SCHEMA: &str = "reelmill.child/1";
/// The longest line. Notes and failures are cut to a part of it (`told`), paths are 4 KiB at most.
pub(super) const LINE_BYTES_MAX: usize = 256 << 10;

/// What a parent says.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "word", rename_all = "snake_case")]
pub(super) enum Word {
    /// First and once: what to do.
    Work {
        /// It.
        order: Order,
        /// Bytes of memory to do it in.
        memory_max: u64,
        /// As [`media::Limits`].
        limits: Limits,
    },
    /// An ask for room was granted, or refused for this reason.
    Room {
        /// None where it was granted.
        refusal: Option<String>,
    },
    /// Leave off.
    Stop,
}

/// As [`media::Limits`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Limits {
    seconds_max: u64,
    pixels_max: u64,
}

impl From<media::Limits> for Limits {
    fn from(limits: media::Limits) -> Self {
        let media::Limits { seconds_max, pixels_max } = limits;
        Self { seconds_max, pixels_max }
    }
}

impl From<Limits> for media::Limits {
    fn from(limits: Limits) -> Self {
        let Limits { seconds_max, pixels_max } = limits;
        Self { seconds_max, pixels_max }
    }
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "snake_case")]
pub(super) enum Order {
    /// To take a recording in.
    TakeIn(TakeIn),
    /// To make a rendition.
    Transcode(Transcode),
    /// To prove a file.
    Prove { path: PathBuf, accept_truncated: bool },
}

/// As [`media::TakeIn`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct TakeIn {
    folder: PathBuf,
    path: PathBuf,
    key_label: Option<u32>,
    accept_truncated: bool,
    jobs: usize,
}

/// As [`media::Transcode`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Transcode {
    source: PathBuf,
    output: PathBuf,
    work_folder: PathBuf,
    resolution: u32,
    preset: String,
    crf: f64,
    jobs: usize,
    accept_truncated: bool,
    resume: bool,
}

impl From<media::TakeIn> for TakeIn {
    fn from(order: media::TakeIn) -> Self {
        let media::TakeIn { folder, path, key_label, accept_truncated, jobs } = order;
        Self { folder, path, key_label: key_label.map(RenditionName::short_side), accept_truncated, jobs }
    }
}

impl From<TakeIn> for media::TakeIn {
    fn from(order: TakeIn) -> Self {
        let TakeIn { folder, path, key_label, accept_truncated, jobs } = order;
        Self { folder, path, key_label: key_label.map(RenditionName::of_source), accept_truncated, jobs }
    }
}

impl From<media::Transcode> for Transcode {
    fn from(order: media::Transcode) -> Self {
        let media::Transcode { source, output, work_folder, resolution, preset, .. } = order;
        let media::Transcode { crf, jobs, accept_truncated, resume, .. } = order;
        let resolution = resolution.short_side();
        Self { source, output, work_folder, resolution, preset, crf, jobs, accept_truncated, resume }
    }
}

impl From<Transcode> for media::Transcode {
    fn from(order: Transcode) -> Self {
        let Transcode { source, output, work_folder, resolution, preset, .. } = order;
        let Transcode { crf, jobs, accept_truncated, resume, .. } = order;
        let resolution = RenditionName::of_source(resolution);
        Self { source, output, work_folder, resolution, preset, crf, jobs, accept_truncated, resume }
    }
}

/// What a child says.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "tell", rename_all = "snake_case")]
pub(super) enum Tell {
    /// May all files together be this long? Answered with [`Word::Room`]; nothing else is asked before that.
    Ask {
        /// How long.
        bytes: u64,
    },
    /// How far it is.
    Progress {
        /// What is done.
        stage: String,
        /// Of a rendition, how much of it.
        counters: Option<Counters>,
    },
    /// The last line of [`Order::TakeIn`].
    TakenIn {
        /// Whether it is another file than came.
        is_repacked: bool,
        file: File,
        notes: Vec<String>,
        facts: Facts,
    },
    /// The last line of [`Order::Transcode`].
    Transcoded { file: File, notes: Vec<String>, facts: Facts, speed: Option<f64> },
    /// The last line of [`Order::Prove`].
    Proven { file: File },
    /// The last line, where it failed.
    Failed(Failure),
    /// The last line, where it failed for want of memory.
    OutOfMemory,
}

/// A proven file; which one, the parent knows.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct File {
    pub(super) bytes: u64,
    pub(super) sha256: String,
}

/// As [`media::Facts`].
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Facts {
    pub(super) duration_seconds: f64,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) container: String,
}

/// A failure in its own words.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Failure {
    pub(super) code: String,
    pub(super) class: String,
    pub(super) message: String,
    pub(super) cure: String,
    pub(super) details: Vec<String>,
}

/// The counters of a rendition.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Counters {
    pub(super) rendition: u32,
    pub(super) frames_total: u64,
    pub(super) duration_seconds: f64,
    pub(super) frames: u64,
    pub(super) microseconds: u64,
    pub(super) bytes: u64,
    pub(super) reused_frames: u64,
    pub(super) reused_microseconds: u64,
}

#[derive(Serialize)]
struct Said<'a, T> {
    schema: &'static str,
    #[serde(flatten)]
    what: &'a T,
}

#[derive(Deserialize)]
struct Heard<T> {
    schema: String,
    #[serde(flatten)]
    what: T,
}

/// Returns what is said as a line, its end included.
///
/// # Errors
/// A path that is no text: nothing else cannot be said.
pub(super) fn encode(what: &impl Serialize) -> Result<Vec<u8>, String> {
    let mut line = serde_json::to_vec(&Said { schema: SCHEMA, what }).map_err(|error| error.to_string())?;
    line.push(b'\n');
    Ok(line)
}

/// Understands a line.
///
/// # Errors
/// Why it means nothing.
pub(super) fn decode<T: DeserializeOwned>(line: &[u8]) -> Result<T, String> {
    let heard: Heard<T> = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    if heard.schema == SCHEMA { Ok(heard.what) } else { Err(format!("it speaks {:?}", heard.schema)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_understood_and_nothing_of_another_name() {
        let order = media::Transcode {
            source: "/a b/1.flv".into(),
            output: "/c/1.flv".into(),
            work_folder: "/w".into(),
            resolution: RenditionName::of_source(480),
            preset: "veryfast".to_owned(),
            crf: 23.1,
            jobs: 2,
            accept_truncated: true,
            resume: true,
        };
        let limits = media::Limits { seconds_max: 7, pixels_max: u64::MAX }.into();
        let word = Word::Work { order: Order::Transcode(order.clone().into()), memory_max: u64::MAX, limits };
        let line = encode(&word).unwrap();
        assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
        let Word::Work { order: Order::Transcode(heard), memory_max: u64::MAX, limits: heard_limits } =
            decode(&line).unwrap()
        else {
            panic!("another word")
        };
        assert_eq!((media::Transcode::from(heard), heard_limits), (order, limits));
        let other = String::from_utf8(line).unwrap().replace("child/1", "child/2");
        assert_eq!(decode::<Word>(other.as_bytes()).unwrap_err(), "it speaks \"reelmill.child/2\"");
        for line in ["", "{}", "[]", "{\"schema\":\"reelmill.child/1\",\"tell\":\"ask\"}"] {
            assert!(decode::<Tell>(line.as_bytes()).is_err(), "{line}");
        }
    }
}
