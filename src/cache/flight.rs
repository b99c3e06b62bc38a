//! One download per file: who comes second waits for the first, and then looks again.

use std::collections::HashMap;

use tokio::sync::watch;

use super::Key;

/// Who is getting which file.
#[derive(Debug, Default)]
pub(super) struct Flights {
    under_way: HashMap<Key, (u64, watch::Sender<()>)>,
    last: u64,
}

impl Flights {
    /// Returns somebody's way to the file, if somebody is on it.
    pub(super) fn of(&self, key: &Key) -> Option<Flight> {
        self.under_way.get(key).map(|(_, sender)| Flight { ended: sender.subscribe() })
    }

    /// Notes that the file is being got; returns the number of this way to it.
    pub(super) fn begin(&mut self, key: &Key) -> u64 {
        self.last += 1;
        self.under_way.insert(key.clone(), (self.last, watch::Sender::new(())));
        self.last
    }

    /// Wakes everybody who waits for this way's end; another one that has begun since goes on.
    pub(super) fn end(&mut self, key: &Key, number: u64) {
        if self.under_way.get(key).is_some_and(|(theirs, _)| *theirs == number) {
            self.under_way.remove(key);
        }
    }
}

/// Somebody else's way to a file.
#[derive(Debug)]
pub struct Flight {
    ended: watch::Receiver<()>,
}

impl Flight {
    /// Waits until the other one has the file, or has given up: what it came to is to be looked for again.
    pub async fn ended(mut self) {
        // Nothing is ever sent: the end of the sender is the sign.
        while self.ended.changed().await.is_ok() {}
    }
}
