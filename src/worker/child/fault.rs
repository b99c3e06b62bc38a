//! Ways for a child to fail on purpose, before it works: what the tests ask for, since no recording does it on command.

use std::io::{BufRead, Write};
use std::process;
use std::thread;

use rustix::process::{Signal, getpid, kill_process};

use super::message::{Counters, Tell};
use super::serve::say;
use crate::worker::progress::Stage;

/// How a child fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// By the signal of a wrong pointer.
    Segv,
    /// By the signal of a failed assertion.
    Abort,
    /// By the signal that cannot be caught, which the kernel uses when memory is out.
    Kill,
    /// It does nothing for ever.
    Hang,
    /// It computes for ever, and reads and writes nothing.
    Spin,
    /// It computes for ever and complains about it for ever.
    Babble,
    /// It ends well without an answer.
    Exit,
    /// It asks for more and more memory.
    Oom,
    /// It says what means nothing.
    Garbage,
    /// It asks for the same room for ever.
    Ask,
    /// It counts for ever, and says so.
    Count,
}

impl Fault {
    /// Every fault.
    pub const ALL: [Self; 11] = [
        Self::Segv,
        Self::Abort,
        Self::Kill,
        Self::Hang,
        Self::Spin,
        Self::Babble,
        Self::Exit,
        Self::Oom,
        Self::Garbage,
        Self::Ask,
        Self::Count,
    ];

    /// Returns the word on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Segv => "segv",
            Self::Abort => "abort",
            Self::Kill => "kill",
            Self::Hang => "hang",
            Self::Spin => "spin",
            Self::Babble => "babble",
            Self::Exit => "exit",
            Self::Oom => "oom",
            Self::Garbage => "garbage",
            Self::Ask => "ask",
            Self::Count => "count",
        }
    }

    /// Returns the fault of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fault| fault.name() == name)
    }

    /// Fails.
    pub(super) fn happen(self) {
        match self {
            Self::Segv => die(Signal::SEGV),
            Self::Abort => process::abort(),
            Self::Kill => die(Signal::KILL),
            Self::Hang => loop {
                thread::park();
            },
            Self::Spin => loop {
                std::hint::black_box(0);
            },
            Self::Babble => loop {
                tracing::error!("round and round");
            },
            Self::Exit => process::exit(0),
            Self::Oom => fill_memory(),
            Self::Garbage => {
                let _ = std::io::stdout().lock().write_all(b"what\xff\n");
            }
            Self::Ask => loop {
                say(&Tell::Ask { bytes: 1 });
                let _ = std::io::stdin().lock().skip_until(b'\n');
            },
            Self::Count => (1..=u64::MAX).for_each(count),
        }
    }
}

fn die(signal: Signal) {
    // A handler of the runtime looks at the first wrong pointer and lets the second one kill.
    while kill_process(getpid(), signal).is_ok() {
        thread::yield_now();
    }
}

/// Tells of so many pictures that nobody made.
fn count(frames: u64) {
    let told = Counters {
        rendition: 240,
        frames_total: u64::MAX,
        duration_seconds: 1.0,
        frames,
        microseconds: 0,
        bytes: 0,
        reused_frames: 0,
        reused_microseconds: 0,
    };
    say(&Tell::Progress { stage: Stage::Transcoding.name().to_owned(), counters: Some(told) });
}

/// Takes memory until there is none, and uses it: what is not used takes none.
fn fill_memory() {
    let mut kept: Vec<Vec<u8>> = Vec::new();
    loop {
        kept.push(vec![1; 16 << 20]);
        std::hint::black_box(&kept);
    }
}
