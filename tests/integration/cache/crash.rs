//! Processes that die and machines that lose their power while recordings come, are held and go.
//!
//! `REELMILL_SEED` sets the seed, `REELMILL_KILLS` and `REELMILL_CUTS` the numbers.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use reelmill::cache::{EntryState, Limits};
use reelmill::content_hash;
use reelmill::store::{Depth, FILE_NAME, StoreError, check};

use super::child::{AtWork, Bidding, Heard, PHASES, Place};
use super::{Clip, bytes_below, clips, files_below, open};
use crate::support::bytes::Noise;
use crate::support::clip::scratch;
use crate::support::origin::{Answer, Asked, Object, Origin};
use crate::support::power::Disk;
use crate::support::setting::setting;

/// Kills and cuts, where nobody wants more.
const KILLS: usize = 30;
const CUTS: usize = 20;

/// Recordings and who serves them, each under its own hash.
struct World {
    _folder: tempfile::TempDir,
    clips: Vec<Clip>,
    origins: Vec<Origin>,
}

impl World {
    fn new() -> Self {
        let folder = scratch();
        let clips = clips(&folder);
        // Slow enough for an end in the middle.
        let paced = |_: &Asked, answer: &mut Answer| answer.pace(8 << 10, Duration::from_millis(1)).done();
        let serve = |clip: &Clip| {
            Origin::scripted(Object::of(fs::read(&clip.path).unwrap(), &format!("\"{}\"", clip.sha256)), paced)
        };
        let origins = clips.iter().map(serve).collect();
        Self { _folder: folder, clips, origins }
    }

    fn bidding(&self, seed: usize) -> Bidding {
        let place = |(clip, origin): (&Clip, &Origin)| Place {
            url: origin.url(&format!("/{}", clip.sha256)),
            bytes: clip.bytes,
        };
        let places = self.clips.iter().zip(&self.origins).map(place).collect();
        // Room for a few of the largest, and what is noted of two that come.
        let largest = self.clips.iter().map(|clip| clip.bytes as u64).max().unwrap();
        let limits = Limits { bytes_max: 6 * largest + (80 << 10), count_max: 8, free_bytes_min: 0 };
        Bidding { seed, limits, places }
    }

    /// What must hold after whatever happened: the database and the cache open, what is there is whole, what was
    /// acknowledged to be held is there and held, nothing is over a limit, and nothing is left that nobody counts.
    fn holds(&self, folder: &Path, bidding: &Bidding, heard: &mut Heard) {
        let root = folder.join("root");
        check(&folder.join(FILE_NAME), Depth::Full).unwrap();
        self.within_limits(&root, &bidding.limits);
        let (store, cache) = open(folder, bidding.limits).unwrap();
        let views = store.read(|reading| reelmill::cache::list(reading, 0, reelmill::cache::Order::Key)).unwrap();
        assert!(views.iter().all(|view| view.state == EntryState::Ready), "{views:?}");
        for view in &views {
            let lease = cache.hold(&view.key, None).unwrap_or_else(|error| panic!("{}: {error}", view.key));
            let found = content_hash::of_file(lease.path()).unwrap();
            assert!(self.clips.iter().any(|clip| clip.sha256 == found), "{} is torn", view.key);
        }
        for (holder, key) in &heard.held {
            let view = views.iter().find(|view| view.key.to_string() == *key);
            let view = view.unwrap_or_else(|| panic!("{key} was held by {holder}, and is gone"));
            let is_held = view.holders.iter().any(|held| held.holder.name == *holder);
            assert!(is_held, "{key} is not held by {holder}");
        }
        let publishes = store.read(|reading| reading.cache().publishes()).unwrap();
        assert_eq!(publishes, []);
        let scrubbed = cache.scrub(&|_| (), &|| false).unwrap();
        assert_eq!((&scrubbed.damaged[..], &scrubbed.missing[..]), (&[][..], &[][..]));
        assert!(scrubbed.strangers.is_empty(), "orphans: {:?}", scrubbed.strangers);
        let left = files_below(&root.join(".work"));
        assert!(left.is_empty(), "orphans: {left:?}");
        let counted: u64 = views.iter().map(|view| view.bytes).sum();
        assert_eq!((cache.bytes(), bytes_below(&root)), (counted, counted), "the count is what is there");
        let expected = store.read(|reading| Ok::<_, StoreError>(reading.cache().files()?.len())).unwrap();
        assert_eq!(expected, views.len());
        // Classes end; two of them go on beyond the next end.
        heard.held = std::mem::take(&mut heard.held).into_iter().take(2).collect();
        for held in
            views.iter().flat_map(|view| &view.holders).filter(|held| !heard.held.contains_key(&held.holder.name))
        {
            assert_eq!(cache.release(&held.holder).unwrap().len(), 1);
        }
    }

    fn within_limits(&self, root: &Path, limits: &Limits) {
        let bytes = bytes_below(root);
        assert!(bytes <= limits.bytes_max, "{bytes} bytes of {}", limits.bytes_max);
        let files = files_below(root).iter().filter(|(path, _)| !path.to_string_lossy().contains("/.")).count();
        assert!(files as u64 <= limits.count_max, "{files} files of {}", limits.count_max);
    }
}

/// Spins for a moment of up to two milliseconds: longer than most steps.
fn wait_a_moment(noise: &mut Noise) {
    let began = Instant::now();
    let moment = Duration::from_micros(noise.below(2000) as u64);
    while began.elapsed() < moment {
        std::hint::spin_loop();
    }
}

#[test]
fn random_kills_of_a_busy_cache_tear_nothing_lose_nothing_held_and_leave_no_orphan() {
    let (seed, kills) = (setting("REELMILL_SEED", 1), setting("REELMILL_KILLS", KILLS));
    let (world, scratch) = (World::new(), scratch());
    let mut noise = Noise::new(seed as u64);
    let mut per_phase: BTreeMap<&str, usize> = PHASES.iter().map(|phase| (*phase, 0)).collect();
    let (mut heard, mut committed, mut served) = (Heard::default(), 0, 0);
    for kill in 0..kills {
        let bidding = world.bidding(seed + kill);
        let phase = PHASES[kill % PHASES.len()];
        let mut child = AtWork::start(&bidding, scratch.path(), heard);
        assert!(child.until(phase, 1 + noise.below(60)), "it ended by itself: {:?}", child.end());
        wait_a_moment(&mut noise);
        child.child.kill();
        heard = child.end();
        assert!(heard.failed.is_empty(), "{heard:?}");
        *per_phase.get_mut(phase).unwrap() += 1;
        (committed, served) = (committed + heard.committed, served + heard.served);
        world.holds(scratch.path(), &bidding, &mut heard);
    }
    #[expect(clippy::print_stdout, reason = "the figure that a campaign is run for")]
    {
        println!("kills per phase: {per_phase:?}; {committed} files brought in, {served} served");
    }
    assert!(per_phase.values().all(|count| *count > 0), "{per_phase:?}");
    assert!(committed > kills && served > 0, "{committed} brought in, {served} served");
}

/// Cuts the power of a process that ends in the same moment, as the real thing does.
fn stopped_by(mut child: AtWork, disk: &Disk) -> Heard {
    child.child.freeze();
    disk.cut();
    child.child.kill();
    child.end()
}

/// Cuts the power of a disk whose process lives on, and sees it fail. What that process takes for done after the cut is not
/// asked for: the kernel may answer a sync that it was at with a yes that it cannot keep.
fn outlived_by(child: AtWork, disk: &Disk) -> Heard {
    let before = child.heard.clone();
    disk.cut();
    let mut heard = child.end();
    heard.held.retain(|holder, _| before.held.contains_key(holder));
    heard
}

#[test]
fn k4_a_power_cut_of_a_busy_cache_tears_nothing_and_loses_nothing_that_was_acknowledged() {
    let (seed, cuts) = (setting("REELMILL_SEED", 1), setting("REELMILL_CUTS", CUTS));
    let (world, disk) = (World::new(), Disk::new(48));
    let mut noise = Noise::new(seed as u64);
    let (mut heard, mut committed) = (Heard::default(), 0);
    for cut in 0..cuts {
        let bidding = world.bidding(seed + cut);
        let phase = PHASES[cut % PHASES.len()];
        let mut child = AtWork::start(&bidding, &disk.path(), heard);
        assert!(child.until(phase, 1 + noise.below(60)), "it ended by itself: {:?}", child.end());
        wait_a_moment(&mut noise);
        heard = if cut % 2 == 0 { stopped_by(child, &disk) } else { outlived_by(child, &disk) };
        assert!(!heard.failed.contains(&"TORN".to_owned()), "{heard:?}");
        disk.restore();
        committed += heard.committed;
        world.holds(&disk.path(), &bidding, &mut heard);
    }
    assert!(committed > cuts, "{committed} brought in");
}
