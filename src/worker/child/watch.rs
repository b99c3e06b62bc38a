//! Is a child still getting anywhere? It is while its counters rise or it reads and writes: looking through 20 GB counts
//! nothing and reads all the time, a decoder that turns in circles does neither.
//!
//! What it writes to us and reads from us does not count, or whoever complains or asks in circles would be taken for busy.

use std::fs;
use std::time::{Duration, Instant};

/// Between two looks.
const TICK: Duration = Duration::from_millis(100);
/// As much of the time between two looks counts at most: where it was longer, we did not run ourselves, and nor may the child.
const TICK_MAX: Duration = Duration::from_millis(500);

/// What is known of a child at a moment.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sample {
    /// Bytes that it has read and written; none where the system does not say.
    pub(super) moved: Option<u64>,
    /// Bytes among them that it wrote to us, and that we wrote to it.
    pub(super) between: u64,
    /// What its counters come to.
    pub(super) counted: u64,
}

/// Watches one child.
#[derive(Debug)]
pub(super) struct Watch {
    patience: Duration,
    looked: Instant,
    quiet: Duration,
    moved: u64,
    counted: u64,
}

impl Watch {
    pub(super) fn new(patience: Duration, now: Instant) -> Self {
        Self { patience, looked: now, quiet: Duration::ZERO, moved: 0, counted: 0 }
    }

    /// Returns whether it is time to look.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.looked) >= TICK
    }

    /// Looks; returns whether nothing has moved for too long.
    pub(super) fn look(&mut self, now: Instant, sample: Sample) -> bool {
        self.quiet += now.saturating_duration_since(self.looked).min(TICK_MAX);
        self.looked = now;
        // Highest marks, not changes: what is on its way to us is moved and not heard yet, and would count again and again.
        let moved = sample.moved.unwrap_or(0).saturating_sub(sample.between);
        if moved > self.moved || sample.counted > self.counted {
            self.quiet = Duration::ZERO;
        }
        self.moved = self.moved.max(moved);
        self.counted = self.counted.max(sample.counted);
        self.quiet >= self.patience
    }

    /// Leaves a time out of the count: the child had to wait for us.
    pub(super) fn excuse(&mut self, time: Duration) {
        self.looked += time;
    }

    /// Begins anew: the child had to wait for a disk.
    pub(super) fn forgive(&mut self, now: Instant) {
        (self.looked, self.quiet) = (now, Duration::ZERO);
    }
}

/// Returns the bytes that a process has read and written, whatever the files.
pub(super) fn moved(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/io")).ok()?;
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok());
    Some(field("rchar:")?.saturating_add(field("wchar:")?))
}

/// Returns whether a thread of a process waits for a disk, where no signal reaches it: killing it would end nothing sooner.
pub(super) fn waits_for_a_disk(pid: u32) -> bool {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return false };
    threads
        .flatten()
        .any(|thread| fs::read_to_string(thread.path().join("stat")).is_ok_and(|stat| is_asleep(&stat)))
}

/// The state follows the name, which stands in parentheses and may hold some itself.
fn is_asleep(stat: &str) -> bool {
    stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('D'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Looks ten times a second for so many seconds at samples made of the time, and returns when it was too long.
    fn stalls_after(seconds: u64, sample: impl Fn(u64) -> Sample) -> Option<u64> {
        let began = Instant::now();
        let mut watch = Watch::new(3 * SECOND, began);
        (1..=seconds * 10).find(|tick| watch.look(began + TICK * u32::try_from(*tick).unwrap(), sample(*tick)))
    }

    #[test]
    fn what_reads_or_counts_is_well_and_what_only_turns_or_talks_is_not() {
        let reads = |tick| Sample { moved: Some(tick << 20), ..Sample::default() };
        let counts = |tick| Sample { counted: tick / 20, ..Sample::default() };
        let turns = |_| Sample { moved: Some(5000), ..Sample::default() };
        // A line is on its way to us at every other look.
        let talks = |tick| Sample { moved: Some(tick * 90), between: tick / 2 * 180, counted: 0 };
        assert_eq!(stalls_after(60, reads), None);
        assert_eq!(stalls_after(60, counts), None);
        assert_eq!(stalls_after(60, turns), Some(31));
        assert_eq!(stalls_after(60, talks), Some(31));
        assert_eq!(stalls_after(60, |_| Sample::default()), Some(30));
    }

    #[test]
    fn time_in_which_we_slept_ourselves_is_not_held_against_it() {
        let began = Instant::now();
        let mut watch = Watch::new(3 * SECOND, began);
        assert!(!watch.look(began + 1000 * SECOND, Sample::default()));
        watch.forgive(began + 1002 * SECOND);
        let late = |quarters: u32| began + 1002 * SECOND + quarters * SECOND / 4;
        assert_eq!((1..20).find(|quarters| watch.look(late(*quarters), Sample::default())), Some(12));
    }

    #[test]
    fn only_the_time_in_which_it_waited_for_us_is_excused() {
        let began = Instant::now();
        let mut watch = Watch::new(3 * SECOND, began);
        // A second of each quarter of a minute is ours; the rest is its own, however often it asks.
        let found = (1..100).find(|step| {
            watch.excuse(TICK / 2);
            watch.look(began + TICK * *step, Sample::default())
        });
        assert_eq!(found, Some(60));
    }

    #[test]
    fn a_process_tells_what_it_has_moved_and_whether_it_waits_for_a_disk() {
        let own = std::process::id();
        let before = moved(own).unwrap();
        fs::read("/proc/self/status").unwrap();
        assert!(moved(own).unwrap() > before);
        assert!(is_asleep("7 (a) D (b) D 1 7") && !is_asleep("7 (a) D (b) R 1 7") && !is_asleep(""));
        assert_eq!((moved(0), waits_for_a_disk(0)), (None, false));
    }
}
