//! What lies in the old folder of recordings: files that can be keys of the cache, and strangers. Only looks.

use std::fs::{self, DirEntry};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::LegacyError;
use crate::cache::Key;
use crate::media::RenditionName;

/// Files that are listed: a hundred times what an old node was allowed, and still some hundred MB of memory.
const FILES_MAX: usize = 1_000_000;
/// `<institution>/<record>/<file>`: nothing of ours lies deeper.
const FOLDERS_MAX: usize = 2;

/// A file that can be one of the cache's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundFile {
    /// Its key, which says where it lies.
    pub key: Key,
    /// Its length.
    pub bytes: u64,
    /// When it was last written, in Unix nanoseconds.
    pub modified_nanoseconds: i64,
}

/// What lies in a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Recordings, by key.
    pub files: Vec<FoundFile>,
    /// Files that would be recordings under the name that stands beside them.
    pub misnamed: Vec<(PathBuf, PathBuf)>,
    /// What else there is, and what it is. Paths are below the root.
    pub strangers: Vec<(PathBuf, &'static str)>,
    /// Bytes that are free on the disk, where it says so.
    pub free_bytes: Option<u64>,
}

/// Lists the recordings below `root`. Links are not followed, and hidden folders not entered: they are the cache's own.
///
/// # Errors
/// The folder, or one in it, cannot be listed; or it holds more than any node has.
pub fn list(root: &Path) -> Result<Found, LegacyError> {
    let mut found = Found { free_bytes: free_bytes(root), ..Found::default() };
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let path = root.join(&folder);
        let failed = |source| LegacyError::Folder { path: path.clone(), source };
        for entry in fs::read_dir(&path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            folders.extend(take(&folder.join(entry.file_name()), &entry, &mut found).map_err(failed)?);
            if found.files.len() + found.strangers.len() > FILES_MAX {
                return Err(LegacyError::TooMany { path: root.to_owned(), most: FILES_MAX });
            }
        }
    }
    found.files.sort_by(|one, other| one.key.cmp(&other.key));
    found.misnamed.sort();
    found.strangers.sort();
    Ok(found)
}

/// Takes an entry in; a folder that may hold recordings is returned.
fn take(path: &Path, entry: &DirEntry, found: &mut Found) -> std::io::Result<Option<PathBuf>> {
    let kind = entry.file_type()?;
    let name = entry.file_name();
    // The file system's own folder is nobody else's.
    let is_hidden = name.as_encoded_bytes().starts_with(b".") || name == "lost+found";
    let depth = path.iter().count();
    if is_hidden && depth == 1 {
        return Ok(None);
    }
    if kind.is_dir() && depth <= FOLDERS_MAX {
        return Ok(Some(path.to_owned()));
    }
    let metadata = match entry.metadata() {
        // Somebody was quicker.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        metadata => metadata?,
    };
    let what = match Key::of_path(path) {
        _ if kind.is_dir() => "a folder too deep for recordings",
        _ if !kind.is_file() => "no plain file",
        _ if metadata.len() == 0 => "empty",
        Some(key) => {
            let modified_nanoseconds =
                metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec());
            found.files.push(FoundFile { key, bytes: metadata.len(), modified_nanoseconds });
            return Ok(None);
        }
        None => match better_name(path) {
            Some(better) => {
                found.misnamed.push((path.to_owned(), better));
                return Ok(None);
            }
            None => "no recording by its name",
        },
    };
    found.strangers.push((path.to_owned(), what));
    Ok(None)
}

/// Returns the name under which a file would be a recording: the old systems wrote sizes in several ways.
fn better_name(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    let (stem, extension) = name.rsplit_once('.')?;
    let (record, label) = stem.rsplit_once('_')?;
    let resolution = RenditionName::parse(label).ok()?;
    let better = path.with_file_name(format!("{record}_{resolution}.flv"));
    (extension.eq_ignore_ascii_case("flv") && Key::of_path(&better).is_some()).then_some(better)
}

fn free_bytes(root: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(root).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recordings_are_listed_and_strangers_told_and_nothing_is_entered_that_is_not_theirs() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        for path in ["6666/6666.flv", "6666/6666_720P.flv", "22/7777/7777_240P.flv"] {
            write(path, "some");
        }
        for path in
            ["6666/6666_480p.flv", "6666/6666_240.FLV", ".work/1/x.flv", "6666/notes.txt", "a.flv", "1/2/3/4.flv"]
        {
            write(path, "some");
        }
        write("8888/8888.flv", "");
        std::os::unix::fs::symlink("6666", folder.path().join("link")).unwrap();
        let found = list(folder.path()).unwrap();
        let keys: Vec<String> = found.files.iter().map(|file| format!("{} {}", file.key, file.bytes)).collect();
        assert_eq!(keys, ["6666 4", "6666_720P 4", "22/7777_240P 4"]);
        assert!(found.files.iter().all(|file| file.modified_nanoseconds > 0));
        let misnamed = [("6666/6666_240.FLV", "6666/6666_240P.flv"), ("6666/6666_480p.flv", "6666/6666_480P.flv")];
        assert_eq!(found.misnamed, misnamed.map(|(is, better)| (is.into(), better.into())));
        let strangers: Vec<_> = found.strangers.iter().map(|(path, _)| path.to_str().unwrap()).collect();
        assert_eq!(strangers, ["1/2/3", "6666/notes.txt", "8888/8888.flv", "a.flv", "link"]);
        assert!(found.free_bytes.is_some());
        let gone = list(&folder.path().join("gone")).unwrap_err();
        assert_eq!(crate::failure::Failure::code(&gone), "LEGACY_FOLDER");
    }
}
