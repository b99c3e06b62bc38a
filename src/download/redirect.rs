//! Asking where a recording is: from one address to the next, each judged like the first, until one answers itself.

use url::Url;

use super::DownloadError;
use super::connection::Answer;
use super::fetch::Downloader;
use super::range::{Action, Asked, decide};
use super::request::URL_BYTES_MAX;

impl Downloader {
    /// Asks, and where the origin sends us elsewhere asks there. `rate` is what will be read at most, in bytes per second.
    ///
    /// # Errors
    /// The guard refuses one of the places, nobody answers there, or there are too many.
    pub(super) async fn ask(
        &self,
        url: &Url,
        asked: &Asked,
        rate: Option<u64>,
    ) -> Result<(Url, Answer), DownloadError> {
        let mut url = url.clone();
        for _ in 0..=self.redirects_max {
            let answer = self.dialer.ask(&url, asked, rate).await?;
            let Action::Redirect(location) = decide(asked, &answer.head) else { return Ok((url, answer)) };
            url = follow(&url, &location)?;
        }
        Err(DownloadError::Redirect(format!("more than {} times", self.redirects_max)))
    }
}

/// Returns where `location` leads from `url`, if we go there.
fn follow(url: &Url, location: &str) -> Result<Url, DownloadError> {
    if location.len() > URL_BYTES_MAX {
        return Err(DownloadError::Redirect(format!("to an address of {} bytes", location.len())));
    }
    let to = url.join(location).map_err(|error| DownloadError::Redirect(format!("to {location:?}: {error}")))?;
    match (url.scheme(), to.scheme()) {
        ("https", "http") => Err(DownloadError::Redirect("from https to http".to_owned())),
        (_, "http" | "https") if to == *url => Err(DownloadError::Redirect("to itself".to_owned())),
        (_, "http" | "https") => Ok(to),
        (_, other) => Err(DownloadError::Redirect(format!("to a {other} address"))),
    }
}
