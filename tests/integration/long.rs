//! Three hours: memory that does not grow with the source, progress and time to go that can be believed, every frame.

use std::path::Path;
use std::time::{Duration, Instant};

use reelmill::clip::{Picture, Recipe, Sound};
use reelmill::media::{Container, Ratio};
use serde_json::Value;

use crate::support::binary::{Running, run};
use crate::support::clip::{make, scratch};
use crate::support::oracle;
use crate::support::trap;

const SECONDS: f64 = 3.0 * 3600.0;
const FRAMES: u64 = 54_000;
/// Measured: 80 MiB, most of it the libraries; the queues hold seconds, whatever the source holds.
const MEMORY_MAX: u64 = 160 << 20;

/// Three hours of a small picture, five frames a second, and silence: it costs little to make.
fn three_hours() -> Recipe {
    let picture = Picture::h264("64x36", Ratio::new(5, 1), SECONDS);
    let mut sound = Sound::aac(SECONDS);
    sound.source = format!("anullsrc=sample_rate=8000:channel_layout=mono:duration={SECONDS}");
    (sound.sample_rate, sound.channels) = (8000, 1);
    Recipe { pictures: vec![picture], sounds: vec![sound], ..Recipe::plain(Container::Flv, "64x36", 1.0) }
}

/// A line of progress and when it came.
struct Told {
    after: Duration,
    percent: f64,
    eta_seconds: Option<f64>,
}

#[test]
fn three_hours_are_transcoded_in_bounded_memory_with_progress_that_can_be_believed() {
    let folder = scratch();
    let source = make(&folder, "lesson.flv", &three_hours());
    check_probe(&folder);
    let began = Instant::now();
    let mut running = Running::start(&folder, "transcode lesson.flv --force-encode -o talk.mp4 --json");
    let mut told = Vec::new();
    while let Some(line) = running.progress() {
        if line["phase"] == "running" {
            let (percent, eta_seconds) = (line["percent"].as_f64().unwrap(), line["eta_seconds"].as_f64());
            told.push(Told { after: began.elapsed(), percent, eta_seconds });
        }
    }
    let said = running.end().succeeded();
    check_progress(&told);
    check_result(&said.document(), &source, &folder.path().join("talk.mp4"));
    trap::told("T35", "three hours, three renditions", "memory has a bound that does not depend on the length");
}

fn check_probe(folder: &tempfile::TempDir) {
    let began = Instant::now();
    let document = run(folder, "probe lesson.flv --json").succeeded().document();
    let took = began.elapsed();
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert_eq!(document["source"]["frames"], FRAMES);
}

fn check_progress(told: &[Told]) {
    assert!(told.is_sorted_by(|earlier, later| earlier.percent <= later.percent));
    let believed = told.iter().filter(|told| (50.0..90.0).contains(&told.percent));
    let mut count = 0;
    for told in believed {
        let expected = told.after.as_secs_f64() * (100.0 - told.percent) / told.percent;
        let eta = told.eta_seconds.unwrap();
        assert!(
            (expected / 3.0..=expected * 3.0).contains(&eta),
            "{eta} s told, {expected} s at {} %",
            told.percent
        );
        count += 1;
    }
    assert!(count > 0, "nothing was told in the second half");
}

fn check_result(document: &Value, source: &Path, output: &Path) {
    let memory = document["peak_memory_bytes"].as_u64().unwrap();
    assert!(memory < MEMORY_MAX, "{} MiB", memory >> 20);
    let rendition = &document["renditions"][0];
    assert_eq!((&rendition["frames"], &rendition["verified"]), (&FRAMES.into(), &true.into()), "{rendition}");
    assert_eq!(rendition["repairs"], Value::Array(Vec::new()));
    assert!((rendition["duration_seconds"].as_f64().unwrap() - SECONDS).abs() < 0.25, "{rendition}");
    let (packets, sources) = (oracle::packets(output, "v:0"), oracle::packets(source, "v:0"));
    assert_eq!((packets.len() as u64, sources.len() as u64), (FRAMES, FRAMES));
    let last = |packets: &[oracle::Listed]| packets.iter().map(|packet| packet.pts).fold(0.0, f64::max);
    assert!((last(&packets) - packets[0].pts - (SECONDS - 0.2)).abs() < 0.001);
}
