//! What the daemon tells whoever supervises it: that it is ready, that it is well, that it ends (systemd's notifications).

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use super::{booking, origin};
use crate::support::clip::scratch;
use crate::support::worker::{Settings, Worker};

/// More than it says of itself every few seconds.
const SOON: Duration = Duration::from_secs(20);

/// Reads what is told until `wanted` is among it.
fn hear(supervisor: &UnixDatagram, wanted: &str) {
    let mut told = Vec::new();
    loop {
        let mut line = [0; 512];
        let length = supervisor.recv(&mut line).unwrap_or_else(|error| panic!("{error}; told so far: {told:?}"));
        let words = String::from_utf8_lossy(&line[..length]).into_owned();
        if words.lines().any(|word| word == wanted) {
            return;
        }
        told.push(words);
    }
}

#[test]
fn p4_whoever_supervises_hears_that_it_is_ready_then_again_and_again_that_it_is_well_and_that_it_ends() {
    let (folder, origin) = (scratch(), origin());
    let socket = folder.path().join("notify");
    let supervisor = UnixDatagram::bind(&socket).unwrap();
    supervisor.set_read_timeout(Some(SOON)).unwrap();
    let mut worker = Worker::start(Settings::of("a").supervised(&socket));
    hear(&supervisor, "READY=1");
    worker.book(&booking("c-1", "1", &origin).to_string());
    worker.until_told("c-1", "booking.ready");
    for _ in 0..2 {
        hear(&supervisor, "WATCHDOG=1");
    }
    worker.terminate();
    hear(&supervisor, "STOPPING=1");
    assert_eq!(worker.ended(SOON).code(), Some(0), "{}", worker.log());
}
