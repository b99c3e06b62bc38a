//! What a dead run left, read without the engine's own code: journals, chunk files, and from these what it was doing.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest, Sha256};

/// What a run was doing when it died; the later in the list, the shorter it lasts and the more it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// No chunk begun: probing, planning, opening, or the first packets.
    Start,
    /// Chunks begun and not finished.
    Encode,
    /// All chunks in the journal, the output not yet whole.
    Mux,
    /// A chunk's file whole, its line not written.
    Journal,
    /// The output whole, the journal not yet saying so.
    Proof,
    /// The output in the journal, its name not yet given.
    Rename,
    /// All outputs under their names, something left to be removed.
    Clean,
}

impl Phase {
    pub(crate) const ALL: [Self; 7] =
        [Self::Start, Self::Encode, Self::Mux, Self::Journal, Self::Proof, Self::Rename, Self::Clean];
}

/// A work folder.
pub(crate) struct Leftover(PathBuf);

/// Returns the SHA-256 of a file in lower-case hex, if it is there.
pub(crate) fn sha256(path: &Path) -> Option<String> {
    let bytes = fs::read(path).ok()?;
    Some(Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect())
}

impl Leftover {
    /// Returns the work folder of `output`.
    pub(crate) fn of(output: &Path) -> Self {
        Self(output.with_file_name(format!("{}.reelmill", output.file_name().unwrap().to_str().unwrap())))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.0.join("journal")
    }

    pub(crate) fn chunk(&self, index: usize) -> PathBuf {
        self.0.join(format!("chunk-{index:05}"))
    }

    /// Returns the whole lines of the journal, as JSON; what stands behind the JSON in a line is passed over.
    pub(crate) fn lines(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.journal()).unwrap_or_default();
        let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        let first = |line: &str| serde_json::Deserializer::from_str(line).into_iter::<Value>().next();
        whole.filter_map(|line| first(line)?.ok()).collect()
    }

    /// Returns the finished chunks.
    pub(crate) fn chunks(&self) -> Vec<usize> {
        let chunks = self.lines().into_iter().filter(|line| line["entry"] == "chunk");
        let mut found: Vec<usize> =
            chunks.map(|line| usize::try_from(line["chunk"].as_u64().unwrap()).unwrap()).collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Returns whether the journal says that the output is finished.
    pub(crate) fn has_output(&self) -> bool {
        self.lines().iter().any(|line| line["entry"] == "output")
    }

    /// Returns, per chunk file that no line speaks of, the packets in it; none where it ends inside of one.
    fn strays(&self) -> BTreeMap<usize, Option<usize>> {
        let known = self.chunks();
        let entries = fs::read_dir(&self.0).into_iter().flatten();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let indices = names.filter_map(|name| name.strip_prefix("chunk-")?.parse().ok());
        indices
            .filter(|index| !known.contains(index))
            .map(|index| (index, packets(&fs::read(self.chunk(index)).unwrap())))
            .collect()
    }

    /// Returns what the run was doing for this output: `whole` is what it should become, `frames` are its chunks'.
    /// Nothing when the output has its name.
    pub(crate) fn phase(&self, output: &Path, part: &str, whole: &str, frames: &[usize]) -> Option<Phase> {
        if output.try_exists().unwrap() {
            return None;
        }
        let strays = self.strays();
        let is_whole = |(&index, packets): (&usize, &Option<usize>)| *packets == Some(frames[index]);
        Some(match () {
            () if self.has_output() => Phase::Rename,
            () if sha256(&self.0.join(part)).is_some_and(|hash| hash == whole) => Phase::Proof,
            () if strays.iter().any(is_whole) => Phase::Journal,
            () if self.chunks().len() == frames.len() => Phase::Mux,
            () if !strays.is_empty() => Phase::Encode,
            () => Phase::Start,
        })
    }
}

/// Returns how many packets a chunk file holds, if it ends with one.
fn packets(mut bytes: &[u8]) -> Option<usize> {
    let mut count = 0;
    while !bytes.is_empty() {
        let length = u32::from_le_bytes(bytes.get(17..21)?.try_into().unwrap());
        bytes = bytes.get(21 + usize::try_from(length).unwrap()..)?;
        count += 1;
    }
    Some(count)
}
