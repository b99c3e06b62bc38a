//! K1: a disk that is full, also of what others write there. Only root may mount one; the tests fail for everybody else.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use reelmill::media::Container;

use super::{Node, is_look, large_lesson, lesson, line};
use crate::support::binary::Running;
use crate::support::clip::scratch;
use crate::support::kill::{Blow, Point, Watch};
use crate::support::oracle::tool;
use crate::support::origin::{Answer, Asked, Object, Origin};

/// A small disk in memory, unmounted with this value.
struct SmallDisk {
    path: PathBuf,
}

impl SmallDisk {
    fn mount(folder: &Path, mebibytes: u32) -> Self {
        let is_root = rustix::process::geteuid().is_root();
        assert!(is_root, "only root may mount the small disk of this test: run the tests as root");
        let path = folder.join("disk");
        fs::create_dir(&path).unwrap();
        tool("mount", &["-t", "tmpfs", "-o", &format!("size={mebibytes}m"), "none", path.to_str().unwrap()]);
        Self { path }
    }

    /// Fills what is free, as somebody else's program would.
    fn fill(&self) {
        let mut file = fs::File::create(self.path.join("others")).unwrap();
        let piece = vec![0; 1 << 20];
        while std::io::Write::write_all(&mut file, &piece).is_ok() {}
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").args(["-l"]).arg(&self.path).status();
    }
}

/// Returns a node whose cache is on a small disk, which goes before the node's folder does.
fn small_node(mebibytes: u32) -> (SmallDisk, Node) {
    let folder = scratch();
    let disk = SmallDisk::mount(folder.path(), mebibytes);
    let root = disk.path.join("root");
    (disk, Node::with_root(folder, root, ""))
}

/// Serves a recording without saying how long it is.
fn without_length(object: &Object) -> Origin {
    Origin::scripted(object.clone(), |_, answer| {
        answer.status = 200;
        answer.unset("Content-Range").chunked();
    })
}

#[test]
fn k1_what_nobody_holds_goes_while_bytes_of_unknown_length_come_and_what_is_held_stays() {
    let (_disk, node) = small_node(10);
    let (first, second) = (large_lesson(4), large_lesson(5));
    assert!(first.bytes.len() + second.bytes.len() > 8 << 20, "{} {}", first.bytes.len(), second.bytes.len());
    node.fetches("1", &without_length(&first).url("/"), "", "fetched");
    node.fetches("2", &without_length(&second).url("/"), "", "fetched");
    let both_fit = node.file("1").is_file();
    node.cache("pin 2").succeeded();
    let third = without_length(&Object::new(9 << 20, 3));
    node.fails("3", &third.url("/"), "", (5, "CACHE_FULL"));
    assert!(!node.file("1").is_file() && node.file("2").is_file(), "{both_fit}");
    node.is_sound(1);
}

#[test]
fn k1_a_disk_that_was_full_for_a_moment_costs_a_second_try_at_most() {
    let object = lesson(Container::Mp4, 1.0);
    let files = |node: &Node| ["source.part", "repacked.flv"].map(|name| node.work("6666").join(name));
    let watched = |node: &Node, point: Option<&Point>| {
        let (origin, files) = (Origin::honest(object.clone()), files(node));
        let watch = Watch { calls: "write,pwrite64,fallocate,fdatasync,fsync", files: &files };
        let line = line("6666", &origin.url("/"), "");
        match point {
            None => watch.points(node.path(), &line),
            Some(point) => (Vec::new(), watch.strike(node.path(), point, Blow::Fail("ENOSPC"), &line).0),
        }
    };
    let (points, said) = watched(&Node::new(), None);
    said.succeeded();
    let mut mended = 0;
    for point in points {
        let node = Node::new();
        let (_, said) = watched(&node, Some(&point));
        // Each thread is struck, and the second try may be another one's.
        let is_full = said.exit == 5 && said.code() == "CACHE_FULL";
        assert!(said.exit == 0 || is_full, "{point:?}\n{said}");
        mended += usize::from(said.exit == 0);
        node.is_sound(u64::from(said.exit == 0));
    }
    assert!(mended > 0);
}

#[test]
fn k1_a_disk_that_others_fill_meanwhile_ends_in_a_full_cache_and_no_part() {
    // Room was given for a whole step of 64 MiB while there was that much.
    let (disk, node) = small_node(100);
    let object = Object::new(40 << 20, 1);
    let paced = |asked: &Asked, answer: &mut Answer| {
        answer.status = 200;
        answer.unset("Content-Range").chunked();
        if !is_look(asked) {
            answer.pace(256 << 10, Duration::from_millis(10)).done();
        }
    };
    let origin = Origin::scripted(object, paced);
    let running = Running::start(&node.folder, &line("1", &origin.url("/"), ""));
    node.until_part("1", 1 << 20);
    disk.fill();
    let said = running.end();
    assert_eq!((said.exit, said.code()), (5, "CACHE_FULL"), "{said}");
    assert!(node.leftovers().is_empty(), "{said}");
    fs::remove_file(disk.path.join("others")).unwrap();
    node.is_sound(0);
}
