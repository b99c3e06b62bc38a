//! Processes that die and machines that lose their power while jobs are committed.

use std::fs;

use super::child::{AtWork, Bidding, Heard, command, fresh, points, traced};
use super::{assert_kept, fill, open};
use crate::support::clip::scratch;
use crate::support::kill::KILLED;
use crate::support::power::Disk;
use crate::support::setting::setting;

/// Everything that makes a database last, or changes which files there are.
const DURABLE: &str = "pwrite64,fdatasync,fsync,ftruncate,rename,renameat2,unlink";
const JOBS: usize = 2;

#[test]
fn s1_a_kill_before_every_durable_call_loses_nothing_that_was_acknowledged() {
    let scratch = scratch();
    let every = setting("REELMILL_STEP", 7);
    for is_new in [true, false] {
        let round = |name: &str, words: &[&str]| {
            let folder = fresh(scratch.path(), &format!("{is_new}-{name}"));
            if !is_new {
                fill(&folder, 3);
            }
            let (said, trace) = traced(&command(Bidding::Commit(JOBS), &folder), words);
            (folder, said, trace)
        };
        let (folder, whole, trace) = round("whole", &["-e", &format!("trace={DURABLE}")]);
        let heard = Heard::of(&whole.stdout);
        assert_eq!((heard.acknowledged.len(), &heard.words[..]), (3 * JOBS, &["well".to_owned()][..]), "{whole}");
        assert_kept(&folder, &heard.acknowledged);
        let points = points(&trace, DURABLE);
        assert!(points.len() > 50 && points.iter().any(|(call, _)| call.contains("sync")), "{points:?}");
        let (mut killed, mut acknowledged) = (0, 0);
        // Not always the same ones: a new database's are counted from another end.
        for (index, (call, count)) in points.iter().skip(usize::from(is_new)).step_by(every).enumerate() {
            let inject = format!("inject={call}:signal=SIGKILL:when={count}");
            let words = ["-e", &format!("trace={call}"), "-e", &inject];
            let (folder, said, _) = round(&index.to_string(), &words);
            killed += usize::from(said.exit == KILLED);
            let heard = Heard::of(&said.stdout);
            acknowledged += heard.acknowledged.len();
            assert_kept(&folder, &heard.acknowledged);
            fs::remove_dir_all(folder).unwrap();
        }
        assert!(killed > 0 && acknowledged > 0, "{killed} runs were killed, {acknowledged} states acknowledged");
    }
}

#[test]
fn k4_a_power_cut_loses_nothing_that_was_acknowledged() {
    let disk = Disk::new(24);
    let mut acknowledged = Vec::new();
    for cut in 0..setting("REELMILL_CUTS", 10) {
        let mut child = AtWork::start(Bidding::Commit(10_000), &disk.path());
        // Some hit the first commits of a process, some its checkpoints.
        child.until(1 + cut % 10 * 5);
        // Every other process ends in the same moment, as the real thing does. What one that lives on takes for done after
        // the cut is not asked for: the kernel may answer a sync that it was at with a yes that it cannot keep.
        let before = child.heard.acknowledged.clone();
        if cut % 2 == 0 {
            child.freeze();
            disk.cut();
            child.kill();
            acknowledged.extend(child.end().acknowledged);
        } else {
            disk.cut();
            drop(child.end());
            acknowledged.extend(before);
        }
        disk.restore();
        assert_kept(&disk.path(), &acknowledged);
    }
    assert!(acknowledged.len() > 10);
}

#[test]
fn s1_a_killed_process_leaves_no_lock_behind() {
    let scratch = scratch();
    let folder = fresh(scratch.path(), "data");
    let mut child = AtWork::start(Bidding::Commit(10_000), &folder);
    child.until(1);
    let refused = open(&folder).unwrap_err();
    assert!(refused.to_string().contains(" by process "), "{refused}");
    child.kill();
    let heard = child.end();
    assert_kept(&folder, &heard.acknowledged);
}
