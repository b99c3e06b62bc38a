//! Every route, with its place in the document, behind the same gate.
//!
//! From the outside in: [`problem::tell`] gives ids and bodies to what is refused, a panic becomes an answer, the time is
//! bounded, and [`intake::admit`] lets in who may ask, with the whole body.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Extension, Request, State};
use axum::http::StatusCode;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS,
};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use tokio::sync::{Semaphore, watch};
use tokio_util::task::TaskTracker;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::OpenApi;
use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use utoipa_swagger_ui::{Config, SwaggerUi};

use super::access::{Access, Caller};
use super::body::Bodies;
use super::wire::{Problem, Readiness};
use super::{ApiError, Limits, Node, booking, cache, event, intake, job, problem};
use crate::clock::Clock;

/// Where the document is.
const DOCUMENT: &str = "/openapi.json";
/// The pages of `/docs` get everything from here: no other host is asked, whatever they may say.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
);
/// As Prometheus reads it.
const METRICS_TYPE: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// What every handler has.
#[derive(Clone)]
pub(super) struct Api {
    pub(super) node: Arc<dyn Node>,
    pub(super) access: Arc<Access>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) limits: Limits,
    /// Nobody but this machine reaches the address.
    pub(super) is_loopback: bool,
    /// Seats of subscribers.
    pub(super) subscribers: Arc<Semaphore>,
    /// Bodies that are on their way.
    pub(super) bodies: Arc<Bodies>,
    /// Subscribers that are to be waited for.
    pub(super) running: TaskTracker,
    pub(super) stop: watch::Receiver<bool>,
}

#[derive(OpenApi)]
#[openapi(
    info(title = "reelmill", description = "Bookings of recordings, their transcodes, and the disk cache of a node. \
        Everything that fails is answered with `application/problem+json` and a stable code; docs/api.md tells the rest.",
        license(name = "GPL-3.0-or-later", identifier = "GPL-3.0-or-later")),
    components(schemas(Problem)),
    tags(
        (name = "bookings", description = "Messages in, and how bookings stand"),
        (name = "jobs", description = "What the node works at"),
        (name = "cache", description = "What is in the disk cache, and why"),
        (name = "events", description = "What happened, and what happens"),
        (name = "node", description = "How the node is"),
    )
)]
struct Base;

/// Returns all routes without what guards them, and their document.
fn parts() -> (Router<Api>, Document) {
    let all = OpenApiRouter::with_openapi(Base::openapi())
        .merge(booking::routes())
        .merge(job::routes())
        .merge(cache::routes())
        .merge(event::routes())
        .routes(routes!(healthz))
        .routes(routes!(readyz))
        .routes(routes!(metrics));
    let (router, mut document) = all.split_for_parts();
    let scheme = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
    document.components.get_or_insert_default().security_schemes.insert("token".to_owned(), scheme.into());
    // A node on loopback may need none.
    document.security = Some(vec![SecurityRequirement::new("token", [""; 0]), SecurityRequirement::default()]);
    (router, document)
}

/// Returns the service.
pub(super) fn router(api: Api) -> Router {
    let (router, document) = parts();
    let pages = Config::new([DOCUMENT]).validator_url("none").try_it_out_enabled(true);
    let limit = api.limits.request_time;
    router
        .merge(Router::from(SwaggerUi::new("/docs").url(DOCUMENT, document).config(pages)))
        .fallback(async || ApiError::NotFound("path"))
        .method_not_allowed_fallback(async || ApiError::Method)
        .layer(from_fn_with_state(api.clone(), intake::admit))
        .layer(from_fn(move |request, next| in_time(limit, request, next)))
        .layer(CatchPanicLayer::custom(problem::of_panic))
        .layer(from_fn(problem::tell))
        .layer(from_fn(guard_pages))
        .with_state(api)
}

async fn in_time(limit: Duration, request: Request, next: Next) -> Response {
    let answered = tokio::time::timeout(limit, next.run(request)).await;
    answered.unwrap_or_else(|_| ApiError::Timeout(limit.as_secs()).into_response())
}

/// Keeps browsers from guessing, from keeping and from asking elsewhere.
async fn guard_pages(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(HeaderName::from_static("referrer-policy"), HeaderValue::from_static("no-referrer"));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Tell that the process lives
///
/// Asks nothing and nobody: for whoever restarts it.
#[utoipa::path(get, path = "/healthz", tag = "node", security(()),
    responses((status = 200, description = "it does", body = String, example = json!("ok"))))]
async fn healthz() -> &'static str {
    "ok\n"
}

/// Tell whether bookings are taken, and why not
#[utoipa::path(get, path = "/readyz", tag = "node",
    responses((status = 200, description = "they are", body = Readiness), (status = 503, description = "not now", body = Readiness)))]
async fn readyz(State(api): State<Api>) -> Response {
    let health = api.node.health();
    let status = if health.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut response = (status, Json(Readiness::from(health))).into_response();
    response.extensions_mut().insert(problem::Told);
    response
}

/// Tell the node's figures, as Prometheus reads them
///
/// Not for a token that is bound to an institution.
#[utoipa::path(get, path = "/metrics", tag = "node",
    responses((status = 200, description = "the figures", body = String, content_type = "text/plain; version=0.0.4; charset=utf-8")))]
async fn metrics(State(api): State<Api>, Extension(caller): Extension<Caller>) -> Result<Response, ApiError> {
    caller.must_be_free()?;
    Ok(([(CONTENT_TYPE, METRICS_TYPE)], api.node.metrics()).into_response())
}
