//! Damage near seams: what is lost is lost in one piece too, and is told; too much of it is refused.

use std::ops::Range;
use std::path::{Path, PathBuf};

use reelmill::media::Container;
use reelmill::transcode::Request;
use tempfile::TempDir;

use super::{changing, with_options};
use crate::support::bytes::Noise;
use crate::support::clip::{make_edited, scratch};
use crate::support::oracle;
use crate::support::run::{Manner, Ran, USUAL, encode, outcome, transcode_as};

/// The second chunk begins with packet 120, the third with 240.
const SECONDS: f64 = 31.0;
const FRAMES: u64 = 310;

/// A recording whose packets in `range` have flipped bits behind their headers.
fn flipped(folder: &TempDir, container: Container, range: Range<usize>) -> PathBuf {
    let mut noise = Noise::new(7);
    let recipe = with_options(container, SECONDS, &[("preset", "veryfast"), ("bf", "2")]);
    let edit = changing(|ordinal, packet| {
        if range.contains(&ordinal) {
            let payload = packet.payload_mut().unwrap();
            for _ in 0..8 {
                let at = payload.len() / 4 + noise.below(payload.len() * 3 / 4);
                payload[at] ^= 1 << noise.below(8);
            }
        }
    });
    make_edited(folder, "flipped", &recipe, edit)
}

/// The number that the repair with `text` in it begins with.
fn told(ran: &Ran, text: &str) -> u64 {
    let repair = ran.only().1.repairs.iter().find(|repair| repair.contains(text));
    repair.map_or(0, |repair| repair.split(' ').next().unwrap().parse().unwrap())
}

/// Returns `(lost, damaged)`, after checking that every picture is there or told.
fn losses(ran: &Ran) -> (u64, u64) {
    let (path, finished) = ran.only();
    let (lost, damaged) = (told(ran, "could not be decoded"), told(ran, "damaged and patched up"));
    assert_eq!(finished.frames + lost, FRAMES, "{:?}", finished.repairs);
    assert_eq!(oracle::decodes_whole(path) as u64, finished.frames);
    (lost, damaged)
}

/// Transcodes in chunks, which must be three, and in one piece, and returns what was lost and damaged in each.
fn both(source: &Path, container: Container) -> [(u64, u64); 2] {
    let ran = transcode_as(USUAL, source, &encode(&[], container)).unwrap();
    assert_eq!(ran.plan.cut.chunks().len(), 3);
    let one_piece = Request { no_chunks: true, ..encode(&[], container) };
    let whole = transcode_as(Manner { folder: "whole", ..USUAL }, source, &one_piece).unwrap();
    [losses(&ran), losses(&whole)]
}

#[test]
fn flipped_bits_near_a_seam_cost_no_more_than_in_one_piece() {
    // In the middle of a chunk, at the seam's keyframe, across the seam, at the very end.
    for (container, ranges) in [(Container::Flv, [180..182, 120..121]), (Container::Mp4, [118..122, 305..310])] {
        for range in ranges {
            let folder = scratch();
            let source = flipped(&folder, container, range.clone());
            let [ours, theirs] = both(&source, container);
            assert!(ours.0 <= theirs.0 + 1, "{range:?}: lost and damaged {ours:?}, in one piece {theirs:?}");
            assert!(ours.0 + ours.1 > 0 || theirs.0 + theirs.1 == 0, "{range:?}: nothing told");
        }
    }
}

#[test]
fn damage_of_a_single_chunk_is_measured_against_the_whole() {
    for (count, code) in [(12, "OK"), (18, "MEDIA_UNDECODABLE")] {
        let folder = scratch();
        let recipe = with_options(Container::Flv, SECONDS, &[]);
        let edit = changing(|ordinal, packet| {
            if (165..165 + count).contains(&ordinal) {
                packet.payload_mut().unwrap()[5..].fill(0);
            }
        });
        let source = make_edited(&folder, "zeroed.flv", &recipe, edit);
        for no_chunks in [false, true] {
            let request = Request { no_chunks, ..encode(&[], Container::Flv) };
            assert_eq!(outcome(&source, &request), code, "{count} pictures, in one piece: {no_chunks}");
        }
    }
}

#[test]
fn a_keyframe_at_a_seam_whose_headers_are_gone_costs_its_group_as_in_one_piece() {
    let folder = scratch();
    let recipe = with_options(Container::Flv, SECONDS, &[("g", "10")]);
    let edit = changing(|ordinal, packet| {
        if ordinal == 120 {
            packet.payload_mut().unwrap()[5..].fill(0);
        }
    });
    let source = make_edited(&folder, "zeroed.flv", &recipe, edit);
    let [ours, theirs] = both(&source, Container::Flv);
    // In one piece the decoder may show the picture before in its place.
    assert!(ours.0.abs_diff(theirs.0) <= 1, "lost and damaged {ours:?}, in one piece {theirs:?}");
}
