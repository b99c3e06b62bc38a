//! Messages as they come, from wherever: understood, or refused with a reason, and either way on the disk before anybody is
//! told.
//!
//! The same entry of a stream, and the same request under the same key of its sender, is answered as the first time. Entries
//! of two streams come in any order: what ends a class ends also the booking that was sent before and is read behind it.

use super::desk::{Alarm, Desk};
use super::message::{Answered, json, read};
use super::node::{Node, blocking};
use super::view::{Order, Taken};
use crate::booking::consumer::{Delivery, Intake, LetGo, Verdict, Verdicts};
use crate::booking::{Channel, ClassKey, Code, Invalid, Message, TranscodeResult, message};
use crate::content_hash;
use crate::event::EventType;
use crate::media::RenditionName;
use crate::notify::{Follow, GivenUp};
use crate::provider::{RefusedAttempt, refused};
use crate::store::{BookingRow, BookingState, InboxRow, StoreError, Transaction};

/// Requests that carry a key of their sender's, in the inbox.
const REQUESTS: &str = "request";
/// How a class was last ended out of Redis, in the inbox under the class's name; called as nobody calls a stream.
const ENDS: &str = "end of a class";
/// An end counts for what was sent before it in this time; a stream whose entries are not called by the time, or by
/// another server's, shows by being further away. As long as entries and ends are kept.
const END_COUNTS_MILLISECONDS: u64 = 7 * 24 * 3_600_000;

/// What became of a message, before it is told.
#[derive(Clone, Debug)]
enum Outcome {
    Booked { row: BookingRow, was_there: bool },
    Ended { row: Option<BookingRow>, was_live: bool },
    Noted { is_known: bool },
    Invalid(Invalid),
    KeyReused,
}

/// A message on its way to the desk.
struct Envelope {
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
    fn of(
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

    /// Returns when it was sent, in milliseconds of Redis' clock, where it came from there.
    fn sent_milliseconds(&self) -> Option<u64> {
        let (_, entry) = self.name.as_ref().filter(|_| self.is_unattended)?;
        sent(entry)
    }
}

impl Node {
    /// Takes a message.
    ///
    /// # Errors
    /// The database refuses; nothing of it was taken.
    pub async fn take(&self, order: Order) -> Result<Taken, StoreError> {
        let mut message = self.understand(&order.body, order.channel);
        if let (Some(institution), Ok(message)) = (&order.institution, &mut message)
            && !bind(message, institution)
        {
            return Ok(Taken::Foreign);
        }
        let name = order.idempotency_key.map(|key| {
            let whose = order.institution.as_deref().unwrap_or_default();
            (format!("{REQUESTS} {whose}"), key)
        });
        let full = if matches!(message, Ok(Message::Booking(_))) { self.refusal().await } else { None };
        let claims = self.inner.claims.as_ref();
        let claimed = claims.and_then(|claims| Some((claims, booked_class(message.as_ref().ok()?)?)));
        let above = match &claimed {
            Some((claims, class)) => claims.above(class).await,
            None => 0,
        };
        let envelope = Envelope { full, above, ..Envelope::of(message, &order.body, name, None) };
        let outcome = self.decide_once(move |desk| desk.take(&envelope)).await?;
        if let (Outcome::Booked { row, was_there: false }, Some((claims, class))) = (&outcome, claimed) {
            claims.take(&class, row.new.sequence).await;
        }
        self.told(outcome).await
    }

    fn understand(&self, body: &[u8], channel: Channel) -> Result<Message, Invalid> {
        let guard = &self.inner.acquirer.downloader.dialer.guard;
        message::parse(body, channel, &|url| guard.target(url).map(drop).map_err(|refusal| refusal.to_string()))
    }

    /// Says why there is no room for one more file, where there is none: once for all that come together, and from where it
    /// may wait for a disk.
    async fn refusal(&self) -> Option<String> {
        let cache = self.inner.cache.clone();
        match blocking(move || cache.refusal()).await {
            Ok(Ok(refusal)) => refusal.map(|full| full.to_string()),
            Ok(Err(error)) => {
                tracing::warn!(%error, "the cache's disk cannot be asked for room");
                None
            }
            Err(_) => None,
        }
    }

    async fn told(&self, outcome: Outcome) -> Result<Taken, StoreError> {
        Ok(match outcome {
            Outcome::Booked { row, was_there } => Taken::Booked { booking: self.view(row).await?, was_there },
            Outcome::Ended { row: Some(row), was_live } => {
                Taken::Ended { booking: Some(self.view(row).await?), was_live }
            }
            Outcome::Ended { row: None, was_live } => Taken::Ended { booking: None, was_live },
            Outcome::Noted { is_known } => Taken::Noted { is_known },
            Outcome::Invalid(invalid) => Taken::Invalid(invalid),
            Outcome::KeyReused => Taken::KeyReused,
        })
    }
}

impl Intake for Node {
    fn take(&self, deliveries: Vec<Delivery>) -> Verdicts<'_> {
        Box::pin(async move {
            let may_book = deliveries.iter().any(|delivery| delivery.channel == Channel::Bookings);
            let full = if may_book { self.refusal().await } else { None };
            // All are handed in before the first is awaited: they share one commit.
            let hand_in = |delivery| self.hand_in(delivery, full.clone());
            let pending: Vec<_> = deliveries.into_iter().map(hand_in).collect();
            let mut verdicts = Vec::with_capacity(pending.len());
            for one in pending {
                verdicts.push(one.await);
            }
            verdicts
        })
    }

    fn class(&self, body: &[u8], channel: Channel) -> Option<String> {
        message::booked_class(body, channel).map(|class| class.to_string())
    }

    fn let_go<'a>(&'a self, class: &'a str) -> LetGo<'a> {
        let (institution, class_id) = class.split_once('/').unwrap_or(("", class));
        let class = ClassKey { institution: institution.to_owned(), class_id: class_id.to_owned() };
        Box::pin(async move {
            let let_go = self.decide(move |desk| desk.let_go(&class)).await;
            let_go.map_err(|error| error.to_string())
        })
    }
}

impl Node {
    fn hand_in(
        &self,
        delivery: Delivery,
        full: Option<String>,
    ) -> impl Future<Output = Result<Verdict, String>> + use<'_> {
        let message = self.understand(&delivery.body, delivery.channel);
        let name = Some((delivery.source, delivery.entry));
        let (above, from) = (delivery.above, Some(delivery.channel));
        let envelope = Envelope { full, above, ..Envelope::of(message, &delivery.body, name, from) };
        let taken = self.decide_now(move |desk| desk.take(&envelope));
        async move {
            let outcome = match taken {
                Ok(taken) => taken.await,
                Err(error) => Err(error),
            };
            match outcome {
                Ok(Outcome::Booked { row, .. }) => Ok(Verdict::Booked { sequence: row.new.sequence }),
                Ok(Outcome::Invalid(invalid)) => Ok(Verdict::Refused(invalid)),
                Ok(Outcome::Ended { .. } | Outcome::Noted { .. } | Outcome::KeyReused) => Ok(Verdict::Kept),
                Err(error) => Err(error.to_string()),
            }
        }
    }
}

impl Node {
    /// Sees to a delivery that is given up, in the transaction that does so: a request that a provider refuses is that
    /// attempt's failure, and every one of them is an alarm.
    ///
    /// # Errors
    /// The database refuses; then it is not given up either.
    pub fn given_up(&self, tx: &Transaction<'_>, given_up: &GivenUp<'_>) -> Result<Follow, StoreError> {
        let GivenUp { event, target, why } = *given_up;
        let desk = Desk::new(tx, &self.inner.terms, self.now(), self.is_only_node());
        desk.alarm(&Alarm {
            event: EventType::Alarm,
            code: None,
            error: "EVENT_GIVEN_UP".to_owned(),
            reason: format!("nobody took {} {}: {target}: {why}", event.event_type.name(), event.event_id),
            institution: event.institution.clone(),
            subject: event.class_id.clone().unwrap_or_else(|| "node".to_owned()),
        })?;
        let attempt = Some(event).filter(|event| event.event_type == EventType::TranscodeRequested);
        let attempt = attempt.and_then(refused).filter(|refused| refused.provider == target);
        if let Some(failure) = attempt.and_then(|refused| failure_of(&event.institution, refused)) {
            desk.result(&failure)?;
        }
        let (node, after) = (self.clone(), desk.close());
        Ok(Box::new(move || node.follow(after)))
    }
}

impl Desk<'_> {
    /// Takes a message, unless it was taken before.
    fn take(&self, envelope: &Envelope) -> Result<Outcome, StoreError> {
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
            (_, Err(invalid)) => Outcome::Invalid(invalid.clone()),
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
            Ok(Message::Booking(booking)) => {
                let full = envelope.full.as_deref();
                let booked = self.book(booking, &message::to_body(booking), full, envelope.above)?;
                let row = match envelope.sent_milliseconds().filter(|_| booked.is_new) {
                    Some(sent) => self.end_late(booked.row, sent)?,
                    None => booked.row,
                };
                Ok(Outcome::Booked { row, was_there: !booked.is_new })
            }
            Ok(Message::Over(class)) => self.ended(class, BookingState::Over, envelope),
            Ok(Message::Cancel(class)) => self.ended(class, BookingState::Cancelled, envelope),
            Ok(Message::Result(result)) => Ok(Outcome::Noted { is_known: self.result(result)? }),
            Err(invalid) => {
                if envelope.is_unattended {
                    self.refuse_message(invalid, envelope.is_for_all)?;
                }
                Ok(Outcome::Invalid(invalid.clone()))
            }
        }
    }

    fn ended(&self, class: &ClassKey, state: BookingState, envelope: &Envelope) -> Result<Outcome, StoreError> {
        if let (Some((_, entry)), Some(_)) = (&envelope.name, envelope.sent_milliseconds()) {
            let note = InboxRow {
                source: ENDS.to_owned(),
                entry: class.to_string(),
                body_sha256: envelope.body_sha256.clone(),
                answer: format!("{entry} {}", state.name()),
            };
            self.tx().inbox().put(&note, self.now())?;
        }
        let ended = self.end_class(class, state)?;
        Ok(Outcome::Ended { row: ended.row, was_live: ended.was_live })
    }

    /// Ends a booking whose class was ended by what was sent behind it and read before it.
    fn end_late(&self, row: BookingRow, sent_milliseconds: u64) -> Result<BookingRow, StoreError> {
        let class = ClassKey { institution: row.new.institution.clone(), class_id: row.new.class_id.clone() };
        let Some(note) = self.tx().inbox().get(ENDS, &class.to_string())? else { return Ok(row) };
        let Some((entry, state)) = note.answer.split_once(' ') else { return Ok(row) };
        let behind = sent(entry).and_then(|ended| ended.checked_sub(sent_milliseconds));
        // In the same millisecond nobody can say, and a class is not let down for that.
        let is_late = behind.is_some_and(|behind| behind > 0 && behind <= END_COUNTS_MILLISECONDS);
        match BookingState::parse(state).filter(|_| is_late && row.state.is_live()) {
            Some(state) => self.end(&row, state, "its end was sent behind it, and came first"),
            None => Ok(row),
        }
    }

    /// Ends what is live of a class that another node has now.
    fn let_go(&self, class: &ClassKey) -> Result<(), StoreError> {
        let row = self.tx().bookings().latest(&class.institution, &class.class_id)?;
        match row.filter(|row| row.state.is_live()) {
            Some(row) => self.end(&row, BookingState::Cancelled, "another node has the class now").map(drop),
            None => Ok(()),
        }
    }

    /// Tells of a message that cannot be understood, and its class, where that much could be read.
    fn refuse_message(&self, invalid: &Invalid, is_for_all: bool) -> Result<(), StoreError> {
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
        let class = invalid.class.as_ref().filter(|_| !is_for_all);
        class.map_or(Ok(()), |class| self.refuse_class(class, &reason))
    }
}

/// Returns what a provider's refusal comes to.
fn failure_of(institution: &str, refused: RefusedAttempt) -> Option<TranscodeResult> {
    Some(TranscodeResult {
        institution: institution.to_owned(),
        record: refused.record,
        resolution: RenditionName::parse(&refused.resolution).ok()?,
        is_success: false,
        url: None,
        provider: Some(refused.provider),
        attempt: Some(refused.attempt),
    })
}

/// Lets a message be about that institution; returns false where it is about another one.
fn bind(message: &mut Message, institution: &str) -> bool {
    let own = match message {
        Message::Booking(booking) => &mut booking.class.institution,
        Message::Over(class) | Message::Cancel(class) => &mut class.institution,
        Message::Result(result) => &mut result.institution,
    };
    if own.is_empty() {
        institution.clone_into(own);
    }
    own == institution
}

/// Returns the class for which a message books, by its name in the fleet.
fn booked_class(message: &Message) -> Option<String> {
    if let Message::Booking(booking) = message { Some(booking.class.to_string()) } else { None }
}

/// Returns when an entry was written, by its name, in milliseconds of Redis' clock.
fn sent(entry: &str) -> Option<u64> {
    entry.split_once('-')?.0.parse().ok()
}

fn answered(outcome: &Outcome) -> Answered {
    match outcome {
        Outcome::Booked { row, .. } => Answered::Booked { id: row.id },
        Outcome::Ended { row, was_live } => {
            Answered::Ended { id: row.as_ref().map(|row| row.id), was_live: *was_live }
        }
        Outcome::Noted { is_known } => Answered::Noted { is_known: *is_known },
        Outcome::Invalid(_) | Outcome::KeyReused => Answered::Invalid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_a_bound_sender_is_of_its_institution_or_refused() {
        let over = |institution: &str| {
            Message::Over(ClassKey { institution: institution.to_owned(), class_id: "c-1".to_owned() })
        };
        for (institution, is_taken) in [("", true), ("22", true), ("23", false)] {
            let mut message = over(institution);
            assert_eq!(bind(&mut message, "22"), is_taken, "{institution}");
            assert_eq!(message == over("22"), is_taken);
        }
    }
}
