//! The lines of a journal: JSON, each line sealed with its hash, so that one with a changed digit is not believed. Readers
//! of another version find another `version` and leave the journal alone.

use serde::{Deserialize, Serialize};

use super::{ChunkRecord, Identity, OutputRecord, Source, Tally};
use crate::checked_line;

/// Counted up when a line or a chunk file changes its meaning.
const VERSION: u32 = 1;

/// One line.
#[derive(Deserialize, Serialize)]
#[serde(tag = "entry", rename_all = "lowercase")]
enum Line {
    Head(Head),
    Chunk(Chunk),
    Output(Output),
}

/// The first line: what the others were made from, and with what.
#[derive(Deserialize, Serialize)]
struct Head {
    version: u32,
    source_bytes: u64,
    source_modified: String,
    source_ends_sha256: String,
    settings: String,
    libraries: String,
}

/// A finished chunk.
#[derive(Deserialize, Serialize)]
struct Chunk {
    chunk: usize,
    settings: String,
    frames: u64,
    packets: u64,
    microseconds: u64,
    bytes: u64,
    sha256: String,
    decoded: Decoded,
}

/// What decoding the chunk came to.
#[derive(Deserialize, Serialize)]
struct Decoded {
    packets: u64,
    dropped: u64,
    frames: u64,
    errors: u64,
    damaged: u64,
    unordered: u64,
    before_keyframe: u64,
    reshaped: u64,
    shapes: Option<(String, String)>,
}

/// A finished output, written before it gets its name.
#[derive(Deserialize, Serialize)]
struct Output {
    settings: String,
    bytes: u64,
    sha256: String,
    verified: bool,
    repairs: Vec<String>,
}

/// What a line says.
pub(super) enum Entry {
    Head(Identity),
    Chunk(ChunkRecord),
    Output(OutputRecord),
    /// Another rendition's output, and its settings.
    Sibling(String, OutputRecord),
}

/// Returns what `line` says; nothing when it is torn, of another version, or a chunk of other settings than `settings`
/// (which the head brings).
pub(super) fn read(line: &str, settings: Option<&str>) -> Option<Entry> {
    match serde_json::from_str(checked_line::unseal(line)?).ok()? {
        Line::Head(head) if head.version == VERSION => Some(Entry::Head(identity(head))),
        Line::Chunk(chunk) if settings == Some(&chunk.settings) => Some(Entry::Chunk(chunk_record(chunk))),
        Line::Output(Output { settings: own, bytes, sha256, verified, repairs }) => {
            let record = OutputRecord { bytes, sha256, verified, repairs };
            settings
                .map(|settings| if settings == own { Entry::Output(record) } else { Entry::Sibling(own, record) })
        }
        _ => None,
    }
}

fn identity(head: Head) -> Identity {
    Identity {
        source: Source {
            bytes: head.source_bytes,
            modified: head.source_modified,
            ends_sha256: head.source_ends_sha256,
        },
        settings: head.settings,
        libraries: head.libraries,
    }
}

fn chunk_record(chunk: Chunk) -> ChunkRecord {
    let Decoded { packets, dropped, frames, errors, damaged, unordered, before_keyframe, reshaped, shapes } =
        chunk.decoded;
    let tally = Tally {
        packets,
        dropped,
        frames,
        errors,
        damaged,
        unordered,
        before_keyframe,
        reshaped,
        shapes,
        ..Tally::default()
    };
    ChunkRecord {
        index: chunk.chunk,
        frames: chunk.frames,
        packets: chunk.packets,
        microseconds: chunk.microseconds,
        bytes: chunk.bytes,
        sha256: chunk.sha256,
        tally,
    }
}

/// Returns the first line.
pub(super) fn head(identity: &Identity) -> String {
    text(&Line::Head(Head {
        version: VERSION,
        source_bytes: identity.source.bytes,
        source_modified: identity.source.modified.clone(),
        source_ends_sha256: identity.source.ends_sha256.clone(),
        settings: identity.settings.clone(),
        libraries: identity.libraries.clone(),
    }))
}

/// Returns the line of a finished chunk.
pub(super) fn chunk(record: &ChunkRecord, settings: &str) -> String {
    let tally = &record.tally;
    let decoded = Decoded {
        packets: tally.packets,
        dropped: tally.dropped,
        frames: tally.frames,
        errors: tally.errors,
        damaged: tally.damaged,
        unordered: tally.unordered,
        before_keyframe: tally.before_keyframe,
        reshaped: tally.reshaped,
        shapes: tally.shapes.clone(),
    };
    text(&Line::Chunk(Chunk {
        chunk: record.index,
        settings: settings.to_owned(),
        frames: record.frames,
        packets: record.packets,
        microseconds: record.microseconds,
        bytes: record.bytes,
        sha256: record.sha256.clone(),
        decoded,
    }))
}

/// Returns the line of a finished output.
pub(super) fn output(record: &OutputRecord, settings: &str) -> String {
    text(&Line::Output(Output {
        settings: settings.to_owned(),
        bytes: record.bytes,
        sha256: record.sha256.clone(),
        verified: record.verified,
        repairs: record.repairs.clone(),
    }))
}

fn text(line: &Line) -> String {
    checked_line::seal(&serde_json::to_string(line).expect("numbers and strings always serialize"))
}
