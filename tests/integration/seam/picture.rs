//! Pictures that carry their number: sixteen blocks at the bottom of 160x120, black or white, below a moving test image.

use std::path::Path;

use crate::support::oracle;

const WIDTH: usize = 160;
const HEIGHT: usize = 120;
const BYTES: usize = WIDTH * HEIGHT * 3 / 2;
/// Bits of the number, the lowest at the left, each a block ten pixels wide and sixteen high.
const BITS: usize = 16;
const BLOCK: usize = WIDTH / BITS;
const ROW: usize = HEIGHT - 8;

/// Returns a chain of numbered pictures; `rate` as `25` or `30000/1001`.
pub(super) fn numbered(rate: &str, seconds: f64) -> String {
    let bits = "geq=lum='16+219*mod(floor(N/pow(2,X)),2)':cb=128:cr=128,scale=160x16:flags=neighbor";
    let clock = format!("rate={rate}:duration={seconds}");
    format!(
        "testsrc2=size=160x104:{clock}[image];color=size=16x2:{clock},format=yuv420p,{bits}[bits];[image][bits]vstack"
    )
}

/// Returns the pictures' numbers in the order they are shown.
pub(super) fn numbers(pictures: &[u8]) -> Vec<u32> {
    let is_set = |picture: &[u8], bit: usize| picture[ROW * WIDTH + bit * BLOCK + BLOCK / 2] > 125;
    let number = |picture: &[u8]| (0..BITS).map(|bit| u32::from(is_set(picture, bit)) << bit).sum();
    pictures.chunks(BYTES).map(number).collect()
}

/// Fails unless the file's pictures are those of `source` that FFmpeg makes with `filter`, one by one.
pub(super) fn assert_same(path: &Path, source: &Path, filter: &str) -> Vec<u32> {
    let (ours, theirs) = (oracle::raw_pictures(path, "null"), oracle::raw_pictures(source, filter));
    assert_eq!(numbers(&ours), numbers(&theirs), "numbers of {}", path.display());
    assert_like(&ours, &theirs, 24.0);
    numbers(&ours)
}

/// Fails unless the pictures are numbered from 0 to `count`, and are FFmpeg's of the source.
pub(super) fn assert_all(path: &Path, source: &Path, count: u32) {
    assert_eq!(assert_same(path, source, "null"), (0..count).collect::<Vec<_>>());
}

/// Fails at the first picture that is less like its counterpart than `decibels`.
pub(super) fn assert_like(ours: &[u8], theirs: &[u8], decibels: f64) {
    assert_eq!(ours.len(), theirs.len(), "bytes of pictures");
    // One line in four tells as much as all of them.
    let lines =
        |picture: &[u8]| picture[..WIDTH * HEIGHT].chunks(WIDTH).step_by(4).flatten().copied().collect::<Vec<u8>>();
    for (index, (ours, theirs)) in ours.chunks(BYTES).zip(theirs.chunks(BYTES)).enumerate() {
        let likeness = oracle::psnr(&lines(ours), &lines(theirs));
        assert!(likeness > decibels, "picture {index}: {likeness:.1} dB");
    }
}
