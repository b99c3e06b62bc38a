//! A real Redis of a test's own, on a socket or on a port, that can be killed and started again with what it has kept.

use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::certificate::Authority;
use super::oracle::tool;

/// Redis is there in a moment or not at all.
const PATIENCE: Duration = Duration::from_secs(20);
/// Another program may take the free port first, though hardly ever.
const TRIES: usize = 5;
/// Keeps everything that was acknowledged.
pub(crate) const DURABLE: &[&str] = &["--appendonly", "yes", "--appendfsync", "always"];
/// Keeps nothing.
const FORGETFUL: &[&str] = &["--appendonly", "no"];

/// A running Redis; stopped with this value.
pub(crate) struct Redis {
    folder: TempDir,
    child: Child,
    password: String,
    /// Where it listens; on its socket where there is none.
    port: Option<u16>,
}

impl Redis {
    /// Starts one that asks for that password, for none where it is empty, and keeps nothing on the disk.
    pub(crate) fn start(password: &str) -> Self {
        Self::try_start(password, None, FORGETFUL).expect("Redis starts")
    }

    /// Starts one with more words on its command line.
    pub(crate) fn with(words: &[&str]) -> Self {
        Self::try_start("", None, words).expect("Redis starts")
    }

    /// Starts one on a port of 127.0.0.1, for what cannot stand before a socket.
    pub(crate) fn on_port() -> Self {
        (0..TRIES).find_map(|_| Self::try_start("", Some(free_port()), FORGETFUL)).expect("Redis starts")
    }

    /// Starts one on a port that asks for that password and keeps everything that it acknowledged.
    pub(crate) fn durable_on_port(password: &str) -> Self {
        (0..TRIES).find_map(|_| Self::try_start(password, Some(free_port()), DURABLE)).expect("Redis starts")
    }

    /// Starts one that also listens over TLS, for `localhost`, and returns that address.
    pub(crate) fn over_tls(authority: &Authority) -> (Self, String) {
        let folder = TempDir::with_prefix("reelmill-redis-tls-").unwrap();
        let [certificate, key] = authority.write_server("localhost", folder.path());
        let (certificate, key) = (certificate.to_str().unwrap(), key.to_str().unwrap());
        let start = |_| {
            let port = free_port().to_string();
            let files = ["--tls-cert-file", certificate, "--tls-key-file", key, "--tls-auth-clients", "no"];
            let redis = Self::try_start("", None, &[&["--tls-port", &port], &files[..]].concat())?;
            Some((redis, format!("rediss://localhost:{port}/")))
        };
        // What is in the files has been read when it has started.
        (0..TRIES).find_map(start).expect("Redis starts")
    }

    fn try_start(password: &str, port: Option<u16>, words: &[&str]) -> Option<Self> {
        let folder = TempDir::with_prefix("reelmill-redis-").unwrap();
        let child = spawn(&folder, password, port, words);
        let mut redis = Self { folder, child, password: password.to_owned(), port };
        redis.is_up().then_some(redis)
    }

    /// Kills it, as a power cut would end it.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Lets it fall silent, with its connections open; or go on.
    pub(crate) fn freeze(&self, is_frozen: bool) {
        let signal = if is_frozen { Signal::STOP } else { Signal::CONT };
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Starts it again where it was, with what it has kept on the disk.
    pub(crate) fn restart(&mut self, words: &[&str]) {
        self.child = spawn(&self.folder, &self.password, self.port, words);
        assert!(self.is_up(), "Redis starts again");
    }

    /// Waits until it takes connections; `false` where it gave up.
    fn is_up(&mut self) -> bool {
        let began = Instant::now();
        while !self.takes_connections() {
            assert!(began.elapsed() < PATIENCE, "Redis does not answer");
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            thread::sleep(Duration::from_millis(5));
        }
        true
    }

    fn takes_connections(&self) -> bool {
        match self.port {
            Some(port) => TcpStream::connect(("127.0.0.1", port)).is_ok(),
            None => UnixStream::connect(self.socket()).is_ok(),
        }
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("r.sock")
    }

    /// Returns its port; it must have one.
    pub(crate) fn port(&self) -> u16 {
        self.port.unwrap()
    }

    /// Returns the password that it asks for; empty for none.
    pub(crate) fn password(&self) -> &str {
        &self.password
    }

    /// Returns its address, with the password.
    pub(crate) fn url(&self) -> String {
        let password = if self.password.is_empty() { String::new() } else { format!("?pass={}", self.password) };
        match self.port {
            Some(port) => format!("redis://127.0.0.1:{port}/{password}"),
            None => format!("unix://{}{password}", self.socket().display()),
        }
    }

    /// Carries out one command, none of whose words holds a space, and returns the answer.
    pub(crate) fn command(&self, words: &str) -> String {
        self.words(&words.split_whitespace().collect::<Vec<_>>())
    }

    /// Carries out one command, word by word, and returns the answer.
    pub(crate) fn words(&self, words: &[&str]) -> String {
        let (socket, port) = (self.socket(), self.port.unwrap_or_default().to_string());
        let mut arguments = match self.port {
            Some(_) => vec!["-p", &port, "--no-auth-warning"],
            None => vec!["-s", socket.to_str().unwrap(), "--no-auth-warning"],
        };
        if !self.password.is_empty() {
            arguments.extend(["-a", &self.password]);
        }
        arguments.extend(words);
        String::from_utf8_lossy(&tool("redis-cli", &arguments)).trim().to_owned()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn spawn(folder: &TempDir, password: &str, port: Option<u16>, words: &[&str]) -> Child {
    let mut command = Command::new("redis-server");
    command.args(["--port", &port.unwrap_or_default().to_string(), "--bind", "127.0.0.1", "--save", ""]);
    command.args(["--requirepass", password]).args(words);
    command.arg("--unixsocket").arg(folder.path().join("r.sock")).arg("--dir").arg(folder.path());
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    child.unwrap_or_else(|error| panic!("redis-server ({error}): `make test` installs it"))
}
