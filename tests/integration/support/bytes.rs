//! Recordings changed byte by byte: what no muxer would write and every disk has held.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Bytes that look random and are the same in every run.
pub(crate) struct Noise(u64);

impl Noise {
    /// Starts a run; different seeds give different bytes.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns the next number below `limit`.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        // Knuth's MMIX constants; the high bits are the random ones.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }

    /// Returns `count` bytes.
    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| u8::try_from(self.below(256)).unwrap()).collect()
    }
}

/// Writes a copy of `path` beside it as `name`, its bytes changed by `edit`.
pub(crate) fn changed(path: &Path, name: &str, edit: impl FnOnce(&mut Vec<u8>)) -> PathBuf {
    let mut bytes = fs::read(path).unwrap();
    edit(&mut bytes);
    let copy = path.with_file_name(name);
    fs::write(&copy, bytes).unwrap();
    copy
}

/// Writes the first `length` bytes of `path` beside it as `name`.
pub(crate) fn cut(path: &Path, name: &str, length: usize) -> PathBuf {
    changed(path, name, |bytes| bytes.truncate(length))
}

/// Returns `percent` of the file's length.
pub(crate) fn share(path: &Path, percent: usize) -> usize {
    usize::try_from(fs::metadata(path).unwrap().len()).unwrap() * percent / 100
}

/// One tag of an FLV file.
#[derive(Clone, Debug)]
pub(crate) struct Tag {
    /// 8 sound, 9 picture, 18 metadata.
    pub(crate) kind: u8,
    /// Where it stands, the size behind it not included.
    pub(crate) at: Range<usize>,
    /// Its decode time.
    pub(crate) milliseconds: u32,
    /// Whether it is media, not headers or the end-of-sequence mark.
    pub(crate) is_media: bool,
}

impl Tag {
    /// Returns where the next tag begins.
    pub(crate) fn next(&self) -> usize {
        self.at.end + 4
    }

    /// Gives the tag another decode time.
    pub(crate) fn set_milliseconds(&self, bytes: &mut [u8], milliseconds: u32) {
        let [high, rest @ ..] = milliseconds.to_be_bytes();
        bytes[self.at.start + 4..self.at.start + 7].copy_from_slice(&rest);
        bytes[self.at.start + 7] = high;
    }
}

/// Returns the tags of an FLV file in order.
pub(crate) fn flv_tags(bytes: &[u8]) -> Vec<Tag> {
    let number = |at: usize| u32::from_be_bytes([0, bytes[at], bytes[at + 1], bytes[at + 2]]);
    let mut tags = Vec::new();
    let mut start = 13;
    while start + 15 <= bytes.len() {
        let end = start + 11 + usize::try_from(number(start + 1)).unwrap();
        let milliseconds = number(start + 4) | (u32::from(bytes[start + 7]) << 24);
        let kind = bytes[start];
        let is_media = kind != 18 && bytes[start + 12] == 1;
        tags.push(Tag { kind, at: start..end, milliseconds, is_media });
        start = end + 4;
    }
    tags
}

/// Returns where `needle` stands in `bytes`, every time.
pub(crate) fn find(bytes: &[u8], needle: &[u8]) -> Vec<usize> {
    let windows = bytes.windows(needle.len()).enumerate();
    windows.filter(|(_, window)| *window == needle).map(|(at, _)| at).collect()
}

/// Overwrites the duration in an FLV's metadata.
pub(crate) fn set_flv_duration(bytes: &mut [u8], seconds: f64) {
    let at = find(bytes, b"\x00\x08duration\x00")[0] + 11;
    bytes[at..at + 8].copy_from_slice(&seconds.to_be_bytes());
}
