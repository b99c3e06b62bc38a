//! What came of a message (`reelmill.taken/1`, `reelmill.booking/1`).

use serde::Serialize;

use crate::command::wire::pretty;
use crate::control::{Booking, Taken};

#[derive(Serialize)]
struct Document<'a, T> {
    schema: &'static str,
    #[serde(flatten)]
    what: &'a T,
}

/// Returns the document of what became of a message. What the socket carries is what programs read.
pub(super) fn taken_document(taken: &Taken) -> String {
    pretty(&Document { schema: "reelmill.taken/1", what: taken })
}

/// Returns the document of a booking.
pub(super) fn booking_document(booking: &Booking) -> String {
    pretty(&Document { schema: "reelmill.booking/1", what: booking })
}
