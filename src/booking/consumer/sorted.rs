//! A batch of entries, by what is to be done with each.

use std::collections::BTreeMap;
use std::time::Duration;

use super::entry::{Content, Entry};
use super::owner::Kept;
use super::reader::Stream;
use super::settle::{Letter, Stub};
use super::{BODY_BYTES_MAX, Delivery, MESSAGE_FIELD, Settings, Verdict};
use crate::booking::{Channel, Invalid};

/// A message, and what belongs to it.
#[derive(Debug)]
pub(super) struct Parcel {
    /// Its entry in the stream that it was read from.
    pub(super) entry: String,
    pub(super) delivery: Delivery,
    /// The class that it books for.
    pub(super) class: Option<String>,
    /// It was read from the bookings stream by another node, and is acknowledged there too.
    pub(super) is_handed: bool,
}

/// The same while it is being taken.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) stub: Stub,
    pub(super) class: Option<String>,
    pub(super) is_handed: bool,
    /// Its entry in the bookings stream, where it was handed over.
    pub(super) original: String,
}

/// A batch.
#[derive(Debug, Default)]
pub(super) struct Sorted {
    pub(super) parcels: Vec<Parcel>,
    /// Entries that say which of our classes another node has now.
    pub(super) moved: Vec<(String, String)>,
    pub(super) letters: Vec<Letter>,
    /// To be acknowledged.
    pub(super) kept: Vec<String>,
    /// To be acknowledged in the bookings stream besides.
    pub(super) originals: Vec<String>,
    /// What became of entries that book for classes.
    pub(super) booked: BTreeMap<String, Kept>,
    /// How many of what is to be acknowledged were gone when they were read.
    pub(super) gone: usize,
    /// How many of what is to be acknowledged are no messages to us.
    pub(super) passed_over: usize,
    /// How many are another node's to acknowledge.
    pub(super) handed: usize,
}

impl Sorted {
    /// Tells messages from what is none, and what is for us from what is for others.
    pub(super) fn of(entries: Vec<Entry>, stream: &Stream, settings: &Settings) -> Self {
        let mut sorted = Self::default();
        for Entry { id, content } in entries {
            match content {
                Content::Message(body) => sorted.message(id, body, stream),
                Content::Handed { node, entry, body } if node == settings.node_id => {
                    let delivery = Delivery {
                        channel: Channel::Bookings,
                        source: settings.bookings_stream.clone(),
                        entry,
                        body,
                        above: 0,
                    };
                    sorted.parcels.push(Parcel { entry: id, delivery, class: None, is_handed: true });
                }
                Content::Moved { node, class } if node == settings.node_id => sorted.moved.push((id, class)),
                // For another node, which reads it too.
                Content::Handed { .. } | Content::Moved { .. } => sorted.pass_over(id),
                Content::Other => {
                    let invalid = refused("a field of the entry", "nothing".to_owned());
                    sorted.letters.push(Stub::of(&id, &[]).refused(invalid));
                }
                Content::Gone => {
                    sorted.gone += 1;
                    sorted.kept.push(id);
                    sorted.passed_over += 1;
                }
            }
        }
        sorted
    }

    /// Acknowledges what is no message to us.
    pub(super) fn pass_over(&mut self, entry: String) {
        self.passed_over += 1;
        self.kept.push(entry);
    }

    /// Puts what was taken where its verdict says; returns why it is not durable, if it is not.
    pub(super) fn judge(&mut self, taken: Taken, verdict: Result<Verdict, String>) -> Option<String> {
        let verdict = match verdict {
            Ok(verdict) => verdict,
            Err(why) => return Some(why),
        };
        if let Some(class) = taken.class {
            let kept = self.booked.entry(class).or_default();
            kept.entries += 1;
            let (sequence, lives) = match verdict {
                Verdict::Booked { sequence, lives } => (sequence, lives),
                Verdict::Refused { sequence, .. } => (sequence, Duration::ZERO),
                Verdict::Kept => (0, Duration::ZERO),
            };
            kept.sequence = kept.sequence.max(sequence);
            kept.lives = kept.lives.max(lives);
        }
        if taken.is_handed {
            self.originals.push(taken.original);
        }
        match verdict {
            Verdict::Kept | Verdict::Booked { .. } => self.kept.push(taken.stub.entry),
            Verdict::Refused { invalid, .. } => self.letters.push(taken.stub.refused(invalid)),
        }
        None
    }

    fn message(&mut self, entry: String, body: Vec<u8>, stream: &Stream) {
        if body.len() > BODY_BYTES_MAX {
            let invalid = refused("at most 1 MiB", format!("{} bytes", body.len()));
            self.letters.push(Stub::of(&entry, &body).refused(invalid));
            return;
        }
        let delivery =
            Delivery { channel: stream.channel, source: stream.name.clone(), entry: entry.clone(), body, above: 0 };
        self.parcels.push(Parcel { entry, delivery, class: None, is_handed: false });
    }
}

fn refused(rule: &'static str, got: String) -> Invalid {
    Invalid { field: MESSAGE_FIELD.to_owned(), rule, got, class: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_class_that_booked_twice_the_highest_number_counts_and_what_is_refused_counts_as_an_entry() {
        let mut sorted = Sorted::default();
        let refused = || Verdict::Refused { invalid: refused("", String::new()), sequence: 2 };
        let booked = |sequence| Verdict::Booked { sequence, lives: Duration::from_secs(sequence.into()) };
        let verdicts = [booked(3), booked(1), refused(), Verdict::Kept];
        for (number, verdict) in verdicts.into_iter().enumerate() {
            let class = (number < 3).then(|| "22/c-1".to_owned());
            let stub = Stub::of(&number.to_string(), b"{}");
            let taken = Taken { stub, class, is_handed: number == 1, original: "7-0".to_owned() };
            assert_eq!(sorted.judge(taken, Ok(verdict)), None);
        }
        assert_eq!(sorted.booked["22/c-1"], Kept { entries: 3, sequence: 3, lives: Duration::from_secs(3) });
        assert_eq!(
            (sorted.kept, sorted.letters.len(), sorted.originals),
            (vec!["0".to_owned(), "1".to_owned(), "3".to_owned()], 1, vec!["7-0".to_owned()])
        );
        let taken = Taken { stub: Stub::of("9", b""), class: None, is_handed: true, original: String::new() };
        assert_eq!(Sorted::default().judge(taken, Err("full".to_owned())).as_deref(), Some("full"));
    }
}
