//! Real recordings, where they are at hand: every rendition, both containers, colour, frames and sync.

use std::path::{Path, PathBuf};

use reelmill::media::Container;
use tempfile::TempDir;

use crate::support::clip::scratch;
use crate::support::oracle;
use crate::support::run::{encode, transcode};

/// Returns the clip, linked into a scratch folder; `None` where the clips are not at hand.
#[expect(clippy::print_stderr, reason = "whoever runs the tests should know what was not tested")]
fn clip(folder: &TempDir, name: &str) -> Option<PathBuf> {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?.join("shared/clips").join(name);
    if !shared.is_file() {
        eprintln!("{} is not there: real clips are not tested", shared.display());
        return None;
    }
    let path = folder.path().join(name);
    std::os::unix::fs::symlink(&shared, &path).unwrap();
    Some(path)
}

/// Transcodes `name` to `rungs` with their sizes, in both containers, and checks each against FFmpeg's conversion.
fn check(name: &str, rungs: &[(&str, &str)], reference: &str) {
    let folder = scratch();
    let Some(source) = clip(&folder, name) else { return };
    let frames = oracle::times(&source, "v:0");
    let sound = oracle::packets(&source, "a:0");
    let names: Vec<&str> = rungs.iter().map(|(rung, _)| *rung).collect();
    for container in [Container::Flv, Container::Mp4] {
        let ran = transcode(&source, &encode(&names, container)).unwrap();
        for (rendition, (rung, size)) in ran.renditions.iter().zip(rungs) {
            let finished = rendition.result.as_ref().unwrap_or_else(|error| panic!("{rung}: {error:?}"));
            let path = &rendition.path;
            assert_eq!((finished.frames, finished.verified), (frames.len() as u64, true));
            let shape = oracle::entry(path, "v:0", "width,height,sample_aspect_ratio,pix_fmt");
            assert_eq!(shape, format!("{},1:1,yuv420p", size.replace('x', ",")), "{rung}");
            assert_ne!(oracle::entry(path, "v:0", "color_range"), "pc");
            assert_eq!(oracle::decodes_whole(path), frames.len(), "{rung}");
            oracle::assert_times(&oracle::times(path, "v:0"), &frames, 0.0011);
            let filter = format!("scale={}:flags=bicubic:{reference}", size.replace('x', ":"));
            let likeness = oracle::likeness(path, &source, &filter);
            assert!(likeness > 30.0, "{name} {rung} {container}: {likeness:.1} dB");
            check_sync(path, &source, &sound);
        }
    }
}

/// Checks that the sound is copied and begins as far from the picture as it did.
fn check_sync(path: &Path, source: &Path, sound: &[oracle::Listed]) {
    let copied = oracle::packets(path, "a:0");
    assert_eq!(copied.len(), sound.len());
    if sound.is_empty() {
        return;
    }
    let first = |path| oracle::packets(path, "v:0").iter().map(|packet| packet.pts).fold(f64::INFINITY, f64::min);
    let (picture, original) = (first(path), first(source));
    for (copied, before) in copied.iter().zip(sound) {
        let off = (copied.pts - picture) - (before.pts - original);
        assert!(off.abs() < 0.040, "{}: sound off by {off:.3}", path.display());
        assert_eq!(copied.hash, before.hash);
    }
}

#[test]
fn the_film_goes_to_every_rung_with_its_six_channels() {
    let rungs = [("720P", "1280x720"), ("480P", "854x480"), ("360P", "640x360"), ("240P", "426x240")];
    check("bigbuckbunny.mp4", &rungs, "out_range=limited");
}

#[test]
fn the_odd_rate_without_sound_keeps_every_frame_at_its_time() {
    check("bottle-detection.mp4", &[("240P", "426x240")], "out_range=limited");
}

#[test]
fn the_full_range_clip_comes_out_limited_in_the_same_colours() {
    let rungs = [("480P", "640x480"), ("360P", "480x360"), ("240P", "320x240")];
    check("school.mkv", &rungs, "in_range=full:out_range=limited");
}
