//! A disk with less room than the outputs need: a small tmpfs, mounted for the one run.

use std::fs;
use std::path::Path;

use reelmill::clip::Recipe;
use reelmill::media::Container;
use tempfile::TempDir;

use crate::support::binary::{Said, contents, end, mounted, reelmill};
use crate::support::clip::{in_chunks, make, scratch};
use crate::support::trap;

/// A folder with `lesson.flv` in it (four seconds, some hundred kilobytes) and an empty `disk`.
fn lesson() -> TempDir {
    let folder = scratch();
    make(&folder, "lesson.flv", &Recipe::plain(Container::Flv, "640x360", 4.0));
    fs::create_dir(folder.path().join("disk")).unwrap();
    folder
}

/// Runs the program on a `disk` of `size` (in tmpfs's words), and lists on stdout what is left there.
fn on_a_small_disk(folder: &Path, size: &str, line: &str) -> Said {
    let binary = env!("CARGO_BIN_EXE_reelmill");
    let prelude = format!(
        "mount -t tmpfs -o {size} none disk; printf precious > disk/old.mp4; code=0; \
         {binary} {line} > said.json || code=$?; cat disk/old.mp4; echo; ls -A disk; exit $code"
    );
    end(&mut mounted(folder, &prelude, ""))
}

#[test]
fn a_full_disk_is_named_and_leaves_no_half_file() {
    for line in [
        "transcode lesson.flv --force-encode --crf 0 -o disk/talk.mp4",
        "transcode lesson.flv --force-encode --crf 0 -o disk/talk.flv",
        "transcode lesson.flv --force-encode --crf 0 --no-verify -o disk/talk.mp4",
        "transcode lesson.flv --force-encode --crf 0 -y -o disk/old.mp4",
        "transcode lesson.flv --rate-control copy -o disk/talk.mp4",
        "transcode lesson.flv -o disk/talk.flv",
        "transcode lesson.flv --force-encode --crf 0 -r 360P -r 240P -o disk/",
    ] {
        let folder = lesson();
        let before = contents(folder.path());
        let said = on_a_small_disk(folder.path(), "size=64k", line);
        assert_eq!((said.exit, said.code()), (5, "DISK_FULL"), "{line}\n{said}");
        assert_eq!(said.stdout, "precious\nold.mp4\n", "{line}\n{said}");
        fs::remove_file(folder.path().join("said.json")).unwrap();
        assert_eq!(contents(folder.path()), before, "{line}");
    }
    trap::told("T38", "a disk that becomes full", "DISK_FULL");
}

#[test]
fn a_disk_without_room_for_one_more_name_is_full() {
    // One name is the disk's own folder, one the old file: no room for a work folder, then for its lock, then for more.
    for names in 2..=6 {
        let folder = lesson();
        let size = format!("size=9m,nr_inodes={names}");
        let line = "transcode lesson.flv --force-encode -r 360P -r 240P -o disk/";
        let said = on_a_small_disk(folder.path(), &size, line);
        assert_eq!((said.exit, said.code()), (5, "DISK_FULL"), "{names}\n{said}");
        assert_eq!(said.stdout, "precious\nold.mp4\n", "{names}\n{said}");
    }
}

#[test]
fn chunks_that_were_finished_before_the_disk_was_full_are_kept_for_when_there_is_room() {
    let folder = scratch();
    make(&folder, "lesson.flv", &in_chunks("320x240", 60.0));
    fs::create_dir(folder.path().join("disk")).unwrap();
    let line = "transcode lesson.flv --force-encode --crf 10 --audio none --jobs 1 --json -o";
    let whole = end(&mut reelmill(folder.path(), &format!("{line} whole.mp4"))).succeeded().document();
    // The chunks and the file that is put together from them need twice as much.
    let kibibytes = whole["renditions"][0]["bytes"].as_u64().unwrap() / 1024;
    let command = format!("{} {line} disk/talk.mp4", env!("CARGO_BIN_EXE_reelmill"));
    let prelude = format!(
        "mount -t tmpfs -o size={kibibytes}k none disk; code=0; {command} > full.json || code=$?; \
         [ $code = 5 ]; ls disk/talk.mp4.reelmill; mount -o remount,size=64m disk; {command} > room.json; \
         cmp disk/talk.mp4 whole.mp4; ls -A disk; exit 0"
    );
    let said = end(&mut mounted(folder.path(), &prelude, "")).succeeded();
    assert_eq!(said.code(), "DISK_FULL", "{said}");
    assert!(said.stderr.contains("finished chunks are kept"), "{said}");
    let (kept, last) = said.stdout.trim_end().rsplit_once('\n').unwrap();
    let chunks = kept.lines().filter(|name| name.starts_with("chunk-")).count();
    assert!((1..5).contains(&chunks) && last == "talk.mp4", "{said}");
    let room: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.path().join("room.json")).unwrap()).unwrap();
    let resumed = &room["renditions"][0]["resumed"];
    let reused = resumed["reused_chunks"].as_u64().unwrap();
    assert!(reused > 0 && usize::try_from(reused).unwrap() <= chunks, "{resumed}: {said}");
    assert_eq!(resumed["discarded"], serde_json::Value::Null);
    trap::told("T38", "the same command once there is room", "it goes on from the chunks that were finished");
}

#[test]
fn what_fits_on_the_disk_is_finished_and_what_does_not_is_told() {
    let folder = lesson();
    // Sizes of both alone, for a disk between them.
    let line = "transcode lesson.flv --force-encode --crf 0 -r 360P -r 240P:crf=51 --audio none";
    let alone = end(&mut reelmill(folder.path(), &format!("{line} -o alone/ --json"))).succeeded().document();
    let bytes = |index: usize| alone["renditions"][index]["bytes"].as_u64().unwrap();
    let kibibytes = u32::try_from(bytes(1) / 1024).unwrap() * 2 + 64;
    assert!(u64::from(kibibytes) * 1024 < bytes(0), "the large one does not fit: {alone}");
    let said = on_a_small_disk(folder.path(), &format!("size={kibibytes}k"), &format!("{line} -o disk/ --json"));
    let document: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.path().join("said.json")).unwrap()).unwrap();
    let codes: Vec<_> = (0..2).map(|index| document["renditions"][index]["error"]["code"].as_str()).collect();
    // The small one may have needed room at the very moment when the large one had taken all of it.
    match codes[..] {
        [Some("DISK_FULL"), None] => {
            // The same command may go on with the large one, and must know then whose the small one is.
            let left = "precious\nlesson_240P.flv\nlesson_240P.flv.reelmill\nold.mp4\n";
            assert_eq!((said.exit, said.stdout.as_str()), (6, left), "{said}");
        }
        [Some("DISK_FULL"), Some("DISK_FULL")] => {
            assert_eq!((said.exit, said.stdout.as_str()), (5, "precious\nold.mp4\n"), "{said}");
        }
        _ => panic!("{document}\n{said}"),
    }
}
