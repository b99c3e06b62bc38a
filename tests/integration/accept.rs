//! Recordings as they come from elsewhere: which are kept, with what said of them, and the code of those that are not.

use std::fs;
use std::path::Path;

use reelmill::av::Interrupt;
use reelmill::clip::{Edit, Recipe};
use reelmill::failure::{Failure, FailureClass};
use reelmill::media::Container;
use reelmill::proof::{Accepted, ProofError, accept};

use crate::support::bytes::{changed, cut, flv_tags, set_flv_duration, share};
use crate::support::clip::{make, make_edited, scratch};

fn recipe(container: Container) -> Recipe {
    Recipe::plain(container, "320x180", 4.0)
}

fn strictly(path: &Path) -> Result<Accepted, ProofError> {
    accept(path, false, &Interrupt::default())
}

fn code(path: &Path) -> &'static str {
    match strictly(path) {
        Ok(accepted) => panic!("accepted, with {:?}", accepted.notes),
        Err(error) => {
            assert_eq!(error.class(), FailureClass::Source);
            error.code()
        }
    }
}

/// Returns the notes on a recording that is kept although it is cut short.
fn notes_of_cut(path: &Path) -> Vec<String> {
    let accepted = accept(path, true, &Interrupt::default()).unwrap();
    assert!(accepted.file.is_proven());
    accepted.notes
}

#[test]
fn a_whole_recording_of_any_container_is_accepted_without_a_word() {
    for container in [Container::Flv, Container::Mp4, Container::Mkv, Container::Ts] {
        let folder = scratch();
        let accepted = strictly(&make(&folder, "whole", &recipe(container))).unwrap();
        assert!(accepted.file.is_proven());
        assert_eq!(accepted.info.container, container);
        assert_eq!(accepted.notes, [""; 0], "{container}");
    }
}

#[test]
fn sound_alone_is_a_recording_too() {
    let folder = scratch();
    let path = make(&folder, "sound", &Recipe { pictures: Vec::new(), ..recipe(Container::Flv) });
    let accepted = strictly(&path).unwrap();
    assert!(accepted.info.video.is_none());
}

#[test]
fn a_recording_that_is_cut_off_is_refused_unless_that_is_accepted() {
    let folder = scratch();
    let whole = make(&folder, "whole", &recipe(Container::Flv));
    let half = cut(&whole, "half", share(&whole, 50));
    assert_eq!(code(&half), "MEDIA_TRUNCATED");
    let notes = notes_of_cut(&half);
    assert!(notes[0].starts_with("ends early: "), "{notes:?}");
    let torn = cut(&whole, "torn", share(&whole, 100) - 1);
    assert_eq!(code(&torn), "MEDIA_TRUNCATED");
    assert_eq!(notes_of_cut(&torn), ["the last packet is cut off"]);
}

#[test]
fn a_recording_that_is_cut_off_in_its_last_keyframe_is_accepted_if_that_is() {
    let folder = scratch();
    let whole = make(&folder, "whole", &recipe(Container::Flv));
    let path = changed(&whole, "cut", |bytes| {
        let tags = flv_tags(bytes);
        let mut pictures = tags.iter().filter(|tag| tag.kind == 9 && tag.is_media);
        let keyframe = pictures.rfind(|tag| bytes[tag.at.start + 11] >> 4 == 1).unwrap();
        let end = keyframe.at.start + 40;
        bytes.truncate(end);
    });
    assert_eq!(code(&path), "MEDIA_TRUNCATED");
    assert!(!notes_of_cut(&path).is_empty());
}

#[test]
fn a_recording_that_ends_in_zeros_is_refused_unless_that_is_accepted() {
    let folder = scratch();
    let whole = make(&folder, "whole", &recipe(Container::Flv));
    let zeros = changed(&whole, "zeros", |bytes| bytes.resize(bytes.len() + (64 << 10), 0));
    assert_eq!(code(&zeros), "MEDIA_TRUNCATED");
    assert_eq!(notes_of_cut(&zeros), ["ends in 64.0 KiB of zeros"]);
}

#[test]
fn what_is_no_recording_is_refused_by_its_own_name_even_if_a_cut_is_accepted() {
    let folder = scratch();
    let path = folder.path().join("lesson.flv");
    for (content, wanted) in
        [(&b"<!DOCTYPE html>\n<html><body>Not Found</body></html>\n"[..], "MEDIA_NOT_MEDIA"), (b"", "MEDIA_EMPTY")]
    {
        fs::write(&path, content).unwrap();
        assert_eq!(code(&path), wanted);
        assert_eq!(accept(&path, true, &Interrupt::default()).unwrap_err().code(), wanted);
    }
}

#[test]
fn oddities_that_can_be_lived_with_are_told() {
    let folder = scratch();
    let whole = make(&folder, "whole", &recipe(Container::Flv));
    let lie = changed(&whole, "lie", |bytes| set_flv_duration(bytes, 3.0));
    assert_eq!(strictly(&lie).unwrap().notes, ["the header claims a duration of 0:03.00"]);
    let backwards = changed(&whole, "backwards", |bytes| {
        let tags = flv_tags(bytes);
        let pictures: Vec<_> = tags.iter().filter(|tag| tag.kind == 9 && tag.is_media).collect();
        pictures[60].set_milliseconds(bytes, pictures[59].milliseconds);
    });
    assert_eq!(strictly(&backwards).unwrap().notes, ["1 packet with a decode time that does not rise"]);
}

#[test]
fn pictures_before_the_first_keyframe_are_told_and_forgiven() {
    let folder = scratch();
    let path = make_edited(&folder, "late", &recipe(Container::Flv), |stream, ordinal, _| {
        if stream == 0 && ordinal == 0 { Edit::Drop } else { Edit::Keep }
    });
    let notes = strictly(&path).unwrap().notes;
    assert!(notes.iter().any(|note| note.contains("before its first keyframe")), "{notes:?}");
}

#[test]
fn a_recording_whose_first_or_last_group_gives_no_picture_is_refused() {
    // Of 100 pictures, the second and last group begins with the 51st.
    for group in [0..50, 50..100] {
        let folder = scratch();
        let path = make_edited(&folder, "damaged", &recipe(Container::Flv), |stream, ordinal, packet| {
            if stream == 0 && group.contains(&ordinal) {
                let payload = packet.payload_mut().unwrap();
                let from = payload.len() / 2;
                payload[from..].fill(0);
            }
            Edit::Keep
        });
        assert_eq!(code(&path), "MEDIA_UNDECODABLE", "{group:?}");
    }
}

#[test]
fn a_stop_is_no_verdict() {
    let folder = scratch();
    let path = make(&folder, "whole", &recipe(Container::Flv));
    let interrupt = Interrupt::default();
    interrupt.cancel();
    let error = accept(&path, false, &interrupt).unwrap_err();
    assert_eq!((error.code(), error.class()), ("CANCELLED", FailureClass::Cancelled));
}
