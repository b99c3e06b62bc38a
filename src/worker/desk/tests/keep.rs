//! What classes keep once they have it, and what is let go where they get nothing.

use super::rule::{all_told, latest, play, told};
use super::{HOUR, PROVIDERS, Scene, booking, result};
use crate::failure::FailureClass;
use crate::store::{BookingState, FileName, Job, JobId, JobKind, JobState, Rendition, RenditionState, StoreError};
use crate::worker::desk::{Settled, There};
use crate::worker::message::JobOutput;

const SECOND: i64 = 1000;

fn name(resolution: u32) -> FileName {
    FileName { institution: String::new(), record: "6666".to_owned(), resolution }
}

fn lose(scene: &Scene<'_>, resolution: u32) -> Result<(), StoreError> {
    let file = scene.tx.cache().file(&name(resolution))?.unwrap();
    scene.tx.cache().forget(file.id)
}

/// Looks after all live bookings once.
fn look(scene: &mut Scene<'_>) -> Result<(), StoreError> {
    scene.at_desk(|desk| desk.unstick(0)).map(drop)
}

fn live(scene: &Scene<'_>, kind: JobKind) -> Result<Option<Job>, StoreError> {
    let waiting = scene.tx.jobs().in_state(JobState::Waiting, JobId(0), 9)?;
    Ok(waiting.into_iter().find(|job| job.kind == kind))
}

/// Lets all attempts at a job end their process.
pub(super) fn break_three_times(scene: &mut Scene<'_>, kind: JobKind) -> Result<(), StoreError> {
    for attempt in 1..=3 {
        assert!(scene.work(kind, Err(("MEDIA_CRASHED", FailureClass::Bug)))?, "{attempt}");
        scene.now += 31 * SECOND;
    }
    Ok(())
}

fn direct(scene: &mut Scene<'_>) -> Result<(), StoreError> {
    scene.take(r#"{"class_id":"c-1","record_id":6666,"video_url":"http://origin/6666.flv"}"#)?;
    scene.work(JobKind::Fetch, Ok(())).map(drop)
}

#[test]
fn k6_a_ready_class_s_file_that_cannot_be_had_again_is_tried_at_growing_distances_and_the_class_stays_ready() {
    play(&["local"], |scene| {
        direct(scene)?;
        lose(scene, 0)?;
        let mut tries = 0;
        for _ in 0..(3600 / 2) {
            look(scene)?;
            tries += u32::from(scene.work(JobKind::Fetch, Err(("DL_STATUS", FailureClass::Source)))?);
            scene.now += 2 * SECOND;
        }
        assert_eq!(tries, 7, "at 0, 30, 90, 210, 450, 930 and 1890 s");
        assert_eq!(told(scene, "c-1"), ["booking.accepted", "booking.ready"]);
        assert!(all_told(scene).contains(&"alarm"), "somebody hears of it");
        scene.now += HOUR;
        look(scene)?;
        assert!(scene.work(JobKind::Fetch, Ok(()))?, "it is at its origin again");
        assert!(scene.tx.cache().file(&name(0))?.is_some());
        Ok(())
    });
}

#[test]
fn what_a_person_should_look_at_is_not_tried_again_for_a_class_that_had_its_file() {
    play(&["local"], |scene| {
        direct(scene)?;
        lose(scene, 0)?;
        look(scene)?;
        break_three_times(scene, JobKind::Fetch)?;
        for _ in 0..100 {
            scene.now += HOUR / 6;
            look(scene)?;
            assert_eq!(live(scene, JobKind::Fetch)?, None);
        }
        assert_eq!(scene.tx.jobs().in_state(JobState::Held, JobId(0), 9)?.len(), 1);
        Ok(())
    });
}

#[test]
fn a_rendition_that_breaks_things_when_it_is_made_again_is_not_made_again_for_a_class_that_had_it() {
    play(&["local"], |scene| {
        scene.take(&booking("c-1", 6666))?;
        assert!(scene.work(JobKind::Fetch, Ok(()))? && scene.work(JobKind::Transcode, Ok(()))?);
        lose(scene, 720)?;
        look(scene)?;
        assert!(scene.work(JobKind::Fetch, Ok(()))?, "its source is held for it");
        break_three_times(scene, JobKind::Transcode)?;
        for _ in 0..100 {
            scene.now += HOUR / 6;
            look(scene)?;
            assert_eq!(live(scene, JobKind::Transcode)?, None);
        }
        assert_eq!(latest(scene, "c-1").state, BookingState::Ready);
        Ok(())
    });
}

#[test]
fn what_is_by_now_on_record_elsewhere_is_fetched_from_there() {
    play(&["local"], |scene| {
        scene.take(&booking("c-1", 6666))?;
        assert!(scene.work(JobKind::Fetch, Ok(()))? && scene.work(JobKind::Transcode, Ok(()))?);
        assert_eq!(latest(scene, "c-1").url, "", "it was made here");
        let made = scene.tx.renditions().get("", "6666", 720)?.unwrap();
        let url = "http://oss/6666_720P.flv".to_owned();
        scene.tx.renditions().save(&Rendition { provider: PROVIDERS[0].to_owned(), url, ..made })?;
        lose(scene, 720)?;
        look(scene)?;
        let job = live(scene, JobKind::Fetch)?.unwrap();
        assert!(job.input.contains("http://oss/6666_720P.flv"), "{}", job.input);
        Ok(())
    });
}

#[test]
fn what_others_made_and_have_no_more_is_made_anew_for_a_class_that_had_it() {
    play(&PROVIDERS, |scene| {
        scene.take(&booking("c-1", 6666))?;
        scene.take(&result(6666, PROVIDERS[0], true))?;
        scene.work(JobKind::Fetch, Ok(()))?;
        assert_eq!(latest(scene, "c-1").url, "http://oss/6666_720P.flv");
        lose(scene, 720)?;
        look(scene)?;
        assert!(scene.work(JobKind::Fetch, Err(("DL_STATUS", FailureClass::Source)))?);
        let rendition = scene.tx.renditions().get("", "6666", 720)?.unwrap();
        assert_eq!((rendition.state, rendition.provider.as_str()), (RenditionState::Transcoding, PROVIDERS[0]));
        let elsewhere = result(6666, PROVIDERS[0], true).replace("oss/6666", "oss/again/6666");
        scene.take(&elsewhere)?;
        scene.now += HOUR;
        look(scene)?;
        let job = live(scene, JobKind::Fetch)?.unwrap();
        assert!(job.input.contains("http://oss/again/6666_720P.flv"), "{}", job.input);
        assert!(scene.work(JobKind::Fetch, Ok(()))?);
        assert_eq!(told(scene, "c-1"), ["booking.accepted", "booking.ready"], "it is none the wiser");
        Ok(())
    });
}

#[test]
fn what_is_on_its_way_back_is_told_as_lost_once() {
    play(&["local"], |scene| {
        direct(scene)?;
        lose(scene, 0)?;
        for _ in 0..600 {
            look(scene)?;
            scene.now += 2 * SECOND;
        }
        let lost = scene.tx.outbox().after(0, 1000)?.into_iter().filter(|event| event.event_type.name() == "alarm");
        assert_eq!((lost.count(), latest(scene, "c-1").mends), (1, 1));
        Ok(())
    });
}

#[test]
fn a_ready_class_that_does_not_hold_its_file_any_more_gets_it_held_again() {
    play(&["local"], |scene| {
        direct(scene)?;
        look(scene)?;
        assert_eq!(live(scene, JobKind::Fetch)?, None, "it has all it needs");
        scene.tx.cache().release_all("class", "c-1")?;
        look(scene)?;
        let job = live(scene, JobKind::Fetch)?.unwrap();
        assert!(job.key.ends_with(" here"), "nothing is fetched for that: {}", job.key);
        Ok(())
    });
}

#[test]
fn what_was_held_for_a_class_before_a_crash_goes_when_the_class_fails() {
    play(&["local"], |scene| {
        scene.take(
            r#"{"class_id":"c-1","record_id":6666,"video_url":"http://origin/6666.flv","end_time":1760007200}"#,
        )?;
        scene.commit("6666")?;
        let row = latest(scene, "c-1");
        scene.hold(row)?;
        scene.now = 1_760_007_200_000;
        scene.at_desk(|desk| desk.pass_time())?;
        assert_eq!(latest(scene, "c-1").code, Some(207));
        assert_eq!((scene.held.len(), scene.tx.cache().leases()?), (0, Vec::new()));
        Ok(())
    });
}

#[test]
fn b4_nobody_is_told_of_a_file_for_a_claim_that_is_lost_and_nothing_stays_held_for_it() {
    play(&["local"], |scene| {
        scene.take(r#"{"class_id":"c-1","record_id":6666,"video_url":"http://origin/6666.flv"}"#)?;
        let job = scene.claim(JobKind::Fetch)?.unwrap();
        let claim = job.claim().unwrap();
        scene.commit("6666")?;
        let row = latest(scene, "c-1");
        let handed = vec![scene.hold(row)?];
        scene.now += 16 * SECOND;
        scene.at_desk(|desk| desk.lapse())?;
        let there = There { path: "/cache/6666.flv".to_owned(), bytes: 1000 };
        let settled =
            scene.at_desk(|desk| desk.settle(&job, &claim, &there, &handed, &[], &JobOutput::default()))?;
        assert!(matches!(settled, Settled::Lost));
        assert_eq!((scene.held.len(), latest(scene, "c-1").state), (0, BookingState::Downloading));
        assert_eq!(told(scene, "c-1"), ["booking.accepted"]);
        Ok(())
    });
}

#[test]
fn a_job_of_an_older_attempt_moves_no_other_provider_s_deadline() {
    play(&["local", "oss"], |scene| {
        scene.take(&booking("c-1", 6666))?;
        scene.work(JobKind::Fetch, Ok(()))?;
        break_three_times(scene, JobKind::Transcode)?;
        let before = scene.tx.renditions().get("", "6666", 720)?.unwrap();
        assert_eq!((before.provider.as_str(), before.attempt), ("oss", 2));
        let held = scene.tx.jobs().in_state(JobState::Held, JobId(0), 9)?.remove(0);
        let tell = |job: &Job| crate::store::NewEvent {
            event_id: format!("resumed-{}", job.id),
            event_type: crate::event::EventType::JobChanged,
            time_milliseconds: 0,
            institution: String::new(),
            class_id: None,
            order_key: String::new(),
            data: "{}".to_owned(),
            targets: Vec::new(),
            callback_url: None,
        };
        scene.tx.jobs().resume(held.id, scene.now, &tell)?;
        assert!(scene.claim(JobKind::Transcode)?.is_some());
        assert_eq!(scene.tx.renditions().get("", "6666", 720)?.unwrap(), before);
        Ok(())
    });
}
