//! A receiver of webhooks for the tests' own ends: it keeps what came and answers by its script. A thread per connection,
//! one request each, as our sender asks for.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// What comes at all comes soon; a test that waits longer has found a defect.
const PATIENCE: Duration = Duration::from_secs(30);
/// A request longer than this is nothing that our sender sends.
const REQUEST_BYTES_MAX: usize = 1 << 20;

/// One request, as it came.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    /// How many came before.
    pub(crate) index: usize,
    pub(crate) at: Instant,
    /// The first line.
    pub(crate) line: String,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Heard {
    /// Returns the value of a header, which must be there once.
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        let mut values = self.headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        let value = values.next().unwrap_or_else(|| panic!("no {name} in {self:?}"));
        assert!(values.next().is_none(), "{name} twice in {self:?}");
        &value.1
    }

    /// Returns the body, which is JSON.
    #[track_caller]
    pub(crate) fn document(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// What a receiver says.
#[derive(Clone, Debug)]
pub(crate) enum Say {
    /// This status, these further lines of the head, this text.
    Status(u16, &'static str, String),
    /// The same with a promise of more text than comes.
    Torn(u16),
    /// The end of the connection.
    Nothing,
    /// Nothing at all, until the sender goes.
    Silence,
}

impl Say {
    /// A status and no more.
    pub(crate) const fn status(status: u16) -> Self {
        Self::Status(status, "", String::new())
    }
}

type Script = Box<dyn Fn(&Heard) -> Say + Send + Sync>;

struct Stage {
    script: Script,
    heard: Mutex<Vec<Heard>>,
    more: Condvar,
    is_over: AtomicBool,
}

/// A running receiver; gone with this value.
pub(crate) struct Receiver {
    address: SocketAddr,
    stage: Arc<Stage>,
    accepts: Option<JoinHandle<()>>,
}

impl Receiver {
    /// Starts one that answers by `script`.
    pub(crate) fn start(script: impl Fn(&Heard) -> Say + Send + Sync + 'static) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap(), script)
    }

    /// The same at a socket that is there already.
    pub(crate) fn on(listener: TcpListener, script: impl Fn(&Heard) -> Say + Send + Sync + 'static) -> Self {
        let address = listener.local_addr().unwrap();
        let stage = Arc::new(Stage {
            script: Box::new(script),
            heard: Mutex::default(),
            more: Condvar::new(),
            is_over: AtomicBool::new(false),
        });
        let shared = Arc::clone(&stage);
        let accepts = thread::spawn(move || {
            for socket in listener.incoming() {
                if shared.is_over.load(Ordering::SeqCst) {
                    return;
                }
                let (Ok(socket), stage) = (socket, Arc::clone(&shared)) else { continue };
                // Not joined: it ends with its connection, which the sender ends.
                thread::spawn(move || stage.answer(socket));
            }
        });
        Self { address, stage, accepts: Some(accepts) }
    }

    /// Returns the address of `path` here.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Returns every request so far.
    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.stage.heard.lock().unwrap().clone()
    }

    /// Waits for so many requests; fails the test after half a minute.
    #[track_caller]
    pub(crate) fn until(&self, count: usize) -> Vec<Heard> {
        let heard = self.stage.heard.lock().unwrap();
        let is_short = |heard: &mut Vec<Heard>| heard.len() < count;
        let (heard, timeout) = self.stage.more.wait_timeout_while(heard, PATIENCE, is_short).unwrap();
        assert!(!timeout.timed_out(), "only {heard:?}");
        heard.clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.stage.is_over.store(true, Ordering::SeqCst);
        // The listener waits for a connection; this is its last.
        drop(TcpStream::connect(self.address));
        if let Some(accepts) = self.accepts.take() {
            let _ = accepts.join();
        }
    }
}

impl Stage {
    /// Hears one request and answers it; what the sender does to the connection is its own matter.
    fn answer(&self, mut socket: TcpStream) {
        let Ok(Some((head, body))) = read_request(&mut socket) else { return };
        let say = (self.script)(&self.note(&head, body));
        let mut write = |text: String| drop(socket.write_all(text.as_bytes()));
        match say {
            Say::Status(status, lines, text) => {
                write(format!("HTTP/1.1 {status} x\r\n{lines}content-length: {}\r\n\r\n{text}", text.len()));
            }
            Say::Torn(status) => write(format!("HTTP/1.1 {status} x\r\ncontent-length: 9\r\n\r\ntorn")),
            Say::Nothing => {}
            Say::Silence => drop(socket.read(&mut [0])),
        }
    }

    fn note(&self, head: &str, body: String) -> Heard {
        let mut lines = head.lines();
        let line = lines.next().unwrap_or_default().to_owned();
        let headers = lines.filter_map(|line| line.split_once(':'));
        let headers = headers.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect();
        let mut all = self.heard.lock().unwrap();
        let heard = Heard { index: all.len(), at: Instant::now(), line, headers, body };
        all.push(heard.clone());
        self.more.notify_all();
        heard
    }
}

/// Returns the head and the body of a request; nothing where the sender has gone.
fn read_request(socket: &mut TcpStream) -> io::Result<Option<(String, String)>> {
    let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let length = head.lines().filter_map(|line| line.split_once(':'));
            let length = length.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
            let length: usize = length.map(|(_, value)| value.trim().parse::<usize>().unwrap()).sum();
            if bytes.len() >= end + 4 + length {
                return Ok(Some((head, String::from_utf8(bytes.split_off(end + 4)).unwrap())));
            }
        }
        let count = socket.read(&mut piece)?;
        if count == 0 || bytes.len() > REQUEST_BYTES_MAX {
            return Ok(None);
        }
        bytes.extend_from_slice(&piece[..count]);
    }
}
