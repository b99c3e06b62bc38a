//! The rows of the disk cache: files, who holds them, what is about to get its name, what went.
//!
//! What may go and what a state means is the cache's to know; here a state is a word.

mod read;
mod write;

pub use read::CacheRows;
pub use write::CacheTables;

/// Which cache a database speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheIdentity {
    /// Its name for all time.
    pub cache_id: String,
    /// Its folder has been marked as that: one without the mark is not it.
    pub is_marked: bool,
    /// The last process that had it open closed it.
    pub is_clean: bool,
}

/// The name of a file in rows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FileName {
    /// Whose; empty for the single default institution.
    pub institution: String,
    /// Of which recording.
    pub record: String,
    /// The short side in pixels; 0 for a recording booked without any.
    pub resolution: u32,
}

/// Where a file came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileSource {
    /// The address; empty where nobody knows.
    pub url: String,
    /// The length at the origin; another one than the file's where that was remuxed.
    pub bytes: Option<u64>,
    /// What tells this version from others.
    pub validator: Option<String>,
}

/// A file of the cache, as it is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRow {
    /// Its number, never given twice.
    pub id: i64,
    /// Its name.
    pub name: FileName,
    /// Its state's word.
    pub state: String,
    /// What it is.
    pub content: FileContent,
    /// By which the disk knows it, where it was found damaged.
    pub inode: Option<u64>,
    /// Where it came from.
    pub source: FileSource,
    /// Its place in the order of use.
    pub sequence: u64,
    /// When it came.
    pub created_milliseconds: i64,
    /// When it was used last.
    pub used_milliseconds: i64,
    /// Why it is in its state, or what a person should know about it.
    pub note: String,
}

/// What tells a file from others of its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileContent {
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256 in hex; none until it is proven.
    pub sha256: Option<String>,
    /// When it was last written, by its disk.
    pub modified_nanoseconds: i64,
}

/// A file to be recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewFile {
    /// Its name.
    pub name: FileName,
    /// What it is.
    pub content: FileContent,
    /// Where it came from.
    pub source: FileSource,
    /// Its place in the order of use.
    pub sequence: u64,
    /// When it was used last.
    pub used_milliseconds: i64,
    /// What a person should know about it.
    pub note: String,
}

/// A file that is about to get its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishRow {
    /// The name.
    pub name: FileName,
    /// What it is.
    pub content: FileContent,
    /// The number by which its disk knows it.
    pub inode: u64,
    /// Where it came from.
    pub source: FileSource,
    /// What a person should know about it.
    pub note: String,
}

/// A holder's hold on a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseRow {
    /// Which file.
    pub file: i64,
    /// What sort of holder.
    pub kind: String,
    /// Who.
    pub holder: String,
    /// Since when.
    pub since_milliseconds: i64,
    /// Until when; none: until it is let go.
    pub until_milliseconds: Option<i64>,
}

/// A file that went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvictionRow {
    /// Its name.
    pub name: FileName,
    /// How many bytes that gave back.
    pub bytes: u64,
    /// Why.
    pub reason: String,
    /// When it had been used last.
    pub used_milliseconds: i64,
    /// When it went.
    pub time_milliseconds: i64,
}
