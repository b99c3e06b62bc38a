//! Looking into recordings for the cache, wherever media is worked on.

use std::path::Path;
use std::sync::Arc;

use super::media::Media;
use crate::av::Interrupt;
use crate::cache::Prover;
use crate::proof::{ProofError, VerifiedFile};

/// Takes recordings as they come, odd as they are, as long as they can be shown.
#[derive(Clone, Debug)]
pub struct MediaProver {
    /// Who looks.
    pub media: Arc<dyn Media>,
    /// Whether recordings that end early are taken.
    pub accept_truncated: bool,
    /// What breaks a look off; of that file nothing is said then.
    pub interrupt: Interrupt,
}

impl Prover for MediaProver {
    fn prove(&self, path: &Path) -> Result<VerifiedFile, ProofError> {
        Ok(self.media.prove(path, self.accept_truncated, &self.interrupt)?)
    }
}
