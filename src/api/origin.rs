//! Whether a web page of somebody else's sends a request through a browser of ours. Pure.
//!
//! A node on loopback asks for no token, and every page that a person on this machine looks at could otherwise speak to it:
//! under a name that leads here (DNS rebinding), with a form, or with a WebSocket, which no browser asks leave for.

use std::net::{IpAddr, Ipv6Addr};

use axum::http::header::{HOST, ORIGIN, UPGRADE};
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, Method};

use super::ApiError;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Refuses what a foreign page sent.
pub(super) fn check(request: &Parts, is_loopback: bool) -> Result<(), ApiError> {
    let host = host_of(request)?;
    if is_loopback && !is_here(&host) {
        return Err(ApiError::Origin("the Host header names another machine than this one"));
    }
    let is_reading = matches!(request.method, Method::GET | Method::HEAD);
    if is_reading && !request.headers.contains_key(UPGRADE) {
        return Ok(());
    }
    let site = all(&request.headers, &SEC_FETCH_SITE);
    if site.iter().any(|site| !matches!(*site, b"same-origin" | b"none")) {
        return Err(ApiError::Origin("a page of another site sent this"));
    }
    let is_own = |origin: &&[u8]| {
        let authority = [b"http://".as_slice(), b"https://"].iter().find_map(|scheme| origin.strip_prefix(*scheme));
        authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host.as_str().as_bytes()))
    };
    match all(&request.headers, &ORIGIN).iter().all(is_own) {
        true => Ok(()),
        false => Err(ApiError::Origin("the Origin header names another site than this node")),
    }
}

fn all<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Vec<&'a [u8]> {
    headers.get_all(name).iter().map(axum::http::HeaderValue::as_bytes).collect()
}

/// Returns whom the request is for, by its address and its header, which must not differ.
fn host_of(request: &Parts) -> Result<Authority, ApiError> {
    let refuse = || ApiError::request("Host", "it must be there once, and name a host");
    let hosts = all(&request.headers, &HOST);
    let header = match hosts.as_slice() {
        [host] => Authority::try_from(*host).map_err(|_| refuse())?,
        _ => return Err(refuse()),
    };
    match request.uri.authority() {
        Some(authority) if *authority != header => Err(refuse()),
        _ => Ok(header),
    }
}

/// Returns whether a name stands for this machine and nothing else.
fn is_here(host: &Authority) -> bool {
    let name = host.host().trim_start_matches('[').trim_end_matches(']');
    match name.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => address.is_loopback(),
        Ok(IpAddr::V6(address)) => address == Ipv6Addr::LOCALHOST,
        Err(_) => name.eq_ignore_ascii_case("localhost"),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;
    use crate::failure::Failure;

    fn judge(method: Method, headers: &[(&str, &str)], is_loopback: bool) -> &'static str {
        let mut request = Request::builder().method(method).uri("/api/v1/bookings");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        check(&parts, is_loopback).err().map_or("none", |error| error.code())
    }

    #[test]
    fn on_loopback_only_names_of_this_machine_are_hosts() {
        for (host, code) in [
            ("127.0.0.1:8700", "none"),
            ("127.1.2.3", "none"),
            ("localhost:8700", "none"),
            ("LOCALHOST", "none"),
            ("[::1]:8700", "none"),
            ("evil.example", "API_ORIGIN"),
            ("evil.example:8700", "API_ORIGIN"),
            ("localhost.evil.example", "API_ORIGIN"),
            ("127.0.0.1.evil.example", "API_ORIGIN"),
            ("192.168.0.1", "API_ORIGIN"),
            ("0.0.0.0:8700", "API_ORIGIN"),
            ("", "API_REQUEST"),
            ("a b", "API_REQUEST"),
        ] {
            assert_eq!(judge(Method::GET, &[("host", host)], true), code, "{host:?}");
        }
        assert_eq!(judge(Method::GET, &[("host", "node.example")], false), "none");
        assert_eq!(judge(Method::GET, &[], true), "API_REQUEST");
        assert_eq!(judge(Method::GET, &[("host", "localhost"), ("host", "localhost")], true), "API_REQUEST");
    }

    #[test]
    fn a_foreign_page_changes_nothing_and_hears_nothing() {
        let host = ("host", "localhost:8700");
        for (headers, code) in [
            (vec![host], "none"),
            (vec![host, ("origin", "http://localhost:8700")], "none"),
            (vec![host, ("sec-fetch-site", "same-origin")], "none"),
            (vec![host, ("sec-fetch-site", "none")], "none"),
            (vec![host, ("sec-fetch-site", "cross-site")], "API_ORIGIN"),
            (vec![host, ("sec-fetch-site", "same-site")], "API_ORIGIN"),
            (vec![host, ("origin", "http://localhost:3000")], "API_ORIGIN"),
            (vec![host, ("origin", "https://evil.example")], "API_ORIGIN"),
            (vec![host, ("origin", "null")], "API_ORIGIN"),
        ] {
            assert_eq!(judge(Method::POST, &headers, true), code, "{headers:?}");
            let upgrade: Vec<_> = headers.iter().copied().chain([("upgrade", "websocket")]).collect();
            assert_eq!(judge(Method::GET, &upgrade, true), code, "{upgrade:?}");
            // What a page may read is for the browser to judge: it is given no leave.
            assert_eq!(judge(Method::GET, &headers, true), "none", "{headers:?}");
        }
    }
}
