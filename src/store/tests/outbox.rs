//! Events: once each, in order, to every target, and not kept for ever.

use super::{Scratch, event, scratch};
use crate::store::Pruned;

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
    assert_eq!(bounds(&scratch), Some((2, 2)));
    assert_eq!(due(&scratch, "webhook", 2000), [(2, 0)]);
    assert_eq!(prune(1001 + 30 * DAY), Pruned { events: 1, undelivered: 1 });
    assert_eq!((bounds(&scratch), due(&scratch, "webhook", 2000)), (None, vec![]));
    assert_eq!(append(&scratch, "later", "x", &[]), 4, "a sequence is never given twice");
}
