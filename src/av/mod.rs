//! The fence around FFmpeg's libraries: everything else sees owned, safe types.
//!
//! `sys` holds every raw call; the files beside it give the calls an order that cannot be wrong. What this module
//! does not do: decide anything. It opens, reads, decodes, filters, encodes and writes what it is told to.

mod damage;
pub mod decode;
pub mod demux;
pub mod encode;
mod error;
pub mod filter;
mod frame;
mod interrupt;
mod known;
mod layout;
mod libraries;
pub mod log;
pub mod mux;
mod packet;
mod parameters;
mod probe;
mod sys;
mod timeline;

pub use error::{AvError, LibavError};
pub use frame::Frame;
pub use interrupt::Interrupt;
pub use known::{KnownEncoder, picture_encoders};
pub use libraries::libraries;
pub use packet::Packet;
pub use parameters::{StreamKind, StreamParameters};
pub use probe::probe;
pub use timeline::Repairs;

/// What came out of a component that is fed on one side and emptied on the other.
#[derive(Debug)]
pub enum Received<T> {
    /// The next one.
    Item(T),
    /// Nothing until it is fed.
    NeedsInput,
    /// Nothing ever again.
    End,
}

/// Whether a component took what it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Sent {
    /// Taken.
    Accepted,
    /// Not taken: receive until it needs input, then send the same again.
    Full,
}

/// Returns the linked libraries: `(name, version)` for each, then their licence and build configuration.
pub fn versions() -> Vec<(&'static str, String)> {
    let (licence, configuration) = sys::library_licence();
    let mut versions = sys::library_versions().to_vec();
    versions.push(("license", licence));
    versions.push(("configuration", configuration));
    versions
}

fn receive<T>(result: Result<(), sys::Failed>, item: T) -> Result<Received<T>, sys::Failed> {
    match result {
        Ok(()) => Ok(Received::Item(item)),
        Err(failed) if failed.code == sys::EAGAIN => Ok(Received::NeedsInput),
        Err(failed) if failed.code == sys::AVERROR_EOF => Ok(Received::End),
        Err(failed) => Err(failed),
    }
}

fn sent(result: Result<(), sys::Failed>) -> Result<Sent, sys::Failed> {
    match result {
        Ok(()) => Ok(Sent::Accepted),
        Err(failed) if failed.code == sys::EAGAIN => Ok(Sent::Full),
        Err(failed) => Err(failed),
    }
}
