//! A TCP proxy that is a bad network: slow, torn, silent or gone, each connection as its script says. What passes it is not
//! looked at, so it does the same to HTTP, to TLS and to anything else.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::net::sockopt::set_socket_linger;

/// What is read at a time.
const PIECE_BYTES: usize = 64 * 1024;

/// One way to be a bad network, on the way from the server to the client unless said otherwise. Several add up.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Toxic {
    /// Each piece is held back so long.
    Latency(Duration),
    /// So many bytes a second pass, about.
    Bandwidth(usize),
    /// After so many bytes the connection is closed in order.
    LimitData(usize),
    /// After so many bytes it is reset.
    Reset(usize),
    /// After so many bytes nothing passes any more, and nobody hangs up.
    BlackHole(usize),
    /// What passes, passes in pieces of at most so many bytes.
    Slicer(usize),
    /// The connection is closed before a byte has passed in either direction.
    Down,
}

/// Which toxics a connection has, by how many came before it.
type Script = Box<dyn Fn(usize) -> Vec<Toxic> + Send + Sync>;

/// What all connections share.
struct Line {
    target: SocketAddr,
    script: Script,
    count: AtomicUsize,
    passed: AtomicUsize,
    /// Both ends of every connection, for the end to hang up on those that still wait.
    ends: Mutex<Vec<TcpStream>>,
    is_over: AtomicBool,
}

/// A running proxy; gone with this value.
pub(crate) struct Proxy {
    address: SocketAddr,
    line: Arc<Line>,
    accepts: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Stands before the server at `port` of 127.0.0.1.
    pub(crate) fn to(port: u16, script: impl Fn(usize) -> Vec<Toxic> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let line = Arc::new(Line {
            target: SocketAddr::from(([127, 0, 0, 1], port)),
            script: Box::new(script),
            count: AtomicUsize::new(0),
            passed: AtomicUsize::new(0),
            ends: Mutex::default(),
            is_over: AtomicBool::new(false),
        });
        let shared = Arc::clone(&line);
        let accepts = thread::spawn(move || shared.accept(&listener));
        Self { address, line, accepts: Some(accepts) }
    }

    /// Returns the address of `path` behind it, for a scheme.
    pub(crate) fn url(&self, scheme: &str, path: &str) -> String {
        format!("{scheme}://{}{path}", self.address)
    }

    /// Returns how many connections came.
    pub(crate) fn connections(&self) -> usize {
        self.line.count.load(Ordering::SeqCst)
    }

    /// Returns how many bytes were handed to clients.
    pub(crate) fn passed(&self) -> usize {
        self.line.passed.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.line.is_over.store(true, Ordering::SeqCst);
        // The listener waits for a connection; this is its last.
        drop(TcpStream::connect(self.address));
        for end in self.line.ends.lock().unwrap().drain(..) {
            let _ = end.shutdown(Shutdown::Both);
        }
        if let Some(accepts) = self.accepts.take() {
            let _ = accepts.join();
        }
    }
}

/// How a connection ended, for the client.
enum End {
    Closed,
    Reset,
    /// Not at all.
    Silent,
}

impl Line {
    fn accept(self: &Arc<Self>, listener: &TcpListener) {
        for client in listener.incoming() {
            if self.is_over.load(Ordering::SeqCst) {
                return;
            }
            let Ok(client) = client else { continue };
            let toxics = (self.script)(self.count.fetch_add(1, Ordering::SeqCst));
            let line = Arc::clone(self);
            // Not joined: the end of the proxy closes what it waits for.
            thread::spawn(move || line.carry(client, &toxics));
        }
    }

    /// Carries bytes both ways until one end has enough; that is no failure here.
    fn carry(&self, mut client: TcpStream, toxics: &[Toxic]) {
        if toxics.iter().any(|toxic| matches!(toxic, Toxic::Down)) {
            return;
        }
        let Ok(mut server) = TcpStream::connect(self.target) else { return };
        let (Ok(mut asks), Ok(mut asked)) = (client.try_clone(), server.try_clone()) else { return };
        self.ends.lock().unwrap().extend([client.try_clone(), server.try_clone()].into_iter().flatten());
        let requests = thread::spawn(move || {
            let _ = io::copy(&mut asks, &mut asked);
            // The client has hung up: the server need not go on.
            let _ = asked.shutdown(Shutdown::Both);
        });
        match self.pass(&mut server, &mut client, toxics).unwrap_or(End::Closed) {
            // The client's end, which it shows by closing, is the end of it.
            End::Silent => {}
            End::Reset => {
                // The handles share one socket, and shutting down its read side lets the other thread go.
                let _ = set_socket_linger(&client, Some(Duration::ZERO));
                let _ = client.shutdown(Shutdown::Read);
            }
            End::Closed => {
                let _ = client.shutdown(Shutdown::Both);
            }
        }
        let _ = requests.join();
        let gone = [client.peer_addr().ok(), server.peer_addr().ok()];
        self.ends.lock().unwrap().retain(|end| end.peer_addr().is_ok_and(|peer| !gone.contains(&Some(peer))));
    }

    fn pass(&self, server: &mut TcpStream, client: &mut TcpStream, toxics: &[Toxic]) -> io::Result<End> {
        let limit = toxics.iter().filter_map(|toxic| match *toxic {
            Toxic::LimitData(bytes) => Some((bytes, End::Closed)),
            Toxic::Reset(bytes) => Some((bytes, End::Reset)),
            Toxic::BlackHole(bytes) => Some((bytes, End::Silent)),
            _ => None,
        });
        let (mut left, end) = limit.min_by_key(|(bytes, _)| *bytes).unwrap_or((usize::MAX, End::Closed));
        let slice = toxics.iter().filter_map(|toxic| match *toxic {
            Toxic::Slicer(bytes) => Some(bytes),
            // A tenth of a second's worth at a time.
            Toxic::Bandwidth(bytes) => Some((bytes / 10).max(1)),
            _ => None,
        });
        let mut bytes = vec![0; slice.min().unwrap_or(PIECE_BYTES).min(PIECE_BYTES)];
        client.set_nodelay(true)?;
        while left > 0 {
            let wanted = bytes.len().min(left);
            let count = server.read(&mut bytes[..wanted])?;
            if count == 0 {
                return Ok(End::Closed);
            }
            toxics.iter().for_each(|toxic| thread::sleep(toxic.delay(count)));
            client.write_all(&bytes[..count])?;
            self.passed.fetch_add(count, Ordering::SeqCst);
            left -= count;
        }
        Ok(end)
    }
}

impl Toxic {
    /// Returns how long a piece of so many bytes is held back.
    fn delay(self, count: usize) -> Duration {
        match self {
            Self::Latency(delay) => delay,
            Self::Bandwidth(bytes) => {
                Duration::from_secs(1).mul_f64(f64::from(u32::try_from(count).unwrap()))
                    / u32::try_from(bytes).unwrap()
            }
            _ => Duration::ZERO,
        }
    }
}
