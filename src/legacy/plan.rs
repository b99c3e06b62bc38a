//! What is to be taken over, each thing with its reason. Values only.

use super::Notes;
use crate::cache::{Held, Key};
use crate::store::{LegacyRow, Rendition, Waiter};

/// A file to be taken into the cache, where it lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilePlan {
    /// Which.
    pub key: Key,
    /// Its length.
    pub bytes: u64,
    /// When it was last written, in Unix nanoseconds.
    pub modified_nanoseconds: i64,
    /// When it was last used, in Unix milliseconds.
    pub used_milliseconds: i64,
    /// The classes that hold it.
    pub leases: Vec<Held>,
    /// How its place in the order is known.
    pub reason: &'static str,
}

/// A rendition to be known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenditionPlan {
    /// What is to be known of it.
    pub rendition: Rendition,
    /// The old status.
    pub reason: &'static str,
}

/// A class that goes on waiting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaiterPlan {
    /// Who for what.
    pub waiter: Waiter,
    /// The old list.
    pub reason: String,
}

/// How much was taken over earlier, or is known here by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Already {
    /// Files.
    pub files: u64,
    /// Holds of classes.
    pub leases: u64,
    /// Renditions.
    pub renditions: u64,
    /// Waiting classes.
    pub waiters: u64,
}

/// All that is to be done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Files, the one that goes first being first.
    pub files: Vec<FilePlan>,
    /// Renditions.
    pub renditions: Vec<RenditionPlan>,
    /// Waiting classes, in the order in which they came.
    pub waiters: Vec<WaiterPlan>,
    /// What is here already.
    pub already: Already,
    /// What a person should know.
    pub notes: Notes,
}

impl Plan {
    /// Returns whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty() && self.renditions.is_empty() && self.waiters.is_empty()
    }

    /// Returns how many holds of classes there will be.
    pub fn leases(&self) -> u64 {
        self.files.iter().map(|file| file.leases.len() as u64).sum()
    }

    /// Returns how many bytes the files have.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

impl FilePlan {
    /// Returns what to note once it is taken over: the file and each hold.
    pub fn legacy_rows(&self) -> impl Iterator<Item = LegacyRow> {
        let leases = self.leases.iter().map(|lease| lease_row(&self.key, &lease.holder.name));
        std::iter::once(file_row(&self.key)).chain(leases)
    }
}

impl RenditionPlan {
    /// Returns what to note once it is taken over.
    pub fn legacy_row(&self) -> LegacyRow {
        let Rendition { institution, record, resolution, .. } = &self.rendition;
        rendition_row(institution, record, *resolution)
    }
}

impl WaiterPlan {
    /// Returns what to note once it is taken over.
    pub fn legacy_row(&self) -> LegacyRow {
        let Waiter { institution, record, resolution, class_id, .. } = &self.waiter;
        waiter_row(institution, record, *resolution, class_id)
    }
}

pub(super) fn file_row(key: &Key) -> LegacyRow {
    row("file", key.to_string())
}

pub(super) fn lease_row(key: &Key, holder: &str) -> LegacyRow {
    row("lease", format!("{key} {holder}"))
}

pub(super) fn rendition_row(institution: &str, record: &str, resolution: u32) -> LegacyRow {
    row("rendition", format!("{institution}/{record}_{resolution}P"))
}

pub(super) fn waiter_row(institution: &str, record: &str, resolution: u32, class: &str) -> LegacyRow {
    row("waiter", format!("{institution}/{record}_{resolution}P {class}"))
}

fn row(kind: &str, key: String) -> LegacyRow {
    LegacyRow { kind: kind.to_owned(), key }
}
