//! Bookings, messages that were taken, and alarms.

use super::{Scratch, scratch};
use crate::store::{
    AlarmRow, BookedFile, BookingChange, BookingFilter, BookingRow, BookingState, InboxRow, NewBooking,
};

fn file() -> BookedFile {
    BookedFile { institution: "22".to_owned(), record: "6666".to_owned(), resolution: 720 }
}

fn booking(class: &str, sequence: u32, due: i64) -> NewBooking {
    NewBooking {
        institution: "22".to_owned(),
        class_id: class.to_owned(),
        sequence,
        file: file(),
        body: "{}".to_owned(),
        body_sha256: "00".to_owned(),
        course_name: "Algebra".to_owned(),
        priority: 50,
        start_milliseconds: Some(1),
        end_milliseconds: None,
        callback_url: None,
        due_milliseconds: due,
        entry: String::new(),
    }
}

fn insert(scratch: &Scratch, new: NewBooking) -> BookingRow {
    scratch.store.write(move |tx| tx.bookings().insert(&new, 10)).unwrap()
}

fn change(scratch: &Scratch, id: i64, from: BookingState, state: BookingState) -> Option<BookingRow> {
    let change = BookingChange {
        state,
        url: "http://origin/1".to_owned(),
        due_milliseconds: 900,
        code: None,
        error: String::new(),
        reason: "because".to_owned(),
    };
    scratch.store.write(move |tx| tx.bookings().change(id, from, &change, 20)).unwrap()
}

#[test]
fn a_booking_changes_only_from_the_state_that_is_believed_in() {
    let scratch = scratch();
    let row = insert(&scratch, booking("c-1", 1, 500));
    assert_eq!(
        (row.state, row.accepted_milliseconds, &row.new),
        (BookingState::Waiting, 10, &booking("c-1", 1, 500))
    );
    assert_eq!(change(&scratch, row.id, BookingState::Downloading, BookingState::Ready), None);
    assert_eq!(change(&scratch, row.id, BookingState::Waiting, BookingState::Waiting), None);
    let on_its_way = change(&scratch, row.id, BookingState::Waiting, BookingState::Downloading).unwrap();
    assert_eq!((on_its_way.new.due_milliseconds, on_its_way.url.as_str()), (900, "http://origin/1"));
    let found =
        scratch.store.read(|reading| reading.bookings().on_their_way(&file(), "http://origin/1", 9)).unwrap();
    assert_eq!(found, [on_its_way]);
    assert!(change(&scratch, row.id, BookingState::Downloading, BookingState::Over).is_some());
    assert_eq!(change(&scratch, row.id, BookingState::Downloading, BookingState::Over), None);
    for from in BookingState::ALL {
        assert_eq!(BookingState::parse(from.name()), Some(from));
        assert_eq!(from.is_live(), BookingState::ALL.into_iter().any(|next| from.may_become(next)));
    }
}

#[test]
fn bookings_are_found_by_class_file_time_and_page() {
    let scratch = scratch();
    let first = insert(&scratch, booking("c-1", 1, 500));
    change(&scratch, first.id, BookingState::Waiting, BookingState::Cancelled).unwrap();
    let second = insert(&scratch, booking("c-1", 2, 500));
    let other = insert(&scratch, booking("c-2", 1, 600));
    scratch
        .store
        .read(|reading| {
            let rows = reading.bookings();
            assert_eq!(rows.latest("22", "c-1")?.map(|row| row.id), Some(second.id));
            assert_eq!(rows.latest("", "c-1")?, None);
            let waiting = rows.of_file(&file(), BookingState::Waiting, 9)?;
            assert_eq!(waiting.iter().map(|row| row.id).collect::<Vec<_>>(), [second.id, other.id]);
            assert_eq!(rows.due(500, 9)?.len(), 1);
            assert_eq!(rows.live(second.id, 9)?.len(), 1);
            let listed = |institution: Option<&str>, states: &[BookingState]| {
                let filter = BookingFilter { institution: institution.map(str::to_owned), states: states.to_vec() };
                rows.page(&filter, 0, 9).map(|rows| rows.iter().map(|row| row.id).collect::<Vec<_>>())
            };
            assert_eq!(listed(None, &[BookingState::Cancelled])?, [first.id]);
            let on_their_way = [BookingState::Waiting, BookingState::Downloading];
            assert_eq!(listed(Some("22"), &on_their_way)?, [second.id, other.id]);
            assert_eq!(listed(None, &[BookingState::Waiting, BookingState::Cancelled])?.len(), 3);
            assert_eq!(listed(Some("23"), &[])?, Vec::<i64>::new());
            assert_eq!(rows.page(&BookingFilter::default(), first.id, 1)?, std::slice::from_ref(&second));
            assert_eq!(rows.counts()?, [(BookingState::Waiting, 2)]);
            Ok::<_, crate::store::StoreError>(())
        })
        .unwrap();
}

#[test]
fn ended_bookings_are_forgotten_and_a_class_s_numbers_are_never_given_again() {
    let scratch = scratch();
    let ids = ["c-1", "c-2"].map(|class| insert(&scratch, booking(class, 1, 500)).id);
    let next = |class: &'static str| {
        scratch.store.read(move |reading| reading.bookings().next_sequence("22", class)).unwrap()
    };
    let prune = |before| scratch.store.write(move |tx| tx.bookings().prune(before, 9, before)).unwrap();
    for id in ids {
        change(&scratch, id, BookingState::Waiting, BookingState::Failed).unwrap();
    }
    insert(&scratch, booking("c-1", 2, 500));
    assert_eq!((prune(20), prune(21), prune(21)), (0, 2, 0), "kept until their time; the live one stays");
    for id in ids {
        assert_eq!(scratch.store.read(|reading| reading.bookings().get(id)).unwrap(), None);
    }
    assert_eq!([next("c-1"), next("c-2"), next("c-3")], [3, 2, 1]);
    let again = insert(&scratch, booking("c-2", 2, 500));
    change(&scratch, again.id, BookingState::Waiting, BookingState::Over).unwrap();
    assert_eq!((prune(21), next("c-2")), (1, 3));
}

#[test]
fn a_message_that_was_taken_is_known_until_it_is_forgotten() {
    let scratch = scratch();
    let row = InboxRow {
        source: "reelmill:bookings".to_owned(),
        entry: "1-0".to_owned(),
        body_sha256: "00".to_owned(),
        answer: "{}".to_owned(),
    };
    for is_new in [true, false] {
        let row = row.clone();
        assert_eq!(scratch.store.write(move |tx| tx.inbox().insert(&row, 10)).unwrap(), is_new);
    }
    let get = || scratch.store.read(|reading| reading.inbox().get("reelmill:bookings", "1-0")).unwrap();
    assert_eq!(get(), Some(row.clone()));
    let later = InboxRow { answer: "{\"later\":1}".to_owned(), ..row };
    let put = later.clone();
    scratch.store.write(move |tx| tx.inbox().put(&put, 10)).unwrap();
    assert_eq!(get(), Some(later));
    assert_eq!(scratch.store.write(|tx| tx.inbox().prune(11, 9)).unwrap(), 1);
    assert_eq!(get(), None);
}

#[test]
fn alarms_of_one_key_are_told_once_and_then_counted() {
    let scratch = scratch();
    let alarm =
        |count| AlarmRow { key: "501".to_owned(), institution: String::new(), count, data: "{}".to_owned() };
    let raise = |now| {
        let alarm = alarm(0);
        scratch.store.write(move |tx| tx.alarms().raise(&alarm, now)).unwrap()
    };
    assert_eq!([raise(10), raise(20), raise(30)], [true, false, false]);
    let settle = |before, now| scratch.store.write(move |tx| tx.alarms().settle(before, now, 9)).unwrap();
    assert_eq!(settle(10, 70), []);
    assert_eq!(settle(11, 71), [alarm(2)]);
    assert_eq!(settle(72, 140), []);
    assert!(raise(141));
}

#[test]
fn a_restored_database_gives_no_class_a_number_that_the_lost_one_gave() {
    let scratch = scratch();
    insert(&scratch, booking("c-1", 1, 500));
    let path = scratch.path();
    crate::store::backup(&path, None).unwrap();
    insert(&scratch, booking("c-1", 2, 500));
    insert(&scratch, booking("c-2", 1, 500));
    let folder = scratch.closed();
    crate::store::restore(&path, None).unwrap();
    let store = super::open(&folder).unwrap();
    let next = |class: &'static str| store.read(move |rows| rows.bookings().next_sequence("22", class)).unwrap();
    assert_eq!([next("c-1"), next("c-2"), next("c-3")], [3, 2, 1]);
}
