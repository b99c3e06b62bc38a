//! One chunk in flight: what waits in it, who works on it, and what is done. State alone; the work is elsewhere.

use std::collections::VecDeque;
use std::sync::Arc;

use super::super::TranscodeError;
use super::chunk::{ChunkDecoder, ChunkEncoder, Picture};
use super::decode::Tally;
use super::schedule::{Load, Step};
use crate::av::Frame;

/// Frames before an encoder at which the decoder waits. Enough that neither side waits for the other at each frame; a
/// 1080p frame is 3 MiB, shared between the renditions.
const QUEUED_FRAMES: usize = 8;
/// Frames before the largest rendition's encoder below which decoding is urgent.
const FEW_FRAMES: usize = 4;
/// Packets decoded in one step: enough to make the lock cheap, few enough that a waiting encoder gets its frames soon.
const PICTURES_PER_STEP: usize = 2;

/// A chunk in flight.
pub(super) struct Flight {
    index: usize,
    pictures_total: u64,
    pictures: VecDeque<Picture>,
    /// Set once all packets are here: when the next chunk begins, in microseconds.
    closed: Option<Option<i64>>,
    decoder: Stage<ChunkDecoder>,
    tally: Option<Arc<Tally>>,
    lanes: Vec<LaneFlight>,
}

/// A chunk's way to one rendition.
struct LaneFlight {
    lane: usize,
    frames: VecDeque<Frame>,
    encoder: Stage<ChunkEncoder>,
    encoded: u64,
}

/// Where a component is.
enum Stage<T> {
    /// Not yet opened.
    Fresh,
    /// Waiting for work.
    Idle(Box<T>),
    /// In a worker's hands.
    Busy,
    /// Closed.
    Done,
}

impl<T> Stage<T> {
    const fn is_free(&self) -> bool {
        matches!(self, Self::Fresh | Self::Idle(_))
    }

    const fn is_done(&self) -> bool {
        matches!(self, Self::Done)
    }

    /// Hands the component to a worker.
    fn take(&mut self) -> Option<Box<T>> {
        match std::mem::replace(self, Self::Busy) {
            Self::Idle(component) => Some(component),
            _ => None,
        }
    }

    /// Takes it back; none means that it is closed.
    fn put_back(&mut self, component: Option<Box<T>>) {
        *self = component.map_or(Self::Done, Self::Idle);
    }
}

/// A step in a worker's hands.
pub(super) struct Task {
    pub(super) chunk: usize,
    pub(super) work: Work,
}

/// What to do in it. A component that is missing is to be opened.
pub(super) enum Work {
    Decode {
        decoder: Option<Box<ChunkDecoder>>,
        pictures: Vec<Picture>,
        /// Whether these are the last.
        is_last: bool,
    },
    Encode(Encoding),
}

/// Frames of one rendition to be encoded.
pub(super) struct Encoding {
    pub(super) lane: usize,
    pub(super) encoder: Option<Box<ChunkEncoder>>,
    pub(super) frames: Vec<Frame>,
    /// Set with the last frames: when the next chunk begins, and what decoding came to.
    pub(super) end: Option<(Option<i64>, Arc<Tally>)>,
}

impl Flight {
    /// Returns chunk `index` of about `pictures_total` pictures, which the renditions `lanes` want.
    pub(super) fn new(index: usize, lanes: &[usize], pictures_total: u64) -> Self {
        let lane = |&lane: &usize| LaneFlight { lane, frames: VecDeque::new(), encoder: Stage::Fresh, encoded: 0 };
        Self {
            index,
            pictures_total,
            pictures: VecDeque::new(),
            closed: None,
            decoder: Stage::Fresh,
            tally: None,
            lanes: lanes.iter().map(lane).collect(),
        }
    }

    pub(super) fn index(&self) -> usize {
        self.index
    }

    pub(super) fn push(&mut self, picture: Picture) {
        self.pictures.push_back(picture);
    }

    pub(super) fn close(&mut self, next: Option<i64>) {
        self.closed = Some(next);
    }

    /// Returns what can be done.
    pub(super) fn load(&self) -> Load {
        let has_work = !self.pictures.is_empty() || self.closed.is_some();
        let has_room = self.lanes.iter().all(|lane| lane.frames.len() < QUEUED_FRAMES);
        let encoded = self.lanes.iter().map(|lane| lane.encoded).min().unwrap_or(0);
        Load {
            is_begun: !matches!(self.decoder, Stage::Fresh),
            is_decoded: self.decoder.is_done(),
            can_decode: self.decoder.is_free() && has_work && has_room,
            is_short_of_frames: self.lanes.first().is_some_and(|lane| lane.frames.len() < FEW_FRAMES),
            can_encode: self.lanes.iter().map(|lane| self.can_encode(lane)).collect(),
            left: self.pictures_total.saturating_sub(encoded),
        }
    }

    fn can_encode(&self, lane: &LaneFlight) -> bool {
        lane.encoder.is_free() && (!lane.frames.is_empty() || self.tally.is_some())
    }

    /// Puts a step into a worker's hands.
    pub(super) fn begin(&mut self, step: Step) -> Task {
        let work = match step {
            Step::Decode { .. } => self.begin_decoding(),
            Step::Encode { lane, .. } => self.begin_encoding(lane),
        };
        Task { chunk: self.index, work }
    }

    fn begin_decoding(&mut self) -> Work {
        let count = self.pictures.len().min(PICTURES_PER_STEP);
        let pictures: Vec<Picture> = self.pictures.drain(..count).collect();
        let is_last = self.closed.is_some() && self.pictures.is_empty();
        Work::Decode { decoder: self.decoder.take(), pictures, is_last }
    }

    fn begin_encoding(&mut self, place: usize) -> Work {
        let end = self.closed.zip(self.tally.clone());
        let lane = &mut self.lanes[place];
        let frames = lane.frames.drain(..).collect();
        Work::Encode(Encoding { lane: lane.lane, encoder: lane.encoder.take(), frames, end })
    }

    /// Takes back the decoder with the frames that came out; the tally with the last of them.
    pub(super) fn decoded(
        &mut self,
        frames: &[Frame],
        decoder: Option<Box<ChunkDecoder>>,
        tally: Option<Arc<Tally>>,
    ) -> Result<(), TranscodeError> {
        self.decoder.put_back(decoder);
        self.tally = tally;
        for lane in self.lanes.iter_mut().filter(|lane| !lane.encoder.is_done()) {
            for frame in frames {
                lane.frames.push_back(frame.reference()?);
            }
        }
        Ok(())
    }

    /// Takes back a rendition's encoder.
    pub(super) fn encoded(&mut self, lane: usize, encoder: Option<Box<ChunkEncoder>>, frames: usize) {
        if let Some(lane) = self.lanes.iter_mut().find(|one| one.lane == lane) {
            lane.encoded += frames as u64;
            lane.encoder.put_back(encoder);
        }
    }

    /// Forgets a rendition that has failed.
    pub(super) fn give_up(&mut self, lane: usize) {
        self.lanes.retain(|one| one.lane != lane);
    }

    /// Returns whether nothing is left to do.
    pub(super) fn is_over(&self) -> bool {
        self.decoder.is_done() && self.lanes.iter().all(|lane| lane.encoder.is_done())
    }
}
