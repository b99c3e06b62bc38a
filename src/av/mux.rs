//! Muxing: packets of all streams into one file, in order, with a full disk told apart.

use std::path::{Path, PathBuf};

use super::decode::rational;
use super::error::AvError;
use super::interrupt::Interrupt;
use super::packet::Packet;
use super::parameters::{StreamKind, StreamParameters};
use super::sys::{self, Declared, Dictionary, OutputContext};
use crate::media::{Container, Ratio, TimeBase};
use ffmpeg_next::ffi;

/// A muxer whose streams are being declared.
pub struct MuxerBuilder {
    output: OutputContext,
    path: PathBuf,
    interrupt: Interrupt,
}

/// A muxer that takes packets.
pub struct Muxer {
    output: OutputContext,
    path: PathBuf,
    interrupt: Interrupt,
    /// Per stream, the decode time of the latest packet.
    last_dts: Vec<Option<i64>>,
}

impl MuxerBuilder {
    /// Creates the file.
    ///
    /// # Errors
    /// [`AvError::Write`].
    pub fn create(path: &Path, container: Container, interrupt: &Interrupt) -> Result<Self, AvError> {
        let failed = |failed| write_error(path, interrupt, failed);
        let output = OutputContext::create(path, muxer_name(container), interrupt).map_err(failed)?;
        Ok(Self { output, path: path.to_owned(), interrupt: interrupt.clone() })
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
        };
        Ok(self.output.add_stream(&stream.raw, declared)?)
    }

    /// Writes the header. `options` are the muxer's own, by name.
    ///
    /// # Errors
    /// [`AvError::UnknownOption`], [`AvError::Write`], [`AvError::DiskFull`].
    pub fn begin(mut self, options: &[(&str, &str)]) -> Result<Muxer, AvError> {
        let owner = || "the muxer".to_owned();
        let refused = |option| AvError::UnknownOption { owner: owner(), option, suggestion: None };
        let mut dictionary = Dictionary::new(options.iter().copied()).map_err(refused)?;
        let written = self.output.write_header(&mut dictionary);
        written.map_err(|failed| write_error(&self.path, &self.interrupt, failed))?;
        if let Some((option, _)) = dictionary.first() {
            return Err(refused(option));
        }
        Ok(Muxer { output: self.output, path: self.path, interrupt: self.interrupt, last_dts: Vec::new() })
    }
}

impl Muxer {
    /// Returns the time base that the container counts a stream's packets in.
    pub fn time_base(&self, stream: usize) -> TimeBase {
        let base = self.output.time_base(stream);
        Ratio::new(base.num, base.den)
    }

    /// Takes a packet for `stream`, whose times are already in [`Muxer::time_base`].
    ///
    /// # Errors
    /// [`AvError::Write`], [`AvError::DiskFull`], [`AvError::Cancelled`].
    pub fn write(&mut self, stream: usize, mut packet: Packet) -> Result<(), AvError> {
        packet.raw_mut().stream_index = i32::try_from(stream).unwrap_or(i32::MAX);
        packet.raw_mut().pos = -1;
        self.rise(stream, &mut packet);
        let written = self.output.write(packet.raw_mut());
        written.map_err(|failed| write_error(&self.path, &self.interrupt, failed))
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
    pub fn finish(self) -> Result<(), AvError> {
        let finished = self.output.finish();
        finished.map_err(|failed| write_error(&self.path, &self.interrupt, failed))
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

fn write_error(path: &Path, interrupt: &Interrupt, failed: sys::Failed) -> AvError {
    if interrupt.is_cancelled() {
        return AvError::Cancelled;
    }
    if failed.code == ffi::AVERROR(ffi::ENOSPC) || failed.code == ffi::AVERROR(ffi::EDQUOT) {
        return AvError::DiskFull { path: path.to_owned() };
    }
    AvError::Write { path: path.to_owned(), source: failed.into() }
}
