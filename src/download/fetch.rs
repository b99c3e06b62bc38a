//! The downloader: what holds for all downloads of a node, and the beginning and the end of one. What is between stands in
//! `run`.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::spawn_blocking;

use super::DownloadError;
use super::connection::Dialer;
use super::part_file::PartFile;
use super::progress::Progress;
use super::rate_limit::RateLimit;
use super::receive::stopped;
use super::request::{Fetched, FetchedFile, Report, Request};
use super::retry::Patience;
use super::run::Run;
use super::sidecar::{self, Finished};
use super::stall::StallRule;
use crate::room::Grant;

/// What downloads: the node has one.
#[derive(Clone, Debug)]
pub struct Downloader {
    /// How it reaches origins.
    pub dialer: Dialer,
    /// Everybody's budget.
    pub limit: Arc<RateLimit>,
    /// When it gives up.
    pub patience: Patience,
    /// When an origin counts as stalled.
    pub stall: StallRule,
    /// So many redirects are followed.
    pub redirects_max: u32,
}

/// Runs file work where it may take its time.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, DownloadError> {
    spawn_blocking(work).await.map_err(|error| DownloadError::Thread(error.into()))
}

impl Downloader {
    /// Fetches the whole file. Stops cleanly, keeping what is here, as soon as `stop` says so.
    ///
    /// # Errors
    /// As [`DownloadError`] says; what can be gone on from stays beside the output.
    pub async fn fetch(
        &self,
        request: &Request,
        progress: &Progress,
        mut stop: watch::Receiver<bool>,
    ) -> Result<Fetched, DownloadError> {
        // A person who has waited long enough need not wait for the hash of what is here.
        let found = tokio::select! {
            () = stopped(&mut stop) => return Err(DownloadError::Cancelled),
            found = finished_before(request) => found?,
        };
        if let Some(fetched) = found {
            return Ok(fetched);
        }
        if !request.overwrite && std::fs::symlink_metadata(&request.output).is_ok() {
            return Err(DownloadError::Exists(request.output.clone()));
        }
        let (output, url, resume) = (request.output.clone(), request.url.to_string(), request.resume);
        let room = request.room.clone();
        let open = move || {
            let (mut part, leftover) = PartFile::open(&output, &url, resume)?;
            part.within(room).map(|()| (part, leftover))
        };
        let (part, leftover) = tokio::select! {
            () = stopped(&mut stop) => return Err(DownloadError::Cancelled),
            opened = blocking(open) => opened??,
        };
        let mut run = Run::new(self, request, progress, part, &leftover);
        let done = loop {
            match run.attempt(&mut stop).await {
                Ok(true) => break run.finish().await,
                Ok(false) => {}
                Err(error) => break Err(error),
            }
        };
        match done {
            Ok(()) => Ok(run.fetched()),
            Err(error) => Err(run.give_up(error).await),
        }
    }
}

/// Recognizes what a killed run had finished, if that is wanted.
async fn finished_before(request: &Request) -> Result<Option<Fetched>, DownloadError> {
    if !request.resume {
        return Ok(None);
    }
    let (output, url) = (request.output.clone(), request.url.to_string());
    let room = request.room.clone();
    let find = move || {
        let found = sidecar::finished_before(&output, &url)?;
        if let Some(finished) = &found {
            Grant::new(room).reach(finished.mark.bytes)?;
        }
        Ok::<_, DownloadError>(found)
    };
    let found = blocking(find).await??;
    if let (Some(finished), Some(expected)) = (&found, &request.sha256)
        && finished.mark.sha256 != *expected
    {
        let (expected, actual) = (expected.clone(), finished.mark.sha256.clone());
        return Err(DownloadError::Hash { expected, actual, is_told: false });
    }
    Ok(found.map(|Finished { origin, mark, sidecar }| Fetched {
        report: Report {
            final_url: origin.final_url,
            bytes: mark.bytes,
            sha256: mark.sha256,
            fetched: 0,
            resumed_from: mark.bytes,
            attempts: 0,
            validator: origin.validator,
            content_type: None,
            notes: vec!["an earlier run had finished it".to_owned()],
        },
        file: FetchedFile::Named(sidecar),
        output: request.output.clone(),
        overwrite: false,
    }))
}
