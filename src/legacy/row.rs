//! What the rows of old tables mean. Lenient in how a value is written, strict in what it may be; every row that means
//! nothing is told.

use std::path::Path;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::{NoteKind, Notes};
use crate::cache::Key;
use crate::media::RenditionName;
use crate::store::{OldDatabase, OldRow, RenditionState, Shape};

/// Numbers above this are milliseconds: as seconds they would be after the year 5000.
const SECONDS_MAX: f64 = 1.0e11;
/// A class's name is no longer than any other part of a key.
const CLASS_BYTES_MAX: usize = 200;

/// What the orchestrator knew of a rendition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RenditionRow {
    pub(super) record: String,
    pub(super) resolution: RenditionName,
    pub(super) state: RenditionState,
    /// The status as it was written.
    pub(super) status: &'static str,
}

/// A recording on the pushing end's disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct VideoRow {
    /// The recording; with a rendition where the old system had one in its name.
    pub(super) key: Key,
    /// When it was used last, in Unix milliseconds.
    pub(super) used_milliseconds: Option<i64>,
    /// How many classes it was counted for.
    pub(super) cites: Option<i64>,
}

/// A class and the recording that it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ClassRow {
    pub(super) class: String,
    pub(super) key: Key,
    pub(super) site: Option<String>,
}

/// A folder as it was counted.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct FolderRow {
    pub(super) folder: String,
    /// In a unit that nobody wrote down.
    pub(super) size: f64,
    pub(super) files: u64,
}

/// Whose class it is; empty for nobody's in particular.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TaskRow {
    pub(super) class: String,
    pub(super) institution: String,
}

/// The rows of all databases, by what they mean.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) renditions: Vec<RenditionRow>,
    pub(super) videos: Vec<VideoRow>,
    pub(super) classes: Vec<ClassRow>,
    pub(super) folders: Vec<FolderRow>,
    pub(super) tasks: Vec<TaskRow>,
    /// Whether there was a table of recordings at all, perhaps empty.
    pub(super) has_videos: bool,
    /// Whether there was a table of classes at all.
    pub(super) has_classes: bool,
}

impl Rows {
    /// Understands all tables; what cannot be understood is told.
    pub(super) fn of(databases: &[OldDatabase], notes: &mut Notes) -> Self {
        let mut rows = Self::default();
        for database in databases {
            let name = file_name(&database.path);
            for table in &database.other_tables {
                notes.add(NoteKind::TableLeft, format!("{name}: {table}"));
            }
            for table in &database.misshapen_tables {
                notes.add(NoteKind::TableMisshapen, format!("{name}: {table}"));
            }
            for table in &database.tables {
                rows.has_videos |= table.shape == Shape::Videos;
                rows.has_classes |= table.shape == Shape::Classes;
                for row in &table.rows {
                    if let Err((kind, why)) = rows.take(table.shape, row) {
                        let place = format!("{name}: {}: {}", table.shape.table(), shown(row));
                        notes.add(kind, format!("{place}: {why}"));
                    }
                }
            }
        }
        rows
    }

    fn take(&mut self, shape: Shape, row: &OldRow) -> Result<(), (NoteKind, String)> {
        let unusable = |why: String| (NoteKind::RowUnusable, why);
        match shape {
            Shape::Renditions => self.renditions.push(rendition(row)?),
            Shape::Videos => self.videos.push(video(row).map_err(unusable)?),
            Shape::Classes => self.classes.push(class(row).map_err(unusable)?),
            Shape::Folders => self.folders.push(folder(row).map_err(unusable)?),
            Shape::Tasks => self.tasks.push(task(row).map_err(unusable)?),
        }
        Ok(())
    }
}

fn rendition(row: &OldRow) -> Result<RenditionRow, (NoteKind, String)> {
    let unusable = |why: String| (NoteKind::RowUnusable, why);
    let record = record(value(row, 0).unwrap_or_default()).map_err(unusable)?;
    let resolution = value(row, 1).unwrap_or_default();
    let resolution = RenditionName::parse(resolution).map_err(|error| unusable(error.to_string()))?;
    let status = value(row, 2).unwrap_or_default();
    let known = state(status).ok_or_else(|| (NoteKind::StatusUnknown, format!("the status is {status:?}")))?;
    Ok(RenditionRow { record, resolution, state: known.0, status: known.1 })
}

/// The words of the old orchestrator.
fn state(status: &str) -> Option<(RenditionState, &'static str)> {
    const WORDS: [(RenditionState, &str); 4] = [
        (RenditionState::Transcoding, "转码中"),
        (RenditionState::Succeeded, "转码成功"),
        (RenditionState::Failed, "转码失败"),
        (RenditionState::TimedOut, "转码超时"),
    ];
    WORDS.into_iter().find(|(_, word)| *word == status)
}

fn video(row: &OldRow) -> Result<VideoRow, String> {
    let key = key(value(row, 0).unwrap_or_default())?;
    Ok(VideoRow {
        key,
        used_milliseconds: value(row, 1).and_then(time),
        cites: value(row, 2).and_then(|text| text.parse().ok()),
    })
}

fn class(row: &OldRow) -> Result<ClassRow, String> {
    let class = class_name(value(row, 0).unwrap_or_default())?;
    let key = key(value(row, 1).unwrap_or_default())?;
    Ok(ClassRow { class, key, site: value(row, 2).map(str::to_owned) })
}

fn folder(row: &OldRow) -> Result<FolderRow, String> {
    let folder = value(row, 0).ok_or("it names no folder")?.to_owned();
    let size = value(row, 1).and_then(|text| text.parse().ok()).ok_or("its size is no number")?;
    let files = value(row, 2).and_then(|text| text.parse().ok()).ok_or("its count is no number")?;
    Ok(FolderRow { folder, size, files })
}

fn task(row: &OldRow) -> Result<TaskRow, String> {
    let class = class_name(value(row, 0).unwrap_or_default())?;
    let institution = value(row, 1).unwrap_or_default();
    Key::new(institution, "any", None).map_err(|error| error.to_string())?;
    Ok(TaskRow { class, institution: institution.to_owned() })
}

/// Returns a value; what is empty is none.
fn value(row: &OldRow, index: usize) -> Option<&str> {
    row.get(index)?.as_deref().filter(|text| !text.is_empty())
}

fn record(text: &str) -> Result<String, String> {
    Key::new("", text, None).map(|key| key.record().to_owned()).map_err(|error| error.to_string())
}

fn key(text: &str) -> Result<Key, String> {
    Key::parse(text).map_err(|error| error.to_string())
}

/// Returns the name of a class, if it can be one: it stands beside its institution behind a slash.
pub(super) fn class_name(text: &str) -> Result<String, String> {
    let text = text.trim();
    let is_strange = |letter: char| letter.is_control() || letter == '/' || letter == '\u{fffd}';
    if text.is_empty() || text.len() > CLASS_BYTES_MAX || text.chars().any(is_strange) {
        return Err(format!("{:?} is no name of a class", text.chars().take(40).collect::<String>()));
    }
    Ok(text.to_owned())
}

/// Returns a time in Unix milliseconds, written as seconds, as milliseconds, or as a date without a zone.
#[expect(clippy::cast_possible_truncation, reason = "`as` saturates, and what is out of range was put out before")]
fn time(text: &str) -> Option<i64> {
    if let Ok(number) = text.parse::<f64>() {
        let milliseconds = if number > SECONDS_MAX { number } else { number * 1000.0 };
        return (1.0..=SECONDS_MAX * 1000.0).contains(&milliseconds).then_some(milliseconds as i64);
    }
    let date: DateTime = text.parse().ok()?;
    Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp().as_millisecond())
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// Returns a row as somebody would find it again.
fn shown(row: &OldRow) -> String {
    const LETTERS: usize = 40;
    let value = |value: &Option<String>| {
        value.as_ref().map_or("NULL".to_owned(), |text| text.chars().take(LETTERS).collect::<String>())
    };
    format!("({})", row.iter().map(value).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(values: &[&str]) -> OldRow {
        values.iter().map(|value| Some((*value).to_owned()).filter(|value| value != "-")).collect()
    }

    #[test]
    fn times_are_understood_as_the_old_systems_wrote_them() {
        for (text, milliseconds) in [
            ("1690000000.25", Some(1_690_000_000_250)),
            ("1690000000", Some(1_690_000_000_000)),
            ("1690000000250", Some(1_690_000_000_250)),
            ("2023-07-22 04:26:40", Some(1_690_000_000_000)),
            ("2023-07-22T04:26:40.250", Some(1_690_000_000_250)),
            ("0", None),
            ("-5", None),
            ("nan", None),
            ("inf", None),
            ("1e300", None),
            ("yesterday", None),
        ] {
            assert_eq!(time(text), milliseconds, "{text}");
        }
    }

    #[test]
    fn renditions_are_understood_in_every_spelling_and_refused_with_the_reason() {
        for (resolution, short_side) in [("720P", 720), ("720p", 720), ("720", 720), ("240", 240)] {
            let found = rendition(&row(&["6666", resolution, "转码失败"])).unwrap();
            assert_eq!((found.resolution.short_side(), found.state), (short_side, RenditionState::Failed));
        }
        for (values, kind) in [
            (["6666", "721", "转码中"], NoteKind::RowUnusable),
            (["-", "720P", "转码中"], NoteKind::RowUnusable),
            (["../etc", "720P", "转码中"], NoteKind::RowUnusable),
            (["6666", "-", "转码中"], NoteKind::RowUnusable),
            (["6666", "720P", "done"], NoteKind::StatusUnknown),
            (["6666", "720P", "-"], NoteKind::StatusUnknown),
        ] {
            assert_eq!(rendition(&row(&values)).unwrap_err().0, kind, "{values:?}");
        }
    }

    #[test]
    fn rows_that_mean_nothing_are_refused() {
        assert!(video(&row(&["", "5", "1", "-"])).is_err());
        assert_eq!(
            video(&row(&["6666_720P", "x", "y", "-"])).unwrap(),
            VideoRow { key: Key::parse("6666_720P").unwrap(), used_milliseconds: None, cites: None }
        );
        for values in [["", "6666", "-"], ["a/b", "6666", "-"], ["c-1", "-", "-"], ["c\u{7}", "6666", "-"]] {
            assert!(class(&row(&values)).is_err(), "{values:?}");
        }
        assert!(folder(&row(&["-", "1", "1"])).is_err() && folder(&row(&["/v", "x", "1"])).is_err());
        assert_eq!(task(&row(&["1029", "-"])).unwrap().institution, "");
        assert!(task(&row(&["1029", "a/b"])).is_err());
    }
}
