//! Demuxing: an untrusted file in, packets with one rising clock out.
//!
//! The format is found from the content alone and must be on the allow-list. Nothing but the one open file is read:
//! what a playlist or a reference track points to is refused. Errors are never taken for the end of the file.

use std::fs::File;
use std::io::Seek;
use std::path::Path;

use super::damage;
use super::decode::MAX_PIXELS;
use super::error::AvError;
use super::interrupt::Interrupt;
use super::layout::{self, Layout};
use super::packet::Packet;
use super::parameters::{StreamKind, StreamParameters};
use super::sys::{self, Dictionary, InputContext, NO_TIMESTAMP, RawPacket};
use super::timeline::{Repairs, Timeline, Times};
use crate::media::{Container, Ratio};
use ffmpeg_next::ffi;

/// More streams than any recording has; each costs a decoder's memory while its parameters are found.
pub const MAX_STREAMS: usize = 64;
/// The least score of libav's format detection (of 100) that is believed; below it, text and noise pass for media.
const MIN_SCORE: i32 = 25;
/// A packet this far ahead of all streams has jumped, in containers whose clock is only a counter in each packet.
const JUMP_MICROSECONDS: i64 = 10_000_000;
/// The same for containers with an index or explicit durations, where long still pictures are honest.
const INDEXED_JUMP_MICROSECONDS: i64 = 3_600_000_000;

/// How far libav reads ahead for the parameters of streams that begin late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Analysis {
    /// libav's own limits: 5 MB, a few seconds.
    Usual,
    /// Far enough for sound that begins minutes after the picture. Packets read ahead are kept in memory, hence the
    /// bound of 256 MiB.
    Deep,
}

/// What reading gave.
pub enum Read {
    /// The next packet of a chosen stream.
    Packet(Packet),
    /// The end of the file.
    End,
}

/// A demuxer at work. Lives on one thread at a time.
pub struct Demuxer {
    input: InputContext,
    container: Container,
    interrupt: Interrupt,
    timeline: Timeline,
    chosen: Vec<usize>,
    streams_at_open: usize,
    unreadable: u64,
}

impl Demuxer {
    /// Opens `path`.
    ///
    /// # Errors
    /// One of [`AvError`]'s source errors: not a file, empty, not media, forbidden, no index, damaged, too large.
    pub fn open(path: &Path, analysis: Analysis, interrupt: &Interrupt) -> Result<Self, AvError> {
        let (mut file, length) = open_file(path)?;
        let failed = |source| AvError::Open { path: path.to_owned(), source };
        // Read as boxes before the container is known; for any other, only the zeros at the end are looked at.
        let boxes = layout::examine(&file, length, Container::Mp4).map_err(failed)?;
        file.rewind().map_err(failed)?;
        let mut input = InputContext::new(file, length, interrupt.clone())?;
        let container = open_allowed(&mut input, analysis, interrupt, length, &boxes)?;
        refuse_oversize(&input)?;
        let found = input.find_stream_info(MAX_PIXELS);
        found.map_err(|failed| {
            let end_of_data = length - boxes.zero_tail_bytes;
            stopped(interrupt).unwrap_or_else(|| without_parameters(damage::judged(failed), end_of_data))
        })?;
        refuse_oversize(&input)?;
        let forward_limit = match container {
            Container::Mp4 | Container::Mkv => INDEXED_JUMP_MICROSECONDS,
            _ => JUMP_MICROSECONDS,
        };
        let streams_at_open = input.stream_count();
        let timeline = Timeline::new(forward_limit);
        let interrupt = interrupt.clone();
        Ok(Self { input, container, interrupt, timeline, chosen: Vec::new(), streams_at_open, unreadable: 0 })
    }

    /// Returns the container's format.
    pub fn container(&self) -> Container {
        self.container
    }

    /// Returns every stream known so far.
    ///
    /// # Errors
    /// Out of memory.
    pub fn streams(&self) -> Result<Vec<StreamParameters>, AvError> {
        (0..self.input.stream_count()).filter_map(|index| self.stream(index).transpose()).collect()
    }

    /// Returns stream `index`.
    ///
    /// # Errors
    /// Out of memory.
    pub fn stream(&self, index: usize) -> Result<Option<StreamParameters>, AvError> {
        let (Some(stream), Some(parameters)) = (self.input.stream(index), self.input.parameters(index)) else {
            return Ok(None);
        };
        let raw = parameters?;
        let kind = kind(raw.codec_type, stream.disposition);
        let (rotation_degrees, mirrored) = self.input.orientation(index).unwrap_or((0.0, false));
        Ok(Some(StreamParameters {
            index,
            kind,
            time_base: Ratio::new(stream.time_base.num, stream.time_base.den),
            is_default: stream.disposition & ffi::AV_DISPOSITION_DEFAULT != 0,
            average_frame_rate: Ratio::new(stream.avg_frame_rate.num, stream.avg_frame_rate.den),
            rotation_degrees,
            mirrored,
            raw,
        }))
    }

    /// Chooses the streams whose packets are wanted; all others are passed over.
    pub fn choose(&mut self, streams: &[usize]) {
        for index in 0..self.input.stream_count() {
            if !streams.contains(&index) {
                self.input.discard(index);
            }
        }
        if streams.len() == 1 {
            // With nobody else to tell a pause from a jump, slides of half a minute are more likely.
            self.timeline.set_forward_limit(INDEXED_JUMP_MICROSECONDS);
        }
        for &index in streams {
            let base = self
                .input
                .stream(index)
                .map_or(Ratio::ONE, |stream| Ratio::new(stream.time_base.num, stream.time_base.den));
            let delay = self.input.parameters_now(index).map_or(0, |parameters| parameters.video_delay);
            self.timeline.follow(index, base, i64::from(delay), counter_period(self.container));
        }
        self.chosen = streams.to_vec();
    }

    /// Makes `microseconds` on the repaired clock the zero of all packets' times.
    pub fn set_origin(&mut self, microseconds: i64) {
        self.timeline.set_origin(microseconds);
    }

    /// Reads the next packet of a chosen stream.
    ///
    /// # Errors
    /// [`AvError::Read`] when the disk fails, [`AvError::Cancelled`], [`AvError::Late`]; never for damaged media,
    /// which is passed over and counted.
    pub fn read(&mut self) -> Result<Read, AvError> {
        /// Damaged places in a row before we stop believing that the demuxer gets anywhere.
        const UNREADABLE_IN_A_ROW: u32 = 10_000;
        let mut in_a_row = 0;
        while in_a_row < UNREADABLE_IN_A_ROW {
            if let Some(stop) = stopped(&self.interrupt) {
                return Err(stop);
            }
            let mut raw = RawPacket::empty()?;
            match self.input.read(&mut raw) {
                Ok(()) => {
                    if let Some(packet) = self.accept(raw) {
                        return Ok(Read::Packet(packet));
                    }
                }
                Err(failed) if failed.code == sys::AVERROR_EOF => return self.end(),
                Err(failed) if damage::is_damage(failed) => {
                    self.unreadable += 1;
                    in_a_row += 1;
                    if failed.code == sys::ENOMEM {
                        // A demuxer that has no room for a packet asks for the same one for ever.
                        return self.end();
                    }
                }
                Err(failed) => {
                    return Err(stopped(&self.interrupt).unwrap_or(AvError::Read(failed.into())));
                }
            }
        }
        self.end()
    }

    /// Tells a true end from a read error that the demuxer took for one.
    fn end(&self) -> Result<Read, AvError> {
        if let Some(stop) = stopped(&self.interrupt) {
            return Err(stop);
        }
        match self.input.io_error() {
            0 | sys::AVERROR_EOF => Ok(Read::End),
            code => Err(AvError::Read(sys::Failed { call: "read", code }.into())),
        }
    }

    fn accept(&mut self, mut raw: RawPacket) -> Option<Packet> {
        let index = usize::try_from(raw.stream_index).ok()?;
        if !self.chosen.contains(&index) {
            return None;
        }
        let stream = self.input.stream(index)?;
        let base = Ratio::new(stream.time_base.num, stream.time_base.den);
        let known = |ticks: i64| (ticks != NO_TIMESTAMP).then_some(ticks);
        if raw.payload().is_empty() {
            // To a decoder it would be the end of everything. In AVI it says that the picture before it stands on.
            self.unreadable += u64::from(self.container != Container::Avi);
            return None;
        }
        // AVI knows no presentation times; libav makes them up for pictures that nothing leans on, a frame late.
        let is_made_up = self.container == Container::Avi && self.timeline.reorders(index);
        let shown = known(raw.pts).filter(|_| !is_made_up);
        let times = damage::believable(Times { pts: shown, dts: known(raw.dts), duration: raw.duration }, base);
        let placed = self.timeline.place(index, times)?;
        raw.pts = placed.pts.unwrap_or(NO_TIMESTAMP);
        (raw.dts, raw.duration) = (placed.dts, times.duration);
        let mut packet = Packet::new(raw, base);
        damage::mark(&mut packet, self.container, self.input.parameters_now(index));
        Some(packet)
    }

    /// Returns what was repaired on the clock so far.
    pub fn repairs(&self) -> &Repairs {
        self.timeline.repairs()
    }

    /// Returns how many places could not be read as packets at all.
    pub fn unreadable(&self) -> u64 {
        self.unreadable
    }

    /// Returns whether streams turned up that were not there when the file was opened.
    pub fn has_late_streams(&self) -> bool {
        self.input.stream_count() > self.streams_at_open
    }

    /// Returns the duration that the header claims, in seconds.
    pub(super) fn declared_seconds(&self) -> Option<f64> {
        self.input.declared_duration().map(|ticks| crate::media::Timestamp::from_microseconds(ticks).seconds())
    }
}

/// Returns the ticks after which a container's counter begins anew: FLV's has 32 bits, MPEG's 33.
const fn counter_period(container: Container) -> Option<i64> {
    match container {
        Container::Flv => Some(1 << 32),
        Container::Ts | Container::Ps => Some(1 << 33),
        _ => None,
    }
}

fn open_file(path: &Path) -> Result<(File, u64), AvError> {
    let failed = |source| AvError::Open { path: path.to_owned(), source };
    // Looked at before opening: opening a pipe would block until somebody writes to it.
    let metadata = std::fs::metadata(path).map_err(failed)?;
    if !metadata.is_file() {
        return Err(AvError::NotAFile { path: path.to_owned() });
    }
    if metadata.len() == 0 {
        return Err(AvError::Empty { detail: "it has no bytes".to_owned() });
    }
    let file = File::open(path).map_err(failed)?;
    Ok((file, metadata.len()))
}

/// Tells a file with headers alone from one whose media makes no sense.
fn without_parameters(failed: sys::Failed, end_of_data: u64) -> AvError {
    /// Headers are smaller than this, and a picture beside them is not.
    const HEADERS_BYTES: u64 = 4096;
    if end_of_data < HEADERS_BYTES {
        return AvError::Empty { detail: "there is a header and nothing after it".to_owned() };
    }
    AvError::Header(failed.into())
}

/// Lets the demuxer see no more than was written: it would look for packets in gigabytes of zeros, or take them for
/// packets where an index says that there are some.
fn end_at_zeros(
    input: &mut InputContext,
    container: Container,
    length: u64,
    boxes: &Layout,
) -> Result<(), AvError> {
    /// Zeros that are still read: the last packet's own may be among them.
    const KEPT_BYTES: u64 = 64 * 1024;
    let end = length - boxes.zero_tail_bytes;
    match container {
        Container::Mp4 if !boxes.has_index => return Err(AvError::NoIndex),
        Container::Mp4 if boxes.torn => input.end_at(end),
        // Silence that is not compressed ends in zeros too.
        Container::Mp4 | Container::Avi | Container::Wav => {}
        _ => input.end_at(length.min(end + KEPT_BYTES)),
    }
    Ok(())
}

fn open_allowed(
    input: &mut InputContext,
    analysis: Analysis,
    interrupt: &Interrupt,
    length: u64,
    boxes: &Layout,
) -> Result<Container, AvError> {
    let (name, score, format) = match input.detect() {
        Ok(found) => found,
        Err(failed) if failed.code == ffi::AVERROR_INVALIDDATA || failed.code == sys::AVERROR_EOF => {
            return Err(AvError::NotMedia);
        }
        Err(failed) => return Err(stopped(interrupt).unwrap_or(AvError::Read(failed.into()))),
    };
    let container = allowed(&name, score)?;
    end_at_zeros(input, container, length, boxes)?;
    let mut pairs = vec![("protocol_whitelist", "file")];
    if analysis == Analysis::Deep {
        pairs.extend([("probesize", "268435456"), ("analyzeduration", "3600000000")]);
    }
    let mut options = Dictionary::new(pairs).map_err(|_| AvError::NotMedia)?;
    let opened = input.open(format, &mut options).map_err(damage::judged);
    opened.map_err(|failed| stopped(interrupt).unwrap_or_else(|| AvError::Header(failed.into())))?;
    Ok(container)
}

/// Returns the container behind libav's demuxer name, or why it is refused.
fn allowed(name: &str, score: i32) -> Result<Container, AvError> {
    let first = name.split(',').next().unwrap_or_default();
    let container = match first {
        "flv" | "live_flv" => Container::Flv,
        "mov" => Container::Mp4,
        "matroska" => Container::Mkv,
        "mpegts" => Container::Ts,
        "mpeg" => Container::Ps,
        "avi" => Container::Avi,
        "asf" | "asf_o" => Container::Asf,
        "ogg" => Container::Ogg,
        "wav" | "w64" => Container::Wav,
        "mp3" => Container::Mp3,
        "aac" => Container::Aac,
        _ if score < MIN_SCORE || is_document(first) => return Err(AvError::NotMedia),
        _ => return Err(AvError::FormatForbidden { format: name.to_owned() }),
    };
    if score < MIN_SCORE { Err(AvError::NotMedia) } else { Ok(container) }
}

/// Returns whether libav's name is one of its still pictures or subtitle texts: documents, not recordings.
fn is_document(name: &str) -> bool {
    const TEXTS: [&str; 12] = [
        "srt",
        "webvtt",
        "ass",
        "lrc",
        "sami",
        "microdvd",
        "subviewer",
        "vplayer",
        "tty",
        "bin",
        "realtext",
        "stl",
    ];
    name.ends_with("_pipe") || TEXTS.contains(&name)
}

/// Refuses pictures and stream counts above the caps, before anything of that size is allocated.
fn refuse_oversize(input: &InputContext) -> Result<(), AvError> {
    let count = input.stream_count();
    if count > MAX_STREAMS {
        return Err(AvError::TooManyStreams { count, limit: MAX_STREAMS });
    }
    for parameters in (0..count).filter_map(|index| input.parameters_now(index)) {
        let (width, height) = (i64::from(parameters.width), i64::from(parameters.height));
        if width.max(0).unsigned_abs().saturating_mul(height.max(0).unsigned_abs()) > MAX_PIXELS {
            return Err(AvError::TooLarge { width, height, limit: MAX_PIXELS });
        }
    }
    Ok(())
}

fn kind(kind: sys::AVMediaType, disposition: i32) -> StreamKind {
    match kind {
        sys::AVMediaType::AVMEDIA_TYPE_VIDEO if disposition & ffi::AV_DISPOSITION_ATTACHED_PIC != 0 => {
            StreamKind::CoverArt
        }
        sys::AVMediaType::AVMEDIA_TYPE_VIDEO => StreamKind::Video,
        sys::AVMediaType::AVMEDIA_TYPE_AUDIO => StreamKind::Audio,
        sys::AVMediaType::AVMEDIA_TYPE_SUBTITLE => StreamKind::Subtitle,
        _ => StreamKind::Data,
    }
}

fn stopped(interrupt: &Interrupt) -> Option<AvError> {
    match (interrupt.is_cancelled(), interrupt.is_late()) {
        (true, _) => Some(AvError::Cancelled),
        (false, true) => Some(AvError::Late),
        (false, false) => None,
    }
}
