//! Lists: every page of them, as a client reads them that goes on behind `next`.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use super::{LESSON, SLOW, booking, origin, rendition};
use crate::support::origin::Origin;
use crate::support::worker::{SOON, Settings, Worker, until};

/// Classes that wait for a recording that does not come, some of them to have a rendition made of it.
const DOWNLOADING: usize = 90;
/// Classes for which something is made here, one after the other.
const MADE: usize = 20;
/// Classes that came too late.
const LATE: usize = 10;

/// Reads a list to its end in pages of that length; returns the classes, and how many pages there were.
fn read(worker: &Worker, query: &str, limit: usize) -> (Vec<String>, usize) {
    let (mut classes, mut pages, mut after) = (Vec::new(), 0, String::new());
    loop {
        let page = worker.get(&format!("/api/v1/bookings?limit={limit}{query}{after}")).document();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= limit, "{page}");
        classes.extend(items.iter().map(|item| item["class_id"].as_str().unwrap().to_owned()));
        pages += 1;
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return (classes, pages),
        }
    }
}

fn in_state(worker: &Worker, state: &str) -> Vec<String> {
    let (classes, _) = read(worker, &format!("&state={state}"), 50);
    let own: BTreeSet<&String> = classes.iter().collect();
    assert_eq!(own.len(), classes.len(), "none twice: {classes:?}");
    classes
}

#[test]
fn a_list_by_state_has_every_booking_that_is_told_to_be_in_it_and_ends_when_there_are_no_more() {
    let stuck = Origin::scripted(LESSON.clone(), |_, answer| answer.pace(1, Duration::from_secs(60)).done());
    let origin = origin();
    let worker = Worker::start(Settings::of("a").with("transcode.preset", SLOW));
    for number in 0..DOWNLOADING {
        let class = format!("on-its-way-{number}");
        let body = match number % 3 {
            0 => booking(&class, "1", &stuck),
            _ => rendition(&class, "2", "480P", &stuck),
        };
        worker.book(&body.to_string());
    }
    for number in 0..MADE {
        worker.book(&rendition(&format!("made-{number}"), "3", ["480P", "240P"][number % 2], &origin).to_string());
    }
    for number in 0..LATE {
        let mut body: Value = booking(&format!("late-{number}"), "4", &origin);
        body["end_time"] = 1_000_000_000.into();
        worker.book(&body.to_string());
    }
    until("something is made", SOON, || (in_state(&worker, "transcoding").len() == MADE / 2).then_some(()));
    assert_eq!(in_state(&worker, "downloading").len(), DOWNLOADING);
    assert_eq!(in_state(&worker, "waiting").len(), MADE / 2);
    assert_eq!(in_state(&worker, "failed").len(), LATE);
    assert_eq!(in_state(&worker, "over"), Vec::<String>::new());
    let (all, pages) = read(&worker, "", 50);
    assert_eq!((all.len(), pages), (DOWNLOADING + MADE + LATE, 3));

    // Nobody knows how long the recording is that does not come; of what is made that is known, and of what waits behind it.
    let eta = |class: &str| worker.booking(class)["eta_seconds"].clone();
    assert_eq!(eta("on-its-way-1"), Value::Null);
    let waiting = in_state(&worker, "waiting").remove(0);
    let seconds = eta(&waiting).as_f64().unwrap();
    assert!(seconds > 0.5 && seconds < 60.0, "a lesson of twelve seconds: {seconds}");

    let jobs = |query: &str| worker.all(&format!("/api/v1/jobs?{query}")).len();
    assert_eq!(jobs("kind=transcode&state=waiting") + jobs("kind=transcode&state=running"), 3);
    assert_eq!((jobs("state=waiting&kind=fetch"), jobs("state=done&kind=fetch")), (0, 1));
}
