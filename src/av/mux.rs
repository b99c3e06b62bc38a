//! Muxing: packets of all streams into one file, in order, with room asked for before and a full disk told apart.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::decode::rational;
use super::error::AvError;
use super::interrupt::Interrupt;
use super::packet::Packet;
use super::parameters::{StreamKind, StreamParameters};
use super::sys::{self, Declared, Dictionary, OutputContext, Unwritten};
use crate::media::{Container, Ratio, TimeBase, VideoCodec};
use crate::room::{Grant, Room};

/// A muxer whose streams are being declared.
pub struct MuxerBuilder {
    target: Target,
    container: Container,
}

/// A muxer that takes packets.
pub struct Muxer {
    target: Target,
    /// Per stream, the decode time of the latest packet.
    last_dts: Vec<Option<i64>>,
}

/// What is written, and all that tells why it was not.
struct Target {
    output: OutputContext,
    path: PathBuf,
    interrupt: Interrupt,
}

impl Target {
    /// Returns what a failed call on the output means.
    fn error(&mut self, failed: sys::Failed) -> AvError {
        let path = self.path.clone();
        match self.output.take_failure() {
            _ if self.interrupt.is_cancelled() => AvError::Cancelled,
            Some(Unwritten::NoRoom(refusal)) => AvError::NoRoom(refusal),
            Some(Unwritten::Disk(source)) => AvError::Disk { path, source },
            None => AvError::Write { path, source: failed.into() },
        }
    }
}

impl MuxerBuilder {
    /// Creates the file, empty where it was there, for bytes that `room` is asked for.
    ///
    /// # Errors
    /// [`AvError::Disk`], [`AvError::Write`].
    pub fn create(
        path: &Path,
        container: Container,
        interrupt: &Interrupt,
        room: Option<Arc<dyn Room>>,
    ) -> Result<Self, AvError> {
        let file = File::create(path).map_err(|source| AvError::Disk { path: path.to_owned(), source })?;
        let output = OutputContext::new(path, file, Grant::new(room), muxer_name(container), interrupt);
        let output = output.map_err(|failed| AvError::Write { path: path.to_owned(), source: failed.into() })?;
        let target = Target { output, path: path.to_owned(), interrupt: interrupt.clone() };
        Ok(Self { target, container })
    }

    /// Adds a stream and returns its index.
    ///
    /// # Errors
    /// Out of memory.
    pub fn add_stream(&mut self, stream: &StreamParameters) -> Result<usize, AvError> {
        let rate = stream.average_frame_rate;
        let rate = if rate.is_known() { rate } else { Ratio::new(0, 1) };
        let declared = Declared {
            time_base: rational(stream.time_base),
            frame_rate: rational(rate),
            cover_art: stream.kind == StreamKind::CoverArt,
            rotation_degrees: stream.rotation_degrees,
            tag: tag(self.container, &stream.video_codec()),
        };
        Ok(self.target.output.add_stream(&stream.raw, declared)?)
    }

    /// Writes the header. `options` are the muxer's own, by name.
    ///
    /// # Errors
    /// [`AvError::UnknownOption`], [`AvError::Write`], [`AvError::Disk`], [`AvError::NoRoom`].
    pub fn begin(mut self, options: &[(&str, &str)]) -> Result<Muxer, AvError> {
        let owner = || "the muxer".to_owned();
        let refused = |option| AvError::UnknownOption { owner: owner(), option, suggestion: None };
        let mut dictionary = Dictionary::new(options.iter().copied()).map_err(refused)?;
        let written = self.target.output.write_header(&mut dictionary);
        written.map_err(|failed| self.target.error(failed))?;
        if let Some((option, _)) = dictionary.first() {
            return Err(refused(option));
        }
        Ok(Muxer { target: self.target, last_dts: Vec::new() })
    }
}

impl Muxer {
    /// Returns the time base that the container counts a stream's packets in.
    pub fn time_base(&self, stream: usize) -> TimeBase {
        let base = self.target.output.time_base(stream);
        Ratio::new(base.num, base.den)
    }

    /// Takes a packet for `stream`, whose times are already in [`Muxer::time_base`].
    ///
    /// # Errors
    /// [`AvError::Write`], [`AvError::Disk`], [`AvError::NoRoom`], [`AvError::Cancelled`].
    pub fn write(&mut self, stream: usize, mut packet: Packet) -> Result<(), AvError> {
        packet.raw_mut().stream_index = i32::try_from(stream).unwrap_or(i32::MAX);
        packet.raw_mut().pos = -1;
        self.rise(stream, &mut packet);
        let written = self.target.output.write(packet.raw_mut());
        written.map_err(|failed| self.target.error(failed))
    }

    /// Moves a decode time that the container's coarser tick made equal to the one before, to the next tick.
    fn rise(&mut self, stream: usize, packet: &mut Packet) {
        if self.last_dts.len() <= stream {
            self.last_dts.resize(stream + 1, None);
        }
        let (Some(pts), Some(dts)) = (packet.pts(), packet.dts()) else { return };
        let risen = self.last_dts[stream].map_or(dts.ticks, |last| dts.ticks.max(last + 1));
        packet.set_times(pts.ticks.max(risen), risen);
        self.last_dts[stream] = Some(risen);
    }

    /// Writes what is buffered and the trailer, and closes the file.
    ///
    /// # Errors
    /// As [`Muxer::write`].
    pub fn finish(mut self) -> Result<(), AvError> {
        let finished = self.target.output.finish();
        finished.map_err(|failed| self.target.error(failed))
    }
}

/// Returns the name that a container must have for a codec; 0 where the muxer's own choice will do. Players of Apple take
/// HEVC in MP4 under this name alone, which says that its headers stand in the index.
fn tag(container: Container, codec: &VideoCodec) -> u32 {
    match (container, codec) {
        (Container::Mp4, VideoCodec::Hevc) => u32::from_le_bytes(*b"hvc1"),
        _ => 0,
    }
}

/// Returns libavformat's name of the muxer.
const fn muxer_name(container: Container) -> &'static str {
    match container {
        Container::Mkv => "matroska",
        Container::Ts => "mpegts",
        Container::Ps => "mpeg",
        Container::Aac => "adts",
        other => other.name(),
    }
}
