//! Events to be told: written in the transaction that made them true, kept for replays, and delivered to each target at
//! least once, in order per class, unless that is given up.
//!
//! Who hears of what, how it is sent and when it is given up is the sender's to know; here a target is a name. What waits
//! for a target is in the index `delivery_due` and nowhere else, so that what was delivered costs nothing.

use std::ops::Deref;

use rusqlite::{Row, named_params};

use super::job::{JobId, word};
use super::{Reading, StoreError, Transaction};
use crate::event::EventType;

/// Events stay that long for those who ask again.
const KEPT_MILLISECONDS: i64 = 7 * 24 * 3_600_000;
/// One that a target has yet to take stays longer: it is the only place where it is. Not for ever, or the rows of a target
/// that nobody sends to any more would fill the disk.
const UNDELIVERED_KEPT_MILLISECONDS: i64 = 30 * 24 * 3_600_000;
/// Events that one call removes: a transaction of milliseconds.
const PRUNED_MAX: u32 = 1000;

/// The first event of each order key that target `?1` has yet to take. From key to key by the index: what it costs grows
/// with the keys that wait, not with the events behind them.
macro_rules! heads {
    ($then:literal) => {
        concat!(
            "WITH RECURSIVE waiting (order_key) AS ( \
             SELECT min(order_key) FROM delivery WHERE target = ?1 \
             AND delivered_milliseconds IS NULL AND given_up_milliseconds IS NULL \
             UNION ALL SELECT (SELECT min(order_key) FROM delivery WHERE target = ?1 \
             AND delivered_milliseconds IS NULL AND given_up_milliseconds IS NULL \
             AND order_key > waiting.order_key) FROM waiting WHERE waiting.order_key IS NOT NULL), \
             head (sequence) AS (SELECT (SELECT min(sequence) FROM delivery WHERE target = ?1 \
             AND delivered_milliseconds IS NULL AND given_up_milliseconds IS NULL \
             AND order_key = waiting.order_key) FROM waiting WHERE waiting.order_key IS NOT NULL) ",
            $then
        )
    };
}

/// What is due: for a target, now, up to a limit.
pub(super) const DUE: &str = heads!(
    "SELECT outbox.*, delivery.attempt FROM head \
     JOIN delivery ON delivery.sequence = head.sequence AND delivery.target = ?1 \
     JOIN outbox ON outbox.sequence = head.sequence \
     WHERE delivery.next_milliseconds <= ?2 ORDER BY head.sequence LIMIT ?3"
);

/// An event to be recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    /// Its name for all time; recorded twice, it is one event.
    pub event_id: String,
    /// What happened.
    pub event_type: EventType,
    /// To whom.
    pub institution: String,
    /// To which class.
    pub class_id: Option<String>,
    /// Events of one key reach each target one after the other; usually institution and class.
    pub order_key: String,
    /// When, in Unix milliseconds.
    pub time_milliseconds: i64,
    /// The particulars, as JSON.
    pub data: String,
    /// Where its class wants to be told; for the target that goes there.
    pub callback_url: Option<String>,
    /// Who is to be told.
    pub targets: Vec<String>,
}

/// A recorded event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its place among all events: the cursor of replays. Rises, and is never given twice.
    pub sequence: i64,
    /// Its name for all time.
    pub event_id: String,
    /// What happened.
    pub event_type: EventType,
    /// To whom.
    pub institution: String,
    /// To which class.
    pub class_id: Option<String>,
    /// Which job changed with it.
    pub job_id: Option<JobId>,
    /// When, in Unix milliseconds.
    pub time_milliseconds: i64,
    /// The particulars, as JSON.
    pub data: String,
    /// Where its class wants to be told.
    pub callback_url: Option<String>,
}

/// An event that a target has not taken yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// What to tell.
    pub event: Event,
    /// Events of one key are told one after the other.
    pub order_key: String,
    /// How many times it was tried in vain.
    pub attempt: u32,
}

/// What a target has yet to take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Undelivered {
    /// How many events.
    pub count: u64,
    /// When the oldest one happened, in Unix milliseconds.
    pub oldest_milliseconds: Option<i64>,
}

/// What a call of [`Outbox::prune`] removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Events, all in all.
    pub events: u64,
    /// Those among them that a target had yet to take.
    pub undelivered: u64,
}

/// What can be asked about events.
#[derive(Debug)]
pub struct OutboxRows<'a> {
    reading: &'a Reading<'a>,
}

impl<'a> OutboxRows<'a> {
    pub(super) fn new(reading: &'a Reading<'a>) -> Self {
        Self { reading }
    }

    /// Returns up to `limit` events after a cursor, in order.
    pub fn after(&self, sequence: i64, limit: u32) -> Result<Vec<Event>, StoreError> {
        self.reading.rows(
            "SELECT * FROM outbox WHERE sequence > ?1 ORDER BY sequence LIMIT ?2",
            (sequence, limit),
            event,
        )
    }

    /// The same of one institution. Walks over those of the others, all that is kept at most.
    pub fn after_for(&self, institution: &str, sequence: i64, limit: u32) -> Result<Vec<Event>, StoreError> {
        self.reading.rows(
            "SELECT * FROM outbox WHERE sequence > ?1 AND institution = ?2 ORDER BY sequence LIMIT ?3",
            (sequence, institution, limit),
            event,
        )
    }

    /// The same of one class.
    pub fn after_for_class(
        &self,
        institution: &str,
        class_id: &str,
        sequence: i64,
        limit: u32,
    ) -> Result<Vec<Event>, StoreError> {
        self.reading.rows(
            "SELECT * FROM outbox WHERE sequence > ?1 AND institution = ?2 AND class_id = ?3 \
             ORDER BY sequence LIMIT ?4",
            (sequence, institution, class_id, limit),
            event,
        )
    }

    /// Returns the sequence from which on every event is kept, and the last one that was given; nothing where none ever
    /// was. Whoever has not heard of all before the first has missed something; the first is behind the last where nothing
    /// is kept. Some older ones may be there too, which a target has yet to take.
    pub fn bounds(&self) -> Result<Option<(i64, i64)>, StoreError> {
        let latest = self.last()?;
        let pruned = self.reading.row("SELECT sequence FROM outbox_pruned", [], |row| row.get::<_, i64>(0))?;
        Ok((latest > 0).then_some((pruned.unwrap_or(0) + 1, latest)))
    }

    /// Returns the last sequence that was given, whether or not its event is still kept; 0 where there was none.
    pub fn last(&self) -> Result<i64, StoreError> {
        let sql = "SELECT seq FROM sqlite_sequence WHERE name = 'outbox'";
        Ok(self.reading.row(sql, [], |row| row.get(0))?.unwrap_or(0))
    }

    /// Returns up to `limit` events that a target is to be told now: of each order key the first one that it has yet to
    /// take, unless that is to be tried later.
    pub fn due(&self, target: &str, now_milliseconds: i64, limit: u32) -> Result<Vec<Due>, StoreError> {
        let due = |row: &Row<'_>| {
            Ok(Due { event: event(row)?, order_key: row.get("order_key")?, attempt: row.get("attempt")? })
        };
        self.reading.rows(DUE, (target, now_milliseconds, limit), due)
    }

    /// Returns when the next event after now becomes due for a target, apart from those that come to be recorded.
    pub fn next_due(&self, target: &str, now_milliseconds: i64) -> Result<Option<i64>, StoreError> {
        let sql = heads!(
            "SELECT min(delivery.next_milliseconds) FROM head \
             JOIN delivery ON delivery.sequence = head.sequence AND delivery.target = ?1 \
             WHERE delivery.next_milliseconds > ?2"
        );
        Ok(self.reading.row(sql, (target, now_milliseconds), |row| row.get(0))?.flatten())
    }

    /// Returns how much a target has yet to take.
    pub fn undelivered(&self, target: &str) -> Result<Undelivered, StoreError> {
        let sql = "SELECT count, (SELECT time_milliseconds FROM outbox WHERE outbox.sequence = oldest) FROM ( \
                   SELECT count(*) AS count, min(sequence) AS oldest FROM delivery WHERE target = ?1 \
                   AND delivered_milliseconds IS NULL AND given_up_milliseconds IS NULL)";
        let read = |row: &Row<'_>| {
            let count: i64 = row.get(0)?;
            Ok(Undelivered { count: count.unsigned_abs(), oldest_milliseconds: row.get(1)? })
        };
        Ok(self.reading.row(sql, [target], read)?.unwrap_or_default())
    }
}

/// What can be done with events, and asked.
#[derive(Debug)]
pub struct Outbox<'a> {
    transaction: &'a Transaction<'a>,
    rows: OutboxRows<'a>,
}

impl<'a> Deref for Outbox<'a> {
    type Target = OutboxRows<'a>;

    fn deref(&self) -> &Self::Target {
        &self.rows
    }
}

impl<'a> Outbox<'a> {
    pub(super) fn new(transaction: &'a Transaction<'a>) -> Self {
        Self { transaction, rows: OutboxRows::new(transaction) }
    }

    /// Records an event, and who is to be told. Returns its sequence: that of the first time, where it is recorded
    /// already.
    pub fn append(&self, new: &NewEvent, job: Option<JobId>) -> Result<i64, StoreError> {
        let sql = "INSERT INTO outbox (event_id, type, institution, class_id, job_id, order_key, time_milliseconds, \
                   data, callback_url) \
                   VALUES (:id, :type, :institution, :class, :job, :order, :time, :data, :callback) \
                   ON CONFLICT (event_id) DO NOTHING RETURNING sequence";
        let values = named_params! {
            ":id": new.event_id, ":type": new.event_type.name(), ":institution": new.institution,
            ":class": new.class_id, ":job": job.map(|id| id.0), ":order": new.order_key,
            ":time": new.time_milliseconds, ":data": new.data, ":callback": new.callback_url,
        };
        let sequence = |row: &Row<'_>| row.get::<_, i64>(0);
        if let Some(sequence) = self.transaction.row(sql, values, sequence)? {
            for target in &new.targets {
                let sql = "INSERT OR IGNORE INTO delivery (sequence, target, order_key, next_milliseconds) \
                           VALUES (?1, ?2, ?3, ?4)";
                self.transaction.execute(sql, (sequence, target, &new.order_key, new.time_milliseconds))?;
            }
            return Ok(sequence);
        }
        let known =
            self.transaction.row("SELECT sequence FROM outbox WHERE event_id = ?1", [&new.event_id], sequence)?;
        known.ok_or_else(|| StoreError::Statement("an event is recorded and not there".to_owned()))
    }

    /// Marks an event as taken by a target.
    pub fn delivered(&self, sequence: i64, target: &str, now_milliseconds: i64) -> Result<(), StoreError> {
        let sql = "UPDATE delivery SET delivered_milliseconds = ?1 WHERE sequence = ?2 AND target = ?3 \
                   AND delivered_milliseconds IS NULL";
        self.transaction.execute(sql, (now_milliseconds, sequence, target)).map(|_| ())
    }

    /// Counts a delivery that failed, and says when it is worth another try.
    pub fn postponed(&self, sequence: i64, target: &str, next_milliseconds: i64) -> Result<(), StoreError> {
        let sql = "UPDATE delivery SET attempt = attempt + 1, next_milliseconds = ?1 WHERE sequence = ?2 \
                   AND target = ?3 AND delivered_milliseconds IS NULL";
        self.transaction.execute(sql, (next_milliseconds, sequence, target)).map(|_| ())
    }

    /// Gives a delivery up: the target will not hear of this event, and what waited behind it is next.
    pub fn give_up(&self, sequence: i64, target: &str, now_milliseconds: i64) -> Result<(), StoreError> {
        let sql = "UPDATE delivery SET attempt = attempt + 1, given_up_milliseconds = ?1 WHERE sequence = ?2 \
                   AND target = ?3 AND delivered_milliseconds IS NULL AND given_up_milliseconds IS NULL";
        self.transaction.execute(sql, (now_milliseconds, sequence, target)).map(|_| ())
    }

    /// Removes events that are older than seven days and wait for no target, or older than thirty. A bounded number: to
    /// be called again while it removes any.
    pub fn prune(&self, now_milliseconds: i64) -> Result<Pruned, StoreError> {
        let sql = "SELECT sequence, EXISTS (SELECT 1 FROM delivery WHERE delivery.sequence = outbox.sequence \
                   AND delivered_milliseconds IS NULL AND given_up_milliseconds IS NULL) AS is_undelivered FROM outbox \
                   WHERE time_milliseconds < ?1 AND (time_milliseconds < ?2 OR NOT is_undelivered) \
                   ORDER BY time_milliseconds LIMIT ?3";
        let (kept, undelivered) =
            (now_milliseconds - KEPT_MILLISECONDS, now_milliseconds - UNDELIVERED_KEPT_MILLISECONDS);
        let read = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, bool>(1)?));
        let mut pruned = Pruned::default();
        for (sequence, is_undelivered) in self.transaction.rows(sql, (kept, undelivered, PRUNED_MAX), read)? {
            let noted = "INSERT INTO outbox_pruned (id, sequence) VALUES (1, ?1) \
                         ON CONFLICT (id) DO UPDATE SET sequence = max(sequence, excluded.sequence)";
            self.transaction.execute(noted, [sequence])?;
            self.transaction.execute("DELETE FROM outbox WHERE sequence = ?1", [sequence])?;
            pruned.events += 1;
            pruned.undelivered += u64::from(is_undelivered);
        }
        Ok(pruned)
    }
}

fn event(row: &Row<'_>) -> rusqlite::Result<Event> {
    Ok(Event {
        sequence: row.get("sequence")?,
        event_id: row.get("event_id")?,
        event_type: word(row, "type", EventType::parse)?,
        institution: row.get("institution")?,
        class_id: row.get("class_id")?,
        job_id: row.get::<_, Option<i64>>("job_id")?.map(JobId),
        time_milliseconds: row.get("time_milliseconds")?,
        data: row.get("data")?,
        callback_url: row.get("callback_url")?,
    })
}
