//! What a file of the cache is called: by people, in the database, and on the disk; one name for one file.
//!
//! Names come from bookings, so a part of a key is checked before anything else is done with it: no way out of the root,
//! no hidden files, nothing that two different keys would share.

use std::fmt;
use std::path::{Path, PathBuf};

use super::CacheError;
use crate::media::RenditionName;

/// Longer names than this would not fit a file name together with their rendition.
const PART_BYTES_MAX: usize = 200;
/// Digits of a rendition's name.
const DIGITS_MAX: usize = 4;
/// The container of every cached file.
const EXTENSION: &str = "flv";

/// A file of the cache: whose, of which recording, in which size.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    institution: String,
    record: String,
    resolution: Option<RenditionName>,
}

impl Key {
    /// Returns the key of these parts; an empty institution is the single default one.
    ///
    /// # Errors
    /// [`CacheError::Key`]: a part that cannot be a name.
    pub fn new(institution: &str, record: &str, resolution: Option<RenditionName>) -> Result<Self, CacheError> {
        if !institution.is_empty() {
            check(institution)?;
        }
        check(record)?;
        if rendition(record).is_some() {
            return Err(refuse(record, "it ends like the name of a rendition"));
        }
        Ok(Self { institution: institution.to_owned(), record: record.to_owned(), resolution })
    }

    /// Reads a key as people write it: `6666`, `6666_720P`, `22/6666_720P`; or as the path below the root,
    /// `22/6666/6666_720P.flv`.
    ///
    /// # Errors
    /// [`CacheError::Key`].
    pub fn parse(text: &str) -> Result<Self, CacheError> {
        if let Some(key) = Self::of_path(Path::new(text)) {
            return Ok(key);
        }
        let (institution, name) = text.split_once('/').unwrap_or(("", text));
        if text.starts_with('/') {
            return Err(refuse(text, "a key is no path from the root folder"));
        }
        let (record, resolution) = split(name);
        Self::new(institution, record, resolution)
    }

    /// Returns the key of a file at this path below the root; nothing where no file of ours can be.
    pub fn of_path(path: &Path) -> Option<Self> {
        let parts: Vec<&str> = path.iter().map(|part| part.to_str()).collect::<Option<_>>()?;
        let (institution, folder, file) = match parts.as_slice() {
            [folder, file] => ("", *folder, *file),
            [institution, folder, file] => (*institution, *folder, *file),
            _ => return None,
        };
        let (record, resolution) = split(file.strip_suffix(EXTENSION)?.strip_suffix('.')?);
        let key = Self::new(institution, record, resolution).ok()?;
        // Not every spelling of a rendition is the one that we write.
        (record == folder && key.path() == path).then_some(key)
    }

    /// Returns whose it is; empty for the single default institution.
    pub fn institution(&self) -> &str {
        &self.institution
    }

    /// Returns the recording.
    pub fn record(&self) -> &str {
        &self.record
    }

    /// Returns the rendition; none for the recording as it was booked without any.
    pub fn resolution(&self) -> Option<RenditionName> {
        self.resolution
    }

    /// Returns the folder below the root, its parts one after the other.
    pub fn folders(&self) -> impl Iterator<Item = &str> {
        [self.institution.as_str(), &self.record].into_iter().filter(|part| !part.is_empty())
    }

    /// Returns the file's name in its folder.
    pub fn file_name(&self) -> String {
        format!("{}.{EXTENSION}", self.stem())
    }

    /// Returns where the file is, below the root.
    pub fn path(&self) -> PathBuf {
        self.folders().map(ToOwned::to_owned).chain([self.file_name()]).collect()
    }

    fn stem(&self) -> String {
        self.resolution.map_or_else(|| self.record.clone(), |resolution| format!("{}_{resolution}", self.record))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.institution.is_empty() {
            write!(formatter, "{}/", self.institution)?;
        }
        formatter.write_str(&self.stem())
    }
}

/// Returns the recording and the rendition that a name is made of.
fn split(name: &str) -> (&str, Option<RenditionName>) {
    rendition(name).map_or((name, None), |(record, resolution)| (record, Some(resolution)))
}

fn rendition(name: &str) -> Option<(&str, RenditionName)> {
    let (record, label) = name.rsplit_once('_')?;
    let digits = label.strip_suffix(['P', 'p'])?;
    let is_number = (1..=DIGITS_MAX).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    let short_side: u32 = digits.parse().ok().filter(|_| is_number)?;
    (short_side > 0).then_some((record, RenditionName::of_source(short_side)))
}

/// Checks a part of a key, a name of one folder.
fn check(part: &str) -> Result<(), CacheError> {
    let is_strange = |letter: char| !(letter.is_alphanumeric() || matches!(letter, '-' | '_' | '.'));
    if part.is_empty() {
        return Err(refuse(part, "it is empty"));
    }
    if part.len() > PART_BYTES_MAX {
        return Err(refuse(&part.chars().take(40).collect::<String>(), "it is longer than 200 bytes"));
    }
    if part.starts_with(['.', '-']) {
        return Err(refuse(part, "it begins with a dot or a dash"));
    }
    // Its folder would be where another key's file is.
    if part.to_ascii_lowercase().ends_with(".flv") {
        return Err(refuse(part, "it ends like the name of a file"));
    }
    match part.chars().find(|letter| is_strange(*letter)) {
        Some(letter) => Err(refuse(part, &format!("{letter:?} cannot stand in it"))),
        None => Ok(()),
    }
}

fn refuse(part: &str, why: &str) -> CacheError {
    CacheError::Key { text: part.to_owned(), why: why.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_one_name_for_people_and_one_path() {
        for (text, path) in [
            ("6666", "6666/6666.flv"),
            ("6666_720P", "6666/6666_720P.flv"),
            ("22/6666", "22/6666/6666.flv"),
            ("22/6666_240P", "22/6666/6666_240P.flv"),
            ("第1课_480P", "第1课/第1课_480P.flv"),
            ("a.b_c", "a.b_c/a.b_c.flv"),
        ] {
            let key = Key::parse(text).unwrap();
            assert_eq!((key.to_string().as_str(), key.path().to_str().unwrap()), (text, path));
            assert_eq!(Key::of_path(Path::new(path)), Some(key.clone()), "{path}");
            assert_eq!(Key::parse(path).unwrap(), key, "{path}");
        }
        assert_eq!(Key::parse("6666_720p").unwrap().to_string(), "6666_720P");
    }

    #[test]
    fn x18_no_name_leads_out_of_the_root_or_to_another_key_s_file() {
        for text in [
            "",
            "/",
            "..",
            ".",
            "../6666",
            "22/..",
            "../../etc/passwd",
            "/etc/passwd",
            "a/b/c",
            ".work",
            "22/.work",
            "a b",
            "a\0",
            "a\nb",
            "a\\b",
            "-rf",
            "6666.flv",
            "22/22.FLV",
            "a:b",
            "a*",
            "~",
            "_720P",
            "22/",
            "/6666",
        ] {
            assert!(Key::parse(text).is_err(), "{text:?}");
        }
        assert!(Key::parse(&"x".repeat(201)).is_err());
        for record in ["6666_720P", "a/b", "..", ""] {
            assert!(Key::new("", record, None).is_err(), "{record:?}");
        }
        for path in
            ["6666.flv", "6666/7777.flv", "6666/6666_720p.flv", "6666/6666.mp4", "a/b/c/d.flv", "../6666/6666.flv"]
        {
            assert_eq!(Key::of_path(Path::new(path)), None, "{path}");
        }
    }
}
