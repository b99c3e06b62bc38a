//! The JSON that programs read: what all documents share, and errors. Each command's own document, and the progress
//! lines, stand in the `wire` beside it.
//!
//! Field names are a contract; a schema's number rises when one changes its meaning. Domain values are copied into
//! such structs and never serialize themselves.

use serde::Serialize;

use crate::failure::Failure;
use crate::printable::in_json;

/// An error as a program sees it.
#[derive(Serialize)]
pub(super) struct ErrorBody {
    code: &'static str,
    message: String,
    cure: &'static str,
    /// The parts of a failure that has several, a line each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    details: Vec<String>,
}

impl ErrorBody {
    pub(super) fn of(error: &dyn Failure) -> Self {
        Self { code: error.code(), message: super::chain(error), cure: error.cure(), details: error.details() }
    }
}

/// A failure before there was any result.
#[derive(Serialize)]
struct ErrorDocument {
    schema: &'static str,
    error: ErrorBody,
}

/// Returns the document of a failure before there was any result.
pub(super) fn error_document(error: &dyn Failure) -> String {
    pretty(&ErrorDocument { schema: "reelmill.error/1", error: ErrorBody::of(error) })
}

/// Returns measurements of our own to the thousandth: further digits are noise.
pub(super) fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

const PLAIN: &str = "these structs hold strings, numbers and lists only, which always serialize";

pub(super) fn pretty(value: &impl Serialize) -> String {
    in_json(serde_json::to_string_pretty(value).expect(PLAIN))
}

pub(super) fn compact(value: &impl Serialize) -> String {
    in_json(serde_json::to_string(value).expect(PLAIN))
}

#[cfg(test)]
mod tests;
