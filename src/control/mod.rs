//! How one process asks the one that holds the node's state to change it: lines of JSON over a Unix socket in the data
//! folder.
//!
//! Whoever holds the state serves ([`Server`]), a command asks ([`ask`]). What a request means is the handler's matter;
//! nothing here knows a cache or a job. One request a connection: a greeting, the request, progress as it comes, and
//! one answer. A connection that breaks off stops nothing: what was begun is finished, and nobody is told.

mod booking;
mod client;
mod error;
mod line;
mod message;
mod place;
mod server;
#[cfg(test)]
mod tests;

pub use crate::failure::Failed;
pub use booking::{Booking, MessageChannel, Taken};
pub use client::ask;
pub use error::ControlError;
pub use message::{Download, Evicted, Fetched, Names, Pinned, Progress, Reply, Request, SCHEMA, Scrubbed, Status};
pub use place::SOCKET_NAME;
pub use server::{Handler, Server};
