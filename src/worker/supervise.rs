//! Tasks that must run as long as the node does: one that ends is begun again, a few times a minute; then the node ends, and
//! whoever supervises it (systemd) begins it anew.

use std::collections::VecDeque;
use std::future::Future;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};

/// So often in [`WINDOW`] a task is begun again.
pub(super) const RESTARTS_MAX: usize = 5;
/// The time in which restarts count.
pub(super) const WINDOW: Duration = Duration::from_secs(60);
/// The wait before a task is begun again, so that five restarts are not gone in a moment.
const PAUSE: Duration = Duration::from_millis(500);

/// A task came to its end again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct GaveUp {
    /// Which.
    pub(super) name: &'static str,
    /// How it ended last.
    pub(super) why: String,
}

/// Runs what `begin` makes until `stop` is told; begins it again where it ends before, whether by a panic, an error or by
/// itself.
pub(super) async fn supervise<F, E>(
    name: &'static str,
    stop: watch::Receiver<bool>,
    begin: impl Fn() -> F,
) -> Result<(), GaveUp>
where
    F: Future<Output = Result<(), E>> + Send + 'static,
    E: std::fmt::Display + Send + 'static,
{
    let mut restarts = VecDeque::new();
    loop {
        let ended = tokio::spawn(begin()).await;
        if *stop.borrow() {
            return Ok(());
        }
        let why = match ended {
            Ok(Ok(())) => "it ended by itself".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(panic) => format!("it panicked: {panic}"),
        };
        tracing::error!(task = name, why, "a part of the node ended; it is begun again");
        let now = Instant::now();
        restarts.push_back(now);
        while restarts.front().is_some_and(|first| now.duration_since(*first) > WINDOW) {
            restarts.pop_front();
        }
        if restarts.len() > RESTARTS_MAX {
            return Err(GaveUp { name, why });
        }
        sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::failure::Failure;
    use crate::worker::WorkerError;

    #[tokio::test(start_paused = true)]
    async fn p5_a_task_that_ends_is_begun_again_five_times_a_minute_and_then_given_up() {
        let (_ask, stop) = watch::channel(false);
        let begun = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&begun);
        let result = supervise("one", stop, move || {
            let number = count.fetch_add(1, Ordering::Relaxed);
            async move {
                assert!(number.is_multiple_of(2), "a panic every other time");
                Err::<(), _>("an error")
            }
        });
        let gave_up = result.await.unwrap_err();
        assert_eq!(gave_up.name, "one");
        assert_eq!(WorkerError::from(gave_up).code(), "WORKER_GAVE_UP");
        assert_eq!(begun.load(Ordering::Relaxed), RESTARTS_MAX + 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_ends_once_in_a_while_is_begun_again_for_ever() {
        let (ask, stop) = watch::channel(false);
        let begun = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&begun);
        let supervised = supervise("one", stop, move || {
            let is_last = count.fetch_add(1, Ordering::Relaxed) == 20;
            let ask = ask.clone();
            async move {
                sleep(WINDOW / 4).await;
                if is_last {
                    ask.send_replace(true);
                }
                Ok::<(), String>(())
            }
        });
        assert_eq!(supervised.await, Ok(()));
        assert_eq!(begun.load(Ordering::Relaxed), 21);
    }
}
