//! What is said about bookings over the control socket; how it is said is `message`'s.

mod message;

pub use message::{Booking, MessageChannel, Taken};
