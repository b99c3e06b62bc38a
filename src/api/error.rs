//! What can go wrong with a request, and with serving at all.

use std::io;
use std::net::SocketAddr;

use axum::http::StatusCode;

use crate::booking::{Code, Invalid};
use crate::failure::{Failure, FailureClass};

/// Why a request was not carried out, or nobody is served.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The address cannot be listened on.
    #[error("cannot listen on {at}")]
    Listen {
        /// The address.
        at: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Others reach the address, and nothing tells who may ask.
    #[error("{0} is reached by others, and there is neither a token nor a key")]
    Unguarded(SocketAddr),
    /// A line of the tokens' or keys' file cannot be understood. The line itself is a secret.
    #[error("line {line} of {setting}: {why}")]
    Secret {
        /// Which setting names the file.
        setting: &'static str,
        /// From 1.
        line: usize,
        /// What is wrong.
        why: &'static str,
    },
    /// A part of the request cannot be.
    #[error("{field}: {rule}")]
    Request {
        /// Which part.
        field: &'static str,
        /// What it should be.
        rule: String,
    },
    /// The message cannot be understood.
    #[error("{0}")]
    Message(Invalid),
    /// Neither a token nor a signature.
    #[error("the request carries no token that is known here")]
    Unauthorized,
    /// The signature does not hold.
    #[error("{0}")]
    Signature(&'static str),
    /// It belongs to another institution, or to the node.
    #[error("the token is bound to an institution, and this is not that one's")]
    Forbidden,
    /// A web page of somebody else's sent it.
    #[error("{0}")]
    Origin(&'static str),
    /// There is no such thing.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// The path is there, and does not take this method.
    #[error("this path does not take the method")]
    Method,
    /// It took too long to come, or to be carried out.
    #[error("the request took longer than {0} s")]
    Timeout(u64),
    /// What is asked cannot be done in the state that the thing is in.
    #[error("{0}")]
    State(&'static str),
    /// Another message came under the same key before.
    #[error("another request came under this Idempotency-Key")]
    KeyReused,
    /// The body is longer than it may be.
    #[error("the body is longer than {0} bytes")]
    TooLarge(usize),
    /// The first line and the headers are longer than they may be.
    #[error("the address and the headers are longer than {0} bytes")]
    HeadTooLarge(usize),
    /// The body is no JSON.
    #[error("the body must be application/json, neither compressed nor anything else")]
    MediaType,
    /// There are too many at a time.
    #[error("{0}")]
    Busy(&'static str),
    /// The node ends, and what is asked would change something.
    #[error("the node ends, and takes nothing more")]
    Draining,
    /// We are at fault.
    #[error("this is a fault in reelmill; its log says more under the request's id")]
    Internal,
    /// The node failed; it says everything itself.
    #[error("{0}")]
    Node(Box<dyn Failure + Send + Sync>),
}

impl ApiError {
    /// Returns the failure of a part of the node.
    pub fn node(error: impl Failure + Send + Sync + 'static) -> Self {
        Self::Node(Box::new(error))
    }

    /// Returns the failure of a socket that was opened before.
    pub(crate) fn socket(source: io::Error) -> Self {
        Self::Listen { at: "the socket of api.listen".to_owned(), source }
    }

    /// Returns the closure that turns an error of a parser into ours. What it says never repeats what it was given.
    pub(super) fn request(field: &'static str, rule: impl Into<String>) -> Self {
        Self::Request { field, rule: rule.into() }
    }

    /// Returns which part of the request is at fault.
    pub(super) fn field(&self) -> Option<&str> {
        match self {
            Self::Request { field, .. } => Some(field),
            Self::Message(invalid) => Some(&invalid.field),
            _ => None,
        }
    }

    /// Returns the status by which clients know it.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Request { .. } | Self::Message(_) => StatusCode::BAD_REQUEST,
            Self::Unauthorized | Self::Signature(_) => StatusCode::UNAUTHORIZED,
            Self::Forbidden | Self::Origin(_) => StatusCode::FORBIDDEN,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Timeout(_) => StatusCode::REQUEST_TIMEOUT,
            Self::State(_) | Self::KeyReused => StatusCode::CONFLICT,
            Self::HeadTooLarge(_) => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Busy(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Draining => StatusCode::SERVICE_UNAVAILABLE,
            Self::Listen { .. } | Self::Unguarded(_) | Self::Secret { .. } | Self::Internal => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
            Self::Node(inner) => status_of(&**inner),
        }
    }

    /// Returns what a stranger may read: a failure of the node may name paths, and stays in the log.
    pub(super) fn detail(&self) -> String {
        match self {
            Self::Node(_) if self.status().is_server_error() => {
                "the node cannot do this now; its log says more under the request's id".to_owned()
            }
            _ => self.to_string(),
        }
    }
}

/// Returns the status of a failure of the node's.
fn status_of(failure: &dyn Failure) -> StatusCode {
    match (failure.code(), failure.class()) {
        ("CACHE_MISSING", _) => StatusCode::NOT_FOUND,
        (_, FailureClass::Usage) => StatusCode::BAD_REQUEST,
        (_, FailureClass::Source) => StatusCode::UNPROCESSABLE_ENTITY,
        ("CACHE_HELD", _) => StatusCode::CONFLICT,
        (_, FailureClass::Transient | FailureClass::Capacity | FailureClass::Cancelled) => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        (_, FailureClass::Output | FailureClass::Configuration | FailureClass::Bug) => {
            StatusCode::INTERNAL_SERVER_ERROR
        }
    }
}

impl Failure for ApiError {
    fn code(&self) -> &'static str {
        match self {
            Self::Listen { .. } => "API_LISTEN",
            Self::Unguarded(_) => "API_UNGUARDED",
            Self::Secret { .. } => "API_SECRET",
            Self::Request { .. } => "API_REQUEST",
            Self::Message(_) => Code::InvalidMessage.name(),
            Self::Unauthorized => "API_UNAUTHORIZED",
            Self::Signature(_) => "API_SIGNATURE",
            Self::Forbidden => "API_FORBIDDEN",
            Self::Origin(_) => "API_ORIGIN",
            Self::NotFound(_) => "API_NOT_FOUND",
            Self::Method => "API_METHOD",
            Self::Timeout(_) => "API_TIMEOUT",
            Self::State(_) => "API_STATE",
            Self::KeyReused => "API_KEY_REUSED",
            Self::TooLarge(_) => "API_TOO_LARGE",
            Self::HeadTooLarge(_) => "API_HEAD_TOO_LARGE",
            Self::MediaType => "API_MEDIA_TYPE",
            Self::Busy(_) => "API_BUSY",
            Self::Draining => "API_DRAINING",
            Self::Internal => "API_INTERNAL",
            Self::Node(inner) => inner.code(),
        }
    }

    fn class(&self) -> FailureClass {
        match self {
            // Whoever has the address may go; what is no address of this machine never comes.
            Self::Listen { source, .. } if source.kind() == io::ErrorKind::AddrInUse => FailureClass::Transient,
            Self::Listen { .. } => FailureClass::Configuration,
            Self::Unguarded(_) | Self::Secret { .. } => FailureClass::Configuration,
            Self::Timeout(_) | Self::Busy(_) | Self::Draining => FailureClass::Transient,
            Self::Internal => FailureClass::Bug,
            Self::Node(inner) => inner.class(),
            _ => FailureClass::Usage,
        }
    }

    fn cure(&self) -> &'static str {
        match self {
            Self::Listen { .. } => {
                "check whether another process listens there, or set api.listen to another address"
            }
            Self::Unguarded(_) => "set api.token_file or api.keys_file, or listen on 127.0.0.1",
            Self::Secret { .. } => "a line is the token or key, and then nothing or institution=ID",
            Self::Request { .. } | Self::Method | Self::MediaType => "see /docs, or docs/api.md",
            Self::Message(_) => "see docs/messages.md for what a message holds",
            Self::Unauthorized => "send Authorization: Bearer and a line of api.token_file, or sign the request",
            Self::Signature(_) => "sign each request anew, with a clock that is right; docs/api.md says how",
            Self::Forbidden => "use a token that is not bound to another institution",
            Self::Origin(_) => "ask the node by its own address, from a page of its own or from a program",
            Self::NotFound(_) => "check the path and the id",
            Self::Timeout(_) | Self::Busy(_) => "try again in a moment",
            Self::Draining => "ask another node, or this one when it has begun again",
            Self::State(_) => "look at its state first",
            Self::KeyReused => "give each message a key of its own",
            Self::TooLarge(_) | Self::HeadTooLarge(_) => "send less",
            Self::Internal => "please report it with the log of -vv",
            Self::Node(inner) => inner.cure(),
        }
    }

    fn details(&self) -> Vec<String> {
        match self {
            Self::Node(inner) => inner.details(),
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::CacheError;

    #[test]
    fn a_failure_of_the_node_has_a_status_by_its_code_and_class_and_names_no_path() {
        let held = CacheError::Held { key: "6666".to_owned(), holder: "pin ann".to_owned() };
        let foreign = CacheError::Foreign { root: "/var/secret".into() };
        for (error, status, detail) in [
            (ApiError::node(CacheError::Missing("6666".to_owned())), 404, "6666 is not in the cache"),
            (ApiError::node(held), 409, "6666 is held by pin ann"),
            (ApiError::node(CacheError::Cancelled), 503, "the node cannot do this now; its log"),
            (ApiError::node(foreign), 500, "the node cannot do this now; its log"),
        ] {
            assert_eq!(error.status().as_u16(), status, "{error}");
            assert!(error.detail().starts_with(detail), "{}", error.detail());
        }
    }

    #[test]
    fn what_keeps_the_node_from_serving_is_told_with_its_code() {
        for (kind, class) in [
            (io::ErrorKind::AddrInUse, FailureClass::Transient),
            (io::ErrorKind::AddrNotAvailable, FailureClass::Configuration),
        ] {
            let error = ApiError::Listen { at: "127.0.0.1:8700".to_owned(), source: kind.into() };
            assert_eq!((error.code(), error.class()), ("API_LISTEN", class));
            assert_eq!(error.to_string(), "cannot listen on 127.0.0.1:8700");
        }
        assert_eq!(ApiError::Internal.code(), "API_INTERNAL");
    }
}
