//! Any bytes are a recording that is measured and planned for, or one that is refused by a code: nothing else, and in time.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;
use std::{fs, process};

use libfuzzer_sys::fuzz_target;
use reelmill::av::{Interrupt, log, probe};
use reelmill::failure::Failure;
use reelmill::media::Container;
use reelmill::transcode::Request;
use reelmill::transcode::plan::plan;

/// The demuxer opens files: one in memory, since fuzzing writes thousands in a second.
static FILE: LazyLock<PathBuf> = LazyLock::new(|| {
    log::install(log::Verbosity::Quiet);
    PathBuf::from(format!("/dev/shm/reelmill-fuzz-{}", process::id()))
});

fuzz_target!(|bytes: &[u8]| {
    fs::write(&*FILE, bytes).expect("there is room in memory");
    match probe(&FILE, &Interrupt::default()) {
        Err(error) => assert!(!error.code().is_empty() && error.code() != "INTERNAL", "{error:?}"),
        Ok(info) => {
            assert!(info.duration_seconds.is_finite(), "{info:?}");
            for container in [Container::Flv, Container::Mp4] {
                let request = Request { container: Some(container), accept_truncated: true, ..Request::default() };
                if let Err(error) = plan(&info, &request) {
                    assert!(!error.code().starts_with("USAGE"), "{error:?}");
                }
            }
        }
    }
});
