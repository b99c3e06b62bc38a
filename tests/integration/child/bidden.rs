//! A parent that can be killed: this test binary again, with two children at their work.

use std::env;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use reelmill::av::Interrupt;
use reelmill::worker::{Fault, Media};

use crate::support::bidden::{Bidden, command, say};
use crate::support::process::children_of;

const BIDDING: &str = "REELMILL_TEST_PARENT";
const NAME: &str = "child::bidden::another_process_has_children";

/// Starts a parent whose children never end by themselves.
pub(super) fn start(folder: &Path) -> Bidden {
    Bidden::start(&mut command(NAME, BIDDING, "hang spin", folder))
}

/// Returns whether a process is a child with this fault.
pub(super) fn is_at(pid: u32, fault: Fault) -> bool {
    fs::read(format!("/proc/{pid}/cmdline"))
        .is_ok_and(|words| words.split(|byte| *byte == 0).any(|word| word == fault.name().as_bytes()))
}

#[test]
fn another_process_has_children() {
    #[expect(clippy::disallowed_methods, reason = "what a parent process bids its child")]
    let Ok(bidding) = env::var(BIDDING) else { return };
    thread::scope(|scope| {
        for name in bidding.split_whitespace() {
            let fault = Fault::parse(name).unwrap();
            let media = super::child(Duration::from_secs(600)).with_fault(fault);
            scope.spawn(move || media.prove(Path::new("/nowhere"), false, &Interrupt::default()));
        }
        let own = std::process::id();
        let at_work =
            || children_of(own).into_iter().filter(|pid| Fault::ALL.iter().any(|fault| is_at(*pid, *fault)));
        while at_work().count() < 2 {
            thread::yield_now();
        }
        say("two work");
    });
}
