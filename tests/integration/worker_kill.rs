//! The real daemon, killed: at any time under load, before every call that changes a disk, and in the middle of a transcode.
//! Nothing that it acknowledged is lost, nothing is told twice in two ways, and nothing stays that is nobody's (6.1, 6.2,
//! 6.4).
//!
//! `REELMILL_SEED` sets the seed, `REELMILL_KILLS` the number of kills; `REELMILL_STEP` is 1 for every call.

mod daemon;
mod durable;
mod load;
mod orphan;
mod random;

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::oracle_ended::{Ended, check, files_below};
use crate::support::receiver::{Receiver, Say};
use daemon::{BYTES_MAX, Daemon, LOOK, PATIENCE, Place, undelivered};

/// A node, who is told of its events, and what was seen of it.
struct World {
    receiver: Receiver,
    place: Place,
    /// Every process that ran it.
    pids: Vec<u32>,
}

impl World {
    fn new() -> Self {
        let receiver = Receiver::start(|_| Say::status(200));
        let place = Place::new(Some(&receiver.url("/")));
        Self { receiver, place, pids: Vec::new() }
    }

    fn start(&mut self) -> Daemon {
        let daemon = Daemon::start(&self.place);
        self.pids.extend(daemon.pid());
        daemon
    }

    /// Starts it a last time, with nothing left to do; waits until it has told everything and removed what was left; ends it
    /// and looks whether all is as it should be. Returns every event.
    fn ends_well(&mut self, acknowledged: &BTreeMap<String, &'static str>) -> Vec<Value> {
        let mut daemon = self.start();
        assert!(daemon.until_ready(), "{:?}", daemon.ended());
        // Work that nobody wants any more comes to its end too.
        until("without work", || daemon.has_no_work().unwrap());
        let (began, work) = (Instant::now(), self.place.root().join(".work"));
        while undelivered(&self.place) > 0 || !files_below(&work).is_empty() {
            assert!(began.elapsed() < PATIENCE, "{:?} is left", files_below(&work));
            thread::sleep(LOOK);
        }
        // In this order: what was told is recorded, and what is recorded later is told later.
        let told: Vec<Value> = self.receiver.heard().iter().map(|heard| heard.document()).collect();
        let events = daemon.events().unwrap();
        let (status, log) = daemon.end();
        assert!(status.success(), "{status}\n{log}");
        check(&Ended {
            data: &self.place.data(),
            root: &self.place.root(),
            bytes_max: BYTES_MAX,
            acknowledged,
            events: &events,
            told: &told,
            pids: &self.pids,
        });
        events
    }
}

/// Waits until something is so; fails the test when it takes too long.
#[track_caller]
fn until(what: &str, mut is_so: impl FnMut() -> bool) -> Duration {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "still not {what}");
        thread::sleep(LOOK);
    }
    began.elapsed()
}
