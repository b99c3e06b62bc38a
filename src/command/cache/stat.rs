//! How full the cache is, as a sheet.

use crate::cache::{DiskFigures, Stat, Tally};
use crate::command::console::Paint;
use crate::command::sheet::{sheet, shown};
use crate::figure;

/// A bar has so many cells.
const CELLS: u8 = 20;

/// Returns the sheet.
pub(super) fn text(stat: &Stat, paint: Paint) -> String {
    let user = stat.owner.map_or_else(|| "nobody has it open".to_owned(), |pid| format!("in use by process {pid}"));
    sheet(&format!("{}: {user}", shown(&stat.root)), &facts(stat), paint)
}

fn facts(stat: &Stat) -> Vec<(&'static str, String)> {
    let Stat { limits, all, .. } = stat;
    let bytes = format!("{} of {}", figure::bytes(all.bytes), figure::bytes(limits.bytes_max));
    let mut facts = vec![
        ("bytes", gauge(all.bytes, limits.bytes_max, &bytes)),
        ("files", gauge(all.files, limits.count_max, &format!("{} of {}", all.files, limits.count_max))),
        ("disk", stat.disk.as_ref().map_or_else(|| "cannot be looked at".to_owned(), |disk| of_disk(disk, stat))),
        ("held", tally(&stat.held)),
        ("may go", tally(&stat.evictable)),
    ];
    let rare = [
        ("work", &stat.work, "under way"),
        ("unproven", &stat.unproven, "not looked into since they came here"),
        ("stuck", &stat.evict_failed, "should have gone, and the disk would not let them"),
        ("aside", &stat.quarantined, "found damaged and moved to .quarantine"),
    ];
    let rare = rare.into_iter().filter(|(_, files, _)| files.files > 0);
    facts.extend(rare.map(|(label, files, what)| (label, format!("{}: {what}", tally(files)))));
    facts
}

fn of_disk(disk: &DiskFigures, stat: &Stat) -> String {
    let (used, reserve) = (disk.total_bytes.saturating_sub(disk.free_bytes), stat.limits.free_bytes_min);
    let mut text = format!("{} free of {}", figure::bytes(disk.free_bytes), figure::bytes(disk.total_bytes));
    if reserve > 0 {
        text.push_str(&format!(", {} stay free", figure::bytes(reserve)));
    }
    if let Some(0) = disk.free_files {
        text.push_str(", and no room for one more name");
    }
    gauge(used, disk.total_bytes, &text)
}

fn tally(files: &Tally) -> String {
    format!("{}, {}", figure::count(files.files, "file"), figure::bytes(files.bytes))
}

/// Returns a bar, its percentage and the figures behind it. What passes its limit fills the bar and no more.
fn gauge(part: u64, whole: u64, figures: &str) -> String {
    let of = |steps: u8| u128::from(part) * u128::from(steps) / u128::from(whole.max(1));
    let cells = usize::from(CELLS);
    let filled = usize::try_from(of(CELLS)).map_or(cells, |filled| filled.min(cells));
    let empty = cells - filled;
    format!("{}{}  {:>3} %  {figures}", "━".repeat(filled), "─".repeat(empty), of(100))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::Limits;

    const GIB: u64 = 1 << 30;

    fn full() -> Stat {
        Stat {
            root: "/var/cache/reel\u{7}mill".into(),
            limits: Limits { bytes_max: 100 * GIB, count_max: 1000, free_bytes_min: 2 * GIB },
            all: Tally { files: 350, bytes: 70 * GIB },
            held: Tally { files: 1, bytes: GIB },
            evictable: Tally { files: 347, bytes: 68 * GIB },
            evict_failed: Tally { files: 1, bytes: GIB / 2 },
            quarantined: Tally { files: 1, bytes: GIB / 2 },
            unproven: Tally { files: 2, bytes: GIB },
            work: Tally { files: 3, bytes: 0 },
            disk: Some(DiskFigures { total_bytes: 200 * GIB, free_bytes: 50 * GIB, free_files: Some(0) }),
            owner: Some(4711),
        }
    }

    #[test]
    fn a_sheet_tells_how_full_it_is_and_what_is_unusual() {
        assert_eq!(
            text(&full(), Paint(false)),
            "/var/cache/reel\\u{7}mill: in use by process 4711\n  \
             bytes     ━━━━━━━━━━━━━━──────   70 %  70.0 GiB of 100.0 GiB\n  \
             files     ━━━━━━━─────────────   35 %  350 of 1000\n  \
             disk      ━━━━━━━━━━━━━━━─────   75 %  50.0 GiB free of 200.0 GiB, 2.0 GiB stay free, \
             and no room for one more name\n  \
             held      1 file, 1.0 GiB\n  \
             may go    347 files, 68.0 GiB\n  \
             work      3 files, 0 B: under way\n  \
             unproven  2 files, 1.0 GiB: not looked into since they came here\n  \
             stuck     1 file, 512.0 MiB: should have gone, and the disk would not let them\n  \
             aside     1 file, 512.0 MiB: found damaged and moved to .quarantine"
        );
    }

    #[test]
    fn an_empty_cache_and_one_over_its_limits_are_told_too() {
        let none = Tally::default();
        let empty = Stat {
            all: none,
            held: none,
            evictable: none,
            evict_failed: none,
            quarantined: none,
            unproven: none,
            work: none,
            disk: None,
            owner: None,
            ..full()
        };
        let lines = text(&empty, Paint(false));
        assert!(
            lines.contains("mill: nobody has it open\n") && lines.contains("disk      cannot be looked at"),
            "{lines}"
        );
        assert!(lines.ends_with("may go    0 files, 0 B"), "{lines}");
        assert_eq!(gauge(30, 10, "x"), "━━━━━━━━━━━━━━━━━━━━  300 %  x");
        assert_eq!(gauge(0, 0, "x"), "────────────────────    0 %  x");
    }
}
