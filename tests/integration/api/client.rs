//! The interface on a port of its own, and a client that says what no proper one would.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use reelmill::api::{ApiError, ApiSettings, Limits, serve};
use reelmill::clock::Clock;
use serde_json::Value;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::node::Fake;

/// A test that waits longer has failed.
const PATIENCE: Duration = Duration::from_secs(60);
/// What time it is in all tests, in Unix seconds.
pub(crate) const NOW: i64 = 1_760_000_000;

#[derive(Debug)]
pub(crate) struct Standing;

impl Clock for Standing {
    fn now_milliseconds(&self) -> i64 {
        NOW * 1000
    }
}

/// Returns how the interface works where nothing else is said.
pub(crate) fn settings() -> ApiSettings {
    ApiSettings {
        tokens: String::new(),
        keys: String::new(),
        clock: Arc::new(Standing),
        limits: Limits { end_time: Duration::from_secs(2), ..Limits::default() },
    }
}

/// A running interface.
pub(crate) struct Running {
    pub(crate) node: Arc<Fake>,
    pub(crate) address: SocketAddr,
    pub(crate) runtime: Runtime,
    /// The daemon keeps its own, to begin the interface anew.
    _kept: TcpListener,
    stop: watch::Sender<bool>,
    task: Option<JoinHandle<Result<(), ApiError>>>,
}

impl Running {
    pub(crate) fn start() -> Self {
        Self::with(settings())
    }

    pub(crate) fn with(settings: ApiSettings) -> Self {
        Self::on("127.0.0.1:0", settings)
    }

    pub(crate) fn on(address: &str, settings: ApiSettings) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let listener = TcpListener::bind(address).unwrap();
        let (address, kept) = (listener.local_addr().unwrap(), listener.try_clone().unwrap());
        let (node, (stop, stopping)) = (Fake::new(), watch::channel(false));
        let task = runtime.spawn(serve(listener, node.clone(), settings, stopping));
        Self { node, address, runtime, _kept: kept, stop, task: Some(task) }
    }

    /// Asks the interface to end, and waits until it has.
    pub(crate) fn end(&mut self) -> Result<(), ApiError> {
        self.stop.send_replace(true);
        let task = self.task.take().unwrap();
        self.runtime.block_on(task).unwrap()
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.address.port())).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Sends these bytes, and returns what is answered until the connection ends.
    pub(crate) fn raw(&self, bytes: &[u8]) -> Told {
        let mut stream = self.connect();
        // An answer may come before everything is sent.
        let _ = stream.write_all(bytes);
        Told::read(&mut stream)
    }

    /// Asks with these headers, a line each, and this body.
    pub(crate) fn ask(&self, line: &str, headers: &[&str], body: &str) -> Told {
        let mut text = format!("{line} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n");
        if !body.is_empty() {
            text.push_str(&format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len()));
        }
        for header in headers {
            text.push_str(&format!("{header}\r\n"));
        }
        self.raw(format!("{text}\r\n{body}").as_bytes())
    }

    pub(crate) fn get(&self, path: &str) -> Told {
        self.ask(&format!("GET {path}"), &[], "")
    }
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Told {
    /// Reads to the end of the connection; what breaks off is what there is.
    pub(crate) fn read(stream: &mut TcpStream) -> Self {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        let split = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(bytes.len());
        let head = String::from_utf8_lossy(&bytes[..split]).to_ascii_lowercase();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        let mut body = bytes.get(split + 4..).unwrap_or_default().to_vec();
        if head.contains("transfer-encoding: chunked") {
            body = unchunked(&body);
        }
        Self { status, head, body }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Returns the code of a problem, after a look at whether it is one in full, or `none` for a success.
    pub(crate) fn code(&self) -> String {
        if self.status < 400 {
            return "none".to_owned();
        }
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let problem = self.json();
        let code = problem["code"].as_str().unwrap().to_owned();
        assert_eq!(problem["status"], self.status, "{problem}");
        assert_eq!(problem["type"], format!("urn:reelmill:{code}"), "{problem}");
        for field in ["title", "detail", "cure", "request_id"] {
            assert!(problem[field].is_string(), "{field}: {problem}");
        }
        assert!(problem["retryable"].is_boolean(), "{problem}");
        assert!(!self.text().contains("/var/") && !self.text().contains("src/"), "{problem}");
        code
    }
}

fn unchunked(mut bytes: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(end) = bytes.windows(2).position(|two| two == b"\r\n") {
        let length = usize::from_str_radix(std::str::from_utf8(&bytes[..end]).unwrap().trim(), 16).unwrap();
        whole.extend_from_slice(&bytes[end + 2..end + 2 + length]);
        bytes = &bytes[(end + 4 + length).min(bytes.len())..];
    }
    whole
}
