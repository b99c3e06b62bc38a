//! Where outputs go. Pure: the one fact about the disk (is this path a folder?) is handed in.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::CommandError;
use crate::media::{Container, RenditionName};

/// Where `-o` points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// No `-o`: the source's own folder.
    BesideSource,
    /// A folder, made if it is not there.
    Folder(PathBuf),
    /// One file.
    File(PathBuf),
}

impl Target {
    /// Returns what `path` means: a folder when it ends in `/` or is one already.
    pub(super) fn of(path: Option<&Path>, is_folder: impl Fn(&Path) -> bool) -> Self {
        let Some(path) = path else { return Self::BesideSource };
        // `file_name` is none for `.`, `..` and `/`; those and `out/.` can only be folders.
        let names_folder = path.as_os_str().as_encoded_bytes().ends_with(b"/") || path.file_name().is_none();
        if names_folder || is_folder(path) { Self::Folder(path.to_owned()) } else { Self::File(path.to_owned()) }
    }

    /// Returns the container that the file's extension and `--container` agree on; `None` leaves it to the plan.
    pub(super) fn container(&self, asked: Option<Container>) -> Result<Option<Container>, CommandError> {
        let Self::File(path) = self else { return Ok(asked) };
        let extension = path.extension().and_then(OsStr::to_str);
        let Some(named) = extension.and_then(Container::from_output_extension) else {
            return Err(CommandError::OutputExtension { path: path.clone() });
        };
        match asked {
            Some(asked) if asked != named => {
                Err(CommandError::ContainerMismatch { container: asked.name(), path: path.clone() })
            }
            _ => Ok(Some(named)),
        }
    }

    /// Refuses more than one rendition for one file.
    pub(super) fn check_count(&self, count: usize) -> Result<(), CommandError> {
        match self {
            Self::File(path) if count > 1 => Err(CommandError::SeveralIntoOneFile { path: path.clone(), count }),
            _ => Ok(()),
        }
    }

    /// Returns one path to each name.
    pub(super) fn outputs(&self, source: &Path, names: &[RenditionName], container: Container) -> Vec<PathBuf> {
        let in_folder = |folder: &Path| {
            let file = |name| folder.join(file_name(source, name, container));
            names.iter().copied().map(file).collect()
        };
        match self {
            Self::BesideSource => in_folder(source.parent().unwrap_or(Path::new(""))),
            Self::Folder(folder) => in_folder(folder),
            Self::File(path) => vec![path.clone(); names.len().min(1)],
        }
    }
}

/// Returns `<stem>_<NAME>.<ext>`.
fn file_name(source: &Path, name: RenditionName, container: Container) -> OsString {
    let mut file = stem(source).to_owned();
    file.push(format!("_{name}.{container}"));
    file
}

fn stem(source: &Path) -> &OsStr {
    source.file_stem().unwrap_or(OsStr::new("source"))
}

/// Returns the work folder's path, `<output>.reelmill`. It lies beside the output, so that giving the file its final
/// name is a rename within one file system; and it is the output's own, so that of any two runs that would make the
/// same file the second is refused, whatever else they make.
pub(super) fn work_folder(output: &Path) -> PathBuf {
    let mut name = output.file_name().unwrap_or_default().to_owned();
    name.push(".reelmill");
    output.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOLDERS: [&str; 2] = ["videos", "."];

    fn target(output: &str) -> Target {
        Target::of(Some(Path::new(output)), |path| FOLDERS.iter().any(|folder| path == Path::new(folder)))
    }

    fn names(short_sides: &[u32]) -> Vec<RenditionName> {
        short_sides.iter().copied().map(RenditionName::of_source).collect()
    }

    fn check(target: &Target, source: &str, short_sides: &[u32], expected: &[&str]) {
        let outputs = target.outputs(Path::new(source), &names(short_sides), Container::Mp4);
        assert_eq!(outputs, expected.iter().map(PathBuf::from).collect::<Vec<_>>());
    }

    #[test]
    fn outputs_are_named_after_the_source_and_the_rendition() {
        check(&Target::BesideSource, "in/lesson.flv", &[720, 240], &["in/lesson_720P.mp4", "in/lesson_240P.mp4"]);
        check(&Target::BesideSource, "lesson", &[720], &["lesson_720P.mp4"]);
        check(&target("out/"), "in/a.b.flv", &[480], &["out/a.b_480P.mp4"]);
        check(&target("videos"), "in/lesson.flv", &[480], &["videos/lesson_480P.mp4"]);
        check(&target("x/talk.mp4"), "in/lesson.flv", &[480], &["x/talk.mp4"]);
    }

    #[test]
    fn a_path_is_a_folder_by_its_slash_or_by_being_one() {
        assert_eq!(target("out/"), Target::Folder("out/".into()));
        assert_eq!(target("videos"), Target::Folder("videos".into()));
        assert_eq!(target(".."), Target::Folder("..".into()));
        assert_eq!(target("out"), Target::File("out".into()));
    }

    #[test]
    fn the_container_follows_the_extension_and_nothing_may_contradict_it() {
        assert_eq!(target("a.FLV").container(None).unwrap(), Some(Container::Flv));
        assert_eq!(target("a.mp4").container(Some(Container::Mp4)).unwrap(), Some(Container::Mp4));
        assert_eq!(target("out/").container(Some(Container::Flv)).unwrap(), Some(Container::Flv));
        assert_eq!(target("out/").container(None).unwrap(), None);
        let mismatch = target("a.mp4").container(Some(Container::Flv));
        assert!(matches!(mismatch, Err(CommandError::ContainerMismatch { container: "flv", .. })));
        for name in ["a.m2ts", "a.webm", "a", "a.", "-", ".mp4"] {
            let refused = target(name).container(None);
            assert!(matches!(refused, Err(CommandError::OutputExtension { .. })), "{name}");
        }
    }

    #[test]
    fn several_renditions_do_not_fit_into_one_file() {
        let refused = target("a.mp4").check_count(2);
        assert!(matches!(refused, Err(CommandError::SeveralIntoOneFile { count: 2, .. })));
        assert!(target("a.mp4").check_count(1).is_ok() && target("out/").check_count(7).is_ok());
    }

    #[test]
    fn work_in_progress_lies_beside_its_output() {
        assert_eq!(work_folder(Path::new("out/talk.mp4")), Path::new("out/talk.mp4.reelmill"));
        assert_eq!(work_folder(Path::new("talk.mp4")), Path::new("talk.mp4.reelmill"));
    }
}
