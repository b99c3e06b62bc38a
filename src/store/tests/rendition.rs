//! Renditions, their waiters, and what was taken over: one row each, however often it is said.

use super::scratch;
use crate::store::{LegacyRow, Rendition, RenditionState, Waiter};

fn rendition(institution: &str, state: RenditionState) -> Rendition {
    Rendition {
        institution: institution.to_owned(),
        record: "6666".to_owned(),
        resolution: 720,
        state,
        provider: String::new(),
        attempt: 1,
        deadline_milliseconds: (state == RenditionState::Transcoding).then_some(5000),
        url: String::new(),
        returns: 0,
        updated_milliseconds: 1000,
    }
}

fn waiter(class_id: &str) -> Waiter {
    Waiter {
        institution: String::new(),
        record: "6666".to_owned(),
        resolution: 720,
        class_id: class_id.to_owned(),
        since_milliseconds: 1000,
    }
}

#[test]
fn a_rendition_has_one_row_per_institution_and_the_first_word_stands() {
    let scratch = scratch();
    let insert = |new: Rendition| scratch.store.write(move |tx| tx.renditions().insert(&new)).unwrap();
    assert!(insert(rendition("", RenditionState::Transcoding)));
    assert!(insert(rendition("22", RenditionState::Failed)));
    assert!(!insert(rendition("", RenditionState::Succeeded)));
    let found = scratch.store.read(|reading| reading.renditions().get("", "6666", 720)).unwrap();
    assert_eq!(found, Some(rendition("", RenditionState::Transcoding)));
    assert_eq!(scratch.store.read(|reading| reading.renditions().get("", "6666", 480)).unwrap(), None);
    let all = scratch.store.read(|reading| reading.renditions().all()).unwrap();
    assert_eq!(all.iter().map(|row| row.institution.as_str()).collect::<Vec<_>>(), ["", "22"]);
}

#[test]
fn only_a_rendition_that_is_made_has_a_deadline() {
    let scratch = scratch();
    for state in RenditionState::ALL {
        assert_eq!(RenditionState::parse(state.name()), Some(state));
        let odd = Rendition { deadline_milliseconds: None, ..rendition("odd", RenditionState::Transcoding) };
        assert!(scratch.store.write(move |tx| tx.renditions().insert(&odd)).is_err());
    }
}

#[test]
fn a_class_waits_once_and_in_the_order_of_coming() {
    let scratch = scratch();
    let add = |class: &str| {
        let new = waiter(class);
        scratch.store.write(move |tx| tx.waiters().add(&new)).unwrap()
    };
    assert_eq!([add("b"), add("22/a"), add("b")], [true, true, false]);
    let waiting = scratch.store.read(|reading| reading.waiters().of("", "6666", 720)).unwrap();
    assert_eq!(waiting, [waiter("b"), waiter("22/a")]);
}

#[test]
fn what_was_taken_over_is_noted_once() {
    let scratch = scratch();
    let row = LegacyRow { kind: "file".to_owned(), key: "6666/6666.flv".to_owned() };
    let add = || {
        let row = row.clone();
        scratch.store.write(move |tx| tx.legacy_rows().add(&row, 1)).unwrap()
    };
    assert_eq!([add(), add()], [true, false]);
    let found = scratch.store.read(|reading| reading.legacy_rows().all()).unwrap();
    assert_eq!(found, [row]);
}
