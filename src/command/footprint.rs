//! What this process has cost so far, as the kernel counts it. `None` where `/proc` does not say.

use std::fs;
use std::time::Instant;

/// The beginning of a command.
#[derive(Clone, Copy, Debug)]
pub(super) struct Began {
    instant: Instant,
    cpu_seconds: Option<f64>,
}

/// What a command has cost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cost {
    /// From the command's beginning to now.
    pub(super) wall_seconds: f64,
    /// CPU of all threads in that time.
    pub(super) cpu_seconds: Option<f64>,
    /// The most memory this process ever had resident.
    pub(super) peak_memory_bytes: Option<u64>,
}

impl Began {
    /// Returns the beginning of what is counted from here on.
    pub(super) fn now() -> Self {
        Self { instant: Instant::now(), cpu_seconds: cpu_seconds() }
    }

    /// Returns the cost so far.
    pub(super) fn cost(&self) -> Cost {
        Cost {
            wall_seconds: self.instant.elapsed().as_secs_f64(),
            cpu_seconds: cpu_seconds().zip(self.cpu_seconds).map(|(now, before)| now - before),
            peak_memory_bytes: peak_memory_bytes(),
        }
    }
}

/// Returns CPU seconds of all threads, user and system.
fn cpu_seconds() -> Option<f64> {
    parse_cpu(&fs::read_to_string("/proc/self/stat").ok()?)
}

/// Returns the most memory ever resident, in bytes.
fn peak_memory_bytes() -> Option<u64> {
    parse_peak(&fs::read_to_string("/proc/self/status").ok()?)
}

/// Fields 14 and 15 of proc(5)'s stat. The second field is the program's name in parentheses and may hold anything,
/// so counting starts behind the last one.
fn parse_cpu(stat: &str) -> Option<f64> {
    // Linux shows these times in hundredths of a second to every program, whatever its own clock (USER_HZ).
    const TICKS_PER_SECOND: f64 = 100.0;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS_PER_SECOND)
}

fn parse_peak(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_figures_are_read_past_any_program_name() {
        let stat = "42 (a) b (c)) S 1 42 42 0 -1 4194304 100 0 0 0 1234 66 0 0 20 0 1 0 100 1000 1";
        assert_eq!(parse_cpu(stat), Some(13.0));
        assert_eq!(parse_peak("VmPeak:\t  9 kB\nVmHWM:\t   2048 kB\n"), Some(2_097_152));
        assert_eq!((parse_cpu("garbage"), parse_peak("VmHWM: lots")), (None, None));
    }

    #[test]
    fn this_process_has_a_footprint() {
        assert!(cpu_seconds().is_some() && peak_memory_bytes().is_some_and(|bytes| bytes > 100_000));
    }
}
