//! The configuration as its operator meets it: checked, shown, and refused with one line for each fault.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::binary::{Said, end, reelmill, refused, run};
use crate::support::clip::scratch;
use crate::support::origin::{Object, Origin};

fn folder(toml: impl AsRef<[u8]>) -> TempDir {
    let folder = scratch();
    fs::write(folder.path().join("reelmill.toml"), toml).unwrap();
    folder
}

fn with(folder: &TempDir, line: &str, variables: &[(&str, &str)]) -> Said {
    end(reelmill(folder.path(), line).envs(variables.iter().copied()))
}

#[test]
fn c1_all_faults_come_at_once_a_line_each_and_nothing_is_touched() {
    let folder = folder("[download]\nrate = \"1000kb\"\n\n[cache]\ncuont_max = 5\nroot = \"videos\"\n");
    fs::write(folder.path().join(".env"), "DOWNLOAD_RATE=-1\nMAX_VIDEO_SIZE=99999999999999999999\n").unwrap();
    let line = "config check --config reelmill.toml --env-file .env";
    let said = refused(&folder, line, 78, "CONFIG_INVALID");
    assert_eq!(
        said.stderr,
        "error[CONFIG_INVALID]: the configuration is wrong in 5 places\n  \
         .env:1: DOWNLOAD_RATE = \"-1\": a rate as wget takes it, in bytes per second with k, m or g (k is 1024), \
         0 for no limit; for example DOWNLOAD_RATE=1000k\n  \
         .env:2: MAX_VIDEO_SIZE = \"99999999999999999999\": a whole number of GiB from 1, with or without G; \
         for example MAX_VIDEO_SIZE=1000\n  \
         reelmill.toml:2: download.rate = \"1000kb\": a rate as wget takes it, in bytes per second with k, m or g \
         (k is 1024), 0 for no limit; for example \"1000k\"\n  \
         reelmill.toml:5: cache.cuont_max: there is no such key; did you mean cache.count_max?\n  \
         reelmill.toml:6: cache.root = \"videos\": an absolute path; for example \"/srv/videos\"\n  \
         help: mend these lines; reelmill config document explains every key\n"
    );
    let details = run(&folder, &format!("{line} --json")).document()["error"]["details"].clone();
    assert_eq!(details.as_array().map(Vec::len), Some(5));
    assert_eq!(run(&folder, "config show --config reelmill.toml").exit, 78);
}

#[test]
fn c1_a_file_that_is_not_there_or_cannot_be_read_is_told_before_anything_else() {
    let folder = folder(vec![b'#'; 300_000]);
    refused(&folder, "config check --config gone.toml", 78, "CONFIG_MISSING");
    refused(&folder, "config check --env-file gone.env", 78, "CONFIG_MISSING");
    refused(&folder, "config check --config .", 78, "CONFIG_UNREADABLE");
    refused(&folder, "config check --config /dev/zero", 78, "CONFIG_UNREADABLE");
    let said = refused(&folder, "config check --config reelmill.toml", 78, "CONFIG_UNREADABLE");
    assert!(said.stderr.contains("too large"), "{said}");
}

#[test]
fn c1_a_secret_that_others_can_read_is_refused_and_never_repeated() {
    let folder = folder("");
    let path = folder.path().join("token");
    fs::write(&path, "hunter2").unwrap();
    let named = path.to_str().unwrap();
    let said = |mode: u32, line: &str, name: &str, value: &str| {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let said = with(&folder, line, &[(name, value)]);
        assert!(!said.to_string().contains("hunter2"), "{said}");
        said
    };
    let (file, check) = ("REELMILL_API__TOKEN_FILE", "config check --config reelmill.toml");
    let readable = said(0o644, check, file, named);
    assert_eq!((readable.exit, readable.code()), (78, "CONFIG_INVALID"));
    assert!(readable.stderr.contains("chmod 600 it"), "{readable}");
    assert_eq!(said(0o600, check, file, named).exit, 0);
    assert_eq!(said(0o600, check, "REELMILL_API__TOKEN", "hunter2").exit, 78);
    let shown = said(0o600, "config show api.token_file --origin --config reelmill.toml", file, named).succeeded();
    assert!(shown.stdout.contains(&format!("# {file}, <set, from {named}>")), "{shown}");
    assert_eq!(said(0o600, "config show --json --config reelmill.toml", file, named).exit, 0);
}

#[test]
fn what_was_read_and_what_should_be_known_is_told_when_all_is_right() {
    let folder = folder("[download]\nrate = '2m'\n");
    fs::write(folder.path().join(".env"), "wget_path=/usr/bin/wget\nMAX_VIDEO_NUM=50\n").unwrap();
    let line = "config check --config reelmill.toml --env-file .env";
    let said = with(&folder, line, &[("REELMILL_DOWNLOAD__RETRIES", "7")]).succeeded();
    assert_eq!(
        said.stdout,
        "ok: .env, reelmill.toml, REELMILL_DOWNLOAD__RETRIES\nnote: .env:1: wget_path: ignored: downloads need no wget\n"
    );
    let document = run(&folder, &format!("{line} --json")).succeeded().document();
    assert_eq!(document["schema"], "reelmill.config-check/1");
    assert_eq!(document["sources"], serde_json::json!([".env", "reelmill.toml"]));
    assert_eq!(document["notes"].as_array().map(Vec::len), Some(1));
}

#[test]
fn what_holds_is_shown_with_where_it_comes_from_and_can_be_read_again() {
    let folder = folder("[download]\nrate = '1000k'\nallow = ['127.0.0.0/8']\n");
    fs::write(folder.path().join(".env"), "DOWNLOAD_RATE=1k\nMAX_VIDEO_NUM=50\n").unwrap();
    let line = "config show --config reelmill.toml --env-file .env";
    let variables = [("REELMILL_DOWNLOAD__RETRIES", "7")];
    let keys = "download.rate download.retries download.retry_wait cache.count_max --origin";
    let said = with(&folder, &format!("{line} {keys}"), &variables).succeeded();
    let words: Vec<String> =
        said.stdout.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(
        words,
        [
            "download.rate = \"1000k\" # reelmill.toml:2",
            "download.retries = 7 # REELMILL_DOWNLOAD__RETRIES",
            "download.retry_wait = \"1s\" # default",
            "cache.count_max = 50 # .env:2",
        ]
    );
    let whole = with(&folder, &format!("{line} --origin"), &variables).succeeded().stdout;
    fs::write(folder.path().join("again.toml"), &whole).unwrap();
    let again = run(&folder, "config show --config again.toml").succeeded().stdout;
    assert_eq!(again, with(&folder, line, &variables).succeeded().stdout);
    let document = with(&folder, &format!("{line} download.rate --json"), &variables).succeeded().document();
    let origin = serde_json::json!({ "kind": "file", "name": "reelmill.toml", "line": 2 });
    assert_eq!(
        document["settings"],
        serde_json::json!([{ "key": "download.rate", "value": "\"1000k\"", "origin": origin, "secret_source": Value::Null }])
    );
    let said = run(&folder, &format!("{line} download.rat"));
    assert_eq!((said.exit, said.code(), said.stderr.contains("did you mean download.rate?")), (2, "USAGE", true));
}

#[test]
fn the_sample_and_the_document_are_printed_and_the_sample_is_right() {
    let folder = scratch();
    let sample = run(&folder, "config sample").succeeded().stdout;
    fs::write(folder.path().join("reelmill.toml"), &sample).unwrap();
    assert_eq!(run(&folder, "config check --config reelmill.toml").succeeded().stdout, "ok: reelmill.toml\n");
    let document = run(&folder, "config document").succeeded().stdout;
    assert!(document.contains("#### `download.rate`") && sample.contains("#rate = \"1000k\""));
}

#[test]
fn a_download_keeps_to_the_configuration_and_does_not_begin_with_a_wrong_one() {
    let folder = folder("[download]\nallow = ['127.0.0.0/8']\nretries = 0\n");
    fs::write(folder.path().join("wrong.toml"), "[download]\nretries = -1\n").unwrap();
    let origin = Origin::honest(Object::new(10_000, 1));
    let line = format!("fetch http://127.0.0.1:{}/lesson.flv --config", origin.port());
    refused(&folder, &format!("{line} wrong.toml"), 78, "CONFIG_INVALID");
    let without = with(&folder, &format!("{line} reelmill.toml"), &[("REELMILL_DOWNLOAD__ALLOW", "[]")]);
    assert_eq!(without.code(), "URL_FORBIDDEN");
    run(&folder, &format!("{line} reelmill.toml")).succeeded();
    assert_eq!(fs::read(folder.path().join("lesson.flv")).unwrap().len(), 10_000);
}
