//! Copies of what an import reads, and of what it will change, made before it changes anything.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, chown};
use std::path::{Path, PathBuf};

use crate::atomic_file;
use crate::command::CommandError;
use crate::legacy::{NoteKind, Notes};
use crate::store;

/// Where the copies of all imports are, below the data folder.
const FOLDER: &str = "legacy";
const REPORT: &str = "report.json";
/// Their owner's only: bookings name classes, an old `.env` may hold more.
const PRIVATE_FOLDER: u32 = 0o700;
const PRIVATE_FILE: u32 = 0o600;
/// Imports that are kept; one more is refused rather than any of them lost.
const IMPORTS_MAX: u32 = 10_000;

/// Copies the old databases, the old `.env` and our own database into a folder of this import's own, and returns that.
pub(super) fn make(
    data_folder: &Path,
    databases: &[PathBuf],
    env_file: Option<&Path>,
    notes: &mut Notes,
) -> Result<PathBuf, CommandError> {
    let folder = make_folder(data_folder).map_err(unwritable(&data_folder.join(FOLDER)))?;
    let mut names = BTreeSet::from([REPORT.to_owned(), store::FILE_NAME.to_owned()]);
    for path in databases {
        let target = folder.join(free_name(path, &mut names));
        if let Some(finding) = store::back_up_old_database(path, &target).map_err(CommandError::stage)? {
            notes.add(NoteKind::Damaged, format!("{}: {finding}", path.display()));
        }
    }
    if let Some(path) = env_file {
        let target = folder.join(free_name(path, &mut names));
        let bytes =
            fs::read(path).map_err(|source| CommandError::SourceUnreadable { path: path.to_owned(), source })?;
        write(&target, &bytes).map_err(unwritable(&target))?;
    }
    let own = data_folder.join(store::FILE_NAME);
    if own.try_exists().map_err(unwritable(&own))? {
        store::backup(&own, Some(&folder.join(store::FILE_NAME))).map_err(CommandError::stage)?;
    }
    Ok(folder)
}

/// Writes the report beside the copies.
pub(super) fn write_report(folder: &Path, document: &str) -> Result<(), CommandError> {
    let path = folder.join(REPORT);
    write(&path, document.as_bytes()).map_err(unwritable(&path))
}

fn unwritable(path: &Path) -> impl Fn(io::Error) -> CommandError {
    move |source| CommandError::OutputUnwritable { path: path.to_owned(), source }
}

/// Makes the next numbered folder, the owner's of the data folder.
fn make_folder(data_folder: &Path) -> io::Result<PathBuf> {
    let all = data_folder.join(FOLDER);
    match make_private(&all, data_folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        result => result?,
    }
    let numbers = fs::read_dir(&all)?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    let number = numbers.max().unwrap_or(0) + 1;
    if number > IMPORTS_MAX {
        return Err(io::Error::other(format!("there are {IMPORTS_MAX} imports; move the old ones away")));
    }
    let folder = all.join(number.to_string());
    make_private(&folder, data_folder)?;
    Ok(folder)
}

fn make_private(folder: &Path, data_folder: &Path) -> io::Result<()> {
    DirBuilder::new().mode(PRIVATE_FOLDER).create(folder)?;
    give(folder, data_folder)?;
    atomic_file::sync_folder(folder)
}

/// A command run by root must not leave what the node cannot open.
fn give(path: &Path, folder: &Path) -> io::Result<()> {
    let owner = fs::metadata(folder)?;
    if rustix::process::geteuid().is_root() {
        chown(path, Some(owner.uid()), Some(owner.gid()))?;
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let mut file = File::options().create(true).truncate(true).write(true).mode(PRIVATE_FILE).open(&part)?;
    file.write_all(bytes)?;
    give(&part, path.parent().unwrap_or(Path::new(".")))?;
    atomic_file::publish_new(&part, path)
}

/// Returns the file's own name, with a number behind it where another file of this import has it.
fn free_name(path: &Path, names: &mut BTreeSet<String>) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    let numbered = (2_u32..).map(|number| format!("{name}.{number}"));
    let free = std::iter::once(name.clone()).chain(numbered).find(|name| !names.contains(name)).unwrap_or(name);
    names.insert(free.clone());
    free
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_files_of_one_name_do_not_meet() {
        let mut names = BTreeSet::from([REPORT.to_owned()]);
        let free = ["a/x.db", "b/x.db", "c/x.db", "report.json"].map(|path| free_name(Path::new(path), &mut names));
        assert_eq!(free, ["x.db", "x.db.2", "x.db.3", "report.json.2"]);
    }

    #[test]
    fn every_import_has_a_folder_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let names = [1, 2, 3].map(|_| make_folder(folder.path()).unwrap());
        assert_eq!(names.map(|path| path.file_name().unwrap().to_owned()), ["1", "2", "3"]);
        write(&folder.path().join("x"), b"some").unwrap();
        assert_eq!(fs::metadata(folder.path().join("x")).unwrap().mode() & 0o777, PRIVATE_FILE);
        assert!(write(&folder.path().join("x"), b"other").is_err());
    }
}
