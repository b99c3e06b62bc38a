//! The workers and what they share: chunks in flight, from packets to finished chunk files.
//!
//! The feed hands in packets, workers take the step that [`super::schedule`] names, and what is finished goes to the
//! lanes. Everything shared lies behind one lock, which nobody holds while decoding, encoding or writing.
//!
//! Bounds: as many chunks at work as keep the workers busy, [`IN_REACH`] more; [`QUEUED_BYTES_MAX`] of packets; a few
//! frames before each encoder. So memory depends on the number of jobs and on the picture's size, never on the length.

use std::collections::{BTreeSet, VecDeque};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::super::chunk::Chunk;
use super::super::plan::VideoPlan;
use super::super::{RenditionProgress, TranscodeError};
use super::Unit;
use super::chunk::{ChunkDecoder, ChunkEncoder, Picture};
use super::decode::Tally;
use super::encode::Rendering;
use super::flight::{Encoding, Flight, Task, Work};
use super::journal::Paths;
use super::schedule;
use crate::av::{AvError, Interrupt, StreamParameters};
use crate::room::{RoomSource, for_one_more};

/// Packets that wait for decoders: half a minute of the fattest recordings (16 Mbit/s). The feed waits when there are
/// more, so that a group of pictures an hour long is never in memory as a whole.
const QUEUED_BYTES_MAX: usize = 64 << 20;
/// Chunks in memory beside those being decoded: one that is being finished, and one that waits.
const IN_REACH: usize = 2;
/// Workers beyond this take part, but no more chunks are begun for them: the sound of all chunks waits in memory.
const JOBS_MAX: usize = 64;
/// How long a thread sleeps before it looks for a stop on request by itself: nobody wakes it for that.
const LOOK_AFTER: Duration = Duration::from_millis(100);

/// One rendition, as the workers need it.
pub(super) struct PoolLane<'a> {
    pub(super) rendering: Rendering,
    pub(super) paths: Paths,
    /// Who gives room to its chunks' files.
    pub(super) rooms: Option<Arc<dyn RoomSource>>,
    pub(super) progress: &'a RenditionProgress,
    /// Chunks that an earlier run finished.
    pub(super) done: BTreeSet<usize>,
    pub(super) sender: SyncSender<Unit>,
}

/// Workers' common ground.
pub(super) struct Pool<'a> {
    chunks: &'a [Chunk],
    video: StreamParameters,
    prepare: Option<String>,
    lanes: Vec<Lane<'a>>,
    /// Chunks that are decoded at once.
    decoding_max: usize,
    interrupt: &'a Interrupt,
    state: Mutex<State>,
    changed: Condvar,
}

/// What of a rendition never changes.
struct Lane<'a> {
    rendering: Rendering,
    paths: Paths,
    rooms: Option<Arc<dyn RoomSource>>,
    progress: &'a RenditionProgress,
    done: BTreeSet<usize>,
}

struct State {
    flights: VecDeque<Flight>,
    /// Per chunk, what decoding it came to.
    tallies: Vec<Option<Tally>>,
    queued_bytes: usize,
    /// Whether the feed has handed in all there is.
    is_fed: bool,
    stopped: Option<Arc<TranscodeError>>,
    /// Where finished chunks go; none for a rendition that has failed.
    senders: Vec<Option<SyncSender<Unit>>>,
}

impl<'a> Pool<'a> {
    /// Returns a pool for `chunks` of the stream `video`. `tallies` has an entry for each chunk that needs no decoding.
    pub(super) fn new(
        chunks: &'a [Chunk],
        video: StreamParameters,
        prepare: Option<String>,
        lanes: Vec<PoolLane<'a>>,
        tallies: Vec<Option<Tally>>,
        jobs: usize,
        interrupt: &'a Interrupt,
    ) -> Self {
        let mut senders = Vec::new();
        let mut kept = Vec::new();
        for PoolLane { rendering, paths, rooms, progress, done, sender } in lanes {
            senders.push(Some(sender));
            kept.push(Lane { rendering, paths, rooms, progress, done });
        }
        let state =
            State { flights: VecDeque::new(), tallies, queued_bytes: 0, is_fed: false, stopped: None, senders };
        let (state, changed) = (Mutex::new(state), Condvar::new());
        let plans: Vec<&VideoPlan> = kept.iter().map(|lane| &lane.rendering.plan).collect();
        let (width, height) = video.size();
        let pixels = u64::from(width) * u64::from(height);
        let decoding_max = schedule::chunks_at_once(jobs.min(JOBS_MAX), pixels, &plans);
        Self { chunks, video, prepare, lanes: kept, decoding_max, interrupt, state, changed }
    }

    /// Returns the chunks.
    pub(super) fn chunks(&self) -> &'a [Chunk] {
        self.chunks
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // What a panicking thread left half done is never looked at: the panic has stopped the pool.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'g>(&self, state: MutexGuard<'g, State>) -> MutexGuard<'g, State> {
        self.changed.wait_timeout(state, LOOK_AFTER).unwrap_or_else(PoisonError::into_inner).0
    }

    /// Returns why the work is stopped, a request for that among it.
    fn stopped(&self, state: &mut State) -> Option<Arc<TranscodeError>> {
        if self.interrupt.is_cancelled() {
            state.stopped.get_or_insert_with(|| Arc::new(AvError::Cancelled.into()));
        }
        state.stopped.clone()
    }

    /// Waits while `is_full`.
    fn wait_while(&self, is_full: impl Fn(&State) -> bool) -> Result<MutexGuard<'_, State>, TranscodeError> {
        let mut state = self.lock();
        loop {
            match self.stopped(&mut state) {
                Some(error) => return Err(TranscodeError::Shared(error)),
                None if !is_full(&state) => return Ok(state),
                None => state = self.wait(state),
            }
        }
    }

    /// Makes room for chunk `index`; `false` when an earlier run has done all of it.
    pub(super) fn enter(&self, index: usize) -> Result<bool, TranscodeError> {
        let mut wanted: Vec<usize> =
            (0..self.lanes.len()).filter(|&lane| !self.lanes[lane].done.contains(&index)).collect();
        if wanted.is_empty() {
            return Ok(false);
        }
        let mut state = self.wait_while(|state| state.flights.len() >= self.decoding_max + IN_REACH)?;
        // A rendition that has failed meanwhile wants nothing more.
        wanted.retain(|&lane| state.senders[lane].is_some());
        state.flights.push_back(Flight::new(index, &wanted, self.chunks[index].pictures()));
        Ok(true)
    }

    /// Hands in a packet of chunk `index`, for which there is room.
    pub(super) fn push(&self, index: usize, picture: Picture) -> Result<(), TranscodeError> {
        let mut state = self.wait_while(|state| state.queued_bytes >= QUEUED_BYTES_MAX)?;
        state.queued_bytes += picture.packet.payload().len();
        if let Some(flight) = state.flight(index) {
            flight.push(picture);
        }
        self.changed.notify_all();
        Ok(())
    }

    /// Says that chunk `index` has all its packets; the next one's first picture is shown at `next` microseconds.
    pub(super) fn close(&self, index: usize, next: Option<i64>) {
        if let Some(flight) = self.lock().flight(index) {
            flight.close(next);
        }
        self.changed.notify_all();
    }

    /// Waits until everything is decoded and returns what that came to.
    pub(super) fn decoded(&self) -> Result<Tally, TranscodeError> {
        self.lock().is_fed = true;
        self.changed.notify_all();
        let state = self.wait_while(|state| state.tallies.iter().any(Option::is_none))?;
        let mut whole = Tally::default();
        state.tallies.iter().flatten().for_each(|tally| whole.join(tally));
        Ok(whole)
    }

    /// Stops the work; the first reason is kept.
    pub(super) fn stop(&self, error: Arc<TranscodeError>) {
        self.lock().stopped.get_or_insert(error);
        self.changed.notify_all();
    }

    /// Runs `feed`, which hands packets in, on this thread, and the workers beside it. Returns why the work was
    /// stopped, if it was.
    pub(super) fn run(
        &self,
        jobs: usize,
        feed: impl FnOnce() -> Result<bool, TranscodeError>,
    ) -> Result<(), Arc<TranscodeError>> {
        thread::scope(|scope| {
            let _guard = StopOnPanic(self);
            for worker in 0..jobs.max(1) {
                let name = format!("worker-{worker}");
                if let Err(source) = thread::Builder::new().name(name).spawn_scoped(scope, || self.work()) {
                    self.stop(Arc::new(TranscodeError::Thread { source }));
                }
            }
            match feed() {
                Ok(true) => {}
                // Nobody is left to work for.
                Ok(false) => self.stop(Arc::new(TranscodeError::FeedEnded)),
                Err(error) => self.stop(Arc::new(error)),
            }
        });
        let mut state = self.lock();
        // The lanes wait for what comes until we let go of them.
        state.senders.clear();
        state.stopped.clone().map_or(Ok(()), Err)
    }

    /// Works until nothing is left to do.
    pub(super) fn work(&self) {
        let _guard = StopOnPanic(self);
        while let Some(task) = self.take() {
            if let Err(error) = self.perform(task) {
                self.stop(Arc::new(error));
            }
        }
    }

    /// Waits for something to do; nothing when all is done, or stopped.
    fn take(&self) -> Option<Task> {
        let mut state = self.lock();
        loop {
            if self.stopped(&mut state).is_some() || (state.is_fed && state.flights.is_empty()) {
                return None;
            }
            let loads: Vec<_> = state.flights.iter().map(Flight::load).collect();
            match schedule::pick(&loads, self.decoding_max, !state.is_fed) {
                Some(step) => {
                    let task = state.begin(step);
                    self.changed.notify_all();
                    return Some(task);
                }
                None => state = self.wait(state),
            }
        }
    }

    fn perform(&self, task: Task) -> Result<(), TranscodeError> {
        let Task { chunk, work } = task;
        match work {
            Work::Decode { decoder, pictures, is_last } => self.decode(chunk, decoder, &pictures, is_last),
            Work::Encode(encoding) => {
                self.encode(chunk, encoding);
                Ok(())
            }
        }
    }

    fn decode(
        &self,
        index: usize,
        decoder: Option<Box<ChunkDecoder>>,
        pictures: &[Picture],
        is_last: bool,
    ) -> Result<(), TranscodeError> {
        let chunk = &self.chunks[index];
        let mut decoder = match decoder {
            Some(decoder) => decoder,
            None => Box::new(ChunkDecoder::open(&self.video, self.prepare.as_deref(), chunk)?),
        };
        let mut frames = Vec::new();
        for picture in pictures {
            decoder.send(picture, &mut frames)?;
        }
        let mut rest = Some(decoder);
        let tally = match rest.take_if(|_| is_last) {
            Some(decoder) => Some(Arc::new(decoder.finish(&mut frames)?)),
            None => None,
        };
        let mut state = self.lock();
        if let Some(tally) = &tally {
            state.tallies[index] = Some(Tally::clone(tally));
        }
        if let Some(flight) = state.flight(index) {
            flight.decoded(&frames, rest, tally)?;
        }
        state.leave(index);
        self.changed.notify_all();
        Ok(())
    }

    /// Encodes frames; a failure is that rendition's alone.
    fn encode(&self, index: usize, encoding: Encoding) {
        let (lane, frames) = (encoding.lane, encoding.frames.len());
        let result = self.encode_for(index, encoding);
        let (encoder, unit) = match result {
            Ok((encoder, unit)) => (encoder, unit),
            Err(error) => (None, Some(Unit::Failed(error))),
        };
        let failed = matches!(unit, Some(Unit::Failed(_)));
        let sender = self.lock().senders.get(lane).and_then(Clone::clone);
        // Without the lock: the lane may be busy writing.
        let is_heard = match (unit, sender) {
            (Some(unit), Some(sender)) => sender.send(unit).is_ok(),
            (_, sender) => sender.is_some(),
        };
        let mut state = self.lock();
        if let Some(flight) = state.flight(index) {
            flight.encoded(lane, encoder, frames);
        }
        if failed || !is_heard {
            state.give_up(lane);
        }
        state.leave(index);
        self.changed.notify_all();
    }

    fn encode_for(
        &self,
        index: usize,
        encoding: Encoding,
    ) -> Result<(Option<Box<ChunkEncoder>>, Option<Unit>), TranscodeError> {
        let Encoding { lane, encoder, frames, end } = encoding;
        let Lane { rendering, paths, rooms, progress, .. } = &self.lanes[lane];
        let mut encoder = match encoder {
            Some(encoder) => encoder,
            None => {
                let room = for_one_more(rooms.as_ref());
                Box::new(ChunkEncoder::open(rendering, &self.chunks[index], &paths.chunk(index), room)?)
            }
        };
        for frame in &frames {
            encoder.send(frame, progress)?;
        }
        let Some((next, tally)) = end else { return Ok((Some(encoder), None)) };
        let finished = encoder.finish(index, next, &tally, progress)?;
        Ok((None, Some(Unit::Encoded(Box::new(finished)))))
    }
}

impl State {
    fn flight(&mut self, index: usize) -> Option<&mut Flight> {
        self.flights.iter_mut().find(|flight| flight.index() == index)
    }

    fn begin(&mut self, step: schedule::Step) -> Task {
        let task = self.flights[step.chunk()].begin(step);
        if let Work::Decode { pictures, .. } = &task.work {
            self.queued_bytes -= pictures.iter().map(|picture| picture.packet.payload().len()).sum::<usize>();
        }
        task
    }

    /// Takes a chunk out with which nobody has anything left to do.
    fn leave(&mut self, index: usize) {
        self.flights.retain(|flight| flight.index() != index || !flight.is_over());
    }

    /// Works no more for a rendition.
    fn give_up(&mut self, lane: usize) {
        self.senders[lane] = None;
        self.flights.iter_mut().for_each(|flight| flight.give_up(lane));
        self.flights.retain(|flight| !flight.is_over());
    }
}

/// Stops the pool when its thread panics, lest the others wait for ever.
struct StopOnPanic<'a, 'b>(&'a Pool<'b>);

impl Drop for StopOnPanic<'_, '_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let message = "in a worker, see the message above".to_owned();
            self.0.stop(Arc::new(TranscodeError::Panicked { message }));
        }
    }
}
