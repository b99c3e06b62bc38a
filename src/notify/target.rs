//! What a way out of the node is to the sender: a name, and an attempt to send.

use std::pin::Pin;
use std::time::Duration;

use crate::store::Event;

/// An attempt under way.
pub type Sending<'a> = Pin<Box<dyn Future<Output = Result<(), Refused>> + Send + 'a>>;

/// Somebody who is told of events.
pub trait Target: Send + Sync {
    /// Returns the name under which events are recorded for it.
    fn name(&self) -> &str;

    /// Tells it of an event, once. Trying again is the sender's work, and so is an attempt that does not end.
    fn send<'a>(&'a self, event: &'a Event) -> Sending<'a>;

    /// Returns at whose door the event is delivered, where a target has many: one that is closed keeps nobody from the
    /// others.
    fn door(&self, _event: &Event) -> String {
        String::new()
    }
}

/// Why a target did not take an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Another attempt may go better.
    Later {
        /// What happened. Whoever the event concerns is told it in the end.
        why: String,
        /// What the target itself said, for our log alone.
        said: String,
        /// How long the target asks us to wait.
        after: Option<Duration>,
    },
    /// No attempt will.
    Never {
        /// What happened.
        why: String,
    },
}

impl Refused {
    /// Returns a refusal that may pass, without a wish for when.
    pub fn later(why: impl Into<String>) -> Self {
        Self::Later { why: why.into(), said: String::new(), after: None }
    }
}
