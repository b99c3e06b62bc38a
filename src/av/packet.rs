//! An encoded unit that knows its time base.

use super::error::AvError;
use super::sys::{NO_TIMESTAMP, RawPacket};
use crate::media::{TimeBase, Timestamp};
use ffmpeg_next::ffi::AVPacketSideDataType;

const FLAG_KEY: i32 = 1;
const FLAG_CORRUPT: i32 = 2;
const FLAG_DISCARD: i32 = 4;
const NEW_HEADERS: AVPacketSideDataType = AVPacketSideDataType::AV_PKT_DATA_NEW_EXTRADATA;

/// A packet: one coded picture, or one run of coded sound.
pub struct Packet {
    raw: RawPacket,
    base: TimeBase,
}

impl Packet {
    pub(super) fn new(raw: RawPacket, base: TimeBase) -> Self {
        Self { raw, base }
    }

    pub(super) fn raw(&self) -> &RawPacket {
        &self.raw
    }

    pub(super) fn raw_mut(&mut self) -> &mut RawPacket {
        &mut self.raw
    }

    /// Returns a packet with a copy of `payload`, its times unknown, their time base `base`.
    ///
    /// # Errors
    /// Out of memory.
    pub fn with_payload(payload: &[u8], base: TimeBase) -> Result<Self, AvError> {
        Ok(Self { raw: RawPacket::with_payload(payload)?, base })
    }

    /// Returns another reference to the same data.
    ///
    /// # Errors
    /// Out of memory.
    pub fn reference(&self) -> Result<Self, AvError> {
        Ok(Self { raw: self.raw.reference()?, base: self.base })
    }

    /// Returns the stream's position in its container.
    pub fn stream_index(&self) -> usize {
        usize::try_from(self.raw.stream_index).unwrap_or(0)
    }

    /// Returns when it is shown.
    pub fn pts(&self) -> Option<Timestamp> {
        timestamp(self.raw.pts, self.base)
    }

    /// Returns when it is decoded.
    pub fn dts(&self) -> Option<Timestamp> {
        timestamp(self.raw.dts, self.base)
    }

    /// Returns how long it lasts; 0 ticks when unknown.
    pub fn duration(&self) -> Timestamp {
        Timestamp::new(self.raw.duration.max(0), self.base)
    }

    /// Sets when it is shown and decoded, in ticks of its own time base.
    pub fn set_times(&mut self, pts: i64, dts: i64) {
        self.raw.pts = pts;
        self.raw.dts = dts;
    }

    /// Sets how long it lasts, in ticks of its own time base.
    pub fn set_duration(&mut self, ticks: i64) {
        self.raw.duration = ticks;
    }

    /// Forgets both times: what a recorder without a clock writes.
    pub fn clear_times(&mut self) {
        self.set_times(NO_TIMESTAMP, NO_TIMESTAMP);
    }

    /// Returns the time base that its times are counted in.
    pub fn time_base(&self) -> TimeBase {
        self.base
    }

    /// Counts its times in `base` from here on, moved by `offset` (in `base`). Rounds to the nearest tick.
    pub fn rescale(&mut self, base: TimeBase, offset: i64) {
        let from = self.base;
        let rescale = |ticks: i64| Timestamp::new(ticks, from).rescale(base).ticks;
        let moved = |ticks: i64| if ticks == NO_TIMESTAMP { ticks } else { rescale(ticks) + offset };
        let (pts, dts) = (moved(self.raw.pts), moved(self.raw.dts));
        // A packet that lasted still lasts: a duration of 0 costs the last frame in MP4.
        let duration = if self.raw.duration > 0 { rescale(self.raw.duration).max(1) } else { 0 };
        self.set_times(pts, dts);
        self.raw.duration = duration;
        self.base = base;
    }

    /// Returns whether decoding can begin here.
    pub fn is_keyframe(&self) -> bool {
        self.raw.flags & FLAG_KEY != 0
    }

    /// Says whether decoding can begin here.
    pub fn set_keyframe(&mut self, is_keyframe: bool) {
        self.raw.flags = if is_keyframe { self.raw.flags | FLAG_KEY } else { self.raw.flags & !FLAG_KEY };
    }

    /// Returns whether the demuxer knows that it is damaged or cut off.
    pub fn is_corrupt(&self) -> bool {
        self.raw.flags & FLAG_CORRUPT != 0
    }

    /// Says that it is damaged.
    pub(super) fn set_corrupt(&mut self) {
        self.raw.flags |= FLAG_CORRUPT;
    }

    /// Returns whether it is decoded but not shown or heard, as an encoder's priming.
    pub fn is_discarded(&self) -> bool {
        self.raw.flags & FLAG_DISCARD != 0
    }

    /// Returns whether it brings new codec headers (a change in mid-stream).
    pub fn has_new_headers(&self) -> bool {
        self.raw.has_side_data(NEW_HEADERS)
    }

    /// Returns the codec headers that it brings.
    pub fn new_headers(&self) -> Option<&[u8]> {
        self.raw.side_data(NEW_HEADERS)
    }

    /// Makes it bring codec headers: for a decoder that begins with it and has not seen them.
    ///
    /// # Errors
    /// Out of memory.
    pub fn set_new_headers(&mut self, headers: &[u8]) -> Result<(), AvError> {
        Ok(self.raw.set_side_data(NEW_HEADERS, headers)?)
    }

    /// Returns whether it is scrambled and no key was known.
    pub fn is_encrypted(&self) -> bool {
        self.raw.has_side_data(AVPacketSideDataType::AV_PKT_DATA_ENCRYPTION_INFO)
    }

    /// Returns the payload.
    pub fn payload(&self) -> &[u8] {
        self.raw.payload()
    }

    /// Returns the payload for changing it.
    ///
    /// # Errors
    /// Out of memory.
    pub fn payload_mut(&mut self) -> Result<&mut [u8], AvError> {
        Ok(self.raw.payload_mut()?)
    }

    /// Cuts the payload to `size` bytes.
    pub fn shrink(&mut self, size: usize) {
        self.raw.shrink(size);
    }
}

pub(super) fn timestamp(ticks: i64, base: TimeBase) -> Option<Timestamp> {
    (ticks != NO_TIMESTAMP).then(|| Timestamp::new(ticks, base))
}
