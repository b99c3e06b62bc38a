//! Who changes the cache: the process that has it open, and where there is none, this one.

use std::path::Path;
use std::sync::Arc;

use super::place::Place;
use super::serve::Serving;
use super::state;
use crate::av::Interrupt;
use crate::clock::NodeClock;
use crate::command::signal::{SignalWatch, stopping};
use crate::command::{CommandError, Console};
use crate::control::{self, ControlError, Handler, Progress, Reply, Request, Server};
use crate::store::{Options, ReadOnly, Store, StoreError};

/// Has `request` carried out, and returns what came of it.
pub(super) fn carry_out(
    place: &Place,
    request: Request,
    role: &'static str,
    progress: &mut dyn FnMut(Progress),
    console: &Console,
) -> Result<Reply, CommandError> {
    match control::ask(&place.data_folder, &request, progress) {
        Err(ControlError::Nobody(_)) => by_ourselves(place, request, role, progress, console),
        result => result.map_err(CommandError::stage),
    }
}

fn by_ourselves(
    place: &Place,
    request: Request,
    role: &'static str,
    progress: &mut dyn FnMut(Progress),
    console: &Console,
) -> Result<Reply, CommandError> {
    let interrupt = Interrupt::default();
    let signals = SignalWatch::start(stopping(&interrupt), console)?;
    let serving = Arc::new(take(place, role, interrupt)?);
    let server = serve(&place.data_folder, &serving);
    let result = serving.carry_out(request, progress);
    // Whoever asked us meanwhile gets an answer before the cache closes.
    drop(server);
    result.map_err(|failed| signals.attribute(CommandError::stage(failed)))
}

/// Takes the locks of the database and of the cache.
fn take(place: &Place, role: &'static str, interrupt: Interrupt) -> Result<Serving, CommandError> {
    let database = place.database();
    // A node makes its database; a slip in --data-folder must not.
    if let Err(error @ StoreError::Missing { .. }) = ReadOnly::open(&database) {
        return Err(CommandError::stage(error));
    }
    let options = Options { backup_every: None, ..Options::default() };
    let store = Arc::new(Store::open(&database, &options).map_err(CommandError::stage)?);
    let clock = Arc::new(NodeClock::start());
    let cache = state::open(store, place, clock.clone()).map_err(CommandError::stage)?;
    Ok(Serving { cache, clock, interrupt, role })
}

/// Lets other commands in; without a socket they are told that the database is in use, and nothing worse.
fn serve(folder: &Path, serving: &Arc<Serving>) -> Option<Server> {
    let handler: Arc<dyn Handler> = serving.clone();
    Server::start(folder, handler)
        .map_err(|error| tracing::warn!(%error, "other commands cannot ask this one"))
        .ok()
}
