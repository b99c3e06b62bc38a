//! What can go wrong with a request, and with serving at all.

use std::io;

use crate::failure::{Failure, FailureClass};

/// Why a request was not carried out, or nobody is served.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The address cannot be listened on.
    #[error("cannot listen for requests")]
    Listen(#[source] io::Error),
    /// The node failed; it says everything itself.
    #[error("{0}")]
    Node(Box<dyn Failure + Send + Sync>),
}

impl ApiError {
    /// Returns the failure of a part of the node.
    pub fn node(error: impl Failure + Send + Sync + 'static) -> Self {
        Self::Node(Box::new(error))
    }
}

impl Failure for ApiError {
    fn code(&self) -> &'static str {
        match self {
            Self::Listen(_) => "API_LISTEN",
            Self::Node(inner) => inner.code(),
        }
    }

    fn class(&self) -> FailureClass {
        match self {
            Self::Listen(_) => FailureClass::Capacity,
            Self::Node(inner) => inner.class(),
        }
    }

    fn cure(&self) -> &'static str {
        match self {
            Self::Listen(_) => "check whether another process listens on api.listen",
            Self::Node(inner) => inner.cure(),
        }
    }
}
