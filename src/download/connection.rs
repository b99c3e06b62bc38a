//! One request over one connection of its own: resolve, ask the guard, dial what it admits, speak TLS, ask, read the head.
//! Neither redirects nor retries: `fetch` knows those; what is posted `post` words.
//!
//! hyper is used without a pool: the connection is ours from its first byte to what follows its last. That is how the
//! address that is dialled is the one that was judged, and how bytes after the promised end of a body are seen.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{self, HeaderMap, HeaderName};
use hyper::http::request::Builder;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use url::Url;

use super::guard::{Guard, Target};
use super::range::{Asked, Head};
use super::tls::Tls;
use super::{DownloadError, digest};

/// Of a name with many addresses so many are tried.
const ADDRESSES_MAX: usize = 4;

/// How long the origin may take to close the connection after the body's end. Most do at once, as they are asked to.
const CLOSE_TIME: Duration = Duration::from_millis(250);

/// The buffer between socket and body, without and with a rate limit. Under a limit it is small, so that bytes are taken
/// from the network as they pass, and not long before.
const BUFFER_BYTES: usize = 1 << 20;
const LIMITED_BUFFER_BYTES: usize = 16 << 10;

/// What the kernel may hold of a limited download: a second's worth, which is enough for the slowest way around the world,
/// and not less than this. From the larger rate on the kernel finds its own measure.
const RECEIVE_BYTES_MIN: u64 = 128 << 10;
const RECEIVE_BYTES_MAX: u64 = 4 << 20;

/// Finds the addresses of a name.
pub type Resolve =
    Arc<dyn Fn(String) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>> + Send + Sync>;

/// Returns the system's own resolver.
pub fn system_resolver() -> Resolve {
    Arc::new(|host| {
        Box::pin(async move {
            let found = tokio::net::lookup_host((host, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    })
}

/// How long the steps to an answer may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For the resolver, for each address, and for the handshake.
    pub connect: Duration,
    /// From the request to the end of the answer's head.
    pub header: Duration,
}

/// What dials.
#[derive(Clone)]
pub struct Dialer {
    /// Where it may.
    pub guard: Guard,
    /// How names become addresses.
    pub resolve: Resolve,
    /// Whom it trusts.
    pub tls: Tls,
    /// How long it waits.
    pub timeouts: Timeouts,
}

impl std::fmt::Debug for Dialer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Dialer").field("guard", &self.guard).field("timeouts", &self.timeouts).finish()
    }
}

/// What the connection keeps after the answer: the bytes that were read beyond it, and the rest of the stream.
type Rest = Result<http1::Parts<TokioIo<Box<dyn Stream>>>, hyper::Error>;

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// An answer whose body is still to be read.
pub struct Answer {
    /// Status and fields.
    pub head: Head,
    body: Incoming,
    rest: JoinHandle<Rest>,
}

impl Drop for Answer {
    /// Nobody reads the body any more; the connection must not wait for that.
    fn drop(&mut self) {
        self.rest.abort();
    }
}

impl Answer {
    /// Returns the next piece of the body; nothing at its end.
    ///
    /// # Errors
    /// The connection broke off, or what came is no HTTP.
    pub async fn next(&mut self) -> Result<Option<Bytes>, hyper::Error> {
        loop {
            match self.body.frame().await {
                None => return Ok(None),
                Some(frame) => {
                    // Trailers are of no interest.
                    if let Ok(data) = frame?.into_data() {
                        return Ok(Some(data));
                    }
                }
            }
        }
    }

    /// After the body's end: returns whether the origin sends still more, which means that it does not know itself how
    /// long the recording is. Waits for its good-bye, but not for long.
    pub async fn has_surplus(&mut self) -> bool {
        let surplus = async {
            let Ok(Ok(parts)) = (&mut self.rest).await else { return false };
            if !parts.read_buf.is_empty() {
                return true;
            }
            let mut byte = [0];
            matches!(parts.io.into_inner().read(&mut byte).await, Ok(1))
        };
        timeout(CLOSE_TIME, surplus).await.unwrap_or(false)
    }
}

impl Dialer {
    /// Sends a request for `asked` of `url` and returns the answer's head. `rate` is what will be read at most, in bytes
    /// per second.
    ///
    /// # Errors
    /// The guard refuses, nobody answers, or what comes is no HTTP.
    pub async fn ask(&self, url: &Url, asked: &Asked, rate: Option<u64>) -> Result<Answer, DownloadError> {
        self.send(url, request(url, asked)?, rate).await
    }

    /// Sends a request to where `url` leads, and returns the answer's head.
    pub(super) async fn send(
        &self,
        url: &Url,
        request: Request<Full<Bytes>>,
        rate: Option<u64>,
    ) -> Result<Answer, DownloadError> {
        let target = self.guard.target(url)?;
        let stream = self.dial(&target, rate).await?;
        let answer = timeout(self.timeouts.header, exchange(stream, request, rate));
        match answer.await {
            Err(_) => {
                Err(DownloadError::Stalled(format!("no answer within {} s", self.timeouts.header.as_secs_f64())))
            }
            Ok(result) => result.map_err(|error| broken(error, 0)),
        }
    }

    async fn dial(&self, target: &Target, rate: Option<u64>) -> Result<Box<dyn Stream>, DownloadError> {
        let socket = self.connect(target, rate).await?;
        if !target.secure {
            return Ok(Box::new(socket));
        }
        let secured = timeout(self.timeouts.connect, self.tls.secure(&target.host, socket));
        Ok(Box::new(secured.await.map_err(|_| unreachable(&target.host, io::ErrorKind::TimedOut.into()))??))
    }

    /// Connects to the first address that the guard admits and that answers.
    async fn connect(&self, target: &Target, rate: Option<u64>) -> Result<TcpStream, DownloadError> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in self.admitted(target).await? {
            match timeout(self.timeouts.connect, connect_to(address, rate)).await {
                Ok(Ok(socket)) => return Ok(socket),
                Ok(Err(error)) => last = error,
                Err(_) => last = io::ErrorKind::TimedOut.into(),
            }
        }
        Err(unreachable(&target.host, last))
    }

    /// Resolves the host once and returns the addresses that may be dialled, a few of them. One address of a name that is
    /// refused condemns the name: an origin has no reason to point there.
    async fn admitted(&self, target: &Target) -> Result<Vec<SocketAddr>, DownloadError> {
        let found = match target.literal {
            Some(address) => vec![address],
            None => timeout(self.timeouts.connect, (self.resolve)(target.host.clone()))
                .await
                .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
                .map_err(|source| unreachable(&target.host, source))?,
        };
        for address in &found {
            self.guard.admit(target, *address)?;
        }
        let addresses = alternating(found).into_iter().map(|address| SocketAddr::new(address, target.port));
        Ok(addresses.take(ADDRESSES_MAX).collect())
    }
}

/// Returns the addresses with IPv6 and IPv4 in turns, the first one's family first: where one of both leads nowhere, the
/// other is tried before patience ends.
fn alternating(found: Vec<IpAddr>) -> Vec<IpAddr> {
    let begins_with_v6 = found.first().is_some_and(IpAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|address| address.is_ipv6() == begins_with_v6);
    let longer = first.len().max(second.len());
    (0..longer).flat_map(|index| [first.get(index), second.get(index)]).flatten().copied().collect()
}

fn unreachable(host: &str, source: io::Error) -> DownloadError {
    DownloadError::Unreachable { host: host.to_owned(), source }
}

/// Returns what hyper's error means, `received` bytes into the body.
pub(super) fn broken(error: hyper::Error, received: u64) -> DownloadError {
    if error.is_parse() { DownloadError::Protocol(error) } else { DownloadError::Interrupted(received) }
}

async fn connect_to(address: SocketAddr, rate: Option<u64>) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    if let Some(rate) = rate.filter(|rate| *rate < RECEIVE_BYTES_MAX) {
        let bytes = rate.max(RECEIVE_BYTES_MIN);
        socket.set_recv_buffer_size(u32::try_from(bytes).unwrap_or(u32::MAX))?;
    }
    socket.connect(address).await
}

async fn exchange(
    stream: Box<dyn Stream>,
    request: Request<Full<Bytes>>,
    rate: Option<u64>,
) -> Result<Answer, hyper::Error> {
    let buffer = if rate.is_some() { LIMITED_BUFFER_BYTES } else { BUFFER_BYTES };
    let (mut sender, connection) =
        http1::Builder::new().max_buf_size(buffer).handshake(TokioIo::new(stream)).await?;
    // Dropped on the way out when the request fails or is given up, which ends the task.
    let rest = tokio::spawn(connection.without_shutdown());
    let response = sender.send_request(request).await?;
    let head = head(response.status().as_u16(), response.headers());
    Ok(Answer { head, body: response.into_body(), rest })
}

/// Asks for the bytes as they are, and for the end of the connection after them.
fn request(url: &Url, asked: &Asked) -> Result<Request<Full<Bytes>>, DownloadError> {
    let mut request = addressed(Method::GET, url).header(header::ACCEPT_ENCODING, "identity");
    match asked {
        Asked::Whole => {}
        Asked::Look => request = request.header(header::RANGE, "bytes=0-0"),
        Asked::Rest { from, validator, .. } => {
            request =
                request.header(header::RANGE, format!("bytes={from}-")).header(header::IF_RANGE, validator.value());
        }
    }
    finished(request, Bytes::new(), url)
}

/// Returns a request for what `url` names, over a connection that ends with it.
pub(super) fn addressed(method: Method, url: &Url) -> Builder {
    let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
    let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
    Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, host)
        .header(header::USER_AGENT, concat!("reelmill/", env!("CARGO_PKG_VERSION")))
        .header(header::ACCEPT, "*/*")
        .header(header::CONNECTION, "close")
}

/// Gives a request its body. The url crate has escaped what HTTP does not take; an address that is too long all the same,
/// or a field that is none, is the only reason for refusal.
pub(super) fn finished(request: Builder, body: Bytes, url: &Url) -> Result<Request<Full<Bytes>>, DownloadError> {
    request
        .body(Full::new(body))
        .map_err(|error| DownloadError::UrlInvalid { url: target_of(url), why: error.to_string() })
}

/// Returns whom an address names, without its path.
fn target_of(url: &Url) -> String {
    url[..url::Position::AfterPort].to_owned()
}

fn head(status: u16, fields: &HeaderMap) -> Head {
    let text = |name: HeaderName| {
        let value = fields.get(name)?.as_bytes();
        Some(String::from_utf8_lossy(value).trim().to_owned())
    };
    Head {
        status,
        content_length: text(header::CONTENT_LENGTH).and_then(|length| length.parse().ok()),
        content_range: text(header::CONTENT_RANGE),
        content_type: text(header::CONTENT_TYPE),
        content_encoding: text(header::CONTENT_ENCODING),
        etag: text(header::ETAG),
        last_modified: text(header::LAST_MODIFIED),
        date: text(header::DATE),
        location: text(header::LOCATION),
        retry_after: text(header::RETRY_AFTER),
        sha256: text(HeaderName::from_static("repr-digest")).and_then(|field| digest::sha256(&field)),
    }
}

#[cfg(test)]
mod tests;
