//! Who may ask for what: tokens, signatures, foreign pages.

use std::net::TcpListener;
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use reelmill::api::{ApiSettings, serve};
use reelmill::content_hash;
use reelmill::failure::Failure;
use sha2::Sha256;
use tokio::sync::watch;

use super::client::{NOW, Running, settings};
use super::node::Fake;

const TOKEN: &str = "authorization: Bearer token-of-the-node-0";
const BOUND: &str = "authorization: Bearer token-of-school-22-0";
const KEY: &str = "key-of-the-fleet-000";

fn guarded() -> ApiSettings {
    ApiSettings {
        tokens: "token-of-the-node-0\ntoken-of-school-22-0 institution=22\n".to_owned(),
        keys: format!("{KEY}\n"),
        ..settings()
    }
}

/// Signs as docs/api.md says.
fn signature(method: &str, target: &str, time: i64, nonce: &str, body: &str) -> Vec<String> {
    let text = format!("{method}\n{target}\n{time}\n{nonce}\n{}", content_hash::of_bytes(body));
    let mut mac = Hmac::<Sha256>::new_from_slice(KEY.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    vec![
        format!("x-reelmill-timestamp: {time}"),
        format!("x-reelmill-nonce: {nonce}"),
        format!("x-reelmill-signature: v1={hex}"),
    ]
}

#[test]
fn where_there_are_tokens_everything_but_the_health_of_the_process_needs_one_on_loopback_too() {
    for address in ["0.0.0.0:0", "127.0.0.1:0"] {
        let api = Running::on(address, guarded());
        for path in
            ["/api/v1/bookings", "/api/v1/nothing", "/readyz", "/metrics", "/openapi.json", "/docs/", "/nothing"]
        {
            let told = api.get(path);
            assert_eq!((told.status, told.code().as_str()), (401, "API_UNAUTHORIZED"), "{path} on {address}");
            assert_eq!(told.header("www-authenticate"), Some("bearer"), "{path}");
            assert!(matches!(api.ask(&format!("GET {path}"), &[TOKEN], "").status, 200 | 404), "{path}");
        }
        assert_eq!(api.get("/healthz").status, 200);
        assert_eq!(api.ask("DELETE /healthz", &[], "").status, 401);
        // Not in the address, where logs would keep it.
        assert_eq!(api.get("/api/v1/bookings?token=token-of-the-node-0").status, 401);
        assert_eq!(api.get("/api/v1/events/ws?token=token-of-the-node-0").status, 401);
        assert_eq!(api.ask("POST /api/v1/control", &[], "{}").code(), "API_UNAUTHORIZED");
        assert_eq!(api.node.orders(), []);
    }
}

#[test]
fn where_there_are_only_keys_a_page_about_the_node_needs_a_signature() {
    let api = Running::with(ApiSettings { tokens: String::new(), ..guarded() });
    assert_eq!(api.get("/metrics").code(), "API_UNAUTHORIZED");
    let signed = signature("GET", "/metrics", NOW, "nonce-0000000001", "");
    let signed: Vec<&str> = signed.iter().map(String::as_str).collect();
    assert_eq!(api.ask("GET /metrics", &signed, "").status, 200);
}

#[test]
fn a_token_of_an_institution_sees_and_changes_that_one_alone() {
    let api = Running::with(guarded());
    let body = |institution: &str| format!(r#"{{"class_id":"c-1","institution_id":"{institution}"}}"#);
    assert_eq!(api.ask("POST /api/v1/bookings", &[BOUND], &body("22")).status, 202);
    assert_eq!(api.ask("POST /api/v1/bookings", &[TOKEN], &body("7")).status, 202);
    assert_eq!(api.ask("POST /api/v1/bookings", &[BOUND], &body("7")).code(), "API_FORBIDDEN");
    assert_eq!(api.node.orders()[0].institution.as_deref(), Some("22"));
    let list =
        |header: &str| api.ask("GET /api/v1/bookings", &[header], "").json()["items"].as_array().unwrap().len();
    assert_eq!((list(BOUND), list(TOKEN)), (1, 2));
    for (line, code) in [
        ("GET /api/v1/bookings/c-1", "none"),
        ("GET /api/v1/bookings/c-1?institution_id=7", "API_FORBIDDEN"),
        ("DELETE /api/v1/bookings/c-1?institution_id=7", "API_FORBIDDEN"),
        ("GET /api/v1/bookings?institution_id=7", "API_FORBIDDEN"),
        ("GET /api/v1/jobs/1", "none"),
        ("GET /api/v1/jobs?institution_id=7", "API_FORBIDDEN"),
        ("POST /api/v1/jobs/retry?institution_id=7", "API_FORBIDDEN"),
        ("GET /api/v1/cache", "API_FORBIDDEN"),
        ("GET /api/v1/cache/files?institution_id=7", "API_FORBIDDEN"),
        ("GET /api/v1/cache/files/7%2F6666", "API_FORBIDDEN"),
        ("POST /api/v1/cache/files/7%2F6666/pin", "API_FORBIDDEN"),
        ("DELETE /api/v1/cache/files/6666?institution_id=7", "API_FORBIDDEN"),
        ("GET /api/v1/events?institution_id=7", "API_FORBIDDEN"),
        ("GET /api/v1/events/ws?institution_id=7", "API_FORBIDDEN"),
    ] {
        assert_eq!(api.ask(line, &[BOUND], "").code(), code, "{line}");
    }
    let why = api.ask("GET /api/v1/cache/files/6666", &[BOUND], "").json();
    assert_eq!((&why["key"], why["next"].as_array().unwrap().len()), (&"22/6666".into(), 1));
    assert_eq!(api.ask("GET /metrics", &[BOUND], "").code(), "API_FORBIDDEN");
    assert_eq!(api.ask("GET /metrics", &[TOKEN], "").status, 200);
}

#[test]
fn a_signed_request_is_taken_once_as_it_was_signed() {
    let api = Running::on("0.0.0.0:0", guarded());
    let body = r#"{"class_id":"c-1"}"#;
    let target = "/api/v1/bookings?a=1&b=2";
    let send = |target: &str, headers: &[String], body: &str| {
        let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
        let told = api.ask(&format!("POST {target}"), &headers, body);
        (told.status, told.code())
    };
    let refused = (401, "API_SIGNATURE".to_owned());
    let right = signature("POST", target, NOW, "nonce-0000000001", body);
    assert_eq!(send(target, &right, body).0, 202);
    assert_eq!(send(target, &right, body), refused, "again");
    let fresh = |number: u32, time: i64| signature("POST", target, time, &format!("nonce-{number:010}"), body);
    assert_eq!(send(target, &fresh(2, NOW - 301), body), refused, "old");
    assert_eq!(send(target, &fresh(3, NOW), r#"{"class_id":"c-2"}"#), refused, "another body");
    assert_eq!(send("/api/v1/bookings?b=2&a=1", &fresh(4, NOW), body), refused, "another order");
    let mut twice = fresh(5, NOW);
    twice.push(twice[2].clone());
    assert_eq!(send(target, &twice, body), refused, "two signatures");
    assert_eq!(send(target, &fresh(6, NOW)[..2], body).1, "API_UNAUTHORIZED", "no signature");
    assert_eq!(send(target, &fresh(7, NOW), body).0, 200);
}

#[test]
fn a_foreign_page_and_a_name_that_leads_here_are_refused() {
    let api = Running::start();
    let code = |headers: &[&str]| api.ask("POST /api/v1/jobs/retry", headers, "").code();
    assert_eq!(code(&["sec-fetch-site: cross-site"]), "API_ORIGIN");
    assert_eq!(code(&["origin: https://evil.example"]), "API_ORIGIN");
    assert_eq!(code(&["origin: http://localhost"]), "none");
    let rebound = api.raw(b"GET /api/v1/bookings HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n");
    assert_eq!((rebound.status, rebound.code().as_str()), (403, "API_ORIGIN"));
    let form = "POST /api/v1/bookings HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
                content-type: text/plain\r\ncontent-length: 2\r\n\r\n{}";
    assert_eq!(api.raw(form.as_bytes()).code(), "API_MEDIA_TYPE");
    // Pages get no leave to read either.
    assert_eq!(api.get("/api/v1/bookings").header("access-control-allow-origin"), None);
}

#[test]
fn an_address_that_others_reach_is_not_served_without_any_token() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let serve = |settings: ApiSettings| {
        let listener = TcpListener::bind("0.0.0.0:0").unwrap();
        let (_stop, stopping) = watch::channel(false);
        let node: Arc<Fake> = Fake::new();
        runtime.block_on(serve(listener, node, settings, stopping)).unwrap_err().code()
    };
    assert_eq!(serve(settings()), "API_UNGUARDED");
    assert_eq!(serve(ApiSettings { keys: "short".to_owned(), ..settings() }), "API_SECRET");
    let unnamed = "token-of-school-22-0 institution=22,".to_owned();
    assert_eq!(serve(ApiSettings { tokens: unnamed, ..settings() }), "API_SECRET");
}
