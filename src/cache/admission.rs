//! May somebody have room, and what must go for it? Pure: the count, the disk and the need in, a verdict out.

use std::fmt;

use super::ledger::{Entry, FileId, Ledger};
use super::{EntryState, Limits};
use crate::figure;

/// Files that a job makes beside the one that stays: its folder, the part, what is noted of it, the folders above.
const FILES_OF_A_JOB: u64 = 16;

/// What somebody wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Need {
    /// Bytes more than counted so far.
    pub(super) bytes: u64,
    /// Files more.
    pub(super) files: u64,
}

/// How the disk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Disk {
    /// Free for us.
    pub(super) free_bytes: u64,
    /// Reserved, and not on the disk yet.
    pub(super) unwritten_bytes: u64,
    /// Room for files; none where there is no such limit.
    pub(super) free_files: Option<u64>,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// There is room.
    Fits,
    /// There is room when these are gone; for this limit's sake.
    Evict(Vec<Victim>, Bound),
    /// Everything that may go would not be enough; the sentence says of what there is too little.
    Full(String),
}

/// Something that goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Victim {
    /// A file.
    File(FileId),
    /// The work folder of a job that nobody works on.
    Leftover(String),
}

impl Victim {
    /// Returns the job whose leftover it is.
    pub(super) fn job(self) -> Option<String> {
        match self {
            Self::Leftover(job) => Some(job),
            Self::File(_) => None,
        }
    }
}

/// A limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bound {
    Bytes,
    Files,
    FreeBytes,
    FreeFiles,
}

impl fmt::Display for Bound {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Bytes => "cache.bytes_max",
            Self::Files => "cache.count_max",
            Self::FreeBytes => "cache.free_bytes_min",
            Self::FreeFiles => "the disk's number of files",
        })
    }
}

/// How far above its limits the cache would be.
#[derive(Clone, Copy, Debug)]
struct Excess {
    bytes: u64,
    files: u64,
    free_bytes: u64,
    free_files: u64,
}

impl Excess {
    fn of(ledger: &Ledger, need: &Need, disk: &Disk) -> Self {
        let Limits { bytes_max, count_max, free_bytes_min } = ledger.limits;
        let jobs = ledger.reservations().count() as u64;
        let wanted_files = (jobs + 1) * FILES_OF_A_JOB;
        let wanted_free = free_bytes_min.saturating_add(need.bytes).saturating_add(disk.unwritten_bytes);
        Self {
            bytes: ledger.bytes().saturating_add(need.bytes).saturating_sub(bytes_max),
            files: ledger.files().saturating_add(need.files).saturating_sub(count_max),
            free_bytes: wanted_free.saturating_sub(disk.free_bytes),
            free_files: disk.free_files.map_or(0, |free| wanted_files.saturating_sub(free)),
        }
    }

    /// Returns the first limit that is passed.
    fn bound(&self) -> Option<Bound> {
        [
            (self.bytes, Bound::Bytes),
            (self.files, Bound::Files),
            (self.free_bytes, Bound::FreeBytes),
            (self.free_files, Bound::FreeFiles),
        ]
        .into_iter()
        .find_map(|(excess, bound)| (excess > 0).then_some(bound))
    }

    /// Takes off what goes with so many files and bytes.
    fn lessen(&mut self, files: u64, bytes: u64) {
        self.bytes = self.bytes.saturating_sub(bytes);
        self.free_bytes = self.free_bytes.saturating_sub(bytes);
        self.files = self.files.saturating_sub(files);
        // A work folder is at least one file for the disk.
        self.free_files = self.free_files.saturating_sub(files.max(1));
    }
}

impl Ledger {
    /// Decides whether there is room: first what was moved aside goes, then work that nobody goes on with, then the files
    /// that nobody holds, the one that was not used for longest first. Nothing goes where all of it would not do.
    pub(super) fn admit(&self, need: &Need, disk: &Disk) -> Verdict {
        let mut excess = Excess::of(self, need, disk);
        let Some(bound) = excess.bound() else { return Verdict::Fits };
        if need.bytes > self.limits.bytes_max {
            return Verdict::Full(self.complaint(need, disk, Bound::Bytes));
        }
        let mut victims = Vec::new();
        for (victim, files, bytes) in self.candidates() {
            victims.push(victim);
            excess.lessen(files, bytes);
            if excess.bound().is_none() {
                return Verdict::Evict(victims, bound);
            }
        }
        Verdict::Full(self.complaint(need, disk, excess.bound().unwrap_or(bound)))
    }

    /// Returns what may go, in this order, with its files and bytes.
    fn candidates(&self) -> impl Iterator<Item = (Victim, u64, u64)> {
        let file = |id: &FileId| (Victim::File(*id), 1, self.entry(*id).map_or(0, |entry| entry.content.bytes));
        let leftovers = self.leftovers.values().filter(|leftover| !leftover.is_stuck);
        let leftovers = leftovers.map(|leftover| (Victim::Leftover(leftover.job.clone()), 0, leftover.bytes));
        self.aside.values().map(file).chain(leftovers).chain(self.order.values().map(file))
    }

    /// Marks victims as going, so that nobody else gets them; returns the files among them as they were. Those that were
    /// moved aside nobody else can get, and stay what they are: their name may be another file's by now.
    pub(super) fn doom(&mut self, victims: &[Victim]) -> Vec<Entry> {
        let mut doomed = Vec::new();
        for victim in victims {
            let Victim::File(id) = victim else { continue };
            let Some(entry) = self.entry(*id).cloned() else { continue };
            if entry.state != EntryState::Quarantined {
                self.set_state(*id, EntryState::Evicting, "");
            }
            doomed.push(entry);
        }
        doomed
    }

    fn complaint(&self, need: &Need, disk: &Disk, bound: Bound) -> String {
        let Limits { bytes_max, count_max, free_bytes_min } = self.limits;
        let wanted = figure::bytes(need.bytes);
        match bound {
            Bound::Bytes => format!(
                "{wanted} more are wanted, and of {bound} ({}) {} are held by classes, pins and work",
                figure::bytes(bytes_max),
                figure::bytes(self.fixed().1)
            ),
            Bound::Files => {
                format!("of the {count_max} files of {bound} {} are held by classes, pins and work", self.fixed().0)
            }
            Bound::FreeBytes => format!(
                "{wanted} more are wanted, {} are free on the disk, {} of them are to stay free ({bound}), and the \
                 files that nobody holds would not make up for it",
                figure::bytes(disk.free_bytes),
                figure::bytes(free_bytes_min)
            ),
            Bound::FreeFiles => {
                format!("the disk has room for {} more files only", disk.free_files.unwrap_or(0))
            }
        }
    }

    /// Returns files and bytes that stay.
    fn fixed(&self) -> (u64, u64) {
        let (files, bytes) = self
            .candidates()
            .fold((0, 0), |(files, bytes), (_, more_files, more_bytes)| (files + more_files, bytes + more_bytes));
        (self.files() - files, self.bytes() - bytes)
    }
}
