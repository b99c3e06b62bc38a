//! Bookings as they come, and their ends.

use super::file::{booked_file, fetch_key, holder_of, key_of, name_of};
use super::tell::Held;
use super::{Alarm, Desk};
use crate::booking::decide::Event;
use crate::booking::source::{Want, want};
use crate::booking::{Booking, ClassKey, Code};
use crate::cache::{Holder, HolderKind};
use crate::content_hash;
use crate::event::EventType;
use crate::store::{BookingChange, BookingRow, BookingState, JobKind, NewBooking, StoreError};

/// What came of a booking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::worker) struct Booked {
    /// As it is now.
    pub(in crate::worker) row: BookingRow,
    /// It is not one that was there already.
    pub(in crate::worker) is_new: bool,
}

/// How a booking came.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::worker) struct Arrival<'a> {
    /// The stream entry that it is, where that is called by the time; else empty.
    pub(in crate::worker) entry: &'a str,
    /// The last number that another node may have given to a booking of its class.
    pub(in crate::worker) above: u32,
}

/// What came of the end of a class, or of its booking's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::worker) struct Ended {
    /// The class's booking, if it has any.
    pub(in crate::worker) row: Option<BookingRow>,
    /// It was live until now.
    pub(in crate::worker) was_live: bool,
}

impl Desk<'_> {
    /// Takes a booking. `body` is its canonical form; `full` says why there is no room for one more file, where there is none.
    /// Its number is above those of the class's earlier ones.
    pub(in crate::worker) fn book(
        &self,
        booking: &Booking,
        body: &str,
        full: Option<&str>,
        arrival: &Arrival<'_>,
    ) -> Result<Booked, StoreError> {
        let ClassKey { institution, class_id } = &booking.class;
        let body_sha256 = content_hash::of_bytes(body);
        let latest = self.tx.bookings().latest(institution, class_id)?;
        let live = latest.as_ref().filter(|row| row.state.is_live());
        if let Some(row) = live {
            if row.new.body_sha256 == body_sha256 {
                return Ok(Booked { row: row.clone(), is_new: false });
            }
            self.end(row, BookingState::Cancelled, "the class booked something else")?;
        }
        // What it had, or had begun to get, goes: whether that is room enough is seen when the file comes.
        let full = full.filter(|_| live.is_none_or(|row| row.state == BookingState::Waiting));
        let sequence =
            self.tx.bookings().next_sequence(institution, class_id)?.max(arrival.above.saturating_add(1));
        let wanted = want(booking);
        let resolution = match &wanted {
            Want::Direct { resolution, .. } => *resolution,
            Want::Rendition { resolution, .. } => Some(*resolution),
            Want::Nothing => None,
        };
        let new = NewBooking {
            institution: institution.clone(),
            class_id: class_id.clone(),
            sequence,
            file: booked_file(institution, &booking.record, resolution),
            body: body.to_owned(),
            body_sha256,
            course_name: booking.course_name.clone(),
            priority: booking.priority,
            start_milliseconds: booking.start_milliseconds,
            end_milliseconds: booking.end_milliseconds,
            callback_url: booking.callback_url.as_ref().map(ToString::to_string),
            due_milliseconds: self.wait_until(booking.end_milliseconds),
            entry: arrival.entry.to_owned(),
        };
        let row = self.tx.bookings().insert(&new, self.now)?;
        self.tell_booking(&row, EventType::BookingAccepted, Held::default())?;
        let row = self.begin(row, &wanted, full)?;
        Ok(Booked { row, is_new: true })
    }

    /// Records that a class's booking cannot be understood, and returns the number that it has for that; one of its that lives
    /// stays as it is.
    pub(in crate::worker) fn refuse_class(
        &self,
        class: &ClassKey,
        reason: &str,
        above: u32,
    ) -> Result<u32, StoreError> {
        let ClassKey { institution, class_id } = class;
        let latest = self.tx.bookings().latest(institution, class_id)?;
        if let Some(row) = latest.filter(|row| row.state.is_live()) {
            return Ok(row.new.sequence);
        }
        let sequence = self.tx.bookings().next_sequence(institution, class_id)?.max(above.saturating_add(1));
        let new = NewBooking {
            institution: institution.clone(),
            class_id: class_id.clone(),
            sequence,
            file: booked_file(institution, "", None),
            body: String::new(),
            body_sha256: content_hash::of_bytes(reason),
            course_name: String::new(),
            priority: 0,
            start_milliseconds: None,
            end_milliseconds: None,
            callback_url: None,
            due_milliseconds: self.now,
            entry: String::new(),
        };
        let row = self.tx.bookings().insert(&new, self.now)?;
        let code = Code::InvalidMessage;
        self.refuse(&row, code, code.name(), reason)?;
        Ok(sequence)
    }

    /// Returns until when a booking may wait: its class's end, where known, and never longer than all may.
    fn wait_until(&self, end_milliseconds: Option<i64>) -> i64 {
        let longest = self.now.saturating_add(self.terms.booking_timeout_milliseconds);
        end_milliseconds.map_or(longest, |end| end.min(longest))
    }

    /// Decides what becomes of a new booking.
    fn begin(&self, row: BookingRow, wanted: &Want, full: Option<&str>) -> Result<BookingRow, StoreError> {
        if row.new.due_milliseconds <= self.now {
            return self.refuse(
                &row,
                Code::TimedOut,
                Code::TimedOut.name(),
                "the class ended before it was booked",
            );
        }
        let is_cached = self.is_cached(&row)?;
        if let Some(why) = full
            && !is_cached
            && !self.is_on_its_way(&row, wanted)?
        {
            self.alarm_full(&row, "CACHE_FULL", why)?;
            return self.refuse(&row, Code::DiskFull, "CACHE_FULL", why);
        }
        match wanted {
            Want::Direct { url, .. } => self.proceed(&row, Some(url.as_str())),
            Want::Rendition { .. } => self.decide_for(&row, &Event::Booked { is_cached }),
            Want::Nothing => {
                self.refuse(&row, Code::InvalidMessage, Code::InvalidMessage.name(), "it names no recording")
            }
        }
    }

    /// Returns whether the file comes already, for others: it has its room.
    fn is_on_its_way(&self, row: &BookingRow, wanted: &Want) -> Result<bool, StoreError> {
        let file = &row.new.file;
        let Ok(key) = key_of(file) else { return Ok(false) };
        let (kind, key) = match wanted {
            Want::Direct { url, .. } => (JobKind::Fetch, fetch_key(&key.to_string(), Some(url.as_str()))),
            Want::Rendition { .. } | Want::Nothing => (JobKind::Transcode, key.to_string()),
        };
        self.has_live_job(&file.institution, kind, &key)
    }

    /// Returns whether the file is in the cache, as far as is recorded.
    pub(super) fn is_cached(&self, row: &BookingRow) -> Result<bool, StoreError> {
        Ok(self.tx.cache().file(&name_of(&row.new.file))?.is_some_and(|file| file.state == super::READY))
    }

    /// Tells that there is no room for what a class needs.
    pub(super) fn alarm_full(&self, row: &BookingRow, error: &str, why: &str) -> Result<(), StoreError> {
        self.alarm(&Alarm {
            event: EventType::CacheFull,
            code: Some(Code::DiskFull),
            error: error.to_owned(),
            reason: why.to_owned(),
            institution: row.new.institution.clone(),
            subject: "cache".to_owned(),
        })
    }

    /// Lets a booking have its file: from the cache, or from an address.
    pub(super) fn proceed(&self, row: &BookingRow, url: Option<&str>) -> Result<BookingRow, StoreError> {
        let change = BookingChange {
            state: BookingState::Downloading,
            url: url.unwrap_or_default().to_owned(),
            ..unchanged(row)
        };
        let Some(row) = self.tx.bookings().change(row.id, row.state, &change, self.now)? else {
            if row.state == BookingState::Ready {
                // It stays so, and what it had is brought back.
                self.fetch(&row.new.file, url, row)?;
            }
            return Ok(row.clone());
        };
        self.fetch_for(&row)?;
        Ok(row)
    }

    /// Ends a booking as failed; nothing where it has ended already.
    pub(super) fn refuse(
        &self,
        row: &BookingRow,
        code: Code,
        error: &str,
        reason: &str,
    ) -> Result<BookingRow, StoreError> {
        let change = BookingChange {
            state: BookingState::Failed,
            code: Some(code.number()),
            error: error.to_owned(),
            reason: reason.to_owned(),
            ..unchanged(row)
        };
        let Some(row) = self.tx.bookings().change(row.id, row.state, &change, self.now)? else {
            return Ok(row.clone());
        };
        self.tell_booking(&row, EventType::BookingFailed, Held::default())?;
        let holder = holder_of(&row);
        if self.tx.cache().holds_any(holder.kind.name(), &holder.name)? {
            // It was held for it, and then came a crash, or a refusal of the database.
            self.release(holder);
        }
        Ok(row)
    }

    /// Gives a booking its file, which is here and held for it; returns whether it still wants it.
    pub(in crate::worker) fn ready(
        &self,
        row: &BookingRow,
        path: &str,
        bytes: u64,
        until: i64,
    ) -> Result<bool, StoreError> {
        let change = BookingChange {
            state: BookingState::Ready,
            due_milliseconds: until,
            reason: String::new(),
            ..unchanged(row)
        };
        let Some(row) = self.tx.bookings().change(row.id, row.state, &change, self.now)? else {
            return Ok(false);
        };
        self.tell_booking(&row, EventType::BookingReady, Held { path: Some(path), bytes: Some(bytes) })?;
        Ok(true)
    }

    /// Ends the booking of a class that is over, or that takes it back. Doing it again does nothing but to let go again.
    pub(in crate::worker) fn end_class(&self, class: &ClassKey, state: BookingState) -> Result<Ended, StoreError> {
        let row = self.tx.bookings().latest(&class.institution, &class.class_id)?;
        let Some(row) = row else {
            // It may have been taken over from an older system, with its files and no booking: then no start finds out
            // that it has ended, and it must be let go here.
            let holder = Holder { kind: HolderKind::Class, name: class.to_string() };
            self.tx.cache().release_all(holder.kind.name(), &holder.name)?;
            self.release(holder);
            return Ok(Ended { row: None, was_live: false });
        };
        if !row.state.is_live() {
            self.release(holder_of(&row));
            return Ok(Ended { row: Some(row), was_live: false });
        }
        let reason = match state {
            BookingState::Over => "the class has ended",
            _ => "it was taken back",
        };
        let row = self.end(&row, state, reason)?;
        Ok(Ended { row: Some(row), was_live: true })
    }

    /// Ends a live booking as over or cancelled, and lets its file go.
    pub(in crate::worker) fn end(
        &self,
        row: &BookingRow,
        state: BookingState,
        reason: &str,
    ) -> Result<BookingRow, StoreError> {
        let change = BookingChange { state, reason: reason.to_owned(), ..unchanged(row) };
        let Some(row) = self.tx.bookings().change(row.id, row.state, &change, self.now)? else {
            return Ok(row.clone());
        };
        let event = if state == BookingState::Over { EventType::BookingOver } else { EventType::BookingCancelled };
        self.tell_booking(&row, event, Held::default())?;
        self.release(holder_of(&row));
        Ok(row)
    }
}

/// Returns the change that leaves a booking as it is.
pub(super) fn unchanged(row: &BookingRow) -> BookingChange {
    BookingChange {
        state: row.state,
        url: row.url.clone(),
        due_milliseconds: row.new.due_milliseconds,
        code: row.code,
        error: row.error.clone(),
        reason: row.reason.clone(),
    }
}
