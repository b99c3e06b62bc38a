//! A look at what an origin has, without taking it: how long it is, and what tells this version from others.

use tokio::sync::watch;
use tokio::time::sleep;
use url::Url;

use super::DownloadError;
use super::connection::Answer;
use super::fetch::Downloader;
use super::range::{Action, Asked, Validator, decide};
use super::receive::stopped;

/// Nothing of the body is read, so that the buffers for it may be the smallest.
const RATE: Option<u64> = Some(1);

/// What an origin says of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Looked {
    /// Where the redirects led.
    pub final_url: String,
    /// Its length, where the origin tells it.
    pub total: Option<u64>,
    /// What tells this version from others, where that can be relied on.
    pub validator: Option<Validator>,
    /// `Content-Type`.
    pub content_type: Option<String>,
}

impl Downloader {
    /// Asks the origin what it has at `url`, as patiently as for a download. The first byte is asked for and no HEAD,
    /// which origins answer less often and less truly.
    ///
    /// # Errors
    /// As for a download.
    pub async fn look(&self, url: &Url, mut stop: watch::Receiver<bool>) -> Result<Looked, DownloadError> {
        let mut failures = 0;
        loop {
            let answer = tokio::select! {
                () = stopped(&mut stop) => return Err(DownloadError::Cancelled),
                answer = self.ask(url, &Asked::Look, RATE) => answer,
            };
            let (error, asked_for) = match answer {
                Err(error) => (error, None),
                Ok((url, answer)) => match decide(&Asked::Look, &answer.head) {
                    Action::Take { total, .. } => return Ok(looked(&url, &answer, total)),
                    Action::Retry(error, after) => (error, after),
                    Action::Refuse(error) => return Err(error),
                    Action::Redirect(_) | Action::StartOver { .. } | Action::Complete => {
                        unreachable!("redirects were followed, and nothing is here to go on from")
                    }
                },
            };
            failures += 1;
            let patience = self.patience.next(failures, asked_for, fastrand::f64());
            let Some(wait) = patience.filter(|_| error.is_transient()) else { return Err(error) };
            tracing::info!(%error, wait_seconds = wait.as_secs_f64(), "will look again");
            tokio::select! {
                () = stopped(&mut stop) => return Err(DownloadError::Cancelled),
                () = sleep(wait) => {}
            }
        }
    }
}

fn looked(url: &Url, answer: &Answer, total: Option<u64>) -> Looked {
    Looked {
        final_url: url.to_string(),
        total,
        validator: answer.head.validator().ok(),
        content_type: answer.head.content_type.clone(),
    }
}
