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
    /// What the latest packet of sound said of itself, where each does.
    pub(super) header: Option<[u8; 2]>,
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
    /// From the first packet's decode time to its presentation time, where it has one.
    lead: Option<i64>,
    /// A packet after the first had no presentation time: from there on all are told by their decode times, which leave no
    /// place twice and none free.
    lacks: bool,
    /// How long the latest packet lasted that says so, in ticks.
    pub(super) usual: i64,
}

impl Tally {
    fn add(&mut self, packet: &Packet) {
        let Some(pts) = self.shown_at(packet) else { return };
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

    /// Returns when a packet is shown, as one of them all.
    fn shown_at(&mut self, packet: &Packet) -> Option<i64> {
        let (shown, decoded) = (packet.pts().map(|pts| pts.ticks), packet.dts().map(|dts| dts.ticks));
        if self.packets == 0 {
            self.lead = shown.zip(decoded).map(|(shown, decoded)| shown - decoded);
        }
        self.lacks |= shown.is_none() && self.lead.is_some();
        match self.lead.filter(|_| self.lacks) {
            Some(lead) => decoded.map(|decoded| decoded + lead),
            None => shown.or(decoded),
        }
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
        if !packet.is_corrupt()
            && let Some(header) = own_header(codec, packet.payload())
        {
            self.new_headers += u64::from(self.header.is_some_and(|before| before != header));
            self.header = Some(header);
        }
        self.add(packet);
    }

    pub(super) fn start(&self) -> i64 {
        self.shown.iter().copied().min().unwrap_or(0)
    }
}

/// Returns what a packet says of its sample rate and channels; nothing for codecs whose headers are the container's.
fn own_header(codec: &AudioCodec, payload: &[u8]) -> Option<[u8; 2]> {
    match codec {
        AudioCodec::Aac => adts(payload),
        AudioCodec::Other(name) if name == "ac3" || name == "eac3" => ac3(payload),
        _ => None,
    }
}

/// Returns the bits of sample rate and channels in a frame of AC-3, or in the first substream of one of E-AC-3 (ETSI TS
/// 102 366, 4.4 and E.1.2).
fn ac3(payload: &[u8]) -> Option<[u8; 2]> {
    const LAST_OF_AC3: u8 = 10;
    let [0x0b, 0x77, third, _, fifth, sixth, seventh, ..] = payload else { return None };
    if sixth >> 3 <= LAST_OF_AC3 {
        return Some([fifth & 0xc0, seventh & 0xe0]);
    }
    // The kind of substream and its number, zero both; then the sample rate, the number of blocks, and the channels.
    (third >> 3 == 0).then_some([fifth & 0xc0, fifth & 0x0f])
}

/// Returns profile, sample rate and channels from the ADTS header of a packet of AAC (ISO/IEC 13818-7, 6.2), as the
/// bits stand there; nothing for AAC whose headers are the container's.
fn adts(payload: &[u8]) -> Option<[u8; 2]> {
    match payload {
        [0xff, second, third, fourth, ..] if second & 0xf6 == 0xf0 => Some([third & 0xfd, fourth & 0xc0]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_of_ac3_tells_its_sample_rate_and_channels_and_not_its_size() {
        let ac3 = |bytes: [u8; 7]| own_header(&AudioCodec::from_name("ac3"), &bytes);
        // 48 kHz stereo at two rates; then 5.1; then 44.1 kHz.
        let stereo = ac3([0x0b, 0x77, 1, 2, 0x14, 0x40, 0x43]);
        assert!(stereo.is_some() && stereo == ac3([0x0b, 0x77, 3, 4, 0x1c, 0x40, 0x43]));
        assert_ne!(stereo, ac3([0x0b, 0x77, 1, 2, 0x14, 0x40, 0xe1]));
        assert_ne!(stereo, ac3([0x0b, 0x77, 1, 2, 0x54, 0x40, 0x43]));
        // E-AC-3: six blocks of stereo; a dependent substream tells nothing of its own.
        let (first, dependent) = ([0x0b, 0x77, 0, 9, 0x34, 0x80, 0], [0x0b, 0x77, 0x40, 9, 0x3f, 0x80, 0]);
        assert_eq!((ac3(first), ac3(dependent)), (Some([0, 4]), None));
        assert_eq!(own_header(&AudioCodec::Mp3, &first), None);
    }
}
