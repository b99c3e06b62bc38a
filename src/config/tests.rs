//! The configuration as a whole: who goes before whom, every fault at once with its place, and nothing secret told.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::failure::Failure;

/// A folder with the files of a configuration, and an environment that is not this process's own.
struct Place {
    folder: TempDir,
    pairs: Vec<(OsString, OsString)>,
}

impl Place {
    fn new(toml: impl AsRef<[u8]>) -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap(), pairs: Vec::new() };
        place.write("reelmill.toml", toml, 0o644);
        place
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>, mode: u32) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    fn with_env(self, content: impl AsRef<[u8]>) -> Self {
        self.write(".env", content, 0o644);
        self
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.pairs.push((name.into(), value.into()));
        self
    }

    fn read(&self) -> Result<Reading, ConfigError> {
        let file = |name: &str| Some(self.folder.path().join(name)).filter(|path| path.is_file());
        read(&Sources {
            file: file("reelmill.toml"),
            env_file: file(".env"),
            variables: Variables::from_pairs(self.pairs.clone()),
            ..Sources::default()
        })
    }

    #[track_caller]
    fn config(&self) -> Config {
        self.read().unwrap_or_else(|error| panic!("{:?}", error.details())).config
    }

    /// Returns the lines of what is wrong, without the folder.
    fn faults(&self) -> Vec<String> {
        let Err(error) = self.read() else { return Vec::new() };
        assert_eq!((error.code(), error.class()), ("CONFIG_INVALID", crate::failure::FailureClass::Configuration));
        let folder = format!("{}/", self.folder.path().display());
        let lines = error.details();
        assert!(lines.iter().all(|line| !line.contains('\n')), "{lines:?}");
        lines.into_iter().map(|line| line.replace(&folder, "")).collect()
    }
}

/// Checks that there are as many lines as `parts`, and that each holds its parts.
#[track_caller]
fn assert_lines(lines: &[String], parts: &[&[&str]]) {
    assert_eq!(lines.len(), parts.len(), "{lines:#?}");
    for (line, parts) in lines.iter().zip(parts) {
        parts.iter().for_each(|part| assert!(line.contains(part), "{part} in {line}"));
    }
}

#[test]
fn without_any_setting_the_contract_s_defaults_hold() {
    let config = Place::new("").config();
    assert_eq!(config.download.rate.map(Rate::bytes_per_second), Some(1_024_000));
    assert_eq!((config.download.job_rate, config.download.retries), (None, 5));
    assert_eq!(config.cache.bytes_max.bytes(), 100 << 30);
    assert_eq!(config.booking.timeout, Duration::from_hours(24));
    assert_eq!(config.transcode.providers, [Provider::Local]);
    assert_eq!(config.transcode.isolation, Isolation::Process);
    assert_eq!(config.node.data_folder, Path::new("/var/lib/reelmill"));
    assert!(config.redis.url.is_none() && config.api.token.secret.is_none() && config.download.allow.is_empty());
}

#[test]
fn each_place_goes_before_those_below_it() {
    let env = "DOWNLOAD_RATE=1k\nMAX_VIDEO_NUM=10\nMAX_VIDEO_SIZE=10\n";
    let place = Place::new("[download]\nrate = '2k'\n[cache]\ncount_max = 20\n").with_env(env);
    let place = place.with("REELMILL_DOWNLOAD__RATE", "3k").with("OTHER", "x");
    let reading = place.read().unwrap();
    let (config, settings) = (&reading.config, &reading.settings);
    assert_eq!(config.download.rate.map(Rate::bytes_per_second), Some(3072));
    assert_eq!((config.cache.count_max, config.cache.bytes_max.bytes()), (20, 10 << 30));
    let origin = |name: &str| {
        let origin = matching(settings, name).unwrap()[0].origin.to_string();
        origin.rsplit('/').next().unwrap().to_owned()
    };
    let names = ["download.rate", "cache.count_max", "cache.bytes_max", "download.retries"];
    assert_eq!(names.map(origin), ["REELMILL_DOWNLOAD__RATE", "reelmill.toml:4", ".env:3", "default"]);
    assert_eq!(reading.sources.len(), 3, "{:?}", reading.sources);
}

#[test]
fn lists_come_from_the_file_and_in_toml_from_variables() {
    let toml = "[download]\nallow = ['Origin']\n[[download.windows]]\nfrom = '22:00'\nto = '06:00'\nrate = '2m'\n";
    let config = Place::new(toml).config();
    assert_eq!(config.download.allow, [Allowed::Host("origin".to_owned())]);
    assert_eq!(config.download.windows[0].rate.map(Rate::bytes_per_second), Some(2 << 20));
    let place = Place::new(toml).with("REELMILL_DOWNLOAD__ALLOW", r#"["127.0.0.0/8"]"#);
    let config = place.with("REELMILL_DOWNLOAD__WINDOWS", "[]").config();
    assert_eq!(config.download.allow.iter().map(Allowed::to_string).collect::<Vec<_>>(), ["127.0.0.0/8"]);
    assert!(config.download.windows.is_empty());
}

#[test]
fn c1_every_value_of_every_old_key_is_taken_or_told_with_its_line_its_rule_and_an_example() {
    let values =
        ["", "-1", "0", "1000", "1000k", "1M", "10G", "1000kb", "99999999999999999999", "1e3", "1000*60*2", "ä"];
    // Which of these are taken.
    let taken = [
        ("DOWNLOAD_RATE", &["0", "1000", "1000k", "1M", "10G"][..]),
        ("MAX_VIDEO_NUM", &["1000"]),
        ("MAX_VIDEO_SIZE", &["1000", "10G"]),
        ("transcoding_time_out", &["1000", "1000*60*2"]),
        ("order_warn_time_out", &["1000", "1000*60*2"]),
        ("wget_path", &values),
    ];
    for (key, good) in taken {
        for value in values {
            let faults = Place::new("").with_env(format!("# old\n{key}={value}\n")).faults();
            if good.contains(&value) {
                assert_eq!(faults, Vec::<String>::new(), "{key}={value}");
            } else {
                let begin = format!(".env:2: {key} = {value:?}: ");
                assert_lines(&faults, &[&[&begin, &format!("; for example {key}=")]]);
            }
        }
    }
}

#[test]
fn c1_old_keys_that_are_missing_leave_the_defaults_and_those_that_are_there_hold() {
    let config = Place::new("").with_env("").config();
    assert_eq!((config.cache.count_max, config.booking.transcoding_timeout), (1000, Duration::from_hours(2)));
    let text = "DOWNLOAD_RATE='300k'\r\nMAX_VIDEO_NUM=5\r\nMAX_VIDEO_SIZE=1000 # G\r\nwget_path=/usr/bin/wget\r\n\
                transcoding_time_out=1000*60*2\r\nexport order_warn_time_out=86400000\r\n";
    let place = Place::new("").with_env(text);
    let config = place.config();
    assert_eq!(config.download.rate.map(Rate::bytes_per_second), Some(307_200));
    assert_eq!((config.cache.count_max, config.cache.bytes_max.bytes()), (5, 1000 << 30));
    assert_eq!(config.booking.transcoding_timeout, Duration::from_mins(2));
    assert_eq!(config.booking.timeout, Duration::from_hours(24));
    let notes = place.read().unwrap().notes;
    assert_lines(&notes, &[&[".env:1: DOWNLOAD_RATE", "all downloads together"], &[".env:4: wget_path: ignored"]]);
}

#[test]
fn c1_old_keys_that_are_unknown_twice_broken_or_not_utf8_are_told_by_their_lines() {
    let text =
        b"DOWNLOAD_RAT=hunter2\nMAX_VIDEO_NUM=1\nMAX_VIDEO_NUM=1\nhunter2\nMAX_VIDEO_SIZE=\xff\nTOKEN=hunter2\n\
                 DOWNLOAD_RATE='1k\n";
    let lines = Place::new("").with_env(text).faults();
    assert_lines(
        &lines,
        &[
            &[".env:1: DOWNLOAD_RAT: ", "did you mean DOWNLOAD_RATE?"],
            &[".env:3: MAX_VIDEO_NUM: this is set twice, on line 2 too"],
            &[".env:4: a line is KEY=VALUE"],
            &[".env:5: this line is not UTF-8"],
            &[".env:6: TOKEN: ", "known are DOWNLOAD_RATE, MAX_VIDEO_NUM"],
            &[".env:7: the quote is not closed"],
        ],
    );
    assert!(!lines.concat().contains("hunter2"), "{lines:?}");
}

#[test]
fn c1_a_bad_value_in_the_file_is_one_line_with_file_line_key_value_rule_and_example() {
    let lines = Place::new("# reelmill\n[download]\nrate = \"1000kb\"\n").faults();
    assert_eq!(
        lines,
        [
            "reelmill.toml:3: download.rate = \"1000kb\": a rate as wget takes it, in bytes per second with k, m or g \
          (k is 1024), 0 for no limit; for example \"1000k\""
        ]
    );
}

#[test]
fn c1_all_faults_of_all_places_come_at_once_in_the_order_of_their_lines() {
    let toml = b"data_folder = 'state'\n[download]\nrate = 1000k\nretries = -1\nretries = 2\nallow = [\n 'a',\n 'a:80',\n]\n\
                 rat = 1\n[cach]\nx = 1\n[booking]\ntimeout = 9999999999999999h\nlease_grace = ''\ncrf = 1\n\
                 download = 5\n[transcode]\ncrf = nan\npreset = \"\xff\"\n";
    let place = Place::new(toml).with_env("DOWNLOAD_RATE=x\n").with("REELMILL_CACHE__COUNT_MAX", "");
    let lines = place.with("REELMILL_CACHE__COUNTMAX", "1").with("REELMILL_LOUD", "1").faults();
    assert_lines(
        &lines,
        &[
            &[".env:1: DOWNLOAD_RATE = \"x\": "],
            &["reelmill.toml:1: data_folder = \"state\": an absolute path; for example \"/srv/reelmill\""],
            &["reelmill.toml:3: download.rate: text must stand in quotes; for example rate = \"1000k\""],
            &["reelmill.toml:4: download.retries = -1: a whole number from 0 to 100"],
            &["reelmill.toml:5: retries is set twice"],
            &["reelmill.toml:8: download.allow = \"a:80\": ", "without port"],
            &["reelmill.toml:10: download.rat: there is no such key; did you mean download.rate?"],
            &["reelmill.toml:11: cach: there is no such table; did you mean cache?"],
            &["reelmill.toml:14: booking.timeout: text must stand in quotes"],
            &["reelmill.toml:15: booking.lease_grace = \"\": a length of time"],
            &["reelmill.toml:16: booking.crf: ", "did you mean transcode.crf?"],
            &["reelmill.toml:17: booking.download: there is no such key"],
            &["reelmill.toml:19: transcode.crf = nan: a number from 0 to 51"],
            &["reelmill.toml:20: this line is not UTF-8"],
            &["REELMILL_CACHE__COUNTMAX: ", "did you mean REELMILL_CACHE__COUNT_MAX?"],
            &["REELMILL_CACHE__COUNT_MAX: cache.count_max = \"\": ", "for example REELMILL_CACHE__COUNT_MAX=5000"],
            &["REELMILL_LOUD: there is no such setting"],
        ],
    );
}

#[test]
fn c1_a_table_that_is_no_table_and_a_key_that_is_one_are_told() {
    let lines = Place::new("download = 5\nrate = '1k'\n[cache.root]\nx = 1\n").faults();
    assert_lines(
        &lines,
        &[
            &["reelmill.toml:1: download: this is a table; write [download]"],
            &["reelmill.toml:2: rate: ", "did you mean download.rate?"],
            &["reelmill.toml:3: cache.root = {…}: an absolute path"],
        ],
    );
}

#[test]
fn c1_every_key_refuses_the_empty_value_unless_it_says_that_empty_is_none() {
    for key in setting::KEYS {
        let lines = Place::new("").with(&key.variable(), "").faults();
        let may_be_empty = key.form.rule().contains("empty for none");
        assert_eq!(lines.is_empty(), may_be_empty, "{}: {lines:?}", key.name);
        assert!(may_be_empty || lines[0].contains(key.name), "{lines:?}");
    }
}

#[test]
fn a_variable_that_is_not_utf8_is_told() {
    use std::os::unix::ffi::OsStringExt;
    let mut place = Place::new("");
    place.pairs.push(("REELMILL_CACHE__ROOT".into(), OsString::from_vec(vec![b'/', 0xff])));
    assert_lines(&place.faults(), &[&["REELMILL_CACHE__ROOT: cache.root: the value is not UTF-8"]]);
}

#[test]
fn c1_secrets_come_from_files_of_their_owner_alone() {
    let place = Place::new("");
    let paths = [("good", "hunter2\n", 0o600), ("bare", "hunter2", 0o400), ("group", "hunter2", 0o640)];
    let paths = paths.map(|(name, content, mode)| place.write(name, content, mode));
    let others = [("world", "hunter2", 0o604), ("written", "hunter2", 0o602), ("empty", "\r\n", 0o600)];
    let others = others.map(|(name, content, mode)| place.write(name, content, mode));
    let large = place.write("large", vec![b'x'; 65_537], 0o600);
    let binary = place.write("binary", b"\xff\xfe", 0o600);
    for path in &paths[..2] {
        let place = Place::new(format!("[api]\ntoken_file = '{}'\n", path.display()));
        assert_eq!(place.config().api.token.secret.as_ref().map(Secret::expose), Some("hunter2"));
        assert!(!format!("{:?}", place.read().unwrap()).contains("hunter2"));
    }
    let bad = [paths[2].clone(), others[0].clone(), others[1].clone(), others[2].clone(), large, binary];
    let missing = [place.folder.path().join("gone"), place.folder.path().to_owned()];
    let rules =
        ["mode 640", "mode 604", "mode 602", "is empty", "larger than", "not UTF-8", "cannot be read", "plain"];
    for (path, rule) in bad.iter().chain(&missing).zip(rules) {
        let path = path.display().to_string();
        let faults = Place::new("").with("REELMILL_API__TOKEN_FILE", &path).faults();
        assert_lines(&faults, &[&["REELMILL_API__TOKEN_FILE: api.token_file = ", &path, rule]]);
    }
}

#[test]
fn c1_a_secret_in_the_file_or_in_a_variable_is_refused_and_not_repeated() {
    let toml = "[api]\ntoken = 'hunter2'\nkeys_file = 'hunter2'\n[redis]\nurl = 'redis://:hunter2@h/'\npassword = 'hunter2'\n\
                [objects]\nurl = 's3://b?endpoint=http://a:hunter2@h'\n[webhook]\nsecret = hunter2\nkey = 'hunter2'\n";
    let place = Place::new(toml).with("REELMILL_API__TOKEN", "hunter2").with("REELMILL_HUNTER", "hunter2");
    let lines = place.faults();
    assert_lines(
        &lines,
        &[
            &["reelmill.toml:2: api.token = <hidden>: ", "token_file = \"/etc/reelmill/api.token\""],
            &["reelmill.toml:3: api.keys_file = <hidden>: "],
            &["reelmill.toml:5: redis.url = <hidden>: ", "no password"],
            &["reelmill.toml:6: redis.password = <hidden>: ", "redis.password_file"],
            &["reelmill.toml:8: objects.url = <hidden>: "],
            &["reelmill.toml:10: text must stand in quotes"],
            &["reelmill.toml:11: webhook.key: there is no such key"],
            &["REELMILL_API__TOKEN: api.token: ", "REELMILL_API__TOKEN_FILE=/etc/reelmill/api.token"],
            &["REELMILL_HUNTER: "],
        ],
    );
    assert!(!lines.concat().contains("hunter2"), "{lines:?}");
    assert!(!format!("{:?}", Variables::from_pairs(place.pairs.clone())).contains("hunter2"));
}

#[test]
fn a_systemd_credential_is_taken_where_no_file_is_named() {
    let place = Place::new("[api]\nlisten = '0.0.0.0:8700'\n");
    let folder = place.write("credentials/api.token", "hunter2\n", 0o440).parent().unwrap().to_owned();
    let other = place.write("token", "other", 0o600);
    let place = place.with("CREDENTIALS_DIRECTORY", folder.to_str().unwrap());
    let reading = place.read().unwrap();
    assert_eq!(reading.config.api.token.secret.as_ref().map(Secret::expose), Some("hunter2"));
    assert!(reading.config.webhook.secret.secret.is_none());
    let shown = matching(&reading.settings, "api.token_file").unwrap()[0];
    assert_eq!(shown.secret_source.as_deref(), Some("credential api.token"));
    assert_eq!(reading.sources.last().map(String::as_str), Some("credential api.token"));
    place.write("credentials/webhook.secret", "\n", 0o400);
    assert_lines(
        &place.faults(),
        &[&["credential webhook.secret: webhook.secret_file: the secret's file is empty"]],
    );
    fs::remove_file(folder.join("webhook.secret")).unwrap();
    let config = place.with("REELMILL_API__TOKEN_FILE", other.to_str().unwrap()).config();
    assert_eq!(config.api.token.secret.as_ref().map(Secret::expose), Some("other"));
}

#[test]
fn settings_that_do_not_go_together_are_told_where_the_demand_stands() {
    for (toml, parts) in [
        ("[api]\nlisten = '0.0.0.0:1'", ["reelmill.toml:2: api.listen", "needs api.token_file"]),
        ("[download]\nretry_wait = '2m'", ["reelmill.toml:2: download.retry_wait =", "not be longer"]),
        ("[download]\nretry_wait_max = '1ms'", ["reelmill.toml:2: download.retry_wait_max", "not be longer"]),
        ("[transcode]\nproviders = ['ecs']", ["reelmill.toml:2: transcode.providers", "ecs.url"]),
        ("[transcode]\nproviders = ['oss']", ["reelmill.toml:2: transcode.providers", "oss.url"]),
        ("[oss]\nsign = '{secret}'", ["reelmill.toml:2: oss.sign", "oss.secret_file"]),
        ("[webhook]\nurl = 'http://h/'", ["reelmill.toml:2: webhook.url", "webhook.secret_file"]),
    ] {
        assert_lines(&Place::new(toml).faults(), &[&parts]);
    }
}

#[test]
fn a_key_is_found_by_its_name_and_a_table_by_its_own() {
    let settings = Place::new("").read().unwrap().settings;
    assert_eq!(matching(&settings, "cache").unwrap().len(), 4);
    assert_eq!(matching(&settings, "data_folder").unwrap().len(), 1);
    assert_eq!(matching(&settings, "download.rat").unwrap_err(), Some("download.rate"));
    assert_eq!(matching(&settings, "").unwrap_err(), None);
}

/// Returns all settings as dotted lines of TOML.
fn shown(settings: &[Setting]) -> String {
    settings.iter().map(|setting| format!("{} = {}\n", setting.name, setting.value)).collect()
}

proptest! {
    // Each case reads two files from the disk.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_shown_is_understood_as_the_same(
        (rate, size, crf) in (0..=i64::MAX.unsigned_abs(), 1 << 20..=i64::MAX.unsigned_abs(), 0.0..=51.0_f64),
        (count, wait) in (1..=100_000_000_u32, 0..=60_000_u64),
        name in "[!-~ä课]{1,40}",
        path in "(/[ -~ä]{1,9}){1,4}",
        (from, to) in (0..720_u16, 720..1440_u16),
        hosts in proptest::collection::vec("[a-z][a-z0-9-]{0,10}(\\.[a-z]{2,5})?|10\\.0\\.0\\.[1-9]", 0..4),
    ) {
        let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
        let (from, to) = (TimeOfDay::at(from), TimeOfDay::at(to));
        let text = format!(
            "download.rate = {rate}\ncache.bytes_max = '{size}'\ntranscode.crf = {crf:?}\ncache.count_max = {count}\n\
             download.retry_wait = '{wait}ms'\nredis.events_channel = {}\ncache.root = {}\n\
             download.windows = [{{ from = '{from}', to = '{to}', rate = {rate} }}]\ndownload.allow = {hosts:?}\n",
            quoted(&name), quoted(&path),
        );
        let first = Place::new(&text).read().map_err(|error| TestCaseError::fail(error.details().join("\n")))?;
        let again = Place::new(shown(&first.settings)).read().unwrap();
        prop_assert_eq!(shown(&again.settings), shown(&first.settings));
        prop_assert_eq!(again.config.download.rate.map_or(0, Rate::bytes_per_second), rate);
        prop_assert_eq!(again.config.cache.bytes_max.bytes(), size);
        prop_assert_eq!(again.config.transcode.crf.to_bits(), crf.to_bits());
        prop_assert_eq!((again.config.redis.events_channel, again.config.cache.root), (name, PathBuf::from(path)));
    }

    #[test]
    fn no_file_makes_it_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        text in "(\\[{0,3}[a-z_.]{0,12}\\]{0,3}|[a-z_.]{0,12} ?= ?[\"'\\[{]?[ -~]{0,12}[\"'\\]}]?\n){0,12}",
    ) {
        for bytes in [bytes, text.into_bytes()] {
            let at = Path::new("f");
            let _ = (file::layer(at, &bytes).faults, legacy::layer(at, &bytes).faults);
        }
    }
}
