//! AVI files taken apart into chunks and put together again, for what cameras and old encoders wrote.
//!
//! Source: Microsoft's AVI RIFF File Reference; OpenDML AVI File Format Extensions 1.02.

use std::path::Path;

/// A file without its index.
pub(crate) struct Avi {
    /// The list of headers.
    headers: Vec<u8>,
    /// Names and payloads of the media's chunks.
    pub(crate) chunks: Vec<([u8; 4], Vec<u8>)>,
}

/// Returns what stands in `bytes` from `at` on: a name, a payload, and where the next one begins.
fn chunk(bytes: &[u8], at: usize) -> ([u8; 4], &[u8], usize) {
    let size = u32::from_le_bytes(bytes[at + 4..at + 8].try_into().unwrap()) as usize;
    (bytes[at..at + 4].try_into().unwrap(), &bytes[at + 8..at + 8 + size], at + 8 + size + size % 2)
}

fn push(bytes: &mut Vec<u8>, name: &[u8; 4], payload: &[u8]) {
    bytes.extend_from_slice(name);
    bytes.extend_from_slice(&u32::try_from(payload.len()).unwrap().to_le_bytes());
    bytes.extend_from_slice(payload);
    bytes.resize(bytes.len().next_multiple_of(2), 0);
}

/// Reads the file at `path`.
pub(crate) fn read(path: &Path) -> Avi {
    let bytes = std::fs::read(path).unwrap();
    let mut avi = Avi { headers: Vec::new(), chunks: Vec::new() };
    let mut at = 12;
    while at + 8 <= bytes.len() {
        let (name, payload, next) = chunk(&bytes, at);
        match (&name, payload.get(..4)) {
            (b"LIST", Some(b"hdrl")) => avi.headers = payload.to_vec(),
            (b"LIST", Some(b"movi")) => {
                let mut at = 4;
                while at + 8 <= payload.len() {
                    let (name, payload, next) = chunk(payload, at);
                    avi.chunks.push((name, payload.to_vec()));
                    at = next;
                }
            }
            _ => {}
        }
        at = next;
    }
    avi
}

/// Writes the file, its chunks divided among so many RIFF chunks: more than one is OpenDML's way of growing large.
pub(crate) fn write(path: &Path, avi: &Avi, parts: usize) {
    let mut file = Vec::new();
    for (index, part) in avi.chunks.chunks(avi.chunks.len().div_ceil(parts)).enumerate() {
        let mut riff = if index == 0 { b"AVI ".to_vec() } else { b"AVIX".to_vec() };
        if index == 0 {
            push(&mut riff, b"LIST", &avi.headers);
        }
        let mut movi = b"movi".to_vec();
        part.iter().for_each(|(name, payload)| push(&mut movi, name, payload));
        push(&mut riff, b"LIST", &movi);
        push(&mut file, b"RIFF", &riff);
    }
    std::fs::write(path, file).unwrap();
}
