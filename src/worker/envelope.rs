//! A message in its envelope, as it reaches the desk: taken once by its name, understood or refused, and what became of it.

use super::desk::{Alarm, Arrival, Desk, Sent};
use super::message::{Answered, json, read};
use crate::booking::{Booking, Channel, ClassKey, Code, Invalid, Message, message};
use crate::content_hash;
use crate::event::EventType;
use crate::store::{BookingRow, BookingState, InboxRow, StoreError};

/// What became of a message, before it is told.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    Booked {
        row: BookingRow,
        was_there: bool,
    },
    Ended {
        row: Option<BookingRow>,
        was_live: bool,
    },
    Noted {
        is_known: bool,
    },
    /// `sequence` is the number that its class's booking has for that, where it has one.
    Invalid {
        invalid: Invalid,
        sequence: u32,
    },
    KeyReused,
}

/// A message on its way to the desk.
pub(super) struct Envelope {
    message: Result<Message, Invalid>,
    body_sha256: String,
    /// Where it came from and what it is called there, where it has a name.
    name: Option<(String, String)>,
    /// Nobody waits for the answer: what is refused is told as an event.
    is_unattended: bool,
    /// Other nodes hear of it too: it says nothing about a class of ours.
    is_for_all: bool,
    /// Why there is no room for one more file, should it be a booking.
    full: Option<String>,
    /// Another node may have given numbers up to this one to bookings of its class.
    above: u32,
}

impl Envelope {
    /// Closes one with a message that came by a channel, or from somebody who waits for the answer.
    pub(super) fn of(
        message: Result<Message, Invalid>,
        body: &[u8],
        name: Option<(String, String)>,
        from: Option<Channel>,
    ) -> Self {
        Self {
            message,
            body_sha256: content_hash::of_bytes(body),
            name,
            is_unattended: from.is_some(),
            is_for_all: from == Some(Channel::Control),
            full: None,
            above: 0,
        }
    }

    /// The same with what the desk must know of a booking besides.
    pub(super) fn with(self, full: Option<String>, above: u32) -> Self {
        Self { full, above, ..self }
    }

    /// Returns the entry that it is and when that was sent, where it came out of Redis and is called by the time.
    fn sent(&self, now_milliseconds: i64) -> Option<(&str, Sent)> {
        let (_, entry) = self.name.as_ref().filter(|_| self.is_unattended)?;
        Some((entry, Sent::of(entry, now_milliseconds)?))
    }
}

impl Desk<'_> {
    /// Takes a message, unless it was taken before.
    pub(super) fn take(&self, envelope: &Envelope) -> Result<Outcome, StoreError> {
        let Some((source, entry)) = &envelope.name else { return self.take_new(envelope) };
        let mut entry = entry.clone();
        if let Some(before) = self.tx().inbox().get(source, &entry)? {
            if before.body_sha256 == envelope.body_sha256 {
                return self.again(&before, envelope);
            }
            if !envelope.is_unattended {
                return Ok(Outcome::KeyReused);
            }
            // A Redis that forgot, and gives its names again: another message, under a name that says so.
            entry = format!("{entry} {}", envelope.body_sha256);
            if let Some(before) = self.tx().inbox().get(source, &entry)? {
                return self.again(&before, envelope);
            }
        }
        let outcome = self.take_new(envelope)?;
        let row = InboxRow {
            source: source.clone(),
            entry,
            body_sha256: envelope.body_sha256.clone(),
            answer: json(&answered(&outcome)),
        };
        self.tx().inbox().insert(&row, self.now())?;
        Ok(outcome)
    }

    /// Answers a message that was taken before, with the booking as it is now.
    fn again(&self, before: &InboxRow, envelope: &Envelope) -> Result<Outcome, StoreError> {
        let row = |id: Option<i64>| id.map_or(Ok(None), |id| self.tx().bookings().get(id));
        Ok(match (read::<Answered>(&before.answer), &envelope.message) {
            (_, Err(invalid)) => Outcome::Invalid { invalid: invalid.clone(), sequence: 0 },
            (Some(Answered::Booked { id }), _) => match row(Some(id))? {
                Some(row) => Outcome::Booked { row, was_there: true },
                None => Outcome::Ended { row: None, was_live: false },
            },
            (Some(Answered::Ended { id, was_live }), _) => Outcome::Ended { row: row(id)?, was_live },
            (Some(Answered::Noted { is_known }), _) => Outcome::Noted { is_known },
            (Some(Answered::Invalid) | None, _) => Outcome::Noted { is_known: false },
        })
    }

    fn take_new(&self, envelope: &Envelope) -> Result<Outcome, StoreError> {
        match &envelope.message {
            Ok(Message::Booking(booking)) => self.booked(booking, envelope),
            Ok(Message::Over(class)) => self.ended(class, BookingState::Over, envelope),
            Ok(Message::Cancel(class)) => self.ended(class, BookingState::Cancelled, envelope),
            Ok(Message::Result(result)) => Ok(Outcome::Noted { is_known: self.result(result)? }),
            Err(invalid) => {
                let sequence = match envelope.is_unattended {
                    true => self.refuse_message(invalid, envelope)?,
                    false => 0,
                };
                Ok(Outcome::Invalid { invalid: invalid.clone(), sequence })
            }
        }
    }

    fn booked(&self, booking: &Booking, envelope: &Envelope) -> Result<Outcome, StoreError> {
        let sent = envelope.sent(self.now());
        if let Some((_, sent)) = sent
            && let Some(row) = self.superseding(&booking.class, sent)?
        {
            return Ok(Outcome::Booked { row, was_there: true });
        }
        let arrival = Arrival { entry: sent.map_or("", |(entry, _)| entry), above: envelope.above };
        let booked = self.book(booking, &message::to_body(booking), envelope.full.as_deref(), &arrival)?;
        let row = match sent {
            Some((_, sent)) if booked.is_new => self.end_late(booked.row, sent)?,
            // Said again: what was sent before this does not count any more.
            Some((entry, _)) => {
                self.tx().bookings().set_entry(booked.row.id, entry)?;
                booked.row
            }
            None => booked.row,
        };
        Ok(Outcome::Booked { row, was_there: !booked.is_new })
    }

    fn ended(&self, class: &ClassKey, state: BookingState, envelope: &Envelope) -> Result<Outcome, StoreError> {
        if let Some((entry, sent)) = envelope.sent(self.now())
            && let Some(row) = self.note_end(class, state, entry, sent)?
        {
            return Ok(Outcome::Ended { row: Some(row), was_live: false });
        }
        let ended = self.end_class(class, state)?;
        Ok(Outcome::Ended { row: ended.row, was_live: ended.was_live })
    }

    /// Ends what is live of a class that another node has now, as an entry of the control stream says: nothing of what was
    /// booked here after that.
    pub(super) fn let_go(&self, class: &ClassKey, entry: &str) -> Result<(), StoreError> {
        let row = self.tx().bookings().latest(&class.institution, &class.class_id)?;
        let moved = Sent::of(entry, self.now());
        let was_here =
            |row: &BookingRow| moved.is_none_or(|moved| row.accepted_milliseconds <= moved.milliseconds());
        match row.filter(|row| row.state.is_live() && was_here(row)) {
            Some(row) => self.end(&row, BookingState::Cancelled, "another node has the class now").map(drop),
            None => Ok(()),
        }
    }

    /// Tells of a message that cannot be understood, and its class, where that much could be read; returns the number of the
    /// class's booking that this is, or 0.
    fn refuse_message(&self, invalid: &Invalid, envelope: &Envelope) -> Result<u32, StoreError> {
        let reason = invalid.to_string();
        self.alarm(&Alarm {
            event: EventType::Alarm,
            code: Some(Code::InvalidMessage),
            error: Code::InvalidMessage.name().to_owned(),
            reason: reason.clone(),
            institution: invalid.class.as_ref().map(|class| class.institution.clone()).unwrap_or_default(),
            subject: format!("{} {}", invalid.field, invalid.rule),
        })?;
        // A booking comes to one node. What all of them read would fail a class on each that does not know it.
        let class = invalid.class.as_ref().filter(|_| !envelope.is_for_all);
        class.map_or(Ok(0), |class| self.refuse_class(class, &reason, envelope.above))
    }
}

fn answered(outcome: &Outcome) -> Answered {
    match outcome {
        Outcome::Booked { row, .. } => Answered::Booked { id: row.id },
        Outcome::Ended { row, was_live } => {
            Answered::Ended { id: row.as_ref().map(|row| row.id), was_live: *was_live }
        }
        Outcome::Noted { is_known } => Answered::Noted { is_known: *is_known },
        Outcome::Invalid { .. } | Outcome::KeyReused => Answered::Invalid,
    }
}
