//! What the program says about a run that went well: the document, the table, the progress, and nothing when asked.

use std::fs;
use std::path::Path;

use reelmill::clip::Recipe;
use reelmill::media::Container;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::binary::{contents, names, refused, run};
use crate::support::clip::{make, scratch};
use crate::support::oracle;

/// A folder with `lesson.flv` in it: two seconds at 640x360.
fn lesson() -> TempDir {
    let folder = scratch();
    make(&folder, "lesson.flv", &Recipe::plain(Container::Flv, "640x360", 2.0));
    folder
}

/// The same with few enough bits to be copied as it is.
fn thrifty_lesson() -> TempDir {
    let folder = scratch();
    let mut recipe = Recipe::plain(Container::Flv, "640x360", 2.0);
    recipe.pictures = recipe.pictures.into_iter().map(|picture| picture.with_options(&[("crf", "45")])).collect();
    make(&folder, "lesson.flv", &recipe);
    folder
}

fn sha256sum(path: &Path) -> String {
    let text = oracle::tool("sha256sum", &[path.to_str().unwrap()]);
    String::from_utf8(text).unwrap().split_whitespace().next().unwrap().to_owned()
}

fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

#[test]
fn a_folder_as_output_is_made_and_gets_a_file_for_each_rendition() {
    let folder = lesson();
    let said = run(&folder, "transcode lesson.flv -r 360P -r 240P --container mp4 -o new/out/").succeeded();
    assert_eq!(names(folder.path()), ["lesson.flv", "new"]);
    assert_eq!(names(&folder.path().join("new/out")), ["lesson_240P.mp4", "lesson_360P.mp4"]);
    assert!(said.stdout.contains("2 renditions in ") && said.stdout.contains("new/out/lesson_240P.mp4"), "{said}");
    assert!(said.stdout.contains('✓') && !said.stdout.contains('\u{1b}'), "{said}");
    for name in ["lesson_240P.mp4", "lesson_360P.mp4"] {
        assert_eq!(oracle::decodes_whole(&folder.path().join("new/out").join(name)), 50);
    }
}

#[test]
fn without_an_output_the_file_stands_beside_the_source_and_a_name_decides_the_container() {
    let folder = lesson();
    run(&folder, "transcode lesson.flv -r 240P").succeeded();
    run(&folder, "transcode lesson.flv -o talk.mp4 --force-encode").succeeded();
    assert_eq!(names(folder.path()), ["lesson.flv", "lesson_240P.flv", "talk.mp4"]);
    let format = |name: &str| run(&folder, &format!("probe {name} --json")).succeeded().document();
    assert_eq!(format("lesson_240P.flv")["source"]["container"], "flv");
    assert_eq!(format("talk.mp4")["source"]["container"], "mp4");
}

#[test]
fn the_document_tells_what_the_files_are() {
    let folder = lesson();
    let line = "transcode lesson.flv -r 360P -r 240P:crf=30 --force-encode --container mp4 -o out/ --json";
    let said = run(&folder, line).succeeded();
    let document = said.document();
    assert_eq!(
        keys(&document),
        ["cpu_seconds", "notes", "peak_memory_bytes", "renditions", "schema", "source", "versions", "wall_seconds"]
    );
    assert_eq!(document["schema"], "reelmill.transcode/1");
    let source = &document["source"];
    assert_eq!((&source["path"], &source["container"]), (&"lesson.flv".into(), &"flv".into()));
    assert_eq!((&source["frames"], &source["width"], &source["height"]), (&50.into(), &640.into(), &360.into()));
    assert_eq!(source["codec"], "h264");
    assert_eq!(source["bytes"], fs::metadata(folder.path().join("lesson.flv")).unwrap().len());
    assert!((source["duration_seconds"].as_f64().unwrap() - 2.0).abs() < 0.1, "{source}");
    let number = |name: &str| document[name].as_f64().unwrap();
    assert!(number("wall_seconds") > 0.0 && number("cpu_seconds") > 0.0, "{said}");
    assert!((10e6..1e9).contains(&number("peak_memory_bytes")), "{said}");
    assert!(document["versions"]["libavcodec"].is_string() && document["versions"]["reelmill"].is_string());
    let sizes = [("360P", 640, 360, 24.0), ("240P", 426, 240, 30.0)];
    assert_eq!(document["renditions"].as_array().unwrap().len(), 2);
    for (rendition, (name, width, height, crf)) in document["renditions"].as_array().unwrap().iter().zip(sizes) {
        let path = folder.path().join(rendition["path"].as_str().unwrap());
        assert_eq!(path, folder.path().join(format!("out/lesson_{name}.mp4")));
        assert_eq!((&rendition["name"], &rendition["action"]), (&name.into(), &"transcode".into()));
        assert!(!rendition["reason"].as_str().unwrap().is_empty());
        assert_eq!((&rendition["width"], &rendition["height"]), (&width.into(), &height.into()));
        assert_eq!((&rendition["codec"], &rendition["audio_codec"]), (&"h264".into(), &"aac".into()));
        assert_eq!((&rendition["verified"], &rendition["error"]), (&true.into(), &Value::Null));
        assert_eq!(rendition["repairs"], Value::Array(Vec::new()));
        assert_eq!(rendition["settings"]["rate_control"]["crf"], crf);
        assert_eq!(rendition["frames"], oracle::decodes_whole(&path));
        assert_eq!(rendition["bytes"], fs::metadata(&path).unwrap().len());
        assert_eq!(rendition["sha256"], sha256sum(&path));
        assert!((rendition["duration_seconds"].as_f64().unwrap() - 2.0).abs() < 0.1, "{rendition}");
    }
}

#[test]
fn a_copy_is_the_source_byte_for_byte_and_a_remux_keeps_every_packet() {
    let folder = thrifty_lesson();
    let source = folder.path().join("lesson.flv");
    let said = run(&folder, "transcode lesson.flv -o same.flv --json").succeeded();
    assert_eq!(said.document()["renditions"][0]["action"], "copy", "{said}");
    assert_eq!(said.document()["renditions"][0]["sha256"], sha256sum(&source));
    assert_eq!(fs::read(folder.path().join("same.flv")).unwrap(), fs::read(&source).unwrap());
    let said = run(&folder, "transcode lesson.flv -o talk.mp4 --rate-control copy --json").succeeded();
    assert_eq!(said.document()["renditions"][0]["action"], "remux", "{said}");
    let hashes =
        |path: &Path| oracle::packets(path, "a:0").into_iter().map(|packet| packet.hash).collect::<Vec<_>>();
    assert_eq!(hashes(&folder.path().join("talk.mp4")), hashes(&source));
}

#[test]
fn progress_in_json_never_falls_and_ends_with_every_frame() {
    let folder = lesson();
    let line = "transcode lesson.flv -r 360P -r 240P --force-encode -o out/ --progress json";
    let said = run(&folder, line).succeeded();
    let lines: Vec<Value> = said.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (last, lines) = lines.split_last().unwrap();
    assert_eq!(last["type"], "end");
    for name in ["360P", "240P"] {
        let own: Vec<&Value> = lines.iter().filter(|line| line["rendition"] == name).collect();
        let percents: Vec<f64> = own.iter().map(|line| line["percent"].as_f64().unwrap()).collect();
        assert!(percents.is_sorted() && percents.last() == Some(&100.0), "{percents:?}");
        assert!(own.iter().all(|line| line["type"] == "progress" && line["frames_total"] == 50), "{own:?}");
        assert_eq!(own.last().unwrap()["phase"], "done");
        assert_eq!(own.last().unwrap()["frame"], 50);
    }
    let ends = last["renditions"].as_array().unwrap();
    assert!(ends.len() == 2 && ends.iter().all(|one| one["phase"] == "done" && one["frame"] == 50), "{last}");
}

#[test]
fn plain_progress_is_lines_and_no_progress_and_quiet_are_silence() {
    let folder = lesson();
    let said = run(&folder, "transcode lesson.flv -r 240P -o a/ --progress plain").succeeded();
    assert!(said.stderr.trim_end().ends_with("240P done") && !said.stderr.contains('\r'), "{said}");
    let said = run(&folder, "transcode lesson.flv -r 240P -o b/ --progress none").succeeded();
    assert_eq!(said.stderr, "", "{said}");
    let said = run(&folder, "transcode lesson.flv -r 240P -o c/ -q --progress json").succeeded();
    assert_eq!((said.stdout.as_str(), said.stderr.as_str()), ("", ""));
    let said = run(&folder, "transcode lesson.flv -r 240P -o d/ -q --json").succeeded();
    assert_eq!((said.document()["renditions"][0]["verified"].as_bool(), said.stderr.as_str()), (Some(true), ""));
}

#[test]
fn explaining_does_nothing_and_its_line_makes_what_we_would_have_made() {
    let folder = lesson();
    fs::write(folder.path().join("talk.mp4"), "precious").unwrap();
    let before = contents(folder.path());
    let said = run(&folder, "transcode lesson.flv -r 240P -o out/ --explain").succeeded();
    let line = said.stdout.lines().find(|line| line.trim_start().starts_with("ffmpeg ")).unwrap();
    assert!(line.contains("lesson.flv") && said.stdout.contains("out/lesson_240P.flv"), "{said}");
    assert!(said.stdout.contains("libx264"), "{said}");
    run(&folder, "transcode lesson.flv -o talk.mp4 --explain").succeeded();
    assert_eq!(contents(folder.path()), before);
    // The line is taken at its word: a shell runs it.
    fs::create_dir(folder.path().join("out")).unwrap();
    let command =
        said.stdout.split_once("ffmpeg ").map(|(_, rest)| format!("ffmpeg -v error -nostdin {rest}")).unwrap();
    let script = format!("cd {} && {command}", folder.path().display());
    oracle::tool("sh", &["-c", &script]);
    let made = folder.path().join("out/lesson_240P.flv");
    assert_eq!(
        (oracle::decodes_whole(&made), oracle::entry(&made, "v:0", "width,height")),
        (50, "426,240".to_owned())
    );
}

#[test]
fn a_probe_tells_streams_and_plan_in_one_document() {
    let folder = thrifty_lesson();
    let document = run(&folder, "probe lesson.flv --json").succeeded().document();
    assert_eq!((&document["schema"], &document["refusal"]), (&"reelmill.probe/1".into(), &Value::Null));
    let video = &document["source"]["video"];
    assert_eq!(
        (&video["packets"], &video["frame_rate"], &video["timing"]),
        (&50.into(), &"25".into(), &"constant".into())
    );
    assert_eq!(document["source"]["audio"]["sample_rate"], 44_100);
    assert_eq!(document["source"]["oddities"], Value::Array(Vec::new()));
    assert_eq!(document["plan"]["renditions"][0]["action"], "copy");
    let text = run(&folder, "probe lesson.flv").succeeded().stdout;
    assert!(text.contains("640x360") && text.contains("50 frames at 25 fps"), "{text}");
    assert_eq!(names(folder.path()), ["lesson.flv"]);
}

#[test]
fn a_skipped_proof_is_said_loudly() {
    let folder = lesson();
    let said = run(&folder, "transcode lesson.flv -r 240P -o out/ --no-verify").succeeded();
    assert!(said.stdout.contains("NOT VERIFIED") && said.stdout.contains("skipped"), "{said}");
    assert!(!said.stdout.contains('✓'), "{said}");
    let said = run(&folder, "transcode lesson.flv -r 240P -o out/ -y --no-verify --json").succeeded();
    assert_eq!(said.document()["renditions"][0]["verified"], false);
    assert_eq!(said.document()["renditions"][0]["sha256"], sha256sum(&folder.path().join("out/lesson_240P.flv")));
    refused(&folder, "transcode lesson.flv -r 240P -o out/ --no-verify", 4, "OUTPUT_EXISTS");
}
