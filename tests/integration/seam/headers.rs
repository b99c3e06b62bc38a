//! Codec headers that change in mid-stream, before, at and after a seam: a chunk's decoder has not seen what came before.

use std::path::PathBuf;

use reelmill::clip::{Picture, Recipe};
use reelmill::media::{Container, Ratio};
use tempfile::TempDir;

use super::{BOTH, RATE, check, even, picture, with_options};
use crate::support::clip::{by_ffmpeg, make, scratch};
use crate::support::trap;
use crate::support::{flv, oracle};

/// Seconds of a recording. Its seams are at 12 s and 24 s: headers change long before them, right before, at, and after
/// the first one.
const SECONDS: u32 = 38;

fn glued(folder: &TempDir, at: u32, second: &Recipe) -> PathBuf {
    let first = make(folder, "first.flv", &with_options(Container::Flv, f64::from(at), &[]));
    let path = folder.path().join("glued.flv");
    flv::write(&path, &flv::joined(&first, &make(folder, "second.flv", second), at * 1000));
    path
}

/// A recording of another shape.
fn square(seconds: f64) -> Recipe {
    let picture = Picture::h264("120x120", Ratio::new(10, 1), seconds).with_options(&[("g", "20")]);
    Recipe { pictures: vec![picture], ..with_options(Container::Flv, seconds, &[]) }
}

#[test]
fn headers_of_another_profile_reach_every_later_chunk() {
    let high = [("preset", "veryfast"), ("profile", "high"), ("bf", "0")];
    for at in [2, 12] {
        let folder = scratch();
        let source = glued(&folder, at, &with_options(Container::Flv, f64::from(SECONDS - at), &high));
        let checked = check(&source, Container::Mp4, 3, &even(RATE, SECONDS * 10));
        let numbers = picture::assert_same(checked.path(), &source, "null");
        assert_eq!(numbers, (0..at * 10).chain(0..(SECONDS - at) * 10).collect::<Vec<_>>());
    }
    trap::told("T6", "codec headers that change in mid-stream", "they reach every later chunk");
}

#[test]
fn a_picture_of_another_shape_is_fitted_in_every_later_chunk() {
    for at in [10, 14] {
        let folder = scratch();
        let source = glued(&folder, at, &square(f64::from(SECONDS - at)));
        let checked = check(&source, Container::Flv, 3, &even(RATE, SECONDS * 10));
        assert!(checked.repairs().contains(&"picture changed shape once; fitted".to_owned()));
        let pictures = |path| oracle::raw_pictures(path, "null");
        picture::assert_like(&pictures(checked.path()), &pictures(checked.whole.only().0), 24.0);
    }
}

#[test]
fn a_picture_that_changes_shape_at_every_seam_and_back_is_counted_as_often() {
    let folder = scratch();
    let wide = make(&folder, "wide.flv", &with_options(Container::Flv, 12.0, &[]));
    let square = make(&folder, "square.flv", &square(12.0));
    let middle = folder.path().join("middle.flv");
    flv::write(&middle, &flv::joined(&wide, &square, 12_000));
    let source = folder.path().join("thrice.flv");
    flv::write(&source, &flv::joined(&middle, &wide, 24_000));
    for container in BOTH {
        let checked = check(&source, container, 3, &even(RATE, 360));
        assert!(checked.repairs().contains(&"picture changed shape 2 times; fitted".to_owned()));
    }
}

#[test]
fn headers_in_a_transport_stream_change_at_a_seam() {
    let folder = scratch();
    let part = |name: &str, size: &str, offset: u32| {
        let line = format!(
            "-f lavfi -i testsrc2=size={size}:rate=10:duration=14 -c:v libx264 -preset ultrafast -g 20 \
             -output_ts_offset {offset} -muxdelay 0 -muxpreload 0"
        );
        std::fs::read(by_ffmpeg(&folder, name, &line)).unwrap()
    };
    let source = folder.path().join("ab.ts");
    std::fs::write(&source, [part("a.ts", "160x120", 0), part("b.ts", "120x120", 14)].concat()).unwrap();
    let checked = super::compare(&source, &crate::support::run::encode(&[], Container::Mp4));
    assert_eq!(super::seams(&checked.ran).len(), 1);
    let pictures = |path| oracle::raw_pictures(path, "null");
    picture::assert_like(&pictures(checked.path()), &pictures(checked.whole.only().0), 24.0);
}
