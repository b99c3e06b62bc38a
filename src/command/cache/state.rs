//! The cache as these commands open it: in this process, with its own eyes.

use std::path::Path;
use std::sync::Arc;

use super::place::Place;
use crate::av::Interrupt;
use crate::cache::{Cache, CacheError, Options, Prover};
use crate::clock::Clock;
use crate::media::Oddity;
use crate::proof::{self, ProofError, VerifiedFile};
use crate::store::Store;

/// Opens the cache for changing.
pub(super) fn open(store: Arc<Store>, place: &Place, clock: Arc<dyn Clock>) -> Result<Cache, CacheError> {
    let prover = Arc::new(LocalProver { accept_truncated: place.accept_truncated });
    // A command tells nobody but the person: events are the worker's.
    let options = Options { root: place.root.clone(), limits: place.limits, clock, prover, targets: Vec::new() };
    Cache::open(store, options)
}

/// Looks into recordings in this process.
#[derive(Debug)]
struct LocalProver {
    accept_truncated: bool,
}

impl Prover for LocalProver {
    /// Takes a recording as recorders leave them, odd as they are, as long as its end is there. Nothing breaks this off: to
    /// the cache a look that was broken off is a file that cannot be read. Stops come between files.
    fn prove(&self, path: &Path) -> Result<VerifiedFile, ProofError> {
        let measured = proof::measure(path, &Interrupt::default())?;
        let is_cut = |oddity: &&Oddity| matches!(oddity, Oddity::Truncated { .. });
        match measured.info().oddities.iter().find(is_cut) {
            Some(oddity) if !self.accept_truncated => Err(ProofError::Torn { detail: format!("{oddity:?}") }),
            _ => Ok(measured),
        }
    }
}
