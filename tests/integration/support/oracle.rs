//! FFmpeg's own command-line tools, as a second opinion on everything that we write.

use std::path::Path;
use std::process::Command;

/// Runs a tool to its end and returns its stdout; fails the test on a non-zero exit.
pub(crate) fn tool(name: &str, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new(name)
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("cannot run {name} ({error}): `make test` installs it"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name} {arguments:?}: {errors}");
    output.stdout
}

/// One packet as `ffprobe` lists it; times in seconds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Listed {
    pub(crate) pts: f64,
    pub(crate) dts: f64,
    pub(crate) keyframe: bool,
    pub(crate) size: u64,
    pub(crate) hash: String,
}

/// Lists the packets of a stream (`v:0`, `a:0`).
pub(crate) fn packets(path: &Path, stream: &str) -> Vec<Listed> {
    let text = tool(
        "ffprobe",
        &[
            "-v",
            "error",
            "-select_streams",
            stream,
            "-show_packets",
            "-show_data_hash",
            "MD5",
            "-show_entries",
            "packet=pts_time,dts_time,size,flags,data_hash",
            "-of",
            "default=nokey=0:noprint_wrappers=0",
            path.to_str().unwrap(),
        ],
    );
    let text = String::from_utf8(text).unwrap();
    text.split("[PACKET]").skip(1).map(listed).collect()
}

fn listed(section: &str) -> Listed {
    let value = |key: &str| {
        let line = section.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        line.unwrap_or_else(|| panic!("no {key} in {section}"))
    };
    let seconds = |key: &str| value(key).parse().unwrap_or(f64::NAN);
    Listed {
        pts: seconds("pts_time"),
        dts: seconds("dts_time"),
        keyframe: value("flags").starts_with('K'),
        size: value("size").parse().unwrap(),
        hash: value("data_hash").to_owned(),
    }
}

/// Returns one entry of a stream as `ffprobe` prints it (`width`, `pix_fmt`, `color_range` …).
pub(crate) fn entry(path: &Path, stream: &str, name: &str) -> String {
    let wanted = format!("stream={name}");
    let path = path.to_str().unwrap();
    let text = tool(
        "ffprobe",
        &["-v", "error", "-select_streams", stream, "-show_entries", &wanted, "-of", "csv=p=0", path],
    );
    first_line(text)
}

/// Returns the first line: of a transport stream, all is said of its program first and then again.
fn first_line(text: Vec<u8>) -> String {
    let text = String::from_utf8(text).unwrap();
    text.trim().lines().next().unwrap_or_default().trim_end_matches(',').to_owned()
}

/// Decodes the whole file and returns the number of pictures; any decoding error fails the test.
pub(crate) fn decodes_whole(path: &Path) -> usize {
    let path = path.to_str().unwrap();
    tool("ffmpeg", &["-v", "error", "-xerror", "-i", path, "-map", "0", "-f", "null", "-"]);
    let text = tool(
        "ffprobe",
        &[
            "-v",
            "error",
            "-select_streams",
            "v:0",
            "-count_frames",
            "-show_entries",
            "stream=nb_read_frames",
            "-of",
            "csv=p=0",
            path,
        ],
    );
    first_line(text).parse().unwrap()
}

/// Decodes the picture to raw 8-bit 4:2:0.
pub(crate) fn raw_pictures(path: &Path, filter: &str) -> Vec<u8> {
    let path = path.to_str().unwrap();
    tool(
        "ffmpeg",
        &[
            "-v", "error", "-i", path, "-map", "0:v:0", "-vsync", "0", "-vf", filter, "-pix_fmt", "yuv420p", "-f",
            "rawvideo", "-",
        ],
    )
}

/// Returns the peak signal-to-noise ratio of two raw pictures of the same size, in decibels.
pub(crate) fn psnr(left: &[u8], right: &[u8]) -> f64 {
    assert_eq!(left.len(), right.len(), "pictures of the same size");
    let squares: u64 = left.iter().zip(right).map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2)).sum();
    #[expect(clippy::cast_precision_loss, reason = "a mean over bytes")]
    let mean = squares as f64 / left.len() as f64;
    if mean == 0.0 { f64::INFINITY } else { 10.0 * (255.0 * 255.0 / mean).log10() }
}

/// Returns the presentation times of a stream's packets in seconds, rising, the first at 0.
pub(crate) fn times(path: &Path, stream: &str) -> Vec<f64> {
    let mut times: Vec<f64> = packets(path, stream).iter().map(|packet| packet.pts).collect();
    times.sort_by(f64::total_cmp);
    let first = times.first().copied().unwrap_or(0.0);
    times.iter().map(|time| time - first).collect()
}

/// Fails where two lists of times differ in length, or anywhere by more than `tolerance` seconds.
pub(crate) fn assert_times(actual: &[f64], wanted: &[f64], tolerance: f64) {
    assert_eq!(actual.len(), wanted.len(), "as many times");
    for (index, (time, wanted)) in actual.iter().zip(wanted).enumerate() {
        assert!((time - wanted).abs() <= tolerance, "frame {index} at {time}, wanted {wanted}");
    }
}

/// Returns the likeness of a file's pictures to those of `reference` converted by swscale's `filter`: the peak
/// signal-to-noise ratio of the worst of the three planes over the whole clip, in decibels.
pub(crate) fn likeness(path: &Path, reference: &Path, filter: &str) -> f64 {
    let size = entry(path, "v:0", "width,height");
    let (width, height) = size.split_once(',').unwrap();
    let (width, height): (usize, usize) = (width.parse().unwrap(), height.parse().unwrap());
    let (left, right) = (raw_pictures(path, "null"), raw_pictures(reference, filter));
    let (luma, chroma) = (width * height, width.div_ceil(2) * height.div_ceil(2));
    let plane = |pictures: &[u8], from: usize, length: usize| -> Vec<u8> {
        pictures.chunks(luma + 2 * chroma).flat_map(|picture| &picture[from..from + length]).copied().collect()
    };
    [(0, luma), (luma, chroma), (luma + chroma, chroma)]
        .map(|(from, length)| psnr(&plane(&left, from, length), &plane(&right, from, length)))
        .into_iter()
        .fold(f64::INFINITY, f64::min)
}

/// Decodes the sound to mono at 48 kHz on the file's clock: silence from the file's start to its first sample.
pub(crate) fn samples(path: &Path) -> Vec<f32> {
    let filter = "aresample=48000:async=1:min_hard_comp=0.01:first_pts=0";
    let path = path.to_str().unwrap();
    let bytes = tool(
        "ffmpeg",
        &["-v", "error", "-i", path, "-map", "0:a:0", "-af", filter, "-ac", "1", "-f", "f32le", "-"],
    );
    bytes.as_chunks::<4>().0.iter().map(|sample| f32::from_le_bytes(*sample)).collect()
}

/// Returns where the sound first rises above a fifth of full scale after `from`, in seconds after the first picture.
pub(crate) fn onset(path: &Path, from: f64) -> f64 {
    let shown = packets(path, "v:0").iter().map(|packet| packet.pts).fold(f64::INFINITY, f64::min);
    let heard = packets(path, "a:0").iter().map(|packet| packet.pts).fold(f64::INFINITY, f64::min);
    // FFmpeg takes the earliest stream's start for the file's zero.
    let picture = shown - shown.min(heard.max(0.0));
    #[expect(clippy::cast_precision_loss, reason = "a position in a short clip")]
    let at = |index: usize| index as f64 / 48_000.0 - picture;
    let samples = samples(path);
    let found = samples.iter().enumerate().find(|(index, sample)| at(*index) >= from && sample.abs() > 0.2);
    at(found.unwrap_or_else(|| panic!("{} is silent after {from} s", path.display())).0)
}
