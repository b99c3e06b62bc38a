//! The write-ahead log: when it is moved into the database, and whether it grows because somebody reads for too long.
//!
//! Checkpoints are made by the writer between its transactions. They never wait for a reader: what a reader still needs
//! stays in the log, which is why one that never ends is worth a warning.

use std::sync::Mutex;

use rusqlite::Connection;

use super::health::Health;
use super::layout::Layout;

/// How the log is; frames are pages that were changed, one per page and commit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WalFigures {
    /// The size of the log's file.
    pub bytes: u64,
    /// Frames in the log.
    pub frames: u64,
    /// How many of them are in the database too.
    pub checkpointed_frames: u64,
    /// How many times the log has grown over [`super::Options::wal_warn_bytes`].
    pub warnings: u64,
}

/// The log of an open database.
#[derive(Debug)]
pub(super) struct Log {
    layout: Layout,
    checkpoint_frames: u64,
    warn_bytes: u64,
    figures: Mutex<WalFigures>,
}

/// What SQLite says of the log: frames in it, and those that are in the database.
type Frames = (u64, u64);

impl Log {
    pub(super) fn new(health: &Health, options: &super::Options) -> Self {
        Self {
            layout: health.layout().clone(),
            checkpoint_frames: options.checkpoint_frames,
            warn_bytes: options.wal_warn_bytes,
            figures: Mutex::default(),
        }
    }

    /// Returns the figures, the size as it is now.
    pub(super) fn figures(&self) -> WalFigures {
        let figures = *self.figures.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        WalFigures { bytes: self.layout.wal_bytes(), ..figures }
    }

    /// Looks at the log and moves it into the database where that is due.
    pub(super) fn tend(&self, connection: &Connection, is_idle: bool) -> rusqlite::Result<()> {
        let (mut frames, mut done) = ask(connection, "PRAGMA wal_checkpoint(NOOP)")?;
        let is_due = frames.saturating_sub(done) >= if is_idle { 1 } else { self.checkpoint_frames };
        if is_due {
            (frames, done) = ask(connection, "PRAGMA wal_checkpoint(PASSIVE)")?;
        }
        let mut figures = self.figures.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let bytes = self.layout.wal_bytes();
        if passes(self.warn_bytes, figures.bytes, bytes) {
            figures.warnings += 1;
            tracing::warn!(bytes, frames, done, "the database's log grows: a reader has not ended for long");
        }
        *figures = WalFigures { bytes, frames, checkpointed_frames: done, ..*figures };
        Ok(())
    }
}

/// Returns whether the log has grown over the limit since it was last looked at: one warning each time it does.
fn passes(limit: u64, before: u64, now: u64) -> bool {
    before < limit && now >= limit
}

fn ask(connection: &Connection, pragma: &str) -> rusqlite::Result<Frames> {
    connection.prepare_cached(pragma)?.query_row([], |row| {
        // Minus one where there is no log.
        let count = |column| row.get::<_, i64>(column).map(|count| u64::try_from(count).unwrap_or(0));
        Ok((count(1)?, count(2)?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_warned_of_when_it_passes_the_limit_and_again_only_after_it_has_shrunk() {
        let sizes = [0, 50, 64, 200, 300, 10, 63, 64];
        let warned: Vec<u64> =
            sizes.windows(2).filter(|pair| passes(64, pair[0], pair[1])).map(|pair| pair[1]).collect();
        assert_eq!(warned, [64, 64]);
    }
}
