//! Events: once each, in order, to every target, and not kept for ever.

use super::{Scratch, event, scratch};
use crate::store::{Pruned, Undelivered};

const DAY: i64 = 24 * 3_600_000;

fn append(scratch: &Scratch, event_id: &str, order_key: &str, targets: &[&str]) -> i64 {
    let event = event(event_id, order_key, targets);
    scratch.store.write(move |tx| tx.outbox().append(&event, None)).unwrap()
}

fn due(scratch: &Scratch, target: &str, now: i64) -> Vec<(i64, u32)> {
    let due = scratch.store.read(|reading| reading.outbox().due(target, now, 10)).unwrap();
    due.into_iter().map(|due| (due.event.sequence, due.attempt)).collect()
}

fn bounds(scratch: &Scratch) -> Option<(i64, i64)> {
    scratch.store.read(|reading| reading.outbox().bounds()).unwrap()
}

#[test]
fn an_event_recorded_twice_is_one_event() {
    let scratch = scratch();
    assert_eq!(
        [
            append(&scratch, "a", "x", &["redis"]),
            append(&scratch, "b", "x", &[]),
            append(&scratch, "a", "x", &["redis"])
        ],
        [1, 2, 1]
    );
    let events = scratch.store.read(|reading| reading.outbox().after(0, 10)).unwrap();
    assert_eq!(events.iter().map(|event| event.event_id.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    let later = scratch.store.read(|reading| reading.outbox().after(1, 10)).unwrap();
    assert_eq!((later.len(), later[0].sequence), (1, 2));
}

#[test]
fn a_target_is_told_one_after_the_other_per_class_and_classes_do_not_wait_for_each_other() {
    let scratch = scratch();
    for (event_id, class) in [("a", "x"), ("b", "x"), ("c", "y")] {
        append(&scratch, event_id, class, &["redis", "webhook"]);
    }
    assert_eq!(due(&scratch, "redis", 1000), [(1, 0), (3, 0)]);
    scratch.store.write(|tx| tx.outbox().postponed(1, "redis", 5000)).unwrap();
    assert_eq!(due(&scratch, "redis", 4999), [(3, 0)]);
    assert_eq!(due(&scratch, "redis", 5000), [(1, 1), (3, 0)]);
    scratch.store.write(|tx| tx.outbox().delivered(1, "redis", 5000)).unwrap();
    assert_eq!(due(&scratch, "redis", 5000), [(2, 0), (3, 0)]);
    assert_eq!(due(&scratch, "webhook", 5000), [(1, 0), (3, 0)]);
    assert_eq!(due(&scratch, "nobody", 5000), []);
}

#[test]
fn events_go_after_seven_days_and_undelivered_ones_after_thirty() {
    let scratch = scratch();
    append(&scratch, "told", "x", &["redis"]);
    append(&scratch, "not told", "x", &["redis", "webhook"]);
    append(&scratch, "for nobody", "x", &[]);
    for sequence in [1, 2] {
        scratch.store.write(move |tx| tx.outbox().delivered(sequence, "redis", 1000)).unwrap();
    }
    let prune = |now: i64| scratch.store.write(move |tx| tx.outbox().prune(now)).unwrap();
    assert_eq!(prune(1000 + 7 * DAY), Pruned::default());
    assert_eq!(prune(1001 + 7 * DAY), Pruned { events: 2, undelivered: 0 });
    assert_eq!(bounds(&scratch), Some((4, 3)), "of those before not all are there");
    assert_eq!(due(&scratch, "webhook", 2000), [(2, 0)]);
    assert_eq!(prune(1001 + 30 * DAY), Pruned { events: 1, undelivered: 1 });
    assert_eq!((bounds(&scratch), due(&scratch, "webhook", 2000)), (Some((4, 3)), vec![]));
    assert_eq!(append(&scratch, "later", "x", &[]), 4, "a sequence is never given twice");
    assert_eq!(bounds(&scratch), Some((4, 4)));
}

#[test]
fn a_delivery_that_is_given_up_lets_the_next_one_go_and_is_not_tried_again() {
    let scratch = scratch();
    for (event_id, class) in [("a", "x"), ("b", "x"), ("c", "y")] {
        append(&scratch, event_id, class, &["callback", "redis"]);
    }
    scratch.store.write(|tx| tx.outbox().give_up(1, "callback", 2000)).unwrap();
    assert_eq!(due(&scratch, "callback", 2000), [(2, 0), (3, 0)]);
    assert_eq!(due(&scratch, "redis", 2000), [(1, 0), (3, 0)], "targets know nothing of each other");
    let late = |tx: &super::super::Transaction<'_>| {
        tx.outbox().postponed(1, "callback", 1)?;
        tx.outbox().give_up(1, "callback", 3000)
    };
    scratch.store.write(late).unwrap();
    assert_eq!(due(&scratch, "callback", 3000), [(2, 0), (3, 0)]);
}

#[test]
fn an_event_that_was_given_up_goes_after_seven_days_like_a_delivered_one() {
    let scratch = scratch();
    append(&scratch, "a", "x", &["callback"]);
    scratch.store.write(|tx| tx.outbox().give_up(1, "callback", 2000)).unwrap();
    let pruned = scratch.store.write(|tx| tx.outbox().prune(1001 + 7 * DAY)).unwrap();
    assert_eq!(pruned, Pruned { events: 1, undelivered: 0 });
}

#[test]
fn the_next_time_is_that_of_the_first_of_a_class_and_not_of_those_behind_it() {
    let scratch = scratch();
    let next = |now| scratch.store.read(|reading| reading.outbox().next_due("redis", now)).unwrap();
    assert_eq!(next(0), None);
    for (event_id, class) in [("a", "x"), ("b", "x"), ("c", "y")] {
        append(&scratch, event_id, class, &["redis"]);
    }
    assert_eq!(next(0), Some(1000));
    assert_eq!(next(1000), None, "what is due is not to become so");
    scratch.store.write(|tx| tx.outbox().postponed(1, "redis", 9000)).unwrap();
    scratch.store.write(|tx| tx.outbox().postponed(3, "redis", 7000)).unwrap();
    assert_eq!([2000, 7000, 9000].map(next), [Some(7000), Some(9000), None]);
}

#[test]
fn what_a_target_has_yet_to_take_is_counted_from_its_oldest() {
    let scratch = scratch();
    let left = || scratch.store.read(|reading| reading.outbox().undelivered("redis")).unwrap();
    assert_eq!(left(), Undelivered::default());
    for (event_id, class) in [("a", "x"), ("b", "x"), ("c", "y")] {
        append(&scratch, event_id, class, &["redis"]);
    }
    assert_eq!(left(), Undelivered { count: 3, oldest_milliseconds: Some(1000) });
    scratch.store.write(|tx| tx.outbox().delivered(1, "redis", 5000)).unwrap();
    scratch.store.write(|tx| tx.outbox().give_up(2, "redis", 5000)).unwrap();
    assert_eq!(left(), Undelivered { count: 1, oldest_milliseconds: Some(1000) });
}

#[test]
fn a_replay_may_be_of_one_institution_or_of_one_class() {
    let scratch = scratch();
    for (event_id, institution, class) in
        [("a", "22", "x"), ("b", "23", "x"), ("c", "22", "y"), ("d", "22", "x"), ("e", "", "x")]
    {
        let mut event = event(event_id, class, &[]);
        (event.institution, event.class_id) = (institution.to_owned(), Some(class.to_owned()));
        event.callback_url = Some("https://school.example/".to_owned());
        scratch.store.write(move |tx| tx.outbox().append(&event, None)).unwrap();
    }
    let sequences = |events: Vec<crate::store::Event>| -> Vec<i64> {
        assert!(events.iter().all(|event| event.callback_url.as_deref() == Some("https://school.example/")));
        events.into_iter().map(|event| event.sequence).collect()
    };
    let of = |institution: &'static str, after, limit| {
        sequences(scratch.store.read(|reading| reading.outbox().after_for(institution, after, limit)).unwrap())
    };
    assert_eq!((of("22", 0, 10), of("22", 1, 1), of("", 0, 10)), (vec![1, 3, 4], vec![3], vec![5]));
    let class = scratch.store.read(|reading| reading.outbox().after_for_class("22", "x", 1, 10)).unwrap();
    assert_eq!(sequences(class), [4]);
}

#[test]
fn the_last_sequence_is_known_when_its_event_is_gone() {
    let scratch = scratch();
    let last = || scratch.store.read(|reading| reading.outbox().last()).unwrap();
    assert_eq!(last(), 0);
    assert_eq!(bounds(&scratch), None);
    append(&scratch, "a", "x", &[]);
    assert_eq!(bounds(&scratch), Some((1, 1)));
    scratch.store.write(|tx| tx.outbox().prune(1001 + 7 * DAY)).unwrap();
    assert_eq!((bounds(&scratch), last()), (Some((2, 1)), 1));
}

#[test]
fn a_restored_database_goes_on_from_the_lost_one_s_last_sequence_and_tells_that_events_are_missing() {
    let scratch = scratch();
    for event_id in ["a", "b"] {
        append(&scratch, event_id, "x", &[]);
    }
    let path = scratch.path();
    crate::store::backup(&path, None).unwrap();
    append(&scratch, "since the backup", "x", &[]);
    let folder = scratch.closed();
    crate::store::restore(&path, None).unwrap();
    let scratch = Scratch { store: super::open(&folder).unwrap(), folder };
    assert_eq!(bounds(&scratch), Some((4, 3)));
    assert_eq!(append(&scratch, "later", "x", &[]), 4, "3 stands for another event");
    let folder = scratch.closed();
    // With nothing lost since, nothing is missing.
    crate::store::backup(&path, None).unwrap();
    std::fs::remove_file(&path).unwrap();
    crate::store::restore(&path, None).unwrap();
    let scratch = Scratch { store: super::open(&folder).unwrap(), folder };
    assert_eq!((bounds(&scratch), append(&scratch, "and on", "x", &[])), (Some((4, 4)), 5));
}

/// The steps of SQLite's machine that a question takes: what it costs, on any computer.
fn steps(scratch: &Scratch, sql: &str, target: &str) -> i32 {
    let connection = rusqlite::Connection::open(scratch.path()).unwrap();
    let mut statement = connection.prepare(sql).unwrap();
    let rows = statement.query_map((target, 5000, 100), |_| Ok(())).unwrap().count();
    assert!(rows > 0);
    statement.get_status(rusqlite::StatementStatus::VmStep)
}

#[test]
fn what_is_due_costs_no_more_for_what_was_delivered_or_waits_behind_it() {
    let scratch = scratch();
    let fill = |classes: i64, each: i64, is_delivered: bool| {
        let fill = move |tx: &super::super::Transaction<'_>| {
            for number in 0..classes * each {
                let class = number % classes;
                let new = event(&format!("{classes}-{each}-{number}"), &format!("{class}"), &["redis"]);
                let sequence = tx.outbox().append(&new, None)?;
                if is_delivered {
                    tx.outbox().delivered(sequence, "redis", 1000)?;
                }
            }
            Ok::<_, crate::store::StoreError>(())
        };
        scratch.store.write(fill).unwrap();
    };
    fill(100, 1, false);
    let few = steps(&scratch, super::super::outbox::DUE, "redis");
    fill(50, 100, true);
    fill(100, 50, false);
    let many = steps(&scratch, super::super::outbox::DUE, "redis");
    assert!(many < few + few / 10, "{few} steps, then {many}");
}
