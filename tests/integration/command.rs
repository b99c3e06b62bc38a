//! What the program refuses, by which name and exit code, and that it has touched nothing by then.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use reelmill::clip::Recipe;
use reelmill::media::Container;
use tempfile::TempDir;

use crate::support::binary::{contents, end, mounted, refused, run};
use crate::support::clip::{make, scratch};
use crate::support::oracle;

/// A folder with `lesson.flv` in it: two seconds.
fn lesson() -> TempDir {
    let folder = scratch();
    make(&folder, "lesson.flv", &Recipe::plain(Container::Flv, "320x180", 2.0));
    folder
}

#[test]
fn a_source_that_is_no_recording_is_refused_by_name() {
    let folder = lesson();
    fs::create_dir(folder.path().join("folder")).unwrap();
    fs::write(folder.path().join("page.flv"), "<!DOCTYPE html><html><body>404 not found</body></html>").unwrap();
    fs::write(folder.path().join("none.flv"), "").unwrap();
    let whole = fs::read(folder.path().join("lesson.flv")).unwrap();
    fs::write(folder.path().join("cut.flv"), &whole[..whole.len() * 6 / 10]).unwrap();
    for (source, code) in [
        ("gone.flv", "SOURCE_MISSING"),
        ("folder", "SOURCE_NOT_A_FILE"),
        ("https://example.org/lesson.flv", "SOURCE_REMOTE"),
        ("rtmp://example.org/live/lesson", "SOURCE_REMOTE"),
        ("page.flv", "MEDIA_NOT_MEDIA"),
        ("none.flv", "MEDIA_EMPTY"),
        ("cut.flv", "MEDIA_TRUNCATED"),
    ] {
        refused(&folder, &format!("transcode {source} -r 240P -o out/"), 3, code);
    }
    refused(&folder, "probe gone.flv", 3, "SOURCE_MISSING");
    refused(&folder, "probe page.flv", 3, "MEDIA_NOT_MEDIA");
}

#[test]
fn what_contradicts_itself_is_refused_before_any_work_and_names_the_cure() {
    let folder = lesson();
    for (options, code, part) in [
        ("-r 240P -r 240P -o out/", "RENDITION_TWICE", "240P is asked for twice"),
        ("-r 240P -r 360P -o a.mp4", "OUTPUT_NEEDS_FOLDER", "-o out/"),
        ("-o a.avi", "OUTPUT_EXTENSION", ".mp4, .mkv, .ts or .flv"),
        ("-o a", "OUTPUT_EXTENSION", ".mp4, .mkv, .ts or .flv"),
        ("-o a.mp4 --container flv", "OUTPUT_CONTAINER_MISMATCH", "--container flv contradicts"),
        ("-o a.mp4 --preset swift", "USAGE_PRESET", "ultrafast, superfast, veryfast"),
        ("-o a.mp4 --crf 60", "USAGE_RATE_CONTROL", "0 (lossless) to 51 (worst)"),
        ("-o a.mp4 --rate-control cbr", "USAGE_RATE_CONTROL", "add --bitrate"),
        ("-o a.mp4 --rate-control copy --crf 20", "USAGE_COPY", "leave out one of the two"),
        ("-o a.mp4 --enc presett=fast", "USAGE_UNKNOWN_OPTION", "did you mean \"preset\"?"),
        ("-o a.mp4 --enc b_framse=2", "USAGE_UNKNOWN_OPTION", "no option \"b_framse\""),
        ("-o out/ --enc bfraems=2", "USAGE_UNKNOWN_OPTION", "no option \"bfraems\""),
        ("-r 240P --enc aq-mod=2", "USAGE_UNKNOWN_OPTION", "did you mean \"aq-mode\"?"),
        ("-o a.mp4 --enc aq-mode=sideways", "USAGE_ENCODER_SETTINGS", "check --enc"),
        ("-o a.mp4 --enc crf=3", "USAGE_ENCODER_OPTION", "--crf sets it"),
        ("-o a.mp4 --keyint 700", "USAGE_KEYINT", "above 0 and at most 600"),
    ] {
        let said = refused(&folder, &format!("transcode lesson.flv --force-encode {options}"), 2, code);
        assert!(said.stderr.contains(part), "{options}: {said}");
    }
}

#[test]
fn words_that_are_not_understood_are_a_usage_error_for_people_and_programs() {
    let folder = lesson();
    let before = contents(folder.path());
    for (line, part) in [
        ("transcode lesson.flv -r 721P", "known: 2160P"),
        ("transcode lesson.flv --rate-control vrb", "vrb"),
        ("transcode lesson.flv --presett fast", "--preset"),
        ("transcode lesson.flv -y -n", "cannot be used with"),
        ("transcode lesson.flv --bitrate 128", "did you mean 128k?"),
    ] {
        let said = run(&folder, line);
        assert_eq!((said.exit, said.stdout.as_str()), (2, ""), "{said}");
        assert!(said.stderr.starts_with("error: ") && said.stderr.contains(part), "{said}");
        let document = run(&folder, &format!("{line} --json")).document();
        assert_eq!(document["error"]["code"], "USAGE");
        assert!(document["error"]["message"].as_str().unwrap().contains(part), "{document}");
    }
    assert_eq!(contents(folder.path()), before);
}

#[test]
fn an_output_that_exists_is_replaced_only_on_purpose() {
    let folder = lesson();
    let output = folder.path().join("talk.mp4");
    fs::write(&output, "precious").unwrap();
    refused(&folder, "transcode lesson.flv -o talk.mp4", 4, "OUTPUT_EXISTS");
    refused(&folder, "transcode lesson.flv -o talk.mp4 -n", 4, "OUTPUT_EXISTS");
    fs::write(folder.path().join("lesson_240P.flv"), "precious").unwrap();
    refused(&folder, "transcode lesson.flv -r 240P", 4, "OUTPUT_EXISTS");
    run(&folder, "transcode lesson.flv -o talk.mp4 -y -q").succeeded();
    assert_eq!(oracle::decodes_whole(&output), 50);
}

#[test]
fn a_failure_with_overwriting_allowed_leaves_the_old_file() {
    let folder = lesson();
    fs::write(folder.path().join("talk.mp4"), "precious").unwrap();
    let whole = fs::read(folder.path().join("lesson.flv")).unwrap();
    fs::write(folder.path().join("cut.flv"), &whole[..whole.len() * 6 / 10]).unwrap();
    refused(&folder, "transcode cut.flv -y -o talk.mp4", 3, "MEDIA_TRUNCATED");
    refused(
        &folder,
        "transcode lesson.flv -y --force-encode --enc presett=fast -o talk.mp4",
        2,
        "USAGE_UNKNOWN_OPTION",
    );
}

#[test]
fn the_source_is_never_the_output_under_whatever_name() {
    let folder = lesson();
    let path = |name: &str| folder.path().join(name);
    symlink("lesson.flv", path("soft.flv")).unwrap();
    fs::hard_link(path("lesson.flv"), path("hard.flv")).unwrap();
    fs::create_dir(path("deep")).unwrap();
    symlink("../lesson.flv", path("deep/lesson_240P.flv")).unwrap();
    for output in ["lesson.flv", "./lesson.flv", "deep/../lesson.flv", "soft.flv", "hard.flv"] {
        refused(&folder, &format!("transcode lesson.flv -y --force-encode -o {output}"), 4, "OUTPUT_IS_SOURCE");
    }
    refused(&folder, "transcode soft.flv -y -o hard.flv", 4, "OUTPUT_IS_SOURCE");
    refused(&folder, "transcode lesson.flv -y -r 240P -o deep/", 4, "OUTPUT_IS_SOURCE");
}

#[test]
fn an_output_that_is_no_file_is_not_replaced() {
    let folder = lesson();
    fs::create_dir_all(folder.path().join("out/lesson_240P.flv")).unwrap();
    let made = Command::new("mkfifo").arg(folder.path().join("pipe.mp4")).status().unwrap();
    assert!(made.success());
    symlink("/dev/null", folder.path().join("null.mp4")).unwrap();
    refused(&folder, "transcode lesson.flv -y -r 240P -o out/", 4, "OUTPUT_NOT_A_FILE");
    refused(&folder, "transcode lesson.flv -y -o pipe.mp4", 4, "OUTPUT_NOT_A_FILE");
    refused(&folder, "transcode lesson.flv -y -o null.mp4", 4, "OUTPUT_NOT_A_FILE");
}

#[test]
fn a_folder_that_is_missing_or_takes_no_files_is_a_failure_of_storage() {
    let folder = lesson();
    fs::write(folder.path().join("file"), "not a folder").unwrap();
    refused(&folder, "transcode lesson.flv -o gone/talk.mp4", 5, "OUTPUT_FOLDER_MISSING");
    refused(&folder, "transcode lesson.flv -o file/talk.mp4", 5, "OUTPUT_FOLDER_MISSING");
    refused(&folder, "transcode lesson.flv -r 240P -o file/", 5, "OUTPUT_UNWRITABLE");
    // Root may write anywhere but here.
    refused(&folder, "transcode lesson.flv -o /proc/talk.mp4", 5, "OUTPUT_UNWRITABLE");
    refused(&folder, "transcode lesson.flv -r 240P -o /proc/out/", 5, "OUTPUT_UNWRITABLE");
}

#[test]
fn a_read_only_disk_is_a_failure_of_storage() {
    let folder = lesson();
    fs::create_dir(folder.path().join("out")).unwrap();
    let before = contents(folder.path());
    let prelude = "mount -t tmpfs -o ro none out";
    for output in ["-o out/talk.mp4", "-r 240P -r 360P -o out/", "-r 240P -o out/deeper/"] {
        let said = end(&mut mounted(folder.path(), prelude, &format!("transcode lesson.flv {output}")));
        assert_eq!((said.exit, said.code()), (5, "OUTPUT_UNWRITABLE"), "{said}");
    }
    assert_eq!(contents(folder.path()), before);
}

#[test]
fn a_work_folder_of_somebody_else_is_not_touched() {
    let folder = lesson();
    fs::create_dir(folder.path().join("talk.mp4.reelmill")).unwrap();
    fs::write(folder.path().join("talk.mp4.reelmill/diary.txt"), "mine").unwrap();
    refused(&folder, "transcode lesson.flv -o talk.mp4", 4, "WORK_FOLDER_TAKEN");
}

#[test]
fn a_source_cut_short_becomes_a_named_repair_when_that_is_asked_for() {
    let folder = lesson();
    let whole = fs::read(folder.path().join("lesson.flv")).unwrap();
    fs::write(folder.path().join("cut.flv"), &whole[..whole.len() * 6 / 10]).unwrap();
    let said = run(&folder, "transcode cut.flv --accept-truncated --force-encode -o talk.mp4 --json").succeeded();
    let document = said.document();
    let rendition = &document["renditions"][0];
    assert_eq!(
        rendition["frames"].as_u64().unwrap(),
        oracle::decodes_whole(Path::new(&folder.path().join("talk.mp4"))) as u64
    );
    assert!(rendition["frames"].as_u64().unwrap() < 50);
    let repairs = rendition["repairs"].as_array().unwrap();
    assert!(repairs.iter().any(|repair| repair.as_str().unwrap().contains("ends early")), "{document}");
}
