//! Classes that come back when their bookings are forgotten.

use super::{HOUR, World, booking, terms};
use crate::event::EventType;
use crate::store::StoreError;
use crate::worker::desk::holder_of;

#[test]
fn a_class_that_comes_back_after_its_booking_was_forgotten_is_told_of_under_a_name_that_was_never_given() {
    let (rows, told) = World::new().play(
        |scene| {
            let first = scene.take(&booking("c-1", 6666))?.unwrap();
            scene.take(r#"{"cmd":"cancel","class_id":"c-1"}"#)?;
            scene.now += 8 * 24 * HOUR;
            while scene.at_desk(|desk| desk.forget())? > 0 {}
            assert_eq!(scene.tx.bookings().latest("", "c-1")?, None);
            let again = scene.take(&booking("c-1", 6666))?.unwrap();
            Ok::<_, StoreError>(([first, again], scene.tx.outbox().after(0, 99)?))
        },
        terms(&["oss"]),
    );
    let [first, again] = rows;
    assert_eq!((first.new.sequence, again.new.sequence), (1, 2));
    assert_ne!(holder_of(&first), holder_of(&again));
    // Under the name of the first one, which a target has yet to take, the second would not be told at all.
    let accepted = told.iter().filter(|event| event.event_type == EventType::BookingAccepted);
    assert_eq!(accepted.count(), 2, "{told:?}");
}
