//! What is counted over one stream's packets. Pure.

use super::super::packet::Packet;
use super::access::AccessPoints;
use crate::media::{AudioCodec, Timestamp};

/// Access points closer than this are of no use: chunks are many seconds long.
const APART_MICROSECONDS: i64 = 1_000_000;
/// Counts over one stream's packets.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) packets: u64,
    pub(super) bytes: u64,
    pub(super) damaged: u64,
    pub(super) new_headers: u64,
    /// What the latest packet of AAC said of itself, where each does.
    pub(super) adts: Option<[u8; 2]>,
    pub(super) last_is_damaged: bool,
    /// Presentation times of all packets, in ticks. 8 bytes a frame: a day at 60 fps is 41 MB.
    pub(super) shown: Vec<i64>,
    pub(super) keyframes: Vec<i64>,
    pub(super) access: AccessPoints,
    pub(super) packets_before_keyframe: u64,
    pub(super) hidden: u64,
    /// Ticks of whole packets that decoders leave out.
    pub(super) discarded: i64,
    pub(super) end: i64,
    /// How long the latest packet lasted that says so, in ticks.
    pub(super) usual: i64,
}

impl Tally {
    fn add(&mut self, packet: &Packet) {
        let Some(pts) = packet.pts().or(packet.dts()).map(|pts| pts.ticks) else { return };
        self.last_is_damaged = packet.is_corrupt();
        if packet.is_corrupt() {
            self.damaged += 1;
        }
        self.packets += 1;
        self.discarded += if packet.is_discarded() { packet.duration().ticks } else { 0 };
        self.bytes += packet.payload().len() as u64;
        // The first packet's headers are no change.
        self.new_headers += u64::from(packet.has_new_headers() && self.packets > 1);
        if packet.is_keyframe() {
            self.keyframes.push(pts);
        } else if self.keyframes.is_empty() {
            self.packets_before_keyframe += 1;
        }
        self.shown.push(pts);
        let lasts = packet.duration().ticks;
        self.usual = if lasts > 0 { lasts } else { self.usual };
        self.end = self.end.max(pts + packet.duration().ticks);
    }

    /// Adds a picture. One that an edit list cuts off is none, but decoding may begin there. `by_codec` tells what the
    /// picture itself says of that, where it can be read.
    pub(super) fn add_picture(&mut self, packet: &Packet, by_codec: impl FnOnce(&[u8]) -> Option<bool>) {
        // A container's word for "keyframe" is checked where the codec's own can be read.
        let stands_alone =
            || packet.is_keyframe() && !packet.is_corrupt() && by_codec(packet.payload()) != Some(false);
        let apart = Timestamp::from_microseconds(APART_MICROSECONDS).rescale(packet.time_base()).ticks;
        self.access.add(packet.pts().map(|pts| pts.ticks), apart, stands_alone);
        if !packet.is_discarded() {
            return self.add(packet);
        }
        self.hidden += 1;
        if let Some(pts) = packet.pts().filter(|_| packet.is_keyframe()) {
            self.keyframes.push(pts.ticks);
        }
    }

    /// Adds a packet of sound, whose parameters may also change in its own header.
    pub(super) fn add_sound(&mut self, packet: &Packet, codec: &AudioCodec) {
        if *codec == AudioCodec::Aac
            && !packet.is_corrupt()
            && let Some(header) = adts(packet.payload())
        {
            self.new_headers += u64::from(self.adts.is_some_and(|before| before != header));
            self.adts = Some(header);
        }
        self.add(packet);
    }

    pub(super) fn start(&self) -> i64 {
        self.shown.iter().copied().min().unwrap_or(0)
    }
}

/// Returns profile, sample rate and channels from the ADTS header of a packet of AAC (ISO/IEC 13818-7, 6.2), as the
/// bits stand there; nothing for AAC whose headers are the container's.
fn adts(payload: &[u8]) -> Option<[u8; 2]> {
    match payload {
        [0xff, second, third, fourth, ..] if second & 0xf6 == 0xf0 => Some([third & 0xfd, fourth & 0xc0]),
        _ => None,
    }
}
