//! Kills at any time, and kills as something is under way.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use super::daemon::{Daemon, LOOK, PATIENCE, Phase, Place, undelivered};
use super::load::{Load, Origins};
use super::{World, until};
use crate::support::bytes::Noise;
use crate::support::setting::setting;

/// Kills, where nobody wants more.
const KILLS: usize = 30;
/// A form with fewer may miss what lasts some milliseconds.
const KILLS_FOR_ALL: usize = 100;
/// A random kill comes no later after the start.
const MOMENT_MILLISECONDS: usize = 2000;
/// What is aimed at comes in this time, or the kill is one of another phase.
const AIM: Duration = Duration::from_secs(3);
/// Most of what is aimed at lasts longer.
const INSIDE_MILLISECONDS: usize = 4;
/// The time from the start until it can be asked, or so.
const RECOVERY_MILLISECONDS: usize = 60;
/// Seconds of the recording: about a second of work.
const LESSON_SECONDS: f64 = 60.0;

/// Before one kill in so many everything is done: a job during which the node ended too often (`RECOVERIES_MAX`) is given up, and rightly so.
const REST_EVERY: usize = 6;

/// When a kill comes.
#[derive(Clone, Copy, Debug)]
enum When {
    /// So long after the start.
    After(Duration),
    /// As soon as it is at that.
    At(Phase),
}

impl When {
    /// Returns the next one: every other kill is aimed, at each phase in its turn.
    fn next(kill: usize, noise: &mut Noise) -> Self {
        let milliseconds = |below, noise: &mut Noise| Duration::from_millis(noise.below(below) as u64);
        if kill.is_multiple_of(2) {
            return Self::After(milliseconds(MOMENT_MILLISECONDS, noise));
        }
        match Phase::ALL[kill / 2 % Phase::ALL.len()] {
            Phase::Recovering => Self::After(milliseconds(RECOVERY_MILLISECONDS, noise)),
            phase => Self::At(phase),
        }
    }

    /// Lets the load come until the moment is there; returns what the daemon does then.
    fn wait(self, daemon: &mut Daemon, load: &mut Load, place: &Place, noise: &mut Noise) -> Phase {
        loop {
            let phase = daemon.phase(place);
            let (is_there, wait) = match self {
                Self::After(moment) => (daemon.began.elapsed() >= moment, Duration::ZERO),
                Self::At(wanted) => {
                    let inside = Duration::from_millis(noise.below(INSIDE_MILLISECONDS) as u64);
                    (phase == wanted || daemon.began.elapsed() >= AIM, inside)
                }
            };
            assert!(!daemon.has_ended(), "it ended by itself");
            if is_there {
                thread::sleep(wait);
                return phase;
            }
            if phase == Phase::Recovering || !load.act(daemon) {
                thread::sleep(LOOK);
            }
        }
    }
}

/// Lets everybody get what they want.
fn rest(daemon: &mut Daemon, load: &mut Load) {
    assert!(daemon.until_ready(), "{:?}", daemon.ended());
    let began = Instant::now();
    while !load.is_settled() {
        assert!(began.elapsed() < 3 * PATIENCE, "something is never done");
        load.act(daemon);
    }
}

#[test]
fn random_kills_of_a_busy_worker_lose_no_booking_tell_nothing_twice_and_leave_nothing() {
    let (seed, kills) = (setting("REELMILL_SEED", 1), setting("REELMILL_KILLS", KILLS));
    let (origins, mut world) = (Origins::new(LESSON_SECONDS), World::new());
    let (mut noise, mut load) = (Noise::new(seed as u64), Load::new(seed));
    let mut per_phase: BTreeMap<Phase, usize> = Phase::ALL.iter().map(|phase| (*phase, 0)).collect();
    let mut slowest = Duration::ZERO;
    for kill in 0..kills {
        load.more(&origins);
        let mut daemon = world.start();
        let when = When::next(kill, &mut noise);
        if kill % REST_EVERY == REST_EVERY - 2 {
            rest(&mut daemon, &mut load);
            until("told", || undelivered(&world.place) == 0);
        }
        let phase = when.wait(&mut daemon, &mut load, &world.place, &mut noise);
        slowest = daemon.kill().max(slowest);
        *per_phase.get_mut(&phase).unwrap() += 1;
    }
    let mut daemon = world.start();
    rest(&mut daemon, &mut load);
    daemon.kill();
    #[expect(clippy::print_stdout, reason = "the figure that a campaign is run for")]
    {
        println!("kills per phase: {per_phase:?}; classes: {:?}", load.kinds());
        println!("the last child of a killed daemon was gone after {slowest:?}");
    }
    world.ends_well(&load.acknowledged());
    assert!(kills < KILLS_FOR_ALL || per_phase.values().all(|count| *count > 0), "{per_phase:?}");
}
