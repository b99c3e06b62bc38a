//! What can be told of a cache: values for whoever prints them.

use std::path::PathBuf;

use super::{Held, Key};

/// Where a file is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EntryState {
    /// It may be used.
    Ready,
    /// It is going.
    Evicting,
    /// It should have gone, and the disk would not let it; its bytes still count.
    EvictFailed,
    /// It was found damaged and moved aside.
    Quarantined,
}

impl EntryState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Ready, Self::Evicting, Self::EvictFailed, Self::Quarantined];

    /// Returns the name in the database and in documents.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Evicting => "evicting",
            Self::EvictFailed => "evict_failed",
            Self::Quarantined => "quarantined",
        }
    }

    /// Returns the state of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// A file of the cache, as it is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryView {
    /// What it is.
    pub key: Key,
    /// Where it is, below the root.
    pub path: PathBuf,
    /// Where it is in its life.
    pub state: EntryState,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256 in hex; none until it was proven here.
    pub sha256: Option<String>,
    /// Where it came from; empty where nobody knows.
    pub url: String,
    /// When it came, in Unix milliseconds.
    pub created_milliseconds: i64,
    /// When it was used last.
    pub used_milliseconds: i64,
    /// Its place in the order of use; rises with every use.
    pub sequence: u64,
    /// Who holds it now.
    pub holders: Vec<Held>,
    /// How many files go before it, where it may go at all.
    pub goes_after: Option<u64>,
    /// What a person may want to know; empty mostly.
    pub note: String,
}

/// The limits of a cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of all files and of the work under way.
    pub bytes_max: u64,
    /// Files.
    pub count_max: u64,
    /// Bytes that stay free on the disk.
    pub free_bytes_min: u64,
}

/// The disk under the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskFigures {
    /// Its size.
    pub total_bytes: u64,
    /// What is free for us.
    pub free_bytes: u64,
    /// How many files it has room for; none where the file system has no such limit.
    pub free_files: Option<u64>,
}

/// Some files together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Tally {
    /// Counts one more file.
    pub fn add(&mut self, bytes: u64) {
        self.files += 1;
        self.bytes += bytes;
    }
}

/// How a cache is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    /// Its folder.
    pub root: PathBuf,
    /// What it keeps to.
    pub limits: Limits,
    /// Everything that counts: files in every state.
    pub all: Tally,
    /// What is held and stays.
    pub held: Tally,
    /// What may go.
    pub evictable: Tally,
    /// What should have gone and could not.
    pub evict_failed: Tally,
    /// What was moved aside.
    pub quarantined: Tally,
    /// What has not been proven here yet.
    pub unproven: Tally,
    /// Work folders and what lies in them now.
    pub work: Tally,
    /// The disk; none where the root cannot be looked at.
    pub disk: Option<DiskFigures>,
    /// The process that has the cache open for writing.
    pub owner: Option<u32>,
}

/// A file that went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Eviction {
    /// Which.
    pub key: Key,
    /// How many bytes that gave back.
    pub bytes: u64,
    /// Why it went.
    pub reason: String,
    /// When it had been used last, in Unix milliseconds.
    pub used_milliseconds: i64,
    /// When it went.
    pub time_milliseconds: i64,
}

/// Why a file is here, or is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why {
    /// Which.
    pub key: Key,
    /// The file, if it is here.
    pub entry: Option<EntryView>,
    /// The last time it went, if that is still known.
    pub evicted: Option<Eviction>,
    /// The files that would go next, the very next first.
    pub next: Vec<EntryView>,
}

/// What a look at every file came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scrubbed {
    /// What was found as it should be.
    pub sound: Tally,
    /// What was proven for the first time.
    pub proven: u64,
    /// What was found damaged and moved aside, and what is wrong with it.
    pub damaged: Vec<(Key, String)>,
    /// What was gone; its rows are gone now too.
    pub missing: Vec<Key>,
    /// What should have gone earlier, and has now.
    pub evicted: Vec<Key>,
    /// What lies below the root and is none of ours; nothing was done to it.
    pub strangers: Vec<PathBuf>,
    /// Leftovers of work that nobody goes on with, removed.
    pub leftovers: Tally,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_is_found_by_its_name() {
        for state in EntryState::ALL {
            assert_eq!(EntryState::parse(state.name()), Some(state));
        }
    }
}
