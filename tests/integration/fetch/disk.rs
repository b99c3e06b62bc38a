//! K1, K2 and K5: disks that are full, that have no room for one more name, and that fail.

use std::fs;
use std::path::PathBuf;

use super::{LOCAL, Place};
use crate::support::binary::{Said, end, mounted};
use crate::support::invariant::{Left, holds};
use crate::support::kill::{Blow, Point, Watch, lines};
use crate::support::origin::{Object, Origin};
use crate::support::setting::setting;

/// Of the points where the run only writes, one in so many is struck.
const STEP: usize = 7;

/// Everything that changes a disk or asks whether it was changed.
pub(super) const CALLS: &str = "write,pwrite64,fsync,fdatasync,ftruncate,fallocate,rename,renameat,renameat2,link,linkat,\
                                unlink,unlinkat";

/// Fetches `url` onto a `disk` of `size` (in tmpfs's words) with an old file on it, then with more room again, and prints
/// what is on the disk after each.
fn on_a_small_disk(place: &Place, size: &str, url: &str) -> Said {
    fs::create_dir(place.folder.path().join("disk")).unwrap();
    let fetch = format!("{} fetch {url} -o disk/lesson.flv {LOCAL}", env!("CARGO_BIN_EXE_reelmill"));
    let prelude = format!(
        "mount -t tmpfs -o {size} none disk; printf precious > disk/old.flv; code=0; {fetch} > full.json || code=$?; \
         cat disk/old.flv; echo; ls -A disk; echo then; mount -o remount,size=64m,nr_inodes=100 disk; \
         {fetch} > room.json; ls -A disk; cp disk/lesson.flv .; exit $code"
    );
    end(&mut mounted(place.folder.path(), &prelude, ""))
}

#[test]
fn k1_a_disk_that_is_too_small_is_named_and_with_more_room_the_same_command_succeeds() {
    // With a length the room is asked for before the first byte, without one it runs out on the way.
    for has_length in [true, false] {
        let (place, object) = (Place::new(), Object::new(3_000_000, 1));
        let origin = Origin::scripted(object.clone(), move |_, answer| {
            if !has_length {
                answer.chunked();
            }
        });
        let said = on_a_small_disk(&place, "size=1m", &origin.url("/"));
        assert_eq!((said.exit, said.code()), (5, "DISK_FULL"), "{said}");
        let (full, room) = said.stdout.split_once("then\n").unwrap();
        let known = ["precious", "lesson.flv.part", "lesson.flv.part.meta", "old.flv"];
        assert!(full.lines().all(|name| known.contains(&name)), "{said}");
        assert!(full.starts_with("precious\n") && full.ends_with("old.flv\n"), "{said}");
        assert_eq!(room, "lesson.flv\nold.flv\n", "{said}");
        assert!(fs::read(place.output()).unwrap() == object.bytes[..], "{said}");
        // Nothing comes twice but for what had no room.
        assert!(origin.asked().len() == 2 && (!has_length || origin.asked()[1].offset() == 0));
    }
}

#[test]
fn k2_a_disk_without_room_for_one_more_name_is_full() {
    // One name is the disk's own folder, one the old file: no room for the part, then for its sidecar.
    for names in 2..=3 {
        let (place, object) = (Place::new(), Object::new(10_000, 2));
        let origin = Origin::honest(object.clone());
        let said = on_a_small_disk(&place, &format!("size=9m,nr_inodes={names}"), &origin.url("/"));
        assert_eq!((said.exit, said.code()), (5, "DISK_FULL"), "{names}\n{said}");
        assert!(fs::read(place.output()).unwrap() == object.bytes[..], "{said}");
    }
}

/// Returns the files of a fetch into `place`, by the names that the program uses when it is told the output's whole path.
pub(super) fn files(place: &Place) -> Vec<PathBuf> {
    let folder = place.folder.path();
    [place.output(), place.part(), folder.join("lesson.flv.part.meta"), folder.to_owned()].to_vec()
}

/// Returns the words that fetch `url` to the output's whole path.
pub(super) fn line(place: &Place, url: &str) -> String {
    format!("fetch {url} -o {} {LOCAL}", place.output().display())
}

/// Returns every point of fetching `object`; of those that only write, one in [`STEP`]. `make campaign` takes all.
pub(super) fn points(object: &Object) -> Vec<Point> {
    let (place, origin) = (Place::new(), Origin::honest(object.clone()));
    let watch = Watch { calls: CALLS, files: &files(&place) };
    let (points, said) = watch.points(place.folder.path(), &line(&place, &origin.url("/")));
    holds(&place.output(), &object.bytes, &[], &said.succeeded());
    let kinds: Vec<&str> = points.iter().map(|point| point.call.as_str()).collect();
    assert!(kinds.contains(&"write") && kinds.iter().any(|kind| kind.starts_with('f')), "{points:?}");
    let step = setting("REELMILL_STEP", STEP);
    let is_taken = |point: &Point| point.call != "write" || point.count % step == 1 % step;
    points.into_iter().filter(is_taken).collect()
}

/// Fails the test if, after a sync of a file had failed, a file of that name was synced again without being opened anew.
fn is_not_synced_again(trace: &str, point: &Point) {
    let mut failed: Vec<String> = Vec::new();
    for (_, call, line) in lines(trace) {
        let Some(file) = line.split('<').nth(1).and_then(|rest| rest.split('>').next()) else { continue };
        if matches!(call, "fsync" | "fdatasync") {
            assert!(!failed.iter().any(|known| known == file), "{point:?}: synced again\n{trace}");
            if line.contains("EIO") {
                failed.push(file.to_owned());
            }
        }
    }
}

#[test]
fn k5_a_disk_that_fails_at_any_call_costs_the_part_at_most_and_is_never_asked_to_sync_twice() {
    let object = Object::new(4_000_000, 3);
    for point in points(&object) {
        let (place, origin) = (Place::new(), Origin::honest(object.clone()));
        let watch = Watch { calls: CALLS, files: &files(&place) };
        let line = line(&place, &origin.url("/"));
        let (said, trace) = watch.strike(place.folder.path(), &point, Blow::Fail("EIO"), &line);
        is_not_synced_again(&trace, &point);
        let left = holds(&place.output(), &object.bytes, &[], &said);
        if said.exit != 0 {
            assert!(said.exit == 5 && ["OUTPUT_WRITE", "DISK_SYNC"].contains(&said.code()), "{point:?}\n{said}");
        }
        if said.exit != 0 && point.call == "fdatasync" && left != Left::Whole {
            // What the disk lost is not built upon, and not kept for others to build upon.
            assert_eq!(left, Left::Nothing, "{point:?}\n{said}");
        }
        finishes(&place, &object, &line, &format!("{point:?}\n{said}"));
    }
}

/// Checks that the same command now comes to its end, or that it had before.
pub(super) fn finishes(place: &Place, object: &Object, line: &str, context: &str) {
    let was_done = crate::support::binary::names(place.folder.path()) == ["lesson.flv"];
    let said = crate::support::binary::run(&place.folder, line);
    match was_done {
        true => assert_eq!((said.exit, said.code()), (4, "OUTPUT_EXISTS"), "{context}\n{said}"),
        false => assert_eq!(said.exit, 0, "{context}\n{said}"),
    }
    assert_eq!(holds(&place.output(), &object.bytes, &[], &said), Left::Whole, "{context}\n{said}");
    assert_eq!(crate::support::binary::names(place.folder.path()), ["lesson.flv"], "{context}\n{said}");
}
