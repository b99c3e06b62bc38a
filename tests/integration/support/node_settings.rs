//! What a daemon under test is configured to be, written into the folder that it works in.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::binary::{Said, end, reelmill};
use super::clip::scratch;
use super::redis::Redis;
use super::wall_clock::WallClock;

/// What a daemon is configured to be: small, quick, and with nothing but loopback around it.
pub(crate) struct Settings {
    pub(super) folder: TempDir,
    /// TOML values by their dotted keys.
    pub(super) values: BTreeMap<String, String>,
    pub(super) secrets: Vec<String>,
    pub(super) token: Option<String>,
    pub(super) clock: Option<WallClock>,
    is_talkative: bool,
    supervisor: Option<PathBuf>,
}

impl Settings {
    /// Settings of a node of this name.
    pub(crate) fn of(name: &str) -> Self {
        let folder = scratch();
        let path = |name: &str| format!("{:?}", folder.path().join(name));
        let values = [
            ("data_folder", path("data")),
            ("node_id", format!("{name:?}")),
            ("api.listen", "'127.0.0.1:0'".to_owned()),
            ("cache.root", path("cache")),
            ("cache.free_bytes_min", "'0'".to_owned()),
            ("download.allow", "['127.0.0.0/8']".to_owned()),
            ("download.rate", "'0'".to_owned()),
            ("download.retry_wait", "'50ms'".to_owned()),
            ("transcode.preset", "'ultrafast'".to_owned()),
            ("transcode.crf", "30.0".to_owned()),
        ];
        fs::create_dir(folder.path().join("cache")).unwrap();
        let values = values.map(|(key, value)| (key.to_owned(), value)).into();
        Self {
            folder,
            values,
            secrets: Vec::new(),
            token: None,
            clock: None,
            is_talkative: false,
            supervisor: None,
        }
    }

    /// The same with this value, as TOML writes it.
    pub(crate) fn with(mut self, key: &str, value: &str) -> Self {
        self.values.insert(key.to_owned(), value.to_owned());
        self
    }

    /// The same with a file that holds this secret, which nobody but the daemon is to see.
    pub(crate) fn secret(mut self, key: &str, secret: &str) -> Self {
        let path = self.folder.path().join(format!("{key}.secret"));
        fs::write(&path, secret).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        self.secrets.push(secret.to_owned());
        let path = format!("{path:?}");
        self.with(key, &path)
    }

    /// The same, where requests need this token.
    pub(crate) fn token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self.secret("api.token_file", token)
    }

    /// The same with that Redis, which listens on a port.
    pub(crate) fn redis(self, redis: &Redis) -> Self {
        let own = self.with("redis.url", &format!("'redis://127.0.0.1:{}/'", redis.port()));
        if redis.password().is_empty() { own } else { own.secret("redis.password_file", redis.password()) }
    }

    /// The same, which logs what it does.
    pub(crate) fn talkative(mut self) -> Self {
        self.is_talkative = true;
        self
    }

    /// The same, which tells whoever listens on that socket how it is, as it would tell systemd.
    pub(crate) fn supervised(mut self, socket: &Path) -> Self {
        self.supervisor = Some(socket.to_owned());
        self
    }

    /// The same under a wall clock that can be set.
    pub(crate) fn clock(mut self) -> Self {
        self.clock = Some(WallClock::new());
        self
    }

    /// Runs a daemon that must end by itself.
    pub(crate) fn run(&self) -> Said {
        end(&mut self.command())
    }

    /// Returns what runs a daemon.
    pub(super) fn command(&self) -> Command {
        let verbose = if self.is_talkative { "-v " } else { "" };
        let line = format!("{verbose}worker --config {}", self.write().display());
        let mut command = reelmill(self.folder.path(), &line);
        if let Some(clock) = &self.clock {
            clock.seen_by(&mut command);
        }
        if let Some(socket) = &self.supervisor {
            command.env("NOTIFY_SOCKET", socket);
        }
        command
    }

    fn write(&self) -> PathBuf {
        let file = self.folder.path().join("reelmill.toml");
        let lines: Vec<String> = self.values.iter().map(|(key, value)| format!("{key} = {value}\n")).collect();
        fs::write(&file, lines.concat()).unwrap();
        file
    }
}
