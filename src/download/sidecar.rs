//! The sidecar as a file: locked, read, added to, removed; and the outputs that it alone still speaks of. What its lines
//! say is `wire`'s matter, whose bytes they are about `part_file`'s.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, Write};
use std::path::Path;

use super::own_file::is_file;
use super::part_file::{Mark, Origin, disk, part_path, sidecar_path, sync_failed};
use super::{DownloadError, wire};
use crate::atomic_file::{self, is_same_file};
use crate::content_hash;
use crate::held_lock::{HeldLock, NotHeld};

/// A sidecar longer than this is not ours: one line per step of a download of a hundred terabytes.
const SIDECAR_BYTES_MAX: u64 = 1 << 30;

/// Locks a sidecar, which must still have its name afterwards: whoever held the lock before may have removed it.
pub(super) fn lock(file: File, path: &Path) -> Result<HeldLock, DownloadError> {
    match HeldLock::take(file) {
        Ok(lock) if is_same_file(&lock, path) => Ok(lock),
        Ok(_) | Err(NotHeld::ByOther(_)) => Err(DownloadError::Busy(path.with_extension(""))),
        Err(NotHeld::Refused(source)) => Err(disk(path)(source)),
    }
}

/// Appends a line to the sidecar and brings it to the disk.
pub(super) fn note(sidecar: &mut File, line: &str, path: &Path) -> Result<(), DownloadError> {
    sidecar.write_all(line.as_bytes()).map_err(disk(path))?;
    sidecar.sync_data().map_err(|source| sync_failed(path, source))
}

/// An output that an earlier run had given its name.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) origin: Origin,
    pub(super) mark: Mark,
    /// Open and locked, until the output is accepted.
    pub(super) sidecar: HeldLock,
}

/// Recognizes an output that an earlier run had given its name when it was killed: the sidecar is still there, speaks of
/// `url`, and of these very bytes.
///
/// # Errors
/// Another run is at work, or the disk refuses.
pub(super) fn finished_before(output: &Path, url: &str) -> Result<Option<Finished>, DownloadError> {
    let sidecar = sidecar_path(output);
    if !is_file(&sidecar).unwrap_or(false) || fs::symlink_metadata(part_path(output)).is_ok() {
        return Ok(None);
    }
    let file = match File::open(&sidecar) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        result => result.map_err(disk(&sidecar))?,
    };
    let mut file = lock(file, &sidecar)?;
    let (Some(origin), _, Some(mark)) = read_sidecar(&mut file).map_err(disk(&sidecar))? else { return Ok(None) };
    let is_it = origin.url == url
        && fs::symlink_metadata(output).is_ok_and(|file| file.is_file() && file.len() == mark.bytes)
        && content_hash::of_file(output).map_err(disk(output))? == mark.sha256;
    if !is_it {
        return Ok(None);
    }
    Ok(Some(Finished { origin, mark, sidecar: file }))
}

/// Removes the sidecar that is open as `file`; one that another run has made meanwhile stays.
pub(super) fn remove_sidecar(file: &File, output: &Path) -> Result<(), DownloadError> {
    let sidecar = sidecar_path(output);
    if !is_same_file(file, &sidecar) {
        return Ok(());
    }
    fs::remove_file(&sidecar).and_then(|()| atomic_file::sync_folder(&sidecar)).map_err(disk(&sidecar))
}

/// Returns what a sidecar says: whose bytes, how many are here at least, and whether that is all.
pub(super) fn read_sidecar(file: &mut File) -> io::Result<(Option<Origin>, Option<Mark>, Option<Mark>)> {
    let mut text = Vec::new();
    file.rewind()?;
    file.take(SIDECAR_BYTES_MAX).read_to_end(&mut text)?;
    let (mut origin, mut durable, mut whole) = (None, None, None);
    for line in String::from_utf8_lossy(&text).lines() {
        match wire::read(line) {
            Some(wire::Entry::Origin(entry)) => (origin, durable, whole) = (Some(entry), None, None),
            Some(wire::Entry::Durable(mark)) => durable = Some(mark),
            Some(wire::Entry::Whole(mark)) => (durable, whole) = (Some(mark.clone()), Some(mark)),
            None => {}
        }
    }
    Ok((origin, durable, whole))
}
