//! Connections: a bounded number, none that only sits there when another one comes, and an orderly end.
//!
//! hyper reads and writes; what is here is who gets a place. When all are taken, whoever has said nothing for the longest
//! time goes: thousands that hold connections open keep nobody out.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustix::net::Shutdown;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{sleep, timeout};
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use super::intake::HEAD_BYTES_MAX;
use super::wire::problem_document;
use super::{ApiError, Limits};

/// Headers of a request.
const HEADERS_MAX: usize = 100;
/// How long a connection may take to finish its answer when the node ends.
const GOING_TIME: Duration = Duration::from_secs(5);
/// How long one that has been silent may take to go: its last answer may be on its way yet.
const YIELDING_TIME: Duration = Duration::from_millis(200);
/// Of so many places one is kept free, so that a newcomer need not wait until somebody has gone.
const PLACES_PER_SPARE: usize = 16;
/// How long nothing is accepted after that failed: a process without descriptors to spare gets none by asking at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// A connection's place among those that are served. Whoever keeps it after the connection became a WebSocket has it.
#[derive(Clone, Debug)]
pub(super) struct Place {
    _permit: Arc<OwnedSemaphorePermit>,
}

/// Serves until `stop`, then finishes what runs.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    running: TaskTracker,
    mut stop: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(limits.connections_max));
    let (idle, spare) = (Arc::<Idle>::default(), limits.connections_max / PLACES_PER_SPARE);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &places, spare, &idle) => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        // Seated before the next one is looked at, who may need its place.
        let seat = Arc::new(Seat::new(&idle));
        let connection = Connection { router: router.clone(), seat, limits, stop: stop.clone() };
        running.spawn(connection.serve(accepted.0, accepted.1));
    }
    // Whoever comes now is refused at once, also where somebody else has the socket too: closing ours would leave him
    // waiting for an answer.
    let _ = rustix::net::shutdown(&listener, Shutdown::Both);
    drop(listener);
    running.close();
    let _ = timeout(limits.end_time, running.wait()).await;
}

/// Returns the next connection, once there is a place for it.
async fn accept(listener: &TcpListener, places: &Arc<Semaphore>, spare: usize, idle: &Idle) -> (TcpStream, Place) {
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                if !is_of_the_connection(&error) {
                    tracing::warn!(%error, "cannot accept a connection");
                    sleep(ACCEPT_PAUSE).await;
                }
                continue;
            }
        };
        if places.available_permits() <= spare {
            idle.end_oldest();
        }
        // Until there is one the others wait with the kernel. Whoever was sent away goes soon, unless all were busy.
        loop {
            match timeout(2 * YIELDING_TIME, Arc::clone(places).acquire_owned()).await {
                Ok(Ok(permit)) => return (stream, Place { _permit: Arc::new(permit) }),
                Ok(Err(_)) => break,
                Err(_) => idle.end_oldest(),
            }
        }
    }
}

/// Returns whether it was the other side's, and over with it.
fn is_of_the_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// A connection to be served.
struct Connection {
    router: Router,
    seat: Arc<Seat>,
    limits: Limits,
    stop: watch::Receiver<bool>,
}

impl Connection {
    async fn serve(self, stream: TcpStream, place: Place) {
        let Self { router, seat, limits, mut stop } = self;
        let _ = stream.set_nodelay(true);
        let asked = Arc::clone(&seat);
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(place.clone());
            request.extensions_mut().insert(Arc::clone(&asked));
            let (router, seat) = (router.clone(), Arc::clone(&asked));
            async move {
                // A body that does not come is silence too: whoever has read the whole of it leaves.
                seat.wait();
                let response = answer(router, request).await;
                seat.wait();
                Ok::<_, Infallible>(response)
            }
        });
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(limits.header_time);
        builder.max_headers(HEADERS_MAX).max_buf_size(HEAD_BYTES_MAX);
        let mut connection = builder.serve_connection(TokioIo::new(stream), service).with_upgrades();
        let result = tokio::select! {
            result = &mut connection => result,
            time = gone(&seat, &mut stop) => {
                std::pin::Pin::new(&mut connection).graceful_shutdown();
                match timeout(time, &mut connection).await {
                    Ok(result) => result,
                    // It was asked something in the same moment.
                    Err(_) if seat.is_answering() => timeout(GOING_TIME, &mut connection).await.unwrap_or(Ok(())),
                    Err(_) => Ok(()),
                }
            }
        };
        let Err(error) = result else { return };
        tracing::trace!(%error, "a connection failed");
        if error.is_timeout()
            && let Some(parts) = connection.into_parts().filter(|parts| !parts.read_buf.is_empty())
        {
            tell_late(parts.io.into_inner(), limits.header_time).await;
        }
    }
}

/// Tells somebody who began to say what he wants and did not come to an end: hyper would close without a word.
async fn tell_late(mut stream: TcpStream, limit: Duration) {
    let error = ApiError::Timeout(limit.as_secs());
    let body = problem_document(&error, error.status(), true, "");
    let head = "HTTP/1.1 408 Request Timeout\r\ncontent-type: application/problem+json\r\nconnection: close";
    let answer = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let _ = timeout(GOING_TIME, stream.write_all(answer.as_bytes())).await;
}

async fn answer(router: Router, request: Request<Incoming>) -> Response<Body> {
    let Ok(response) = router.oneshot(request.map(Body::new)).await;
    response
}

/// Returns when the connection is to end, and how long it may take to do so.
async fn gone(seat: &Seat, stop: &mut watch::Receiver<bool>) -> Duration {
    tokio::select! {
        () = seat.ended.notified() => YIELDING_TIME,
        _ = stop.wait_for(|stop| *stop) => GOING_TIME,
    }
}

/// Connections from which nothing is being answered, or of whose request the body is not there, by the order in which they
/// began to wait.
#[derive(Debug, Default)]
struct Idle {
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    next: u64,
    connections: BTreeMap<u64, Arc<Notify>>,
}

impl Idle {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the connection to end that has waited for the longest time.
    fn end_oldest(&self) {
        if let Some((_, ended)) = self.waiting().connections.pop_first() {
            ended.notify_one();
        }
    }
}

/// One connection's entry there; dropping it takes it out.
#[derive(Debug)]
pub(super) struct Seat {
    idle: Arc<Idle>,
    ended: Arc<Notify>,
    number: Mutex<Option<u64>>,
}

impl Seat {
    fn new(idle: &Arc<Idle>) -> Self {
        let seat = Self { idle: Arc::clone(idle), ended: Arc::default(), number: Mutex::default() };
        seat.wait();
        seat
    }

    /// Nothing is being answered.
    fn wait(&self) {
        self.leave();
        let mut waiting = self.idle.waiting();
        let number = waiting.next;
        waiting.next += 1;
        waiting.connections.insert(number, Arc::clone(&self.ended));
        *self.number.lock().unwrap_or_else(PoisonError::into_inner) = Some(number);
    }

    fn is_answering(&self) -> bool {
        self.number.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    /// Something is.
    pub(super) fn leave(&self) {
        if let Some(number) = self.number.lock().unwrap_or_else(PoisonError::into_inner).take() {
            self.idle.waiting().connections.remove(&number);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.leave();
    }
}
