//! What the disk holds, against what it may hold and what the old system believed of it. Told only: nothing is done about it.

use std::collections::BTreeMap;

use super::Decision;
use crate::figure;
use crate::legacy::{FoundFile, NoteKind};

impl Decision<'_> {
    /// What the disk holds, against what it may hold and what the old system believed.
    pub(super) fn disk(&mut self) {
        let found = &self.old.found;
        for (path, better) in &found.misnamed {
            let text = format!("{} would be taken as {}", path.display(), better.display());
            self.plan.notes.add(NoteKind::Misnamed, text);
        }
        for (path, what) in &found.strangers {
            self.plan.notes.add(NoteKind::Stranger, format!("{}: {what}", path.display()));
        }
        self.compare_limits();
        self.compare_counts();
        self.compare_folders();
    }

    fn compare_limits(&mut self) {
        let (files, bytes) = total(&self.old.found.files);
        let limits = self.terms.limits;
        let mut over = Vec::new();
        if bytes > limits.bytes_max {
            over.push(format!(
                "{} of recordings, and cache.bytes_max is {}",
                figure::bytes(bytes),
                figure::bytes(limits.bytes_max)
            ));
        }
        if files > limits.count_max {
            over.push(format!("{}, and cache.count_max is {}", figure::count(files, "file"), limits.count_max));
        }
        if let Some(free) = self.old.found.free_bytes.filter(|free| *free < limits.free_bytes_min) {
            over.push(format!(
                "{} free on the disk, and cache.free_bytes_min is {}",
                figure::bytes(free),
                figure::bytes(limits.free_bytes_min)
            ));
        }
        for text in over {
            self.plan.notes.add(
                NoteKind::OverLimits,
                format!("{text}: what was used longest ago goes with the first booking that needs room"),
            );
        }
    }

    fn compare_folders(&mut self) {
        for row in &self.rows.folders {
            let name = row.folder.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
            let (files, bytes) = self
                .recordings
                .get(name)
                .map_or_else(|| total(&self.old.found.files), |files| total(files.iter().copied()));
            if files != row.files || !is_about(row.size, bytes) {
                let text = format!(
                    "dir_info has {} files and a size of {} in {}, and there are {files} of {} ({bytes} bytes)",
                    row.files,
                    figure::trimmed(row.size),
                    row.folder,
                    figure::bytes(bytes)
                );
                self.plan.notes.add(NoteKind::FolderDiffers, text);
            }
        }
    }

    /// The old count went down only when a class ended properly.
    fn compare_counts(&mut self) {
        let mut classes: BTreeMap<&str, u64> = BTreeMap::new();
        for row in &self.rows.classes {
            *classes.entry(row.key.record()).or_default() += 1;
        }
        for row in self.rows.videos.iter().filter(|_| self.rows.has_classes) {
            let number = classes.get(row.key.record()).copied().unwrap_or(0);
            if let Some(cites) = row.cites.filter(|cites| u64::try_from(*cites) != Ok(number)) {
                let text = format!("{} was counted for {cites}, and class_list has it {}", row.key, times(number));
                self.plan.notes.add(NoteKind::CountDiffers, text);
            }
        }
    }
}

fn total<'a>(files: impl IntoIterator<Item = &'a FoundFile>) -> (u64, u64) {
    files.into_iter().fold((0, 0), |(files, bytes), file| (files + 1, bytes + file.bytes))
}

/// Returns whether a size is that many bytes in any of the units that it may have been written in.
#[expect(clippy::cast_precision_loss, reason = "compared to the hundredth")]
fn is_about(size: f64, bytes: u64) -> bool {
    let units = [1.0, 1e3, 1024.0, 1e6, 1_048_576.0, 1e9, 1_073_741_824.0];
    units.iter().any(|unit| (size * unit - bytes as f64).abs() <= bytes as f64 / 100.0)
}

fn times(number: u64) -> String {
    if number == 1 { "once".to_owned() } else { format!("{number} times") }
}
