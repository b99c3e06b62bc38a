//! Words of strangers: names of files and metadata that steer terminals, end lines, point elsewhere, or never end.

use std::fs;
use std::path::{Path, PathBuf};

use reelmill::clip::Recipe;
use reelmill::media::Container;
use serde_json::Value;
use tempfile::TempDir;

use super::{made, measured, request};
use crate::support::binary::{Said, end, reelmill};
use crate::support::bytes::cut;
use crate::support::clip::{make, scratch};
use crate::support::oracle;

/// A cleared screen, a line's end, a text turned around, quotes, a template, and two bytes that steer by themselves.
const WORDS: &str = "x\u{1b}[2J\n\u{202e}\"'{{}}%s\u{9b}31m\u{2028}\r";

/// A recording of a second, with these further words to FFmpeg's tool.
fn recording(folder: &TempDir, name: &str, words: &[&str]) -> PathBuf {
    let path = folder.path().join(name);
    let pictures = ["-f", "lavfi", "-i", "testsrc2=size=64x36:rate=25:duration=1"];
    let sound = ["-f", "lavfi", "-i", "sine=duration=1"];
    let codecs = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac"];
    let target = ["-y", path.to_str().unwrap()];
    let all = ["-v", "error"].iter().chain(&pictures).chain(&sound).chain(words).chain(&codecs).chain(&target);
    oracle::tool("ffmpeg", &all.copied().collect::<Vec<_>>());
    path
}

/// Runs the program on a file of any name.
fn run(folder: &Path, line: &str, name: &str) -> Said {
    end(reelmill(folder, line).arg(name))
}

/// Nothing but signs and the ends of our own lines.
fn assert_harmless(said: &Said) {
    let steers = |letter: char| {
        letter != '\n'
            && (letter.is_control() || matches!(letter, '\u{2028}' | '\u{202a}'..='\u{202e}' | '\u{feff}'))
    };
    assert!(!said.stdout.contains(steers), "{:?}", said.stdout);
    assert!(!said.stderr.contains(steers), "{:?}", said.stderr);
}

#[test]
fn m20_words_of_strangers_steer_nothing_and_end_no_line() {
    let folder = scratch();
    let name = format!("{WORDS}.mkv");
    let title = format!("title={WORDS}");
    let whole = recording(&folder, "plain.mkv", &["-metadata", &title, "-metadata:s:a", &title]);
    let torn = format!("{WORDS}torn.mkv");
    cut(&whole, &torn, 2000);
    fs::rename(&whole, folder.path().join(&name)).unwrap();
    for line in ["probe", "-vvv probe", "transcode -y -vvv --progress plain -o out/", "transcode --explain"] {
        let said = run(folder.path(), line, &name).succeeded();
        assert_harmless(&said);
        assert_harmless(&run(folder.path(), line, &torn));
        assert_harmless(&run(folder.path(), line, &format!("{WORDS}missing")));
    }
    assert_harmless(&run(folder.path(), "transcode --no-such-option", &format!("--{WORDS}")));
    for line in ["probe --json", "transcode -y --json --progress json -o out/"] {
        let said = run(folder.path(), line, &name).succeeded();
        assert_harmless(&said);
        assert_eq!(said.document()["source"]["path"], name.as_str(), "{said}");
        for line in said.stderr.lines() {
            assert!(serde_json::from_str::<Value>(line).is_ok(), "{line:?}");
        }
        let said = run(folder.path(), line, &torn);
        assert_harmless(&said);
        assert!(said.document().is_object(), "{said}");
    }
    assert_eq!(fs::read_dir(folder.path().join("out")).unwrap().count(), 1, "the output, under its own name");
}

#[test]
fn a_damaged_recording_writes_a_few_lines_of_log_and_says_how_many_more() {
    let folder = scratch();
    let whole = make(&folder, "whole.mkv", &Recipe::plain(Container::Mkv, "64x36", 20.0));
    let mut damaged = fs::read(&whole).unwrap();
    for at in (3000..damaged.len()).step_by(97) {
        damaged[at] ^= 0x55;
    }
    fs::write(folder.path().join("damaged.mkv"), damaged).unwrap();
    let said = run(
        folder.path(),
        "-vvv transcode -y --accept-truncated --force-encode --progress none -o out.mp4",
        "damaged.mkv",
    );
    let of = |component: &str| {
        let mark = format!("component=\"{component}\"");
        said.stderr.lines().filter(|line| line.ends_with(&mark)).count()
    };
    assert!(of("h264") <= 21 && of("aac") <= 21, "{said}");
    assert!(said.stderr.lines().any(|line| line.contains("… and ") && line.contains(" more ")), "{said}");
}

#[test]
fn m17_an_attachment_that_names_a_file_elsewhere_writes_nothing() {
    let folder = scratch();
    let note = folder.path().join("note.txt");
    fs::write(&note, "owned").unwrap();
    let elsewhere = "../../../../../../tmp/reelmill-m17-pwn";
    let (attach, filename) = (note.to_str().unwrap(), format!("filename={elsewhere}"));
    let words = ["-attach", attach, "-metadata:s:t", "mimetype=text/plain", "-metadata:s:t:0", &filename];
    let source = recording(&folder, "attached.mkv", &words);
    assert!(fs::read(&source).unwrap().windows(elsewhere.len()).any(|window| window == elsewhere.as_bytes()));
    let ran = made(&source, &request(Container::Mp4));
    assert_eq!(ran.only().1.frames, 25);
    assert!(ran.plan.notes.iter().any(|note| note.contains("data")), "{:?}", ran.plan.notes);
    assert!(!Path::new("/tmp/reelmill-m17-pwn").try_exists().unwrap());
}

#[test]
fn m9_thousands_of_chapters_and_a_title_without_end_cost_nothing_and_do_not_survive() {
    let folder = scratch();
    let mut chapters = String::from(";FFMETADATA1\n");
    chapters.push_str(&format!("title={}\n", "T".repeat(1 << 20)));
    for chapter in 0..5000 {
        chapters.push_str(&format!(
            "[CHAPTER]\nTIMEBASE=1/10000\nSTART={}\nEND={}\ntitle=c\n",
            chapter,
            chapter + 1
        ));
    }
    let list = folder.path().join("chapters.txt");
    fs::write(&list, chapters).unwrap();
    let words = [
        "-f",
        "ffmetadata",
        "-i",
        list.to_str().unwrap(),
        "-map_metadata",
        "2",
        "-map_chapters",
        "2",
        "-map",
        "0",
        "-map",
        "1",
    ];
    for name in ["many.mkv", "many.mp4"] {
        let source = recording(&folder, name, &words);
        assert!(fs::metadata(&source).unwrap().len() > 1 << 20, "{name}");
        assert_eq!(measured(&source).video.map(|video| video.packets), Some(25), "{name}");
        for container in [Container::Mp4, Container::Flv] {
            let ran = made(&source, &request(container));
            assert_eq!(ran.only().1.frames, 25, "{name}");
            assert!(ran.only().1.bytes < 200_000, "{name}: {} bytes", ran.only().1.bytes);
        }
    }
}
