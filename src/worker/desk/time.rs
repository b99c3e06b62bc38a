//! What time itself brings: ends of classes, deadlines of attempts, and what is kept long enough.
//!
//! Each step is of a bounded size and leaves the rest to the next one, so that a start after days finds no mountain to move at
//! once.

use super::file::{fetch_key, key_of, url_of};
use super::{Alarm, Desk};
use crate::booking::decide::{Event, LOCAL};
use crate::booking::{ClassKey, Code};
use crate::content_hash;
use crate::event::EventType;
use crate::failure::FailureClass;
use crate::store::{
    BookedFile, BookingRow, BookingState, JobFailure, JobKind, JobState, NewBooking, RenditionState, StoreError,
};
use crate::worker::desk::tell::ALARM_MILLISECONDS;

/// Things that one step sees to: some milliseconds of work.
const STEP_MAX: u32 = 100;
/// Bookings, jobs and messages that have ended are kept that long for those who ask.
const KEPT_MILLISECONDS: i64 = 7 * 24 * 3_600_000;
/// Rows of these that one step forgets.
const FORGOTTEN_MAX: u32 = 500;

impl Desk<'_> {
    /// Ends what is overdue; returns how many bookings that were.
    pub(in crate::worker) fn pass_time(&self) -> Result<usize, StoreError> {
        let bookings = self.tx.bookings().due(self.now, STEP_MAX)?;
        for row in &bookings {
            self.time_is_up(row)?;
        }
        let renditions = self.tx.renditions().overdue(self.now, STEP_MAX)?;
        for row in &renditions {
            let file = BookedFile {
                institution: row.institution.clone(),
                record: row.record.clone(),
                resolution: row.resolution,
            };
            self.decide(&file, &Event::DeadlinePassed, None)?;
        }
        for alarm in self.tx.alarms().settle(self.now - ALARM_MILLISECONDS, self.now, STEP_MAX)? {
            self.tell_again(alarm)?;
        }
        Ok(bookings.len())
    }

    fn time_is_up(&self, row: &BookingRow) -> Result<(), StoreError> {
        if row.state == BookingState::Ready {
            return self.end(row, BookingState::Over, "its time is over").map(drop);
        }
        let reason = match row.new.end_milliseconds {
            Some(end) if end <= self.now => "the class ended before its recording was here",
            _ => "it waited too long",
        };
        self.refuse(row, Code::TimedOut, Code::TimedOut.name(), reason).map(drop)
    }

    /// Gives classes that were taken over from an older system bookings of their own; returns how many.
    pub(in crate::worker) fn adopt(&self) -> Result<usize, StoreError> {
        let waiters = self.tx.waiters().take(STEP_MAX)?;
        for waiter in &waiters {
            let ClassKey { institution, class_id } = ClassKey::named(&waiter.class_id);
            if self.tx.bookings().latest(&institution, &class_id)?.is_some() {
                continue;
            }
            let file = BookedFile {
                institution: waiter.institution.clone(),
                record: waiter.record.clone(),
                resolution: waiter.resolution,
            };
            let new = NewBooking {
                sequence: self.tx.bookings().next_sequence(&institution, &class_id)?,
                institution,
                class_id,
                file,
                body: String::new(),
                body_sha256: content_hash::of_bytes(""),
                course_name: String::new(),
                priority: 50,
                start_milliseconds: None,
                end_milliseconds: None,
                callback_url: None,
                due_milliseconds: waiter.since_milliseconds + self.terms.booking_timeout_milliseconds,
                entry: String::new(),
            };
            self.tx.bookings().insert(&new, self.now)?;
        }
        Ok(waiters.len())
    }

    /// Looks whether up to a hundred live bookings above `after` have somebody who brings them on, and finds them one
    /// otherwise; returns the last one looked at, nothing after the last of all.
    pub(in crate::worker) fn unstick(&self, after: i64) -> Result<Option<i64>, StoreError> {
        let rows = self.tx.bookings().live(after, STEP_MAX)?;
        for row in &rows {
            match row.state {
                BookingState::Waiting => self.unstick_waiting(row)?,
                BookingState::Downloading => self.unstick_downloading(row)?,
                _ => self.mend(row)?,
            }
        }
        Ok(rows.last().map(|row| row.id))
    }

    fn unstick_waiting(&self, row: &BookingRow) -> Result<(), StoreError> {
        let file = &row.new.file;
        let rendition = self.tx.renditions().get(&file.institution, &file.record, file.resolution)?;
        let is_cached = self.is_cached(row)?;
        match rendition {
            Some(rendition) if rendition.state == RenditionState::Transcoding => {
                let Ok(key) = key_of(file) else { return Ok(()) };
                let is_ours = rendition.provider == LOCAL;
                if is_ours && !self.has_live_job(&file.institution, JobKind::Transcode, &key.to_string())? {
                    // Its job is held, or gone: the attempt has come to nothing.
                    let (provider, attempt) = (Some(LOCAL.to_owned()), Some(rendition.attempt));
                    self.decide(file, &Event::Failed { provider, attempt }, None)?;
                }
                Ok(())
            }
            _ => self.decide_for(row, &Event::Booked { is_cached }).map(drop),
        }
    }

    fn unstick_downloading(&self, row: &BookingRow) -> Result<(), StoreError> {
        let file = &row.new.file;
        let Ok(key) = key_of(file) else { return Ok(()) };
        let job = fetch_key(&key.to_string(), url_of(row));
        match self.tx.jobs().live(&file.institution, JobKind::Fetch, &job)? {
            Some(job) if job.state == JobState::Held => {
                let unknown = || JobFailure {
                    code: "HELD".to_owned(),
                    class: FailureClass::Bug,
                    text: "a person must look".to_owned(),
                };
                self.gave_up(&job, &job.failure.clone().unwrap_or_else(unknown))
            }
            Some(_) => Ok(()),
            None => self.fetch_for(row),
        }
    }

    /// Forgets what ended long ago; returns how many rows went.
    pub(in crate::worker) fn forget(&self) -> Result<usize, StoreError> {
        let before = self.now - KEPT_MILLISECONDS;
        let bookings = self.tx.bookings().prune(before, FORGOTTEN_MAX, self.now)?;
        let jobs = self.tx.jobs().prune(before, FORGOTTEN_MAX)?;
        let messages = self.tx.inbox().prune(before, FORGOTTEN_MAX)?;
        let events = self.tx.outbox().prune(self.now)?;
        if events.undelivered > 0 {
            self.alarm(&Alarm {
                event: EventType::Alarm,
                code: None,
                error: "EVENTS_UNDELIVERED".to_owned(),
                reason: format!("{} events were given up: nobody took them for thirty days", events.undelivered),
                institution: String::new(),
                subject: "outbox".to_owned(),
            })?;
        }
        Ok(bookings + jobs + messages + usize::try_from(events.events).unwrap_or(usize::MAX))
    }
}
