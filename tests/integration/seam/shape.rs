//! Pictures that are prepared before they are encoded, and those that are hidden: interlaced, turned, trimmed, headless.

use reelmill::clip::Edit;
use reelmill::media::Container;

use super::{BOTH, RATE, check, compare, even, picture, with_options};
use crate::support::clip::{by_ffmpeg, make, make_edited, scratch};
use crate::support::oracle;
use crate::support::run::encode;

#[test]
fn interlaced_pictures_become_whole_ones_one_for_one_over_seams() {
    let folder = scratch();
    let woven = "testsrc2=size=160x120:rate=50:duration=31,gblur=sigma=2,tinterlace=interleave_top,setfield=tff";
    let codec = "-c:v libx264 -preset ultrafast -crf 16 -g 50 -flags +ildct+ilme -x264-params tff=1";
    let source = by_ffmpeg(&folder, "woven.mp4", &format!("-f lavfi -i {woven} {codec}"));
    for container in BOTH {
        let checked = check(&source, container, 3, &even(25.0, 775));
        let ours = oracle::raw_pictures(checked.path(), "null");
        picture::assert_like(&ours, &oracle::raw_pictures(&source, "yadif=mode=send_frame"), 24.0);
    }
}

#[test]
fn a_turned_picture_is_upright_in_every_chunk() {
    let folder = scratch();
    let mut recipe = with_options(Container::Mp4, 31.0, &[("bf", "2")]);
    let untagged = make(&folder, "flat.mp4", &recipe);
    recipe.pictures[0].rotation_degrees = 180.0;
    let source = make(&folder, "phone.mp4", &recipe);
    let checked = check(&source, Container::Mp4, 3, &even(RATE, 310));
    let upright = oracle::raw_pictures(checked.path(), "hflip,vflip");
    let flat = oracle::raw_pictures(&untagged, "null");
    assert_eq!(picture::numbers(&upright), picture::numbers(&flat));
    picture::assert_like(&upright, &flat, 24.0);
}

#[test]
fn what_an_edit_list_hides_shifts_no_seam_and_no_picture() {
    let folder = scratch();
    let options = [("preset", "veryfast"), ("bf", "3"), ("g", "30")];
    let whole = make(&folder, "whole.mp4", &with_options(Container::Mp4, 36.0, &options));
    // Begins 2.2 s behind a keyframe: those pictures are in the file and hidden.
    let source = by_ffmpeg(&folder, "trimmed.mp4", &format!("-ss 5.2 -i {} -c copy", whole.to_str().unwrap()));
    for container in BOTH {
        let checked = compare(&source, &encode(&[], container));
        assert_eq!(super::seams(&checked.ran).len(), 2);
        let numbers = picture::assert_same(checked.path(), &source, "null");
        assert!(
            numbers.windows(2).all(|pair| pair[1] == pair[0] + 1) && numbers[0].abs_diff(52) < 3,
            "{numbers:?}"
        );
    }
}

#[test]
fn pictures_without_a_keyframe_fill_the_first_chunk_and_none_is_shown() {
    for (group, headless, container) in [("20", 19_u32, Container::Flv), ("140", 139, Container::Mp4)] {
        let folder = scratch();
        let options = [("g", group), ("keyint_min", group), ("sc_threshold", "0")];
        let recipe = with_options(Container::Flv, 40.0, &options);
        let source = make_edited(&folder, "headless.flv", &recipe, |stream, ordinal, _| {
            if stream == 0 && ordinal == 0 { Edit::Drop } else { Edit::Keep }
        });
        let checked = compare(&source, &encode(&[], container));
        assert!(checked.ran.plan.cut.chunks().len() > 1);
        assert_eq!(checked.repairs(), [format!("{headless} pictures before the first keyframe dropped")]);
        let numbers = picture::numbers(&oracle::raw_pictures(checked.path(), "null"));
        assert_eq!(numbers, (headless + 1..400).collect::<Vec<_>>());
    }
}
