//! Groups of pictures of every kind across seams: closed, open, endless, of one picture, and such as only claim to be
//! groups.

use reelmill::clip::{Edit, Recipe};
use reelmill::media::Container;
use tempfile::TempDir;

use super::{BOTH, RATE, changing, check, even, picture, with_options};
use crate::support::clip::{by_ffmpeg, make, make_edited, scratch};
use crate::support::oracle;
use crate::support::trap;

/// Half a minute: chunks of 12, 12 and 7 seconds where there is a keyframe every two.
const SECONDS: f64 = 31.0;
const FRAMES: u32 = 310;

/// `seconds` of numbered pictures encoded as `codec` says by FFmpeg's tool, at `rate`.
fn tool(folder: &TempDir, name: &str, rate: &str, seconds: f64, codec: &str) -> std::path::PathBuf {
    let picture = picture::numbered(rate, seconds);
    by_ffmpeg(
        folder,
        name,
        &format!(
            "-f lavfi -i {picture} -f lavfi -i sine=sample_rate=16000:duration={seconds} -pix_fmt yuv420p {codec} -c:a aac"
        ),
    )
}

/// Checks a source of whole groups in both containers.
fn check_whole(source: &std::path::Path, chunks: usize, frames: u32) {
    for container in BOTH {
        let checked = check(source, container, chunks, &even(RATE, frames));
        assert_eq!(checked.repairs(), Vec::<String>::new());
        picture::assert_all(checked.path(), source, frames);
    }
}

#[test]
fn closed_groups_lose_and_double_nothing() {
    let folder = scratch();
    let options = [("preset", "veryfast"), ("bf", "3")];
    let source = make(&folder, "closed.flv", &with_options(Container::Flv, SECONDS, &options));
    check_whole(&source, 3, FRAMES);
}

/// Open groups with leading pictures that others lean on.
const OPEN: [(&str, &str); 4] = [
    ("preset", "veryfast"),
    ("bf", "7"),
    ("flags", "-cgop"),
    ("x264-params", "open-gop=1:b-pyramid=normal:bframes=7:b-adapt=0:keyint=20:min-keyint=20:scenecut=0:ref=3"),
];

#[test]
fn leading_pictures_of_open_groups_are_shown_once_and_whole() {
    for container in BOTH {
        let folder = scratch();
        let source = make(&folder, "open", &with_options(container, SECONDS, &OPEN));
        let checked = check(&source, Container::Mp4, 3, &even(RATE, FRAMES));
        let chunks = checked.ran.plan.cut.chunks();
        assert!(chunks[1].leading > 0 && chunks[0].borrowed > 1, "{chunks:?}");
        picture::assert_all(checked.path(), &source, FRAMES);
    }
    trap::told("T37", "leading pictures of open groups at a seam", "each belongs to one chunk, and is shown once");
}

#[test]
fn leading_pictures_of_h265_are_shown_once_and_whole() {
    let folder = scratch();
    let params = "keyint=20:min-keyint=20:open-gop=1:bframes=4:scenecut=0:log-level=error:pools=1";
    let source =
        tool(&folder, "open.mp4", "10", SECONDS, &format!("-c:v libx265 -preset ultrafast -x265-params {params}"));
    let checked = check(&source, Container::Flv, 3, &even(RATE, FRAMES));
    assert!(checked.ran.plan.cut.chunks()[1].leading > 0);
    picture::assert_all(checked.path(), &source, FRAMES);
}

#[test]
fn leading_pictures_of_mpeg_2_in_a_transport_stream_are_shown_once_and_whole() {
    let folder = scratch();
    let codec = "-c:v mpeg2video -g 12 -bf 2 -q:v 4 -sc_threshold 1000000000";
    let source = tool(&folder, "open.ts", "25", SECONDS, codec);
    let checked = check(&source, Container::Mp4, 2, &even(25.0, 775));
    assert!(checked.ran.plan.cut.chunks()[1].leading > 0);
    picture::assert_all(checked.path(), &source, 775);
}

#[test]
fn a_single_group_is_a_single_chunk_with_the_bits_of_one_piece() {
    let folder = scratch();
    let source = make(&folder, "endless.flv", &with_options(Container::Flv, SECONDS, &[("g", "9999")]));
    let checked = check(&source, Container::Mp4, 1, &even(RATE, FRAMES));
    let hashes = |path| oracle::packets(path, "v:0").into_iter().map(|packet| packet.hash).collect::<Vec<_>>();
    assert_eq!(hashes(checked.path()), hashes(checked.whole.only().0));
}

#[test]
fn a_group_of_most_of_a_minute_between_short_ones_is_whole() {
    let folder = scratch();
    let codec = "-c:v libx264 -preset ultrafast -g 9999 -sc_threshold 0 -force_key_frames 0,4,8,13,17,61,65,69,74";
    let source = tool(&folder, "long.mp4", "10", 82.0, codec);
    let checked = check(&source, Container::Flv, 4, &even(RATE, 820));
    let long: Vec<bool> = checked.ran.plan.cut.chunks().iter().map(|chunk| chunk.is_long).collect();
    assert_eq!(long, [false, true, false, false]);
    picture::assert_all(checked.path(), &source, 820);
}

#[test]
fn groups_of_one_picture_are_cut_as_others() {
    for codec in ["-c:v mjpeg -q:v 3 -pix_fmt yuvj420p", "-c:v libx264 -preset ultrafast -g 1"] {
        let folder = scratch();
        let source = tool(&folder, "intra.mkv", "10", SECONDS, codec);
        let checked = check(&source, Container::Mp4, 3, &even(RATE, FRAMES));
        let reference = if codec.contains("mjpeg") { "scale=in_range=full:out_range=limited" } else { "null" };
        picture::assert_same(checked.path(), &source, reference);
    }
}

#[test]
fn keyframes_at_irregular_distances_are_cut_at_where_they_are_far_enough_apart() {
    let folder = scratch();
    let codec = "-c:v libx264 -preset veryfast -g 9999 -sc_threshold 0 \
                 -force_key_frames 0,0.5,0.6,11.9,13.1,13.2,24.8,25.2,27.9,37.2";
    let source = tool(&folder, "irregular.flv", "10", 46.0, codec);
    let checked = check(&source, Container::Flv, 3, &even(RATE, 460));
    let seams = super::seams(&checked.ran);
    oracle::assert_times(&seams, &[13.1, 27.9], 0.002);
    picture::assert_all(checked.path(), &source, 460);
}

/// A recording in which every tenth picture claims to be a keyframe, and fewer are.
fn boasting(folder: &TempDir, name: &str, recipe: &Recipe) -> std::path::PathBuf {
    make_edited(
        folder,
        name,
        recipe,
        changing(|ordinal, packet| {
            if ordinal % 10 == 0 {
                packet.set_keyframe(true);
            }
        }),
    )
}

#[test]
fn pictures_that_only_claim_to_be_keyframes_are_not_cut_at() {
    for container in BOTH {
        let folder = scratch();
        // True ones every 7.2 s, false ones at 12.0 and 24.0 s.
        let source = boasting(&folder, "boasting", &with_options(container, SECONDS, &[("g", "72")]));
        let checked = check(&source, container, 2, &even(RATE, FRAMES));
        oracle::assert_times(&super::seams(&checked.ran), &[14.4], 0.002);
        picture::assert_all(checked.path(), &source, FRAMES);
    }
}

#[test]
fn false_keyframes_of_an_old_codec_whose_pictures_nobody_can_look_into_make_no_grey_pictures() {
    let folder = scratch();
    let mut recipe = with_options(Container::Flv, SECONDS, &[]);
    recipe.pictures[0].encoder = "flv";
    recipe.pictures[0].options = vec![("g", "72"), ("b", "1000000")];
    let source = boasting(&folder, "sorenson.flv", &recipe);
    let ran = super::compare(&source, &crate::support::run::encode(&[], Container::Mp4));
    picture::assert_all(ran.path(), &source, FRAMES);
}

#[test]
fn a_picture_that_is_refreshed_bit_by_bit_is_one_chunk() {
    let folder = scratch();
    let options = [("x264-params", "intra-refresh=1:keyint=20:bframes=0")];
    let source = make(&folder, "refresh.flv", &with_options(Container::Flv, SECONDS, &options));
    check_whole(&source, 1, FRAMES);
}

#[test]
fn a_lost_keyframe_moves_the_seam() {
    let folder = scratch();
    let recipe = with_options(Container::Flv, SECONDS, &[]);
    let source = make_edited(&folder, "lost.flv", &recipe, |stream, ordinal, _| {
        if stream == 0 && ordinal == 120 { Edit::Drop } else { Edit::Keep }
    });
    let ran = super::compare(&source, &crate::support::run::encode(&[], Container::Flv));
    oracle::assert_times(&super::seams(&ran.ran), &[16.0], 0.002);
}
