//! A daemon that is killed again and again, whatever it is at.
//!
//! `REELMILL_KILLS` is how often, `REELMILL_SEED` another order of things.

use std::time::{Duration, Instant};

use super::{booking, origin, rendition};
use crate::support::bytes::Noise;
use crate::support::oracle_node::check;
use crate::support::setting::setting;
use crate::support::worker::{SOON, Settings, Worker, until};

const SEED: usize = 1;
/// So often in a row it is killed; then it may finish what it has.
const KILLS: usize = 6;
/// From its start a daemon lives up to so long: what it does for a few classes is done in less.
const LIFE_MILLISECONDS: usize = 800;

#[test]
fn a_daemon_killed_at_any_time_loses_no_class_and_ends_none_twice() {
    let (origin, mut worker) = (origin(), Worker::start(Settings::of("a")));
    let mut noise = Noise::new(setting("REELMILL_SEED", SEED).try_into().unwrap());
    let kills = setting("REELMILL_KILLS", KILLS);
    for kill in 0..kills {
        let (class, record) = (format!("c-{kill}"), format!("r-{kill}"));
        worker.book(&booking(&class, &record, &origin).to_string());
        worker.book(&rendition(&format!("{class}-made"), &record, "240P", &origin).to_string());
        let life = Duration::from_millis(noise.below(LIFE_MILLISECONDS).try_into().unwrap());
        let began = Instant::now();
        until("its time has come", SOON, || (began.elapsed() >= life).then_some(()));
        worker.kill();
        worker.begin();
        // A job that was at work at ten ends of a node is for a person to look at.
        if (kill + 1) % KILLS == 0 || kill + 1 == kills {
            all_are_ready(&worker, kill + 1);
        }
    }
    check(&[&worker]);
}

fn all_are_ready(worker: &Worker, classes: usize) {
    for class in 0..classes {
        worker.until_told(&format!("c-{class}"), "booking.ready");
        worker.until_told(&format!("c-{class}-made"), "booking.ready");
    }
}
