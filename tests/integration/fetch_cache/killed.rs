//! Fetches into the cache that are killed before calls that change the disk, or whose calls fail, and done again by the same
//! command.
//!
//! `REELMILL_STEP` is 1 for every point.

use std::path::PathBuf;

use reelmill::media::Container;

use super::{Node, lesson, line};
use crate::support::kill::{Blow, KILLED, Point, Watch};
use crate::support::origin::{Object, Origin};
use crate::support::setting::setting;

/// Of the points, one in so many is struck.
const STEP: usize = 7;

/// Everything that changes a disk or asks whether it was changed.
const CALLS: &str = "write,pwrite64,fsync,fdatasync,ftruncate,fallocate,rename,renameat,renameat2,link,linkat,unlink,\
                     unlinkat,mkdir,mkdirat,rmdir";

fn files(node: &Node) -> Vec<PathBuf> {
    let (work, file, data) = (node.work("6666"), node.file("6666"), node.path().join("data"));
    let mut files = vec![node.root.clone(), node.root.join(".work"), data.clone(), data.join("reelmill.db")];
    files.extend([data.join("reelmill.db-wal"), node.root.join(".reelmill-cache.new"), work.clone()]);
    let made = ["source.part", "source.part.meta", "repacked.flv", "repacking"];
    files.extend(made.map(|name| work.join(name)));
    files.extend([file.parent().unwrap().to_owned(), file]);
    files
}

/// Kills a fetch of `object` at points of all its way, and lets the same command finish.
fn survives(object: &Object) {
    let (node, origin) = (Node::new(), Origin::honest(object.clone()));
    let watch = Watch { calls: CALLS, files: &files(&node) };
    let (points, said) = watch.points(node.path(), &line("6666", &origin.url("/"), ""));
    said.succeeded();
    assert!(points.len() > 40, "{points:?}");
    let step = setting("REELMILL_STEP", STEP);
    let mut kills = 0;
    for (index, point) in points.iter().enumerate() {
        if index % step == 0 {
            kills += usize::from(is_mended(object, point));
        }
    }
    assert!(kills > points.len() / step / 2, "only {kills} kills of {}", points.len());
}

/// Returns whether the point was reached.
fn is_mended(object: &Object, point: &Point) -> bool {
    let (node, origin) = (Node::new(), Origin::honest(object.clone()));
    let watch = Watch { calls: CALLS, files: &files(&node) };
    let line = line("6666", &origin.url("/"), "");
    let (said, _) = watch.strike(node.path(), point, Blow::Kill, &line);
    let again = crate::support::binary::run(&node.folder, &line);
    assert_eq!(again.exit, 0, "{point:?}\n{said}\n{again}");
    let state = &again.document()["cache"]["state"];
    assert!(state == "fetched" || state == "present", "{point:?}\n{again}");
    node.is_sound(1);
    said.exit == KILLED
}

#[test]
fn k5_a_disk_that_fails_at_any_call_is_named_and_costs_nothing_that_the_same_command_does_not_mend() {
    let object = lesson(Container::Flv, 1.0);
    let (node, origin) = (Node::new(), Origin::honest(object.clone()));
    let (points, _) =
        Watch { calls: CALLS, files: &files(&node) }.points(node.path(), &line("6666", &origin.url("/"), ""));
    let mut refused = std::collections::BTreeMap::new();
    for point in points.iter().step_by(setting("REELMILL_STEP", STEP)) {
        let (node, origin) = (Node::new(), Origin::honest(object.clone()));
        let line = line("6666", &origin.url("/"), "");
        let files = files(&node);
        let watch = Watch { calls: CALLS, files: &files };
        let (said, trace) = watch.strike(node.path(), point, Blow::Fail("EIO"), &line);
        if said.exit != 0 {
            assert_eq!(said.exit, 5, "{point:?}\n{said}");
            *refused.entry(said.code().to_owned()).or_insert(0) += 1;
            // After a sync that failed the file is thrown away: asked again, the disk might say yes and be wrong.
            let is_kept = said.code() == "DISK_SYNC" && node.work("6666").join("source.part").is_file();
            assert!(!is_kept, "{point:?}\n{said}\n{trace}");
        }
        let again = crate::support::binary::run(&node.folder, &line);
        assert_eq!(again.exit, 0, "{point:?}\n{said}\n{again}");
        node.is_sound(1);
    }
    let disk = ["DISK_SYNC", "OUTPUT_WRITE", "CACHE_DISK", "DB_FAILED", "DB_FILE", "DB_UNWRITABLE"];
    assert!(!refused.is_empty() && refused.keys().all(|code| disk.contains(&code.as_str())), "{refused:?}");
}

#[test]
fn a_kill_at_every_durable_call_costs_nothing_that_the_same_command_does_not_mend() {
    survives(&lesson(Container::Flv, 1.0));
}

#[test]
fn a_kill_while_it_is_repacked_is_mended_too() {
    survives(&lesson(Container::Mp4, 1.0));
}
