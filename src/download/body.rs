//! From the network to the disk: one thread hashes and writes, a second brings what is written to the disk and notes it,
//! so that neither waits for the other. Which bytes these are is decided before.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::part_file::{Mark, PartFile};
use super::sidecar::note;
use super::{DownloadError, part_file, wire};

/// Pieces on their way to the disk: enough to bridge the time that a write takes, each of at most a network buffer.
pub(super) const PIECES: usize = 16;

/// From so many bytes on a sync is worth its while.
const SYNC_BYTES_MIN: u64 = 1 << 20;

/// With so many bytes written and a sync still under way, writing waits. What the sync under way covers is as much again,
/// and each may be passed by one piece: together at most 8 MiB are fetched again after a crash.
const SYNC_BYTES_MAX: u64 = 3 << 20;

/// Writes all `pieces` to `part` and brings them to the disk, those before the room ran out too: nothing is wrong with
/// them. Returns the part, whatever happens.
pub(super) fn write(
    mut part: PartFile,
    mut pieces: mpsc::Receiver<Bytes>,
) -> (PartFile, Result<(), DownloadError>) {
    let result = match write_beside_sync(&mut part, &mut pieces) {
        Ok(()) => part.sync(),
        Err(error @ DownloadError::NoRoom(_)) => part.sync().and(Err(error)),
        Err(error) => Err(error),
    };
    (part, result)
}

fn write_beside_sync(part: &mut PartFile, pieces: &mut mpsc::Receiver<Bytes>) -> Result<(), DownloadError> {
    let (file, mut sidecar) = (clone(&part.file, part)?, clone(&part.sidecar, part)?);
    let path = part.path().to_owned();
    // Without room: a mark is taken when the last one is dealt with.
    let (marks, taken) = sync_channel::<Mark>(0);
    let keep = move || keep(&file, &mut sidecar, &path, &taken);
    thread::scope(|scope| {
        let keeper = thread::Builder::new()
            .name("download-sync".to_owned())
            .spawn_scoped(scope, keep)
            .map_err(DownloadError::Thread)?;
        let written = write_pieces(part, pieces, &marks);
        drop(marks);
        let kept = keeper.join().unwrap_or(Err(DownloadError::Cancelled));
        // When syncing failed, writing only found nobody to talk to any more.
        part.noted = part.noted.max(kept?);
        written
    })
}

fn clone(file: &std::fs::File, part: &PartFile) -> Result<std::fs::File, DownloadError> {
    file.try_clone().map_err(|source| DownloadError::Disk { path: part.path().to_owned(), source })
}

fn write_pieces(
    part: &mut PartFile,
    pieces: &mut mpsc::Receiver<Bytes>,
    marks: &SyncSender<Mark>,
) -> Result<(), DownloadError> {
    let mut marked = part.bytes();
    while let Some(piece) = pieces.blocking_recv() {
        part.append(&piece)?;
        let unmarked = part.bytes() - marked;
        if unmarked < SYNC_BYTES_MIN {
            continue;
        }
        let mark = part.mark();
        let bytes = mark.bytes;
        match marks.try_send(mark) {
            Ok(()) => marked = bytes,
            Err(TrySendError::Full(_)) if unmarked < SYNC_BYTES_MAX => {}
            // When the other thread has failed, it says itself why.
            Err(TrySendError::Full(mark)) => match marks.send(mark) {
                Ok(()) => marked = bytes,
                Err(_) => return Ok(()),
            },
            Err(TrySendError::Disconnected(_)) => return Ok(()),
        }
    }
    Ok(())
}

/// Brings the bytes up to each mark to the disk, then the mark; returns the last one.
fn keep(
    file: &std::fs::File,
    sidecar: &mut std::fs::File,
    path: &std::path::Path,
    marks: &Receiver<Mark>,
) -> Result<u64, DownloadError> {
    let mut noted = 0;
    for mark in marks {
        file.sync_data().map_err(|source| part_file::sync_failed(path, source))?;
        note(sidecar, &wire::durable(&mark), path)?;
        noted = mark.bytes;
    }
    Ok(noted)
}
