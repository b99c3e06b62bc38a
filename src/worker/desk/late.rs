//! Messages of a class that are read in another order than they were sent in: entries of two streams, of a node that was away,
//! or of one that died. What was sent last counts, by the times in the entries' names.

use super::Desk;
use crate::booking::ClassKey;
use crate::store::{BookingRow, BookingState, InboxRow, StoreError};

/// How a class was last ended out of Redis, in the inbox under the class's name. No stream is called like that: names of
/// streams that hold a space are refused nowhere, but nobody has one.
const ENDS: &str = "end of a class";
/// An entry's name is a time if it is not older than that: so long entries and ends are kept. Whoever counts entries instead
/// has no part in this.
const AGE_MAX_MILLISECONDS: u64 = 7 * 24 * 3_600_000;
/// And if it is no further in the future: as much as clocks differ that are kept right. A stream whose server was once ahead
/// by more goes on calling entries by times to come, and the other stream may not: then what is read last counts.
const AHEAD_MILLISECONDS: u64 = 10_000;

/// When an entry was sent: milliseconds of Redis' clock, and its place among those of the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::worker) struct Sent {
    milliseconds: u64,
    place: u64,
}

impl Sent {
    /// Understands the name of an entry that was written about then; nothing where it is no time.
    pub(in crate::worker) fn of(entry: &str, now_milliseconds: i64) -> Option<Self> {
        let (milliseconds, place) = entry.split_once('-')?;
        let sent = Self { milliseconds: milliseconds.parse().ok()?, place: place.parse().ok()? };
        let now = u64::try_from(now_milliseconds).ok()?;
        let is_time = sent.milliseconds <= now.saturating_add(AHEAD_MILLISECONDS)
            && now.saturating_sub(sent.milliseconds) <= AGE_MAX_MILLISECONDS;
        is_time.then_some(sent)
    }

    /// Returns the Unix milliseconds.
    pub(in crate::worker) fn milliseconds(self) -> i64 {
        i64::try_from(self.milliseconds).unwrap_or(i64::MAX)
    }

    /// Returns whether it was sent before an entry of another stream. In the same millisecond nobody can say, and what is
    /// read last counts.
    const fn is_before(self, other: Self) -> bool {
        self.milliseconds < other.milliseconds
    }
}

impl Desk<'_> {
    /// Returns a class's booking where that was sent later than an entry, which then is no news. Both are of one stream; one
    /// that was booked in another way is later if the class was ended in between, as it lives.
    pub(in crate::worker) fn superseding(
        &self,
        class: &ClassKey,
        sent: Sent,
    ) -> Result<Option<BookingRow>, StoreError> {
        let row = self.tx.bookings().latest(&class.institution, &class.class_id)?;
        let is_ended = self.noted_end(class)?.is_some_and(|(ended, _)| sent.is_before(ended));
        let is_later = |row: &BookingRow| match Sent::of(&row.new.entry, self.now) {
            Some(last) => last > sent,
            None => is_ended && row.state.is_live(),
        };
        Ok(row.filter(is_later).inspect(|row| {
            tracing::info!(
                class = row.new.class_id,
                ?sent,
                "a booking was sent before the one that stands, and is passed over"
            );
        }))
    }

    /// Notes the end of a class, by its entry, for bookings that were sent before and are read behind it; returns the class's
    /// booking where that was sent later, and so is not ended by it.
    pub(in crate::worker) fn note_end(
        &self,
        class: &ClassKey,
        state: BookingState,
        entry: &str,
        sent: Sent,
    ) -> Result<Option<BookingRow>, StoreError> {
        if self.noted_end(class)?.is_none_or(|(noted, _)| noted <= sent) {
            let note = InboxRow {
                source: ENDS.to_owned(),
                entry: class.to_string(),
                body_sha256: String::new(),
                answer: format!("{entry} {}", state.name()),
            };
            self.tx.inbox().put(&note, self.now)?;
        }
        let row = self.tx.bookings().latest(&class.institution, &class.class_id)?;
        let is_later =
            |row: &BookingRow| Sent::of(&row.new.entry, self.now).is_some_and(|booked| sent.is_before(booked));
        Ok(row.filter(is_later).inspect(|row| {
            tracing::info!(
                class = row.new.class_id,
                ?sent,
                "an end was sent before the booking that stands, and is passed over"
            );
        }))
    }

    /// Ends a booking whose class was ended by what was sent behind it and read before it.
    pub(in crate::worker) fn end_late(&self, row: BookingRow, sent: Sent) -> Result<BookingRow, StoreError> {
        let class = super::file::class_of(&row);
        match self.noted_end(&class)? {
            Some((ended, state)) if sent.is_before(ended) && row.state.is_live() => {
                self.end(&row, state, "its end was sent behind it, and came first")
            }
            _ => Ok(row),
        }
    }

    fn noted_end(&self, class: &ClassKey) -> Result<Option<(Sent, BookingState)>, StoreError> {
        let note = self.tx.inbox().get(ENDS, &class.to_string())?;
        Ok(note.and_then(|note| {
            let (entry, state) = note.answer.split_once(' ')?;
            Some((Sent::of(entry, self.now)?, BookingState::parse(state)?))
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_time_only_if_it_is_about_now() {
        let now = 1_760_000_000_000;
        let sent = |entry: &str| Sent::of(entry, now);
        assert!(
            sent("1760000000001-0") > sent("1760000000000-7") && sent("1760000000000-7") > sent("1760000000000-0")
        );
        assert!(sent("1759395200000-0").is_some() && sent("1759395199999-0").is_none());
        assert!(sent("1760000010000-0").is_some() && sent("1760000010001-0").is_none());
        for name in ["", "7", "7-0", "1760000000000", "1760000000000-x", "-1-0"] {
            assert_eq!(sent(name), None, "{name}");
        }
    }
}
