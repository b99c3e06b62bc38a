//! The HTTP interface: bookings, jobs, the cache and events over JSON, as `docs/api.md` tells people.
//!
//! Nothing is decided here and no state is kept: what is asked or changed goes through [`Node`], which the node itself
//! implements.

mod error;
mod node;

pub use error::ApiError;
pub use node::{
    Advance, Answer, BookingFilter, BookingView, Check, Events, Health, JobFilter, JobView, Node, Order, Page, Pin,
    Taken, Tiding,
};
