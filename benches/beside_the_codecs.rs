//! What runs beside the codecs, per packet, per byte or per run: `cargo bench`.
//!
//! Not measured here: decoding, scaling and encoding, which `against_ffmpeg.py` sets against the `ffmpeg` command,
//! and quality (`bd_rate.py`). A new case is a function that takes [`Criterion`], named in the group at the end.

use std::hint::black_box;
use std::path::{Path, PathBuf};

use criterion::{Bencher, Criterion, Throughput, criterion_group, criterion_main};
use reelmill::av::{Interrupt, log, probe};
use reelmill::clip::{self, Recipe};
use reelmill::media::{AccessPoint, Container, MICROSECONDS, MediaInfo, Ratio, RenditionName, TimeBase, Timestamp};
use reelmill::transcode::chunk::cut;
use reelmill::transcode::plan::{Action, plan};
use reelmill::transcode::{RenditionRequest, Request, filter, x264};
use sha2::{Digest, Sha256};

const SECONDS: f64 = 60.0;
const FRAMES: i64 = 1500;
const MILLISECONDS: TimeBase = Ratio::new(1, 1000);
const FRAME_RATE: Ratio = Ratio::new(25, 1);

/// A minute's picture times from a container's clock to the common one and on to the encoder's, as each frame goes.
fn rescale(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("timestamp");
    group.throughput(Throughput::Elements(FRAMES.unsigned_abs()));
    group.bench_function("rescale a minute's frames", |bencher| {
        bencher.iter(|| {
            let times = (0..FRAMES).map(|frame| Timestamp::new(black_box(frame * 40), MILLISECONDS));
            times.map(|time| time.rescale(MICROSECONDS).rescale(FRAME_RATE.inverse()).ticks).sum::<i64>()
        });
    });
    group.finish();
}

/// The hash that is taken as an output's bytes pass, over as much as 16 s of 720P have.
fn hash(criterion: &mut Criterion) {
    const BYTES: usize = 2 << 20;
    let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(BYTES).collect();
    let mut group = criterion.benchmark_group("sha256");
    group.throughput(Throughput::Bytes(BYTES as u64));
    group.bench_function("2 MiB", |bencher| bencher.iter(|| Sha256::digest(black_box(&bytes))));
    group.finish();
}

/// Reading every packet of a minute of FLV: our own input, libav's demuxer, and the clock that all streams share.
/// The pictures are small, so that it is packets that count and not bytes.
fn read_packets(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder for the clip");
    let (source, info) = minute(folder.path());
    let packets = |info: &MediaInfo| {
        let sound = info.audio.as_ref().map_or(0, |audio| audio.packets);
        sound + info.video.as_ref().map_or(0, |video| video.packets)
    };
    let mut group = criterion.benchmark_group("probe");
    group.throughput(Throughput::Elements(packets(&info)));
    group.sample_size(20);
    group.bench_function("a minute's packets", |bencher| {
        bencher.iter(|| probe(black_box(&source), &Interrupt::default()).expect("the clip is whole"));
    });
    group.finish();
}

/// The decision about three renditions, and how it is spelled for libav.
fn decide(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder for the clip");
    let (_, mut info) = minute(folder.path());
    let video = info.video.as_mut().expect("the clip has a picture");
    (video.width, video.height) = (1920, 1080);
    let video = video.clone();
    let names = [720, 480, 240].map(RenditionName::of_source);
    let request = Request { renditions: names.map(RenditionRequest::plain).to_vec(), ..Request::default() };
    criterion.bench_function("plan/three renditions", |bencher| {
        bencher.iter(|| plan(black_box(&info), black_box(&request)).expect("the request is plain"));
    });
    let planned = plan(&info, &request).expect("the request is plain");
    let spell = |bencher: &mut Bencher<'_>| {
        bencher.iter(|| {
            let actions = planned.renditions.iter().map(|rendition| &rendition.action);
            let spelled = actions.filter_map(|action| match action {
                Action::Transcode(plan) => {
                    Some((filter::rendition(black_box(plan), &video), x264::options(black_box(plan))))
                }
                _ => None,
            });
            spelled.count()
        });
    };
    criterion.bench_function("plan/spelled for libav", spell);
}

/// The cut of ten hours with a keyframe every second, the most that a probe remembers.
fn cut_hours(criterion: &mut Criterion) {
    const SECONDS: u32 = 36_000;
    let folder = tempfile::tempdir().expect("a folder for the clip");
    let (_, info) = minute(folder.path());
    let mut video = info.video.expect("the clip has a picture");
    let point = |second: u32| AccessPoint {
        packet: u64::from(second) * 25,
        seconds: f64::from(second),
        leading: u64::from(second % 3),
    };
    video.access_points = (0..SECONDS).map(point).collect();
    (video.packets, video.end_seconds) = (u64::from(SECONDS) * 25, SECONDS.into());
    criterion.bench_function("cut/ten hours", |bencher| bencher.iter(|| cut(black_box(&video), 4.0)));
}

/// Writes a minute of small pictures with sound, and reads what it is.
fn minute(folder: &Path) -> (PathBuf, MediaInfo) {
    log::install(log::Verbosity::Quiet);
    let source = folder.join("minute.flv");
    clip::write(&Recipe::plain(Container::Flv, "320x180", SECONDS), &source).expect("the clip can be made");
    let info = probe(&source, &Interrupt::default()).expect("the clip is whole");
    (source, info)
}

criterion_group!(beside_the_codecs, rescale, hash, read_packets, decide, cut_hours);
criterion_main!(beside_the_codecs);
