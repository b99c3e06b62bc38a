//! Seams: recordings long enough to be encoded in chunks, and odd where the chunks meet. What comes out must be what one
//! piece would be: every picture, once, at its time, with its sound. Pictures carry their number, so that one that is
//! lost, doubled or another's is seen; FFmpeg's tools judge.

mod clock;
mod damage;
mod groups;
mod headers;
mod picture;
mod settings;
mod shape;
mod sound;

use std::path::Path;

use reelmill::clip::{Edit, Picture, Recipe, Sound};
use reelmill::media::{Container, Ratio};
use reelmill::transcode::Request;

use crate::support::oracle::{self, Listed};
use crate::support::run::{Manner, Ran, USUAL, encode, transcode_as};

const BOTH: [Container; 2] = [Container::Flv, Container::Mp4];
/// A tick of a millisecond's clock, rounded twice.
const TICK: f64 = 0.0016;
/// Frames per second of most recordings here: few, because they are long.
const RATE: f64 = 10.0;

/// A run in chunks whose outputs have been compared with those of a run in one piece.
struct Checked {
    ran: Ran,
    whole: Ran,
}

impl Checked {
    fn path(&self) -> &Path {
        self.ran.only().0
    }

    fn repairs(&self) -> &[String] {
        &self.ran.only().1.repairs
    }
}

/// A numbered picture at `rate` for `seconds` with sound beside it.
fn recipe(container: Container, rate: Ratio, seconds: f64) -> Recipe {
    let source = picture::numbered(&format!("{}/{}", rate.num, rate.den), seconds);
    let picture = Picture::h264("160x120", rate, seconds).with_source(source);
    Recipe { container, muxer_options: Vec::new(), pictures: vec![picture], sounds: vec![speech(seconds)] }
}

/// The same at [`RATE`] with a keyframe every two seconds, unless more of the encoder's options say otherwise.
fn with_options(container: Container, seconds: f64, options: &[(&'static str, &'static str)]) -> Recipe {
    let mut recipe = recipe(container, Ratio::new(10, 1), seconds);
    recipe.pictures[0] = recipe.pictures[0].clone().with_options(&[("g", "20")]).with_options(options);
    recipe
}

/// Sound that costs little to make: one channel at 16 kHz.
fn speech(seconds: f64) -> Sound {
    let source = format!("sine=frequency=440:sample_rate=16000:duration={seconds}");
    Sound { source, sample_rate: 16_000, channels: 1, ..Sound::aac(seconds) }
}

/// Times of `count` frames at `rate`.
fn even(rate: f64, count: u32) -> Vec<f64> {
    (0..count).map(|n| f64::from(n) / rate).collect()
}

/// Encodes in `chunks` chunks and in one piece, and checks whatever must hold of every recording that is whole.
fn check(source: &Path, container: Container, chunks: usize, wanted: &[f64]) -> Checked {
    check_request(source, &encode(&[], container), chunks, wanted)
}

fn check_request(source: &Path, request: &Request, chunks: usize, wanted: &[f64]) -> Checked {
    let checked = compare(source, request);
    assert_eq!(checked.ran.plan.cut.chunks().len(), chunks, "chunks of {:?}", checked.ran.plan.cut);
    for rendition in &checked.ran.renditions {
        oracle::assert_times(&oracle::times(&rendition.path, "v:0"), wanted, TICK);
        assert_keyframes(&rendition.path, &checked.ran);
    }
    checked
}

/// Encodes in chunks and in one piece, which must agree in everything but the bits of the pictures.
fn compare(source: &Path, request: &Request) -> Checked {
    let ran = transcode_as(USUAL, source, request).unwrap();
    let one_piece = Request { no_chunks: true, ..request.clone() };
    let whole = transcode_as(Manner { folder: "whole", ..USUAL }, source, &one_piece).unwrap();
    assert_eq!(whole.plan.cut.chunks(), []);
    for (ours, theirs) in ran.renditions.iter().zip(&whole.renditions) {
        let result = |one: &reelmill::transcode::RenditionOutcome| match &one.result {
            Ok(finished) => finished.clone(),
            Err(error) => panic!("{}: {error:?}", one.path.display()),
        };
        let (finished, reference) = (result(ours), result(theirs));
        assert_eq!((finished.frames, &finished.repairs), (reference.frames, &reference.repairs));
        let off = (finished.duration_seconds - reference.duration_seconds).abs();
        assert!(off < TICK, "{} s, in one piece {} s", finished.duration_seconds, reference.duration_seconds);
        assert_alike(&ours.path, &theirs.path);
    }
    Checked { ran, whole }
}

/// Fails where two outputs differ in times or in sound.
fn assert_alike(ours: &Path, theirs: &Path) {
    let (pictures, reference) = (oracle::packets(ours, "v:0"), oracle::packets(theirs, "v:0"));
    assert!(pictures.windows(2).all(|pair| pair[1].dts > pair[0].dts), "decode times rise");
    assert!(pictures.iter().all(|packet| packet.dts <= packet.pts), "shown after it is decoded");
    oracle::assert_times(&shown(&pictures), &shown(&reference), TICK);
    let (sound, wanted) = (oracle::packets(ours, "a:0"), oracle::packets(theirs, "a:0"));
    let hashes = |packets: &[Listed]| packets.iter().map(|packet| packet.hash.clone()).collect::<Vec<_>>();
    assert_eq!(hashes(&sound), hashes(&wanted), "sound");
    let moved = |packets: &[Listed], zero: f64| packets.iter().map(|packet| packet.pts - zero).collect::<Vec<_>>();
    let (zero, other) = (shown(&pictures)[0], shown(&reference)[0]);
    oracle::assert_times(&moved(&sound, zero), &moved(&wanted, other), TICK);
}

fn shown(packets: &[Listed]) -> Vec<f64> {
    let mut times: Vec<f64> = packets.iter().map(|packet| packet.pts).collect();
    times.sort_by(f64::total_cmp);
    times
}

/// Seconds after the first picture at which the chunks after the first begin.
fn seams(ran: &Ran) -> Vec<f64> {
    let chunks = ran.plan.cut.chunks();
    let ends = chunks.iter().scan(0.0, |end, chunk| {
        *end += chunk.seconds;
        Some(*end)
    });
    ends.take(chunks.len().saturating_sub(1)).collect()
}

fn keyframes(path: &Path) -> Vec<f64> {
    let packets = oracle::packets(path, "v:0");
    let first = shown(&packets).first().copied().unwrap_or(0.0);
    packets.iter().filter(|packet| packet.keyframe).map(|packet| packet.pts - first).collect()
}

/// Fails unless every seam of the run has a keyframe.
fn assert_keyframes(path: &Path, ran: &Ran) {
    let keyframes = keyframes(path);
    for seam in seams(ran) {
        let found = keyframes.iter().any(|time| (time - seam).abs() < TICK);
        assert!(found, "a keyframe at {seam}, not only at {keyframes:?}");
    }
}

/// The tags of an FLV from its first keyframe at or after `seconds` on, in order of the file, by position.
fn keyframe_tag(tags: &[crate::support::flv::Tag], seconds: u32) -> usize {
    let is_keyframe = |tag: &crate::support::flv::Tag| {
        tag.kind == crate::support::flv::PICTURE && tag.payload[0] >> 4 == 1 && tag.payload[1] == 1
    };
    tags.iter().position(|tag| is_keyframe(tag) && tag.time >= seconds * 1000).unwrap()
}

/// Keeps all packets but shows each to `change` with its stream and ordinal.
fn changing(
    mut change: impl FnMut(usize, &mut reelmill::av::Packet),
) -> impl FnMut(usize, usize, &mut reelmill::av::Packet) -> Edit {
    move |stream, ordinal, packet| {
        if stream == 0 {
            change(ordinal, packet);
        }
        Edit::Keep
    }
}
