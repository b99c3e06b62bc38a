//! What a person should know of an import: every finding counted, of each kind as many told as somebody would read.

use std::collections::BTreeMap;

/// Findings of one kind that are told; the rest is counted.
const TOLD_MAX: usize = 100;

/// Kinds of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoteKind {
    /// The recordings do not fit the limits.
    OverLimits,
    /// A class needs a recording that is not on the disk.
    ClassWithoutFile,
    /// A recording lies where a new booking does not look for it.
    OtherInstitution,
    /// A file that would be a recording under a better name.
    Misnamed,
    /// A waiting class is not taken over.
    WaiterLeft,
    /// A row that nobody can make sense of.
    RowUnusable,
    /// A status that no version of the old system wrote.
    StatusUnknown,
    /// A row that says again, or otherwise, what another said before.
    RowDuplicate,
    /// A table with a known name and unknown columns.
    TableMisshapen,
    /// The cache refused a file.
    Refused,
    /// An old database is damaged, though it could be read.
    Damaged,
    /// It is in this node already, and what the old one says of it was not heeded.
    HereAlready,
    /// What the old system counted is not what is there.
    FolderDiffers,
    /// The old count of classes is not the number of classes.
    CountDiffers,
    /// A row whose file is gone.
    RowWithoutFile,
    /// A file of which no row tells.
    FileWithoutRow,
    /// Something that is no recording.
    Stranger,
    /// A table that is none of the old system's.
    TableLeft,
    /// What to know of an old setting.
    Setting,
}

impl NoteKind {
    /// Returns the name in documents.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OverLimits => "over_limits",
            Self::ClassWithoutFile => "class_without_file",
            Self::OtherInstitution => "other_institution",
            Self::Misnamed => "misnamed",
            Self::WaiterLeft => "waiter_left",
            Self::RowUnusable => "row_unusable",
            Self::StatusUnknown => "status_unknown",
            Self::RowDuplicate => "row_duplicate",
            Self::TableMisshapen => "table_misshapen",
            Self::Refused => "refused",
            Self::Damaged => "damaged",
            Self::HereAlready => "here_already",
            Self::FolderDiffers => "folder_differs",
            Self::CountDiffers => "count_differs",
            Self::RowWithoutFile => "row_without_file",
            Self::FileWithoutRow => "file_without_row",
            Self::Stranger => "stranger",
            Self::TableLeft => "table_left",
            Self::Setting => "setting",
        }
    }

    /// Returns whether somebody must look at it; what is not is merely told.
    pub fn needs_a_look(self) -> bool {
        self < Self::FolderDiffers
    }
}

/// A finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Of what kind.
    pub kind: NoteKind,
    /// A sentence with the facts.
    pub text: String,
}

/// The findings of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// How many there are.
    pub count: u64,
    /// The first of them.
    pub texts: Vec<String>,
}

/// All findings, those that need a look first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes(BTreeMap<NoteKind, Told>);

impl Notes {
    /// Adds a finding.
    pub fn add(&mut self, kind: NoteKind, text: impl Into<String>) {
        let told = self.0.entry(kind).or_default();
        told.count += 1;
        if told.texts.len() < TOLD_MAX {
            told.texts.push(text.into());
        }
    }

    /// Returns the findings by kind.
    pub fn by_kind(&self) -> impl Iterator<Item = (NoteKind, &Told)> {
        self.0.iter().map(|(kind, told)| (*kind, told))
    }

    /// Returns how many findings of a kind there are.
    pub fn count(&self, kind: NoteKind) -> u64 {
        self.0.get(&kind).map_or(0, |told| told.count)
    }
}

impl Extend<Note> for Notes {
    fn extend<T: IntoIterator<Item = Note>>(&mut self, notes: T) {
        notes.into_iter().for_each(|note| self.add(note.kind, note.text));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_counted_to_the_last_and_told_as_far_as_somebody_reads() {
        let mut notes = Notes::default();
        notes.add(NoteKind::Stranger, "first");
        notes.extend((0..500).map(|number| Note { kind: NoteKind::RowUnusable, text: number.to_string() }));
        let kinds: Vec<_> =
            notes.by_kind().map(|(kind, told)| (kind.name(), told.count, told.texts.len())).collect();
        assert_eq!(kinds, [("row_unusable", 500, TOLD_MAX), ("stranger", 1, 1)]);
        assert_eq!((notes.count(NoteKind::Stranger), notes.count(NoteKind::Refused)), (1, 0));
        assert!(NoteKind::Damaged.needs_a_look() && NoteKind::HereAlready.needs_a_look());
        assert!(!NoteKind::FolderDiffers.needs_a_look() && !NoteKind::Setting.needs_a_look());
    }
}
