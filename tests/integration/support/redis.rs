//! A real Redis on a socket of its own, with nothing kept on the disk.

use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::oracle::tool;

/// Redis is there in a moment or not at all.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running Redis; stopped with this value.
pub(crate) struct Redis {
    folder: TempDir,
    child: Child,
    password: String,
}

impl Redis {
    /// Starts one that asks for that password; for none where it is empty.
    pub(crate) fn start(password: &str) -> Self {
        let folder = TempDir::with_prefix("reelmill-redis-").unwrap();
        let mut command = Command::new("redis-server");
        let socket = folder.path().join("r.sock");
        command.args(["--port", "0", "--save", "", "--appendonly", "no", "--requirepass", password]);
        command.arg("--unixsocket").arg(&socket).arg("--dir").arg(folder.path());
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let child = child.unwrap_or_else(|error| panic!("redis-server ({error}): `make test` installs it"));
        let redis = Self { folder, child, password: password.to_owned() };
        let began = Instant::now();
        while UnixStream::connect(redis.socket()).is_err() {
            assert!(began.elapsed() < PATIENCE, "Redis does not answer");
            thread::sleep(Duration::from_millis(5));
        }
        redis
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("r.sock")
    }

    /// Returns its address, with the password.
    pub(crate) fn url(&self) -> String {
        let password = if self.password.is_empty() { String::new() } else { format!("?pass={}", self.password) };
        format!("unix://{}{password}", self.socket().display())
    }

    /// Carries out one command, none of whose words holds a space, and returns the answer.
    pub(crate) fn command(&self, words: &str) -> String {
        let socket = self.socket();
        let mut arguments = vec!["-s", socket.to_str().unwrap(), "--no-auth-warning"];
        if !self.password.is_empty() {
            arguments.extend(["-a", &self.password]);
        }
        arguments.extend(words.split_whitespace());
        String::from_utf8(tool("redis-cli", &arguments)).unwrap().trim().to_owned()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
