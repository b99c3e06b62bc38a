//! Who may ask: tokens, keys, and to which institution they are bound. Pure, but for the memory of nonces.
//!
//! Without any token and key everybody may, which is for loopback addresses alone; `serve` sees to that.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use axum::http::{HeaderMap, HeaderName, Method, Uri};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::ApiError;
use crate::booking::message::is_institution;
use crate::content_hash;

/// How far the clocks of both ends may be apart, and so how long a nonce is remembered.
const WINDOW_SECONDS: i64 = 300;
/// Signed requests in twice the window: three hundred a second, which is more than classes there are. Some 10 MiB.
const NONCES_MAX: usize = 200_000;
/// A shorter one could come twice by chance.
const NONCE_BYTES: std::ops::RangeInclusive<usize> = 16..=64;
/// What a person or a program makes up is longer.
const SECRET_BYTES_MIN: usize = 16;

const TIMESTAMP: HeaderName = HeaderName::from_static("x-reelmill-timestamp");
const NONCE: HeaderName = HeaderName::from_static("x-reelmill-nonce");
const SIGNATURE: HeaderName = HeaderName::from_static("x-reelmill-signature");

/// Who asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Caller {
    /// The institution to which it is bound; none: it may see and change everything.
    pub(super) institution: Option<String>,
}

impl Caller {
    /// Returns the institution that a request is about: the one that it names, else the caller's own.
    pub(super) fn about(&self, named: Option<String>) -> Result<Option<String>, ApiError> {
        match (&self.institution, named) {
            (Some(own), Some(named)) if *own != named => Err(ApiError::Forbidden),
            (Some(own), _) => Ok(Some(own.clone())),
            (None, named) => Ok(named),
        }
    }

    /// Returns whether it may see what is that institution's.
    pub(super) fn may_see(&self, institution: &str) -> bool {
        self.institution.as_deref().is_none_or(|own| own == institution)
    }

    /// Refuses whoever is bound: what is asked for is the node's as a whole.
    pub(super) fn must_be_free(&self) -> Result<(), ApiError> {
        if self.institution.is_none() { Ok(()) } else { Err(ApiError::Forbidden) }
    }
}

/// A token or a key, and whose it is.
struct Secret {
    text: String,
    institution: Option<String>,
}

/// Who may ask.
pub(super) struct Access {
    tokens: Vec<Secret>,
    keys: Vec<Secret>,
    nonces: Mutex<Nonces>,
}

/// What is said about who asks.
pub(super) struct Claim<'a> {
    pub(super) method: &'a Method,
    pub(super) uri: &'a Uri,
    pub(super) headers: &'a HeaderMap,
}

/// What a request says of its signature.
#[derive(Debug)]
pub(super) struct Stamp<'a> {
    time: &'a str,
    seconds: i64,
    nonce: &'a str,
    hex: &'a str,
}

impl Access {
    /// Reads the lines of both files; empty texts are none.
    pub(super) fn new(tokens: &str, keys: &str) -> Result<Self, ApiError> {
        let tokens = secrets(tokens, "api.token_file")?;
        Ok(Self { tokens, keys: secrets(keys, "api.keys_file")?, nonces: Mutex::default() })
    }

    /// Returns whether everybody may ask.
    pub(super) fn is_open(&self) -> bool {
        self.tokens.is_empty() && self.keys.is_empty()
    }

    /// Returns whether the request says to be signed: who sent it is known only with its body.
    pub(super) fn is_signed(&self, headers: &HeaderMap) -> bool {
        !self.keys.is_empty() && headers.contains_key(SIGNATURE)
    }

    /// Returns who sends a request that is not signed.
    pub(super) fn by_token(&self, headers: &HeaderMap) -> Result<Caller, ApiError> {
        if self.is_open() {
            return Ok(Caller::default());
        }
        let given = one(headers, &axum::http::header::AUTHORIZATION).ok_or(ApiError::Unauthorized)?;
        let (scheme, token) = given.split_once(' ').ok_or(ApiError::Unauthorized)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(ApiError::Unauthorized);
        }
        let known = find(&self.tokens, |known| is_same(&known.text, token.trim()));
        known.map(Secret::caller).ok_or(ApiError::Unauthorized)
    }

    /// Looks at what a signed request says of its signature, before a byte of its body is read.
    pub(super) fn look<'a>(&self, headers: &'a HeaderMap, now_seconds: i64) -> Result<Stamp<'a>, ApiError> {
        let refuse = ApiError::Signature;
        let read = |name: &HeaderName| one(headers, name).ok_or(refuse("a header of the signature is missing"));
        let (time, nonce, signature) = (read(&TIMESTAMP)?, read(&NONCE)?, read(&SIGNATURE)?);
        let is_plain = nonce.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        if !is_plain || !NONCE_BYTES.contains(&nonce.len()) {
            return Err(refuse("the nonce must be 16 to 64 letters, digits, - and _"));
        }
        let seconds: i64 = time.parse().map_err(|_| refuse("the timestamp must be Unix seconds"))?;
        if seconds.abs_diff(now_seconds) > WINDOW_SECONDS.unsigned_abs() {
            return Err(refuse("the timestamp is more than 300 s from the node's clock"));
        }
        let hex = signature.strip_prefix("v1=").ok_or(refuse("the signature must begin with v1="))?;
        Ok(Stamp { time, seconds, nonce, hex })
    }

    /// Returns who signed a request. The signature holds once: its nonce is remembered.
    pub(super) fn by_signature(
        &self,
        claim: &Claim<'_>,
        body: &[u8],
        now_seconds: i64,
    ) -> Result<Caller, ApiError> {
        let Stamp { time, seconds, nonce, hex } = self.look(claim.headers, now_seconds)?;
        let text = canonical(claim.method, claim.uri, time, nonce, body);
        let known = find(&self.keys, |key| is_same(&sign(&key.text, &text), hex));
        let caller = known.map(Secret::caller).ok_or(ApiError::Signature("the signature does not hold"))?;
        let mut nonces = self.nonces.lock().unwrap_or_else(PoisonError::into_inner);
        nonces.remember(nonce, seconds + WINDOW_SECONDS, now_seconds)?;
        Ok(caller)
    }
}

impl Secret {
    fn caller(&self) -> Caller {
        Caller { institution: self.institution.clone() }
    }
}

/// Returns the secret that is right. Each is looked at, so that the time taken does not tell where it stands.
fn find(secrets: &[Secret], is_right: impl Fn(&Secret) -> bool) -> Option<&Secret> {
    secrets.iter().fold(None, |found, secret| if is_right(secret) { Some(secret) } else { found })
}

/// Returns what is signed.
fn canonical(method: &Method, uri: &Uri, time: &str, nonce: &str, body: &[u8]) -> String {
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    format!("{method}\n{target}\n{time}\n{nonce}\n{}", content_hash::of_bytes(body))
}

/// Returns the HMAC-SHA256 in hex.
fn sign(key: &str, text: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("a key of any length will do");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Compares two texts in a time that does not tell how much of them is the same: their hashes, all of both.
fn is_same(one: &str, other: &str) -> bool {
    let (one, other) = (content_hash::of_bytes(one), content_hash::of_bytes(other));
    one.bytes().zip(other.bytes()).fold(0, |differs, (one, other)| differs | (one ^ other)) == 0
}

/// Returns the value of a header that is there once.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// Reads lines of `secret` or `secret institution=22`.
fn secrets(text: &str, setting: &'static str) -> Result<Vec<Secret>, ApiError> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let read = |(index, line): (usize, &str)| {
        let refuse = |why| ApiError::Secret { setting, line: index + 1, why };
        let mut words = line.split_whitespace();
        let text = words.next().unwrap_or_default().to_owned();
        if text.len() < SECRET_BYTES_MIN {
            return Err(refuse("it is shorter than 16 characters"));
        }
        let institution = match words.next().map(|word| word.strip_prefix("institution=")) {
            None => None,
            // As strictly as a message is read: what is bound to another name could never be served.
            Some(Some(name)) if is_institution(name) => Some(name.to_owned()),
            Some(Some(_)) => return Err(refuse("no institution can have that name")),
            Some(None) => return Err(refuse("what follows it is not institution=ID")),
        };
        if words.next().is_some() {
            Err(refuse("it has more than two words"))
        } else {
            Ok(Secret { text, institution })
        }
    };
    lines.map(read).collect()
}

/// Nonces that were used, until their timestamps are too old anyway.
#[derive(Debug, Default)]
struct Nonces {
    until: HashMap<String, i64>,
    /// In the order in which they came.
    order: VecDeque<String>,
}

impl Nonces {
    fn remember(&mut self, nonce: &str, until: i64, now: i64) -> Result<(), ApiError> {
        self.forget(now);
        if self.until.contains_key(nonce) {
            return Err(ApiError::Signature("the request was sent before: its nonce is known"));
        }
        if self.until.len() >= NONCES_MAX {
            return Err(ApiError::Busy("more signed requests come than can be told apart"));
        }
        self.until.insert(nonce.to_owned(), until);
        self.order.push_back(nonce.to_owned());
        Ok(())
    }

    /// Forgets from the oldest on; one whose clock is ahead keeps those behind it a while longer.
    fn forget(&mut self, now: i64) {
        while let Some(oldest) = self.order.front() {
            if self.until.get(oldest).is_some_and(|until| *until >= now) {
                return;
            }
            self.until.remove(oldest);
            self.order.pop_front();
        }
    }
}

#[cfg(test)]
mod tests;
