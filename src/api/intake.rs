//! The gate: where a request comes from, who sends it, and its body, whole and of a bounded length.

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Body as _;
use tokio::sync::Semaphore;

use super::access::{Caller, Claim};
use super::router::Api;
use super::{ApiError, origin};

/// The longest body: a booking with all its addresses is a few kilobytes.
pub(super) const BODY_BYTES_MAX: usize = 1 << 20;
/// The address and the headers together. hyper bounds them too, but by what it happens to read at once.
pub(super) const HEAD_BYTES_MAX: usize = 32 << 10;
/// By which room for bodies is counted.
const ROOM_BYTES: usize = 64 << 10;
/// Room for all bodies that are on their way together: 32 MiB, so that a thousand senders fill no memory.
pub(super) const ROOMS: usize = (32 << 20) / ROOM_BYTES;

/// Lets a request in, or answers it.
pub(super) async fn admit(State(api): State<Api>, request: Request, next: Next) -> Response {
    match admitted(&api, request).await {
        Ok(request) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

async fn admitted(api: &Api, request: Request) -> Result<Request, ApiError> {
    let (mut parts, body) = request.into_parts();
    check_length(&parts)?;
    origin::check(&parts, api.is_loopback)?;
    // A token is known before a byte of the body is read; a signature is of the body too.
    let known = match api.access.is_signed(&parts.headers) {
        true => None,
        false if is_free(&parts.method, parts.uri.path(), api.is_loopback) => Some(Caller::default()),
        false => Some(api.access.by_token(&parts.headers)?),
    };
    let bytes = read(&api.bodies, &parts.headers, body).await?;
    let caller = match known {
        Some(caller) => caller,
        None => {
            let claim = Claim { method: &parts.method, uri: &parts.uri, headers: &parts.headers };
            api.access.by_signature(&claim, &bytes, api.clock.now_milliseconds().div_euclid(1000))?
        }
    };
    parts.extensions.insert(caller);
    Ok(Request::from_parts(parts, Body::from(bytes)))
}

fn check_length(request: &Parts) -> Result<(), ApiError> {
    let address = request.uri.path_and_query().map_or(0, |address| address.as_str().len());
    let headers: usize = request.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if address + headers > HEAD_BYTES_MAX { Err(ApiError::HeadTooLarge(HEAD_BYTES_MAX)) } else { Ok(()) }
}

/// Returns whether a path is open to everybody: whether the process lives always, how it is to this machine alone.
fn is_free(method: &Method, path: &str, is_loopback: bool) -> bool {
    let is_page = matches!(path, "/readyz" | "/metrics" | "/openapi.json" | "/docs") || path.starts_with("/docs/");
    matches!(*method, Method::GET | Method::HEAD) && (path == "/healthz" || (is_page && is_loopback))
}

async fn read(rooms: &Semaphore, headers: &HeaderMap, body: Body) -> Result<Bytes, ApiError> {
    let size = body.size_hint();
    if size.lower() > BODY_BYTES_MAX as u64 {
        return Err(ApiError::TooLarge(BODY_BYTES_MAX));
    }
    if size.exact() == Some(0) {
        return Ok(Bytes::new());
    }
    if !is_json(headers) {
        return Err(ApiError::MediaType);
    }
    let bytes = size.exact().and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(BODY_BYTES_MAX);
    let needed = u32::try_from(bytes.div_ceil(ROOM_BYTES)).unwrap_or(u32::MAX);
    let _room = rooms.acquire_many(needed).await.map_err(|_| ApiError::Internal)?;
    let collected = Limited::new(body, BODY_BYTES_MAX).collect().await;
    collected.map(http_body_util::Collected::to_bytes).map_err(|error| match error.is::<LengthLimitError>() {
        true => ApiError::TooLarge(BODY_BYTES_MAX),
        false => ApiError::request("body", "it broke off"),
    })
}

/// Returns whether the body is plain JSON. Web forms, which any page may send anywhere, are not.
fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json") && !headers.contains_key(CONTENT_ENCODING)
}
