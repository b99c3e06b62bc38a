//! The same bits as FFmpeg: what we encode against its own encoder, what we remux against what went in.

use std::fs;
use std::path::{Path, PathBuf};

use reelmill::av::{Interrupt, probe};
use reelmill::clip::Recipe;
use reelmill::media::{Container, RateControlMode};
use reelmill::transcode::explain::ffmpeg_line;
use reelmill::transcode::x264::has_avx512;
use reelmill::transcode::{RateControlRequest, Request};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::support::binary::{end, reelmill};
use crate::support::clip::{make, scratch};
use crate::support::oracle;
use crate::support::run::{encode, transcode};
use crate::support::trap;

const BOTH: [Container; 2] = [Container::Flv, Container::Mp4];

fn hashes(path: &Path, stream: &str) -> Vec<String> {
    oracle::packets(path, stream).into_iter().map(|packet| packet.hash).collect()
}

/// Fails at the first packet of the picture that differs.
fn assert_same_bits(ours: &Path, theirs: &Path, what: &str) {
    let (ours, theirs) = (hashes(ours, "v:0"), hashes(theirs, "v:0"));
    let differs = ours.iter().zip(&theirs).position(|(ours, theirs)| ours != theirs);
    assert_eq!((ours.len(), differs), (theirs.len(), None), "{what}: packets, and the first that differs");
}

/// Runs the line that `--explain` prints for `request`, as a person would, and returns the outputs it made.
fn by_the_line(folder: &TempDir, source: &Path, request: &Request) -> Vec<PathBuf> {
    let info = probe(source, &Interrupt::default()).unwrap();
    let plan = reelmill::transcode::plan::plan(&info, request).unwrap();
    let outputs: Vec<PathBuf> = (plan.renditions.iter())
        .map(|rendition| folder.path().join(format!("line {}.{}", rendition.name, plan.container.name())))
        .collect();
    let names: Vec<String> = outputs.iter().map(|path| path.to_str().unwrap().to_owned()).collect();
    let line = ffmpeg_line(&info, &plan, source.to_str().unwrap(), &names);
    oracle::tool("bash", &["-c", &format!("{line} -y -v error </dev/null")]);
    outputs
}

fn rates() -> [RateControlRequest; 6] {
    let none = RateControlRequest::default();
    let mode = |mode| RateControlRequest { mode: Some(mode), bits_per_second: Some(300_000), ..none };
    [
        none,
        RateControlRequest { crf: Some(30.5), ..none },
        RateControlRequest { cq: Some(31), ..none },
        mode(RateControlMode::Abr),
        RateControlRequest { max_bits_per_second: Some(400_000), ..mode(RateControlMode::Vbr) },
        mode(RateControlMode::Cbr),
    ]
}

#[test]
fn the_line_that_explain_prints_makes_the_same_video_bits_in_every_rate_control() {
    for container in BOTH {
        let folder = scratch();
        let source = make(&folder, "lesson.flv", &Recipe::plain(Container::Flv, "640x360", 5.0));
        for rate_control in rates() {
            let request = Request { rate_control, ..encode(&["360P", "240P"], container) };
            let ran = transcode(&source, &request).unwrap();
            let theirs = by_the_line(&folder, &source, &request);
            for (ours, theirs) in ran.renditions.iter().zip(&theirs) {
                assert!(ours.result.is_ok(), "{:?}", ours.result);
                assert_same_bits(&ours.path, theirs, &format!("{} {rate_control:?}", ours.name));
                let (ours, theirs) = (oracle::times(&ours.path, "v:0"), oracle::times(theirs, "v:0"));
                oracle::assert_times(&ours, &theirs, 0.0011);
            }
        }
    }
}

#[test]
fn a_rendition_is_bit_equal_to_x264_fed_the_same_frames_by_ffmpeg() {
    let folder = scratch();
    let source = make(&folder, "lesson.flv", &Recipe::plain(Container::Flv, "640x360", 6.0));
    let ran = transcode(&source, &encode(&["240P"], Container::Mp4)).unwrap();
    let theirs = folder.path().join("theirs.mp4");
    // Spelled by hand: 426x240 by zimg, the documented defaults, a keyframe every four seconds, one thread.
    let line = "-vf zscale=w=426:h=240:f=bicubic,format=yuv420p,setsar=1 -an -threads 1 -c:v libx264 -preset veryfast \
                -crf 24 -g 100 -sc_threshold 0 -forced-idr 1 -force_key_frames expr:gte(t,n_forced*4) -fps_mode vfr -r 25";
    let mut words = vec!["-v", "error", "-i", source.to_str().unwrap()];
    words.extend(line.split_whitespace());
    if has_avx512() {
        words.extend(["-x264-params", "asm=AVX2"]);
    }
    words.push(theirs.to_str().unwrap());
    oracle::tool("ffmpeg", &words);
    assert_same_bits(ran.only().0, &theirs, "by hand");
}

#[test]
fn a_remux_there_and_back_keeps_every_payload_and_every_time_to_a_tick() {
    let folder = scratch();
    let mut recipe = Recipe::plain(Container::Flv, "320x180", 4.0);
    recipe.pictures[0] = recipe.pictures[0].clone().with_options(&[("preset", "medium"), ("bf", "3")]);
    let source = make(&folder, "lesson.flv", &recipe);
    let copy = |container| Request {
        container: Some(container),
        rate_control: RateControlRequest { mode: Some(RateControlMode::Copy), ..Default::default() },
        ..Request::default()
    };
    let there = transcode(&source, &copy(Container::Mp4)).unwrap();
    assert_eq!(there.plan.renditions[0].action.name(), "remux");
    let middle = folder.path().join("middle.mp4");
    fs::rename(there.only().0, &middle).unwrap();
    let back = transcode(&middle, &copy(Container::Flv)).unwrap();
    for path in [middle.as_path(), back.only().0] {
        for stream in ["v:0", "a:0"] {
            assert_eq!(hashes(path, stream), hashes(&source, stream), "{} {stream}", path.display());
            let list = |path| oracle::packets(path, stream);
            let (ours, original) = (list(path), list(&source));
            let (zero, original_zero) =
                (oracle::packets(path, "v:0")[0].pts, oracle::packets(&source, "v:0")[0].pts);
            for (ours, original) in ours.iter().zip(&original) {
                let shown = (ours.pts - zero) - (original.pts - original_zero);
                let order = (ours.pts - ours.dts) - (original.pts - original.dts);
                assert!(
                    shown.abs() < 0.0016 && (order.abs() < 0.0016 || stream == "v:0"),
                    "{stream}: {ours:?} for {original:?}"
                );
                assert_eq!(ours.keyframe, original.keyframe);
            }
        }
    }
    trap::told("T18", "a remux into another container and back", "every time is equal to a tick");
}

#[test]
fn a_source_that_fits_is_copied_byte_for_byte() {
    let digest = |path: &Path| {
        Sha256::digest(fs::read(path).unwrap()).iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let folder = scratch();
    let mut recipe = Recipe::plain(Container::Flv, "320x180", 2.0);
    recipe.pictures[0] = recipe.pictures[0].clone().with_options(&[("preset", "veryfast"), ("crf", "40")]);
    let source = make(&folder, "lesson.flv", &recipe);
    let request = Request { container: Some(Container::Flv), ..Request::default() };
    let ran = transcode(&source, &request).unwrap();
    assert_eq!(ran.plan.renditions[0].action.name(), "copy");
    let (path, finished) = ran.only();
    assert_eq!(digest(path), digest(&source));
    assert_eq!(finished.sha256, digest(&source));
}

#[test]
fn two_runs_of_the_same_transcode_write_the_same_bytes() {
    for container in BOTH {
        let folder = scratch();
        let source = make(&folder, "lesson.flv", &Recipe::plain(Container::Flv, "854x480", 3.0));
        let mut request = encode(&["480P", "240P"], container);
        request.audio = reelmill::transcode::AudioRequest::Aac(None);
        let sums = || -> Vec<String> {
            let ran = transcode(&source, &request).unwrap();
            ran.renditions.iter().map(|one| one.result.as_ref().unwrap().sha256.clone()).collect()
        };
        let first = sums();
        assert_eq!(sums(), first, "{container}");
        assert_ne!(first[0], first[1]);
    }
}

#[test]
fn the_bytes_do_not_depend_on_what_the_memory_held_before() {
    let folder = scratch();
    make(&folder, "lesson.flv", &Recipe::plain(Container::Flv, "640x360", 3.0));
    // glibc fills fresh memory with this byte: whoever reads what nobody wrote shows it.
    let hash = |fill: &str| {
        let line = format!("transcode lesson.flv -r 240P --force-encode -o {fill}.flv -q");
        let mut command = reelmill(folder.path(), &line);
        end(command.env("MALLOC_PERTURB_", fill)).succeeded();
        Sha256::digest(fs::read(folder.path().join(format!("{fill}.flv"))).unwrap())
    };
    let first = hash("1");
    for fill in ["85", "170", "255"] {
        assert_eq!(hash(fill), first, "memory filled with {fill}");
    }
}
