//! The Redis that the node talks to: where it is, and how it is dialled. Every connection has its own deadline, because a
//! server that has gone without saying so answers nothing for ever.
//!
//! What is said to it is for the parts that dial; none of them shares a connection with another.

use std::fmt;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ErrorKind, IntoConnectionInfo, ProtocolVersion, PushInfo, RedisError};
use tokio_rustls::rustls::crypto::ring;
use url::Url;

use crate::failure::{Failure, FailureClass};

/// A Redis beside the node is there in less, or not at all.
const DIAL: Duration = Duration::from_secs(3);

/// The address of Redis is none.
#[derive(Debug, thiserror::Error)]
#[error("the address of Redis cannot be used: {why}")]
pub struct AddressInvalid {
    why: String,
}

impl Failure for AddressInvalid {
    fn code(&self) -> &'static str {
        "REDIS_ADDRESS"
    }

    fn class(&self) -> FailureClass {
        FailureClass::Configuration
    }

    fn cure(&self) -> &'static str {
        "write redis.url like redis://127.0.0.1:6379/0, or rediss:// for TLS"
    }
}

/// Where Redis is, and the password that it asks for.
#[derive(Clone)]
pub struct RedisServer {
    client: Client,
    /// The same, for whoever listens to channels while it says other things.
    listening: Client,
}

impl fmt::Debug for RedisServer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without who asks: the password is part of that.
        formatter.debug_tuple("RedisServer").field(self.client.get_connection_info().addr()).finish()
    }
}

impl RedisServer {
    /// Understands an address; nothing is dialled. A password that stands in it gives way to `password`.
    ///
    /// # Errors
    /// It is none.
    pub fn at(url: &Url, password: Option<&str>) -> Result<Self, AddressInvalid> {
        let refused = |error: RedisError| AddressInvalid { why: error.category().to_owned() };
        // For TLS, before it is asked for; done already where a test or another part did it.
        let _ = ring::default_provider().install_default();
        let info = url.clone().into_connection_info().map_err(refused)?;
        let mut who = info.redis_settings().clone();
        if let Some(password) = password {
            who = who.set_password(password);
        }
        let open = |protocol| Client::open(info.clone().set_redis_settings(who.clone().set_protocol(protocol)));
        let client = open(ProtocolVersion::RESP2).map_err(refused)?;
        Ok(Self { client, listening: open(ProtocolVersion::RESP3).map_err(refused)? })
    }

    /// Makes a connection, on which every answer comes within `patience`.
    ///
    /// # Errors
    /// Nobody is there, or wants another password.
    pub async fn dial(&self, patience: Duration) -> Result<MultiplexedConnection, RedisError> {
        self.client.get_multiplexed_async_connection_with_config(&deadlines(patience)).await
    }

    /// The same, for channels: what comes on them is handed to `heard`, which must not wait.
    ///
    /// # Errors
    /// Nobody is there, or wants another password.
    pub async fn listen(
        &self,
        patience: Duration,
        heard: impl Fn(PushInfo) -> Result<(), ()> + Send + Sync + 'static,
    ) -> Result<MultiplexedConnection, RedisError> {
        let config = deadlines(patience).set_push_sender(heard);
        self.listening.get_multiplexed_async_connection_with_config(&config).await
    }
}

/// Returns whether Redis itself said so: there is somebody, who refuses. Everything else is about the connection.
pub fn is_answer(error: &RedisError) -> bool {
    matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension)
}

/// Returns what went wrong as Redis itself says it, `OOM command not allowed …`: the words that people look for. Of several
/// commands the first that failed.
pub fn told(error: &RedisError) -> String {
    let first = error.clone().into_server_errors().and_then(|errors| errors.first().cloned());
    match first {
        Some((_, error)) => [error.code(), error.details().unwrap_or_default()].join(" ").trim_end().to_owned(),
        None => error.to_string(),
    }
}

fn deadlines(patience: Duration) -> AsyncConnectionConfig {
    AsyncConnectionConfig::new().set_connection_timeout(Some(DIAL)).set_response_timeout(Some(patience))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(url: &str) -> Result<RedisServer, AddressInvalid> {
        RedisServer::at(&Url::parse(url).unwrap(), Some("hunter2"))
    }

    #[test]
    fn an_address_is_understood_without_dialling() {
        for url in ["redis://127.0.0.1:1/0", "redis://h", "rediss://h:6380/2", "unix:///run/r.sock"] {
            assert!(at(url).is_ok(), "{url}");
        }
    }

    #[test]
    fn what_redis_says_is_told_in_its_own_words() {
        let parse = |answer: &[u8]| redis::parse_redis_value(answer).unwrap().extract_error().unwrap_err();
        for answer in ["READONLY You can't write", "OOM command not allowed", "ERR no"] {
            let error = parse(format!("-{answer}\r\n").as_bytes());
            assert!(is_answer(&error));
            assert_eq!(told(&error), answer);
        }
        let error = RedisError::from(std::io::Error::from(std::io::ErrorKind::ConnectionReset));
        assert!(!is_answer(&error) && told(&error).contains("reset"), "{error}");
    }

    #[test]
    fn what_is_no_address_is_refused_and_the_password_is_never_told() {
        for url in ["redis://:hunter3@h/zero", "http://h/"] {
            let error = at(url).unwrap_err();
            assert_eq!((error.code(), error.class()), ("REDIS_ADDRESS", FailureClass::Configuration), "{url}");
            assert!(!format!("{error} {error:?}").contains("hunter") && !error.cure().is_empty(), "{error}");
        }
        assert!(!format!("{:?}", at("redis://:hunter3@h/").unwrap()).contains("hunter"));
    }
}
