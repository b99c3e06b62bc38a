//! Which node of a fleet has which class. A class that books again must come to the node that has it: there the same body is
//! no news, and another one replaces what was. Redis keeps a record of each class that was booked:
//!
//! ```text
//! reelmill:class:22/c-1029 = "<bound> <until> <node>"
//! ```
//!
//! `bound` is a number that no booking of that class is above, whichever node took it: whoever takes a class over counts on
//! from there. It is raised before an entry is taken, and put right behind that. `until` is a time of Redis' own clock, in
//! milliseconds, to which the node has the class: as long as its booking can live, and while an entry is being taken some
//! seconds, which lapse by themselves where the node cannot keep what it took. Then the class is anybody's again.
//!
//! An entry whose class another live node has is handed over: written into the control stream under that node's name, and
//! left unacknowledged. The owner acknowledges it when it is on its disk. Where it never comes to that, the entry is read
//! again after [`IDLE`](super::IDLE), and so on until the owner has taken it or is not there any more; a copy for the same
//! owner is written once in [`HANDED_FOR`]. Whoever takes a class from a node that is gone leaves word for it in the control
//! stream, so that it lets the class go when it is back.
//!
//! Records are believed as long as Redis has them. Where Redis forgot, or cannot write one, an entry is taken by whoever has
//! it: a class that two nodes have is better than one that none has.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{RedisError, Script, cmd};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::{CLASS_KEY, NODES_KEY, Settings, Status, milliseconds};
use crate::redis_server::told;

/// A node that has not said for so long that it is there has no classes: three times what it says so in.
pub(super) const OWNER_PRESENT: Duration = Duration::from_secs(15);
/// How long a class is in hand: less than [`IDLE`](super::IDLE), after which others take the entry. Renewed with it.
pub(super) const IN_HAND: Duration = Duration::from_secs(8);
/// A copy of an entry that waits for its owner is not written again for so long: a thousand that wait for a node that can keep
/// nothing are some hundred thousand copies a day.
const HANDED_FOR: Duration = Duration::from_secs(600);
/// How long a record is kept after the class was last booked: longer than classes live, and at most some 100 MB where a
/// fleet takes ten thousand new ones a day.
const RECORD_KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// What the scripts have in common: reading a record.
const RECORD: &str = "local function record(key) \
        local text = redis.pcall('GET', key) \
        if type(text) ~= 'string' then return 0, 0, nil end \
        local bound, till, node = string.match(text, '^(%d+) (%d+) (.+)$') \
        return tonumber(bound or '0'), tonumber(till or '0'), node \
    end \
    local function write(key, bound, till, node, kept) \
        redis.pcall('SET', key, string.format('%.0f %.0f %s', bound, till, node), 'PX', kept) \
    end \
    local time = redis.call('TIME') \
    local seconds = tonumber(time[1]) \
    local now = seconds * 1000 + math.floor(tonumber(time[2]) / 1000) ";
/// Takes classes, or hands their entries over. KEYS: nodes, control stream, bookings stream, records. ARGV: node, present, in hand,
/// kept, whether classes of nodes that are gone may be taken, how long a copy counts; for each record its class, its entry, and
/// whether that is to be handed over, as it stands in the stream. Returns -1 for each that is another's, else the bound.
const CLAIM: &str = "redis.pcall('ZADD', KEYS[1], seconds, ARGV[1]) \
    local function hand(node, entry) \
        local guard = 'reelmill:handed:' .. entry \
        if redis.pcall('GET', guard) == node then return end \
        local found = redis.pcall('XRANGE', KEYS[3], entry, entry) \
        local fields = found[1] and found[1][2] or {} \
        for i = 1, #fields, 2 do \
            if fields[i] == 'message' then \
                redis.pcall('SET', guard, node, 'PX', ARGV[6]) \
                redis.pcall('XADD', KEYS[2], '*', 'node', node, 'entry', entry, 'handed', fields[i + 1]) \
                return \
            end \
        end \
    end \
    local answers = {} \
    for i = 4, #KEYS do \
        local class, entry, is_to_be_handed = ARGV[i * 3 - 5], ARGV[i * 3 - 4], ARGV[i * 3 - 3] == '1' \
        local bound, till, node = record(KEYS[i]) \
        local is_ours = node == ARGV[1] \
        local said = node and redis.pcall('ZSCORE', KEYS[1], node) \
        local lives = type(said) == 'string' and tonumber(said) > seconds - tonumber(ARGV[2]) \
        if node and not is_ours and till > now and (lives or ARGV[5] ~= '1') then \
            if lives and is_to_be_handed then hand(node, entry) end \
            answers[#answers + 1] = -1 \
        else \
            if node and not is_ours then redis.pcall('XADD', KEYS[2], '*', 'node', node, 'moved', class) end \
            local had = is_ours and till or 0 \
            write(KEYS[i], bound + 1, math.max(had, now + tonumber(ARGV[3])), ARGV[1], ARGV[4]) \
            answers[#answers + 1] = bound \
        end \
    end \
    return answers";
/// Notes what became of entries whose classes were taken, and acknowledges them. KEYS: stream, records. ARGV: group, node, kept;
/// for each record how many entries of it those were, the highest number of its bookings that is on the disk, or 0, and how
/// long that can live; the entries to be acknowledged. Each entry had raised the bound by one.
const KEEP: &str = "for i = 2, #KEYS do \
        local bound, till, node = record(KEYS[i]) \
        local number = tonumber(ARGV[i * 3 - 1]) \
        if not node or node == ARGV[2] then \
            bound = math.max(bound - tonumber(ARGV[i * 3 - 2]), number, 0) \
            write(KEYS[i], bound, math.max(till, now + tonumber(ARGV[i * 3])), ARGV[2], ARGV[3]) \
        end \
    end \
    for i = #KEYS * 3 + 1, #ARGV do redis.call('XACK', KEYS[1], ARGV[1], ARGV[i]) end";
/// Keeps fresh what is in hand, and is still ours. KEYS: stream, records. ARGV: group, node, in hand, kept; the entries.
const REFRESH: &str = "for i = 2, #KEYS do \
        local bound, till, node = record(KEYS[i]) \
        if node == ARGV[2] then write(KEYS[i], bound, math.max(till, now + tonumber(ARGV[3])), node, ARGV[4]) end \
    end \
    for i = 5, #ARGV do \
        local held = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[i], ARGV[i], 1, ARGV[2]) \
        if #held > 0 then redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[i], 'JUSTID') end \
    end";

/// Takes a class that was booked here in person, whoever has it. KEYS: control stream, record. ARGV: node, kept, class, number of
/// the booking, how long that can live.
const TAKE: &str = "local bound, till, node = record(KEYS[2]) \
    if node and node ~= ARGV[1] then redis.pcall('XADD', KEYS[1], '*', 'node', node, 'moved', ARGV[3]) end \
    write(KEYS[2], math.max(bound, tonumber(ARGV[4])), now + tonumber(ARGV[5]), ARGV[1], ARGV[2])";

/// An entry that books for a class.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    /// The class, by its name in the fleet.
    pub(super) class: &'a str,
    /// The entry of the bookings stream.
    pub(super) entry: &'a str,
    /// It is to be handed over where another node has the class; not where it was handed to us, or comes to all.
    pub(super) is_to_be_handed: bool,
}

/// Whose a class is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// Ours; no booking of it is above this number.
    Us { above: u32 },
    /// Another node has it, and the entry.
    Another,
}

/// Takes classes that nobody has, and those of nodes that are gone, if that may be; hands over the entries of the others. One
/// answer for each.
pub(super) async fn claim(
    connection: &mut MultiplexedConnection,
    settings: &Settings,
    may_take_over: bool,
    asked: &[Asked<'_>],
) -> Result<Vec<Owner>, RedisError> {
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    let script = Script::new(&[RECORD, CLAIM].concat());
    let mut claim = script.key(NODES_KEY);
    claim.key(&settings.control_stream).key(&settings.bookings_stream);
    claim.arg(&settings.node_id).arg(OWNER_PRESENT.as_secs()).arg(milliseconds(IN_HAND));
    claim.arg(milliseconds(RECORD_KEPT)).arg(u8::from(may_take_over)).arg(milliseconds(HANDED_FOR));
    for one in asked {
        claim.key(key_of(one.class)).arg(one.class).arg(one.entry).arg(u8::from(one.is_to_be_handed));
    }
    let answers: Vec<i64> = claim.invoke_async(connection).await?;
    let owner = |answer| u32::try_from(answer).map_or(Owner::Another, |above| Owner::Us { above });
    Ok(answers.into_iter().map(owner).collect())
}

/// What became of the entries of a class that were taken together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Kept {
    /// How many those were.
    pub(super) entries: u32,
    /// The highest number of the class's bookings among them; 0 where none has one.
    pub(super) sequence: u32,
    /// How long they can live from now on.
    pub(super) lives: Duration,
}

/// Notes what was kept of classes, and acknowledges entries.
pub(super) async fn keep(
    connection: &mut MultiplexedConnection,
    settings: &Settings,
    (stream, group): (&str, &str),
    booked: &BTreeMap<String, Kept>,
    entries: &[String],
) -> Result<(), RedisError> {
    if booked.is_empty() && entries.is_empty() {
        return Ok(());
    }
    let script = Script::new(&[RECORD, KEEP].concat());
    let mut keep = script.key(stream);
    keep.arg(group).arg(&settings.node_id).arg(milliseconds(RECORD_KEPT));
    for (class, kept) in booked {
        keep.key(key_of(class)).arg(kept.entries).arg(kept.sequence).arg(milliseconds(kept.lives));
    }
    keep.arg(entries);
    keep.invoke_async(connection).await
}

/// Keeps entries and classes in hand, as far as nobody else has taken them.
pub(super) async fn refresh(
    connection: &mut MultiplexedConnection,
    settings: &Settings,
    (stream, group): (&str, &str),
    classes: &[String],
    entries: &[String],
) -> Result<(), RedisError> {
    let script = Script::new(&[RECORD, REFRESH].concat());
    let mut refresh = script.key(stream);
    refresh.arg(group).arg(&settings.node_id).arg(milliseconds(IN_HAND)).arg(milliseconds(RECORD_KEPT));
    for class in classes {
        refresh.key(key_of(class));
    }
    refresh.arg(entries);
    refresh.invoke_async(connection).await
}

/// Returns which of these classes are this node's, as far as is recorded; each comes with the entry that asks.
pub(super) async fn are_ours(
    connection: &mut MultiplexedConnection,
    settings: &Settings,
    asked: &[(String, String)],
) -> Result<Vec<bool>, RedisError> {
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    let keys: Vec<String> = asked.iter().map(|(_, class)| key_of(class)).collect();
    let records: Vec<Option<String>> = cmd("MGET").arg(keys).query_async(connection).await?;
    let is_ours =
        |record: Option<String>| record.and_then(understood).is_some_and(|(_, node)| node == settings.node_id);
    Ok(records.into_iter().map(is_ours).collect())
}

/// Returns the bound and the node that are recorded of a class.
async fn record(connection: &mut MultiplexedConnection, class: &str) -> Result<Option<(u32, String)>, RedisError> {
    let record: Option<String> = cmd("GET").arg(key_of(class)).query_async(connection).await?;
    Ok(record.and_then(understood))
}

fn understood(record: String) -> Option<(u32, String)> {
    let mut words = record.splitn(3, ' ');
    Some((words.next()?.parse().ok()?, words.nth(1)?.to_owned()))
}

fn key_of(class: &str) -> String {
    format!("{CLASS_KEY}{class}")
}

/// Classes that are booked on this node in person, by HTTP or by the command line: whoever asks a node is served by that
/// node, and another one that has the class is told to let it go. A Redis that does not answer keeps nobody waiting.
pub struct Claims {
    settings: Settings,
    status: Arc<Status>,
    /// None before the first, and after a failure.
    connection: Mutex<Option<MultiplexedConnection>>,
}

impl Claims {
    /// What a booking in person may take longer because of Redis.
    const PATIENCE: Duration = Duration::from_secs(1);

    /// Sets it up; nothing is dialled before the first booking.
    pub fn new(settings: Settings, status: Arc<Status>) -> Self {
        Self { settings, status, connection: Mutex::default() }
    }

    /// Returns a number that no booking of a class is above, whichever node took it, as far as is recorded; else 0.
    pub async fn above(&self, class: &str) -> u32 {
        let Some(mut connection) = self.dialled().await else { return 0 };
        let known = record(&mut connection, class).await;
        self.heard(known).await.flatten().map_or(0, |(bound, _)| bound)
    }

    /// Records that a class is this node's, whose booking of that number is on its disk.
    /// It can live that long from now on.
    pub async fn take(&self, class: &str, sequence: u32, lives: Duration) {
        let Some(mut connection) = self.dialled().await else { return };
        let script = Script::new(&[RECORD, TAKE].concat());
        let mut take = script.key(&self.settings.control_stream);
        take.key(key_of(class)).arg(&self.settings.node_id).arg(milliseconds(RECORD_KEPT)).arg(class).arg(sequence);
        take.arg(milliseconds(lives));
        let taken = take.invoke_async(&mut connection).await;
        let _: Option<()> = self.heard(taken).await;
    }

    /// Returns a connection, if there is one within [`Self::PATIENCE`], however many wait for it.
    async fn dialled(&self) -> Option<MultiplexedConnection> {
        timeout(Self::PATIENCE, self.dial()).await.ok().flatten()
    }

    async fn dial(&self) -> Option<MultiplexedConnection> {
        let mut kept = self.connection.lock().await;
        if !self.status.is_connected() {
            return None;
        }
        if kept.is_none() {
            *kept = self.settings.server.dial(Self::PATIENCE).await.ok();
        }
        kept.clone()
    }

    async fn heard<T>(&self, answer: Result<T, RedisError>) -> Option<T> {
        match answer {
            Ok(answer) => Some(answer),
            Err(error) => {
                tracing::warn!("which node has a class cannot be recorded: {}", told(&error));
                *self.connection.lock().await = None;
                None
            }
        }
    }
}
