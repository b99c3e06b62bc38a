//! Recordings that end too early, or go on in zeros.

use std::fs::{self, OpenOptions};
use std::time::{Duration, Instant};

use reelmill::av::{Interrupt, probe};
use reelmill::clip::{Picture, Recipe};
use reelmill::failure::Failure;
use reelmill::media::{Container, Oddity, RateControlMode, Ratio};
use reelmill::transcode::plan::Action;
use reelmill::transcode::{RateControlRequest, Request};

use super::{accepting, code, made, measured, request};
use crate::support::bytes::{changed, cut, find, flv_tags, set_flv_duration, share};
use crate::support::clip::{by_ffmpeg, make, scratch};
use crate::support::oracle;
use crate::support::run::saw;
use crate::support::trap::told;

fn plain(container: Container) -> Recipe {
    Recipe::plain(container, "320x180", 4.0)
}

fn faststart() -> Recipe {
    Recipe { muxer_options: vec![("movflags", "+faststart")], ..plain(Container::Mp4) }
}

/// An FLV as live recorders leave it: no duration in the metadata.
fn without_duration() -> Recipe {
    Recipe { muxer_options: vec![("flvflags", "no_duration_filesize")], ..plain(Container::Flv) }
}

#[test]
fn m2_an_flv_cut_at_60_percent_is_truncated() {
    let folder = scratch();
    let whole = make(&folder, "whole.flv", &plain(Container::Flv));
    assert_eq!(code(&cut(&whole, "cut.flv", share(&whole, 60))), "MEDIA_TRUNCATED");
    told("M2", "an FLV cut at 60 %", "MEDIA_TRUNCATED");
}

#[test]
fn m2_an_flv_cut_by_a_few_bytes_keeps_all_frames_but_the_torn_one_and_says_so() {
    let folder = scratch();
    let whole = make(&folder, "whole.flv", &plain(Container::Flv));
    let bytes = fs::read(&whole).unwrap();
    let last = flv_tags(&bytes).into_iter().rfind(|tag| tag.kind == 9 && tag.is_media).unwrap();
    let middle_of_last = usize::midpoint(last.at.start, last.at.end);
    for (length, frames) in [(bytes.len() - 1, 100), (bytes.len() - 4, 100), (middle_of_last, 99)] {
        let source = cut(&whole, "cut.flv", length);
        for container in [Container::Flv, Container::Mp4] {
            let ran = made(&source, &request(container));
            if frames == 99 {
                saw("M2", "an FLV cut in its last picture", &ran);
            }
            let (path, finished) = ran.only();
            assert_eq!(finished.frames, frames, "{length} of {} bytes", bytes.len());
            assert!(finished.repairs.contains(&"cut-off last packet dropped".to_owned()), "{:?}", finished.repairs);
            assert_eq!(oracle::decodes_whole(path) as u64, frames);
        }
    }
}

#[test]
fn m2_a_torn_last_packet_is_not_copied_into_a_remux() {
    let folder = scratch();
    let whole = make(&folder, "whole.flv", &plain(Container::Flv));
    let tags = flv_tags(&fs::read(&whole).unwrap());
    for kind in [8, 9] {
        let last = tags.iter().rfind(|tag| tag.kind == kind && tag.is_media).unwrap();
        let source = cut(&whole, "cut.flv", last.at.end - 9);
        for container in [Container::Mp4, Container::Flv] {
            let ran = made(&source, &copy(container));
            assert_eq!(ran.plan.renditions[0].action, Action::Remux);
            let (path, finished) = ran.only();
            let before = |kind| {
                let whole_ones = tags.iter().filter(|tag| tag.at.end < source_length(&source));
                whole_ones.filter(|tag| tag.kind == kind && tag.is_media).count()
            };
            assert!(finished.repairs.contains(&"cut-off last packet dropped".to_owned()), "{:?}", finished.repairs);
            assert_eq!(oracle::packets(path, "v:0").len(), before(9), "pictures, tag {kind} torn, {container}");
            assert_eq!(oracle::packets(path, "a:0").len(), before(8), "sound, tag {kind} torn, {container}");
            oracle::decodes_whole(path);
        }
    }
}

/// Copied, whatever the bitrate.
fn copy(container: Container) -> Request {
    let rate_control = RateControlRequest { mode: Some(RateControlMode::Copy), ..RateControlRequest::default() };
    Request { container: Some(container), rate_control, ..Request::default() }
}

fn source_length(source: &std::path::Path) -> usize {
    share(source, 100)
}

#[test]
fn m2_a_flv_cut_at_a_tag_boundary_is_truncated() {
    let folder = scratch();
    let whole = make(&folder, "whole.flv", &plain(Container::Flv));
    let tags = flv_tags(&fs::read(&whole).unwrap());
    let first_media = tags.iter().position(|tag| tag.is_media).unwrap();
    for place in 0..12 {
        // From the first tag of media to 96 % of them.
        let last = first_media + (tags.len() - first_media) * place * 8 / 100;
        let source = cut(&whole, "cut.flv", tags[last].next());
        let info = measured(&source);
        assert!(
            matches!(info.oddities.first(), Some(Oddity::Truncated { declared_seconds: Some(_), .. })),
            "{last} of {} tags: {:?}",
            tags.len(),
            info.oddities
        );
        if place % 5 == 0 {
            assert_eq!(code(&source), "MEDIA_TRUNCATED", "{last} of {} tags", tags.len());
            told("T7", "an FLV cut between two tags", "MEDIA_TRUNCATED");
        }
    }
    for (last, tag) in tags[..first_media].iter().enumerate() {
        let source = cut(&whole, "cut.flv", tag.next());
        assert_eq!(code(&source), "MEDIA_EMPTY", "{last} of {} tags", tags.len());
        told("M2", "an FLV cut before its first picture", "MEDIA_EMPTY");
    }
}

#[test]
fn m2_a_flv_that_misses_less_than_a_hundredth_of_its_duration_counts_as_whole() {
    let folder = scratch();
    let whole = make(&folder, "whole.flv", &plain(Container::Flv));
    let tags = flv_tags(&fs::read(&whole).unwrap());
    let last = tags.iter().rfind(|tag| tag.is_media).unwrap();
    let ran = made(&cut(&whole, "cut.flv", last.next()), &request(Container::Flv));
    saw("M2", "an FLV that misses less than a hundredth", &ran);
    assert_eq!(ran.only().1.frames, 100);
}

#[test]
fn m2_an_flv_without_a_duration_that_ends_in_mid_tag_is_truncated() {
    let folder = scratch();
    let whole = make(&folder, "whole.flv", &without_duration());
    assert_eq!(measured(&whole).declared_duration_seconds, None);
    assert_eq!(measured(&whole).oddities, []);
    let tags = flv_tags(&fs::read(&whole).unwrap());
    let torn = &tags[tags.len() * 6 / 10];
    let source = cut(&whole, "cut.flv", torn.at.end - 3);
    assert_eq!(code(&source), "MEDIA_TRUNCATED");
    told("M2", "an FLV without a duration that ends in mid-tag", "MEDIA_TRUNCATED");
    let ran = made(&source, &accepting(Container::Mp4));
    let (path, finished) = ran.only();
    let whole_ones = tags.iter().filter(|tag| tag.at.end < torn.at.end);
    let frames = whole_ones.filter(|tag| tag.kind == 9 && tag.is_media).count();
    assert_eq!(oracle::decodes_whole(path), frames);
    assert!(finished.repairs.iter().any(|repair| repair.starts_with("source ends early, after")), "{finished:?}");
    let seconds = f64::from(torn.milliseconds) / 1000.0;
    assert!((finished.duration_seconds - seconds).abs() < 0.1, "{} of {seconds} s", finished.duration_seconds);
}

#[test]
fn m2_what_is_there_of_a_truncated_recording_is_made_on_request_and_the_rest_is_named() {
    let folder = scratch();
    for (name, recipe) in [("whole.flv", plain(Container::Flv)), ("whole.mp4", faststart())] {
        let whole = make(&folder, name, &recipe);
        let source = cut(&whole, &format!("cut-{name}"), share(&whole, 60));
        assert_eq!(code(&source), "MEDIA_TRUNCATED", "{name}");
        for container in [Container::Flv, Container::Mp4] {
            let ran = made(&source, &accepting(container));
            saw("M2", "a recording cut at 60 %, with --accept-truncated", &ran);
            let (path, finished) = ran.only();
            let early = finished.repairs.iter().find(|repair| repair.starts_with("source ends early: "));
            assert!(early.is_some_and(|repair| repair.contains("of 4.0")), "{name}: {:?}", finished.repairs);
            assert!((40..75).contains(&finished.frames), "{name}: {} of 100 frames", finished.frames);
            assert_eq!(oracle::decodes_whole(path) as u64, finished.frames);
            #[expect(clippy::cast_precision_loss, reason = "less than a hundred frames")]
            let seconds = finished.frames as f64 / 25.0;
            assert!((finished.duration_seconds - seconds).abs() < 0.15, "{name}: {finished:?}");
        }
    }
}

#[test]
fn m2_a_recording_whose_clock_starts_late_is_truncated_all_the_same() {
    let folder = scratch();
    let whole = make(&folder, "whole.flv", &plain(Container::Flv));
    let late = changed(&whole, "late.flv", |bytes| {
        for tag in flv_tags(bytes).into_iter().filter(|tag| tag.kind != 18) {
            tag.set_milliseconds(bytes, tag.milliseconds + 3_600_000);
        }
    });
    assert_eq!(made(&late, &request(Container::Flv)).only().1.frames, 100);
    assert_eq!(code(&cut(&late, "cut.flv", share(&late, 60))), "MEDIA_TRUNCATED");
}

#[test]
fn m3_an_mp4_whose_index_was_never_written_has_no_index() {
    let folder = scratch();
    let whole = make(&folder, "whole.mp4", &plain(Container::Mp4));
    let index = find(&fs::read(&whole).unwrap(), b"moov")[0] - 4;
    let length = share(&whole, 100);
    // Without the index, with its first bytes only, and with all but its last.
    for length in [share(&whole, 60), index, index + 6, index + 20, usize::midpoint(index, length), length - 200] {
        assert_eq!(code(&cut(&whole, "cut.mp4", length)), "MEDIA_NO_INDEX", "{length} bytes, index at {index}");
        told("T9", "an MP4 whose recorder was killed", "MEDIA_NO_INDEX");
        told("M3", "an MP4 whose index is missing or cut", "MEDIA_NO_INDEX");
    }
}

#[test]
fn zeros_behind_the_recording_are_ignored_and_named() {
    let folder = scratch();
    for (name, recipe) in
        [("lesson.flv", plain(Container::Flv)), ("last.mp4", plain(Container::Mp4)), ("first.mp4", faststart())]
    {
        let whole = make(&folder, name, &recipe);
        let source = changed(&whole, &format!("zeros-{name}"), |bytes| bytes.resize(bytes.len() + (4 << 20), 0));
        let ran = made(&source, &request(Container::Mp4));
        saw("T9", "four megabytes of zeros behind the recording", &ran);
        let (path, finished) = ran.only();
        assert_eq!(oracle::decodes_whole(path), 100, "{name}");
        assert!(
            finished.repairs.len() == 1 && finished.repairs[0].contains("zero bytes at the end ignored"),
            "{name}: {:?}",
            finished.repairs
        );
    }
}

#[test]
fn a_recording_whose_own_last_bytes_are_zeros_is_not_torn_by_zeros_behind_it() {
    let folder = scratch();
    let picture = Picture::h264("320x180", Ratio::new(25, 1), 2.0);
    let recipe = Recipe { pictures: vec![picture], sounds: Vec::new(), ..faststart() };
    let whole = make(&folder, "whole.mp4", &recipe);
    let source = changed(&whole, "zeros.mp4", |bytes| {
        let length = bytes.len();
        bytes[length - 6..].fill(0);
        bytes.resize(length + (1 << 20), 0);
    });
    let oddities = measured(&source).oddities;
    assert!(matches!(oddities[..], [Oddity::ZeroTail { .. }]), "{oddities:?}");
}

#[test]
fn zeros_where_the_media_should_be_are_a_truncated_recording() {
    let folder = scratch();
    for (name, recipe) in [("whole.flv", plain(Container::Flv)), ("whole.mp4", faststart())] {
        let whole = make(&folder, name, &recipe);
        // A preallocated file of the right size whose writer died at 60 %.
        let at = share(&whole, 60);
        let source = changed(&whole, &format!("zeroed-{name}"), |bytes| bytes[at..].fill(0));
        assert_eq!(code(&source), "MEDIA_TRUNCATED", "{name}");
        told("T9", "zeros from 60 % on", "MEDIA_TRUNCATED");
    }
}

#[test]
fn m18_five_gigabytes_of_nothing_behind_an_flv_header_cost_no_time() {
    let folder = scratch();
    let whole = make(&folder, "whole.flv", &plain(Container::Flv));
    let header = cut(&whole, "header.flv", 13);
    let truncated = cut(&whole, "cut.flv", share(&whole, 60));
    for (source, outcome) in [(&header, "MEDIA_EMPTY"), (&truncated, "MEDIA_TRUNCATED"), (&whole, "OK")] {
        OpenOptions::new().write(true).open(source).unwrap().set_len(5 << 30).unwrap();
        let (begun, read) = (Instant::now(), bytes_read());
        let probed = probe(source, &Interrupt::default());
        let (took, read) = (begun.elapsed(), bytes_read() - read);
        assert!(took < Duration::from_secs(2), "{outcome}: {took:?}");
        assert!(read < 16 << 20, "{outcome}: {read} bytes read");
        match probed {
            Err(error) => assert_eq!(error.code(), outcome),
            Ok(_) => assert_eq!(code(source), outcome),
        }
    }
    told("M18", "5 GB of nothing behind an FLV header", "MEDIA_EMPTY");
}

/// Bytes that this thread has read so far.
fn bytes_read() -> u64 {
    let text = fs::read_to_string("/proc/thread-self/io").unwrap();
    text.lines().find_map(|line| line.strip_prefix("rchar: ")).unwrap().parse().unwrap()
}

#[test]
fn m18_a_wrong_size_behind_the_last_tag_does_not_matter() {
    let folder = scratch();
    for recipe in [plain(Container::Flv), without_duration()] {
        let whole = make(&folder, "whole.flv", &recipe);
        let source = changed(&whole, "sizes.flv", |bytes| {
            let last = flv_tags(bytes).pop().unwrap();
            bytes[last.at.end..last.next()].fill(0);
        });
        let ran = made(&source, &request(Container::Flv));
        saw("M18", "a wrong size behind the last tag", &ran);
        assert_eq!(ran.only().1.frames, 100);
        assert_eq!(ran.only().1.repairs, Vec::<String>::new());
        let source = changed(&whole, "all.flv", |bytes| {
            for tag in flv_tags(bytes) {
                bytes[tag.at.end..tag.next()].fill(0);
            }
        });
        assert_eq!(code(&source), "MEDIA_CORRUPT", "libav finds no way from one tag to the next");
        told("M18", "wrong sizes behind all tags", "MEDIA_CORRUPT");
    }
}

#[test]
fn m18_a_last_tag_that_claims_sixteen_megabytes_costs_one_packet() {
    let folder = scratch();
    let whole = make(&folder, "whole.flv", &plain(Container::Flv));
    let source = changed(&whole, "large.flv", |bytes| {
        let last = flv_tags(bytes).into_iter().rfind(|tag| tag.is_media).unwrap();
        bytes[last.at.start + 1..last.at.start + 4].fill(0xff);
    });
    let ran = made(&source, &request(Container::Flv));
    saw("M18", "a last tag that claims 16 MB", &ran);
    let finished = ran.only().1;
    assert!((99..=100).contains(&finished.frames));
    assert!(finished.repairs.iter().any(|repair| repair.starts_with("1 ")), "{finished:?}");
}

#[test]
fn a_wrong_duration_in_the_header_is_named_and_not_believed() {
    let folder = scratch();
    let whole = make(&folder, "whole.flv", &plain(Container::Flv));
    let half = changed(&whole, "half.flv", |bytes| set_flv_duration(bytes, 2.0));
    let ran = made(&half, &request(Container::Flv));
    saw("T8", "half the duration in the header", &ran);
    let (path, finished) = ran.only();
    assert_eq!(oracle::decodes_whole(path), 100);
    assert_eq!(finished.repairs, ["the header's duration of 2.00 s was wrong"]);
    // Twice as long cannot be told from a recording of which half is missing.
    let double = changed(&whole, "double.flv", |bytes| set_flv_duration(bytes, 8.0));
    assert_eq!(code(&double), "MEDIA_TRUNCATED");
    told("T8", "twice the duration in the header", "MEDIA_TRUNCATED");
    assert_eq!(made(&double, &accepting(Container::Flv)).only().1.frames, 100);
    for nonsense in [f64::NAN, f64::INFINITY, -4.0, 0.0, 1e300] {
        let source = changed(&whole, "nonsense.flv", |bytes| set_flv_duration(bytes, nonsense));
        let outcome = code(&source);
        assert_eq!(outcome, if nonsense == 1e300 { "MEDIA_TRUNCATED" } else { "OK" }, "{nonsense}");
    }
}

#[test]
fn m2_a_matroska_cut_by_less_than_a_hundredth_is_truncated_all_the_same() {
    let folder = scratch();
    let clip = "-f lavfi -i testsrc2=size=64x36:rate=10:duration=200 -c:v libx264 -preset ultrafast -g 50";
    let whole = by_ffmpeg(&folder, "whole.mkv", clip);
    assert!(measured(&whole).oddities.is_empty());
    // The index stands behind the media.
    let index = *find(&fs::read(&whole).unwrap(), b"\x1c\x53\xbb\x6b").last().unwrap();
    let length = index * 992 / 1000;
    assert_eq!(code(&cut(&whole, "cut.mkv", length)), "MEDIA_TRUNCATED");
    told("M2", "a Matroska cut by less than a hundredth", "MEDIA_TRUNCATED");
}

#[test]
fn m2_an_avi_cut_in_its_second_riff_chunk_is_truncated() {
    let folder = scratch();
    let whole = make(&folder, "whole.avi", &Recipe::plain(Container::Avi, "64x36", 1.0));
    let cut = changed(&whole, "cut.avi", |bytes| {
        bytes.extend(*b"RIFF\x00\x10\x00\x00AVIX");
        bytes.extend([1; 100]);
    });
    assert_eq!(code(&cut), "MEDIA_TRUNCATED");
    told("M2", "an AVI cut in its second part", "MEDIA_TRUNCATED");
}
