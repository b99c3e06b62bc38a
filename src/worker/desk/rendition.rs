//! Carrying out what is decided about a rendition: its row, the classes that wait for it, and whoever makes it.

use super::file::{booked_file, fetch_key, key_of, resolution_of, url_of};
use super::job::code_of;
use super::known::{known_of, row_of};
use super::{Alarm, Desk};
use crate::booking::decide::{self, Effect, Event, Known, LOCAL, State, decide};
use crate::booking::source::{Source, Want, want};
use crate::booking::{Booking, Channel, Code, Message, TranscodeResult, message};
use crate::event::EventType;
use crate::notify::CALLBACK;
use crate::store::{
    BookedFile, BookingChange, BookingRow, BookingState, Inserted, JobId, JobKind, JobState, NewJob, Rendition,
    RenditionState, StoreError,
};
use crate::worker::message::{FetchInput, TranscodeData, TranscodeInput, json};
use crate::worker::predict;

/// Classes that wait for one rendition and are told in one transaction; a school has not more classes at once than that, and
/// those beyond it are found by the next look ([`Desk::unstick`]).
pub(super) const WAITERS_MAX: u32 = 1000;

impl Desk<'_> {
    /// Decides on behalf of a booking; returns it as it is then.
    pub(super) fn decide_for(&self, row: &BookingRow, event: &Event) -> Result<BookingRow, StoreError> {
        self.decide(&row.new.file, event, Some(row))?;
        Ok(self.tx.bookings().get(row.id)?.unwrap_or_else(|| row.clone()))
    }

    /// Takes the result of somebody's transcode, or a provider's refusal; returns whether anybody here had asked for it. A
    /// failure that comes after the attempt's deadline tells nothing new: whichever of the two is noticed first, time ran out.
    pub(in crate::worker) fn result(&self, result: &TranscodeResult) -> Result<bool, StoreError> {
        let file = booked_file(&result.institution, &result.record, Some(result.resolution));
        let (provider, attempt) = (result.provider.clone(), result.attempt);
        let url = result.url.as_ref().map(ToString::to_string);
        let known = self.known(&file)?;
        let event = match (result.is_success, &known.state) {
            (true, _) => Event::Succeeded { provider, attempt, url },
            (false, State::Transcoding { deadline_milliseconds, .. }) if *deadline_milliseconds <= self.now => {
                Event::DeadlinePassed
            }
            (false, _) => Event::Failed { provider, attempt },
        };
        let is_known = known != Known::NOTHING;
        self.decide(&file, &event, None)?;
        Ok(is_known)
    }

    /// Decides what becomes of a rendition, and carries it out.
    pub(super) fn decide(
        &self,
        file: &BookedFile,
        event: &Event,
        row: Option<&BookingRow>,
    ) -> Result<(), StoreError> {
        let known = self.known(file)?;
        let policy = decide::Policy { is_only_node: self.is_only_node, ..self.terms.policy.clone() };
        let decision = decide(&known, event, &policy, self.now);
        if decision.known != known {
            self.keep(file, &decision.known)?;
            self.leave(file, &known, &decision.known)?;
        }
        for effect in &decision.effects {
            self.carry_out(file, effect, row)?;
        }
        Ok(())
    }

    /// Returns what is known of a rendition.
    fn known(&self, file: &BookedFile) -> Result<Known, StoreError> {
        let row = self.tx.renditions().get(&file.institution, &file.record, file.resolution)?;
        Ok(row.map_or(Known::NOTHING, |row| known_of(&row)))
    }

    fn keep(&self, file: &BookedFile, known: &Known) -> Result<(), StoreError> {
        self.tx.renditions().save(&row_of(file, known, self.now))
    }

    /// Sees to it that nobody works here on an attempt that is over, and tells how it ended.
    fn leave(&self, file: &BookedFile, before: &Known, after: &Known) -> Result<(), StoreError> {
        let is_same = before.state.attempt() == after.state.attempt();
        let is_making = |state: &State| matches!(state, State::Transcoding { .. });
        if let State::Transcoding { provider, .. } = &before.state
            && provider == LOCAL
            && !(is_same && is_making(&after.state))
        {
            self.stop_transcode(file)?;
        }
        let (event, provider, url, code) = match &after.state {
            State::Succeeded { provider, url, .. } => {
                (EventType::TranscodeSucceeded, provider, url.as_deref(), None)
            }
            State::Failed { provider, .. } => {
                (EventType::TranscodeFailed, provider, None, Some(Code::TranscodeFailed))
            }
            State::TimedOut { provider, .. } => {
                (EventType::TranscodeTimedOut, provider, None, Some(Code::TimedOut))
            }
            State::Absent { .. } | State::Transcoding { .. } => return Ok(()),
        };
        let data = TranscodeData {
            transcode_video_url: url,
            code: code.map(Code::number),
            error: code.map(Code::name),
            ..data_of(file, provider, after.state.attempt())
        };
        self.tell_transcode(file, event, &data, None)
    }

    fn stop_transcode(&self, file: &BookedFile) -> Result<(), StoreError> {
        let Ok(key) = key_of(file) else { return Ok(()) };
        let job = self.tx.jobs().live(&file.institution, JobKind::Transcode, &key.to_string())?;
        // The one that has just ended is not live any more, and one that is held waits for a person.
        let job = job.filter(|job| job.state != JobState::Held);
        job.map_or(Ok(()), |job| self.stop_job(job.id))
    }

    fn carry_out(&self, file: &BookedFile, effect: &Effect, row: Option<&BookingRow>) -> Result<(), StoreError> {
        match effect {
            Effect::Wait => row.map_or(Ok(()), |row| self.wait(row)),
            Effect::Proceed { url } => row.map_or(Ok(()), |row| self.proceed(row, url.as_deref()).map(drop)),
            Effect::Refuse(code) => row.map_or(Ok(()), |row| self.refuse_as(row, *code)),
            Effect::Ask { provider, attempt, deadline_milliseconds } => {
                self.ask(file, provider, *attempt, *deadline_milliseconds, row)
            }
            // Of an attempt of our own the job was stopped with the state; another one's we cannot stop.
            Effect::CancelAttempt { provider, attempt } => {
                tracing::info!(record = file.record, provider, attempt, "an attempt is of no use any more");
                Ok(())
            }
            Effect::ProceedAll { url } => self.for_all(file, &|row| self.proceed(row, url.as_deref()).map(drop)),
            Effect::RefuseAll(code) => self.for_all(file, &|row| self.refuse_as(row, *code)),
            Effect::Alarm(alarm) => self.alarm_of(file, alarm),
            Effect::Note(text) => {
                tracing::info!(record = file.record, resolution = file.resolution, "{text}");
                Ok(())
            }
        }
    }

    fn for_all(
        &self,
        file: &BookedFile,
        then: &dyn Fn(&BookingRow) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let waiting = self.tx.bookings().of_file(file, BookingState::Waiting, WAITERS_MAX)?;
        waiting.iter().try_for_each(then)
    }

    /// Lets a booking wait, and hastens what it waits for, if it needs that sooner than those before it.
    fn wait(&self, row: &BookingRow) -> Result<(), StoreError> {
        self.hasten_for(row)?;
        let change =
            BookingChange { state: BookingState::Waiting, url: String::new(), ..super::book::unchanged(row) };
        self.tx.bookings().change(row.id, row.state, &change, self.now).map(drop)
    }

    fn hasten_for(&self, row: &BookingRow) -> Result<(), StoreError> {
        let file = &row.new.file;
        let Ok(key) = key_of(file) else { return Ok(()) };
        let jobs = self.tx.jobs();
        let Some(job) = jobs.live(&file.institution, JobKind::Transcode, &key.to_string())? else { return Ok(()) };
        let (needed_at, priority) = (Some(self.needed_at(row)), row.new.priority);
        jobs.hasten(job.id, needed_at, priority)?;
        let Some(needs) = &job.needs else { return Ok(()) };
        let fetch = jobs.live(&file.institution, JobKind::Fetch, needs)?;
        fetch.map_or(Ok(()), |fetch| jobs.hasten(fetch.id, needed_at, priority))
    }

    fn refuse_as(&self, row: &BookingRow, code: Code) -> Result<(), StoreError> {
        let cause = self.why.borrow().clone();
        match cause.filter(|_| code != Code::TimedOut) {
            Some(failure) => {
                // What kept the last provider, which is this node, from it is the class's reason too.
                let own = code_of(JobKind::Transcode, &failure);
                let code = if code == Code::TranscodeFailed { own } else { code };
                if code == Code::DiskFull {
                    self.alarm_full(row, &failure.code, &failure.text)?;
                }
                let reason = format!("{}: {}", why(code), failure.text);
                self.refuse(row, code, &failure.code, &reason).map(drop)
            }
            None => self.refuse(row, code, code.name(), why(code)).map(drop),
        }
    }

    fn alarm_of(&self, file: &BookedFile, alarm: &decide::Alarm) -> Result<(), StoreError> {
        let (record, resolution) = (&file.record, file.resolution);
        self.alarm(&Alarm {
            event: EventType::Alarm,
            code: alarm.code(),
            error: alarm.name().to_ascii_uppercase(),
            reason: match alarm {
                decide::Alarm::ProviderTimedOut { provider, attempt } => {
                    format!("{provider} did not answer in time (attempt {attempt}); the next one is asked")
                }
                decide::Alarm::UrlMissing => {
                    "it is made on record, and the booking did not carry its URL".to_owned()
                }
                decide::Alarm::UnknownResult => "a result of a rendition that nobody has asked for".to_owned(),
            },
            institution: file.institution.clone(),
            subject: format!("{record}_{resolution}P"),
        })
    }

    /// Asks a provider for a rendition, on behalf of the class of `row`, or else of the first one that waits and says what it
    /// is to be made from. Others than we may know that themselves.
    fn ask(
        &self,
        file: &BookedFile,
        provider: &str,
        attempt: u32,
        deadline: i64,
        row: Option<&BookingRow>,
    ) -> Result<(), StoreError> {
        let waiting = self.tx.bookings().of_file(file, BookingState::Waiting, WAITERS_MAX)?;
        let found = row.into_iter().chain(&waiting).find_map(|row| Some((row, source_of(row)?)));
        let is_wanted = row.is_some() || !waiting.is_empty();
        if !is_wanted || (provider == LOCAL && found.is_none()) {
            return self.give_up(file, provider, attempt);
        }
        let data = TranscodeData {
            deadline: Some(deadline / 1000),
            source_url: found.as_ref().map(|(_, source)| source.url.as_str()),
            ..data_of(file, provider, attempt)
        };
        let others = (provider != LOCAL).then_some(provider);
        debug_assert_ne!(others, Some(CALLBACK), "no provider has the name of a target");
        self.tell_transcode(file, EventType::TranscodeRequested, &data, others)?;
        match found {
            Some((row, source)) if provider == LOCAL => self.ask_here(file, attempt, &source, row),
            _ => Ok(()),
        }
    }

    fn give_up(&self, file: &BookedFile, provider: &str, attempt: u32) -> Result<(), StoreError> {
        self.decide(file, &Event::Failed { provider: Some(provider.to_owned()), attempt: Some(attempt) }, None)
    }

    /// Records the jobs that make a rendition here: one that fetches the source at once, and one that waits for it.
    fn ask_here(
        &self,
        file: &BookedFile,
        attempt: u32,
        source: &Source,
        row: &BookingRow,
    ) -> Result<(), StoreError> {
        let source_file = booked_file(&file.institution, &file.record, source.label);
        let (Ok(key), Ok(source_key)) = (key_of(file), key_of(&source_file)) else {
            return self.give_up(file, LOCAL, attempt);
        };
        let (key, source_key, url) = (key.to_string(), source_key.to_string(), source.url.to_string());
        let needs = fetch_key(&source_key, Some(&url));
        self.fetch(&source_file, Some(&url), row)?;
        let input = TranscodeInput { key, source_key, source_url: url, attempt, note: source.note.clone() };
        let new = NewJob {
            institution: file.institution.clone(),
            kind: JobKind::Transcode,
            key: input.key.clone(),
            priority: row.new.priority,
            deadline_milliseconds: None,
            input: json(&input),
            parent: None,
            needs: Some(needs),
            start_milliseconds: Some(self.needed_at(row)),
            predicted_milliseconds: predict::unseen(resolution_of(file), self.terms.jobs),
        };
        // One that is left of an attempt that nobody wanted any more knows another number.
        if let Some(left) = self.tx.jobs().live(&new.institution, new.kind, &new.key)? {
            self.stop_job(left.id)?;
        }
        self.insert(&new).map(drop)
    }

    /// Returns when a class needs what it waits for; one that does not say so, an hour after it asked.
    fn needed_at(&self, row: &BookingRow) -> i64 {
        row.new.start_milliseconds.unwrap_or(row.accepted_milliseconds.saturating_add(3_600_000))
    }

    /// Records the job that brings a booking its file.
    pub(super) fn fetch_for(&self, row: &BookingRow) -> Result<(), StoreError> {
        self.fetch(&row.new.file, url_of(row), row)
    }

    /// Records the job that brings a file, unless it is there. One that a person should look at is tried anew for a class that
    /// waits: it was booked since. For one that had the file nobody has asked again.
    pub(super) fn fetch(&self, file: &BookedFile, url: Option<&str>, row: &BookingRow) -> Result<(), StoreError> {
        let Ok(key) = key_of(file) else { return Ok(()) };
        let input = FetchInput { key: key.to_string(), url: url.map(str::to_owned) };
        let id = self.insert(&NewJob {
            institution: file.institution.clone(),
            kind: JobKind::Fetch,
            key: fetch_key(&input.key, url),
            priority: row.new.priority,
            deadline_milliseconds: None,
            input: json(&input),
            parent: None,
            needs: None,
            start_milliseconds: Some(self.needed_at(row)),
            predicted_milliseconds: 0,
        })?;
        if row.state == BookingState::Ready {
            return Ok(());
        }
        self.tx.jobs().resume(id, self.now, &|job| self.tell_job(job)).map(drop)
    }

    /// Records a job; a live one of its key is hastened, if it is needed sooner now.
    pub(super) fn insert(&self, new: &NewJob) -> Result<JobId, StoreError> {
        match self.tx.jobs().insert(new, self.now, &|job| self.tell_job(job))? {
            Inserted::New(id) => Ok(id),
            Inserted::Live(id) => {
                self.tx.jobs().hasten(id, new.start_milliseconds, new.priority)?;
                Ok(id)
            }
        }
    }

    /// Gives an attempt of our own the time that it needs, from when it begins. Nothing where the rendition is somebody
    /// else's to make by now, or made.
    pub(super) fn begin_attempt(
        &self,
        file: &BookedFile,
        attempt: u32,
        work_milliseconds: i64,
    ) -> Result<(), StoreError> {
        let row = self.tx.renditions().get(&file.institution, &file.record, file.resolution)?;
        let is_ours = |row: &Rendition| {
            row.state == RenditionState::Transcoding && row.provider == LOCAL && row.attempt == attempt
        };
        let Some(row) = row.filter(is_ours) else { return Ok(()) };
        let time = self.terms.policy.timeout_milliseconds.max(work_milliseconds.saturating_mul(predict::PATIENCE));
        self.tx.renditions().set_deadline(&row, self.now.saturating_add(time))?;
        let data = data_of(file, LOCAL, row.attempt);
        self.tell_transcode(file, EventType::TranscodeStarted, &data, None)
    }

    /// Returns whether the job of a key is at work or waits.
    pub(super) fn has_live_job(&self, institution: &str, kind: JobKind, key: &str) -> Result<bool, StoreError> {
        let job = self.tx.jobs().live(institution, kind, key)?;
        Ok(job.is_some_and(|job| job.state != JobState::Held))
    }
}

/// Returns what a class's rendition may be made from, as far as its booking says.
fn source_of(row: &BookingRow) -> Option<Source> {
    match want(&booking_of(row)?) {
        Want::Rendition { source, .. } => source,
        Want::Direct { .. } | Want::Nothing => None,
    }
}

/// Returns what was booked; an imported class's booking says nothing.
pub(super) fn booking_of(row: &BookingRow) -> Option<Booking> {
    match message::parse(row.new.body.as_bytes(), Channel::Bookings, &|_| Ok(())) {
        Ok(Message::Booking(booking)) => Some(*booking),
        _ => None,
    }
}

fn data_of<'a>(file: &'a BookedFile, provider: &'a str, attempt: u32) -> TranscodeData<'a> {
    TranscodeData {
        record_id: &file.record,
        video_resolution: resolution_of(file).map(|name| name.to_string()).unwrap_or_default(),
        provider,
        attempt,
        ..TranscodeData::default()
    }
}

/// Returns what a code means, for people.
const fn why(code: Code) -> &'static str {
    match code {
        Code::TimedOut => "nobody made the rendition in time",
        Code::TranscodeFailed => "nobody could make the rendition",
        Code::DownloadFailed => "what it needs cannot be downloaded",
        Code::DiskFull => "there is no room",
        Code::InvalidMessage => "it cannot be understood",
        Code::UrlMissing => "the rendition is made on record, and nobody knows where it lies",
    }
}
