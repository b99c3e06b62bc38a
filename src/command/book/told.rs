//! What the node says of bookings, as the control socket carries it.

use crate::api::{self, ApiError, BookingView};
use crate::control::{Booking, Taken};

impl From<BookingView> for Booking {
    fn from(view: BookingView) -> Self {
        Self {
            institution_id: view.class.institution,
            class_id: view.class.class_id,
            sequence: view.sequence,
            state: view.state.to_owned(),
            code: view.code,
            error: view.error,
            reason: view.reason,
            record_id: view.record,
            video_resolution: view.resolution,
            path: view.path,
            url: view.url,
            eta_seconds: view.eta_seconds,
            accepted_milliseconds: view.accepted_milliseconds,
            updated_milliseconds: view.updated_milliseconds,
            start_milliseconds: view.start_milliseconds,
            end_milliseconds: view.end_milliseconds,
        }
    }
}

impl TryFrom<api::Taken> for Taken {
    type Error = ApiError;

    /// Refuses with the words that HTTP has for it.
    fn try_from(taken: api::Taken) -> Result<Self, ApiError> {
        match taken {
            api::Taken::Booked { booking, was_there } => Ok(Self::Booked { booking: booking.into(), was_there }),
            api::Taken::Ended { booking, was_live } => {
                Ok(Self::Ended { booking: booking.map(Booking::from), was_live })
            }
            api::Taken::Noted { is_known } => Ok(Self::Noted { is_known }),
            api::Taken::Invalid(invalid) => Err(ApiError::Message(invalid)),
            api::Taken::Foreign => Err(ApiError::Forbidden),
            api::Taken::KeyReused => Err(ApiError::KeyReused),
        }
    }
}
