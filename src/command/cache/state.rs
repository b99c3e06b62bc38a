//! The cache as these commands open it: in this process, with its own eyes.

use std::sync::Arc;

use super::place::Place;
use crate::av::Interrupt;
use crate::cache::{Cache, CacheError, Options};
use crate::clock::Clock;
use crate::store::Store;
use crate::worker::{InProcess, MediaProver};

/// Opens the cache for changing.
pub(super) fn open(store: Arc<Store>, place: &Place, clock: Arc<dyn Clock>) -> Result<Cache, CacheError> {
    let prover = Arc::new(MediaProver {
        media: Arc::new(InProcess::default()),
        accept_truncated: place.accept_truncated,
        interrupt: Interrupt::default(),
    });
    // A command tells nobody but the person: events are the worker's.
    let options = Options { root: place.root.clone(), limits: place.limits, clock, prover, targets: Vec::new() };
    Cache::open(store, options)
}
