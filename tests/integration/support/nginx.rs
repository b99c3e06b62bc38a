//! A real nginx, as most origins are: a second opinion on what answers look like, with its own files and port.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// nginx is there in a moment or not at all.
const PATIENCE: Duration = Duration::from_secs(20);
/// Another program may take the free port first, though hardly ever.
const TRIES: usize = 5;

/// A running nginx; stopped with this value.
pub(crate) struct Nginx {
    folder: TempDir,
    child: Child,
    port: u16,
}

impl Nginx {
    /// Starts one; `location` is nginx's own words for what goes into its one location.
    pub(crate) fn start(location: &str) -> Self {
        (0..TRIES).find_map(|_| Self::try_start(location)).expect("nginx starts")
    }

    fn try_start(location: &str) -> Option<Self> {
        let folder = TempDir::with_prefix("reelmill-nginx-").unwrap();
        fs::create_dir(folder.path().join("files")).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        fs::write(folder.path().join("nginx.conf"), configuration(port, location)).unwrap();
        let mut command = Command::new(program());
        let log = fs::File::create(folder.path().join("error.log")).unwrap();
        command
            .args(["-e", "stderr", "-c", "nginx.conf", "-p"])
            .arg(folder.path())
            .stderr(log)
            .stdout(Stdio::null());
        let child = command.spawn().unwrap_or_else(|error| panic!("nginx ({error}): `make test` installs it"));
        let mut nginx = Self { folder, child, port };
        nginx.is_up().then_some(nginx)
    }

    /// Waits until it takes connections; `false` where it gave up.
    fn is_up(&mut self) -> bool {
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let log = || fs::read_to_string(self.folder.path().join("error.log")).unwrap();
            assert!(began.elapsed() < PATIENCE, "nginx does not answer: {}", log());
            if self.child.try_wait().unwrap().is_some() {
                assert!(log().contains("in use"), "nginx does not start: {}", log());
                return false;
            }
            thread::sleep(Duration::from_millis(5));
        }
        true
    }

    /// Returns the port it listens at, on 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Returns where the files lie that it serves.
    pub(crate) fn files(&self) -> PathBuf {
        self.folder.path().join("files")
    }

    /// Returns the address of a file.
    pub(crate) fn url(&self, name: &str) -> String {
        format!("http://127.0.0.1:{}/{name}", self.port)
    }

    /// Returns a line per answer so far: status, bytes of body, and what range was asked for.
    pub(crate) fn answers(&self) -> Vec<String> {
        let text = fs::read_to_string(self.folder.path().join("access.log")).unwrap();
        text.lines().map(str::to_owned).collect()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Debian puts it where not everybody looks.
fn program() -> &'static str {
    let usual = "/usr/sbin/nginx";
    if Path::new(usual).is_file() { usual } else { "nginx" }
}

/// One process in the foreground, everything it writes beside the configuration, and whoever started it as its user.
fn configuration(port: u16, location: &str) -> String {
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|kind| format!("{kind}_temp_path {kind};\n"))
        .collect();
    format!(
        "daemon off; master_process off; pid pid;\n\
         events {{ worker_connections 64; }}\n\
         http {{\n{temporary}\
         log_format told '$status $body_bytes_sent $http_range $http_if_range';\n\
         access_log access.log told;\n\
         server {{ listen 127.0.0.1:{port}; root files; location / {{ {location} }} }}\n\
         }}\n"
    )
}
