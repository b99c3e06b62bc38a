//! The JSON that all parts of the interface share: problems, pages, and the questions of lists.
//!
//! Field names are a contract, told by `/openapi.json`. The doc comments here are what its readers see.

use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{ApiError, Health};
use crate::failure::Failure;

/// What a request that failed is answered with (RFC 9457, `application/problem+json`).
#[derive(Serialize, ToSchema)]
pub(super) struct Problem {
    /// `urn:reelmill:` and the code.
    #[schema(example = "urn:reelmill:API_NOT_FOUND")]
    r#type: String,
    /// The status in words.
    #[schema(example = "Not Found")]
    title: &'static str,
    /// The status.
    #[schema(example = 404)]
    status: u16,
    /// What is wrong.
    #[schema(example = "there is no such booking")]
    detail: String,
    /// The stable code, listed in docs/errors.md.
    #[schema(example = "API_NOT_FOUND")]
    code: &'static str,
    /// What to do about it.
    #[schema(example = "check the path and the id")]
    cure: &'static str,
    /// Which part of the request is at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    /// By which the request is found in the node's log.
    #[schema(example = "3f0d6c2a91b4e875")]
    request_id: String,
    /// Whether the same request may be answered otherwise in a while.
    retryable: bool,
}

/// Returns the document of an error.
pub(super) fn problem_document(error: &ApiError, status: StatusCode, retryable: bool, request_id: &str) -> String {
    text(&Problem {
        r#type: format!("urn:reelmill:{}", error.code()),
        title: status.canonical_reason().unwrap_or("Error"),
        status: status.as_u16(),
        detail: error.detail(),
        code: error.code(),
        cure: error.cure(),
        field: error.field().map(ToOwned::to_owned),
        request_id: request_id.to_owned(),
        retryable,
    })
}

/// How the node is.
#[derive(Serialize, ToSchema)]
pub(super) struct Readiness {
    /// Whether bookings are taken.
    ready: bool,
    /// It ends, and takes nothing more.
    draining: bool,
    /// What was looked at.
    checks: Vec<CheckBody>,
}

/// A part of the node that was looked at.
#[derive(Serialize, ToSchema)]
#[schema(as = Check)]
struct CheckBody {
    #[schema(example = "database")]
    name: &'static str,
    ok: bool,
    /// What is wrong, or what there is to tell.
    detail: String,
}

impl From<Health> for Readiness {
    fn from(health: Health) -> Self {
        let ready = health.is_ready();
        let body = |check: super::Check| CheckBody { name: check.name, ok: check.is_ok, detail: check.detail };
        Self { ready, draining: health.is_draining, checks: health.checks.into_iter().map(body).collect() }
    }
}

/// Some of many, and how to go on.
#[derive(Serialize, ToSchema)]
pub(super) struct PageBody<T> {
    /// In order.
    pub(super) items: Vec<T>,
    /// What to give as `after` for those behind; null where there are none. A page may be short, even empty, and have one.
    #[schema(example = "1029")]
    pub(super) next: Option<String>,
}

/// Whose a thing is, where its name alone does not say so.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Whose {
    /// The institution; left out: the single default one, or the one to which the token is bound.
    pub(super) institution_id: Option<String>,
}

pub(super) fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value)
        .expect("these structs hold strings, numbers and lists only, which always serialize")
}

/// Returns a time as RFC 3339 has it, to the millisecond; what no calendar holds is left out.
pub(super) fn moment(milliseconds: i64) -> String {
    Timestamp::from_millisecond(milliseconds).map_or(String::new(), |time| format!("{time:.3}"))
}
