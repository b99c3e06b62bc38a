//! Messages as they come, from wherever: understood, or refused with a reason, and either way on the disk before anybody is
//! told.
//!
//! The same entry of a stream, and the same request under the same key of its sender, is answered as the first time. Entries
//! come in any order, and what was sent last counts (`desk::late`).

use std::time::Duration;

use super::desk::{Alarm, Desk};
use super::envelope::{Envelope, Outcome};
use super::node::{Node, blocking};
use super::view::{Order, Taken};
use crate::booking::consumer::{Delivery, Intake, LetGo, Verdict, Verdicts};
use crate::booking::{Channel, ClassKey, Invalid, Message, TranscodeResult, message};
use crate::event::EventType;
use crate::media::RenditionName;
use crate::notify::{Follow, GivenUp};
use crate::provider::{RefusedAttempt, refused};
use crate::store::{BookingRow, StoreError, Transaction};

/// Requests that carry a key of their sender's, in the inbox.
const REQUESTS: &str = "request";

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
        let envelope = Envelope::of(message, &order.body, name, None).with(full, above);
        let outcome = self.decide_once(move |desk| desk.take(&envelope)).await?;
        // Also where it was there: whoever asked may have been told nothing, as this process may have ended before it had
        // recorded that the class is its own.
        if let (Outcome::Booked { row, .. }, Some((claims, class))) = (&outcome, claimed)
            && row.state.is_live()
        {
            claims.take(&class, row.new.sequence, self.lives(row)).await;
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

    /// Returns how long a booking can live from now on.
    fn lives(&self, row: &BookingRow) -> Duration {
        let milliseconds = self.inner.terms.lives_until(row).saturating_sub(self.now());
        Duration::from_millis(u64::try_from(milliseconds).unwrap_or(0))
    }

    async fn told(&self, outcome: Outcome) -> Result<Taken, StoreError> {
        Ok(match outcome {
            Outcome::Booked { row, was_there } => Taken::Booked { booking: self.view(row).await?, was_there },
            Outcome::Ended { row: Some(row), was_live } => {
                Taken::Ended { booking: Some(self.view(row).await?), was_live }
            }
            Outcome::Ended { row: None, was_live } => Taken::Ended { booking: None, was_live },
            Outcome::Noted { is_known } => Taken::Noted { is_known },
            Outcome::Invalid { invalid, .. } => Taken::Invalid(invalid),
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

    fn let_go(&self, moved: Vec<(String, String)>) -> LetGo<'_> {
        let moved: Vec<(ClassKey, String)> =
            moved.into_iter().map(|(entry, class)| (ClassKey::named(&class), entry)).collect();
        Box::pin(async move {
            let let_go = self
                .decide(move |desk| moved.iter().try_for_each(|(class, entry)| desk.let_go(class, entry)))
                .await;
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
        let envelope = Envelope::of(message, &delivery.body, name, from).with(full, above);
        let taken = self.decide_now(move |desk| desk.take(&envelope));
        async move {
            let outcome = match taken {
                Ok(taken) => taken.await,
                Err(error) => Err(error),
            };
            match outcome {
                Ok(Outcome::Booked { row, .. }) => {
                    Ok(Verdict::Booked { sequence: row.new.sequence, lives: self.lives(&row) })
                }
                Ok(Outcome::Invalid { invalid, sequence }) => Ok(Verdict::Refused { invalid, sequence }),
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
