//! What people ask of a running worker by the control socket.

use tokio::runtime::Handle;

use crate::api::ApiError;
use crate::booking::{Channel, ClassKey};
use crate::command::fetch::serve::Fetching;
use crate::control::{Failed, Handler, MessageChannel, Progress, Reply, Request};
use crate::failure::Failure;
use crate::worker::{Node, Order};

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
        if self.node.health().is_draining {
            return Err(failed(ApiError::Draining));
        }
        let channel = match channel {
            MessageChannel::Bookings => Channel::Bookings,
            MessageChannel::Control => Channel::Control,
        };
        let order = Order { channel, body: body.into_bytes(), idempotency_key: None, institution: None };
        let taken = self.runtime.block_on(self.node.take(order)).map_err(failed)?;
        Ok(Reply::Taken(taken.try_into().map_err(|error: ApiError| failed(error))?))
    }

    fn booking(&self, institution: String, class_id: String) -> Result<Reply, Failed> {
        let class = ClassKey { institution, class_id };
        let booking = self.runtime.block_on(self.node.booking(class)).map_err(failed)?;
        Ok(Reply::Booking { booking: booking.map(Into::into) })
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
