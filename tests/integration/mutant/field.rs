//! Where the lengths and counts stand in a recording: what a reader trusts when it allocates and when it goes on.

use reelmill::media::Container;

use super::table;

/// A number in the file, most significant byte first, some of whose upper bits may belong to something else.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    at: usize,
    bytes: usize,
    /// Bits of the first byte that are not the number's.
    upper: u32,
}

impl Field {
    pub(super) fn new(at: usize, bytes: usize) -> Self {
        Self { at, bytes, upper: 0 }
    }

    pub(super) fn bits(&self) -> u32 {
        u32::try_from(self.bytes).unwrap() * 8 - self.upper
    }

    pub(super) fn most(&self) -> u64 {
        u64::MAX >> (64 - self.bits())
    }

    pub(super) fn read(&self, bytes: &[u8]) -> u64 {
        number(&bytes[self.at..self.at + self.bytes]) & self.most()
    }

    pub(super) fn write(&self, bytes: &mut [u8], value: u64) {
        let place = &mut bytes[self.at..self.at + self.bytes];
        let kept = number(place) & !self.most();
        let written = (kept | value).to_be_bytes();
        place.copy_from_slice(&written[8 - self.bytes..]);
    }
}

pub(super) fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

/// Returns the lengths and counts of a good recording.
pub(super) fn fields(container: Container, bytes: &[u8]) -> Vec<Field> {
    let mut fields = Vec::new();
    match container {
        Container::Flv => flv(bytes, &mut fields),
        Container::Mp4 => table::boxes(bytes, 0..bytes.len(), &mut fields),
        Container::Mkv => ebml(bytes, 0, bytes.len(), &mut fields),
        Container::Ts => ts(bytes, &mut fields),
        other => unreachable!("{other} is not mutated by its structure"),
    }
    fields.retain(|field| field.at + field.bytes <= bytes.len());
    fields
}

/// Sizes before and behind each tag, and of the first unit in a picture.
fn flv(bytes: &[u8], fields: &mut Vec<Field>) {
    const SIZE_AT: usize = 1;
    const PAYLOAD_AT: usize = 11;
    fields.push(Field::new(5, 4));
    let mut at = 13;
    while at + PAYLOAD_AT < bytes.len() {
        let size = Field::new(at + SIZE_AT, 3);
        let end = at + PAYLOAD_AT + usize::try_from(size.read(bytes)).unwrap();
        fields.extend([size, Field::new(end, 4)]);
        if bytes[at] == 9 {
            // Behind the codec, the kind of packet and the composition time.
            fields.push(Field::new(at + PAYLOAD_AT + 5, 4));
        }
        at = end + 4;
    }
}

/// Sizes of all elements, those within others too.
fn ebml(bytes: &[u8], mut at: usize, end: usize, fields: &mut Vec<Field>) {
    /// Segment, Info, Tracks, TrackEntry, Video, Audio, Cluster, BlockGroup, Cues, CuePoint, positions, SeekHead, Seek, Tags,
    /// Tag, Targets, SimpleTag, EBML.
    const MASTERS: [u64; 18] = [
        0x1853_8067,
        0x1549_a966,
        0x1654_ae6b,
        0xae,
        0xe0,
        0xe1,
        0x1f43_b675,
        0xa0,
        0x1c53_bb6b,
        0xbb,
        0xb7,
        0x114d_9b74,
        0x4dbb,
        0x1254_c367,
        0x7373,
        0x63c0,
        0x67c8,
        0x1a45_dfa3,
    ];
    let length = |at: usize| bytes.get(at).map_or(0, |first| first.leading_zeros() as usize + 1);
    while at < end {
        let (id_bytes, size_at) = (length(at), at + length(at));
        let size_bytes = length(size_at);
        if !(1..=4).contains(&id_bytes) || !(1..=8).contains(&size_bytes) || size_at + size_bytes > end {
            return;
        }
        let size = Field { at: size_at, bytes: size_bytes, upper: u32::try_from(size_bytes).unwrap() };
        fields.push(size);
        let content = size_at + size_bytes;
        let content_end = content.saturating_add(usize::try_from(size.read(bytes)).unwrap()).min(end);
        if MASTERS.contains(&number(&bytes[at..size_at])) {
            ebml(bytes, content, content_end, fields);
        }
        at = content_end;
    }
}

/// Headers of the packets, lengths of what fills them up, of tables and of what they carry.
fn ts(bytes: &[u8], fields: &mut Vec<Field>) {
    const PACKET_BYTES: usize = 188;
    for at in (0..bytes.len().saturating_sub(PACKET_BYTES - 1)).step_by(PACKET_BYTES) {
        fields.push(Field::new(at, 4));
        let (starts, has_filling) = (bytes[at + 1] & 0x40 != 0, bytes[at + 3] & 0x20 != 0);
        let mut payload = at + 4;
        if has_filling {
            fields.push(Field::new(payload, 1));
            payload += 1 + usize::from(bytes[payload]);
        }
        if !starts || payload + 12 > at + PACKET_BYTES {
            continue;
        }
        if bytes[payload..].starts_with(&[0, 0, 1]) {
            // The length of the whole, and of the rest of its header.
            fields.extend([Field::new(payload + 4, 2), Field::new(payload + 8, 1)]);
        } else {
            // A pointer, then the length of the table and that of the descriptions in it.
            fields.push(Field::new(payload, 1));
            fields.push(Field { at: payload + 2, bytes: 2, upper: 4 });
            fields.push(Field { at: payload + 11, bytes: 2, upper: 4 });
        }
    }
}
