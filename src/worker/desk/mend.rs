//! Bringing back what a ready class has: a file that was damaged or taken away, or is there and not held for it any more.
//!
//! The class stays ready, and hears nothing: the file may be back before it begins. What cannot be brought back is tried again
//! at growing distances as long as the class has time, and a job that a person should look at is left alone.

use super::file::{fetch_key, holder_of, key_of, name_of, url_of};
use super::rendition::booking_of;
use super::{Alarm, Desk};
use crate::booking::decide::Event;
use crate::booking::source::{Want, want};
use crate::event::EventType;
use crate::store::{BookingRow, BookingState, JobKind, JobState, RenditionState, StoreError};

/// The wait after the first try: an origin that is restarted is back by then.
const FIRST_WAIT_MILLISECONDS: i64 = 30_000;
/// The longest wait: a file that is put back at its origin is found before the next lesson.
const LONGEST_WAIT_MILLISECONDS: i64 = 30 * 60_000;
/// Doublings after which the wait is the longest one.
const DOUBLINGS_MAX: u32 = 6;

/// What has become of a ready class's file.
enum Has {
    /// It is there, and held.
    All,
    /// It is there; somebody could take its room.
    File,
    /// It is gone.
    Nothing,
}

impl Desk<'_> {
    /// Sees to it that a ready class has its file, and that it is held; nothing before it may be tried again.
    pub(in crate::worker) fn mend(&self, row: &BookingRow) -> Result<(), StoreError> {
        let is_now = row.mend_milliseconds <= self.now && row.new.due_milliseconds > self.now;
        if row.state != BookingState::Ready || !is_now {
            return Ok(());
        }
        match self.has(row)? {
            Has::All => Ok(()),
            Has::File => {
                self.tx.bookings().count_mend(row.id, self.now.saturating_add(wait(row.mends)))?;
                self.fetch(&row.new.file, None, row)
            }
            Has::Nothing if self.is_being_brought(row)? => Ok(()),
            Has::Nothing => {
                self.tx.bookings().count_mend(row.id, self.now.saturating_add(wait(row.mends)))?;
                self.alarm_lost(row)?;
                self.bring_back(row)
            }
        }
    }

    fn has(&self, row: &BookingRow) -> Result<Has, StoreError> {
        let Some(file) = self.tx.cache().file(&name_of(&row.new.file))?.filter(|file| file.state == super::READY)
        else {
            return Ok(Has::Nothing);
        };
        let holder = holder_of(row);
        let is_held = self.tx.cache().is_held(file.id, holder.kind.name(), &holder.name)?;
        Ok(if is_held { Has::All } else { Has::File })
    }

    /// Returns whether somebody is at it, or it waits for its turn.
    fn is_being_brought(&self, row: &BookingRow) -> Result<bool, StoreError> {
        let file = &row.new.file;
        let Ok(key) = key_of(file) else { return Ok(false) };
        let (key, url) = (key.to_string(), self.lies_at(row)?);
        Ok(self.has_live_job(&file.institution, JobKind::Transcode, &key)?
            || self.has_live_job(&file.institution, JobKind::Fetch, &fetch_key(&key, url.as_deref()))?)
    }

    /// Returns where the file of a ready class is to be had: a rendition where it is on record to be by now, else where it
    /// came from.
    fn lies_at(&self, row: &BookingRow) -> Result<Option<String>, StoreError> {
        let file = &row.new.file;
        let made = self.tx.renditions().get(&file.institution, &file.record, file.resolution)?;
        let made = made.filter(|made| made.state == RenditionState::Succeeded && !made.url.is_empty());
        let is_made = booking_of(row).is_some_and(|booking| matches!(want(&booking), Want::Rendition { .. }));
        Ok(made.filter(|_| is_made).map(|made| made.url).or_else(|| url_of(row).map(str::to_owned)))
    }

    fn bring_back(&self, row: &BookingRow) -> Result<(), StoreError> {
        let file = &row.new.file;
        if let Some(url) = self.lies_at(row)? {
            return self.fetch(file, Some(&url), row);
        }
        let Ok(key) = key_of(file) else { return Ok(()) };
        let job = self.tx.jobs().live(&file.institution, JobKind::Transcode, &key.to_string())?;
        if job.is_some_and(|job| job.state == JobState::Held) {
            return Ok(());
        }
        // It was made here: whoever brings it back is decided like the first time.
        self.decide(file, &Event::Booked { is_cached: false }, Some(row))
    }

    fn alarm_lost(&self, row: &BookingRow) -> Result<(), StoreError> {
        let name = key_of(&row.new.file).map_or_else(|_| row.new.file.record.clone(), |key| key.to_string());
        self.alarm(&Alarm {
            event: EventType::Alarm,
            code: None,
            error: "READY_FILE_LOST".to_owned(),
            reason: format!("{name}, which the class has, is gone from the cache; it is brought again"),
            institution: row.new.institution.clone(),
            subject: row.new.class_id.clone(),
        })
    }
}

/// Returns how long nothing is tried after a try, by how many there were before it.
fn wait(mends: u32) -> i64 {
    (FIRST_WAIT_MILLISECONDS << mends.min(DOUBLINGS_MAX)).min(LONGEST_WAIT_MILLISECONDS)
}

#[cfg(test)]
mod tests {
    use super::wait;

    #[test]
    fn the_wait_doubles_from_half_a_minute_to_half_an_hour() {
        let waits: Vec<i64> = (0..9).map(|mends| wait(mends) / 1000).collect();
        assert_eq!(waits, [30, 60, 120, 240, 480, 960, 1800, 1800, 1800]);
        assert_eq!(wait(u32::MAX), 1_800_000);
    }
}
