//! Tokens, signatures and nonces, one case after the other.

use axum::http::HeaderValue;

use super::*;
use crate::failure::Failure;

const TOKEN: &str = "token-of-the-node-0";
const BOUND: &str = "token-of-school-22-0";
const KEY: &str = "key-of-the-fleet-000";
const NOW: i64 = 1_760_000_000;

fn access() -> Access {
    Access::new(
        &format!("{TOKEN}\n\n{BOUND} institution=22\n"),
        &format!("{KEY}\nanother-key-000000 institution=7"),
    )
    .unwrap()
}

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(*name, HeaderValue::from_str(value).unwrap());
    }
    headers
}

fn code<T>(result: Result<T, ApiError>) -> &'static str {
    result.err().map_or("none", |error| error.code())
}

/// What a sender writes.
struct Signed {
    method: Method,
    target: &'static str,
    time: i64,
    nonce: &'static str,
    body: &'static str,
    key: &'static str,
}

const SIGNED: Signed = Signed {
    method: Method::POST,
    target: "/api/v1/bookings?a=1&b=2",
    time: NOW,
    nonce: "0123456789abcdef",
    body: "{}",
    key: KEY,
};

impl Signed {
    fn headers(&self) -> HeaderMap {
        let uri: Uri = self.target.parse().unwrap();
        let time = self.time.to_string();
        let text = canonical(&self.method, &uri, &time, self.nonce, self.body.as_bytes());
        let signature = format!("v1={}", sign(self.key, &text));
        headers(&[
            ("x-reelmill-timestamp", &time),
            ("x-reelmill-nonce", self.nonce),
            ("x-reelmill-signature", &signature),
        ])
    }
}

fn judge(
    access: &Access,
    method: &Method,
    target: &str,
    headers: &HeaderMap,
    body: &str,
) -> Result<Caller, ApiError> {
    let claim = Claim { method, uri: &target.parse().unwrap(), headers };
    access.by_signature(&claim, body.as_bytes(), NOW)
}

#[test]
fn the_canonical_form_and_its_signature_are_what_the_document_says() {
    let uri: Uri = SIGNED.target.parse().unwrap();
    let text = canonical(&Method::POST, &uri, "1760000000", SIGNED.nonce, b"{}");
    assert_eq!(
        text,
        "POST\n/api/v1/bookings?a=1&b=2\n1760000000\n0123456789abcdef\n\
         44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    );
    // RFC 4231, case 2.
    assert_eq!(
        sign("Jefe", "what do ya want for nothing?"),
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    );
}

#[test]
fn a_token_says_who_asks_and_what_is_no_token_is_refused() {
    let by = |pairs: &[(&'static str, &str)]| access().by_token(&headers(pairs));
    let bearer = |token: &str| by(&[("authorization", &format!("Bearer {token}"))]);
    assert_eq!(bearer(TOKEN).unwrap(), Caller::default());
    assert_eq!(bearer(BOUND).unwrap().institution.as_deref(), Some("22"));
    assert!(by(&[("authorization", &format!("bearer {TOKEN}"))]).is_ok());
    let twice = format!("Bearer {TOKEN}");
    for result in [
        by(&[]),
        bearer(""),
        bearer("token-of-the-node-1"),
        bearer("token-of-the-node-"),
        by(&[("authorization", TOKEN)]),
        by(&[("authorization", &format!("Basic {TOKEN}"))]),
        by(&[("authorization", &twice), ("authorization", &twice)]),
        // A key is no token.
        bearer(KEY),
    ] {
        assert_eq!(code(result), "API_UNAUTHORIZED");
    }
    assert_eq!(Access::new("", "").unwrap().by_token(&HeaderMap::new()).unwrap(), Caller::default());
}

#[test]
fn a_signature_holds_for_one_request_as_it_was_signed() {
    let judge_new = |method: &Method, target: &str, headers: &HeaderMap, body: &str| {
        judge(&access(), method, target, headers, body)
    };
    let right = SIGNED.headers();
    assert_eq!(judge_new(&Method::POST, SIGNED.target, &right, "{}").unwrap(), Caller::default());
    let other = Signed { key: "another-key-000000", ..SIGNED };
    let caller = judge_new(&Method::POST, SIGNED.target, &other.headers(), "{}").unwrap();
    assert_eq!(caller.institution.as_deref(), Some("7"));
    for (what, result) in [
        ("the body", judge_new(&Method::POST, SIGNED.target, &right, "{} ")),
        ("the method", judge_new(&Method::PUT, SIGNED.target, &right, "{}")),
        ("the order of the query", judge_new(&Method::POST, "/api/v1/bookings?b=2&a=1", &right, "{}")),
        ("the path", judge_new(&Method::POST, "/api/v1/control?a=1&b=2", &right, "{}")),
        ("the key", judge_new(&Method::POST, SIGNED.target, &Signed { key: "no", ..SIGNED }.headers(), "{}")),
        ("no headers", judge_new(&Method::POST, SIGNED.target, &HeaderMap::new(), "{}")),
    ] {
        assert_eq!(code(result), "API_SIGNATURE", "{what}");
    }
}

#[test]
fn a_signature_that_is_old_or_of_tomorrow_or_without_a_real_nonce_is_refused() {
    for (what, signed, is_taken) in [
        ("old, and not too old", Signed { time: NOW - 300, ..SIGNED }, true),
        ("too old", Signed { time: NOW - 301, ..SIGNED }, false),
        ("ahead, and not too far", Signed { time: NOW + 300, ..SIGNED }, true),
        ("too far ahead", Signed { time: NOW + 301, ..SIGNED }, false),
        ("the end of time", Signed { time: i64::MIN, ..SIGNED }, false),
        ("a short nonce", Signed { nonce: "0123456789abcde", ..SIGNED }, false),
        ("a strange nonce", Signed { nonce: "0123456789abcdef ;", ..SIGNED }, false),
    ] {
        let result = judge(&access(), &Method::POST, SIGNED.target, &signed.headers(), "{}");
        assert_eq!(result.is_ok(), is_taken, "{what}");
    }
}

#[test]
fn a_request_that_is_sent_again_is_refused_until_its_time_is_over_anyway() {
    let access = access();
    let right = SIGNED.headers();
    assert!(judge(&access, &Method::POST, SIGNED.target, &right, "{}").is_ok());
    let again = judge(&access, &Method::POST, SIGNED.target, &right, "{}");
    assert!(again.unwrap_err().to_string().contains("nonce is known"));

    let mut nonces = Nonces::default();
    nonces.remember("a", 300, 0).unwrap();
    assert_eq!(code(nonces.remember("a", 300, 300)), "API_SIGNATURE");
    nonces.remember("b", 601, 301).unwrap();
    assert_eq!((nonces.until.len(), nonces.order.len()), (1, 1));
}

#[test]
fn a1_no_more_nonces_are_remembered_than_fit() {
    let mut nonces = Nonces::default();
    for number in 0..NONCES_MAX {
        nonces.remember(&number.to_string(), 300, 0).unwrap();
    }
    assert_eq!(code(nonces.remember("one more", 300, 0)), "API_BUSY");
    nonces.remember("one more", 700, 301).unwrap();
    assert_eq!(nonces.until.len(), 1);
}

#[test]
fn a_line_that_is_no_secret_is_told_by_its_number_and_not_repeated() {
    for (text, line) in [
        ("short", 1),
        ("long-enough-secret-0\nlong-enough-secret-1 institution=", 2),
        ("long-enough-secret-0 school=22", 1),
        ("long-enough-secret-0 institution=22,", 1),
        ("long-enough-secret-0 institution=..", 1),
        ("\n\nlong-enough-secret-0 institution=22 more", 3),
    ] {
        let error = Access::new(text, "").err().unwrap();
        assert_eq!(error.code(), "API_SECRET");
        assert!(error.to_string().starts_with(&format!("line {line} of api.token_file: ")), "{error}");
        assert!(!error.to_string().contains("secret-0"), "{error}");
    }
}

#[test]
fn whoever_is_bound_sees_and_changes_one_institution() {
    let (free, bound) = (Caller::default(), Caller { institution: Some("22".to_owned()) });
    let named = |name: &str| Some(name.to_owned());
    assert_eq!(free.about(None).unwrap(), None);
    assert_eq!(free.about(named("7")).unwrap(), named("7"));
    assert_eq!(bound.about(None).unwrap(), named("22"));
    assert_eq!(bound.about(named("22")).unwrap(), named("22"));
    assert_eq!(code(bound.about(named("7"))), "API_FORBIDDEN");
    assert_eq!(code(bound.about(named(""))), "API_FORBIDDEN");
    assert!(free.may_see("7") && bound.may_see("22") && !bound.may_see("") && !bound.may_see("7"));
    assert!(free.must_be_free().is_ok() && bound.must_be_free().is_err());
}
