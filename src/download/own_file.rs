//! Files that must be ours: opened without following a link that somebody planted, and checked to be what their name says.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::{FallocateFlags, OFlags};
use rustix::io::Errno;

use super::DownloadError;
use super::part_file::disk;

/// Sets aside room for the whole file, so that a full disk is told before the first byte. File systems that cannot are
/// filled as the bytes come.
pub(super) fn reserve(file: &File, bytes: u64) -> io::Result<()> {
    // A length beyond what the call can say is beyond any disk.
    if i64::try_from(bytes).is_err() {
        return Err(ErrorKind::StorageFull.into());
    }
    match rustix::fs::fallocate(file, FallocateFlags::KEEP_SIZE, 0, bytes) {
        Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => Ok(()),
        // More than any file of this system can hold is more than there is room for.
        Err(Errno::FBIG) => Err(ErrorKind::StorageFull.into()),
        result => Ok(result?),
    }
}

/// Opens a file of ours for reading and writing, with `mode` where it is new; what is no plain file is not.
pub(super) fn open_own(path: &Path, mode: u32) -> Result<File, DownloadError> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    #[expect(clippy::cast_possible_wrap, reason = "flags are bits")]
    let flags = flags.bits() as i32;
    let options = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(mode)
        .custom_flags(flags)
        .to_owned();
    let file = match options.open(path) {
        Err(source) if matches!(Errno::from_io_error(&source), Some(Errno::LOOP | Errno::ISDIR | Errno::NXIO)) => {
            return Err(DownloadError::PartTaken(path.to_owned()));
        }
        result => result.map_err(disk(path))?,
    };
    let is_file = file.metadata().map_err(disk(path))?.is_file();
    if is_file { Ok(file) } else { Err(DownloadError::PartTaken(path.to_owned())) }
}

/// Returns whether there is a plain file; an error when there is something else.
pub(super) fn is_file(path: &Path) -> Result<bool, ()> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_file() => Ok(true),
        Ok(_) => Err(()),
        Err(_) => Ok(false),
    }
}
