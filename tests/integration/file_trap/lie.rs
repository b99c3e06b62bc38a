//! Recordings whose headers and indexes lie, lack something, or name what is none of ours.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use reelmill::clip::Recipe;
use reelmill::media::Container;
use tempfile::TempDir;

use super::{code, made, request, told};
use crate::support::bytes::{changed, find, flv_tags};
use crate::support::clip::{by_ffmpeg, make, scratch};
use crate::support::oracle;
use crate::support::trap;

const PICTURES: &str = "-f lavfi -i testsrc2=size=320x180:rate=25:duration=2";
const X264: &str = "-c:v libx264 -preset ultrafast -g 25 -pix_fmt yuv420p";

/// Two seconds of the test picture, as `words` say.
fn clip(folder: &TempDir, name: &str, words: &str) -> PathBuf {
    by_ffmpeg(folder, name, &format!("{PICTURES} {words}"))
}

/// Where the payload of the picture tag `ordinal` begins behind its codec, kind and time; 0 has the codec's headers.
fn picture_at(bytes: &[u8], ordinal: usize) -> usize {
    let tag = flv_tags(bytes).into_iter().filter(|tag| tag.kind == 9).nth(ordinal).unwrap();
    tag.at.start + 16
}

fn whole_flv(folder: &TempDir) -> PathBuf {
    make(folder, "whole.flv", &Recipe::plain(Container::Flv, "320x180", 2.0))
}

#[test]
fn m11_a_recording_without_its_codecs_headers_is_corrupt() {
    let folder = scratch();
    let source = changed(&whole_flv(&folder), "headless.flv", |bytes| {
        let tag = flv_tags(bytes).into_iter().find(|tag| tag.kind == 9).unwrap();
        bytes.drain(tag.at.start..tag.next());
    });
    assert_eq!(code(&source), "MEDIA_CORRUPT");
    trap::told("M11", "an FLV without its codec headers", "MEDIA_CORRUPT");
}

#[test]
fn m11_headers_that_mean_nothing_or_tell_a_wrong_length_before_units_make_it_undecodable() {
    let folder = scratch();
    let whole = whole_flv(&folder);
    let damaged = changed(&whole, "noise.flv", |bytes| {
        let at = picture_at(bytes, 0);
        bytes[at + 8..at + 20].fill(0xff);
    });
    assert_eq!(code(&damaged), "MEDIA_UNDECODABLE");
    for bytes_of_length in [1, 2] {
        let lying = changed(&whole, "lengths.flv", |bytes| {
            let at = picture_at(bytes, 0) + 4;
            assert_eq!(bytes[at] & 3, 3, "four bytes before each unit");
            bytes[at] = 0xfc | (bytes_of_length - 1);
        });
        assert_eq!(code(&lying), "MEDIA_UNDECODABLE", "{bytes_of_length}");
    }
    trap::told("M11", "headers of noise, or with another length before each unit", "MEDIA_UNDECODABLE");
}

#[test]
fn m11_a_unit_without_a_length_costs_its_picture_and_many_of_them_the_recording() {
    let folder = scratch();
    let whole = whole_flv(&folder);
    // The last picture: nobody leans on it.
    let one = changed(&whole, "one.flv", |bytes| {
        let at = picture_at(bytes, 50);
        bytes[at..at + 4].fill(0);
    });
    let ran = made(&one, &request(Container::Mp4));
    let (path, finished) = ran.only();
    assert_eq!((finished.frames, told(&finished.repairs, "could not be decoded")), (49, 1), "{finished:?}");
    assert_eq!(oracle::decodes_whole(path), 49);
    let all = changed(&whole, "all.flv", |bytes| {
        for picture in 1..=50 {
            let at = picture_at(bytes, picture);
            bytes[at..at + 4].fill(0);
        }
    });
    assert_eq!(code(&all), "MEDIA_UNDECODABLE");
    trap::told("M11", "a unit of length zero", "its picture is left out and counted");
}

#[test]
fn an_index_that_lies_or_is_missing_moves_no_picture() {
    let folder = scratch();
    let index_at = |bytes: &[u8], mark: &[u8]| *find(bytes, mark).last().unwrap();
    let flv = clip(&folder, "index.flv", &format!("{X264} -flvflags add_keyframe_index"));
    let flv = changed(&flv, "lying.flv", |bytes| {
        let first = index_at(bytes, b"filepositions") + 13 + 5;
        for number in [first, first + 9] {
            bytes[number + 1..number + 9].copy_from_slice(&1e12_f64.to_be_bytes());
        }
    });
    let mkv = clip(&folder, "cues.mkv", X264);
    let mkv = changed(&mkv, "lying.mkv", |bytes| {
        let cues = index_at(bytes, b"\x1c\x53\xbb\x6b");
        bytes[cues + 8..cues + 30].fill(0x7f);
    });
    let whole = clip(&folder, "index.avi", "-c:v mpeg4 -bf 0");
    let without = changed(&whole, "without.avi", |bytes| {
        let index = index_at(bytes, b"idx1");
        bytes[index..index + 4].copy_from_slice(b"JUNK");
    });
    let noise = changed(&whole, "noise.avi", |bytes| {
        let index = index_at(bytes, b"idx1");
        bytes[index + 8..].fill(0xff);
    });
    for source in [flv, mkv, without, noise] {
        let ran = made(&source, &request(Container::Mp4));
        let (path, finished) = ran.only();
        assert_eq!((finished.frames, &finished.repairs), (50, &Vec::new()), "{}", source.display());
        oracle::assert_times(
            &oracle::times(path, "v:0"),
            &(0..50).map(|n| f64::from(n) / 25.0).collect::<Vec<_>>(),
            0.001,
        );
    }
    trap::told(
        "T10",
        "a wrong index in an FLV or a Matroska, a wrong one or none in an AVI",
        "no picture moves: packets are read in their order",
    );
}

#[test]
fn an_index_of_mp4_that_makes_no_sense_is_damaged_and_not_missing() {
    let folder = scratch();
    let whole = make(&folder, "whole.mp4", &Recipe::plain(Container::Mp4, "320x180", 1.0));
    // A table of a thousand million entries.
    let source = changed(&whole, "table.mp4", |bytes| {
        let table = find(bytes, b"stsz")[0];
        bytes[table + 12..table + 16].copy_from_slice(&[0x3f; 4]);
    });
    assert!(["MEDIA_CORRUPT", "MEDIA_TRUNCATED"].contains(&code(&source)), "{}", code(&source));
    let sized = |size: u32| {
        changed(&whole, "size.mp4", |bytes| {
            let table = find(bytes, b"stsz")[0];
            bytes[table + 16 + 4 * 10..][..4].copy_from_slice(&size.to_be_bytes());
        })
    };
    // A picture of nothing is none, and what follows it keeps its time.
    let ran = made(&sized(0), &request(Container::Flv));
    let (path, finished) = ran.only();
    assert_eq!((finished.frames, oracle::decodes_whole(path)), (24, 24), "{finished:?}");
    assert!((finished.duration_seconds - 1.0).abs() < 0.1, "{finished:?}");
    // One that is larger than the file, and one of thousands of millions of bytes.
    for (size, outcome) in [(1 << 29, "MEDIA_TRUNCATED"), (u32::MAX, "MEDIA_CORRUPT")] {
        assert_eq!(code(&sized(size)), outcome, "{size}");
    }
    trap::told("T10", "an index of an MP4 that makes no sense", "MEDIA_CORRUPT");
}

#[test]
fn m6_pictures_of_65535_by_65535_that_need_no_bytes_are_refused_before_memory_is_taken() {
    let folder = scratch();
    for (name, words, entry) in
        [("qtrle.mov", "-c:v qtrle", &b"rle "[..]), ("raw.mov", "-c:v rawvideo -pix_fmt yuyv422", b"yuvs")]
    {
        let source = changed(&clip(&folder, name, words), "large.mov", |bytes| {
            let at = *find(bytes, entry).last().unwrap();
            bytes[at + 28..at + 32].fill(0xff);
        });
        assert_eq!(code(&source), "MEDIA_LIMIT_DIMENSIONS", "{name}");
    }
    // Run-length coded pictures: a few bytes make one of any size.
    let source = changed(&clip(&folder, "pal.avi", "-c:v rawvideo -pix_fmt pal8"), "msrle.avi", |bytes| {
        let at = find(bytes, b"strf")[0] + 8;
        bytes[at + 4..at + 8].copy_from_slice(&65_535_u32.to_le_bytes());
        bytes[at + 8..at + 12].copy_from_slice(&65_535_u32.to_le_bytes());
        bytes[at + 16..at + 20].copy_from_slice(&1_u32.to_le_bytes());
    });
    assert_eq!(code(&source), "MEDIA_LIMIT_DIMENSIONS", "msrle");
    trap::told("M6", "65535x65535 pixels in qtrle, rawvideo and msrle", "MEDIA_LIMIT_DIMENSIONS");
}

#[test]
fn m5_a_playlist_in_the_subtitles_of_an_avi_is_never_read() {
    let canary = TcpListener::bind("127.0.0.1:0").unwrap();
    canary.set_nonblocking(true).unwrap();
    let folder = scratch();
    let sound = "-f lavfi -i sine=duration=2 -c:v mpeg4 -c:a pcm_s16le";
    let list = format!("#EXTM3U\n#EXTINF:9,\nhttp://{}/a.ts\n#EXT-X-ENDLIST\n", canary.local_addr().unwrap());
    let source = changed(&clip(&folder, "sound.avi", sound), "subtitles.avi", |bytes| {
        let stream = find(bytes, b"auds")[0];
        bytes[stream..stream + 4].copy_from_slice(b"txts");
        let chunks = find(bytes, b"01wb");
        for &chunk in &chunks {
            bytes[chunk..chunk + 4].copy_from_slice(b"01tx");
        }
        let name = [4, 0, 0, 0, b'x', 0, 0, 0];
        let length = u32::try_from(list.len()).unwrap().to_le_bytes();
        let text = [&b"GAB2\0\x02\0"[..], &name, &[4, 0], &length, list.as_bytes()].concat();
        bytes[chunks[0] + 8..][..text.len()].copy_from_slice(&text);
    });
    let ran = made(&source, &request(Container::Mp4));
    assert_eq!(ran.only().1.frames, 50);
    assert!(canary.accept().is_err(), "somebody dialled");
    trap::told("M5", "a playlist in the subtitles of an AVI", "never read");
}

#[test]
fn time_codes_and_subtitles_that_hardly_say_a_word_are_left_out_and_hold_nothing_up() {
    let folder = scratch();
    let text = folder.path().join("text.srt");
    fs::write(&text, "1\n00:00:01,900 --> 00:00:01,950\nhi\n").unwrap();
    let text = text.display();
    for (name, words, left_out) in [
        ("time.mov", format!("{X264} -timecode 01:00:00:00"), "data"),
        ("sparse.mkv", format!("-i {text} {X264} -c:s srt"), "subtitles (subrip)"),
        ("sparse.mp4", format!("-i {text} {X264} -c:s mov_text"), "subtitles (mov_text)"),
    ] {
        let source = clip(&folder, name, &words);
        for container in [Container::Flv, Container::Mp4] {
            let ran = made(&source, &request(container));
            let (path, finished) = ran.only();
            assert_eq!((finished.frames, oracle::decodes_whole(path)), (50, 50), "{name}");
            assert!(ran.plan.notes.iter().any(|note| note.contains(left_out)), "{name}: {:?}", ran.plan.notes);
        }
    }
    trap::told("T33", "a track of time codes", "left out and named");
    trap::told("T34", "subtitles with a single line in them", "left out and named; nothing waits for them");
}

#[test]
fn what_the_picture_crops_of_itself_is_not_shown() {
    let folder = scratch();
    let crop = "-bsf:v h264_metadata=crop_left=16:crop_right=16:crop_top=10:crop_bottom=10";
    let source = clip(&folder, "cropped.mp4", &format!("{X264} {crop}"));
    let whole = clip(&folder, "whole.mp4", X264);
    let ran = made(&source, &request(Container::Mp4));
    assert_eq!((ran.only().1.width, ran.only().1.height), (288, 172), "of 320x192 that are coded");
    let likeness = oracle::likeness(ran.only().0, &whole, "crop=288:160:16:10,pad=288:172");
    assert!(likeness > 5.0, "{likeness:.1} dB");
    trap::told("T27", "a picture that crops itself", "what it crops is not shown");
}

#[test]
fn pixels_that_are_square_but_for_a_rounding_are_square() {
    let folder = scratch();
    let source = clip(&folder, "nearly.mp4", &format!("-vf setsar=3201/3200 {X264}"));
    let ran = made(&source, &request(Container::Mp4));
    let (path, finished) = ran.only();
    assert_eq!((finished.width, finished.height), (320, 180));
    assert_eq!(oracle::entry(path, "v:0", "sample_aspect_ratio"), "1:1");
    trap::told("T25", "pixels of 3201:3200", "square");
}

#[test]
fn whole_pictures_that_are_called_interlaced_keep_their_number_and_the_step_is_said() {
    let folder = scratch();
    let source =
        clip(&folder, "called.mp4", &format!("{X264} -flags +ildct+ilme -x264-params tff=1:fake-interlaced=1"));
    let ran = made(&source, &request(Container::Mp4));
    let (path, finished) = ran.only();
    assert_eq!((finished.frames, oracle::decodes_whole(path)), (50, 50));
    assert!(ran.plan.renditions[0].reasons.iter().any(|reason| reason.contains("deinterlaced")));
    let likeness = oracle::likeness(path, Path::new(&source), "null");
    assert!(likeness > 20.0, "{likeness:.1} dB: it loses detail, and not the picture");
    trap::told(
        "T29",
        "whole pictures that are called interlaced",
        "deinterlaced, one frame per frame, and said so",
    );
}
