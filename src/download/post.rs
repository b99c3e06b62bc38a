//! Posting a small body through the same dialler: what is sent obeys the same guard, and so does nothing else here know how
//! to send. Neither redirects nor retries.

use std::time::Duration;

use hyper::Method;
use hyper::body::Bytes;
use tokio::time::timeout;
use url::Url;

use super::DownloadError;
use super::connection::{Answer, Dialer, addressed, finished};

/// Little comes back, so that the buffers may be the smallest.
const RATE: Option<u64> = Some(1);
/// What is read of an answer's text.
const TEXT_BYTES_MAX: usize = 4 << 10;
/// How long that may take once the head is here: the head says all that matters.
const TEXT_TIME: Duration = Duration::from_secs(1);

/// What a server says to what was posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    /// The status code.
    pub status: u16,
    /// How long it asks us to wait.
    pub retry_after: Option<Duration>,
    /// The beginning of its text.
    pub text: String,
}

impl Dialer {
    /// Posts `body` to `url` with these header fields.
    ///
    /// # Errors
    /// The guard refuses, nobody answers in time, or what comes is no HTTP.
    pub async fn post(
        &self,
        url: &Url,
        fields: &[(&'static str, String)],
        body: String,
    ) -> Result<Posted, DownloadError> {
        let request = addressed(Method::POST, url);
        let request = fields.iter().fold(request, |request, (name, value)| request.header(*name, value));
        let mut answer = self.send(url, finished(request, Bytes::from(body), url)?, RATE).await?;
        let text = text(&mut answer).await;
        Ok(Posted { status: answer.head.status, retry_after: answer.head.retry_after(), text })
    }
}

/// Returns the beginning of an answer's body, as far as it comes.
async fn text(answer: &mut Answer) -> String {
    let mut bytes = Vec::new();
    let reading = async {
        while bytes.len() < TEXT_BYTES_MAX
            && let Ok(Some(piece)) = answer.next().await
        {
            bytes.extend_from_slice(&piece);
        }
    };
    let _ = timeout(TEXT_TIME, reading).await;
    bytes.truncate(TEXT_BYTES_MAX);
    String::from_utf8_lossy(&bytes).into_owned()
}
