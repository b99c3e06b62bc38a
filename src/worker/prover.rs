//! Looking into recordings for the cache, in this process.

use std::path::Path;

use crate::av::Interrupt;
use crate::cache::Prover;
use crate::proof::{self, ProofError, VerifiedFile};

/// Takes recordings as they come, odd as they are, as long as they can be shown.
#[derive(Clone, Copy, Debug)]
pub struct LocalProver {
    /// Whether recordings that end early are taken.
    pub accept_truncated: bool,
}

impl Prover for LocalProver {
    /// Nothing breaks this off: to the cache a look that was broken off is a file that cannot be read. Stops come between
    /// files.
    fn prove(&self, path: &Path) -> Result<VerifiedFile, ProofError> {
        proof::accept(path, self.accept_truncated, &Interrupt::default()).map(|accepted| accepted.file)
    }
}
