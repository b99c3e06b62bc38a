//! A wall clock that can be set. One process alone sees it jump, by a library put in front of the system's own; that library
//! is the tests' C, since setting the machine's clock would disturb everything beside them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

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
pub(crate) struct WallClock {
    folder: tempfile::TempDir,
}

impl WallClock {
    pub(crate) fn new() -> Self {
        let clock = Self { folder: super::clip::scratch() };
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
    pub(crate) fn set(&self, seconds: &str) {
        fs::write(self.path("next"), seconds).unwrap();
        fs::rename(self.path("next"), self.path("shift")).unwrap();
    }

    pub(crate) fn seen_by<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("LD_PRELOAD", self.path("shifted.so")).env("SHIFT", self.path("shift"))
    }

    /// Returns the time that another program sees.
    pub(crate) fn seconds(&self, folder: &Path) -> u64 {
        let mut date = Command::new("date");
        let output = self.seen_by(date.arg("+%s").current_dir(folder)).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
    }
}
