//! Takes messages out of Redis: reads the streams, hands what comes to an [`Intake`], and acknowledges what that has made
//! durable; nothing is acknowledged before. What a message means is not looked at here, nor is any of it worked on: an
//! entry is in our hands for milliseconds, and long work never depends on how long Redis waits for an acknowledgement.
//!
//! ```text
//! bookings stream ──▶ reader ─┐  group `reelmill`: any node takes one     ┌─▶ XACK
//! control stream  ──▶ reader ─┴─▶ Intake: Kept │ Refused │ not durable ───┼─▶ dead letters, then XACK
//!     ▲  ▲                        group per node: every node takes all    └─▶ asked again later
//!     │  └── owner: bookings of classes that another node has, handed over
//!     └───── bridge ◀── channels of older systems     keeper: presence, the bridge's lock, trimming
//! ```
//!
//! **One node a class.** Before a booking is taken its class is claimed in Redis (`owner`); what another live node has goes to
//! that one. **Twice rather than never.** A crash between a verdict and its acknowledgement brings the entry again, here or
//! on another node; an intake knows by source and entry what it has taken itself, and a node whose class went to another is
//! told to let it go. **Taken from the dead.** What a node has read and not acknowledged for `IDLE` is claimed by another, at the latest after `IDLE`, `CLAIM_EVERY` and one `BLOCK`; what is
//! still being taken is kept fresh, so that no node takes what another works on. **How often** an entry was delivered stops
//! nothing: entries are only kept here, and those whose recording brings a child down are the work's affair.
//!
//! **Failures.** Whatever Redis says is tried again, after 0.1 to 5 s, on a new connection where this one may be at fault.
//! A group that is gone is made again, from the stream's first entry. [`Status`] has what is wrong at any time.

mod backoff;
mod bridge;
mod ear;
mod entry;
mod keeper;
mod owner;
mod reader;
mod settle;
mod sorted;
mod status;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use bridge::Bridge;
use keeper::Keeper;
pub use owner::Claims;
use reader::{Reader, Stream};
pub use status::{Part, Status};

use super::{Channel, Invalid};
use crate::redis_server::RedisServer;

/// The group of the bookings stream, which all nodes share.
pub const BOOKINGS_GROUP: &str = "reelmill";
/// Who holds the bridge; the value is a node's name, or empty while it is handed over.
pub const BRIDGE_KEY: &str = "reelmill:bridge";
/// Where a bridge says that it begins, to the others.
pub const MARK_CHANNEL: &str = "reelmill:bridge";
/// The nodes that are there, scored with when they last said so, in Redis' own seconds.
pub const NODES_KEY: &str = "reelmill:nodes";
/// Before a class's name: which node has it.
pub const CLASS_KEY: &str = "reelmill:class:";
/// The field of an entry that holds the message.
pub const MESSAGE_FIELD: &str = "message";

/// How long a read waits for something to come. Longer saves little; what waits for its end is the taking from the dead.
const BLOCK: Duration = Duration::from_secs(2);
/// What a read may take beyond that before its connection counts as lost.
const BLOCK_GRACE: Duration = Duration::from_secs(5);
/// Entries that are in hand at once, of each stream: one transaction's worth, and at most 256 MiB.
const BATCH: usize = 256;
/// What another node has not acknowledged for so long is ours to take.
const IDLE: Duration = Duration::from_secs(10);
/// How often that is looked for.
const CLAIM_EVERY: Duration = Duration::from_secs(5);
/// How often what is in hand is kept fresh: three times before it would be taken from us.
const REFRESH_EVERY: Duration = Duration::from_secs(3);
/// A longer message is refused without a look: no booking is a hundredth of it.
pub const BODY_BYTES_MAX: usize = 1 << 20;

/// An entry of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// What its message is where it does not say so itself.
    pub channel: Channel,
    /// The stream.
    pub source: String,
    /// Its name there; with `source` the same for all time, however often it comes.
    pub entry: String,
    /// The message.
    pub body: Vec<u8>,
    /// No booking of its class is above this number, whichever node took it, as far as is recorded; else 0.
    pub above: u32,
}

/// What became of an entry. Both are durable, and it is acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is recorded, or was before.
    Kept,
    /// The same of a booking, which is its class's of this number.
    Booked {
        /// The number.
        sequence: u32,
        /// How long it can live from now on.
        lives: Duration,
    },
    /// It is no message; it goes to the dead letters.
    Refused {
        /// Why.
        invalid: Invalid,
        /// The number that its class's booking has for that; 0 where it names no class.
        sequence: u32,
    },
}

/// The verdicts of [`Intake::take`], to be awaited.
pub type Verdicts<'a> = Pin<Box<dyn Future<Output = Vec<Result<Verdict, String>>> + Send + 'a>>;

/// The answer of [`Intake::let_go`], to be awaited.
pub type LetGo<'a> = Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>>;

/// Makes messages durable.
pub trait Intake: Send + Sync {
    /// Takes entries, in their order, and returns a verdict on each. An error says why one is not durable: it is not
    /// acknowledged, and comes again.
    fn take(&self, deliveries: Vec<Delivery>) -> Verdicts<'_>;

    /// Returns the class for which an entry books, by its name in the fleet; nothing where it is no booking.
    fn class(&self, _body: &[u8], _channel: Channel) -> Option<String> {
        None
    }

    /// Ends what is live of classes that another node has now, each with the entry that says so. An error says why that is not
    /// durable.
    fn let_go(&self, _moved: Vec<(String, String)>) -> LetGo<'_> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// Where to read, and as whom.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Which Redis.
    pub server: RedisServer,
    /// This node's name: that of its consumers, and of its group on the control stream.
    pub node_id: String,
    /// Bookings, of which any node takes one.
    pub bookings_stream: String,
    /// Ends, cancellations and results, which every node takes.
    pub control_stream: String,
    /// Where what is no message goes.
    pub dead_stream: String,
    /// Where older systems publish bookings.
    pub bookings_channel: String,
    /// Where they publish results.
    pub results_channel: String,
}

/// The reading side of Redis.
pub struct Consumer {
    settings: Arc<Settings>,
    intake: Arc<dyn Intake>,
    status: Arc<Status>,
}

impl std::fmt::Debug for Consumer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Consumer").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Consumer {
    /// Sets it up; nothing is dialled before it runs.
    pub fn new(settings: Settings, intake: Arc<dyn Intake>, status: Arc<Status>) -> Self {
        Self { settings: Arc::new(settings), intake, status }
    }

    /// Reads until `stop` is true or its sender is gone, and through all that Redis may do meanwhile. What is in hand then
    /// is still taken and acknowledged.
    pub async fn run(self, stop: watch::Receiver<bool>) {
        let (lock, locked) = watch::channel(None);
        let keeper = Keeper {
            settings: Arc::clone(&self.settings),
            status: Arc::clone(&self.status),
            stop: stop.clone(),
            lock,
        };
        let bridge = Bridge::new(Arc::clone(&self.settings), Arc::clone(&self.status), locked);
        let bookings = self.reader(self.bookings(), stop.clone());
        let control = self.reader(self.control(), stop);
        tokio::join!(bookings.run(), control.run(), keeper.run(), bridge.run());
    }

    fn bookings(&self) -> Stream {
        Stream {
            channel: Channel::Bookings,
            part: Part::Bookings,
            name: self.settings.bookings_stream.clone(),
            group: BOOKINGS_GROUP.to_owned(),
            // What was booked before the first node came is waiting for it.
            first: "0",
        }
    }

    fn control(&self) -> Stream {
        Stream {
            channel: Channel::Control,
            part: Part::Control,
            name: self.settings.control_stream.clone(),
            group: self.settings.node_id.clone(),
            // What was said before this node was ever there is about bookings that it does not have; an old end could
            // meet a new booking of the same class.
            first: "$",
        }
    }

    fn reader(&self, stream: Stream, stop: watch::Receiver<bool>) -> Reader {
        Reader {
            settings: Arc::clone(&self.settings),
            intake: Arc::clone(&self.intake),
            status: Arc::clone(&self.status),
            stop,
            stream,
            last: None,
            was_there: false,
            connected: tokio::time::Instant::now(),
        }
    }
}

/// Returns whether it is time to end: also when nobody could say so any more.
fn is_stopped(stop: &watch::Receiver<bool>) -> bool {
    *stop.borrow() || stop.has_changed().is_err()
}

/// Returns when it is time to end.
async fn stopped(mut stop: watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Waits, or until it is time to end; returns whether that has come.
async fn pause(stop: &watch::Receiver<bool>, wait: Duration) -> bool {
    timeout(wait, stopped(stop.clone())).await.is_ok()
}

/// Returns a length of time as Redis understands it.
fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
