//! The gate: where a request comes from, who sends it, and its body, whole and of a bounded length.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hyper::body::Body as _;

use super::access::{Caller, Claim};
use super::body::BODY_BYTES_MAX;
use super::router::Api;
use super::server::Seat;
use super::{ApiError, origin};

/// The address and the headers together. hyper bounds them too, but by what it happens to read at once.
pub(super) const HEAD_BYTES_MAX: usize = 32 << 10;

/// Lets a request in, or answers it.
pub(super) async fn admit(State(api): State<Api>, request: Request, next: Next) -> Response {
    match admitted(&api, request).await {
        Ok(request) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

async fn admitted(api: &Api, request: Request) -> Result<Request, ApiError> {
    let (mut parts, body) = request.into_parts();
    let seat = parts.extensions.remove::<Arc<Seat>>();
    check_length(&parts)?;
    origin::check(&parts, api.is_loopback)?;
    let now_seconds = api.clock.now_milliseconds().div_euclid(1000);
    // A token is known before a byte of the body is read; a signature is of the body too, and what can be known of it is.
    let known = match api.access.is_signed(&parts.headers) {
        true => api.access.look(&parts.headers, now_seconds).map(|_| None)?,
        false if is_free(&parts.method, parts.uri.path()) => Some(Caller::default()),
        false => Some(api.access.by_token(&parts.headers)?),
    };
    let bytes = read(api, &parts.headers, body).await?;
    if let Some(seat) = seat {
        seat.leave();
    }
    let caller = match known {
        Some(caller) => caller,
        None => {
            let claim = Claim { method: &parts.method, uri: &parts.uri, headers: &parts.headers };
            api.access.by_signature(&claim, &bytes, now_seconds)?
        }
    };
    if !is_reading(&parts.method) && api.node.health().is_draining {
        return Err(ApiError::Draining);
    }
    parts.extensions.insert(caller);
    Ok(Request::from_parts(parts, Body::from(bytes)))
}

fn check_length(request: &Parts) -> Result<(), ApiError> {
    let address = request.uri.path_and_query().map_or(0, |address| address.as_str().len());
    let headers: usize = request.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if address + headers > HEAD_BYTES_MAX { Err(ApiError::HeadTooLarge(HEAD_BYTES_MAX)) } else { Ok(()) }
}

/// Returns whether a path is open to everybody: only whether the process lives, which tells nothing else.
fn is_free(method: &Method, path: &str) -> bool {
    is_reading(method) && path == "/healthz"
}

fn is_reading(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

async fn read(api: &Api, headers: &HeaderMap, body: Body) -> Result<Bytes, ApiError> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    // What is refused by its length is refused by that, whatever it is.
    if body.size_hint().lower() <= BODY_BYTES_MAX as u64 && !is_json(headers) {
        return Err(ApiError::MediaType);
    }
    api.bodies.read(body, api.limits.body_time).await
}

/// Returns whether the body is plain JSON. Web forms, which any page may send anywhere, are not.
fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json") && !headers.contains_key(CONTENT_ENCODING)
}
