//! The parent's side of a child: it is told what to do, heard, given room, watched, and ended.
//!
//! One thread a call decides everything here; two more only read, so that a child never waits for a log line.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{ChildStderr, ChildStdin, ChildStdout};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::fs::{OFlags, fcntl_setfl};

use super::log::{self, Tail};
use super::message::{Counters, LINE_BYTES_MAX, Order, Tell, Word, decode, encode};
use super::spawn::{self, Running};
use super::watch::{self, Sample, Watch};
use super::{Bounds, Child, end, told};
use crate::av::Interrupt;
use crate::room::{Room, RoomSource};
use crate::transcode;
use crate::worker::Progress;
use crate::worker::media::MediaError;
use crate::worker::progress::Stage;

/// Lines that were read and not understood yet. A child that says more waits; there is nothing that must come at once.
const LINES: usize = 16;
/// So often a stop is looked for.
const TICK: Duration = Duration::from_millis(50);
/// So long a child may take to end, after a stop or an answer.
const GRACE: Duration = Duration::from_secs(2);

/// A line, or why there is none.
type Line = Result<Vec<u8>, String>;

/// A child at its work.
struct Work<'a> {
    running: Running,
    stdin: ChildStdin,
    lines: Receiver<Line>,
    logged: JoinHandle<()>,
    tail: Arc<Mutex<Tail>>,
    heard: Arc<AtomicU64>,
    /// Bytes that were said to it.
    said: u64,
    watch: Watch,
    bounds: Bounds,
    /// It is ended then, whatever moves: what it counts is its own word.
    last_moment: Instant,
    /// What its counters come to.
    counted: u64,
    counters: Option<Arc<transcode::Progress>>,
    /// Of all its files together.
    room: Option<Arc<dyn Room>>,
    progress: &'a Progress,
    interrupt: &'a Interrupt,
    /// When a stop ends it.
    stopped: Option<Instant>,
}

/// Has an order carried out in a child and returns its last line.
pub(super) fn run(
    child: &Child,
    order: &Order,
    rooms: Option<Arc<dyn RoomSource>>,
    progress: &Progress,
    interrupt: &Interrupt,
) -> Result<Tell, MediaError> {
    // A short piece of work could be done before the stop is heard.
    if interrupt.should_stop() {
        return Err(MediaError::Stopped);
    }
    let began = Instant::now();
    let mut work = Work::start(child, rooms, progress, interrupt)?;
    tracing::debug!(pid = work.running.pid(), ?order, "a child works");
    let Bounds { memory_max, limits, .. } = child.bounds;
    work.say(&Word::Work { order: order.clone(), memory_max, limits: limits.into() })?;
    let answer = work.hear();
    tracing::debug!(pid = work.running.pid(), took = ?began.elapsed(), "a child is done");
    match answer? {
        Some(answer) => work.part(answer),
        None => Err(work.bury()),
    }
}

impl<'a> Work<'a> {
    fn start(
        child: &Child,
        rooms: Option<Arc<dyn RoomSource>>,
        progress: &'a Progress,
        interrupt: &'a Interrupt,
    ) -> Result<Self, MediaError> {
        let mut running = spawn::start(child).map_err(MediaError::Start)?;
        let pipes = (running.child.stdin.take(), running.child.stdout.take(), running.child.stderr.take());
        let (Some(stdin), Some(stdout), Some(stderr)) = pipes else { return Err(told::senseless()) };
        // Whoever does not listen must not make us wait.
        fcntl_setfl(&stdin, OFlags::NONBLOCK).map_err(|error| MediaError::Start(error.into()))?;
        let (heard, tail) = (Arc::<AtomicU64>::default(), Arc::<Mutex<Tail>>::default());
        let lines = listen(stdout, Arc::clone(&heard))?;
        let logged = keep_log(stderr, running.pid(), Arc::clone(&heard), Arc::clone(&tail))?;
        let (bounds, began) = (child.bounds, Instant::now());
        Ok(Self {
            watch: Watch::new(bounds.stall_time, began),
            last_moment: began + bounds.time_max,
            room: rooms.map(RoomSource::file),
            said: 0,
            counted: 0,
            counters: None,
            stopped: None,
            running,
            stdin,
            lines,
            logged,
            tail,
            heard,
            bounds,
            progress,
            interrupt,
        })
    }

    /// Says a word. That nobody hears it any more shows at the other pipe.
    fn say(&mut self, word: &Word) -> Result<(), MediaError> {
        let line = encode(word).map_err(|why| MediaError::Start(std::io::Error::other(why)))?;
        self.said += line.len() as u64;
        match self.stdin.write_all(&line) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                Err(told::crashed("it does not listen"))
            }
            _ => Ok(()),
        }
    }

    /// Hears the child to its answer; none where its pipe ends before.
    fn hear(&mut self) -> Result<Option<Tell>, MediaError> {
        loop {
            match self.lines.recv_timeout(TICK) {
                Ok(line) => {
                    let tell = line.and_then(|line| decode(&line));
                    if let Some(answer) = self.take(tell.map_err(|why| self.gibberish(&why))?)? {
                        return Ok(Some(answer));
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
            }
            self.look()?;
        }
    }

    fn gibberish(&self, why: &str) -> MediaError {
        tracing::warn!(pid = self.running.pid(), why, "a child says what cannot be understood");
        told::senseless()
    }

    /// Does what a line wants, or returns it as the last one.
    fn take(&mut self, tell: Tell) -> Result<Option<Tell>, MediaError> {
        match tell {
            Tell::Ask { bytes } => {
                let room = self.room.as_ref().ok_or_else(told::senseless)?;
                let asked = Instant::now();
                let refusal = room.reach(bytes).err().map(|refused| refused.0);
                // It waited for us, and room may take a while to make. More is not forgiven: who only asks gets nowhere.
                self.watch.excuse(asked.elapsed());
                self.say(&Word::Room { refusal })?;
            }
            Tell::Progress { stage, counters } => self.note(&stage, counters)?,
            answer => return Ok(Some(answer)),
        }
        Ok(None)
    }

    /// Shows how far the child says it is.
    fn note(&mut self, stage: &str, told: Option<Counters>) -> Result<(), MediaError> {
        let may_be = [Stage::Proving, Stage::Repacking, Stage::Transcoding];
        let stage = may_be.into_iter().find(|known| known.name() == stage).ok_or_else(told::senseless)?;
        let Some(told) = told else {
            self.progress.enter(stage);
            return Ok(());
        };
        self.counted = told.frames.saturating_add(told.bytes);
        if let Some(counters) = &self.counters {
            told::set(counters, &told);
            self.progress.enter(stage);
        } else {
            let counters = Arc::new(told::mirror(&told));
            told::set(&counters, &told);
            self.progress.show(stage, Arc::clone(&counters));
            self.counters = Some(counters);
        }
        Ok(())
    }

    /// Looks whether somebody wants it to end, and whether it gets anywhere.
    fn look(&mut self) -> Result<(), MediaError> {
        let now = Instant::now();
        match self.stopped {
            None if self.interrupt.should_stop() => {
                self.stopped = Some(now + GRACE);
                self.say(&Word::Stop)?;
            }
            Some(until) if now >= until => return Err(MediaError::Stopped),
            _ if now >= self.last_moment => return Err(MediaError::Endless(self.bounds.time_max)),
            _ => {}
        }
        if !self.watch.is_due(now) {
            return Ok(());
        }
        let pid = self.running.pid();
        let between = self.heard.load(Ordering::Relaxed).saturating_add(self.said);
        let sample = Sample { moved: watch::moved(pid), between, counted: self.counted };
        if !self.watch.look(now, sample) {
            return Ok(());
        }
        if watch::waits_for_a_disk(pid) {
            self.watch.forgive(now);
            return Ok(());
        }
        tracing::warn!(pid, "a child moves nothing any more and is ended");
        Err(MediaError::Stalled(self.bounds.stall_time))
    }

    /// Lets a child that has answered go, so that nothing is written any more where it worked.
    fn part(self, answer: Tell) -> Result<Tell, MediaError> {
        let Self { mut running, stdin, .. } = self;
        drop(stdin);
        if running.wait_within(GRACE).is_none() {
            tracing::warn!(pid = running.pid(), "a child has answered and does not end");
        }
        match answer {
            Tell::Failed(failure) => Err(told::failed(failure)),
            Tell::OutOfMemory => Err(end::out_of_memory()),
            answer => Ok(answer),
        }
    }

    /// Returns what the end of a child means that has not answered.
    fn bury(self) -> MediaError {
        let Self { mut running, stdin, logged, tail, stopped, .. } = self;
        let status = running.wait_within(GRACE);
        drop(stdin);
        drop(running);
        // It is gone, and with it the last one who could write to that pipe.
        let _ = logged.join();
        let tail = tail.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match status {
            _ if stopped.is_some() => MediaError::Stopped,
            Some(status) => end::judge(status, tail),
            None => told::crashed("it closed its pipe and went on"),
        }
    }
}

/// Reads a child's lines on a thread of its own.
fn listen(stdout: ChildStdout, heard: Arc<AtomicU64>) -> Result<Receiver<Line>, MediaError> {
    let (sender, lines) = sync_channel(LINES);
    let reader = BufReader::new(Counted(stdout, heard));
    let listen = move || read_lines(reader, &sender);
    thread::Builder::new().name("child".to_owned()).spawn(listen).map_err(MediaError::Start)?;
    Ok(lines)
}

fn read_lines(mut reader: impl BufRead, lines: &SyncSender<Line>) {
    loop {
        let mut line = Vec::new();
        let read = reader.by_ref().take(LINE_BYTES_MAX as u64).read_until(b'\n', &mut line);
        let line = match read {
            Ok(0) => return,
            Ok(_) if line.ends_with(b"\n") => Ok(line),
            Ok(count) if count < LINE_BYTES_MAX => return,
            Ok(_) => Err("it says a line without end".to_owned()),
            Err(error) => Err(error.to_string()),
        };
        let is_last = line.is_err();
        if lines.send(line).is_err() || is_last {
            return;
        }
    }
}

fn keep_log(
    stderr: ChildStderr,
    pid: u32,
    heard: Arc<AtomicU64>,
    tail: Arc<Mutex<Tail>>,
) -> Result<JoinHandle<()>, MediaError> {
    let keep = move || log::forward(Counted(stderr, heard), pid, &tail);
    thread::Builder::new().name("child-log".to_owned()).spawn(keep).map_err(MediaError::Start)
}

/// Counts what comes.
struct Counted<R>(R, Arc<AtomicU64>);

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, piece: &mut [u8]) -> std::io::Result<usize> {
        let count = self.0.read(piece)?;
        self.1.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines_of(bytes: &[u8]) -> Vec<Line> {
        let (sender, lines) = sync_channel(100);
        read_lines(bytes, &sender);
        drop(sender);
        lines.iter().collect()
    }

    #[test]
    fn lines_are_bounded_and_one_that_is_torn_says_nothing() {
        assert_eq!(lines_of(b"one\ntwo\nthr"), [Ok(b"one\n".to_vec()), Ok(b"two\n".to_vec())]);
        let mut long = vec![b'x'; LINE_BYTES_MAX - 1];
        long.extend(b"\nnext\n");
        assert_eq!(lines_of(&long).len(), 2);
        long.insert(0, b'x');
        let lines = lines_of(&long);
        assert_eq!(lines, [Err("it says a line without end".to_owned())]);
    }
}
