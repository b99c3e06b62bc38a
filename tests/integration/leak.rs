//! Memory over many runs in one process. A target of its own, so that no other test's memory is measured.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use std::fs;
use std::path::Path;

use reelmill::av::{Interrupt, log, probe};
use reelmill::clip::{self, Recipe};
use reelmill::media::{Container, RenditionName};
use reelmill::transcode::{RenditionRequest, Request};

#[path = "support/run.rs"]
#[expect(dead_code, reason = "written for the many tests of the other target")]
mod run;
#[path = "support/setting.rs"]
mod setting;
#[path = "support/trap.rs"]
mod trap;

/// Cycles before the first measurement: allocators, threads and libav's tables have settled by then.
const WARM_UP: usize = 20;
/// `REELMILL_TRANSCODES` sets another number.
const CYCLES: usize = 60;
/// So often the memory is told.
const TOLD_EVERY: usize = 50;
const FAILING_OPENS: usize = 200;
/// Measured on two cores, eight runs: 60 cycles change 57 to 62 MiB by -6.1 to +6.2 MiB, 300 cycles (four runs) by -6.2
/// to +4.9 MiB, 1000 failing opens by 0 to 1.6 MiB: no trend, but noise of the allocator's, one arena per thread. Twice
/// the noise still catches 200 KiB a cycle, less than any decoder, encoder or demuxer holds.
const GROWTH_MAX_BYTES: u64 = 12 << 20;

#[test]
#[expect(clippy::print_stdout, reason = "the figures that a campaign is run for")]
fn sixty_transcodes_and_two_hundred_failing_opens_leave_no_memory_behind() {
    log::install(log::Verbosity::Quiet);
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source.flv");
    clip::write(&Recipe::plain(Container::Flv, "160x90", 0.4), &source).unwrap();
    for _ in 0..WARM_UP {
        transcode(&source);
        fail_to_open(&source);
    }
    let before = resident_bytes();
    println!("before: {} KiB", before >> 10);
    for cycle in 1..=setting::setting("REELMILL_TRANSCODES", CYCLES) {
        transcode(&source);
        if cycle % TOLD_EVERY == 0 {
            println!("after {cycle}: {} KiB", resident_bytes() >> 10);
        }
    }
    for _ in 0..FAILING_OPENS {
        fail_to_open(&source);
    }
    let growth = resident_bytes().saturating_sub(before);
    trap::told("T40", "many transcodes in one process", "memory stays where it was");
    assert!(growth < GROWTH_MAX_BYTES, "{} KiB grew by {} KiB", before >> 10, growth >> 10);
}

/// Probe, plan and two renditions, picture and sound encoded.
fn transcode(source: &Path) {
    let rungs = ["720P", "240P"].map(|name| RenditionRequest::plain(RenditionName::parse(name).unwrap()));
    let request = Request {
        renditions: rungs.to_vec(),
        container: Some(Container::Mp4),
        audio: reelmill::transcode::AudioRequest::Aac(None),
        force_encode: true,
        ..Request::default()
    };
    for rendition in run::transcode(source, &request).unwrap().renditions {
        rendition.result.unwrap();
    }
}

/// A file that is no media, and one whose media cannot be understood.
fn fail_to_open(source: &Path) {
    let bytes = fs::read(source).unwrap();
    let (noise, cut) = (source.with_extension("txt"), source.with_extension("cut"));
    fs::write(&noise, "no media at all\n".repeat(100)).unwrap();
    fs::write(&cut, &bytes[..400]).unwrap();
    for path in [noise, cut] {
        probe(&path, &Interrupt::default()).unwrap_err();
    }
}

fn resident_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}
