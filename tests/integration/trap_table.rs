//! The table of traps in `docs/media.md` is complete, and every row of it comes from a test.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::trap::rows;

/// What a transcoder must survive, each with the id under which tests tell what came of it. T are the traps of
/// recordings and of the work itself, M the files that somebody made to do harm.
const TRAPS: [(&str, &str); 60] = [
    ("T1", "FLV: two publishes in one file, headers in mid-stream, jumps of the clock"),
    ("T2", "FLV: clocks that rise within each stream only"),
    ("T3", "clocks of 32 and 33 bits that roll over"),
    ("T4", "the picture's size changes in mid-stream"),
    ("T5", "the sound's rate or layout changes in mid-stream"),
    ("T6", "the first packets are no keyframe, or no headers came before them"),
    ("T7", "a file cut off between two packets"),
    ("T8", "a header that claims another duration"),
    ("T9", "an index that was never written; zeros after a power cut"),
    ("T10", "an index that is wrong or full"),
    ("T11", "damaged packets"),
    ("T12", "a decoder that is full"),
    ("T13", "a decoder's last pictures"),
    ("T14", "a resampler's last samples"),
    ("T15", "a filter that keeps its last picture"),
    ("T16", "a frame lost with each generation"),
    ("T17", "packets without a duration"),
    ("T18", "containers that force a tick of their own"),
    ("T19", "frame rates that do not divide a millisecond"),
    ("T20", "sound that begins late"),
    ("T21", "edit lists, times below zero, priming"),
    ("T22", "no timestamps"),
    ("T23", "uneven frames"),
    ("T24", "odd sizes"),
    ("T25", "pixels that are not square"),
    ("T26", "pictures that are to be turned"),
    ("T27", "pictures that are to be cropped"),
    ("T28", "high dynamic range"),
    ("T29", "interlaced pictures"),
    ("T30", "more than two channels"),
    ("T31", "no sound, or no picture"),
    ("T32", "cover art"),
    ("T33", "streams of data and time codes"),
    ("T34", "streams that hardly ever have a packet"),
    ("T35", "one rendition that is much slower than the others"),
    ("T36", "seams of sound between chunks"),
    ("T37", "chunks that do not have the frames they should"),
    ("T38", "a disk that becomes full"),
    ("T39", "pictures decoded by several threads"),
    ("T40", "frames and packets that are never let go"),
    ("M1", "what is no recording"),
    ("M2", "cut off anywhere"),
    ("M3", "an MP4 cut off before its index"),
    ("M4", "playlists"),
    ("M5", "documents that point elsewhere"),
    ("M6", "sizes that take all memory"),
    ("M7", "times that last for ever"),
    ("M8", "small files with endless work in them"),
    ("M9", "streams, chapters and metadata without end"),
    ("M10", "whatever can change in mid-stream"),
    ("M11", "codec headers or units that are missing or make no sense"),
    ("M12", "decode times that fall, wrap, stand still or are below zero"),
    ("M13", "everything a camera, a screen or a joker records"),
    ("M14", "sound that FLV cannot hold"),
    ("M15", "codecs that nobody expects"),
    ("M16", "encrypted media"),
    ("M17", "attachments with paths for names"),
    ("M18", "lengths that lie"),
    ("M19", "files with bits flipped at random"),
    ("M20", "control characters in names and metadata"),
];

#[test]
fn every_trap_has_a_row_in_the_table_and_every_row_a_trap() {
    let rows = rows();
    let known: HashSet<&str> = TRAPS.iter().map(|(id, _)| *id).collect();
    let told: HashSet<&str> = rows.iter().map(|row| row.id.as_str()).collect();
    let missing: Vec<_> = TRAPS.iter().filter(|(id, _)| !told.contains(id)).collect();
    assert!(missing.is_empty(), "no test tells what comes of {missing:?}");
    assert!(told.is_subset(&known), "{:?}", told.difference(&known));
}

#[test]
fn every_row_of_the_table_is_told_by_a_test() {
    let sources = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/integration"));
    let (rows, mut told) = (rows(), HashSet::new());
    for row in &rows {
        let literal = format!("{:?}", row.trap);
        let is_told = sources.iter().any(|source| source.contains(&literal));
        assert!(is_told, "no test speaks of {literal} any more: take the row out of docs/media.md");
        assert!(told.insert((&row.id, &row.trap)), "twice: {row:?}");
    }
}

/// Returns what stands in the files of a folder of tests.
fn sources(folder: &Path) -> Vec<String> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let read = |path: PathBuf| if path.is_dir() { sources(&path) } else { vec![fs::read_to_string(path).unwrap()] };
    paths.flat_map(read).collect()
}
