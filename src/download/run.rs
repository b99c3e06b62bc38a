//! One download under way: ask, do what the rules say with the answer, and ask again until the file is whole or nothing more
//! is to be hoped for.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use url::Url;

use super::connection::Answer;
use super::fetch::{Downloader, blocking};
use super::part_file::{Leftover, Mark, Origin, PartFile};
use super::progress::{Phase, Progress};
use super::range::{Action, Asked, Head, decide};
use super::rate_limit::JobLimit;
use super::receive::{Ended, Receiving, stopped};
use super::request::{Fetched, FetchedFile, Report, Request};
use super::{DownloadError, body};

/// An attempt that gets less further than this counts as fruitless: an origin that hands out a byte per connection must
/// not keep us for ever.
const FRUIT_BYTES: u64 = 64 << 10;

/// More notes than this nobody reads.
const NOTES_MAX: usize = 20;

/// So often a download begins at 0 again because the recording changed under it.
const CHANGES_MAX: u32 = 5;

/// One download under way.
pub(super) struct Run<'a> {
    downloader: &'a Downloader,
    request: &'a Request,
    progress: &'a Progress,
    limit: JobLimit,
    /// None only while a body is being written.
    part: Option<PartFile>,
    report: Report,
    /// Fruitless attempts in a row.
    failures: u32,
    /// How many bytes were here at best. Bytes that come a second time, because nothing could be resumed or the recording
    /// changed, bring nobody further.
    furthest: u64,
    /// Answers that broke the rules.
    faults: u32,
    changes: u32,
    /// The whole's SHA-256 as the origin tells it.
    promised_sha256: Option<String>,
    /// What the file came to, once it is whole.
    whole: Option<Mark>,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        downloader: &'a Downloader,
        request: &'a Request,
        progress: &'a Progress,
        part: PartFile,
        leftover: &Leftover,
    ) -> Self {
        let (resumed_from, notes) = match leftover {
            Leftover::None => (0, Vec::new()),
            Leftover::Resumed(bytes) => (*bytes, Vec::new()),
            Leftover::Discarded(why) | Leftover::NotWanted(why) => (0, vec![format!("began at 0: {why}")]),
        };
        let report = Report {
            final_url: request.url.to_string(),
            bytes: 0,
            sha256: String::new(),
            fetched: 0,
            resumed_from,
            attempts: 0,
            validator: None,
            content_type: None,
            notes,
        };
        progress.set_bytes(part.bytes());
        progress.set_total(part.origin().and_then(|origin| origin.total));
        Self {
            downloader,
            request,
            progress,
            limit: JobLimit::new(request.rate, Arc::clone(&downloader.limit)),
            part: Some(part),
            report,
            failures: 0,
            furthest: resumed_from,
            faults: 0,
            changes: 0,
            promised_sha256: None,
            whole: None,
        }
    }

    fn part(&mut self) -> &mut PartFile {
        self.part.as_mut().expect("it is put back when the body has been written")
    }

    /// Asks once and does what the answer calls for. Returns whether the file is whole; a fruitless attempt has waited for
    /// the next one's time.
    pub(super) async fn attempt(&mut self, stop: &mut watch::Receiver<bool>) -> Result<bool, DownloadError> {
        let asked = self.asked();
        let rate = self.limit.rate().map(std::num::NonZeroU64::get);
        self.progress.enter(Phase::Asking);
        self.progress.add_attempt();
        self.report.attempts += 1;
        let answer = tokio::select! {
            () = stopped(stop) => return Err(DownloadError::Cancelled),
            answer = self.downloader.ask(&self.request.url, &asked, rate) => answer,
        };
        let (url, answer) = match answer {
            Ok(answer) => answer,
            Err(error) => return self.retry(error, None, stop).await,
        };
        match decide(&asked, &answer.head) {
            Action::Take { offset, length, total, instead } => {
                self.place(offset, total, instead, &url, &answer.head).await?;
                self.take(answer, length, stop).await
            }
            Action::Complete => Ok(true),
            Action::StartOver { why, is_fault } => self.start_over(why, is_fault).await,
            Action::Retry(error, after) => {
                drop(answer);
                self.retry(error, after, stop).await
            }
            Action::Refuse(error) => Err(error),
            Action::Redirect(_) => Err(DownloadError::Redirect("without end".to_owned())),
        }
    }

    fn asked(&self) -> Asked {
        let part = self.part.as_ref();
        let known = part.and_then(|part| Some((part.bytes(), part.origin()?)));
        match known {
            Some((from, Origin { validator: Some(validator), total, .. })) if from > 0 => {
                Asked::Rest { from, total: *total, validator: validator.clone() }
            }
            _ => Asked::Whole,
        }
    }

    /// Makes the part ready for a body that begins at `offset`.
    async fn place(
        &mut self,
        offset: u64,
        total: Option<u64>,
        instead: Option<&str>,
        url: &Url,
        head: &Head,
    ) -> Result<(), DownloadError> {
        self.report.content_type.clone_from(&head.content_type);
        self.promised_sha256.clone_from(&head.sha256);
        if let (Some(max), Some(total)) = (self.request.bytes_max, total)
            && total > max
        {
            return Err(DownloadError::TooLarge(max));
        }
        if let Some(why) = instead {
            self.began_at_0(why);
        }
        if offset == 0 {
            let validator = head.validator();
            if let Err(why) = validator {
                self.say(format!("cannot be resumed: {why}"));
            }
            let origin = Origin {
                url: self.request.url.to_string(),
                final_url: url.to_string(),
                validator: validator.ok(),
                total,
            };
            self.on_part(move |part| part.begin(origin)).await?;
        } else {
            self.on_part(move |part| part.learn_total(total)).await?;
        }
        self.report.final_url = url.to_string();
        self.report.validator = self.part().origin().and_then(|origin| origin.validator.clone());
        self.progress.set_total(total);
        self.progress.set_bytes(offset);
        Ok(())
    }

    fn began_at_0(&mut self, why: &str) {
        self.report.resumed_from = 0;
        self.say(format!("began at 0: {why}"));
    }

    /// Notes something, once.
    fn say(&mut self, note: String) {
        if self.report.notes.len() < NOTES_MAX && !self.report.notes.contains(&note) {
            self.report.notes.push(note);
        }
    }

    /// Does file work on the part, off the runtime.
    async fn on_part<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut PartFile) -> Result<T, DownloadError> + Send + 'static,
    ) -> Result<T, DownloadError> {
        let mut part = self.part.take().expect("it is put back when the body has been written");
        let (part, result) = blocking(move || {
            let result = work(&mut part);
            (part, result)
        })
        .await?;
        self.part = Some(part);
        result
    }

    /// Takes the body in. Returns whether the file is whole.
    async fn take(
        &mut self,
        mut answer: Answer,
        length: Option<u64>,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<bool, DownloadError> {
        self.progress.enter(Phase::Receiving);
        let (before, is_part) = (self.part().bytes(), answer.head.status == 206);
        let (pieces, queue) = mpsc::channel(body::PIECES);
        let part = self.part.take().expect("it is put back when the body has been written");
        let writing = spawn_blocking(move || body::write(part, queue));
        let mut receiving = Receiving {
            answer: &mut answer,
            length,
            bytes_max: self.request.bytes_max,
            limit: &mut self.limit,
            stall: self.downloader.stall,
            progress: self.progress,
        };
        let received = tokio::select! {
            () = stopped(stop) => Err(DownloadError::Cancelled),
            ended = receiving.run(pieces) => ended,
        };
        let (part, written) = writing.await.map_err(|error| DownloadError::Thread(error.into()))?;
        let gained = part.bytes() - before;
        self.part = Some(part);
        self.report.fetched += gained;
        // Whatever comes next, waiting perhaps, this connection is over.
        drop(answer);
        written?;
        match received? {
            Ended::Whole => self.is_whole(is_part, gained, stop).await,
            Ended::Broken(error) => self.retry(error, None, stop).await,
        }
    }

    /// Judges a part whose body came to its end: an origin may have sent less than the rest, or a part without saying how
    /// much there is in all.
    async fn is_whole(
        &mut self,
        is_part: bool,
        gained: u64,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<bool, DownloadError> {
        let bytes = self.part().bytes();
        match self.part().origin().and_then(|origin| origin.total) {
            Some(total) if bytes == total => Ok(true),
            Some(total) if bytes > total => Err(DownloadError::LengthMismatch { expected: total }),
            None if !is_part => {
                self.say("the origin told no length: an end cut off without a trace would not be seen".to_owned());
                Ok(true)
            }
            // What follows is asked for at once, as long as it brings us further.
            _ if self.is_fruitful() => Ok(false),
            _ => self.retry(DownloadError::Interrupted(gained), None, stop).await,
        }
    }

    /// Notes how far we are, and returns whether that is further than ever before by enough to count.
    fn is_fruitful(&mut self) -> bool {
        let (here, is_kept) = (self.part().bytes(), can_be_resumed(self.part()));
        let is_fruitful = is_kept && here >= self.furthest + FRUIT_BYTES;
        self.furthest = self.furthest.max(here);
        self.failures = if is_fruitful { 0 } else { self.failures };
        is_fruitful
    }

    async fn start_over(&mut self, why: String, is_fault: bool) -> Result<bool, DownloadError> {
        self.began_at_0(&why);
        if !self.part().holds_leftover() {
            self.on_part(PartFile::discard).await?;
        }
        if is_fault {
            self.faults += 1;
            return if self.faults > 1 { Err(DownloadError::RangeMismatch(why)) } else { Ok(false) };
        }
        self.changes += 1;
        if self.changes > CHANGES_MAX { Err(DownloadError::RangeMismatch(why)) } else { Ok(false) }
    }

    /// Waits until the next attempt is due, or says that there is none.
    async fn retry(
        &mut self,
        error: DownloadError,
        asked_for: Option<Duration>,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<bool, DownloadError> {
        if !error.is_transient() {
            return Err(error);
        }
        if !self.is_fruitful() {
            self.failures += 1;
        }
        let Some(wait) = self.downloader.patience.next(self.failures, asked_for, fastrand::f64()) else {
            return Err(error);
        };
        tracing::info!(%error, wait_seconds = wait.as_secs_f64(), "will try again");
        self.say(error.to_string());
        self.progress.enter(Phase::Waiting);
        tokio::select! {
            () = stopped(stop) => Err(DownloadError::Cancelled),
            () = sleep(wait) => Ok(false),
        }
    }

    /// Brings the last bytes to the disk and compares the hash with what was asked for.
    pub(super) async fn finish(&mut self) -> Result<(), DownloadError> {
        self.progress.enter(Phase::Finishing);
        let mark = self.on_part(PartFile::whole).await?;
        for expected in [&self.request.sha256, &self.promised_sha256].into_iter().flatten() {
            if *expected != mark.sha256 {
                let is_told = self.promised_sha256.as_ref() == Some(expected);
                return Err(DownloadError::Hash { expected: expected.clone(), actual: mark.sha256, is_told });
            }
        }
        self.whole = Some(mark);
        Ok(())
    }

    pub(super) fn fetched(mut self) -> Fetched {
        let mark = self.whole.take().expect("only a finished run comes here");
        (self.report.bytes, self.report.sha256) = (mark.bytes, mark.sha256);
        let part = self.part.expect("it is put back when the body has been written");
        Fetched {
            report: self.report,
            file: FetchedFile::Part(Box::new(part)),
            output: self.request.output.clone(),
            overwrite: self.request.overwrite,
        }
    }

    /// Leaves behind what the next run can go on from, and nothing else.
    pub(super) async fn give_up(self, error: DownloadError) -> DownloadError {
        let Some(part) = self.part else { return error };
        if part.holds_leftover() {
            part.leave();
            return error;
        }
        let is_useless = part.bytes() == 0 || !can_be_resumed(&part) || error.discards_part();
        if is_useless && let Ok(Err(left)) = blocking(move || part.remove()).await {
            tracing::warn!(error = %left, "cannot remove the part file");
        }
        error
    }
}

fn can_be_resumed(part: &PartFile) -> bool {
    part.origin().is_some_and(|origin| origin.validator.is_some())
}

#[cfg(test)]
mod tests;
