//! Names of files as bookings, the cache and the jobs' keys have them.

use crate::booking::ClassKey;
use crate::cache::{CacheError, Holder, HolderKind, Key};
use crate::content_hash;
use crate::media::RenditionName;
use crate::store::{BookedFile, BookingRow, FileName, JobId};

/// Hex digits of an address's hash in the key of a fetch: enough to tell a recording's addresses apart.
const HASH_DIGITS: usize = 12;

/// Returns the rendition; none for the recording as it is.
pub(in crate::worker) fn resolution_of(file: &BookedFile) -> Option<RenditionName> {
    (file.resolution > 0).then(|| RenditionName::of_source(file.resolution))
}

/// Returns the file that a booking of a recording in this size is about.
pub(in crate::worker) fn booked_file(
    institution: &str,
    record: &str,
    resolution: Option<RenditionName>,
) -> BookedFile {
    let resolution = resolution.map_or(0, RenditionName::short_side);
    BookedFile { institution: institution.to_owned(), record: record.to_owned(), resolution }
}

/// Returns what the cache calls it.
///
/// # Errors
/// A name that cannot be one; messages with such names are refused.
pub(in crate::worker) fn key_of(file: &BookedFile) -> Result<Key, CacheError> {
    Key::new(&file.institution, &file.record, resolution_of(file))
}

/// Returns the file of a key.
pub(in crate::worker) fn file_of(key: &Key) -> BookedFile {
    booked_file(key.institution(), key.record(), key.resolution())
}

/// Returns what the cache's rows call it.
pub(in crate::worker) fn name_of(file: &BookedFile) -> FileName {
    let BookedFile { institution, record, resolution } = file.clone();
    FileName { institution, record, resolution }
}

/// Returns the key of the job that brings a file from an address, or holds it where it is here: each address has its own,
/// since two of them may have two versions.
pub(in crate::worker) fn fetch_key(key: &str, url: Option<&str>) -> String {
    match url {
        Some(url) => format!("{key} {}", &content_hash::of_bytes(url)[..HASH_DIGITS]),
        None => format!("{key} here"),
    }
}

/// Returns which class a booking is of.
pub(super) fn class_of(row: &BookingRow) -> ClassKey {
    ClassKey { institution: row.new.institution.clone(), class_id: row.new.class_id.clone() }
}

/// Returns where a booking's file comes from; none where it is in the cache, or nobody knows.
pub(in crate::worker) fn url_of(row: &BookingRow) -> Option<&str> {
    Some(row.url.as_str()).filter(|url| !url.is_empty())
}

/// Returns who holds a class's file. The first booking's holder is called after the class alone, as older systems' are.
pub(in crate::worker) fn holder_of(row: &BookingRow) -> Holder {
    let new = &row.new;
    let class = class_of(row);
    // No class has a # in its name.
    let name = if new.sequence == 1 { class.to_string() } else { format!("{class}#{}", new.sequence) };
    Holder { kind: HolderKind::Class, name }
}

/// Returns who holds a file for a job.
pub(in crate::worker) fn holder_of_job(id: JobId) -> Holder {
    Holder { kind: HolderKind::Job, name: format!("job-{id}") }
}
