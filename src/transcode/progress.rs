//! How far a run is: counters that the engine's threads write and anyone may read. Printing is not done here.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use crate::media::RenditionName;

/// What a rendition is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Not begun.
    Waiting,
    /// Packets or frames are flowing.
    Running,
    /// The finished file is being checked.
    Proving,
    /// Done, under its final name.
    Done,
    /// Given up.
    Failed,
}

impl Phase {
    /// Returns the name in progress lines.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Proving => "proving",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }

    const fn from_u8(value: u8) -> Self {
        match value {
            0 => Self::Waiting,
            1 => Self::Running,
            2 => Self::Proving,
            3 => Self::Done,
            _ => Self::Failed,
        }
    }
}

/// The counters of one run, shared by reference between the engine and whoever shows them.
#[derive(Debug)]
pub struct Progress {
    /// Frames the source has, counted from its packets; 0 when there is no picture.
    pub frames_total: u64,
    /// Seconds the source lasts.
    pub duration_seconds: f64,
    /// One entry per rendition, in the plan's order.
    pub renditions: Vec<RenditionProgress>,
}

impl Progress {
    /// Returns counters at zero for these renditions.
    pub fn new(names: &[RenditionName], frames_total: u64, duration_seconds: f64) -> Self {
        let renditions = names.iter().map(|&name| RenditionProgress::new(name)).collect();
        Self { frames_total, duration_seconds, renditions }
    }
}

/// The counters of one rendition. Several threads may add to them.
#[derive(Debug)]
pub struct RenditionProgress {
    /// Whose they are.
    pub name: RenditionName,
    phase: AtomicU8,
    frames: AtomicU64,
    microseconds: AtomicU64,
    bytes: AtomicU64,
    reused_frames: AtomicU64,
    reused_microseconds: AtomicU64,
}

impl RenditionProgress {
    fn new(name: RenditionName) -> Self {
        Self {
            name,
            phase: AtomicU8::new(0),
            frames: AtomicU64::new(0),
            microseconds: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            reused_frames: AtomicU64::new(0),
            reused_microseconds: AtomicU64::new(0),
        }
    }

    /// Moves to `phase`.
    pub fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    /// Adds a finished picture packet of `bytes` that lasts `microseconds`.
    pub fn add_frame(&self, bytes: u64, microseconds: u64) {
        self.frames.fetch_add(1, Ordering::Relaxed);
        self.microseconds.fetch_add(microseconds, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Adds what an earlier run has done: `frames` that last `microseconds` in `bytes`.
    pub fn reuse(&self, frames: u64, microseconds: u64, bytes: u64) {
        self.reused_frames.fetch_add(frames, Ordering::Relaxed);
        self.reused_microseconds.fetch_add(microseconds, Ordering::Relaxed);
        self.frames.fetch_add(frames, Ordering::Relaxed);
        self.microseconds.fetch_add(microseconds, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Moves on to `frames` and `microseconds` of a file whose bytes are copied without looking at its packets.
    pub fn reach(&self, frames: u64, microseconds: u64) {
        self.frames.fetch_max(frames, Ordering::Relaxed);
        self.microseconds.fetch_max(microseconds, Ordering::Relaxed);
    }

    /// Adds bytes that are not a picture: sound, or a run of a file copied whole.
    pub fn add_bytes(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Sets everything to what another process counts: frames, microseconds and bytes done, and of these two the reused.
    pub fn set(&self, done: (u64, u64, u64), reused: (u64, u64)) {
        self.frames.store(done.0, Ordering::Relaxed);
        self.microseconds.store(done.1, Ordering::Relaxed);
        self.bytes.store(done.2, Ordering::Relaxed);
        self.reused_frames.store(reused.0, Ordering::Relaxed);
        self.reused_microseconds.store(reused.1, Ordering::Relaxed);
    }

    /// Returns what it is at.
    pub fn phase(&self) -> Phase {
        Phase::from_u8(self.phase.load(Ordering::Relaxed))
    }

    /// Returns frames and microseconds among those done that an earlier run did.
    pub fn reused(&self) -> (u64, u64) {
        (self.reused_frames.load(Ordering::Relaxed), self.reused_microseconds.load(Ordering::Relaxed))
    }

    /// Returns picture packets finished so far.
    pub fn frames(&self) -> u64 {
        self.frames.load(Ordering::Relaxed)
    }

    /// Returns output time finished so far, in microseconds.
    pub fn microseconds(&self) -> u64 {
        self.microseconds.load(Ordering::Relaxed)
    }

    /// Returns bytes finished so far.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}
