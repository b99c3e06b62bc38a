//! Reads one stream: what is ours and not acknowledged, what others did not acknowledge in time, and what is new; one batch
//! after the other, so that nothing piles up here when the intake is slow.
//!
//! ```text
//!          connected            nothing left of ours
//! ───────────────▶ Own(after) ──────────────────────▶ New ─┐ read, claim
//!                    ▲    ▲────── not durable: wait ───────┘
//!                    └──── connection lost: wait, dial
//! ```
//!
//! While the intake cannot make entries durable nothing is read beyond them. Soon the wait is longer than what other nodes
//! wait for: a node that cannot keep what it has lets go of it.

use std::convert::Infallible;
use std::mem::take;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{ErrorKind, RedisError, Value, cmd};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::backoff::{self, Backoff};
use super::entry::{self, Entry};
use super::owner::{self, Asked, OWNER_PRESENT, Owner};
use super::settle::{self, Stub};
use super::sorted::{Parcel, Sorted, Taken};
use super::status::Count;
use super::{
    BATCH, BLOCK, BLOCK_GRACE, BOOKINGS_GROUP, CLAIM_EVERY, Delivery, IDLE, Intake, Part, REFRESH_EVERY, Settings,
    Status, Verdict, is_stopped, milliseconds, pause, stopped,
};
use crate::booking::Channel;
use crate::redis_server::told;

/// How many times in a row, in three seconds, the intake is asked about entries that it cannot make durable.
const TRIES: u32 = 5;
/// Then they are left alone for longer than [`IDLE`], [`CLAIM_EVERY`] and [`BLOCK`]: another node takes them, if there is one.
const LET_GO: Duration = Duration::from_secs(20);

/// A stream and how it is read.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    pub(super) channel: Channel,
    pub(super) part: Part,
    pub(super) name: String,
    pub(super) group: String,
    /// Where a group begins that was never there: `0` with the first entry, `$` with the next to come.
    pub(super) first: &'static str,
}

/// Which entries to ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Cursor {
    /// Those that this node has read and not acknowledged, after that one.
    Own(String),
    /// Those that nobody has read.
    New,
}

impl Cursor {
    fn own() -> Self {
        Self::Own("0".to_owned())
    }
}

/// Reads a stream.
pub(super) struct Reader {
    pub(super) settings: Arc<Settings>,
    pub(super) intake: Arc<dyn Intake>,
    pub(super) status: Arc<Status>,
    pub(super) stop: watch::Receiver<bool>,
    pub(super) stream: Stream,
    /// The last new entry that was read in the life of this process.
    pub(super) last: Option<String>,
    /// Whether the group was there in the life of this process.
    pub(super) was_there: bool,
    /// Since when Redis has answered over this connection, or the last one.
    pub(super) connected: Instant,
}

impl Reader {
    /// Reads until it is to stop.
    pub(super) async fn run(mut self) {
        let mut wait = Backoff::up_to(backoff::LONGEST);
        while let Err(error) = self.session(&mut wait).await {
            // Something wrong with the stream, which a person must mend; Redis itself is there, and writable.
            self.status.link(self.stream.part, error.kind() == ErrorKind::Extension);
            let text = format!("{} cannot be read: {}", self.stream.name, told(&error));
            self.status.complain(self.stream.part, Some(text));
            if pause(&self.stop, wait.wait(fastrand::f64())).await {
                break;
            }
        }
        self.status.link(self.stream.part, false);
    }

    /// Reads over one connection until it is to stop, or something fails.
    async fn session(&mut self, wait: &mut Backoff) -> Result<(), RedisError> {
        let dial = self.settings.server.dial(BLOCK + BLOCK_GRACE);
        let mut connection = tokio::select! {
            connection = dial => connection?,
            () = stopped(self.stop.clone()) => return Ok(()),
        };
        self.connected = Instant::now();
        let mut cursor = Cursor::own();
        let mut claim_at = Instant::now();
        let mut postponed = 0;
        while !is_stopped(&self.stop) {
            let is_durable = match self.step(&mut connection, &mut cursor, &mut claim_at).await {
                Err(error) if is_group_lost(&error) => {
                    self.make_group(&mut connection).await?;
                    continue;
                }
                step => step?,
            };
            wait.reset();
            if is_durable {
                postponed = 0;
                continue;
            }
            cursor = Cursor::own();
            postponed += 1;
            pause(&self.stop, patience(postponed)).await;
        }
        Ok(())
    }

    /// Reads one batch, or claims, and has it taken; returns whether all of it is durable.
    async fn step(
        &mut self,
        connection: &mut MultiplexedConnection,
        cursor: &mut Cursor,
        claim_at: &mut Instant,
    ) -> Result<bool, RedisError> {
        if *cursor == Cursor::New && Instant::now() >= *claim_at {
            *claim_at = Instant::now() + CLAIM_EVERY;
            return self.claim(connection).await;
        }
        let Some(entries) = self.read(connection, cursor).await? else { return Ok(true) };
        self.was_there = true;
        self.status.link(self.stream.part, true);
        match (entries.last().map(|entry| entry.id.clone()), &mut *cursor) {
            (None, Cursor::Own(_)) => *cursor = Cursor::New,
            (Some(last), Cursor::Own(after)) => *after = last,
            (Some(last), Cursor::New) => self.last = Some(last),
            (None, Cursor::New) => {}
        }
        self.take(connection, entries).await
    }

    /// Reads a batch; nothing where it is to stop meanwhile. What Redis has handed out then is ours, and is read first the
    /// next time.
    async fn read(
        &self,
        connection: &mut MultiplexedConnection,
        cursor: &Cursor,
    ) -> Result<Option<Vec<Entry>>, RedisError> {
        let mut read = cmd("XREADGROUP");
        read.arg("GROUP").arg(&self.stream.group).arg(&self.settings.node_id).arg("COUNT").arg(BATCH);
        if *cursor == Cursor::New {
            read.arg("BLOCK").arg(milliseconds(BLOCK));
        }
        let from = if let Cursor::Own(after) = cursor { after } else { ">" };
        read.arg("STREAMS").arg(&self.stream.name).arg(from);
        tokio::select! {
            answer = read.query_async::<Value>(connection) => {
                entry::read(answer?).map(Some).ok_or_else(|| not_understood("XREADGROUP"))
            }
            () = stopped(self.stop.clone()) => Ok(None),
        }
    }

    /// Takes over what was not acknowledged for long: of nodes that are gone, and what of ours stayed behind.
    async fn claim(&mut self, connection: &mut MultiplexedConnection) -> Result<bool, RedisError> {
        let mut from = Some("0-0".to_owned());
        let mut is_durable = true;
        while let Some(start) = from.filter(|_| is_durable && !is_stopped(&self.stop)) {
            let mut claim = cmd("XAUTOCLAIM");
            claim.arg(&self.stream.name).arg(&self.stream.group).arg(&self.settings.node_id);
            claim.arg(milliseconds(IDLE)).arg(start).arg("COUNT").arg(BATCH);
            let answer = claim.query_async::<Value>(connection).await?;
            let claimed = entry::claimed(answer).ok_or_else(|| not_understood("XAUTOCLAIM"))?;
            self.status.count(Count::Claimed, claimed.entries.len());
            self.status.count(Count::Trimmed, claimed.gone);
            is_durable = self.take(connection, claimed.entries).await?;
            from = claimed.next;
        }
        Ok(is_durable)
    }

    /// Has entries taken, and settles what becomes of them; returns whether all are durable.
    async fn take(&self, connection: &mut MultiplexedConnection, entries: Vec<Entry>) -> Result<bool, RedisError> {
        if entries.is_empty() {
            self.status.complain(self.stream.part, None);
            return Ok(true);
        }
        let mut sorted = Sorted::of(entries, &self.stream, &self.settings);
        self.claim_classes(connection, &mut sorted).await?;
        let mut why = self.let_go(connection, &mut sorted).await?;
        let mut stubs = Vec::with_capacity(sorted.parcels.len());
        let mut deliveries = Vec::with_capacity(sorted.parcels.len());
        for Parcel { entry, delivery, class, is_handed } in take(&mut sorted.parcels) {
            stubs.push(Taken {
                stub: Stub::of(&entry, &delivery.body),
                class,
                is_handed,
                original: delivery.entry.clone(),
            });
            deliveries.push(delivery);
        }
        let mut verdicts = self.verdicts(connection, &stubs, deliveries).await.into_iter();
        for taken in stubs {
            let verdict = verdicts.next().unwrap_or_else(|| Err("nothing was said about an entry".to_owned()));
            why = sorted.judge(taken, verdict).or(why);
        }
        self.settle(connection, &sorted).await?;
        self.status.count(Count::Postponed, usize::from(why.is_some()));
        let is_durable = why.is_none();
        let text = why.map(|why| format!("what comes from {} cannot be kept: {why}", self.stream.name));
        self.status.complain(self.stream.part, text);
        Ok(is_durable)
    }

    /// Claims the classes for which entries book; what is for another node is left to it.
    async fn claim_classes(
        &self,
        connection: &mut MultiplexedConnection,
        sorted: &mut Sorted,
    ) -> Result<(), RedisError> {
        let is_first = |parcel: &Parcel| !parcel.is_handed && parcel.delivery.channel == Channel::Bookings;
        for parcel in &mut sorted.parcels {
            parcel.class = self.intake.class(&parcel.delivery.body, parcel.delivery.channel);
        }
        let asked: Vec<Asked<'_>> = sorted
            .parcels
            .iter()
            .filter_map(|parcel| {
                let is_to_be_handed = is_first(parcel);
                Some(Asked { class: parcel.class.as_deref()?, entry: &parcel.delivery.entry, is_to_be_handed })
            })
            .collect();
        // Before that others may not have come to say that they are there, as Redis was away for all.
        let may_take_over = self.connected.elapsed() >= OWNER_PRESENT;
        let mut owners = owner::claim(connection, &self.settings, may_take_over, &asked).await?.into_iter();
        let mut ours = Vec::with_capacity(sorted.parcels.len());
        for mut parcel in take(&mut sorted.parcels) {
            match parcel.class.as_ref().and_then(|_| owners.next()) {
                Some(Owner::Another) if is_first(&parcel) => sorted.handed += 1,
                // Its node may be gone: it comes again, and nobody has another copy.
                Some(Owner::Another) if !parcel.is_handed && !may_take_over => {}
                // Another has taken it over meanwhile, or reads it too.
                Some(Owner::Another) => sorted.pass_over(parcel.entry),
                Some(Owner::Us { above }) => {
                    parcel.delivery.above = above;
                    ours.push(parcel);
                }
                None => ours.push(parcel),
            }
        }
        sorted.parcels = ours;
        self.status.count(Count::Handed, sorted.handed);
        Ok(())
    }

    /// Lets classes go that another node has now; returns why that could not be kept, if it could not.
    async fn let_go(
        &self,
        connection: &mut MultiplexedConnection,
        sorted: &mut Sorted,
    ) -> Result<Option<String>, RedisError> {
        let moved = take(&mut sorted.moved);
        let are_ours = owner::are_ours(connection, &self.settings, &moved).await?;
        let (kept, gone): (Vec<_>, Vec<_>) = moved.into_iter().zip(are_ours).partition(|(_, is_ours)| *is_ours);
        kept.into_iter().for_each(|((entry, _), _)| sorted.pass_over(entry));
        let gone: Vec<(String, String)> = gone.into_iter().map(|(asked, _)| asked).collect();
        if gone.is_empty() {
            return Ok(None);
        }
        let let_go = self.intake.let_go(gone.clone()).await;
        if let_go.is_ok() {
            gone.into_iter().for_each(|(entry, _)| sorted.pass_over(entry));
        }
        Ok(let_go.err())
    }

    async fn settle(&self, connection: &mut MultiplexedConnection, sorted: &Sorted) -> Result<(), RedisError> {
        let Stream { name, group, .. } = &self.stream;
        let own = (name.as_str(), group.as_str());
        if self.stream.channel == Channel::Bookings {
            owner::keep(connection, &self.settings, own, &sorted.booked, &sorted.kept).await?;
        } else {
            let bookings = (self.settings.bookings_stream.as_str(), BOOKINGS_GROUP);
            owner::keep(connection, &self.settings, bookings, &sorted.booked, &sorted.originals).await?;
            settle::acknowledge(connection, name, group, &sorted.kept).await?;
        }
        self.status.count(Count::Kept, sorted.kept.len() - sorted.passed_over);
        self.status.count(Count::Trimmed, sorted.gone);
        settle::bury(connection, &self.settings, &self.status, own, &sorted.letters).await
    }

    /// Asks the intake, and keeps the entries fresh meanwhile, so that no other node takes them for those of a dead one.
    async fn verdicts(
        &self,
        connection: &MultiplexedConnection,
        taken: &[Taken],
        deliveries: Vec<Delivery>,
    ) -> Vec<Result<Verdict, String>> {
        if deliveries.is_empty() {
            return Vec::new();
        }
        tokio::select! {
            verdicts = self.intake.take(deliveries) => verdicts,
            never = self.refresh(connection.clone(), taken) => match never {},
        }
    }

    async fn refresh(&self, mut connection: MultiplexedConnection, taken: &[Taken]) -> Infallible {
        let entries: Vec<String> = taken.iter().map(|taken| taken.stub.entry.clone()).collect();
        let classes: Vec<String> = taken.iter().filter_map(|taken| taken.class.clone()).collect();
        let own = (self.stream.name.as_str(), self.stream.group.as_str());
        loop {
            sleep(REFRESH_EVERY).await;
            // A connection that is lost shows when the entries are acknowledged.
            let _ = owner::refresh(&mut connection, &self.settings, own, &classes, &entries).await;
        }
    }

    /// Makes the group. One that was there goes on behind the last entry that this node knows of; where the stream itself
    /// is another one, emptied or restored, with its first entry.
    async fn make_group(&self, connection: &mut MultiplexedConnection) -> Result<(), RedisError> {
        let Stream { name, group, first, .. } = &self.stream;
        let from = match (&self.last, self.was_there) {
            (_, false) => (*first).to_owned(),
            (None, true) => "0".to_owned(),
            (Some(last), true) => self.go_on(connection, last).await,
        };
        let mut create = cmd("XGROUP");
        create.arg("CREATE").arg(name).arg(group).arg(&from).arg("MKSTREAM");
        match create.query_async::<()>(connection).await {
            Err(error) if error.code() != Some("BUSYGROUP") => return Err(error),
            // Another node was faster.
            Err(_) => {}
            Ok(()) => tracing::info!(stream = name, group, from, "made the group of a stream"),
        }
        Ok(())
    }

    async fn go_on(&self, connection: &mut MultiplexedConnection, last: &str) -> String {
        let newest = cmd("XREVRANGE").arg(&self.stream.name).arg("+").arg("-").arg("COUNT").arg(1).to_owned();
        // The same shape as an answer of XREADGROUP, without the stream's name.
        let answer: Result<Value, RedisError> = newest.query_async(connection).await;
        let list = answer.map(|list| Value::Array(vec![Value::Array(vec![Value::Nil, list])]));
        let newest = list.ok().and_then(entry::read).and_then(|entries| entries.into_iter().next());
        let is_same = newest.is_some_and(|newest| entry::place(&newest.id) >= entry::place(last));
        if is_same { last.to_owned() } else { "0".to_owned() }
    }
}

/// Returns how long to wait after so many times in vain.
fn patience(tries: u32) -> Duration {
    if tries > TRIES { LET_GO } else { Duration::from_millis(100) * 2_u32.pow(tries - 1) }
}

fn not_understood(command: &'static str) -> RedisError {
    RedisError::from((
        ErrorKind::UnexpectedReturnType,
        "Redis answers what cannot be understood to",
        command.to_owned(),
    ))
}

/// `UNBLOCKED` says that the stream went while it was waited for; asking again tells why.
fn is_group_lost(error: &RedisError) -> bool {
    matches!(error.code(), Some("NOGROUP" | "UNBLOCKED"))
}
