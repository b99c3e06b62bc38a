//! Telling others what has happened: each recorded event to each of its targets, at least once, in order per class.
//!
//! ```text
//! transaction that made it true ─▶ outbox ─ wake ─▶ sender ─▶ a courier per target ─▶ Redis, webhook, callback
//!                                     ▲                          │ taken, postponed, given up
//!                                     └──────────────────────────┘
//! ```
//!
//! Who is to hear of an event stands in its row: whoever records it decides. Nothing is told that is not committed,
//! because nothing is told that is not read from the table. An event may come twice, under the same id: after a crash,
//! or where the answer that it was taken got lost.

mod courier;
mod dead;
mod error;
mod message;
mod redis;
mod retry;
mod sender;
mod signature;
mod target;
#[cfg(test)]
mod tests;
mod webhook;

pub use dead::{DEAD_LETTERS, DeadLetters};
pub use error::NotifyError;
pub use message::envelope;
pub use redis::{REDIS, RedisTarget};
pub use sender::{Follow, GivenUp, OnGivenUp, Sender};
pub use signature::Secrets;
pub use target::{Refused, Sending, Target};
pub use webhook::{CALLBACK, Callback, Poster, TIMEOUTS, WEBHOOK, Webhook};
