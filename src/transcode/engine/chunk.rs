//! One chunk at work: its packets decoded once, its frames encoded for one rendition.
//!
//! Both ends know nothing of the other chunks, so that the same chunk gives the same bytes whenever and beside whatever
//! it is worked on.

use std::path::Path;
use std::sync::Arc;

use super::super::chunk::Chunk;
use super::super::{RenditionProgress, TranscodeError, encoder};
use super::chain::Chain;
use super::decode::{PictureDecoder, Tally};
use super::encode::{PictureEncoder, Rendering, Run};
use super::journal::{ChunkFile, ChunkRecord, ChunkWriter};
use crate::av::decode::Threads;
use crate::av::{Frame, Packet, StreamParameters};
use crate::media::Timestamp;
use crate::room::Room;

/// A coded picture on its way to a chunk's decoder.
pub(super) struct Picture {
    pub(super) packet: Packet,
    /// Whether it is the next chunk's keyframe, lent for the sake of its leading pictures.
    pub(super) is_borrowed: bool,
}

/// The decoder of one chunk, and the steps that all renditions share.
pub(super) struct ChunkDecoder {
    decoder: PictureDecoder,
    prepare: Option<Chain>,
    tally: Tally,
}

impl ChunkDecoder {
    pub(super) fn open(
        stream: &StreamParameters,
        prepare: Option<&str>,
        chunk: &Chunk,
    ) -> Result<Self, TranscodeError> {
        // Chunks are decoded side by side, each on one thread; a long one may be alone.
        let threads = if chunk.is_long { Threads::Auto } else { Threads::Count(1) };
        let decoder = PictureDecoder::open(stream, threads)?;
        Ok(Self { decoder, prepare: prepare.map(Chain::fixed), tally: Tally::default() })
    }

    /// Decodes a picture and adds whatever frames that yields.
    pub(super) fn send(&mut self, picture: &Picture, frames: &mut Vec<Frame>) -> Result<(), TranscodeError> {
        let Self { decoder, prepare, tally } = self;
        let sink = &mut |frame: Frame| through(prepare, tally, &frame, frames);
        if picture.is_borrowed {
            decoder.send_borrowed(&picture.packet, sink)
        } else {
            decoder.send(&picture.packet, sink)
        }
    }

    /// Adds the frames that are still inside and returns what decoding came to.
    pub(super) fn finish(mut self, frames: &mut Vec<Frame>) -> Result<Tally, TranscodeError> {
        let Self { decoder, prepare, tally } = &mut self;
        decoder.finish(&mut |frame| through(prepare, tally, &frame, frames))?;
        if let Some(prepare) = prepare {
            prepare.finish(&mut |frame| hand_on(tally, frame, frames))?;
        }
        let Tally { shapes, reshaped, .. } = self.tally;
        Ok(Tally { shapes, reshaped, ..self.decoder.tally().clone() })
    }
}

fn through(
    prepare: &mut Option<Chain>,
    tally: &mut Tally,
    frame: &Frame,
    frames: &mut Vec<Frame>,
) -> Result<(), TranscodeError> {
    match prepare {
        Some(prepare) => prepare.send(frame, &mut |frame| hand_on(tally, frame, frames)),
        None => hand_on(tally, frame.reference()?, frames),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "a frame sink")]
fn hand_on(tally: &mut Tally, frame: Frame, frames: &mut Vec<Frame>) -> Result<(), TranscodeError> {
    tally.see(&frame.geometry());
    frames.push(frame);
    Ok(())
}

/// The encoder of one chunk for one rendition, and the file that its packets go to.
pub(super) struct ChunkEncoder {
    encoder: PictureEncoder,
    writer: ChunkWriter,
    microseconds: u64,
}

impl ChunkEncoder {
    /// Opens an encoder, and creates the file at `path` for what `room` has room for.
    pub(super) fn open(
        rendering: &Rendering,
        chunk: &Chunk,
        path: &Path,
        room: Option<Arc<dyn Room>>,
    ) -> Result<Self, TranscodeError> {
        let short_side = rendering.plan.width.min(rendering.plan.height);
        let threads = if chunk.is_long { encoder::threads(short_side) } else { 1 };
        let run = Run { threads, keyint_seconds: chunk.keyint_seconds, follows: chunk.first > 0 };
        let encoder = PictureEncoder::open(rendering, run)?;
        Ok(Self { encoder, writer: ChunkWriter::create(path, room)?, microseconds: 0 })
    }

    /// Encodes a frame.
    pub(super) fn send(&mut self, frame: &Frame, progress: &RenditionProgress) -> Result<(), TranscodeError> {
        let Self { encoder, writer, microseconds } = self;
        encoder.send(frame, &mut |packet| write(writer, microseconds, progress, &packet))
    }

    /// Encodes what is still inside and closes the file. `next` is when the next chunk begins, in microseconds.
    pub(super) fn finish(
        mut self,
        index: usize,
        next: Option<i64>,
        tally: &Tally,
        progress: &RenditionProgress,
    ) -> Result<(ChunkFile, ChunkRecord), TranscodeError> {
        let Self { encoder, writer, microseconds } = &mut self;
        encoder.finish(next, &mut |packet| write(writer, microseconds, progress, &packet))?;
        let counts = self.encoder.counts();
        let record = ChunkRecord {
            index,
            frames: counts.frames,
            packets: counts.packets,
            microseconds: self.microseconds,
            bytes: 0,
            sha256: String::new(),
            tally: tally.clone(),
        };
        Ok((self.writer.finish()?, record))
    }
}

fn write(
    writer: &mut ChunkWriter,
    microseconds: &mut u64,
    progress: &RenditionProgress,
    packet: &Packet,
) -> Result<(), TranscodeError> {
    let lasts = u64::try_from(Timestamp::microseconds(packet.duration())).unwrap_or(0);
    *microseconds += lasts;
    progress.add_frame(packet.payload().len() as u64, lasts);
    writer.write(packet)
}
