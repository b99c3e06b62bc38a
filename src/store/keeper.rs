//! The thread that looks after the database while nobody asks it anything: checkpoints when it is quiet, and backups.
//!
//! Neither is ever waited for, and a failure of either is told in the log and tried again at its next time.

use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::layout::{BackupFile, Layout};
use super::{Options, StoreError, backup};

/// The thread; dropping it waits until it has ended, at most as long as a backup takes.
#[derive(Debug)]
pub(super) struct Keeper {
    stop: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Starts the thread. `checkpoint` asks for a checkpoint and does not wait.
    pub(super) fn start(
        layout: Layout,
        options: &Options,
        checkpoint: impl Fn() + Send + 'static,
    ) -> Result<Self, StoreError> {
        const NAME: &str = "store-keeper";
        let (stop, stopped) = sync_channel::<()>(1);
        let (checkpoint_every, backup_every) = (options.checkpoint_every, options.backup_every);
        let rounds = move || {
            let mut next_backup =
                backup_every.and_then(|every| Instant::now().checked_add(first_wait(&layout, every)));
            loop {
                let left = next_backup.map_or(Duration::MAX, |at| at.saturating_duration_since(Instant::now()));
                match stopped.recv_timeout(left.min(checkpoint_every)) {
                    Err(RecvTimeoutError::Timeout) => checkpoint(),
                    _ => return,
                }
                if let (Some(at), Some(every)) = (next_backup, backup_every)
                    && at <= Instant::now()
                {
                    make(&layout);
                    next_backup = Instant::now().checked_add(every);
                }
            }
        };
        let thread = thread::Builder::new().name(NAME.to_owned()).spawn(rounds);
        let thread = thread.map_err(|source| StoreError::Thread { name: NAME, source })?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Only here the wall clock counts, as the last backup may be another process's; after that it is this thread's own.
fn first_wait(layout: &Layout, every: Duration) -> Duration {
    let last = BackupFile::at(&layout.backup());
    backup::wait_for_next(last.and_then(|file| file.made.elapsed().ok()), every)
}

fn make(layout: &Layout) {
    match backup::to_usual_place(layout, backup::NODE_SUFFIX) {
        Ok(made) => tracing::info!(path = %made.path.display(), bytes = made.bytes, "backup made"),
        Err(error) => tracing::error!(%error, "no backup was made, the last one stays"),
    }
}
