//! K4, as far as a download goes: the power goes while a recording comes or just after it came. What was told to be done is
//! there afterwards, and what was under way is resumed from what the disk really holds.
//!
//! `REELMILL_SEED` sets the seed, `REELMILL_CUTS` the number of cuts.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use super::line;
use crate::support::binary::{Running, Said, end, names, reelmill};
use crate::support::bytes::Noise;
use crate::support::invariant::{Left, holds};
use crate::support::origin::{Object, Origin};
use crate::support::power::Disk;
use crate::support::setting::setting;

/// Cuts, where nobody wants more.
const CUTS: usize = 10;
/// What had been written and may have to be fetched again.
const AGAIN_BYTES_MAX: u64 = 8 << 20;
/// A fetch that does not go on for so long is hung.
const PATIENCE: Duration = Duration::from_secs(60);

/// Returns how much is in the part; the disk's own folder is beside it.
fn part_bytes(folder: &Path) -> u64 {
    fs::metadata(folder.join("lesson.flv.part")).map_or(0, |part| part.len())
}

/// Takes away what is there, for good, for the next fetch to begin at its beginning.
fn clear(folder: &Path) {
    for name in names(folder).iter().filter(|name| name.as_str() != "lost+found") {
        fs::remove_file(folder.join(name)).unwrap();
    }
    fs::File::open(folder).and_then(|folder| folder.sync_all()).unwrap();
}

fn check(folder: &Path, object: &Object, said: &Said) -> Left {
    holds(&folder.join("lesson.flv"), &object.bytes, &["lost+found"], said)
}

/// Starts a fetch, cuts the power when `bytes` are in the part, and returns how many there were then, and what was said.
fn cut_at(disk: &Disk, url: &str, bytes: u64) -> (u64, Said) {
    let (folder, began) = (disk.path(), Instant::now());
    let mut running = Running::start(&folder, &line(url, ""));
    let mut here = 0;
    while here < bytes && running.child.try_wait().unwrap().is_none() {
        assert!(began.elapsed() < PATIENCE, "{here} bytes are here");
        here = part_bytes(&folder);
        std::thread::sleep(Duration::from_millis(1));
    }
    disk.cut();
    (here, running.end())
}

#[test]
fn k4_after_a_power_cut_the_same_command_goes_on_from_what_reached_the_disk() {
    let (seed, cuts) = (setting("REELMILL_SEED", 1), setting("REELMILL_CUTS", CUTS));
    let mut noise = Noise::new(u64::try_from(seed).unwrap());
    let (disk, object) = (Disk::new(64), Object::new(24 << 20, 1));
    let origin =
        Origin::scripted(object.clone(), |_, answer| answer.pace(128 << 10, Duration::from_millis(4)).done());
    let (folder, url) = (disk.path(), origin.url("/"));
    let mut resumed = 0;
    for cut in 0..cuts {
        // Every fourth cut comes at once after the end; the others at any moment.
        let (here, said) = match cut % 4 {
            3 => {
                let said = end(&mut reelmill(&folder, &line(&url, "")));
                disk.cut();
                assert_eq!(said.exit, 0, "cut {cut}: {said}");
                (0, said)
            }
            _ => cut_at(&disk, &url, u64::try_from(1 + noise.below(object.bytes.len())).unwrap()),
        };
        disk.restore();
        let is_known =
            matches!((said.exit, said.code_if_any()), (0, None) | (5, Some("OUTPUT_WRITE" | "DISK_SYNC")));
        assert!(is_known, "cut {cut}: {said}");
        let left = check(&folder, &object, &said);
        if left != Left::Whole {
            let (asked, found) = (origin.asked().len(), names(&folder));
            let again = end(&mut reelmill(&folder, &line(&url, "")));
            assert_eq!(again.exit, 0, "cut {cut} at {here} left {found:?}: {said}\nand then: {again}");
            let offset = u64::try_from(origin.asked()[asked].offset()).unwrap();
            assert!(here - offset.min(here) <= AGAIN_BYTES_MAX, "cut {cut}: {offset} of {here}\n{again}");
            resumed += usize::from(offset > 0);
            check(&folder, &object, &again);
        }
        clear(&folder);
    }
    assert!(resumed > 0, "no cut left anything to resume");
}
