//! T1: a wall clock that somebody sets while a download runs. The process alone sees it jump, by a library put in front of
//! the system's own; that library is the tests' C, since setting the machine's clock would disturb everything beside them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{Place, line};
use crate::support::binary::{Said, reelmill};
use crate::support::invariant::{Left, holds};
use crate::support::origin::{Object, Origin};

/// Adds the seconds in the file `SHIFT` to every wall clock.
const SHIFTED: &str = r#"
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long shift(void) {
    char text[32] = {0};
    int file = open(getenv("SHIFT"), O_RDONLY);
    if (file < 0 || read(file, text, sizeof text - 1) < 0) abort();
    close(file);
    return atol(text);
}
int clock_gettime(clockid_t clock, struct timespec *now) {
    int result = syscall(SYS_clock_gettime, clock, now);
    if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) now->tv_sec += shift();
    return result;
}
int gettimeofday(struct timeval *now, void *zone) {
    struct timespec exact;
    (void) zone;
    clock_gettime(CLOCK_REALTIME, &exact);
    now->tv_sec = exact.tv_sec;
    now->tv_usec = exact.tv_nsec / 1000;
    return 0;
}
time_t time(time_t *out) {
    struct timespec exact;
    clock_gettime(CLOCK_REALTIME, &exact);
    if (out) *out = exact.tv_sec;
    return exact.tv_sec;
}
"#;

/// A wall clock that can be set.
struct WallClock {
    folder: tempfile::TempDir,
}

impl WallClock {
    fn new() -> Self {
        let clock = Self { folder: crate::support::clip::scratch() };
        let source = clock.path("shifted.c");
        fs::write(&source, SHIFTED).unwrap();
        clock.set("0");
        let words = ["-shared", "-fPIC", "-O1", "-o"];
        let compiled = Command::new("cc").args(words).arg(clock.path("shifted.so")).arg(source).status().unwrap();
        assert!(compiled.success(), "the library does not compile");
        clock
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Sets the clock so many seconds off, in one step.
    fn set(&self, seconds: &str) {
        fs::write(self.path("next"), seconds).unwrap();
        fs::rename(self.path("next"), self.path("shift")).unwrap();
    }

    fn seen_by<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("LD_PRELOAD", self.path("shifted.so")).env("SHIFT", self.path("shift"))
    }

    /// Returns the time that another program sees.
    fn seconds(&self, folder: &Path) -> u64 {
        let mut date = Command::new("date");
        let output = self.seen_by(date.arg("+%s").current_dir(folder)).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
    }
}

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
