//! What a request that failed is answered with: `application/problem+json` as RFC 9457 has it, whoever refused it.
//!
//! A handler's error travels as a mark on an empty response; [`tell`] writes the body, since it alone knows the
//! request's id. An error response without the mark, of the router or of a library, gets a body by its status.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{
    ALLOW, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::ApiError;
use super::wire::problem_document;
use crate::failure::{Failure, FailureClass};

/// By which a request is found in the log.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// A longer one is not taken over.
const REQUEST_ID_BYTES_MAX: usize = 64;
/// When it is worth asking again, in seconds: a queue of transactions is done sooner.
const RETRY_SECONDS: HeaderValue = HeaderValue::from_static("1");

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

/// Marks a response that has said itself why it is no success.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told;

/// Gives every request an id and every failure its body.
pub(super) async fn tell(request: Request, next: Next) -> Response {
    let id = id_of(request.headers());
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let mut response = next.run(request).await;
    let status = response.status();
    let is_told = response.extensions().get::<Told>().is_some();
    if !is_told && (status.is_client_error() || status.is_server_error()) {
        response = with_body(response, &id);
        tracing::debug!(%method, path, status = status.as_u16(), request_id = id, "refused");
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// Returns the id that the sender gave, or a new one.
fn id_of(headers: &HeaderMap) -> String {
    let is_plain = |id: &&str| {
        (1..=REQUEST_ID_BYTES_MAX).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte))
    };
    let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok()).filter(is_plain);
    given.map_or_else(|| format!("{:016x}", fastrand::u64(..)), ToOwned::to_owned)
}

/// Returns the response with a problem as its body. Of its headers stays what belongs to the refusal itself.
fn with_body(response: Response, id: &str) -> Response {
    let (head, _) = response.into_parts();
    let error = head.extensions.get::<Arc<ApiError>>().map_or_else(|| Arc::new(of_status(head.status)), Arc::clone);
    if let ApiError::Node(failure) = &*error {
        tracing::warn!(code = failure.code(), error = %failure, request_id = id, "the node refused");
    }
    let body = problem_document(&error, head.status, is_retryable(&error), id);
    let mut told = Response::new(Body::from(body));
    *told.status_mut() = head.status;
    let headers = told.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    for name in [ALLOW, HeaderName::from_static("sec-websocket-version")] {
        if let Some(value) = head.headers.get(&name) {
            headers.insert(name, value.clone());
        }
    }
    match head.status {
        StatusCode::UNAUTHORIZED => drop(headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            drop(headers.insert(RETRY_AFTER, RETRY_SECONDS));
        }
        _ => drop(headers.remove(CONTENT_LENGTH)),
    }
    told
}

/// Returns whether the same request may be answered otherwise in a while.
fn is_retryable(error: &ApiError) -> bool {
    error.class() == FailureClass::Transient || error.status() == StatusCode::SERVICE_UNAVAILABLE
}

/// Returns the error that a bare status stands for.
fn of_status(status: StatusCode) -> ApiError {
    match status {
        StatusCode::NOT_FOUND => ApiError::NotFound("path"),
        StatusCode::METHOD_NOT_ALLOWED => ApiError::Method,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => ApiError::MediaType,
        status if status.is_server_error() => ApiError::Internal,
        _ => ApiError::request("request", "it cannot be understood"),
    }
}

/// Returns what is answered for a panic; the panic itself is in the log.
pub(super) fn of_panic(_: Box<dyn std::any::Any + Send>) -> Response {
    ApiError::Internal.into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_taken_over_when_it_is_plain_and_made_otherwise() {
        let id = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, HeaderValue::from_str(text).unwrap());
            id_of(&headers)
        };
        assert_eq!(id("a-1.b_2:c"), "a-1.b_2:c");
        for text in ["", "a b", "<script>", &"x".repeat(65)] {
            assert_eq!(id(text).len(), 16, "{text:?}");
        }
    }

    #[test]
    fn a_bare_status_stands_for_an_error() {
        for (status, code) in [
            (404, "API_NOT_FOUND"),
            (405, "API_METHOD"),
            (415, "API_MEDIA_TYPE"),
            (418, "API_REQUEST"),
            (500, "API_INTERNAL"),
        ] {
            assert_eq!(of_status(StatusCode::from_u16(status).unwrap()).code(), code);
        }
    }
}
