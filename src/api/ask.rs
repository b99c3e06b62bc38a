//! Understanding the parts of a request that are the same everywhere: paths, queries, cursors, lengths of pages.

use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::wire::PageBody;
use super::{ApiError, Page};

/// Items of a page that nobody asked to be longer or shorter.
const LIMIT: u32 = 50;
/// Items of a page at most: a few hundred kilobytes of JSON.
const LIMIT_MAX: u32 = 200;

/// What is asked for behind the `?`.
pub(super) struct Asked<T>(pub(super) T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let asked = Query::try_from_uri(&parts.uri);
        asked.map(|Query(asked)| Self(asked)).map_err(|refused| ApiError::request("query", refused.body_text()))
    }
}

/// What the path names.
pub(super) struct Named<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Named<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let named = Path::from_request_parts(parts, state).await;
        named.map(|Path(named)| Self(named)).map_err(|refused| ApiError::request("path", refused.body_text()))
    }
}

/// Returns how many items a page has.
pub(super) fn limit(asked: Option<u32>) -> Result<u32, ApiError> {
    match asked.unwrap_or(LIMIT) {
        limit @ 1..=LIMIT_MAX => Ok(limit),
        _ => Err(ApiError::request("limit", format!("it must be 1 to {LIMIT_MAX}"))),
    }
}

/// Returns the number behind which a page begins.
pub(super) fn number(after: Option<String>) -> Result<i64, ApiError> {
    let Some(after) = after else { return Ok(0) };
    let number = after.parse().ok().filter(|number| *number >= 0);
    number.ok_or_else(|| ApiError::request("after", "it must be the next of the page before"))
}

/// Returns what is told of a page.
pub(super) fn page<T, B>(found: Page<T>, body: impl Fn(T) -> B) -> PageBody<B> {
    PageBody { items: found.items.into_iter().map(body).collect(), next: found.next }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_names_what_to_go_on_behind_also_where_it_is_empty() {
        let told = page(Page { items: vec![1, 2], next: None }, |item| item * 10);
        assert_eq!((told.items, told.next), (vec![10, 20], None));
        let told = page(Page { items: Vec::<i32>::new(), next: Some("7".to_owned()) }, |item| item);
        assert_eq!((told.items.len(), told.next.as_deref()), (0, Some("7")));
    }

    #[test]
    fn cursors_and_lengths_of_pages_that_cannot_be_are_refused() {
        assert_eq!((number(None).unwrap(), number(Some("7".to_owned())).unwrap()), (0, 7));
        for text in ["", "-1", "x", "9223372036854775808"] {
            assert!(number(Some(text.to_owned())).is_err(), "{text:?}");
        }
        assert_eq!((limit(None).unwrap(), limit(Some(200)).unwrap()), (50, 200));
        assert!(limit(Some(0)).is_err() && limit(Some(201)).is_err());
    }
}
