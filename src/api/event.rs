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
/// Events are kept for seven days. Each has the envelope that goes to Redis and to webhooks. `gap` says that of the events
/// behind `after` not all are kept, or that the node has not come that far: then go on from `latest`.
#[utoipa::path(get, path = "/api/v1/events", tag = "events", params(EventQuery),
    responses((status = 200, description = "a page", body = EventPage)))]
async fn events(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    Asked(query): Asked<EventQuery>,
) -> Result<Json<EventPage>, ApiError> {
    let institution = caller.about(query.institution_id)?;
    let is_behind = query.after.is_some();
    let after = number(query.after)?;
    let found = api.node.events(institution, after, limit(query.limit)?).await?;
    let next = found.events.last().filter(|_| found.has_more).map(|event| event.sequence.to_string());
    Ok(Json(EventPage {
        next,
        gap: is_behind && gap_behind(after, found.bounds).is_some(),
        oldest: found.bounds.map(|(oldest, _)| oldest),
        latest: found.bounds.map(|(_, latest)| latest),
        items: found.events.into_iter().map(EventBody::from).collect(),
    }))
}

/// Hear of events as they happen (WebSocket)
///
/// With `after`, first what is recorded behind that sequence, then what happens, without a gap or a double. Each text
/// frame is an event; or `{"type":"progress",…}`, how far a job is, which is recorded nowhere; or
/// `{"type":"gap","after","oldest"}`, of the events between these two not all are kept; `oldest` is not above `after` where
/// the node has not come that far, and what happens then follows from there. Whoever reads too slowly loses progress
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
    let subscription = Subscription {
        node: Arc::clone(&api.node),
        institution,
        after,
        ping_time: api.limits.ping_time,
        stop: api.stop.clone(),
    };
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

/// Returns from which sequence on every event behind a cursor can be told, where that is not the next one. A cursor that
/// the node has not come to is of another time of it, before its database was lost; its events are told from now on.
fn gap_behind(after: i64, bounds: Option<(i64, i64)>) -> Option<i64> {
    let (oldest, latest) = bounds.unwrap_or((1, 0));
    if after > latest { Some(latest + 1) } else { Some(oldest).filter(|oldest| after < oldest - 1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_has_missed_what_is_gone_and_what_lies_before_its_own_time() {
        let kept = Some((6, 10));
        for (after, bounds, oldest) in [
            (5, kept, None),
            (10, kept, None),
            (4, kept, Some(6)),
            (0, kept, Some(6)),
            (11, kept, Some(11)),
            (i64::MAX, kept, Some(11)),
            // Everything is gone.
            (10, Some((11, 10)), None),
            (9, Some((11, 10)), Some(11)),
            // Nothing was ever told.
            (0, None, None),
            (1, None, Some(1)),
            (i64::MAX, None, Some(1)),
        ] {
            assert_eq!(gap_behind(after, bounds), oldest, "{after} of {bounds:?}");
        }
    }
}
