//! What people ask of a running worker by the control socket.

use tokio::runtime::Handle;

use crate::booking::{Channel, ClassKey};
use crate::command::fetch::serve::Fetching;
use crate::control::{self, Failed, Handler, MessageChannel, Progress, Reply, Request};
use crate::failure::Failure;
use crate::worker::{BookingView, Node, Order, Taken};

/// Carries requests out on the node.
pub(super) struct WorkerHandler {
    node: Node,
    fetching: Fetching,
    runtime: Handle,
}

impl WorkerHandler {
    pub(super) fn new(node: Node, fetching: Fetching, runtime: Handle) -> Self {
        Self { node, fetching, runtime }
    }

    fn take(&self, channel: MessageChannel, body: String) -> Result<Reply, Failed> {
        let channel = match channel {
            MessageChannel::Bookings => Channel::Bookings,
            MessageChannel::Control => Channel::Control,
        };
        let order = Order { channel, body: body.into_bytes(), idempotency_key: None, institution: None };
        let taken = self.runtime.block_on(self.node.take(order)).map_err(failed)?;
        Ok(Reply::Taken(match taken {
            Taken::Booked { booking, was_there } => control::Taken::Booked { booking: told(booking), was_there },
            Taken::Ended { booking, was_live } => control::Taken::Ended { booking: booking.map(told), was_live },
            Taken::Noted { is_known } => control::Taken::Noted { is_known },
            Taken::Invalid(invalid) => return Err(failed(invalid)),
            Taken::Foreign | Taken::KeyReused => unreachable!("nobody here is bound, and no key was given"),
        }))
    }

    fn booking(&self, institution: String, class_id: String) -> Result<Reply, Failed> {
        let class = ClassKey { institution, class_id };
        let booking = self.runtime.block_on(self.node.booking(class)).map_err(failed)?;
        Ok(Reply::Booking { booking: booking.map(told) })
    }
}

impl Handler for WorkerHandler {
    fn handle(&self, request: Request, progress: &mut dyn FnMut(Progress)) -> Result<Reply, Failed> {
        match request {
            Request::Message { channel, body } => self.take(channel, body),
            Request::Booking { institution, class_id } => self.booking(institution, class_id),
            Request::Scrub => self.fetching.scrub(progress),
            request => self.fetching.handle(request, progress),
        }
    }
}

fn failed(error: impl Failure) -> Failed {
    Failed::of(&error)
}

fn told(view: BookingView) -> control::Booking {
    control::Booking {
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
