//! FLV files taken apart into tags and put together again, for sources that no well-meaning recorder writes.
//!
//! Source: Adobe's Video File Format Specification 10.1, annex E.

use std::path::Path;

const HEADER_BYTES: usize = 13;
const TAG_HEADER_BYTES: usize = 11;
/// The kinds of tags.
pub(crate) const SOUND: u8 = 8;
pub(crate) const PICTURE: u8 = 9;
const SCRIPT: u8 = 18;

/// One tag; its time in milliseconds.
#[derive(Clone, Debug)]
pub(crate) struct Tag {
    pub(crate) kind: u8,
    pub(crate) time: u32,
    pub(crate) payload: Vec<u8>,
}

/// Reads the tags of the file at `path`.
pub(crate) fn read(path: &Path) -> Vec<Tag> {
    let bytes = std::fs::read(path).unwrap();
    let mut rest = &bytes[HEADER_BYTES..];
    let mut tags = Vec::new();
    while rest.len() >= TAG_HEADER_BYTES {
        let length = u32::from_be_bytes([0, rest[1], rest[2], rest[3]]) as usize;
        let time = u32::from_be_bytes([rest[7], rest[4], rest[5], rest[6]]);
        let payload = rest[TAG_HEADER_BYTES..TAG_HEADER_BYTES + length].to_vec();
        tags.push(Tag { kind: rest[0], time, payload });
        rest = &rest[TAG_HEADER_BYTES + length + 4..];
    }
    tags
}

/// Writes a file of sound and picture with these tags. What a recorder wrote into the first file's metadata no
/// longer holds, so that is left out.
pub(crate) fn write(path: &Path, tags: &[Tag]) {
    let mut bytes = b"FLV\x01\x05\0\0\0\x09\0\0\0\0".to_vec();
    for tag in tags.iter().filter(|tag| tag.kind != SCRIPT) {
        let length = u32::try_from(tag.payload.len()).unwrap();
        let [high, low @ ..] = tag.time.to_be_bytes();
        bytes.push(tag.kind);
        bytes.extend_from_slice(&length.to_be_bytes()[1..]);
        bytes.extend_from_slice(&low);
        bytes.push(high);
        bytes.extend_from_slice(&[0; 3]);
        bytes.extend_from_slice(&tag.payload);
        bytes.extend_from_slice(&(length + 11).to_be_bytes());
    }
    std::fs::write(path, bytes).unwrap();
}

/// Returns the tags of `second` after those of `first`, the second's times moved by `offset` milliseconds.
pub(crate) fn joined(first: &Path, second: &Path, offset: u32) -> Vec<Tag> {
    let mut tags = read(first);
    tags.extend(read(second).into_iter().map(|tag| Tag { time: tag.time + offset, ..tag }));
    tags
}
