//! The rules of a booking's way, each on its own.

use super::keep::break_three_times;
use super::{HOUR, NOW, PROVIDERS, Scene, World, booking, result, terms};
use crate::booking::ClassKey;
use crate::failure::FailureClass;
use crate::store::{BookingRow, BookingState, JobKind, JobState, RenditionState, StoreError};

pub(super) fn latest(scene: &Scene<'_>, class: &str) -> BookingRow {
    scene.tx.bookings().latest("", class).unwrap().unwrap()
}

/// Returns the types of the events of a class, in order.
pub(super) fn told(scene: &Scene<'_>, class: &str) -> Vec<&'static str> {
    let events = scene.tx.outbox().after(0, 1000).unwrap();
    events
        .iter()
        .filter(|event| event.class_id.as_deref() == Some(class))
        .map(|event| event.event_type.name())
        .collect()
}

pub(super) fn all_told(scene: &Scene<'_>) -> Vec<&'static str> {
    let events = scene.tx.outbox().after(0, 1000).unwrap();
    events.iter().map(|event| event.event_type.name()).filter(|name| *name != "job.changed").collect()
}

pub(super) fn play(
    providers: &[&str],
    scene: impl FnOnce(&mut Scene<'_>) -> Result<(), StoreError> + Send + 'static,
) {
    World::new().play(scene, terms(providers));
}

#[test]
fn x7_a_class_without_a_size_gets_the_recording_as_it_is_and_is_ready_when_it_is_held() {
    play(&["local"], |scene| {
        let row =
            scene.take(r#"{"class_id":"c-1","record_id":6666,"video_url":"http://origin/6666.flv"}"#)?.unwrap();
        assert_eq!(
            (row.state, row.url.as_str(), row.new.file.resolution),
            (BookingState::Downloading, "http://origin/6666.flv", 0)
        );
        assert!(scene.work(JobKind::Fetch, Ok(()))?);
        assert_eq!(scene.held, ["c-1"]);
        assert_eq!(told(scene, "c-1"), ["booking.accepted", "booking.ready"]);
        assert_eq!(latest(scene, "c-1").new.due_milliseconds, NOW + 24 * HOUR);
        Ok(())
    });
}

#[test]
fn b5_the_same_booking_twice_is_one_and_another_one_takes_its_place() {
    play(&["local"], |scene| {
        let first = scene.take(&booking("c-1", 6666))?.unwrap();
        assert_eq!(scene.take(&booking("c-1", 6666))?.unwrap(), first);
        assert_eq!(told(scene, "c-1"), ["booking.accepted"]);
        let second = scene.take(&booking("c-1", 7777))?.unwrap();
        assert_eq!((second.new.sequence, second.new.file.record.as_str()), (2, "7777"));
        assert_eq!(told(scene, "c-1"), ["booking.accepted", "booking.cancelled", "booking.accepted"]);
        assert_eq!(scene.tx.bookings().get(first.id)?.unwrap().state, BookingState::Cancelled);
        Ok(())
    });
}

#[test]
fn two_classes_that_need_the_same_rendition_share_one_transcode_and_both_are_ready_with_it() {
    play(&["local"], |scene| {
        for class in ["c-1", "c-2"] {
            assert_eq!(scene.take(&booking(class, 6666))?.unwrap().state, BookingState::Waiting);
        }
        assert_eq!(scene.claim(JobKind::Transcode)?, None, "its source is not here");
        assert!(scene.work(JobKind::Fetch, Ok(()))?);
        assert!(scene.work(JobKind::Transcode, Ok(()))?);
        assert_eq!((scene.claim(JobKind::Transcode)?, scene.claim(JobKind::Fetch)?), (None, None));
        assert_eq!(scene.held, ["c-1", "c-2"]);
        for class in ["c-1", "c-2"] {
            assert_eq!(told(scene, class), ["booking.accepted", "booking.ready"]);
        }
        let third = scene.take(&booking("c-3", 6666))?.unwrap();
        assert_eq!((third.state, third.url.as_str()), (BookingState::Downloading, ""));
        assert!(scene.work(JobKind::Fetch, Ok(()))?);
        assert_eq!(told(scene, "c-3"), ["booking.accepted", "booking.ready"]);
        assert_eq!(
            all_told(scene).iter().filter(|name| name.starts_with("transcode")).collect::<Vec<_>>(),
            [&"transcode.requested", &"transcode.started", &"transcode.succeeded"]
        );
        Ok(())
    });
}

#[test]
fn x4_the_failure_of_the_first_provider_leads_to_the_second_and_that_of_the_last_fails_those_who_wait_with_208() {
    play(&["oss", "ecs"], |scene| {
        scene.take(&booking("c-1", 6666))?;
        scene.take(&result(6666, "ecs", false))?;
        scene.take(&result(6666, "oss", false))?;
        assert_eq!(latest(scene, "c-1").state, BookingState::Waiting);
        let row = scene.tx.renditions().get("", "6666", 720)?.unwrap();
        assert_eq!((row.provider.as_str(), row.attempt), ("ecs", 2));
        scene.take(&result(6666, "ecs", false))?;
        let row = latest(scene, "c-1");
        assert_eq!((row.state, row.code), (BookingState::Failed, Some(208)));
        assert_eq!(told(scene, "c-1"), ["booking.accepted", "booking.failed"]);
        // Nobody is called twice, and a new booking asks anew.
        scene.take(&result(6666, "ecs", false))?;
        assert_eq!(scene.take(&booking("c-1", 6666))?.unwrap().new.sequence, 2);
        assert_eq!(told(scene, "c-1").len(), 3);
        Ok(())
    });
}

#[test]
fn x2_a_rendition_that_timed_out_fails_with_207_until_a_while_has_passed_and_a_late_success_is_kept() {
    play(&["oss"], |scene| {
        scene.take(&booking("c-1", 6666))?;
        scene.now += 2 * HOUR;
        scene.at_desk(|desk| desk.pass_time())?;
        assert_eq!(latest(scene, "c-1").code, Some(207));
        assert_eq!(scene.take(&booking("c-2", 6666))?.unwrap().code, Some(207));
        scene.take(&result(6666, "oss", true))?;
        assert_eq!(scene.tx.renditions().get("", "6666", 720)?.unwrap().state, RenditionState::Succeeded);
        assert_eq!(told(scene, "c-1"), ["booking.accepted", "booking.failed"]);
        let row = scene.take(&booking("c-3", 6666))?.unwrap();
        assert_eq!(row.url, "http://oss/6666_720P.flv");
        assert!(all_told(scene).contains(&"alarm"), "501: the booking should have carried it");
        Ok(())
    });
}

#[test]
fn a_transcode_that_somebody_else_was_faster_with_lets_its_source_go() {
    play(&["local"], |scene| {
        scene.take(&booking("c-1", 6666))?;
        assert!(scene.work(JobKind::Fetch, Ok(()))?);
        assert_eq!(scene.held.len(), 1, "its source is held for it");
        scene.take(&result(6666, "oss", true))?;
        assert_eq!((scene.claim(JobKind::Transcode)?, &scene.held[..]), (None, &[][..]));
        Ok(())
    });
}

#[test]
fn a_url_on_record_that_is_useless_leads_back_to_the_beginning_once() {
    play(&PROVIDERS, |scene| {
        scene.take(&booking("c-1", 6666))?;
        scene.take(&result(6666, "oss", true))?;
        assert_eq!(latest(scene, "c-1").url, "http://oss/6666_720P.flv");
        assert!(scene.work(JobKind::Fetch, Err(("DL_HTTP_STATUS", FailureClass::Source)))?);
        assert_eq!(latest(scene, "c-1").state, BookingState::Waiting);
        assert_eq!(scene.tx.renditions().get("", "6666", 720)?.unwrap().attempt, 2);
        scene.take(&result(6666, "oss", true))?;
        assert!(scene.work(JobKind::Fetch, Err(("MEDIA_TRUNCATED", FailureClass::Source)))?);
        assert_eq!(latest(scene, "c-1").code, Some(209));
        Ok(())
    });
}

#[test]
fn a_download_that_fails_tells_its_class_with_209_and_media_that_is_none_with_208() {
    play(&["local"], |scene| {
        for (class, record, code, class_of, number) in [
            ("c-1", 1, "DL_HTTP_STATUS", FailureClass::Source, 209),
            ("c-2", 2, "MEDIA_NOT_MEDIA", FailureClass::Source, 208),
            ("c-3", 3, "CACHE_FULL", FailureClass::Capacity, 316),
        ] {
            let text = format!(
                r#"{{"class_id":"{class}","record_id":{record},"video_url":"http://origin/{record}.flv"}}"#
            );
            scene.take(&text)?;
            assert!(scene.work(JobKind::Fetch, Err((code, class_of)))?);
            let row = latest(scene, class);
            assert_eq!((row.code, row.error.as_str()), (Some(number), code));
        }
        assert!(all_told(scene).contains(&"cache.full"));
        Ok(())
    });
}

#[test]
fn classes_on_a_url_that_is_useless_all_wait_for_what_is_made_in_its_place() {
    play(&PROVIDERS, |scene| {
        for class in ["c-1", "c-2"] {
            scene.take(&booking(class, 6666))?;
        }
        scene.take(&result(6666, "oss", true))?;
        assert!(scene.work(JobKind::Fetch, Err(("DL_HTTP_STATUS", FailureClass::Source)))?);
        for class in ["c-1", "c-2"] {
            assert_eq!(latest(scene, class).state, BookingState::Waiting, "{class}");
        }
        Ok(())
    });
}

#[test]
fn a_class_that_needs_a_rendition_sooner_hastens_it_for_those_before_it() {
    play(&["local"], |scene| {
        let begins = |class: &str, hours: i64| {
            let start = (NOW + hours * HOUR) / 1000;
            booking(class, 6666).replace('}', &format!(r#","start_time":{start},"priority":{}}}"#, 90 - hours))
        };
        scene.take(&begins("c-1", 72))?;
        scene.take(&begins("c-2", 1))?;
        let jobs = scene.tx.jobs().in_state(JobState::Waiting, crate::store::JobId(0), 9)?;
        let needed: Vec<_> = jobs.iter().map(|job| (job.start_milliseconds, job.priority)).collect();
        assert_eq!(needed, [(Some(NOW + HOUR), 89); 2]);
        Ok(())
    });
}

#[test]
fn a_source_that_cannot_be_fetched_fails_those_who_wait_for_its_rendition_with_its_own_code() {
    play(&["local"], |scene| {
        for (record, code, class, number) in [
            (1, "DL_HTTP_STATUS", FailureClass::Source, 209),
            (2, "CACHE_FULL", FailureClass::Capacity, 316),
            (3, "MEDIA_TRUNCATED", FailureClass::Source, 208),
        ] {
            let name = format!("c-{record}");
            scene.take(&booking(&name, record))?;
            assert!(scene.work(JobKind::Fetch, Err((code, class)))?);
            let row = latest(scene, &name);
            assert_eq!((row.code, row.error.as_str()), (Some(number), code));
        }
        assert!(all_told(scene).contains(&"cache.full"));
        Ok(())
    });
}

#[test]
fn b8_what_breaks_each_time_is_tried_three_times_then_held_with_an_alarm_and_its_class_fails() {
    play(&["local"], |scene| {
        scene.take(&booking("c-1", 6666))?;
        scene.work(JobKind::Fetch, Ok(()))?;
        break_three_times(scene, JobKind::Transcode)?;
        let row = latest(scene, "c-1");
        assert_eq!((row.code, row.error.as_str()), (Some(208), "MEDIA_CRASHED"));
        assert_eq!(scene.tx.jobs().in_state(JobState::Held, crate::store::JobId(0), 9)?.len(), 1);
        assert!(all_told(scene).contains(&"alarm"));
        // Somebody who books again lets it be tried again, and waits for that and not for ever.
        assert_eq!(scene.take(&booking("c-2", 6666))?.unwrap().state, BookingState::Waiting);
        scene.work(JobKind::Fetch, Ok(()))?;
        assert!(scene.work(JobKind::Transcode, Ok(()))?);
        assert_eq!(told(scene, "c-2"), ["booking.accepted", "booking.ready"]);
        Ok(())
    });
}

#[test]
fn x13_the_end_of_a_class_lets_its_file_go_once_however_many_say_so() {
    play(&["local"], |scene| {
        scene.take(
            r#"{"class_id":"c-1","record_id":6666,"video_url":"http://origin/6666.flv","end_time":1760007200}"#,
        )?;
        scene.work(JobKind::Fetch, Ok(()))?;
        let class = ClassKey { institution: String::new(), class_id: "c-1".to_owned() };
        for was_live in [true, false] {
            let ended = scene.at_desk(|desk| desk.end_class(&class, BookingState::Over))?;
            assert_eq!((ended.was_live, ended.row.unwrap().state), (was_live, BookingState::Over));
        }
        scene.now += 3 * HOUR;
        scene.at_desk(|desk| desk.pass_time())?;
        assert_eq!(told(scene, "c-1"), ["booking.accepted", "booking.ready", "booking.over"]);
        assert!(scene.held.is_empty());
        Ok(())
    });
}

#[test]
fn a_class_without_a_word_of_its_end_is_over_at_its_end_and_a_while() {
    play(&["local"], |scene| {
        scene.take(
            r#"{"class_id":"c-1","record_id":6666,"video_url":"http://origin/6666.flv","end_time":1760007200}"#,
        )?;
        scene.work(JobKind::Fetch, Ok(()))?;
        scene.now = 1_760_007_200_000 + HOUR / 6 - 1;
        scene.at_desk(|desk| desk.pass_time())?;
        assert_eq!(latest(scene, "c-1").state, BookingState::Ready);
        scene.now += 1;
        scene.at_desk(|desk| desk.pass_time())?;
        assert_eq!(latest(scene, "c-1").state, BookingState::Over);
        Ok(())
    });
}

#[test]
fn t2_after_days_what_is_overdue_fails_with_207_once_and_in_steps() {
    play(&["oss"], |scene| {
        for class in 0..250 {
            scene.take(&booking(&format!("c-{class}"), class))?;
        }
        scene.now += 72 * HOUR;
        let mut steps = 0;
        while scene.at_desk(|desk| desk.pass_time())? > 0 {
            steps += 1;
        }
        assert_eq!(steps, 3);
        for class in 0..250 {
            assert_eq!(told(scene, &format!("c-{class}")), ["booking.accepted", "booking.failed"]);
        }
        Ok(())
    });
}

#[test]
fn b7_a_result_that_nobody_asked_for_is_an_alarm_once_a_minute_and_no_state() {
    play(&["oss"], |scene| {
        for _ in 0..3 {
            scene.take(&result(6666, "oss", true))?;
        }
        assert_eq!(all_told(scene), ["alarm"]);
        assert_eq!(scene.tx.renditions().get("", "6666", 720)?, None);
        scene.now += 61_000;
        scene.at_desk(|desk| desk.pass_time())?;
        let events = scene.tx.outbox().after(0, 9)?;
        assert!(events.last().unwrap().data.contains("\"count\":2"), "{events:?}");
        Ok(())
    });
}

#[test]
fn a_class_that_ends_before_it_is_ready_needs_nothing_any_more() {
    play(&["local"], |scene| {
        scene.take(&booking("c-1", 6666))?;
        let class = ClassKey { institution: String::new(), class_id: "c-1".to_owned() };
        scene.at_desk(|desk| desk.end_class(&class, BookingState::Cancelled))?;
        scene.work(JobKind::Fetch, Ok(()))?;
        scene.work(JobKind::Transcode, Ok(()))?;
        assert_eq!(told(scene, "c-1"), ["booking.accepted", "booking.cancelled"]);
        assert!(scene.held.is_empty());
        assert_eq!(scene.take(&booking("c-1", 6666))?.unwrap().new.sequence, 2);
        Ok(())
    });
}
