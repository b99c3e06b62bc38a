//! What must hold of source and outputs before any work begins, so that hours of it are never thrown away for a name.
//!
//! Questions to the disk only; the one thing made here is the folder of the `DIR/` form.

use std::fs::{self, File, FileType, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::output::Target;
use super::{CommandError, Console};

/// What to do about outputs that exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Existing {
    /// `-y`.
    Overwrite,
    /// `-n`, or nobody is there to ask.
    Refuse,
    /// A person is at the terminal.
    Ask,
}

impl Existing {
    /// Returns what the options and the terminal come to.
    pub(super) const fn of(overwrite: bool, no_overwrite: bool, can_ask: bool) -> Self {
        match (overwrite, no_overwrite, can_ask) {
            (true, _, _) => Self::Overwrite,
            (false, false, true) => Self::Ask,
            _ => Self::Refuse,
        }
    }
}

/// Checks that the source is a file that can be read.
pub(super) fn source(path: &Path) -> Result<(), CommandError> {
    let metadata = match fs::metadata(path) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            let is_address = path.to_str().is_some_and(|text| text.contains("://"));
            let path = path.to_owned();
            return Err(if is_address {
                CommandError::SourceRemote(path)
            } else {
                CommandError::SourceMissing(path)
            });
        }
        result => result.map_err(|error| unreadable(path, error))?,
    };
    // Before opening: a pipe without a writer would block for ever.
    if let Some(what) = not_a_file(metadata.file_type()) {
        return Err(CommandError::SourceNotAFile { path: path.to_owned(), what });
    }
    File::open(path).map(drop).map_err(|error| unreadable(path, error))
}

fn unreadable(path: &Path, source: io::Error) -> CommandError {
    CommandError::SourceUnreadable { path: path.to_owned(), source }
}

fn unwritable(path: &Path, source: io::Error) -> CommandError {
    CommandError::OutputUnwritable { path: path.to_owned(), source }
}

fn not_a_file(kind: FileType) -> Option<&'static str> {
    match kind {
        kind if kind.is_file() => None,
        kind if kind.is_dir() => Some("a folder"),
        kind if kind.is_fifo() => Some("a pipe"),
        kind if kind.is_socket() => Some("a socket"),
        _ => Some("a device"),
    }
}

/// Checks that no output is the source or anything but a plain file, and returns those that exist.
pub(super) fn outputs(source: &Path, outputs: &[PathBuf]) -> Result<Vec<PathBuf>, CommandError> {
    let source = fs::metadata(source).map_err(|error| unreadable(source, error))?;
    let mut existing = Vec::new();
    for path in outputs {
        if output_exists(path, Some(&source))? {
            existing.push(path.clone());
        }
    }
    Ok(existing)
}

/// Returns whether there is a file that the output would replace.
pub(super) fn output(path: &Path) -> Result<bool, CommandError> {
    output_exists(path, None)
}

fn output_exists(path: &Path, source: Option<&Metadata>) -> Result<bool, CommandError> {
    match fs::metadata(path) {
        // Symbolic links are followed, and hard links share the inode: both would destroy the source.
        Ok(output) if source.is_some_and(|source| (output.dev(), output.ino()) == (source.dev(), source.ino())) => {
            Err(CommandError::OutputIsSource(path.to_owned()))
        }
        Ok(output) => match not_a_file(output.file_type()) {
            Some(what) => Err(CommandError::OutputNotAFile { path: path.to_owned(), what }),
            None => Ok(true),
        },
        // A symbolic link to nothing has a name that would be replaced.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(fs::symlink_metadata(path).is_ok()),
        Err(error) if error.kind() == ErrorKind::NotADirectory => Ok(false),
        Err(error) => Err(unwritable(path, error)),
    }
}

/// Decides about outputs that exist: overwritten on purpose only.
pub(super) fn overwriting(paths: &[PathBuf], existing: Existing, console: &Console) -> Result<(), CommandError> {
    let agreed = match existing {
        _ if paths.is_empty() => true,
        Existing::Overwrite => true,
        Existing::Refuse => false,
        Existing::Ask => ask(paths, console),
    };
    if agreed { Ok(()) } else { Err(CommandError::OutputExists(paths.to_vec())) }
}

/// Asks at the terminal; anything but a clear yes is a no.
fn ask(paths: &[PathBuf], console: &Console) -> bool {
    for path in paths {
        console.screen.say(&format!("exists already: {}", crate::telemetry::printable(&path.to_string_lossy())));
    }
    console.screen.ask(if paths.len() == 1 { "overwrite it? [y/N]" } else { "overwrite them? [y/N]" });
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).is_ok() && matches!(answer.trim(), "y" | "Y" | "yes" | "Yes")
}

/// Sees to the outputs' folder: made where `-o` named a folder, demanded where it named a file.
pub(super) fn folder(target: &Target) -> Result<(), CommandError> {
    match target {
        Target::BesideSource => Ok(()),
        Target::Folder(folder) => fs::create_dir_all(folder).map_err(|error| unwritable(folder, error)),
        Target::File(path) => match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() && !folder.is_dir() => {
                Err(CommandError::OutputFolderMissing(folder.to_owned()))
            }
            _ => Ok(()),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::failure::Failure;

    fn code<T: std::fmt::Debug>(result: Result<T, CommandError>) -> &'static str {
        result.unwrap_err().code()
    }

    #[test]
    fn the_source_is_recognised_through_links_of_either_kind() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("lesson.mp4"), "media").unwrap();
        symlink(path("lesson.mp4"), path("soft.mp4")).unwrap();
        fs::hard_link(path("lesson.mp4"), path("hard.mp4")).unwrap();
        for name in ["lesson.mp4", "soft.mp4", "hard.mp4"] {
            assert_eq!(code(outputs(&path("lesson.mp4"), &[path(name)])), "OUTPUT_IS_SOURCE", "{name}");
        }
    }

    #[test]
    fn existing_outputs_are_told_apart_from_missing_ones() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("lesson.flv"), "media").unwrap();
        fs::write(path("old.mp4"), "old").unwrap();
        symlink(path("gone"), path("dangling.mp4")).unwrap();
        let all = [path("new.mp4"), path("old.mp4"), path("dangling.mp4"), path("no/where.mp4")];
        assert_eq!(outputs(&path("lesson.flv"), &all).unwrap(), [path("old.mp4"), path("dangling.mp4")]);
        assert_eq!(code(outputs(&path("lesson.flv"), &[folder.path().to_owned()])), "OUTPUT_NOT_A_FILE");
        assert_eq!(code(outputs(&path("lesson.flv"), &["/dev/null".into()])), "OUTPUT_NOT_A_FILE");
    }

    #[test]
    fn a_source_must_be_a_file_that_is_there() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(code(source(&folder.path().join("lesson.flv"))), "SOURCE_MISSING");
        assert_eq!(code(source(folder.path())), "SOURCE_NOT_A_FILE");
        assert_eq!(code(source(Path::new("/dev/zero"))), "SOURCE_NOT_A_FILE");
        assert_eq!(code(source(Path::new("https://example.org/lesson.flv"))), "SOURCE_REMOTE");
    }

    #[test]
    fn nothing_is_overwritten_without_consent() {
        assert_eq!(Existing::of(true, false, false), Existing::Overwrite);
        assert_eq!(Existing::of(false, false, true), Existing::Ask);
        assert_eq!(Existing::of(false, false, false), Existing::Refuse);
        assert_eq!(Existing::of(false, true, true), Existing::Refuse);
    }

    #[test]
    fn the_folder_form_makes_its_folder_and_the_file_form_demands_it() {
        let root = tempfile::tempdir().unwrap();
        let out = root.path().join("a/b");
        assert_eq!(code(folder(&Target::File(out.join("x.mp4")))), "OUTPUT_FOLDER_MISSING");
        folder(&Target::Folder(out.clone())).unwrap();
        assert!(folder(&Target::File(out.join("x.mp4"))).is_ok());
        fs::write(root.path().join("file"), "").unwrap();
        assert_eq!(code(folder(&Target::Folder(root.path().join("file/c")))), "OUTPUT_UNWRITABLE");
    }
}
