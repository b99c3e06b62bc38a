//! Addresses in messages: what this node fetches from, and whom it tells. Syntax here; where it may dial says whoever is
//! passed in.

use serde_json::Value;
use url::Url;

use super::Admits;
use super::field::{invalid, quoted, shown, with_reason};
use crate::booking::Invalid;

const URL_BYTES_MAX: usize = 4096;

/// Returns an address that this node would fetch from.
pub(super) fn fetched(field: &str, value: &Value, admits: Admits<'_>) -> Result<Url, Invalid> {
    let url = address(field, value)?;
    admits(&url).map_err(|reason| {
        let got = with_reason(&quoted(url.as_str()), &reason);
        invalid(field, "an address that this node may fetch from", got)
    })?;
    Ok(url)
}

/// Returns an address of the web. What follows a `#` is nobody's but a reader's, and goes.
pub(super) fn address(field: &str, value: &Value) -> Result<Url, Invalid> {
    let text = value.as_str().ok_or_else(|| invalid(field, WEB, shown(value)))?;
    let refuse = |rule| Err(invalid(field, rule, quoted(&without_secret(text))));
    // The address as it is kept may be longer than what was written: letters beyond ASCII become three times as long.
    let fits = |text: &str| text.len() <= URL_BYTES_MAX;
    if !fits(text) {
        return refuse(SHORT);
    }
    // The parser would leave some of them out, and read another address than people do.
    if text.contains(char::is_control) {
        return refuse("an address without control characters");
    }
    let Ok(mut url) = Url::parse(text) else { return refuse(WEB) };
    url.set_fragment(None);
    if !matches!(url.scheme(), "http" | "https") {
        return refuse(WEB);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refuse("an address without a user name and a password");
    }
    if !fits(url.as_str()) {
        return refuse(SHORT);
    }
    Ok(url)
}

const WEB: &str = "an http or https address";
const SHORT: &str = "an address of at most 4096 bytes";

/// What is shown ends up in logs.
fn without_secret(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    match rest[..end].rfind('@') {
        Some(at) => format!("{scheme}://***{}", &rest[at..]),
        None => text.to_owned(),
    }
}
