//! `/api/v1/jobs`: what the node works at, and letting it begin anew or stop.

mod wire;

use axum::Json;
use axum::extract::{Extension, State};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::access::Caller;
use super::ask::{Asked, Named, limit, number, page};
use super::router::Api;
use super::wire::{PageBody, Problem};
use super::{ApiError, JobFilter, JobView};
use crate::store::{JobId, JobKind, JobState};
use wire::{JobBody, JobQuery, Retried, RetryQuery};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(jobs))
        .routes(routes!(retry_all))
        .routes(routes!(job))
        .routes(routes!(retry))
        .routes(routes!(cancel_job))
}

/// List jobs
#[utoipa::path(get, path = "/api/v1/jobs", tag = "jobs", params(JobQuery),
    responses((status = 200, description = "a page", body = PageBody<JobBody>)))]
async fn jobs(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    Asked(query): Asked<JobQuery>,
) -> Result<Json<PageBody<JobBody>>, ApiError> {
    let institution = caller.about(query.institution_id)?;
    let refuse = || ApiError::request("state", "it is no state of a job");
    let state = query.state.map(|state| JobState::parse(&state).ok_or_else(refuse)).transpose()?;
    let filter = JobFilter { institution, kind: kind_of(query.kind)?, state };
    let (after, limit) = (number(query.after)?, limit(query.limit)?);
    let found = api.node.jobs(filter, after, limit).await?;
    Ok(Json(page(found, JobBody::from)))
}

/// Tell how a job is
#[utoipa::path(get, path = "/api/v1/jobs/{id}", tag = "jobs", params(("id" = i64, Path)),
    responses(
        (status = 200, description = "how it is", body = JobBody),
        (status = 404, description = "API_NOT_FOUND", body = Problem, content_type = "application/problem+json"),
    ))]
async fn job(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    Named(id): Named<i64>,
) -> Result<Json<JobBody>, ApiError> {
    seen(&api, &caller, id).await.map(|view| Json(view.into()))
}

/// Let a job that is held begin anew
#[utoipa::path(post, path = "/api/v1/jobs/{id}/retry", tag = "jobs", params(("id" = i64, Path)),
    responses(
        (status = 200, description = "how it is", body = JobBody),
        (status = 404, description = "API_NOT_FOUND", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "API_STATE", body = Problem, content_type = "application/problem+json"),
    ))]
async fn retry(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    Named(id): Named<i64>,
) -> Result<Json<JobBody>, ApiError> {
    seen(&api, &caller, id).await?;
    let retried = api.node.retry(JobId(id)).await?;
    changed(&api, &caller, id, retried, "the job is not held, so there is nothing to begin anew").await
}

/// Let all jobs that are held begin anew
#[utoipa::path(post, path = "/api/v1/jobs/retry", tag = "jobs", params(RetryQuery),
    responses((status = 200, description = "how many", body = Retried)))]
async fn retry_all(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    Asked(query): Asked<RetryQuery>,
) -> Result<Json<Retried>, ApiError> {
    let institution = caller.about(query.institution_id)?;
    let filter = JobFilter { institution, kind: kind_of(query.kind)?, state: None };
    Ok(Json(Retried { retried: api.node.retry_all(filter).await? }))
}

/// Take a job back
#[utoipa::path(post, path = "/api/v1/jobs/{id}/cancel", tag = "jobs", params(("id" = i64, Path)),
    responses(
        (status = 200, description = "how it is", body = JobBody),
        (status = 404, description = "API_NOT_FOUND", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "API_STATE", body = Problem, content_type = "application/problem+json"),
    ))]
async fn cancel_job(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    Named(id): Named<i64>,
) -> Result<Json<JobBody>, ApiError> {
    seen(&api, &caller, id).await?;
    let cancelled = api.node.cancel_job(JobId(id)).await?;
    changed(&api, &caller, id, cancelled, "the job has ended").await
}

/// Returns a job that the caller may see; of another institution's it is not even told that it is there.
async fn seen(api: &Api, caller: &Caller, id: i64) -> Result<JobView, ApiError> {
    let view = api.node.job(JobId(id)).await?;
    view.filter(|view| caller.may_see(&view.job.institution)).ok_or(ApiError::NotFound("job"))
}

/// Returns how a job is after it was changed, or why it was not.
async fn changed(
    api: &Api,
    caller: &Caller,
    id: i64,
    changed: Option<bool>,
    otherwise: &'static str,
) -> Result<Json<JobBody>, ApiError> {
    match changed {
        None => Err(ApiError::NotFound("job")),
        Some(false) => Err(ApiError::State(otherwise)),
        Some(true) => seen(api, caller, id).await.map(|view| Json(view.into())),
    }
}

fn kind_of(kind: Option<String>) -> Result<Option<JobKind>, ApiError> {
    let refuse = || ApiError::request("kind", "it is no kind of a job");
    kind.map(|kind| JobKind::parse(&kind).ok_or_else(refuse)).transpose()
}
