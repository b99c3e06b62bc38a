//! `/api/v1/cache`: what is in the disk cache and why, keeping a file and letting it go.
//!
//! A file is named as people name it, `6666_720P`, with the institution beside it: a slash in a path would part it.

mod wire;

use axum::Json;
use axum::extract::{Extension, State};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::access::Caller;
use super::ask::{Asked, Named, limit, page};
use super::router::Api;
use super::wire::{PageBody, Problem, Whose};
use super::{ApiError, Pin};
use crate::cache::Key;
use wire::{CacheStat, EvictedBody, FileBody, FileQuery, HeldBody, PinQuery, Unpinned, WhyBody};

/// In whose name a file is kept where none is given.
const OPERATOR: &str = "operator";
/// A longer one is no name.
const NAME_BYTES_MAX: usize = 100;
/// What is told to those who ask later why a file went.
const EVICTED_BY_HAND: &str = "evicted by hand";

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(stat))
        .routes(routes!(files))
        .routes(routes!(why, evict))
        .routes(routes!(pin))
        .routes(routes!(unpin))
}

/// Tell how full the cache is
///
/// Not for a token that is bound to an institution: the figures are the node's.
#[utoipa::path(get, path = "/api/v1/cache", tag = "cache", responses((status = 200, description = "the figures", body = CacheStat)))]
async fn stat(State(api): State<Api>, Extension(caller): Extension<Caller>) -> Result<Json<CacheStat>, ApiError> {
    caller.must_be_free()?;
    Ok(Json(api.node.cache_stat().await?.into()))
}

/// List the files
#[utoipa::path(get, path = "/api/v1/cache/files", tag = "cache", params(FileQuery),
    responses((status = 200, description = "a page", body = PageBody<FileBody>)))]
async fn files(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    Asked(query): Asked<FileQuery>,
) -> Result<Json<PageBody<FileBody>>, ApiError> {
    let institution = caller.about(query.institution_id)?;
    let refuse = |_| ApiError::request("after", "it must be the next of the page before");
    let after = query.after.map(|after| Key::parse(&after).map_err(refuse)).transpose()?;
    let found = api.node.cache_files(institution, after, limit(query.limit)?).await?;
    Ok(Json(page(found, FileBody::from)))
}

/// Tell why a file is here, or is not
#[utoipa::path(get, path = "/api/v1/cache/files/{key}", tag = "cache",
    params(("key" = String, Path, example = "6666_720P"), Whose),
    responses(
        (status = 200, description = "why", body = WhyBody),
        (status = 400, description = "CACHE_KEY", body = Problem, content_type = "application/problem+json"),
    ))]
async fn why(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    Named(key): Named<String>,
    Asked(whose): Asked<Whose>,
) -> Result<Json<WhyBody>, ApiError> {
    let key = key_of(&caller, &key, whose.institution_id)?;
    let mut why = api.node.cache_why(key).await?;
    why.next.retain(|view| caller.may_see(view.key.institution()));
    Ok(Json(why.into()))
}

/// Keep a file, whatever else needs room
#[utoipa::path(post, path = "/api/v1/cache/files/{key}/pin", tag = "cache",
    params(("key" = String, Path, example = "6666_720P"), PinQuery),
    responses(
        (status = 200, description = "it is kept", body = HeldBody),
        (status = 404, description = "CACHE_MISSING", body = Problem, content_type = "application/problem+json"),
    ))]
async fn pin(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    Named(key): Named<String>,
    Asked(query): Asked<PinQuery>,
) -> Result<Json<HeldBody>, ApiError> {
    let key = key_of(&caller, &key, query.institution_id)?;
    let for_milliseconds = query.for_seconds.map(|seconds| seconds.saturating_mul(1000));
    let pin = Pin { key, name: name_of(query.name)?, for_milliseconds };
    Ok(Json(api.node.pin(pin).await?.into()))
}

/// Let a pinned file go when room is needed
#[utoipa::path(post, path = "/api/v1/cache/files/{key}/unpin", tag = "cache",
    params(("key" = String, Path, example = "6666_720P"), PinQuery),
    responses((status = 200, description = "it is not kept in that name", body = Unpinned)))]
async fn unpin(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    Named(key): Named<String>,
    Asked(query): Asked<PinQuery>,
) -> Result<Json<Unpinned>, ApiError> {
    let (key, name) = (key_of(&caller, &key, query.institution_id)?, name_of(query.name)?);
    let was_pinned = api.node.unpin(key.clone(), name.clone()).await?;
    Ok(Json(Unpinned { key: key.to_string(), name, was_pinned }))
}

/// Remove a file that nobody holds
#[utoipa::path(delete, path = "/api/v1/cache/files/{key}", tag = "cache",
    params(("key" = String, Path, example = "6666_720P"), Whose),
    responses(
        (status = 200, description = "it is gone", body = EvictedBody),
        (status = 404, description = "CACHE_MISSING", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "CACHE_HELD", body = Problem, content_type = "application/problem+json"),
    ))]
async fn evict(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    Named(key): Named<String>,
    Asked(whose): Asked<Whose>,
) -> Result<Json<EvictedBody>, ApiError> {
    let key = key_of(&caller, &key, whose.institution_id)?;
    Ok(Json(api.node.evict(key, EVICTED_BY_HAND.to_owned()).await?.into()))
}

/// Returns the key of the path, `6666_720P` beside its institution, or `22%2F6666_720P` as lists spell it.
fn key_of(caller: &Caller, text: &str, institution: Option<String>) -> Result<Key, ApiError> {
    let key = Key::parse(text).map_err(ApiError::node)?;
    let named = Some(key.institution().to_owned()).filter(|institution| !institution.is_empty());
    let institution = match (named, institution) {
        (Some(named), Some(asked)) if named != asked => {
            return Err(ApiError::request("institution_id", "the key names another one"));
        }
        (named, asked) => caller.about(named.or(asked))?.unwrap_or_default(),
    };
    Key::new(&institution, key.record(), key.resolution()).map_err(ApiError::node)
}

fn name_of(name: Option<String>) -> Result<String, ApiError> {
    let name = name.unwrap_or_else(|| OPERATOR.to_owned());
    let is_name = (1..=NAME_BYTES_MAX).contains(&name.len()) && !name.chars().any(char::is_control);
    if is_name { Ok(name) } else { Err(ApiError::request("name", "it must be 1 to 100 characters")) }
}
