//! A finished chunk on disk: its packets one after another, and nothing else.
//!
//! Each packet is a head of 21 bytes, all little-endian (presentation time and duration as `i64` in ticks of the
//! encoder's clock, 1 byte that is 1 for a keyframe, the payload's length as `u32`), and its payload. There is no
//! header: which settings made it, how many bytes it has and their hash stand in the journal, without which the file
//! means nothing. Decode times are not kept; they follow from the presentation times of all chunks.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::av::Packet;
use crate::content_hash::{self, ContentHash};
use crate::room::{Grant, Room};
use crate::transcode::TranscodeError;

const HEAD_BYTES: usize = 21;

/// A chunk file being written.
pub(in crate::transcode::engine) struct ChunkWriter {
    file: BufWriter<File>,
    hash: ContentHash,
    bytes: u64,
    unfinished: Unfinished,
}

/// A file that goes, and its room with it, unless it is finished: nobody can go on from half a chunk.
struct Unfinished {
    path: PathBuf,
    grant: Grant,
    is_finished: bool,
}

/// A chunk file whose bytes are written, though perhaps not yet on the disk.
pub(in crate::transcode::engine) struct ChunkFile {
    file: File,
    pub(super) bytes: u64,
    pub(super) sha256: String,
}

impl ChunkWriter {
    /// Creates the file at `path` for what `room` has room for.
    pub(in crate::transcode::engine) fn create(
        path: &Path,
        room: Option<Arc<dyn Room>>,
    ) -> Result<Self, TranscodeError> {
        let unfinished = Unfinished { path: path.to_owned(), grant: Grant::new(room), is_finished: false };
        let file = File::create(path).map_err(|source| unfinished.unwritten(source))?;
        Ok(Self { file: BufWriter::new(file), hash: ContentHash::default(), bytes: 0, unfinished })
    }

    /// Appends a packet.
    pub(in crate::transcode::engine) fn write(&mut self, packet: &Packet) -> Result<(), TranscodeError> {
        let length = HEAD_BYTES + packet.payload().len();
        self.unfinished.grant.reach(self.bytes + length as u64)?;
        self.put_packet(packet).map_err(|source| self.unfinished.unwritten(source))
    }

    fn put_packet(&mut self, packet: &Packet) -> io::Result<()> {
        let payload = packet.payload();
        let length = u32::try_from(payload.len()).map_err(|_| io::ErrorKind::FileTooLarge)?;
        let pts = packet.pts().map_or(0, |pts| pts.ticks);
        self.put(&pts.to_le_bytes())?;
        self.put(&packet.duration().ticks.to_le_bytes())?;
        self.put(&[u8::from(packet.is_keyframe())])?;
        self.put(&length.to_le_bytes())?;
        self.put(payload)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        self.file.write_all(bytes)
    }

    pub(in crate::transcode::engine) fn finish(self) -> Result<ChunkFile, TranscodeError> {
        let Self { file, hash, bytes, mut unfinished } = self;
        let file = file.into_inner().map_err(|error| unfinished.unwritten(error.into_error()))?;
        unfinished.is_finished = true;
        Ok(ChunkFile { file, bytes, sha256: hash.finish() })
    }
}

impl Unfinished {
    fn unwritten(&self, source: io::Error) -> TranscodeError {
        TranscodeError::File { operation: "write", path: self.path.clone(), source }
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // A file that stays all the same is removed by the next run; until then it takes room.
        if !self.is_finished && fs::remove_file(&self.path).is_ok() {
            self.grant.give_back();
        }
    }
}

impl ChunkFile {
    /// Waits until the bytes are on the disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }
}

/// What stands before a packet's payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::transcode::engine) struct Head {
    /// When it is shown, in ticks of the encoder's clock.
    pub(in crate::transcode::engine) pts: i64,
    /// How long, in the same.
    pub(in crate::transcode::engine) duration: i64,
    pub(in crate::transcode::engine) is_keyframe: bool,
    length: u32,
}

/// A chunk file being read.
pub(in crate::transcode::engine) struct ChunkReader {
    file: BufReader<File>,
    left: u64,
}

impl ChunkReader {
    pub(in crate::transcode::engine) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let left = file.metadata()?.len();
        Ok(Self { file: BufReader::new(file), left })
    }

    /// Returns the next packet; `None` at the end of the file.
    pub(in crate::transcode::engine) fn read(&mut self) -> io::Result<Option<(Head, Vec<u8>)>> {
        let Some(head) = self.head()? else { return Ok(None) };
        let mut payload = vec![0; head.length as usize];
        self.file.read_exact(&mut payload)?;
        Ok(Some((head, payload)))
    }

    /// Returns the presentation times of the packets from here to the end, in the order of decoding.
    pub(in crate::transcode::engine) fn times(mut self) -> io::Result<Vec<i64>> {
        let mut times = Vec::new();
        while let Some(head) = self.head()? {
            times.push(head.pts);
            self.file.seek_relative(head.length.into())?;
        }
        Ok(times)
    }

    fn head(&mut self) -> io::Result<Option<Head>> {
        if self.left == 0 {
            return Ok(None);
        }
        let mut bytes = [0; HEAD_BYTES];
        self.file.read_exact(&mut bytes)?;
        let head = decode(bytes);
        let whole = HEAD_BYTES as u64 + u64::from(head.length);
        self.left = self.left.checked_sub(whole).ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(Some(head))
    }
}

fn decode(bytes: [u8; HEAD_BYTES]) -> Head {
    let [p0, p1, p2, p3, p4, p5, p6, p7, d0, d1, d2, d3, d4, d5, d6, d7, key, l0, l1, l2, l3] = bytes;
    Head {
        pts: i64::from_le_bytes([p0, p1, p2, p3, p4, p5, p6, p7]),
        duration: i64::from_le_bytes([d0, d1, d2, d3, d4, d5, d6, d7]),
        is_keyframe: key == 1,
        length: u32::from_le_bytes([l0, l1, l2, l3]),
    }
}

/// Returns the SHA-256 of the first `bytes` of a file, in lower-case hex; an error where it has another length.
pub(super) fn hash(path: &Path, bytes: u64) -> io::Result<String> {
    if fs::metadata(path)?.len() != bytes {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    content_hash::of_file(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::Ratio;

    #[test]
    fn what_was_written_is_read_back_and_a_torn_end_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chunk");
        let mut writer = ChunkWriter::create(&path, None).unwrap();
        for (pts, payload) in [(4_i64, &b"key"[..]), (6, b""), (5, b"leaning")] {
            let mut packet = Packet::with_payload(payload, Ratio::new(1, 25)).unwrap();
            packet.set_times(pts, pts);
            packet.set_duration(1);
            packet.set_keyframe(pts == 4);
            writer.write(&packet).unwrap();
        }
        let written = writer.finish().unwrap();
        assert_eq!(hash(&path, written.bytes).unwrap(), written.sha256);
        assert_eq!(ChunkReader::open(&path).unwrap().times().unwrap(), [4, 6, 5]);
        let mut reader = ChunkReader::open(&path).unwrap();
        let mut read = Vec::new();
        while let Some((head, payload)) = reader.read().unwrap() {
            read.push((head.pts, head.duration, head.is_keyframe, payload));
        }
        assert_eq!(
            read,
            [(4, 1, true, b"key".to_vec()), (6, 1, false, Vec::new()), (5, 1, false, b"leaning".to_vec())]
        );
        File::options().write(true).open(&path).unwrap().set_len(written.bytes - 1).unwrap();
        assert!(ChunkReader::open(&path).unwrap().times().is_err());
        assert!(hash(&path, written.bytes).is_err());
    }
}
