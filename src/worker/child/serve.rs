//! The child's side: one order is taken from stdin, carried out here as the command line would, and answered on stdout.
//!
//! Three threads: this one works, one hears the parent, one tells how far the work is, where that has changed.

use std::io::{self, BufRead, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::fs::{FileType, fstat};
use rustix::process::{Signal, getpid, getppid, kill_process, set_parent_process_death_signal};

use super::confine::confine;
use super::message::{Order, Tell, Word, decode, encode};
use super::room::{Ask, Rooms};
use super::{Fault, told};
use crate::av::Interrupt;
use crate::failure::{Failed, Failure, FailureClass};
use crate::room::{NoRoom, RoomSource};
use crate::worker::Progress;
use crate::worker::media::{InProcess, Media, MediaError, TakeIn};

/// How far it is is told so often.
const TICK: Duration = Duration::from_millis(200);
/// What the C library calls it when there is no more memory; libav hands these words on.
const NO_MEMORY: &str = "Cannot allocate memory";

/// Nobody is there whose child this is.
#[derive(Debug, thiserror::Error)]
#[error("reelmill starts this by itself, for one job: {0}")]
pub struct NotServed(String);

impl Failure for NotServed {
    fn code(&self) -> &'static str {
        "CHILD_ALONE"
    }

    fn class(&self) -> FailureClass {
        FailureClass::Usage
    }

    fn cure(&self) -> &'static str {
        "use reelmill transcode, probe or fetch"
    }
}

/// Serves the process `parent`, whose child this is.
///
/// # Errors
/// [`NotServed`]: it is not, or nothing was asked in a way that can be understood.
pub fn serve(parent: u32, fault: Option<Fault>) -> Result<(), NotServed> {
    belong_to(parent)?;
    let mut line = Vec::new();
    let refuse = |error: &dyn std::fmt::Display| NotServed(error.to_string());
    io::stdin().lock().read_until(b'\n', &mut line).map_err(|error| refuse(&error))?;
    let Ok(Word::Work { order, memory_max, limits }) = decode(&line) else { return Err(refuse(&"no order came")) };
    confine(memory_max).map_err(|error| refuse(&error))?;
    if let Some(fault) = fault {
        fault.happen();
    }
    let interrupt = Interrupt::default();
    let is_done = Arc::<AtomicBool>::default();
    let answers = listen(interrupt.clone(), Arc::clone(&is_done)).map_err(|error| refuse(&error))?;
    let media = InProcess::within(limits.into());
    let answer = work(&media, order, answers, &interrupt).map_err(|error| refuse(&error))?;
    is_done.store(true, Ordering::Release);
    say(&answer.unwrap_or_else(|error| regret(&error)));
    Ok(())
}

/// Returns what is told of a failure. What a decoder makes of the want of memory says nothing about the recording.
fn regret(error: &MediaError) -> Tell {
    let failed = Failed::of(error);
    if failed.message.contains(NO_MEMORY) { Tell::OutOfMemory } else { Tell::Failed(failed.into()) }
}

/// Makes sure that this process ends with its parent.
fn belong_to(parent: u32) -> Result<(), NotServed> {
    let is_pipe = |stream: &dyn std::os::fd::AsFd| {
        fstat(stream.as_fd()).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Fifo)
    };
    if !is_pipe(&io::stdin()) || !is_pipe(&io::stdout()) {
        return Err(NotServed("it is not to be run by hand".to_owned()));
    }
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(|error| NotServed(error.to_string()))?;
    // Only now: one that died before would not have been noticed, and we be somebody else's.
    let is_there = getppid().is_some_and(|pid| u32::try_from(pid.as_raw_pid()) == Ok(parent));
    if is_there { Ok(()) } else { Err(NotServed("its parent is gone".to_owned())) }
}

/// Hears the parent on a thread of its own. Returns the answers to asks.
fn listen(interrupt: Interrupt, is_done: Arc<AtomicBool>) -> io::Result<Receiver<Option<String>>> {
    // One question is open at a time.
    let (sender, answers) = sync_channel(1);
    thread::Builder::new().name("parent".to_owned()).spawn(move || {
        hear(&sender, &interrupt);
        // Whoever asked for this is gone, and may have died so suddenly that the kernel has not told us yet.
        if !is_done.load(Ordering::Acquire) {
            die();
        }
    })?;
    Ok(answers)
}

fn hear(answers: &SyncSender<Option<String>>, interrupt: &Interrupt) {
    for line in io::stdin().lock().split(b'\n') {
        match line.map_err(|error| error.to_string()).and_then(|line| decode(&line)) {
            Ok(Word::Room { refusal }) => {
                if answers.send(refusal).is_err() {
                    return;
                }
            }
            Ok(Word::Stop) => interrupt.cancel(),
            _ => return,
        }
    }
}

/// Ends at once: other threads are deep in libav, which an orderly end would pull the ground from under.
fn die() {
    let _ = kill_process(getpid(), Signal::KILL);
}

/// Says a line. Nobody to hear it is nobody to work for.
pub(super) fn say(tell: &Tell) {
    let mut stdout = io::stdout().lock();
    let said = encode(tell).map_err(io::Error::other);
    if said.and_then(|line| stdout.write_all(&line)).and_then(|()| stdout.flush()).is_err() {
        die();
    }
}

/// Carries the order out, and tells meanwhile how far it is.
fn work(
    media: &InProcess,
    order: Order,
    answers: Receiver<Option<String>>,
    interrupt: &Interrupt,
) -> io::Result<Result<Tell, MediaError>> {
    let progress = Progress::default();
    let rooms = Rooms::new(Parent(Mutex::new(answers)));
    // Nothing is ever sent: its end is the sign.
    let (running, over) = sync_channel::<()>(0);
    thread::scope(|scope| {
        let telling = thread::Builder::new().name("progress".to_owned());
        let counted = &progress;
        telling.spawn_scoped(scope, move || tell_progress(counted, &over))?;
        let answer = carry_out(media, order, rooms, &progress, interrupt);
        drop(running);
        Ok(answer)
    })
}

fn tell_progress(progress: &Progress, over: &Receiver<()>) {
    let mut told = None;
    while over.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
        let counters = progress.counters().and_then(|counters| told::counters(&counters));
        let now = (progress.stage(), counters);
        // A line is a sign of life, so that none is said of nothing.
        if told != Some(now) {
            say(&Tell::Progress { stage: now.0.name().to_owned(), counters });
            told = Some(now);
        }
    }
}

fn carry_out(
    media: &InProcess,
    order: Order,
    rooms: Arc<dyn RoomSource>,
    progress: &Progress,
    interrupt: &Interrupt,
) -> Result<Tell, MediaError> {
    match order {
        Order::TakeIn(order) => {
            let order = TakeIn::from(order);
            let taken = media.take_in(&order, rooms, progress, interrupt)?;
            let is_repacked = taken.file.path() != order.path;
            let (file, facts) = ((&taken.file).into(), taken.facts.into());
            Ok(Tell::TakenIn { is_repacked, file, notes: told::notes(taken.notes), facts })
        }
        Order::Transcode(order) => {
            let done = media.transcode(&order.into(), rooms, progress, interrupt)?;
            let (file, facts) = ((&done.file).into(), done.facts.into());
            Ok(Tell::Transcoded { file, notes: told::notes(done.notes), facts, speed: done.speed })
        }
        Order::Prove { path, accept_truncated } => {
            let file = media.prove(&path, accept_truncated, interrupt)?;
            Ok(Tell::Proven { file: (&file).into() })
        }
    }
}

/// Asks the parent for room.
#[derive(Debug)]
struct Parent(Mutex<Receiver<Option<String>>>);

impl Ask for Parent {
    fn ask(&self, bytes: u64) -> Result<(), NoRoom> {
        let answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        say(&Tell::Ask { bytes });
        match answers.recv() {
            Ok(None) => Ok(()),
            Ok(Some(refusal)) => Err(NoRoom(refusal)),
            Err(_) => Err(NoRoom("nobody is there who has any".to_owned())),
        }
    }
}
