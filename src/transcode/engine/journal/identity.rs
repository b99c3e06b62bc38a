//! What makes a finished chunk usable by another run: the same source, the same settings, the same libraries.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::av;
use crate::content_hash::{self, ContentHash};
use crate::transcode::plan::{Plan, RenditionPlan};

/// How much of the source's beginning and of its end is looked at.
const END_BYTES: u64 = 1 << 20;

/// What a rendition is made from, and with what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub(super) source: Source,
    /// Hash of everything in the plan that the bytes depend on.
    pub(super) settings: String,
    /// Hash of the libraries' versions.
    pub(super) libraries: String,
}

/// A source file, known again without reading all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) bytes: u64,
    /// Modification time, seconds and nanoseconds.
    pub(super) modified: String,
    /// Hash of its first and its last MiB.
    pub(super) ends_sha256: String,
}

impl Identity {
    /// Returns the identity of one rendition of `plan`, made from the file at `source`.
    ///
    /// # Errors
    /// The source cannot be read.
    pub fn of(source: &Path, plan: &Plan, rendition: &RenditionPlan) -> io::Result<Self> {
        Ok(Self {
            source: Source::of(source)?,
            settings: settings(plan, rendition),
            libraries: content_hash::of_bytes(av::libraries().join("\n")),
        })
    }

    /// Returns in what `self` differs from what an earlier run was about, if in anything.
    pub(super) fn difference(&self, earlier: &Self) -> Option<&'static str> {
        match earlier {
            _ if self.source != earlier.source => Some("the source has changed"),
            _ if self.settings != earlier.settings => Some("the settings have changed"),
            _ if self.libraries != earlier.libraries => Some("the libraries have changed"),
            _ => None,
        }
    }
}

impl Source {
    fn of(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let metadata = file.metadata()?;
        let mut hash = ContentHash::default();
        let mut part = Vec::new();
        for begin in [0, metadata.len().saturating_sub(END_BYTES)] {
            part.clear();
            file.seek(SeekFrom::Start(begin))?;
            (&mut file).take(END_BYTES).read_to_end(&mut part)?;
            hash.update(&part);
        }
        Ok(Self {
            bytes: metadata.len(),
            modified: format!("{}.{:09}", metadata.mtime(), metadata.mtime_nsec()),
            ends_sha256: hash.finish(),
        })
    }
}

/// The whole plan of the rendition goes in, its words for people aside: what does not change the bytes today may
/// tomorrow, and a chunk too many is only time.
fn settings(plan: &Plan, rendition: &RenditionPlan) -> String {
    let RenditionPlan { name, action, audio, .. } = rendition;
    let own = env!("CARGO_PKG_VERSION");
    content_hash::of_bytes(format!(
        "{own} {name} {action:?} {audio:?} {:?} {:?} {:?}",
        plan.container, plan.prepare, plan.cut
    ))
}
