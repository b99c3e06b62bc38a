//! What is heard on the channels, and whose it is to write into the streams.
//!
//! Redis tells all who listen the same things in the same order. A bridge that begins publishes a mark on a channel of the
//! bridges' own: what comes before it is for the bridge that was there, what comes behind it for the one that came, until
//! the next mark. Both may listen at once, then, for as long as they like, and each message is written by one of them.
//!
//! ```text
//!          own mark           another's mark
//! before ───────────▶ ours ───────────────────▶ after
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use redis::{PushInfo, PushKind, Value};
use tokio::sync::mpsc;

use super::status::Count;
use super::{BODY_BYTES_MAX, MARK_CHANNEL, Status};

/// Bytes that wait to be written. Listening cannot be slowed, so what comes beyond is dropped and counted.
const HEARD_BYTES_MAX: usize = 64 << 20;

/// Something that was published.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Heard {
    pub(super) channel: Vec<u8>,
    pub(super) body: Vec<u8>,
}

/// What an ear passes on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// Something was published that is ours to write.
    Heard(Heard),
    /// Nothing more will be: the connection was lost, or another bridge has begun.
    End,
}

const BEFORE: u8 = 0;
const OURS: u8 = 1;
const AFTER: u8 = 2;

/// Whose turn it is, over one connection.
#[derive(Debug)]
pub(super) struct Turn {
    mark: String,
    state: AtomicU8,
}

impl Turn {
    pub(super) fn of(mark: String) -> Self {
        Self { mark, state: AtomicU8::new(BEFORE) }
    }

    /// Returns what to publish.
    pub(super) fn mark(&self) -> &str {
        &self.mark
    }

    /// Returns whether another bridge has begun since ours did.
    pub(super) fn is_over(&self) -> bool {
        self.state.load(Ordering::Acquire) == AFTER
    }

    fn is_ours(&self) -> bool {
        self.state.load(Ordering::Acquire) == OURS
    }

    /// Hears a mark; returns whether it ends ours. What others begin before us is no end of ours.
    fn ends_with(&self, mark: &[u8]) -> bool {
        if mark == self.mark.as_bytes() {
            self.state.store(OURS, Ordering::Release);
            return false;
        }
        self.state.compare_exchange(OURS, AFTER, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

/// Returns what takes pushes from a connection; it must not wait.
pub(super) fn ear(
    sender: mpsc::Sender<Word>,
    turn: Arc<Turn>,
    bytes: Arc<AtomicUsize>,
    status: Arc<Status>,
) -> impl Fn(PushInfo) -> Result<(), ()> + Send + Sync + 'static {
    move |push| {
        if push.kind == PushKind::Disconnection {
            return sender.try_send(Word::End).map_err(|_| ());
        }
        let Some(heard) = (push.kind == PushKind::Message).then(|| message(push.data)).flatten() else {
            return Ok(());
        };
        if heard.channel == MARK_CHANNEL.as_bytes() {
            if turn.ends_with(&heard.body) {
                // Where there is no room for it, whoever empties the queue looks at the turn.
                let _ = sender.try_send(Word::End);
            }
            return Ok(());
        }
        if !turn.is_ours() {
            return Ok(());
        }
        let length = heard.body.len();
        let has_room = bytes.fetch_add(length, Ordering::Relaxed) + length <= HEARD_BYTES_MAX;
        if !has_room || sender.try_send(Word::Heard(heard)).is_err() {
            bytes.fetch_sub(length, Ordering::Relaxed);
            status.count(Count::Overflowed, 1);
        }
        Ok(())
    }
}

/// Understands a push. A message that is too long is cut to what is still too long.
fn message(data: Vec<Value>) -> Option<Heard> {
    let [Value::BulkString(channel), Value::BulkString(mut body)] = <[Value; 2]>::try_from(data).ok()? else {
        return None;
    };
    body.truncate(BODY_BYTES_MAX + 1);
    Some(Heard { channel, body })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(channel: &str, body: &str) -> PushInfo {
        let data = [channel, body].map(|text| Value::BulkString(text.as_bytes().to_vec()));
        PushInfo { kind: PushKind::Message, data: data.to_vec() }
    }

    fn told(heard: &mut mpsc::Receiver<Word>) -> Vec<String> {
        let words = std::iter::from_fn(|| heard.try_recv().ok());
        let body = |word| match word {
            Word::Heard(heard) => String::from_utf8(heard.body).unwrap(),
            Word::End => "the end".to_owned(),
        };
        words.map(body).collect()
    }

    #[test]
    fn of_all_that_several_bridges_hear_each_message_is_one_s_to_write() {
        let marks = ["a", "b", "c"];
        let (mut ears, mut ends) = (Vec::new(), Vec::new());
        for mark in marks {
            let (sender, heard) = mpsc::channel(16);
            ears.push(ear(sender, Arc::new(Turn::of(mark.to_owned())), Arc::default(), Arc::default()));
            ends.push(heard);
        }
        for (channel, body) in [
            ("c", "nobody's"),
            (MARK_CHANNEL, "a"),
            ("c", "1"),
            (MARK_CHANNEL, "b"),
            ("c", "2"),
            ("c", "2"),
            (MARK_CHANNEL, "c"),
            ("c", "3"),
        ] {
            assert!(ears.iter().all(|ear| ear(push(channel, body)).is_ok()));
        }
        let written: Vec<Vec<String>> = ends.iter_mut().map(told).collect();
        assert_eq!(written, [vec!["1", "the end"], vec!["2", "2", "the end"], vec!["3"]]);
    }

    #[test]
    fn what_cannot_be_held_is_counted_and_dropped() {
        let (sender, mut heard) = mpsc::channel(1);
        let (status, bytes) = (Arc::new(Status::default()), Arc::new(AtomicUsize::new(0)));
        let turn = Arc::new(Turn::of("own".to_owned()));
        let ear = ear(sender, Arc::clone(&turn), Arc::clone(&bytes), Arc::clone(&status));
        for (channel, body) in [(MARK_CHANNEL, "own"), ("c", "first"), ("c", "second"), (MARK_CHANNEL, "another")] {
            assert!(ear(push(channel, body)).is_ok());
        }
        assert_eq!((status.overflowed(), bytes.load(Ordering::Relaxed)), (1, "first".len()));
        assert_eq!(told(&mut heard), ["first"]);
        assert!(turn.is_over(), "an end for which there is no room is an end");
        let too_long = push("c", &"x".repeat(BODY_BYTES_MAX + 5));
        assert_eq!(message(too_long.data).unwrap().body.len(), BODY_BYTES_MAX + 1);
    }
}
