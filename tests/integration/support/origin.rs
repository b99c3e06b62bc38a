//! An HTTP/1.1 server for the tests' own ends: correct unless its script says otherwise, and it remembers what it was
//! asked. Real clients judge it in its own tests, since a wrong origin would prove nothing.
//!
//! It has a thread per connection and speaks no more of HTTP than downloads need.

mod answer;
mod object;

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::net::sockopt::set_socket_linger;
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

pub(crate) use answer::{Answer, End};
pub(crate) use object::{LAST_MODIFIED, Object};

/// A request's head longer than this is nothing that a client of ours sends.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// What comes at all comes soon; a test that waits longer has found a defect.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks at whether what is waited for has come.
const LOOK: Duration = Duration::from_millis(2);

/// One request, as it came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// How many requests came before.
    pub(crate) index: usize,
    pub(crate) method: String,
    /// As it stands in the first line, the query with it.
    pub(crate) path: String,
    headers: Vec<(String, String)>,
    sent: Arc<AtomicUsize>,
}

impl Asked {
    /// Returns the value of a header; its name in any case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Returns how many bytes of body went into the socket so far; a client need not have read them.
    pub(crate) fn sent(&self) -> usize {
        self.sent.load(Ordering::SeqCst)
    }

    /// Returns where the range begins that was asked for, 0 without one.
    pub(crate) fn offset(&self) -> usize {
        let range = self.header("range").map(|range| range.trim_start_matches("bytes="));
        range.map_or(0, |range| range.split('-').next().unwrap().parse().unwrap())
    }
}

/// What changes a correct answer into the fault to be tested; called with every request.
type Script = Box<dyn Fn(&Asked, &mut Answer) + Send + Sync>;

/// What all connections share.
struct Stage {
    object: Object,
    script: Script,
    tls: Option<Arc<ServerConfig>>,
    asked: Mutex<Vec<Asked>>,
    /// A second handle of every connection, by which the end hangs up on those that still wait.
    connections: Mutex<Vec<(SocketAddr, TcpStream)>>,
    is_over: AtomicBool,
}

/// A running server; gone with this value.
pub(crate) struct Origin {
    address: SocketAddr,
    stage: Arc<Stage>,
    accepts: Option<JoinHandle<()>>,
}

impl Origin {
    /// Serves `object` under every path, as a correct server would.
    pub(crate) fn honest(object: Object) -> Self {
        Self::scripted(object, |_, _| ())
    }

    /// Serves `object`, each answer changed by `script`.
    pub(crate) fn scripted(object: Object, script: impl Fn(&Asked, &mut Answer) + Send + Sync + 'static) -> Self {
        Self::start(object, None, Box::new(script))
    }

    /// The same over TLS.
    pub(crate) fn secured(
        object: Object,
        tls: ServerConfig,
        script: impl Fn(&Asked, &mut Answer) + Send + Sync + 'static,
    ) -> Self {
        Self::start(object, Some(Arc::new(tls)), Box::new(script))
    }

    fn start(object: Object, tls: Option<Arc<ServerConfig>>, script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let stage = Arc::new(Stage {
            object,
            script,
            tls,
            asked: Mutex::default(),
            connections: Mutex::default(),
            is_over: AtomicBool::new(false),
        });
        let shared = Arc::clone(&stage);
        let accepts = thread::spawn(move || shared.accept(&listener));
        Self { address, stage, accepts: Some(accepts) }
    }

    /// Returns the port it listens at, on 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Returns the address of `path` (`/lesson.flv`) here.
    pub(crate) fn url(&self, path: &str) -> String {
        let scheme = if self.stage.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}{path}", self.address)
    }

    /// Returns every request so far, in the order in which they came.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.stage.asked.lock().unwrap().clone()
    }

    /// Returns the bytes of body sent in all answers together.
    pub(crate) fn sent(&self) -> usize {
        self.asked().iter().map(Asked::sent).sum()
    }

    /// Waits until what was asked satisfies `wanted`; fails the test after half a minute.
    pub(crate) fn until(&self, wanted: impl Fn(&[Asked]) -> bool) {
        let began = Instant::now();
        while !wanted(&self.asked()) {
            assert!(began.elapsed() < PATIENCE, "still not what is waited for: {:?}", self.asked());
            thread::sleep(LOOK);
        }
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.stage.is_over.store(true, Ordering::SeqCst);
        // The listener waits for a connection; this is its last.
        drop(TcpStream::connect(self.address));
        for (_, connection) in self.stage.connections.lock().unwrap().drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
        if let Some(accepts) = self.accepts.take() {
            let _ = accepts.join();
        }
    }
}

/// What bytes go through: a socket, or TLS over one.
trait Wire: Read + Write {}

impl<T: Read + Write> Wire for T {}

impl Stage {
    fn accept(self: &Arc<Self>, listener: &TcpListener) {
        for socket in listener.incoming() {
            if self.is_over.load(Ordering::SeqCst) {
                return;
            }
            let Ok(socket) = socket else { continue };
            let stage = Arc::clone(self);
            // Not joined: it ends with its connection, which the end of the origin closes.
            thread::spawn(move || stage.converse(socket));
        }
    }

    /// Answers the requests of a connection until one of the two ends it; that is no failure here, whoever did it.
    fn converse(&self, socket: TcpStream) {
        let (Ok(handle), Ok(other), Ok(peer)) = (socket.try_clone(), socket.try_clone(), socket.peer_addr()) else {
            return;
        };
        self.connections.lock().unwrap().push((peer, handle));
        if socket.set_nodelay(true).is_err() {
            return;
        }
        let end = match &self.tls {
            None => self.answer_all(&mut { socket }),
            Some(tls) => {
                let connection = ServerConnection::new(Arc::clone(tls)).unwrap();
                self.answer_all(&mut StreamOwned::new(connection, socket))
            }
        };
        if matches!(end, Ok(End::Reset)) {
            // Closed with this set, a socket sends a reset and drops what it has not yet sent.
            let _ = set_socket_linger(&other, Some(Duration::ZERO));
        } else {
            let _ = other.shutdown(Shutdown::Write);
        }
        // A reset goes out only when the last handle is closed.
        self.connections.lock().unwrap().retain(|(other, _)| *other != peer);
    }

    fn answer_all(&self, wire: &mut impl Wire) -> io::Result<End> {
        while let Some(head) = read_head(wire)? {
            let asked = self.note(&head);
            let mut answer = self.object.answer(&asked);
            (self.script)(&asked, &mut answer);
            let end = answer.send(wire, asked.method == "HEAD", &asked.sent)?;
            if end == End::Silence {
                // The client's end is the end of it.
                let _ = wire.read(&mut [0])?;
            }
            // A client may ask for the end in its request.
            let is_last = asked.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
            if end != End::KeepAlive || is_last {
                return Ok(end);
            }
        }
        Ok(End::Close)
    }

    fn note(&self, head: &str) -> Asked {
        let mut lines = head.lines();
        let mut words = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
        let headers = lines.filter_map(|line| line.split_once(':'));
        let headers = headers.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect();
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let mut all = self.asked.lock().unwrap();
        let asked = Asked { index: all.len(), method, path, headers, sent: Arc::default() };
        all.push(asked.clone());
        asked
    }
}

/// Returns the head of the next request, `None` where the client has no more. Nothing follows a head: no request here
/// has a body, and no client of ours sends the next before it has the answer.
fn read_head(wire: &mut impl Wire) -> io::Result<Option<String>> {
    let (mut head, mut bytes) = (Vec::new(), [0; 4096]);
    while !head.ends_with(b"\r\n\r\n") {
        let count = wire.read(&mut bytes)?;
        if count == 0 || head.len() > HEAD_BYTES_MAX {
            return Ok(None);
        }
        head.extend_from_slice(&bytes[..count]);
    }
    Ok(String::from_utf8(head).ok())
}
