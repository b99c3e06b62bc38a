//! T1: a wall clock that somebody sets while a download runs.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::{Place, line};
use crate::support::binary::{Said, reelmill};
use crate::support::invariant::{Left, holds};
use crate::support::origin::{Object, Origin};
use crate::support::wall_clock::WallClock;

#[test]
fn t1_a_clock_that_jumps_neither_ends_nor_freezes_nor_hurries_a_download() {
    let (place, object, clock) = (Place::new(), Object::new(200_000, 1), WallClock::new());
    let origin = Origin::honest(object.clone());
    let before = clock.seconds(place.folder.path());
    let began = Instant::now();
    let mut command = reelmill(
        place.folder.path(),
        &line(&origin.url("/"), "--limit-rate 100k --stall-time 1 --header-timeout 2"),
    );
    let running = clock.seen_by(&mut command).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    place.until_part(1);
    let mapped = fs::read_to_string(format!("/proc/{}/maps", running.id())).unwrap();
    assert!(mapped.contains("shifted.so"), "the run sees its own clock");
    for (bytes, seconds) in [(40_000, "86400"), (80_000, "-86400"), (120_000, "-1")] {
        place.until_part(bytes);
        clock.set(seconds);
        let off =
            clock.seconds(place.folder.path()).abs_diff(before.saturating_add_signed(seconds.parse().unwrap()));
        assert!(off < 60, "the clock is {off} s away from {seconds}");
    }
    let said = Said::from(running.wait_with_output().unwrap()).succeeded();
    assert_eq!(holds(&place.output(), &object.bytes, &[], &said), Left::Whole, "{said}");
    assert_eq!(said.document()["attempts"], 1, "{said}");
    // 1.95 s by its rate, less what a burst makes up for.
    assert!(began.elapsed() > Duration::from_millis(1700), "{:?}", began.elapsed());
}
