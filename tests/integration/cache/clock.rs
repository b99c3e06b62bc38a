//! T1: somebody sets the wall clock while files are held.

use std::env;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use reelmill::cache::{Holder, HolderKind, Limits, NewLease};
use reelmill::clock::{Clock, NodeClock};
use reelmill::failure::Failure;

use super::{clips, key, open, put};
use crate::support::bidden::{Bidden, command, say};
use crate::support::clip::scratch;
use crate::support::wall_clock::WallClock;

const BIDDING: &str = "REELMILL_TEST_CLOCK_CHILD";
const NAME: &str = "cache::clock::another_process_holds_files_by_its_own_clock";

#[test]
fn another_process_holds_files_by_its_own_clock() {
    if env::var_os(BIDDING).is_none() {
        return;
    }
    let folder = scratch();
    let clip = clips(&folder).remove(0);
    let clock = NodeClock::start();
    // Room for one, and what is noted of another.
    let limits = Limits { bytes_max: clip.bytes as u64 * 2, count_max: 1, free_bytes_min: 0 };
    let (_store, cache) = open(Path::new("."), limits).unwrap();
    drop(put(&cache, "1", &clip).unwrap());
    let until = |milliseconds: i64| NewLease {
        holder: Holder { kind: HolderKind::Class, name: "c-1".to_owned() },
        until_milliseconds: Some(clock.now_milliseconds() + milliseconds),
    };
    cache.lease(&key("1"), &until(3_600_000)).unwrap();
    say("held");
    let mut lines = std::io::stdin().lines();
    while lines.next().is_some_and(|line| line.unwrap() == "jumped") {
        say(put(&cache, "2", &clip).err().map_or("there was room", |error| error.code()));
    }
    // A hold runs out by what really passes, wherever the wall's clock is.
    cache.lease(&key("1"), &until(20)).unwrap();
    let began = Instant::now();
    while put(&cache, "2", &clip).is_err() {
        assert!(began.elapsed() < Duration::from_secs(60), "the hold does not run out");
        std::thread::yield_now();
    }
    say("ran out");
}

#[test]
fn t1_a_clock_that_jumps_neither_ends_nor_prolongs_a_hold() {
    let (folder, clock) = (scratch(), WallClock::new());
    let mut command = command(NAME, BIDDING, "", folder.path());
    let before = clock.seconds(folder.path());
    let mut child = Bidden::start(clock.seen_by(command.stdin(Stdio::piped())));
    let mut stdin = child.child.stdin.take().unwrap();
    let mut said = || child.hear().expect("it goes on");
    assert_eq!(said(), "held");
    for seconds in ["86400", "-86400", "-1"] {
        clock.set(seconds);
        let off = clock.seconds(folder.path()).abs_diff(before.saturating_add_signed(seconds.parse().unwrap()));
        assert!(off < 60, "the clock is {off} s away from {seconds}");
        writeln!(stdin, "jumped").unwrap();
        assert_eq!(said(), "CACHE_FULL", "{seconds}");
    }
    drop(stdin);
    assert_eq!(said(), "ran out");
    assert!(child.wait().success());
}
