//! Downloads into counted room: it is asked for before bytes come, and what is refused leaves what a full disk would.

use std::fs;
use std::sync::Arc;

use reelmill::download::{DownloadError, Fetched, Progress, Request, parse_url, system_resolver};
use reelmill::failure::{Failure, FailureClass};
use tokio::sync::watch;

use super::Place;
use super::shared::{block_on, downloader};
use crate::support::origin::{Object, Origin};
use crate::support::room::SmallRoom;

const BYTES: u64 = 3_000_000;

fn object() -> Object {
    Object::new(3_000_000, 1)
}

/// Serves the first answer without a length.
fn without_length() -> Origin {
    Origin::scripted(object(), |asked, answer| {
        if asked.index == 0 {
            answer.chunked();
        }
    })
}

fn fetch(place: &Place, origin: &Origin, room: &Arc<SmallRoom>) -> Result<Fetched, DownloadError> {
    let room: Arc<SmallRoom> = Arc::clone(room);
    let request = Request {
        url: parse_url(&origin.url("/lesson.flv")).unwrap(),
        output: place.output(),
        resume: true,
        overwrite: false,
        sha256: None,
        bytes_max: None,
        rate: None,
        room: Some(room),
    };
    let (_stop, stopped) = watch::channel(false);
    block_on(downloader(system_resolver(), None).fetch(&request, &Progress::default(), stopped))
}

#[track_caller]
fn refused(fetched: Result<Fetched, DownloadError>) {
    let error = fetched.unwrap_err();
    assert_eq!((error.code(), error.class(), error.is_transient()), ("CACHE_FULL", FailureClass::Capacity, false));
}

fn left(place: &Place) -> usize {
    fs::read_dir(place.folder.path()).unwrap().count()
}

#[test]
fn k3_a_recording_that_is_too_long_is_refused_before_its_first_byte() {
    let (place, origin, room) = (Place::new(), Origin::honest(object()), SmallRoom::new(BYTES - 1));
    refused(fetch(&place, &origin, &room));
    assert_eq!((left(&place), room.granted(), origin.asked().len()), (0, 0, 1));
    assert!(room.asked().contains(&BYTES));
}

#[test]
fn a_recording_that_fits_is_asked_for_once_and_keeps_its_room() {
    let (place, origin, room) = (Place::new(), Origin::honest(object()), SmallRoom::new(BYTES));
    fetch(&place, &origin, &room).unwrap().publish().unwrap();
    assert_eq!(fs::read(place.output()).unwrap(), *object().bytes);
    assert_eq!(room.granted(), BYTES);
    assert_eq!(room.asked().iter().filter(|bytes| **bytes > 0).count(), 1);
}

#[test]
fn k3_where_no_length_is_told_room_runs_out_on_the_way_and_what_is_here_is_gone_on_from() {
    let (place, origin, room) = (Place::new(), without_length(), SmallRoom::new(2_000_000));
    refused(fetch(&place, &origin, &room));
    let here = fs::metadata(place.part()).unwrap().len();
    assert!((1..=2_000_000).contains(&here) && room.granted() == here, "{here} {:?}", room.granted());
    let room = SmallRoom::new(BYTES);
    let fetched = fetch(&place, &origin, &room).unwrap();
    // Nothing that was here comes twice.
    assert_eq!((fetched.report.resumed_from, origin.asked()[1].offset() as u64), (here, here));
    assert_eq!(room.asked(), [here, BYTES]);
    fetched.publish().unwrap();
    assert_eq!(fs::read(place.output()).unwrap(), *object().bytes);
}

#[test]
fn what_an_earlier_run_left_is_asked_for_with_all_that_is_to_follow_and_stays_when_refused() {
    let (place, room) = (Place::new(), SmallRoom::new(BYTES));
    // Cut off every time, so that patience ends.
    let broken = Origin::scripted(object(), |asked, answer| {
        answer.stop(if asked.index == 0 { 1_500_000 } else { 0 }, crate::support::origin::End::Close).done();
    });
    assert_eq!(fetch(&place, &broken, &room).unwrap_err().code(), "DL_INTERRUPTED");
    let here = fs::read(place.part()).unwrap();
    let small = SmallRoom::new(BYTES - 1);
    refused(fetch(&place, &broken, &small));
    assert_eq!((small.asked(), fs::read(place.part()).unwrap() == here), (vec![BYTES], true));
}

#[test]
fn what_is_thrown_away_gives_its_room_back() {
    let (place, room) = (Place::new(), SmallRoom::new(2 * BYTES));
    let whole = object().bytes;
    // More than was promised.
    let origin = Origin::scripted(object(), move |_, answer| {
        answer.part(&whole, 0..3_000_000).set("Content-Length", 1_000_000).done();
    });
    assert_eq!(fetch(&place, &origin, &room).unwrap_err().code(), "DL_LENGTH_MISMATCH");
    assert_eq!((left(&place), room.asked().last()), (0, Some(&0)));
    let (place, room) = (Place::new(), SmallRoom::new(BYTES));
    fetch(&place, &Origin::honest(object()), &room).unwrap().discard().unwrap();
    assert_eq!((left(&place), room.asked().last()), (0, Some(&0)));
}

#[test]
fn what_a_killed_run_had_finished_is_asked_for_too() {
    let (place, origin, room) = (Place::new(), Origin::honest(object()), SmallRoom::new(BYTES));
    let fetched = fetch(&place, &origin, &room).unwrap();
    // As a kill between the name and the sidecar's end leaves it.
    fs::rename(fetched.path(), place.output()).unwrap();
    drop(fetched);
    refused(fetch(&place, &origin, &SmallRoom::new(BYTES - 1)));
    let room = SmallRoom::new(BYTES);
    fetch(&place, &origin, &room).unwrap().publish().unwrap();
    assert_eq!((room.asked(), origin.asked().len(), left(&place)), (vec![BYTES], 1, 1));
}
