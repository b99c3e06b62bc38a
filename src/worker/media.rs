//! A job's work on media, as one who may run it elsewhere sees it: paths and values in, a proven file and what is known of it
//! out. In this process ([`InProcess`]), as the command line does it, or in one that may crash.
//!
//! What stands here decides nothing about the cache or about jobs, and prints nothing.

mod encode;
mod error;
mod in_process;
mod limit;
mod repack;

pub use error::MediaError;
pub use in_process::InProcess;
pub use limit::Limits;

use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Progress;
use crate::av::Interrupt;
use crate::media::{Container, MediaInfo, RenditionName};
use crate::proof::VerifiedFile;
use crate::room::RoomSource;
use crate::transcode;
use crate::transcode::plan::Plan;

/// Works on media. Every call blocks until it is done; an interrupt ends it early, and what it had made by then is left or
/// removed as after any failure.
pub trait Media: Debug + Send + Sync {
    /// Looks into what came from elsewhere, and brings it into the cache's container where it came in another.
    ///
    /// # Errors
    /// [`MediaError`]: it is no recording, or not the whole of one; it cannot be brought into that container.
    fn take_in(
        &self,
        order: &TakeIn,
        rooms: Arc<dyn RoomSource>,
        progress: &Progress,
        interrupt: &Interrupt,
    ) -> Result<TakenIn, MediaError>;

    /// Makes one rendition of a source, in the cache's container, and proves it.
    ///
    /// # Errors
    /// [`MediaError`]: the source, the machine or a stop.
    fn transcode(
        &self,
        order: &Transcode,
        rooms: Arc<dyn RoomSource>,
        progress: &Progress,
        interrupt: &Interrupt,
    ) -> Result<Transcoded, MediaError>;

    /// Proves a file that came from elsewhere and is to stay as it is.
    ///
    /// # Errors
    /// [`MediaError`]: it is damaged, cut short, no recording at all, or cannot be read; or a stop, which says nothing of it.
    fn prove(&self, path: &Path, accept_truncated: bool, interrupt: &Interrupt)
    -> Result<VerifiedFile, MediaError>;
}

/// A file that came from elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakeIn {
    /// Where to work, and nowhere else.
    pub folder: PathBuf,
    /// The file, in that folder.
    pub path: PathBuf,
    /// The rendition that it is said to be, where it is said to be one.
    pub key_label: Option<RenditionName>,
    /// A recording that ends early is taken as far as it goes.
    pub accept_truncated: bool,
    /// Threads that encode what the cache's container cannot hold.
    pub jobs: usize,
}

/// A recording that can be committed.
#[derive(Clone, Debug, PartialEq)]
pub struct TakenIn {
    /// It: the file that came, or another one in the same folder.
    pub file: VerifiedFile,
    /// What a person should know about it, one sentence fragment each.
    pub notes: Vec<String>,
    /// What came.
    pub facts: Facts,
}

/// A rendition that is wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct Transcode {
    /// The recording that it is made from.
    pub source: PathBuf,
    /// Where it goes. A file of that name that no earlier try for the same has finished is replaced.
    pub output: PathBuf,
    /// Where it is made, on the same file system; what is finished there outlives a try.
    pub work_folder: PathBuf,
    /// Which one.
    pub resolution: RenditionName,
    /// The encoder's preset, where it must be encoded.
    pub preset: String,
    /// The quality, where it must be encoded.
    pub crf: f64,
    /// Threads that encode.
    pub jobs: usize,
    /// A source that ends early is taken as far as it goes.
    pub accept_truncated: bool,
    /// Goes on from what an earlier try for the same has left in the work folder; else that is removed.
    pub resume: bool,
}

/// A rendition that can be committed.
#[derive(Clone, Debug, PartialEq)]
pub struct Transcoded {
    /// It.
    pub file: VerifiedFile,
    /// What was done and why, one sentence fragment each.
    pub notes: Vec<String>,
    /// What it is.
    pub facts: Facts,
    /// Seconds of media encoded in a second; none where nothing was.
    pub speed: Option<f64>,
}

/// What is known of a file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Facts {
    /// Seconds from its beginning to its end.
    pub duration_seconds: f64,
    /// The picture's width in pixels as coded; 0 without a picture.
    pub width: u32,
    /// The picture's height in pixels as coded; 0 without a picture.
    pub height: u32,
    /// Its container.
    pub container: Container,
}

impl Facts {
    /// Returns what is handed on of all that was measured.
    fn of(info: &MediaInfo) -> Self {
        let (width, height) = info.video.as_ref().map_or((0, 0), |video| (video.width, video.height));
        Self { duration_seconds: info.duration_seconds, width, height, container: info.container }
    }
}

/// Returns counters for what a plan makes.
fn counters(info: &MediaInfo, plan: &Plan) -> transcode::Progress {
    let names: Vec<_> = plan.renditions.iter().map(|rendition| rendition.name).collect();
    transcode::Progress::new(&names, info.video.as_ref().map_or(0, |video| video.packets), info.duration_seconds)
}
