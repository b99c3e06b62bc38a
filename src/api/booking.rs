//! `/api/v1/bookings` and `/api/v1/control`: messages in, and how bookings stand.

mod wire;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::access::Caller;
use super::ask::{Asked, Named, limit, number, page};
use super::router::Api;
use super::wire::{PageBody, Problem, Whose};
use super::{ApiError, BookingFilter, Order, Taken};
use crate::booking::{Channel, ClassKey};
use wire::{BookingBody, BookingMessage, BookingQuery, ControlMessage, TakenBody, cancel_message};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// A longer one is no name of a request.
const IDEMPOTENCY_KEY_BYTES_MAX: usize = 200;
/// Every state in which a booking is told to be.
const STATES: [&str; 7] = ["waiting", "downloading", "transcoding", "ready", "failed", "over", "cancelled"];

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(book, bookings)).routes(routes!(booking, cancel)).routes(routes!(control))
}

/// Book a recording for a class
///
/// The same message again changes nothing and is answered with 200; another one replaces the booking as long as it lives.
#[utoipa::path(post, path = "/api/v1/bookings", tag = "bookings", request_body = BookingMessage,
    params(("Idempotency-Key" = Option<String>, Header, description = "within a week the same request again changes nothing, and is answered with how things stand by then")),
    responses(
        (status = 202, description = "booked", body = TakenBody), (status = 200, description = "was booked before", body = TakenBody),
        (status = 400, description = "MSG_INVALID", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "API_KEY_REUSED", body = Problem, content_type = "application/problem+json"),
    ))]
async fn book(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    take(&api, caller, Channel::Bookings, idempotency_key(&headers)?, body.into()).await
}

/// Tell that a class is over, take a booking back, or tell a result
///
/// Releasing twice is no error: `was_live` says whether there was anything to release.
#[utoipa::path(post, path = "/api/v1/control", tag = "bookings", request_body = ControlMessage,
    params(("Idempotency-Key" = Option<String>, Header, description = "within a week the same request again changes nothing, and is answered with how things stand by then")),
    responses(
        (status = 200, description = "heard", body = TakenBody),
        (status = 400, description = "MSG_INVALID", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "API_KEY_REUSED", body = Problem, content_type = "application/problem+json"),
    ))]
async fn control(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    take(&api, caller, Channel::Control, idempotency_key(&headers)?, body.into()).await
}

/// Tell how a class's booking stands
#[utoipa::path(get, path = "/api/v1/bookings/{class_id}", tag = "bookings",
    params(("class_id" = String, Path), Whose),
    responses(
        (status = 200, description = "how it stands", body = BookingBody),
        (status = 404, description = "API_NOT_FOUND", body = Problem, content_type = "application/problem+json"),
    ))]
async fn booking(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    Named(class_id): Named<String>,
    Asked(whose): Asked<Whose>,
) -> Result<Json<BookingBody>, ApiError> {
    let institution = caller.about(whose.institution_id)?.unwrap_or_default();
    let view = api.node.booking(ClassKey { institution, class_id }).await?;
    view.map(|view| Json(view.into())).ok_or(ApiError::NotFound("booking"))
}

/// List bookings
#[utoipa::path(get, path = "/api/v1/bookings", tag = "bookings", params(BookingQuery),
    responses((status = 200, description = "a page", body = PageBody<BookingBody>)))]
async fn bookings(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    Asked(query): Asked<BookingQuery>,
) -> Result<Json<PageBody<BookingBody>>, ApiError> {
    let institution = caller.about(query.institution_id)?;
    let state = query.state.map(|state| state_of(&state)).transpose()?;
    let (after, limit) = (number(query.after)?, limit(query.limit)?);
    let found = api.node.bookings(BookingFilter { institution, state }, after, limit).await?;
    Ok(Json(page(found, BookingBody::from)))
}

/// Take a booking back
///
/// The same as the message `cancel`. Taking back what has ended is no error.
#[utoipa::path(delete, path = "/api/v1/bookings/{class_id}", tag = "bookings",
    params(("class_id" = String, Path), Whose),
    responses(
        (status = 200, description = "what became of it", body = TakenBody),
        (status = 404, description = "API_NOT_FOUND", body = Problem, content_type = "application/problem+json"),
    ))]
async fn cancel(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    Named(class_id): Named<String>,
    Asked(whose): Asked<Whose>,
) -> Result<Response, ApiError> {
    let institution = caller.about(whose.institution_id)?;
    let body = cancel_message(&class_id, institution.as_deref());
    take(&api, caller, Channel::Control, None, body.into()).await
}

/// Hands a message to the node and tells what became of it.
async fn take(
    api: &Api,
    caller: Caller,
    channel: Channel,
    idempotency_key: Option<String>,
    body: Vec<u8>,
) -> Result<Response, ApiError> {
    let order = Order { channel, body, idempotency_key, institution: caller.institution };
    let taken = api.node.take(order).await?;
    let refused = match &taken {
        Taken::Invalid(invalid) => Some(ApiError::Message(invalid.clone())),
        Taken::Foreign => Some(ApiError::Forbidden),
        Taken::KeyReused => Some(ApiError::KeyReused),
        Taken::Booked { .. } | Taken::Ended { .. } | Taken::Noted { .. } => None,
    };
    if let Some(error) = refused {
        return Err(error);
    }
    let (status, place) = match &taken {
        Taken::Booked { booking, was_there: false } => (StatusCode::ACCEPTED, Some(place_of(&booking.class))),
        _ => (StatusCode::OK, None),
    };
    let mut response = (status, Json(TakenBody::of(taken))).into_response();
    if let Some(place) = place.and_then(|place| place.try_into().ok()) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    Ok(response)
}

/// Returns where a class's booking is asked for.
fn place_of(class: &ClassKey) -> String {
    let mut url = url::Url::parse("http://node/api/v1/bookings").expect("it is written here");
    if let Ok(mut path) = url.path_segments_mut() {
        path.push(&class.class_id);
    }
    if !class.institution.is_empty() {
        url.query_pairs_mut().append_pair("institution_id", &class.institution);
    }
    url[url::Position::BeforePath..].to_owned()
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let refuse = || ApiError::request("Idempotency-Key", "it must be 1 to 200 visible characters, once");
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.to_str().ok().filter(|text| (1..=IDEMPOTENCY_KEY_BYTES_MAX).contains(&text.len()));
    match (text, values.next()) {
        (Some(text), None) => Ok(Some(text.to_owned())),
        _ => Err(refuse()),
    }
}

fn state_of(state: &str) -> Result<&'static str, ApiError> {
    let known = STATES.into_iter().find(|known| *known == state);
    known.ok_or_else(|| ApiError::request("state", format!("it must be one of {}", STATES.join(", "))))
}
