//! K1, K2, K5, K7: disks that are full, that fail, that go.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use reelmill::cache::{Acquired, Cache, CacheError, EntryState, Limits, Order, Wanted, list};
use reelmill::failure::{Failure, FailureClass};
use reelmill::store::Store;
use tempfile::TempDir;

use super::{Clip, clips, files_below, key, open, put};
use crate::support::binary::run;
use crate::support::clip::scratch;
use crate::support::kill::{Blow, Point, Watch};
use crate::support::small_disk::SmallDisk;

const WIDE: Limits = Limits { bytes_max: 1 << 40, count_max: 1000, free_bytes_min: 0 };

/// A cache on a small disk, its database on another one.
struct Place {
    cache: Cache,
    store: Arc<Store>,
    disk: SmallDisk,
    folder: TempDir,
    clip: Clip,
}

impl Place {
    fn new(size: &str, limits: Limits) -> Self {
        let folder = scratch();
        let clip = clips(&folder).remove(3);
        fs::create_dir(folder.path().join("root")).unwrap();
        let disk = SmallDisk::mount(&folder.path().join("root"), size);
        let (store, cache) = open(folder.path(), limits).unwrap();
        Self { cache, store, disk, folder, clip }
    }

    fn put(&self, name: &str) -> Result<(), CacheError> {
        put(&self.cache, name, &self.clip).map(drop)
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    fn names(&self) -> Vec<String> {
        let views = self.store.read(|reading| list(reading, 0, Order::Going)).unwrap();
        let there = views.iter().filter(|view| view.state == EntryState::Ready);
        there.map(|view| view.key.to_string()).collect()
    }
}

#[test]
fn k1_a_full_disk_makes_room_by_what_nobody_holds_and_then_says_that_it_is_full() {
    // Five of them fit.
    let place = Place::new("size=1m", WIDE);
    for name in 0..12 {
        place.put(&format!("{name}")).unwrap();
    }
    let names = place.names();
    assert!((3..=5).contains(&names.len()) && names.last().unwrap() == "11", "{names:?}");
    let held: Vec<_> = names.iter().map(|name| place.cache.hold(&key(name), None).unwrap()).collect();
    let refused = place.put("12").unwrap_err();
    assert_eq!((refused.code(), refused.class()), ("CACHE_FULL", FailureClass::Capacity), "{refused}");
    assert!(refused.to_string().contains("are free on the disk"), "{refused}");
    assert!(!place.root().join(".work/job-12").try_exists().unwrap());
    drop(held);
    place.put("12").unwrap();
}

#[test]
fn k1_a_disk_that_others_fill_meanwhile_is_relieved_by_what_nobody_holds() {
    let place = Place::new("size=1m", WIDE);
    for name in ["1", "2", "3"] {
        place.put(name).unwrap();
    }
    let bytes = 100 << 10;
    let wanted = Wanted { key: &key("4"), job: "job-4", bytes: Some(bytes), lease: None };
    let Acquired::Lead(reservation) = place.cache.acquire(&wanted).unwrap() else { panic!() };
    // Somebody else takes all that is left.
    let ballast = place.root().join("ballast");
    let _ = fs::write(&ballast, vec![1; 1 << 20]);
    let part = reservation.folder().join("part");
    assert!(fs::write(&part, vec![1; 100 << 10]).is_err());
    reservation.relieve().unwrap();
    fs::write(&part, vec![1; 100 << 10]).unwrap();
    assert_eq!(place.names(), ["2", "3"]);
    assert!(ballast.is_file());
}

#[test]
fn k2_a_disk_without_inodes_is_full_too() {
    let place = Place::new("size=64m,nr_inodes=48", WIDE);
    for name in 0..20 {
        place.put(&format!("{name}")).unwrap();
    }
    let names = place.names();
    assert!((2..16).contains(&names.len()) && names.last().unwrap() == "19", "{names:?}");
    let mut held: Vec<_> = names.iter().map(|name| place.cache.hold(&key(name), None).unwrap()).collect();
    let refused = (20..40).find_map(|name| match put(&place.cache, &format!("{name}"), &place.clip) {
        Ok(lease) => {
            held.push(lease);
            None
        }
        Err(error) => Some(error),
    });
    let refused = refused.unwrap();
    assert_eq!(refused.code(), "CACHE_FULL");
    assert!(refused.to_string().contains("more files only"), "{refused}");
}

#[test]
fn k7_a_disk_that_takes_no_more_writing_is_told_and_still_read() {
    let place = Place::new("size=4m", WIDE);
    place.put("1").unwrap();
    place.disk.remount("ro");
    let refused = place.put("2").unwrap_err();
    assert_eq!((refused.code(), refused.class()), ("CACHE_DISK", FailureClass::Capacity));
    assert!(place.cache.hold(&key("1"), None).unwrap().path().is_file());
    let refused = place.cache.evict(&key("1"), "by hand").unwrap_err();
    assert_eq!(refused.code(), "CACHE_DISK");
    place.disk.remount("rw");
    place.cache.scrub(&|_| (), &|| false).unwrap();
    assert!(place.names().is_empty(), "what should have gone went when it could");
    place.put("2").unwrap();
}

#[test]
fn k7_nothing_is_written_where_the_disk_was() {
    let place = Place::new("size=4m", WIDE);
    place.put("1").unwrap();
    let wanted = Wanted { key: &key("3"), job: "job-3", bytes: Some(10), lease: None };
    let Acquired::Lead(reservation) = place.cache.acquire(&wanted).unwrap() else { panic!() };
    place.disk.take_away();
    for refused in [place.put("2"), place.cache.hold(&key("1"), None).map(drop), reservation.relieve()] {
        let refused = refused.unwrap_err();
        assert_eq!((refused.code(), refused.class()), ("CACHE_DIR_NOT_MOUNTED", FailureClass::Capacity));
    }
    drop(reservation);
    assert_eq!(files_below(&place.root()), []);
    let (root, Place { cache, store, folder, .. }) = (place.root(), place);
    drop((cache, store));
    let refused = open(folder.path(), WIDE).unwrap_err();
    assert_eq!(refused.code(), "CACHE_DIR_NOT_MOUNTED");
    assert_eq!(files_below(&root), []);
}

#[test]
fn k5_a_file_that_the_disk_will_not_let_go_is_marked_counts_on_and_goes_when_it_can() {
    for call in ["unlinkat", "fsync"] {
        let folder = scratch();
        let clip = clips(&folder).remove(0);
        let (store, cache) = open(folder.path(), WIDE).unwrap();
        drop(put(&cache, "1", &clip).unwrap());
        drop((cache, store));
        let root = folder.path().join("root").canonicalize().unwrap();
        let file = root.join("1/1.flv");
        let settings = format!("[cache]\nroot = {root:?}\nfree_bytes_min = 0\n");
        fs::write(folder.path().join("reelmill.toml"), settings).unwrap();
        let line = |command: &str| format!("cache {command} --data-folder . --config reelmill.toml");
        let watch = Watch { calls: call, files: &[root.join("1"), file.clone()] };
        let point = Point { call: call.to_owned(), count: 1 };
        let (said, trace) = watch.strike(folder.path(), &point, Blow::Fail("EIO"), &line("evict 1"));
        assert_eq!((said.exit, said.code()), (5, "CACHE_DISK"), "{said}\n{trace}");
        assert_eq!(file.is_file(), call == "unlinkat");
        let stat = run(&folder, &line("stat --json")).document();
        assert_eq!(stat["evict_failed"]["bytes"], clip.bytes, "{stat}");
        assert_eq!(stat["all"]["bytes"], clip.bytes, "its bytes are not free: {stat}");
        let scrub = run(&folder, &line("scrub --json")).succeeded();
        assert!(!file.try_exists().unwrap(), "{scrub}");
        assert_eq!(run(&folder, &line("stat --json")).document()["all"]["files"], 0);
    }
}
