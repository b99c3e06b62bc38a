//! Recordings whose picture or sound changes shape on the way (M10): one output, one size, every frame.

use std::fs;
use std::path::Path;

use reelmill::clip::Recipe;
use reelmill::media::Container;
use tempfile::TempDir;

use crate::support::clip::{by_ffmpeg, make, scratch};
use crate::support::run::saw;
use crate::support::run::{encode, transcode};
use crate::support::{flv, oracle};

/// Returns the mean brightness of a rectangle of frame `frame` in a `width` × `height` picture.
fn brightness(pictures: &[u8], size: (usize, usize), frame: usize, rows: std::ops::Range<usize>) -> f64 {
    let (width, height) = size;
    let picture = &pictures[frame * width * height * 3 / 2..];
    let bytes = &picture[rows.start * width..rows.end * width];
    #[expect(clippy::cast_precision_loss, reason = "a mean over bytes")]
    let mean = bytes.iter().map(|&byte| u64::from(byte)).sum::<u64>() as f64 / bytes.len() as f64;
    mean
}

/// Two seconds of 320x180, then two of 320x240 with keyframes of their own, in one FLV.
fn reshaped_flv(folder: &TempDir) -> std::path::PathBuf {
    let first = make(folder, "first.flv", &Recipe::plain(Container::Flv, "320x180", 2.0));
    let second = make(folder, "second.flv", &Recipe::plain(Container::Flv, "240x240", 2.0));
    let path = folder.path().join("joined.flv");
    flv::write(&path, &flv::joined(&first, &second, 2000));
    path
}

/// `lost` frames are those that the source itself has damaged.
fn check_reshaped(trap: &str, source: &Path, container: Container, lost: u64) {
    let ran = transcode(source, &encode(&[], container)).unwrap();
    saw("M10", trap, &ran);
    let (path, finished) = ran.only();
    assert_eq!((finished.frames, finished.verified), (100 - lost, true));
    assert_eq!(oracle::entry(path, "v:0", "width,height"), "320,180");
    assert_eq!(oracle::decodes_whole(path) as u64, 100 - lost);
    let named = finished.repairs.contains(&"1 picture could not be decoded and was left out".to_owned());
    assert_eq!(named, lost == 1, "{:?}", finished.repairs);
    assert!(finished.repairs.contains(&"picture changed shape once; fitted".to_owned()), "{:?}", finished.repairs);
    let pictures = oracle::raw_pictures(path, "crop=60:180:0:0");
    let (before, after) =
        (brightness(&pictures, (60, 180), 45, 0..180), brightness(&pictures, (60, 180), 51, 0..180));
    assert!(before > 40.0, "the first picture fills its frame: {before}");
    assert!(after < 20.0, "the second has bars at its sides: {after}");
    let middle = oracle::raw_pictures(path, "crop=160:180:80:0");
    assert!(brightness(&middle, (160, 180), 60, 0..180) > 40.0, "the second is shown in the middle");
}

#[test]
fn an_flv_with_a_second_sequence_header_keeps_one_size_and_every_frame_m10() {
    let folder = scratch();
    let source = reshaped_flv(&folder);
    saw(
        "T4",
        "two publishes of different sizes in one FLV",
        &transcode(&source, &encode(&[], Container::Flv)).unwrap(),
    );
    for container in [Container::Flv, Container::Mp4] {
        check_reshaped("another size after a second sequence header (FLV)", &source, container, 0);
    }
}

#[test]
fn two_transport_streams_glued_together_keep_one_size_and_every_frame_m10() {
    let folder = scratch();
    let one = |name: &str, size: &str, rate: u32| {
        let line = format!(
            "-f lavfi -i testsrc2=size={size}:rate=25:duration=2 -f lavfi -i sine=sample_rate={rate}:duration=2 \
             -c:v libx264 -preset ultrafast -g 25 -c:a aac -ac 2"
        );
        fs::read(by_ffmpeg(&folder, name, &line)).unwrap()
    };
    // The second part's clock starts anew, its picture is square, its sound has another rate.
    let mut glued = one("a.ts", "320x180", 44_100);
    glued.extend(one("b.ts", "240x240", 48_000));
    let source = folder.path().join("ab.ts");
    fs::write(&source, glued).unwrap();
    for container in [Container::Flv, Container::Mp4] {
        // The packet counters break at the joint, and so the demuxer flags the last picture before it.
        check_reshaped("another size, rate and clock in a glued transport stream", &source, container, 1);
        let mut request = encode(&[], container);
        request.audio = reelmill::transcode::AudioRequest::Aac(None);
        let ran = transcode(&source, &request).unwrap();
        let (path, finished) = ran.only();
        assert!(finished.repairs.iter().any(|repair| repair.contains("timestamp jump")), "{:?}", finished.repairs);
        assert_eq!(oracle::entry(path, "a:0", "sample_rate"), "44100");
        let samples = oracle::samples(path).len();
        assert!(samples.abs_diff(4 * 48_000) < 48_000 / 10, "{samples} samples of four seconds");
    }
}

#[test]
fn pixels_that_stop_being_square_in_mid_stream_are_not_stretched_m10() {
    let folder = scratch();
    let one = |name: &str, aspect: &str| {
        let line = format!(
            "-f lavfi -i testsrc2=size=320x240:rate=25:duration=1,setsar={aspect} -c:v libx264 -preset ultrafast -g 25"
        );
        by_ffmpeg(&folder, name, &line)
    };
    let source = folder.path().join("joined.flv");
    // The second part is shown as 320x120: half the frame's height.
    flv::write(&source, &flv::joined(&one("a.flv", "1"), &one("b.flv", "2"), 1000));
    let ran = transcode(&source, &encode(&[], Container::Flv)).unwrap();
    saw("M10", "pixels that stop being square", &ran);
    let (path, finished) = ran.only();
    assert_eq!((finished.frames, oracle::decodes_whole(path)), (50, 50));
    let pictures = oracle::raw_pictures(path, "null");
    assert!(brightness(&pictures, (320, 240), 24, 0..50) > 40.0);
    assert!(brightness(&pictures, (320, 240), 30, 0..50) < 20.0, "bars above");
    assert!(brightness(&pictures, (320, 240), 30, 190..240) < 20.0, "bars below");
    assert!(brightness(&pictures, (320, 240), 30, 80..160) > 40.0);
}

#[test]
fn samples_that_become_full_range_in_mid_stream_keep_their_brightness_m10() {
    let folder = scratch();
    let one = |name: &str, format: &str| {
        let line = format!(
            "-f lavfi -i color=white:size=320x240:rate=25:duration=1,scale=out_range={},format={format} -c:v libx264 -preset ultrafast -g 25",
            if format == "yuvj420p" { "full" } else { "limited" }
        );
        by_ffmpeg(&folder, name, &line)
    };
    let source = folder.path().join("joined.flv");
    flv::write(&source, &flv::joined(&one("a.flv", "yuv420p"), &one("b.flv", "yuvj420p"), 1000));
    let ran = transcode(&source, &encode(&[], Container::Flv)).unwrap();
    saw("M10", "samples that become full range", &ran);
    let pictures = oracle::raw_pictures(ran.only().0, "null");
    for frame in [10, 40] {
        let white = brightness(&pictures, (320, 240), frame, 0..240);
        assert!((white - 235.0).abs() < 1.5, "frame {frame}: {white}");
    }
}

#[test]
fn samples_and_colours_that_become_finer_in_mid_stream_stay_the_same_picture_m10() {
    let folder = scratch();
    let one = |name: &str, words: &str| {
        let line = format!(
            "-f lavfi -i testsrc2=size=320x240:rate=25:duration=1,gblur=sigma=3 -c:v libx264 -preset ultrafast -g 25 {words}"
        );
        by_ffmpeg(&folder, name, &line)
    };
    let plain = one("a.flv", "-pix_fmt yuv420p");
    for (name, words) in [("b.flv", "-pix_fmt yuv444p"), ("c.flv", "-pix_fmt yuv420p10le -profile:v high10")] {
        let source = folder.path().join("joined.flv");
        flv::write(&source, &flv::joined(&plain, &one(name, words), 1000));
        let ran = transcode(&source, &encode(&[], Container::Flv)).unwrap();
        let (path, finished) = ran.only();
        assert_eq!((finished.frames, oracle::decodes_whole(path)), (50, 50), "{words}");
        assert_eq!(oracle::entry(path, "v:0", "pix_fmt"), "yuv420p");
        let pictures = oracle::raw_pictures(path, "null");
        let (first, second) = pictures.split_at(pictures.len() / 2);
        let likeness = oracle::psnr(first, second);
        assert!(likeness > 30.0, "{words}: {likeness:.1} dB: the same second twice");
    }
}
