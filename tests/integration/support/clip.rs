//! Recordings for tests, made by the linked libraries in a scratch folder.

use std::path::PathBuf;

use reelmill::av::{Packet, log};
use reelmill::clip::{self, Edit, Picture, Recipe};
use reelmill::media::{Container, Ratio};
use tempfile::TempDir;

use super::oracle;

/// A scratch folder that is gone after the test.
pub(crate) fn scratch() -> TempDir {
    log::install(log::Verbosity::Quiet);
    TempDir::with_prefix("reelmill-test-").unwrap()
}

/// Writes `recipe` as `name` in `folder`.
pub(crate) fn make(folder: &TempDir, name: &str, recipe: &Recipe) -> PathBuf {
    let path = folder.path().join(name);
    clip::write(recipe, &path).unwrap();
    path
}

/// Returns `seconds` of `size` with two frames a second, a keyframe every four seconds, and sound: many chunks (of twelve
/// seconds, the last of up to eighteen) for little work.
pub(crate) fn in_chunks(size: &str, seconds: f64) -> Recipe {
    let picture = Picture::h264(size, Ratio::new(2, 1), seconds).with_options(&[("g", "8")]);
    Recipe { pictures: vec![picture], ..Recipe::plain(Container::Flv, size, seconds) }
}

/// Writes `recipe` as `name` in `folder`, each packet changed or dropped by `edit`.
pub(crate) fn make_edited(
    folder: &TempDir,
    name: &str,
    recipe: &Recipe,
    mut edit: impl FnMut(usize, usize, &mut Packet) -> Edit,
) -> PathBuf {
    let path = folder.path().join(name);
    clip::write_edited(recipe, &path, &mut edit).unwrap();
    path
}

/// Lets FFmpeg's own tool write `name` in `folder`: for sources that our libraries' recipes cannot spell, and a
/// second hand that knows nothing of ours. `arguments` are split at blanks.
pub(crate) fn by_ffmpeg(folder: &TempDir, name: &str, arguments: &str) -> PathBuf {
    let path = folder.path().join(name);
    let mut words = vec!["-v", "error", "-y"];
    words.extend(arguments.split_whitespace());
    words.push(path.to_str().unwrap());
    oracle::tool("ffmpeg", &words);
    path
}
