//! The desk on a real database: each rule once, and every order in which a few things can happen.

mod alarm;
mod event;
mod keep;
mod order;
mod past;
mod refusal;
mod room;
mod rule;

use tempfile::TempDir;

use super::{After, Arrival, Desk, Fate, Handed, Settled, There};
use crate::booking::decide::{LOCAL, Policy};
use crate::booking::{Channel, Message, message};
use crate::cache::Holder;
use crate::failure::FailureClass;
use crate::store::{
    BookedFile, BookingRow, Claimant, FILE_NAME, FileContent, FileName, FileSource, Job, JobFailure, JobKind,
    LeaseRow, NewFile, Options, Store, StoreError, Transaction,
};
use crate::worker::message::JobOutput;
use crate::worker::terms::Terms;

/// The node's time when everything begins, in Unix milliseconds.
pub(super) const NOW: i64 = 1_760_000_000_000;
pub(super) const HOUR: i64 = 3_600_000;

pub(super) struct World {
    pub(super) store: Store,
    _folder: TempDir,
}

/// Returns what a node with these providers keeps to.
pub(super) fn terms(providers: &[&str]) -> Terms {
    Terms {
        node_id: "node-1".to_owned(),
        policy: Policy {
            providers: providers.iter().map(|name| (*name).to_owned()).collect(),
            timeout_milliseconds: 2 * HOUR,
            local_timeout_milliseconds: 24 * HOUR,
            retry_after_timeout_milliseconds: HOUR / 2,
            is_only_node: true,
        },
        booking_timeout_milliseconds: 24 * HOUR,
        lease_grace_milliseconds: HOUR / 6,
        targets: vec!["redis".to_owned()],
        jobs: 2,
        preset: "veryfast".to_owned(),
        crf: 24.0,
        accept_truncated: false,
    }
}

impl World {
    pub(super) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let options = Options { backup_every: None, ..Options::default() };
        let store = Store::open(&folder.path().join(FILE_NAME), &options).unwrap();
        Self { store, _folder: folder }
    }

    /// Does several things in one transaction of the database, each at its own desk.
    pub(super) fn play<T: Send + 'static>(
        &self,
        scene: impl FnOnce(&mut Scene<'_>) -> Result<T, StoreError> + Send + 'static,
        terms: Terms,
    ) -> T {
        let played = self.store.write(move |tx| {
            let outcome = scene(&mut Scene { tx, terms, now: NOW, held: Vec::new() })?;
            // What was played is undone, and the next scene finds an empty stage.
            Err::<T, Played<T>>(Played::Well(outcome))
        });
        match played {
            Err(Played::Well(outcome)) => outcome,
            Err(Played::Refused(error)) => panic!("{error}"),
            Ok(_) => unreachable!("a scene is always undone"),
        }
    }
}

/// How a scene ended; an error either way, so that it is undone.
enum Played<T> {
    Well(T),
    Refused(StoreError),
}

impl<T> From<StoreError> for Played<T> {
    fn from(error: StoreError) -> Self {
        Self::Refused(error)
    }
}

/// One run of things.
pub(super) struct Scene<'a> {
    pub(super) tx: &'a Transaction<'a>,
    pub(super) terms: Terms,
    pub(super) now: i64,
    /// Who holds a file, as the cache would know.
    pub(super) held: Vec<String>,
}

impl Scene<'_> {
    /// Does one thing, and what follows from it unless a crash comes in between.
    pub(super) fn at_desk<T>(
        &mut self,
        work: impl FnOnce(&Desk<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let (answer, after) = self.at_desk_then(work)?;
        self.follow(&after)?;
        Ok(answer)
    }

    pub(super) fn follow(&mut self, after: &After) -> Result<(), StoreError> {
        self.held.retain(|holder| !after.releases.iter().any(|gone| gone.name == *holder));
        after.releases.iter().try_for_each(|gone| self.tx.cache().release_all(gone.kind.name(), &gone.name))
    }

    pub(super) fn at_desk_then<T>(
        &self,
        work: impl FnOnce(&Desk<'_>) -> Result<T, StoreError>,
    ) -> Result<(T, After), StoreError> {
        let desk = Desk::new(self.tx, &self.terms, self.now, true);
        let answer = work(&desk)?;
        Ok((answer, desk.close()))
    }

    /// Takes a message as it comes from Redis.
    pub(super) fn take(&mut self, text: &str) -> Result<Option<BookingRow>, StoreError> {
        let message = message::parse(text.as_bytes(), Channel::Bookings, &|_| Ok(())).unwrap();
        self.at_desk(|desk| {
            Ok(match &message {
                Message::Booking(booking) => {
                    Some(desk.book(booking, &message::to_body(booking), None, &Arrival::default())?.row)
                }
                Message::Over(class) => desk.end_class(class, crate::store::BookingState::Over)?.row,
                Message::Cancel(class) => desk.end_class(class, crate::store::BookingState::Cancelled)?.row,
                Message::Result(result) => {
                    desk.result(result)?;
                    None
                }
            })
        })
    }

    /// Claims the first job of that kind that may begin.
    pub(super) fn claim(&mut self, kind: JobKind) -> Result<Option<Job>, StoreError> {
        let ready = self.tx.jobs().ready(kind, self.now, 1)?;
        let Some(job) = ready.into_iter().next() else { return Ok(None) };
        let (now, id) = (self.now, job.id);
        let owner = self.terms.node_id.clone();
        let claimant = Claimant { owner, now_milliseconds: now, until_milliseconds: now + 15_000 };
        self.at_desk(|desk| desk.claim_one(kind, id, &claimant))
    }

    /// Carries the first job of that kind to its end; returns whether there was one.
    pub(super) fn work(
        &mut self,
        kind: JobKind,
        outcome: Result<(), (&str, FailureClass)>,
    ) -> Result<bool, StoreError> {
        let Some(job) = self.claim(kind)? else { return Ok(false) };
        let claim = job.claim().unwrap();
        if let Err((code, class)) = outcome {
            let fate = Fate::Failed(JobFailure { code: code.to_owned(), class, text: "it broke".to_owned() });
            self.at_desk(|desk| desk.failed(&job, &claim, &fate))?;
            return Ok(true);
        }
        let there = There { path: "/cache/file.flv".to_owned(), bytes: 1000 };
        let output = JobOutput::default();
        let name = job.key.split(' ').next().unwrap_or_default().to_owned();
        self.commit(&name)?;
        match kind {
            JobKind::Fetch => self.settle(&job, &there, &output)?,
            JobKind::Transcode => {
                let handed = self.waiting(&name)?;
                self.at_desk(|desk| desk.transcoded(&job, &claim, &there, &handed, &output))?;
            }
        }
        Ok(true)
    }

    fn settle(&mut self, job: &Job, there: &There, output: &JobOutput) -> Result<(), StoreError> {
        let claim = job.claim().unwrap();
        let (mut handed, mut held) = (Vec::new(), Vec::new());
        loop {
            let settled = self.at_desk(|desk| desk.settle(job, &claim, there, &handed, &held, output))?;
            let Settled::More { bookings, jobs } = settled else { return Ok(()) };
            handed = bookings.into_iter().map(|row| self.hold(row)).collect::<Result<_, _>>()?;
            self.held.extend(jobs.iter().map(|job| super::holder_of_job(job.id).name));
            held.extend(jobs.into_iter().map(|job| job.id));
        }
    }

    fn waiting(&mut self, name: &str) -> Result<Vec<Handed>, StoreError> {
        let file = file_of_name(name);
        let rows = self.tx.bookings().of_file(&file, crate::store::BookingState::Waiting, 100)?;
        rows.into_iter().map(|row| self.hold(row)).collect()
    }

    /// Holds a class's file, which is in the cache, for it.
    pub(super) fn hold(&mut self, row: BookingRow) -> Result<Handed, StoreError> {
        let Holder { kind, name: holder } = super::holder_of(&row);
        self.held.push(holder.clone());
        let until = self.terms.held_until(&row, self.now);
        if let Some(file) = self.tx.cache().file(&super::name_of(&row.new.file))? {
            self.tx.cache().lease(&LeaseRow {
                file: file.id,
                kind: kind.name().to_owned(),
                holder,
                since_milliseconds: self.now,
                until_milliseconds: Some(until),
            })?;
        }
        Ok(Handed { row, until })
    }

    /// Lets a file be in the cache.
    pub(super) fn commit(&mut self, name: &str) -> Result<(), StoreError> {
        let BookedFile { institution, record, resolution } = file_of_name(name);
        let name = FileName { institution, record, resolution };
        if self.tx.cache().file(&name)?.is_some() {
            return Ok(());
        }
        let content = FileContent { bytes: 1000, sha256: None, modified_nanoseconds: 0 };
        let source = FileSource { url: String::new(), bytes: None, validator: None };
        let new = NewFile { name, content, source, sequence: 1, used_milliseconds: self.now, note: String::new() };
        self.tx.cache().put(&new, self.now).map(drop)
    }
}

fn file_of_name(name: &str) -> BookedFile {
    super::file_of(&crate::cache::Key::parse(name).unwrap())
}

/// A booking of a 720P rendition that is nowhere.
pub(super) fn booking(class: &str, record: u32) -> String {
    format!(
        r#"{{"class_id":"{class}","record_id":{record},"video_url":"http://origin/{record}.flv","video_resolution":"720P"}}"#
    )
}

/// A provider's word on that rendition.
pub(super) fn result(record: u32, provider: &str, is_success: bool) -> String {
    let (result, url) = match is_success {
        true => ("sucess", format!(r#","transcode_video_url":"http://oss/{record}_720P.flv""#)),
        false => ("fail", String::new()),
    };
    format!(
        r#"{{"cmd":"transcoding","record_id":{record},"video_resolution":"720P","result":"{result}","type":"{provider}"{url}}}"#
    )
}

pub(super) const PROVIDERS: [&str; 2] = ["oss", LOCAL];
