//! Fetching into a cache that this process has open: its own recording, and those that others ask for meanwhile.

use std::num::NonZero;
use std::pin::pin;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::keep_budget;
use super::settings::Budget;
use crate::cache::{CacheError, Key};
use crate::command::cache::Serving;
use crate::control::{Download, Failed, Fetched, Handler, Progress, Reply, Request};
use crate::download::{DownloadError, Downloader, Rate, Report, Validator, parse_url};
use crate::failure::Failure;
use crate::worker::{self, Acquired, Acquirer, Errand, InProcess, Snapshot, Stop};

/// Progress is told this often: quick enough to look alive, slow enough to cost nothing.
const TICK: Duration = Duration::from_millis(200);

/// A command that has the cache and fetches into it.
pub(in crate::command) struct Fetching {
    serving: Serving,
    acquirer: Acquirer,
    budget: Budget,
    stop: Stop,
}

impl Fetching {
    /// Fetches with what a worker fetches with, whose rate somebody else keeps.
    pub(in crate::command) fn for_worker(serving: Serving, acquirer: Acquirer, stop: Stop) -> Self {
        Self { serving, acquirer, budget: Budget { usual: None, windows: Vec::new() }, stop }
    }

    pub(super) fn new(serving: Serving, downloader: Downloader, rate: Rate, budget: Budget, stop: Stop) -> Self {
        let jobs = thread::available_parallelism().map_or(1, NonZero::get);
        let media = Arc::new(InProcess::default());
        let acquirer = Acquirer { cache: serving.cache.clone(), downloader, rate, media, jobs };
        Self { serving, acquirer, budget, stop }
    }

    /// Looks at every byte of the cache.
    ///
    /// # Errors
    /// The disk or the database refuses.
    pub(in crate::command) fn scrub(&self, progress: &mut dyn FnMut(Progress)) -> Result<Reply, Failed> {
        self.serving.carry_out(Request::Scrub, progress)
    }

    /// Fetches on this thread, and tells from it how far that is.
    fn fetch(&self, errand: &Errand, progress: &mut dyn FnMut(Progress)) -> Result<Reply, Failed> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Failed::of(&DownloadError::Thread(error)))?;
        let counters = Arc::<worker::Progress>::default();
        let acquired = runtime.block_on(async {
            let mut work = pin!(self.acquirer.acquire(errand, &counters, &self.stop));
            let mut budget = pin!(keep_budget(&self.acquirer.downloader, &self.budget));
            let mut ticks = interval(TICK);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    result = &mut work => break result,
                    () = &mut budget => unreachable!("the rate is kept for as long as it is fetched"),
                    _ = ticks.tick() => progress(told(counters.snapshot())),
                }
            }
        });
        // A resolver that does not answer must not keep us.
        runtime.shutdown_background();
        progress(told(counters.snapshot()));
        let reply = acquired.map(|acquired| self.reply(acquired)).map_err(|error| Failed::of(&error))?;
        Ok(Reply::Fetched(reply))
    }

    fn reply(&self, acquired: Acquired) -> Fetched {
        let Acquired { lease, state, notes, report, .. } = acquired;
        Fetched {
            key: lease.key().to_string(),
            path: lease.path().to_string_lossy().into_owned(),
            bytes: lease.bytes(),
            // It was proven when it came or when it was handed out, so there is one.
            sha256: self.serving.cache.entry(lease.key()).and_then(|entry| entry.sha256).unwrap_or_default(),
            state: state.name().to_owned(),
            notes,
            download: report.map(download),
        }
    }
}

impl Handler for Fetching {
    /// Takes fetches too, and not only what is done at once: two commands that want the same must not fetch it twice. This
    /// one ends when all of them have.
    fn handle(&self, request: Request, progress: &mut dyn FnMut(Progress)) -> Result<Reply, Failed> {
        match request {
            Request::Fetch { key, url, sha256, accept_truncated } => {
                let key = Key::parse(&key).map_err(|error: CacheError| failed(&error))?;
                let url = parse_url(&url).map_err(|error| failed(&error))?;
                self.fetch(&Errand { key, url, sha256, accept_truncated, lease: None }, progress)
            }
            request => self.serving.handle(request, progress),
        }
    }
}

fn failed(error: &dyn Failure) -> Failed {
    Failed::of(error)
}

fn told(Snapshot { phase, bytes, bytes_total, .. }: Snapshot) -> Progress {
    Progress { phase: phase.to_owned(), files: 0, files_total: Some(1), bytes, bytes_total }
}

fn download(report: Report) -> Download {
    Download {
        final_url: report.final_url,
        fetched_bytes: report.fetched,
        resumed_from_bytes: report.resumed_from,
        attempts: report.attempts,
        validator: report.validator.as_ref().map(|validator| Validator::value(validator).to_owned()),
        content_type: report.content_type,
        notes: report.notes,
    }
}
