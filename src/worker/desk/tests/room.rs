//! Where there is no room, and classes of an older system.

use super::rule::{all_told, latest, play, told};
use super::{HOUR, NOW, PROVIDERS, Scene, booking, result};
use crate::booking::decide::LOCAL;
use crate::booking::{Booking, Channel, ClassKey, Message, message};
use crate::failure::FailureClass;
use crate::store::{
    BookingRow, BookingState, FileName, JobKind, LeaseRow, Rendition, RenditionState, StoreError, Waiter,
};
use crate::worker::desk::Arrival;

fn parsed(text: &str) -> Booking {
    match message::parse(text.as_bytes(), Channel::Bookings, &|_| Ok(())) {
        Ok(Message::Booking(booking)) => *booking,
        other => panic!("{other:?}"),
    }
}

/// Takes a booking while the cache says that nothing can go.
fn take_full(scene: &mut Scene<'_>, text: &str) -> Result<BookingRow, StoreError> {
    let booking = parsed(text);
    let body = message::to_body(&booking);
    Ok(scene.at_desk(|desk| desk.book(&booking, &body, Some("all of it is held"), &Arrival::default()))?.row)
}

fn waiter(class: &str) -> Waiter {
    Waiter {
        institution: String::new(),
        record: "6666".to_owned(),
        resolution: 720,
        class_id: class.to_owned(),
        since_milliseconds: NOW,
    }
}

/// What an older system knew of a rendition that it had asked somebody for.
fn imported(scene: &Scene<'_>) -> Result<(), StoreError> {
    let rendition = Rendition {
        institution: String::new(),
        record: "6666".to_owned(),
        resolution: 720,
        state: RenditionState::Transcoding,
        provider: String::new(),
        attempt: 1,
        deadline_milliseconds: Some(NOW + HOUR),
        url: String::new(),
        returns: 0,
        updated_milliseconds: NOW,
    };
    scene.tx.renditions().insert(&rendition).map(drop)
}

#[test]
fn k3_where_there_is_no_room_a_booking_fails_with_316_before_anything_is_fetched() {
    play(&["local"], |scene| {
        let row = take_full(scene, &booking("c-1", 6666))?;
        assert_eq!((row.state, row.code), (BookingState::Failed, Some(316)));
        assert_eq!(scene.tx.jobs().count()?, 0);
        assert_eq!(all_told(scene), ["booking.accepted", "cache.full", "booking.failed"]);
        Ok(())
    });
}

#[test]
fn where_there_is_no_room_a_class_may_share_a_file_that_is_on_its_way() {
    play(&["local"], |scene| {
        let direct = r#"{"class_id":"c-1","record_id":7777,"video_url":"http://origin/7777.flv"}"#;
        scene.take(direct)?;
        assert_eq!(take_full(scene, &direct.replace("c-1", "c-2"))?.state, BookingState::Downloading);
        // From another address it would be another file.
        assert_eq!(take_full(scene, &direct.replace("c-1", "c-3").replace("origin", "other"))?.code, Some(316));
        scene.take(&booking("c-4", 6666))?;
        assert_eq!(take_full(scene, &booking("c-5", 6666))?.state, BookingState::Waiting);
        assert_eq!(take_full(scene, &booking("c-6", 5555))?.code, Some(316));
        Ok(())
    });
}

#[test]
fn where_there_is_no_room_a_class_that_has_a_file_may_change_it_for_another() {
    play(&["local"], |scene| {
        let direct = |record| {
            format!(r#"{{"class_id":"c-1","record_id":{record},"video_url":"http://origin/{record}.flv"}}"#)
        };
        scene.take(&direct(7777))?;
        scene.work(JobKind::Fetch, Ok(()))?;
        assert_eq!(take_full(scene, &direct(8888))?.state, BookingState::Downloading);
        assert!(scene.held.is_empty(), "what it had is let go: that is the room");
        Ok(())
    });
}

#[test]
fn k5_a_disk_that_fails_is_told_as_316_with_an_alarm_and_not_as_the_origin_s_fault() {
    for code in ["DISK_SYNC", "CACHE_DISK"] {
        play(&["local"], move |scene| {
            scene.take(r#"{"class_id":"c-1","record_id":7777,"video_url":"http://origin/7777.flv"}"#)?;
            scene.work(JobKind::Fetch, Err((code, FailureClass::Capacity)))?;
            assert_eq!((latest(scene, "c-1").code, latest(scene, "c-1").error.as_str()), (Some(316), code));
            assert!(all_told(scene).contains(&"cache.full"));
            Ok(())
        });
    }
}

#[test]
fn classes_of_an_older_system_get_bookings_and_are_served_with_the_others() {
    play(&["oss"], |scene| {
        imported(scene)?;
        for class in ["c-1", "22/c-2"] {
            scene.tx.waiters().add(&waiter(class))?;
        }
        assert_eq!([scene.at_desk(|desk| desk.adopt())?, scene.at_desk(|desk| desk.adopt())?], [2, 0]);
        scene.take(&result(6666, "ecs", true))?;
        assert!(scene.work(JobKind::Fetch, Ok(()))?);
        assert_eq!(scene.held, ["c-1", "22/c-2"]);
        assert_eq!(scene.tx.bookings().latest("22", "c-2")?.unwrap().state, BookingState::Ready);
        Ok(())
    });
}

#[test]
fn a_class_of_an_older_system_whose_source_nobody_knows_fails_no_other() {
    play(&["local"], |scene| {
        imported(scene)?;
        scene.tx.waiters().add(&waiter("c-old"))?;
        scene.at_desk(|desk| desk.adopt())?;
        assert_eq!(scene.take(&booking("c-new", 6666))?.unwrap().state, BookingState::Waiting);
        scene.now += 2 * HOUR;
        scene.at_desk(|desk| desk.pass_time())?;
        assert!(scene.work(JobKind::Fetch, Ok(()))? && scene.work(JobKind::Transcode, Ok(()))?);
        assert_eq!([latest(scene, "c-old").state, latest(scene, "c-new").state], [BookingState::Ready; 2]);
        Ok(())
    });
}

#[test]
fn whoever_knows_the_recordings_is_asked_without_an_address_too() {
    play(&PROVIDERS, |scene| {
        imported(scene)?;
        scene.tx.waiters().add(&waiter("c-old"))?;
        scene.at_desk(|desk| desk.adopt())?;
        scene.now += 2 * HOUR;
        scene.at_desk(|desk| desk.pass_time())?;
        let row = scene.tx.renditions().get("", "6666", 720)?.unwrap();
        assert_eq!((row.state, row.provider.as_str()), (RenditionState::Transcoding, PROVIDERS[0]));
        scene.take(&result(6666, PROVIDERS[0], false))?;
        assert_eq!(latest(scene, "c-old").code, Some(208), "{LOCAL} has nothing to make it from");
        Ok(())
    });
}

#[test]
fn what_an_older_system_s_class_holds_is_let_go_with_the_word_of_its_end_whatever_comes_after() {
    play(&["local"], |scene| {
        scene.commit("6666")?;
        let name = FileName { institution: String::new(), record: "6666".to_owned(), resolution: 0 };
        let file = scene.tx.cache().file(&name)?.unwrap().id;
        let lease = LeaseRow {
            file,
            kind: "class".to_owned(),
            holder: "c-1".to_owned(),
            since_milliseconds: NOW,
            until_milliseconds: None,
        };
        scene.tx.cache().lease(&lease)?;
        let class = ClassKey { institution: String::new(), class_id: "c-1".to_owned() };
        scene.at_desk_then(|desk| desk.end_class(&class, BookingState::Over))?;
        assert_eq!(scene.tx.cache().leases()?, [], "a crash right after the commit leaves nothing held");
        assert!(told(scene, "c-1").is_empty());
        Ok(())
    });
}
