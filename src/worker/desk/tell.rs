//! The events that the desk writes: their names for all time, their particulars, and who hears of them.
//!
//! An event's name is made of what it tells and of the node that does, so that the same thing told twice is one event, and
//! what two nodes tell of their own is never taken for one.

use uuid::Uuid;

use super::Desk;
use super::file::{class_of, resolution_of};
use crate::booking::Code;
use crate::event::EventType;
use crate::notify::{CALLBACK, DEAD_LETTERS, REDIS};
use crate::store::{AlarmRow, BookedFile, BookingRow, Job, JobState, NewEvent, StoreError};
use crate::worker::message::{AlarmData, BookingData, JobData, TranscodeData, json, read};

/// Alarms of one key become one event in this time.
pub(in crate::worker) const ALARM_MILLISECONDS: i64 = 60_000;
/// The namespace of our events' names (RFC 9562, version 5); made once at random.
const NAMESPACE: Uuid = Uuid::from_u128(0x6f1c_2f0e_5a0b_4b52_9d3e_7c1f_83a2_d94b);

/// What a booking's event tells beyond the booking itself.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Held<'a> {
    /// Where the file is.
    pub(super) path: Option<&'a str>,
    /// Its length.
    pub(super) bytes: Option<u64>,
}

/// Something that a person should know.
#[derive(Clone, Debug)]
pub(in crate::worker) struct Alarm {
    /// As which event it is told.
    pub(in crate::worker) event: EventType,
    /// The number that people in the field know it by.
    pub(in crate::worker) code: Option<Code>,
    /// The stable code.
    pub(in crate::worker) error: String,
    /// What is the matter.
    pub(in crate::worker) reason: String,
    /// Whose.
    pub(in crate::worker) institution: String,
    /// What it is about.
    pub(in crate::worker) subject: String,
}

/// Returns the name for all time of what these parts tell.
fn event_id(parts: &[&str]) -> String {
    Uuid::new_v5(&NAMESPACE, parts.join("\n").as_bytes()).to_string()
}

/// Returns by which key alarms become one event: each institution has its own, and hears of no other's. The event's name
/// is its first word; lengths keep what is written by others from being read as something else.
fn alarm_key(alarm: &Alarm) -> String {
    let Alarm { event, error, institution, subject, .. } = alarm;
    format!("{} {}:{institution} {error} {subject}", event.name(), institution.len())
}

impl Desk<'_> {
    /// Tells of a booking's new state.
    pub(super) fn tell_booking(
        &self,
        row: &BookingRow,
        event_type: EventType,
        held: Held<'_>,
    ) -> Result<(), StoreError> {
        let new = &row.new;
        let is_terminal = event_type != EventType::BookingAccepted;
        let data = BookingData {
            booking_sequence: new.sequence,
            record_id: &new.file.record,
            video_resolution: resolution_of(&new.file).map(|name| name.to_string()),
            course_name: &new.course_name,
            state: row.state.name(),
            code: row.code,
            error: &row.error,
            reason: &row.reason,
            path: held.path,
            bytes: held.bytes,
            held_until: held.path.map(|_| new.due_milliseconds / 1000),
        };
        let sequence = new.sequence.to_string();
        let node = &self.terms.node_id;
        let own = [&new.institution, &new.class_id, &sequence, &new.body_sha256, node].map(String::as_str);
        let mut targets = self.terms.targets.clone();
        if is_terminal && new.callback_url.is_some() {
            targets.push(CALLBACK.to_owned());
        }
        self.append(NewEvent {
            event_id: event_id(&[&own[..], &[event_type.name()]].concat()),
            event_type,
            institution: new.institution.clone(),
            class_id: Some(new.class_id.clone()),
            order_key: class_of(row).to_string(),
            time_milliseconds: self.now,
            data: json(&data),
            callback_url: new.callback_url.clone().filter(|_| is_terminal),
            targets,
        })
    }

    /// Tells of an attempt at a rendition; `more` goes to further targets besides.
    pub(super) fn tell_transcode(
        &self,
        file: &BookedFile,
        event_type: EventType,
        data: &TranscodeData<'_>,
        more: Option<&str>,
    ) -> Result<(), StoreError> {
        let (attempt, resolution) = (data.attempt.to_string(), file.resolution.to_string());
        let own = [&file.institution, &file.record, &resolution, &attempt, &self.terms.node_id].map(String::as_str);
        let mut targets = self.terms.targets.clone();
        targets.extend(more.map(str::to_owned));
        self.append(NewEvent {
            event_id: event_id(&[&own[..], &[event_type.name()]].concat()),
            event_type,
            institution: file.institution.clone(),
            class_id: None,
            order_key: format!("{}/{}_{}P", file.institution, file.record, file.resolution),
            time_milliseconds: self.now,
            data: json(data),
            callback_url: None,
            targets,
        })
    }

    /// Raises an alarm; told at once unless it was in the last minute.
    pub(in crate::worker) fn alarm(&self, alarm: &Alarm) -> Result<(), StoreError> {
        let data = AlarmData {
            code: alarm.code.map(Code::number),
            error: alarm.error.clone(),
            reason: alarm.reason.clone(),
            subject: alarm.subject.clone(),
            count: 1,
        };
        let row =
            AlarmRow { key: alarm_key(alarm), institution: alarm.institution.clone(), count: 0, data: json(&data) };
        tracing::warn!(error = alarm.error, subject = alarm.subject, "alarm: {}", alarm.reason);
        if self.tx.alarms().raise(&row, self.now)? { self.tell_alarm(&row) } else { Ok(()) }
    }

    /// Tells how many more times an alarm was raised.
    pub(super) fn tell_again(&self, mut row: AlarmRow) -> Result<(), StoreError> {
        if let Some(data) = read::<AlarmData>(&row.data) {
            row.data = json(&AlarmData { count: row.count, ..data });
        }
        self.tell_alarm(&row)
    }

    /// Tells of an alarm, whose key begins with the event's name.
    pub(super) fn tell_alarm(&self, row: &AlarmRow) -> Result<(), StoreError> {
        let event_type = row.key.split(' ').next().and_then(EventType::parse).unwrap_or(EventType::Alarm);
        let time = self.now.to_string();
        self.append(NewEvent {
            event_id: event_id(&["alarm", &self.terms.node_id, &row.key, &time]),
            event_type,
            institution: row.institution.clone(),
            class_id: None,
            order_key: row.key.clone(),
            time_milliseconds: self.now,
            data: row.data.clone(),
            callback_url: None,
            targets: self.terms.targets.clone(),
        })
    }

    /// Returns the event of a job's change, which only those hear who watch the node itself; of one that a person must look
    /// at there is a dead letter besides, where the node has a Redis.
    pub(in crate::worker) fn tell_job(&self, job: &Job) -> NewEvent {
        let failure = job.failure.as_ref();
        let data = JobData {
            kind: job.kind.name(),
            key: &job.key,
            state: job.state.name(),
            attempt: job.attempt,
            error: failure.map(|failure| failure.code.as_str()),
            reason: failure.map(|failure| failure.text.as_str()),
        };
        let parts = [job.id.to_string(), job.lease_number.to_string(), self.now.to_string()];
        let [id, lease, time] = parts.each_ref().map(String::as_str);
        let is_dead = job.state == JobState::Held && self.terms.targets.iter().any(|target| target == REDIS);
        NewEvent {
            event_id: event_id(&["job", &self.terms.node_id, id, lease, job.state.name(), time]),
            event_type: EventType::JobChanged,
            institution: job.institution.clone(),
            class_id: None,
            order_key: format!("job {id}"),
            time_milliseconds: self.now,
            data: json(&data),
            callback_url: None,
            targets: if is_dead { vec![DEAD_LETTERS.to_owned()] } else { Vec::new() },
        }
    }

    fn append(&self, event: NewEvent) -> Result<(), StoreError> {
        self.tx.outbox().append(&event, None).map(drop)
    }
}
