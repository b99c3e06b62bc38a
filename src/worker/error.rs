//! What can go wrong between an address and a file in the cache: whatever a stage says, in its own words.

use super::MediaError;
use crate::cache::CacheError;
use crate::download::DownloadError;
use crate::failure::{Failure, FailureClass};
use crate::room::NoRoom;

/// A recording was not acquired.
#[derive(Debug, thiserror::Error)]
pub enum AcquireError {
    /// The cache has no room, or cannot be used.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// It did not come.
    #[error(transparent)]
    Download(#[from] DownloadError),
    /// What came is no recording, or cannot be brought into the cache's container.
    #[error(transparent)]
    Media(#[from] MediaError),
}

impl AcquireError {
    fn stage(&self) -> &dyn Failure {
        match self {
            Self::Cache(error) => error,
            Self::Download(error) => error,
            Self::Media(error) => error,
        }
    }

    /// Returns whether the cache's disk itself is full, whatever the cache had counted on: others write there too. The
    /// database's may be another one, where nothing that we could let go makes room.
    pub(super) fn is_disk_full(&self) -> bool {
        self.code() == "DISK_FULL" && !matches!(self, Self::Cache(CacheError::Store(_)))
    }

    /// Returns what a disk that stays full comes to: there is no room, and nothing that may go makes any.
    pub(super) fn of_full_disk(self) -> Self {
        if self.is_disk_full() { CacheError::Full(NoRoom("the disk is full".to_owned())).into() } else { self }
    }

    /// Returns whether what was fetched so far is of no use to a later try: it would fail the same way, or takes the room
    /// that there is not. What the download itself keeps or throws away is its own business.
    pub(super) fn spoils_work(&self) -> bool {
        match self {
            Self::Download(_) | Self::Cache(_) => self.code() == "CACHE_FULL",
            Self::Media(_) => {
                self.code() == "CACHE_FULL"
                    || !matches!(
                        self.class(),
                        FailureClass::Cancelled | FailureClass::Capacity | FailureClass::Transient
                    )
            }
        }
    }
}

impl Failure for AcquireError {
    fn code(&self) -> &'static str {
        self.stage().code()
    }

    fn class(&self) -> FailureClass {
        self.stage().class()
    }

    fn cure(&self) -> &'static str {
        self.stage().cure()
    }

    fn details(&self) -> Vec<String> {
        self.stage().details()
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::path::PathBuf;

    use super::*;
    use crate::proof::ProofError;
    use crate::transcode::TranscodeError;
    use crate::transcode::plan::PlanError;

    fn full_disk() -> AcquireError {
        let source = ErrorKind::StorageFull.into();
        AcquireError::from(DownloadError::Disk { path: PathBuf::from("a.part"), source })
    }

    #[test]
    fn a_stage_speaks_for_itself_and_a_disk_that_stays_full_is_a_full_cache() {
        let unreachable = AcquireError::from(DownloadError::Server(503));
        assert_eq!((unreachable.code(), unreachable.is_disk_full()), (DownloadError::Server(503).code(), false));
        assert!(full_disk().is_disk_full());
        assert_eq!(full_disk().of_full_disk().code(), "CACHE_FULL");
        assert_eq!(unreachable.of_full_disk().class(), FailureClass::Transient);
    }

    #[test]
    fn what_would_fail_again_is_thrown_away_and_what_can_be_gone_on_from_stays() {
        let torn = || ProofError::Torn { detail: "no end".to_owned() };
        for (error, spoils) in [
            (AcquireError::from(MediaError::from(torn())), true),
            (MediaError::from(TranscodeError::NothingDecoded).into(), true),
            (MediaError::from(PlanError::NoVideo).into(), true),
            (CacheError::Full(NoRoom("none".to_owned())).into(), true),
            (DownloadError::NoRoom(NoRoom("none".to_owned())).into(), true),
            (CacheError::Cancelled.into(), false),
            (DownloadError::Server(503).into(), false),
            (full_disk(), false),
        ] {
            assert_eq!(error.spoils_work(), spoils, "{error}");
        }
    }
}
