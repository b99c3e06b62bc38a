//! Transcodes into counted room: every file asks for it before its bytes come, and gives it back when it goes.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use reelmill::clip::Recipe;
use reelmill::media::{Container, RateControlMode};
use reelmill::room::RoomSource;
use reelmill::transcode::{RateControlRequest, Request};

use crate::support::clip::{in_chunks, make, scratch};
use crate::support::room::SmallRooms;
use crate::support::run::{USUAL, encode, first_code, transcode_within};

/// More than any of these files needs.
const ENOUGH: u64 = 1 << 30;

/// Nothing encoded: FLV is copied to FLV, and remuxed into MP4.
fn copied(container: Container) -> Request {
    let copy = RateControlRequest { mode: Some(RateControlMode::Copy), ..Default::default() };
    Request { rate_control: copy, force_encode: false, ..encode(&[], container) }
}

/// Carries `request` out in room for `bytes`; returns the code that it ends with and what is granted then.
fn within(bytes: u64, source: &Path, request: &Request) -> (&'static str, Vec<u64>) {
    let rooms = SmallRooms::new(bytes);
    let source_of_room: Arc<dyn RoomSource> = Arc::clone(&rooms) as _;
    let code = first_code(&transcode_within(Some(source_of_room), USUAL, source, request));
    (code, rooms.granted())
}

/// Every way to a file, for each of the containers: the source and the request.
fn ways() -> Vec<(&'static str, Recipe, Request)> {
    let short = || Recipe::plain(Container::Flv, "320x240", 4.0);
    let long = || in_chunks("320x240", 40.0);
    let mut ways = vec![("copied", short(), copied(Container::Flv)), ("remuxed", short(), copied(Container::Mp4))];
    for container in [Container::Flv, Container::Mp4] {
        ways.push(("encoded", short(), encode(&["240P"], container)));
        ways.push(("encoded in chunks", long(), encode(&["240P"], container)));
    }
    ways
}

#[test]
fn every_file_has_room_for_exactly_its_bytes() {
    for (way, recipe, request) in ways() {
        let folder = scratch();
        let source = make(&folder, "lesson.flv", &recipe);
        let (code, granted) = within(ENOUGH, &source, &request);
        assert_eq!(code, "OK", "{way}");
        let outputs: Vec<_> = fs::read_dir(folder.path().join("out")).unwrap().collect();
        assert_eq!(outputs.len(), 1, "{way}");
        let length = outputs[0].as_ref().unwrap().metadata().unwrap().len();
        assert!(granted.contains(&length), "{way}: {length} of {granted:?}");
        assert_eq!(granted.len() > 2, way == "encoded in chunks", "{way}: {granted:?}");
    }
}

#[test]
fn k3_an_output_that_needs_a_byte_more_than_there_is_does_not_come_and_gives_its_room_back() {
    for (way, recipe, request) in ways() {
        let folder = scratch();
        let source = make(&folder, "lesson.flv", &recipe);
        let (_, needed) = within(ENOUGH, &source, &request);
        fs::remove_dir_all(folder.path().join("out")).unwrap();
        // The output is the last to be finished, an MP4's and an FLV's index the last thing in it.
        let (code, granted) = within(needed.iter().sum::<u64>() - 1, &source, &request);
        assert_eq!(code, "CACHE_FULL", "{way}");
        assert_eq!(fs::read_dir(folder.path().join("out")).unwrap().count(), 0, "{way}");
        // Finished chunks stay, for when there is room.
        assert_eq!(granted.len(), needed.len() - 1, "{way}: {granted:?} of {needed:?}");
    }
}

#[test]
fn a_chunk_that_has_no_room_is_not_left_half() {
    let folder = scratch();
    let source = make(&folder, "lesson.flv", &in_chunks("320x240", 40.0));
    let (code, granted) = within(1000, &source, &encode(&["240P"], Container::Flv));
    assert_eq!((code, granted), ("CACHE_FULL", Vec::new()));
}
