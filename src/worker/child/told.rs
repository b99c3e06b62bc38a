//! Between what is said on the pipe and what we compute with: bounded when it is said, and bounded again when it is heard,
//! since a child that a recording has taken over says what it likes.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::message::{self, Counters, Facts, File};
use crate::failure::{Failed, FailureClass};
use crate::media::{Container, RenditionName};
use crate::proof::VerifiedFile;
use crate::transcode::{self, Phase, RenditionProgress};
use crate::worker::media::{self, MediaError};

/// Notes and details are told as far as that: an output has a few, a torn source one for each kind of damage.
const NOTES_MAX: usize = 64;
/// Bytes of one of them, or of a message.
const TEXT_BYTES_MAX: usize = 2 << 10;
/// Codes and cures of this release, several times over. Each is kept for ever, as every error of the crate has its own.
const WORDS_MAX: usize = 1024;

static WORDS: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());

/// Returns the error of a child that says what means nothing.
pub(super) fn senseless() -> MediaError {
    crashed("it said what cannot be understood")
}

pub(super) fn crashed(how: &str) -> MediaError {
    MediaError::Crashed { how: how.to_owned(), last: String::new() }
}

/// Returns the file at `path`, which the child was told, as one that it has proven.
pub(super) fn file(path: &Path, told: File) -> Result<VerifiedFile, MediaError> {
    let is_hash =
        told.sha256.len() == 64 && told.sha256.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let is_there = fs::symlink_metadata(path).is_ok_and(|there| there.is_file() && there.len() == told.bytes);
    if is_hash && is_there {
        Ok(VerifiedFile::vouched(path, told.bytes, told.sha256))
    } else {
        Err(crashed("it vouched for a file that is not there"))
    }
}

impl From<&VerifiedFile> for File {
    fn from(file: &VerifiedFile) -> Self {
        Self { bytes: file.bytes(), sha256: file.sha256().to_owned() }
    }
}

/// Returns notes that are neither too many nor too long.
pub(super) fn notes(notes: Vec<String>) -> Vec<String> {
    notes.into_iter().take(NOTES_MAX).map(text).collect()
}

fn text(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX));
    text
}

impl From<media::Facts> for Facts {
    fn from(facts: media::Facts) -> Self {
        let media::Facts { duration_seconds, width, height, container } = facts;
        Self { duration_seconds, width, height, container: container.name().to_owned() }
    }
}

pub(super) fn facts(told: &Facts) -> Result<media::Facts, MediaError> {
    let Facts { duration_seconds, width, height, ref container } = *told;
    let is_length = duration_seconds.is_finite() && duration_seconds >= 0.0;
    let container = Container::parse(container).filter(|_| is_length).ok_or_else(senseless)?;
    Ok(media::Facts { duration_seconds, width, height, container })
}

impl From<Failed> for message::Failure {
    fn from(failed: Failed) -> Self {
        Self {
            code: failed.code.to_owned(),
            class: failed.class.name().to_owned(),
            message: text(failed.message),
            cure: failed.cure.to_owned(),
            details: notes(failed.details),
        }
    }
}

pub(super) fn failed(told: message::Failure) -> MediaError {
    let is_code = !told.code.is_empty() && told.code.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    let words = (kept(&told.code).filter(|_| is_code), FailureClass::parse(&told.class), kept(&told.cure));
    let (Some(code), Some(class), Some(cure)) = words else { return senseless() };
    Failed { code, class, message: text(told.message), cure, details: notes(told.details) }.into()
}

/// Returns words that are kept for good; none where they are too long, or there are too many.
fn kept(word: &str) -> Option<&'static str> {
    let mut words = WORDS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = words.get(word) {
        return Some(known);
    }
    if words.len() == WORDS_MAX || word.len() > TEXT_BYTES_MAX {
        return None;
    }
    let word: &'static str = word.to_owned().leak();
    words.insert(word);
    Some(word)
}

/// Returns what a child tells of its counters; a job has one rendition.
pub(super) fn counters(progress: &transcode::Progress) -> Option<Counters> {
    let one = progress.renditions.first()?;
    let (reused_frames, reused_microseconds) = one.reused();
    Some(Counters {
        rendition: one.name.short_side(),
        frames_total: progress.frames_total,
        duration_seconds: progress.duration_seconds,
        frames: one.frames(),
        microseconds: one.microseconds(),
        bytes: one.bytes(),
        reused_frames,
        reused_microseconds,
    })
}

/// Returns counters for what a child tells of its own.
pub(super) fn mirror(told: &Counters) -> transcode::Progress {
    let name = RenditionName::of_source(told.rendition);
    transcode::Progress::new(&[name], told.frames_total, told.duration_seconds)
}

/// Sets counters to what a child tells.
pub(super) fn set(progress: &transcode::Progress, told: &Counters) {
    let Counters { frames, microseconds, bytes, reused_frames, reused_microseconds, .. } = *told;
    for rendition in &progress.renditions {
        RenditionProgress::set(rendition, (frames, microseconds, bytes), (reused_frames, reused_microseconds));
        rendition.enter(Phase::Running);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Failure;

    #[test]
    fn a_file_is_believed_only_as_long_as_it_is_there_and_with_a_hash() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("1.flv");
        fs::write(&path, "seven b").unwrap();
        let told = |bytes, sha256: &str| File { bytes, sha256: sha256.to_owned() };
        let (good, bad) = ("0f".repeat(32), "0F".repeat(32));
        let vouched = file(&path, told(7, &good)).unwrap();
        assert!(vouched.is_proven() && vouched.bytes() == 7 && vouched.sha256() == good);
        for (path, told) in [
            (path.clone(), told(8, &good)),
            (path.clone(), told(7, &bad)),
            (path.clone(), told(7, "")),
            (path.with_extension("mp4"), told(7, &good)),
            (folder.path().to_owned(), told(fs::metadata(folder.path()).unwrap().len(), &good)),
        ] {
            assert_eq!(file(&path, told).unwrap_err().code(), "MEDIA_CRASHED", "{}", path.display());
        }
    }

    #[test]
    fn a_failure_comes_through_in_its_own_words_and_nonsense_does_not() {
        let own = Failed {
            code: "MEDIA_EMPTY",
            class: FailureClass::Source,
            message: "nothing".repeat(1000),
            cure: "fetch it",
            details: vec!["one".to_owned(); 100],
        };
        let MediaError::Told(told) = failed(own.clone().into()) else { panic!("not told") };
        assert_eq!((told.code, told.class, told.cure), (own.code, own.class, own.cure));
        assert_eq!((told.message.len(), told.details.len()), (TEXT_BYTES_MAX, NOTES_MAX));
        let said = || message::Failure::from(own.clone());
        for nonsense in [
            message::Failure { code: "media empty".to_owned(), ..said() },
            message::Failure { code: String::new(), ..said() },
            message::Failure { class: "fatal".to_owned(), ..said() },
            message::Failure { cure: "x".repeat(5000), ..said() },
        ] {
            assert_eq!(failed(nonsense).code(), "MEDIA_CRASHED");
        }
    }

    #[test]
    fn counters_and_facts_come_through() {
        let own = mirror(&Counters {
            rendition: 480,
            frames_total: 9,
            duration_seconds: 1.5,
            frames: 0,
            microseconds: 0,
            bytes: 0,
            reused_frames: 0,
            reused_microseconds: 0,
        });
        own.renditions[0].reuse(3, 120_000, 900);
        own.renditions[0].add_frame(100, 40_000);
        let told = counters(&own).unwrap();
        let there = mirror(&told);
        set(&there, &told);
        set(&there, &told);
        assert_eq!(counters(&there), Some(told));
        let facts = media::Facts { duration_seconds: 1.5, width: 7, height: 5, container: Container::Ps };
        assert_eq!(super::facts(&facts.into()).unwrap(), facts);
        for (seconds, name) in [(f64::NAN, "flv"), (-1.0, "flv"), (1.0, "exe")] {
            let told = Facts { duration_seconds: seconds, container: name.to_owned(), ..facts.into() };
            assert!(super::facts(&told).is_err(), "{told:?}");
        }
    }
}
