//! The lengths and counts of an MP4: sizes of boxes, those within others too, and the tables in them.
//!
//! Source: ISO/IEC 14496-12.

use std::ops::Range;

use super::field::{Field, number};

/// Boxes that hold boxes, and how many bytes stand before these.
const PARENTS: [(&[u8; 4], usize); 11] = [
    (b"moov", 0),
    (b"trak", 0),
    (b"edts", 0),
    (b"mdia", 0),
    (b"minf", 0),
    (b"dinf", 0),
    (b"stbl", 0),
    (b"udta", 0),
    (b"stsd", 8),
    (b"avc1", 78),
    (b"mp4a", 28),
];
/// Boxes with a table: where its count stands behind the box's header, and how many bytes its entries have.
const TABLES: [(&[u8; 4], usize, usize); 9] = [
    (b"stts", 4, 8),
    (b"ctts", 4, 8),
    (b"stsc", 4, 12),
    (b"stsz", 8, 4),
    (b"stco", 4, 4),
    (b"stss", 4, 4),
    (b"elst", 4, 12),
    (b"stsd", 4, 0),
    (b"dref", 4, 0),
];
const HEADER_BYTES: usize = 8;

/// Adds what stands in the boxes of `range`.
pub(super) fn boxes(bytes: &[u8], range: Range<usize>, fields: &mut Vec<Field>) {
    let mut at = range.start;
    while at + HEADER_BYTES <= range.end {
        let size = Field::new(at, 4);
        let length = usize::try_from(size.read(bytes)).unwrap();
        if length < HEADER_BYTES || at + length > range.end {
            return;
        }
        fields.push(size);
        let (kind, content) = (&bytes[at + 4..at + 8], at + HEADER_BYTES..at + length);
        if let Some((_, skipped)) = PARENTS.iter().find(|(name, _)| *name == kind) {
            boxes(bytes, content.start + skipped..content.end, fields);
        }
        if let Some((_, count_at, entry)) = TABLES.iter().find(|(name, ..)| *name == kind) {
            table(bytes, &content, *count_at, *entry, fields);
        }
        match kind {
            // Duration and, of the sound, how much is taken off: times are lengths too.
            b"mvhd" | b"mdhd" => fields.push(Field::new(content.start + 16, 4)),
            b"tkhd" => fields.push(Field::new(content.start + 20, 4)),
            // The lengths of the picture's headers, and of the length before each unit.
            b"avcC" => fields.extend([Field::new(content.start + 4, 1), Field::new(content.start + 6, 2)]),
            b"esds" => fields.extend((content.start + 4..content.end).map(|at| Field::new(at, 1))),
            _ => {}
        }
        at += length;
    }
}

/// Adds the count and each number of each entry.
fn table(bytes: &[u8], content: &Range<usize>, count_at: usize, entry: usize, fields: &mut Vec<Field>) {
    let count = Field::new(content.start + count_at, 4);
    fields.push(count);
    if count_at > 4 {
        // The size that all samples have, where they have one.
        fields.push(Field::new(content.start + 4, 4));
    }
    let entries = usize::try_from(number(&bytes[content.start + count_at..][..4])).unwrap();
    let first = content.start + count_at + 4;
    let last = (first + entries * entry).min(content.end);
    fields.extend((first..last).step_by(4).map(|at| Field::new(at, 4)));
}
