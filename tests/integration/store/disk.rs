//! Disks that are full, and disks that fail.

use std::path::Path;
use std::process::Command;

use super::child::{Bidding, Heard, command, fresh, traced};
use super::{assert_kept, fill};
use crate::support::binary::Said;
use crate::support::clip::scratch;
use crate::support::setting::setting;

/// Runs a child on a tmpfs of a megabyte and a half, two thirds of it taken by a file named `ballast`, and copies what
/// is left to `after`.
fn on_a_small_disk(bidding: Bidding, folder: &Path) -> Said {
    let child = command(bidding, &folder.join("disk"));
    let words: Vec<&str> = child.get_args().map(|word| word.to_str().unwrap()).collect();
    let script = format!(
        "set -e; mount -t tmpfs -o size=1536k none disk; head -c 1m /dev/zero > disk/ballast; \
         (cd disk && {} {}); cp disk/reelmill.db* after",
        child.get_program().to_str().unwrap(),
        words.join(" ")
    );
    let namespaces = if rustix::process::geteuid().is_root() { "-m" } else { "-rm" };
    let mut unshare = Command::new("unshare");
    unshare.args([namespaces, "sh", "-c", &script]).current_dir(folder);
    unshare.envs(child.get_envs().filter_map(|(name, value)| Some((name, value?))));
    unshare.output().unwrap().into()
}

#[test]
fn k1_a_full_disk_refuses_what_is_written_and_nothing_that_is_read_until_there_is_room() {
    let scratch = scratch();
    for name in ["disk", "after"] {
        fresh(scratch.path(), name);
    }
    let said = on_a_small_disk(Bidding::Fill, scratch.path()).succeeded();
    let heard = Heard::of(&said.stdout);
    let [full, read, write, end] = &heard.words[..] else { panic!("{said}") };
    assert_eq!((full.as_str(), write.as_str(), end.as_str()), ("DISK_FULL", "write DISK_FULL", "well"), "{said}");
    let jobs =
        |heard: &Heard| heard.acknowledged.iter().map(|(id, _)| *id).collect::<std::collections::BTreeSet<_>>();
    // The last job is the one for which there was room again.
    assert_eq!(*read, format!("read {}", jobs(&heard).len() - 1), "{said}");
    assert_kept(&scratch.path().join("after"), &heard.acknowledged);
}

#[test]
fn k5_a_sync_that_fails_at_any_call_is_final_and_loses_nothing_that_was_acknowledged() {
    let scratch = scratch();
    let mut failed_at_work = 0;
    // In a new database the first ones hit its making. Some of the others hit a checkpoint, behind the answer to a
    // write. One call fails, the next ones would not: it is the store that takes nothing more.
    for (is_new, counts) in [(true, 1..14), (false, 1..20)] {
        for count in counts.step_by(setting("REELMILL_STEP", 4)) {
            let folder = fresh(scratch.path(), &format!("{is_new}-{count}"));
            if !is_new {
                fill(&folder, 1);
            }
            let inject = format!("inject=fsync:error=EIO:when={count}");
            let words = ["-e", "trace=fsync", "-e", &inject];
            let (said, trace) = traced(&command(Bidding::Fail, &folder), &words);
            assert!(trace.contains("EIO"), "{count}: {said}");
            let heard = Heard::of(&said.stdout);
            match &heard.words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
                ["DB_FAILED", "read DB_FAILED", "write DB_FAILED", "well"] => failed_at_work += 1,
                // At its opening.
                ["DB_FAILED" | "DB_UNWRITABLE"] if is_new => {}
                _ => panic!("{count}: {said}"),
            }
            assert_kept(&folder, &heard.acknowledged);
        }
    }
    assert!(failed_at_work >= 3, "{failed_at_work} failed at work");
}
