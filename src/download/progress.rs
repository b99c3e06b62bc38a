//! Counters of a download that anybody may read while it runs; reading them disturbs nobody.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// What a download is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Phase {
    /// Asking, and waiting for the answer.
    Asking,
    /// Bytes come.
    Receiving,
    /// The last attempt failed; the next one waits for its time.
    Waiting,
    /// All bytes are here; the file is being finished.
    Finishing,
}

impl Phase {
    const ALL: [Self; 4] = [Self::Asking, Self::Receiving, Self::Waiting, Self::Finishing];

    /// Returns its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Asking => "asking",
            Self::Receiving => "receiving",
            Self::Waiting => "waiting",
            Self::Finishing => "finishing",
        }
    }
}

/// How far a download is.
#[derive(Debug, Default)]
pub struct Progress {
    bytes: AtomicU64,
    /// 0 as long as it is not known.
    total: AtomicU64,
    attempts: AtomicU64,
    phase: AtomicU8,
}

impl Progress {
    /// Returns how many bytes are here, those of an earlier run among them.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Returns how many there will be, where that is known.
    pub fn total(&self) -> Option<u64> {
        Some(self.total.load(Ordering::Relaxed)).filter(|total| *total > 0)
    }

    /// Returns how many times the origin has been asked.
    pub fn attempts(&self) -> u64 {
        self.attempts.load(Ordering::Relaxed)
    }

    /// Returns what is being done.
    pub fn phase(&self) -> Phase {
        Phase::ALL[usize::from(self.phase.load(Ordering::Relaxed))]
    }

    pub(super) fn set_bytes(&self, bytes: u64) {
        self.bytes.store(bytes, Ordering::Relaxed);
    }

    pub(super) fn add_bytes(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn set_total(&self, total: Option<u64>) {
        self.total.store(total.unwrap_or(0), Ordering::Relaxed);
    }

    pub(super) fn add_attempt(&self) {
        self.attempts.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
    }
}
