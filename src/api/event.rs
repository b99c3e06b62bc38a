//! `/api/v1/events`: what happened, page by page or as it happens.

mod queue;
mod socket;
mod wire;

use std::sync::Arc;

use axum::Json;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Extension, State};
use axum::response::Response;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::ApiError;
use super::access::Caller;
use super::ask::{Asked, limit, number};
use super::router::Api;
use super::server::Place;
use super::wire::Problem;
use socket::Subscription;
use wire::{EventBody, EventPage, EventQuery};

/// What a subscriber may send at once: it has nothing to say.
const HEARD_BYTES_MAX: usize = 4 << 10;
/// What may wait in the socket's own buffer: one event, however long; others wait in the queue, which knows progress from
/// events.
const WRITE_BUFFER_BYTES_MAX: usize = 2 << 20;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(events)).routes(routes!(subscribe))
}

/// List events behind a cursor
///
/// Events are kept for seven days. Each has the envelope that goes to Redis and to webhooks.
#[utoipa::path(get, path = "/api/v1/events", tag = "events", params(EventQuery),
    responses((status = 200, description = "a page", body = EventPage)))]
async fn events(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    Asked(query): Asked<EventQuery>,
) -> Result<Json<EventPage>, ApiError> {
    let institution = caller.about(query.institution_id)?;
    let found = api.node.events(institution, number(query.after)?, limit(query.limit)?).await?;
    let next = found.events.last().filter(|_| found.has_more).map(|event| event.sequence.to_string());
    Ok(Json(EventPage {
        next,
        oldest: found.bounds.map(|(oldest, _)| oldest),
        latest: found.bounds.map(|(_, latest)| latest),
        items: found.events.into_iter().map(EventBody::from).collect(),
    }))
}

/// Hear of events as they happen (WebSocket)
///
/// With `after`, first what is recorded behind that sequence, then what happens, without a gap or a double. Each text
/// frame is an event; or `{"type":"progress",…}`, how far a job is, which is recorded nowhere; or
/// `{"type":"gap","after","oldest"}`, events between these two are no longer kept. Whoever reads too slowly loses progress
/// first and is then closed with 1013, and comes again with `after`. The token goes into the `Authorization` header.
#[utoipa::path(get, path = "/api/v1/events/ws", tag = "events", params(EventQuery),
    responses(
        (status = 101, description = "frames follow"),
        (status = 400, description = "no WebSocket was asked for", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "API_ORIGIN", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "API_BUSY: too many subscribers", body = Problem, content_type = "application/problem+json"),
    ))]
async fn subscribe(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    place: Option<Extension<Place>>,
    Asked(query): Asked<EventQuery>,
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let institution = caller.about(query.institution_id)?;
    let after = query.after.map(|after| number(Some(after))).transpose()?;
    let upgrade = upgrade.map_err(|refused| ApiError::request("upgrade", refused.body_text()))?;
    let seat = Arc::clone(&api.subscribers).try_acquire_owned();
    let seat = seat.map_err(|_| ApiError::Busy("there are as many subscribers as the node serves"))?;
    let subscription = Subscription { node: Arc::clone(&api.node), institution, after, stop: api.stop.clone() };
    let tracker = api.running.clone();
    let upgrade = upgrade
        .max_message_size(HEARD_BYTES_MAX)
        .max_frame_size(HEARD_BYTES_MAX)
        .write_buffer_size(0)
        .max_write_buffer_size(WRITE_BUFFER_BYTES_MAX);
    Ok(upgrade.on_upgrade(move |socket| {
        tracker.track_future(async move {
            socket::serve(socket, subscription).await;
            drop((seat, place));
        })
    }))
}
