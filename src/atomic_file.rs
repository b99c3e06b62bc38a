//! Giving a finished file its final name so that a power cut leaves either the whole file or none, and knowing a file by it.
//!
//! Whether the name may be taken is the caller's question; an existing file is replaced in one step.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::RenameFlags;
use rustix::io::Errno;

/// Moves `part` to `path`, on the same file system: its bytes reach the disk first, then the name, then the folder's
/// record of it.
pub fn publish(part: &Path, path: &Path) -> io::Result<()> {
    File::open(part)?.sync_all()?;
    fs::rename(part, path)?;
    sync_folder(path)
}

/// As [`publish`], but never in the place of a file that has the name already: `AlreadyExists` then.
pub fn publish_new(part: &Path, path: &Path) -> io::Result<()> {
    File::open(part)?.sync_all()?;
    match rustix::fs::renameat_with(rustix::fs::CWD, part, rustix::fs::CWD, path, RenameFlags::NOREPLACE) {
        // File systems that cannot do it in one step leave the time between two.
        Err(Errno::INVAL | Errno::NOSYS) if fs::symlink_metadata(path).is_err() => fs::rename(part, path)?,
        Err(Errno::INVAL | Errno::NOSYS) => return Err(io::ErrorKind::AlreadyExists.into()),
        result => result?,
    }
    sync_folder(path)
}

/// Brings to the disk which names there are beside `path`, its own among them. File systems that cannot sync a folder
/// (some network mounts) answer EINVAL; the file is complete all the same.
///
/// # Errors
/// The disk refuses.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match File::open(folder)?.sync_all() {
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        result => result,
    }
}

/// Returns whether an open file is still the one under that name: its owner may have removed it, and a lock on a removed
/// file keeps nobody out.
pub fn is_same_file(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(ours), Ok(named)) => (ours.dev(), ours.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_published_file_replaces_the_old_one_and_leaves_no_part() {
        let folder = tempfile::tempdir().unwrap();
        let (part, path) = (folder.path().join("part"), folder.path().join("lesson.mp4"));
        fs::write(&path, "old").unwrap();
        fs::write(&part, "new").unwrap();
        publish(&part, &path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert!(!part.try_exists().unwrap());
    }
    #[test]
    fn a_new_file_never_takes_the_place_of_another() {
        let folder = tempfile::tempdir().unwrap();
        let (part, path) = (folder.path().join("part"), folder.path().join("lesson.mp4"));
        fs::write(&path, "old").unwrap();
        fs::write(&part, "new").unwrap();
        assert_eq!(publish_new(&part, &path).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        fs::remove_file(&path).unwrap();
        publish_new(&part, &path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
    }
}
