//! The names in the work folder of a file that is being acquired, and what an earlier try may leave there.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::cache::{CacheError, Key};
use crate::content_hash;
use crate::download::{part_path, sidecar_path};

/// Hex digits of a key's hash that tell its folder from those of all other keys.
const HASH_DIGITS: usize = 32;

/// Returns the name of the work that brings `key` here: the same for every address, so that an earlier try's leftover is
/// found, or replaced. A key itself may be too long, and has a slash.
pub(super) fn job(key: &Key) -> String {
    named("fetch", key)
}

/// Returns the name of the work that makes a rendition here: the same for every attempt, so that one goes on where the last
/// one was.
pub(super) fn transcode(key: &Key) -> String {
    named("transcode", key)
}

fn named(work: &str, key: &Key) -> String {
    let hash = content_hash::of_bytes(key.to_string());
    format!("{work}-{}", &hash[..HASH_DIGITS])
}

/// Returns what the download is told to write; it stays a part until it is in the cache.
pub(super) fn source(folder: &Path) -> PathBuf {
    folder.join("source")
}

/// Returns where the same recording in the cache's container goes.
pub(super) fn repacked(folder: &Path) -> PathBuf {
    folder.join("repacked.flv")
}

/// Returns the folder of what is made on the way there.
pub(super) fn repacking(folder: &Path) -> PathBuf {
    folder.join("repacking")
}

/// Removes everything but a part that a download can go on from.
///
/// # Errors
/// The disk refuses.
pub(super) fn tidy(folder: &Path) -> Result<(), CacheError> {
    let failed = |operation, path: &Path| {
        let path = path.to_owned();
        move |source: io::Error| CacheError::Disk { operation, path, source }
    };
    let (part, sidecar) = (part_path(&source(folder)), sidecar_path(&source(folder)));
    // A sidecar alone speaks of a part that has got its name in the cache.
    let has_part = fs::symlink_metadata(&part).is_ok();
    let is_kept = |name: &OsStr| has_part && [part.file_name(), sidecar.file_name()].contains(&Some(name));
    for entry in fs::read_dir(folder).map_err(failed("list", folder))? {
        let entry = entry.map_err(failed("list", folder))?;
        if is_kept(&entry.file_name()) {
            continue;
        }
        let path = entry.path();
        // The kind of the entry itself: no link is followed.
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let removed = if is_folder { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.map_err(failed("remove", &path))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = entries.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn only_a_part_with_its_sidecar_is_left_for_the_next_try() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        fs::create_dir_all(repacking(path).join("deep")).unwrap();
        for name in ["source.part", "source.part.meta", "repacked.flv", "source"] {
            fs::write(path.join(name), "x").unwrap();
        }
        std::os::unix::fs::symlink("/", path.join("link")).unwrap();
        tidy(path).unwrap();
        assert_eq!(names(path), ["source.part", "source.part.meta"]);
        fs::remove_file(path.join("source.part")).unwrap();
        tidy(path).unwrap();
        assert!(names(path).is_empty());
    }

    #[test]
    fn every_key_has_a_folder_of_its_own() {
        let job = |key: &str| job(&Key::parse(key).unwrap());
        assert_eq!(job("6666_720p"), job("6666_720P"));
        assert_ne!(job("22/6666"), job("22_6666"));
        assert_eq!(job("6666").len(), "fetch-".len() + HASH_DIGITS);
        assert_ne!(job("6666_720P"), transcode(&Key::parse("6666_720P").unwrap()));
    }
}
