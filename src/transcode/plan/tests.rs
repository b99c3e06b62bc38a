//! The planner as a table: a source made odd, a request, and the whole decision in one line per rendition.

use proptest::prelude::*;

mod alone;
mod copy;
mod usage;

use super::*;
use crate::failure::{Failure, FailureClass};
use crate::media::{AudioCodec, AudioInfo, Chroma, Discontinuity, OtherStream, Range, VideoCodec};
use crate::transcode::AudioRequest;
use crate::transcode::sample::{format, lesson};

fn name(text: &str) -> RenditionName {
    RenditionName::parse(text).expect("the tests use names of the ladder")
}

fn ladder(names: &[&str]) -> Vec<RenditionRequest> {
    names.iter().map(|text| RenditionRequest::plain(name(text))).collect()
}

fn video(info: &mut MediaInfo) -> &mut VideoInfo {
    info.video.as_mut().expect("the lesson has a picture")
}

fn audio(info: &mut MediaInfo) -> &mut AudioInfo {
    info.audio.as_mut().expect("the lesson has sound")
}

fn resize(info: &mut MediaInfo, width: u32, height: u32) {
    (video(info).width, video(info).height) = (width, height);
}

fn made(change: impl FnOnce(&mut MediaInfo, &mut Request)) -> Result<Plan, PlanError> {
    let (mut info, mut request) = (lesson(), Request::default());
    change(&mut info, &mut request);
    plan(&info, &request)
}

fn told(rendition: &RenditionPlan) -> String {
    let action = match &rendition.action {
        Action::Transcode(video) => format!("{}x{}", video.width, video.height),
        other => other.name().to_owned(),
    };
    let sound = match rendition.audio {
        AudioPlan::None => "silent".to_owned(),
        AudioPlan::Copy => "sound copied".to_owned(),
        AudioPlan::Aac(aac) => format!("aac {}/{}/{}", aac.bits_per_second, aac.sample_rate, aac.channels),
    };
    format!("{} {action}, {sound}: {}", rendition.name, rendition.reasons.join("; "))
}

#[track_caller]
fn check(change: impl FnOnce(&mut MediaInfo, &mut Request), expected: &[&str]) {
    let plan = made(change).expect("this request can be planned");
    let lines: Vec<String> = plan.renditions.iter().map(told).collect();
    assert_eq!(lines, expected);
}

#[track_caller]
fn check_error(change: impl FnOnce(&mut MediaInfo, &mut Request), code: &str, text: &str) {
    let error = made(change).expect_err("this request cannot be planned");
    assert_eq!((error.code(), error.to_string().as_str()), (code, text));
    assert!(!error.cure().is_empty());
}

const FITS: &str = "the picture fits as it is: H.264 8-bit 4:2:0, 2.00 Mbit/s, keyframes at most 4.0 s apart";

#[test]
fn a_ladder_is_scaled_from_the_source_largest_first() {
    check(
        |_, request| request.renditions = ladder(&["240P", "720P", "480P"]),
        &[
            "720P 1280x720, sound copied: scaled from 1920x1080",
            "480P 854x480, sound copied: scaled from 1920x1080",
            "240P 426x240, sound copied: scaled from 1920x1080",
        ],
    );
}

#[test]
fn a_portrait_scales_its_short_side() {
    check(
        |info, request| {
            resize(info, 1080, 1920);
            request.renditions = ladder(&["480P"]);
        },
        &["480P 480x854, sound copied: scaled from 1080x1920"],
    );
}

#[test]
fn what_fits_is_copied_and_the_reason_said() {
    check(|_, _| {}, &[&format!("1080P copy, sound copied: {FITS}")]);
    check(|_, request| request.renditions = ladder(&["1080P"]), &[&format!("1080P copy, sound copied: {FITS}")]);
    check(
        |info, _| video(info).range = Range::Full,
        &[&format!("1080P copy, sound copied: {FITS}; full range kept")],
    );
}

#[test]
fn what_fits_but_for_its_container_is_remuxed() {
    let remux = |why: &str| format!("1080P remux, sound copied: {FITS}; {why}");
    check(|_, request| request.container = Some(Container::Mp4), &[&remux("container changed from flv to mp4")]);
    check(|info, _| info.container = Container::Ps, &[&remux("container changed from mpg to mp4")]);
    check(
        |info, _| info.container = Container::Mp4,
        &[&remux("index moved to the front, so that playing starts at once")],
    );
    check(
        |info, _| info.other_streams.push(OtherStream { stream_index: 2, what: "cover art (mjpeg)".to_owned() }),
        &[&remux("other streams left out")],
    );
    for oddity in [
        Oddity::TornTail,
        Oddity::ZeroTail { bytes: 4096 },
        Oddity::UnorderedTimestamps { count: 1 },
        Oddity::TimestampJumps { count: 1, first: Discontinuity { at_seconds: 3.0, jump_seconds: 90.0 } },
    ] {
        check(|info, _| info.oddities.push(oddity), &[&remux("rewritten to mend what the notes name")]);
    }
}

#[test]
fn an_mp4_with_its_index_in_front_is_copied() {
    check(
        |info, _| (info.container, info.index_first) = (Container::Mp4, true),
        &[&format!("1080P copy, sound copied: {FITS}")],
    );
}

#[test]
fn sound_that_changes_or_goes_leaves_the_picture_alone() {
    check(
        |info, _| audio(info).codec = AudioCodec::Other("speex".to_owned()),
        &[&format!(
            "1080P remux, aac 128000/44100/2: {FITS}; new container for the changed sound; \
             sound encoded to AAC: flv cannot hold speex at 44100 Hz"
        )],
    );
    check(
        |_, request| request.audio = AudioRequest::None,
        &[&format!("1080P remux, silent: {FITS}; new container for the changed sound; sound left out as asked")],
    );
    check(|info, _| info.audio = None, &[&format!("1080P copy, silent: {FITS}")]);
}

#[test]
fn a_wish_about_the_rate_means_encoding() {
    let encoded = |why: &str| format!("1080P 1920x1080, sound copied: {why}");
    check(|_, request| request.force_encode = true, &[&encoded("--force-encode given")]);
    check(|_, request| request.rate_control.crf = Some(20.0), &[&encoded("a rate was asked for")]);
    check(|_, request| request.rate_control.mode = Some(RateControlMode::Crf), &[&encoded("a rate was asked for")]);
    check(|_, request| request.preset = Some("slow".to_owned()), &[&encoded("a preset was asked for")]);
    check(
        |_, request| request.encoder_options.push(("tune".to_owned(), "film".to_owned())),
        &[&encoded("encoder options were given")],
    );
    check(
        |_, request| {
            request.renditions = ladder(&["1080P"]);
            request.renditions[0].bits_per_second = Some(1_000_000);
        },
        &[&encoded("a rate was asked for")],
    );
}

#[test]
fn a_wasteful_or_unseekable_picture_is_encoded() {
    check(
        |info, _| video(info).bytes = 60_000_000,
        &["1080P 1920x1080, sound copied: 8.00 Mbit/s is above the 6.22 Mbit/s that this size warrants"],
    );
    check(
        |info, _| video(info).frame_rate = Ratio::new(0, 0),
        &["1080P 1920x1080, sound copied: its frame rate is unknown"],
    );
    check(
        |info, _| video(info).longest_keyframe_gap_seconds = 8.1,
        &["1080P 1920x1080, sound copied: keyframes up to 8.1 s apart, at most 8 s is wanted"],
    );
    check(
        |info, _| video(info).longest_keyframe_gap_seconds = 8.0,
        &[
            "1080P copy, sound copied: the picture fits as it is: H.264 8-bit 4:2:0, 2.00 Mbit/s, keyframes at most 8.0 s apart",
        ],
    );
}

#[test]
fn damage_in_the_packets_is_never_copied() {
    for (oddity, why) in [
        (Oddity::DamagedPackets { count: 3 }, "damaged packets are not copied"),
        (Oddity::MissingTimestamps { count: 3 }, "packets without time are not copied"),
        (Oddity::LateKeyframe { packets: 3, seconds: 0.1 }, "pictures before the first keyframe are not copied"),
        (Oddity::ChangedParameters { count: 1 }, "a picture that changes its parameters is not copied"),
    ] {
        let (encode, copy) = (oddity.clone(), oddity);
        check(|info, _| info.oddities.push(encode), &[&format!("1080P 1920x1080, sound copied: {why}")]);
        check_error(
            |info, request| {
                info.oddities.push(copy);
                request.rate_control.mode = Some(RateControlMode::Copy);
            },
            "USAGE_COPY",
            &format!("nothing can be copied: 1080P: {why}"),
        );
    }
}

#[test]
fn every_step_on_the_picture_is_said_at_its_own_size_and_scaled() {
    type Change = fn(&mut VideoInfo);
    let table: [(Change, &str, &str); 11] = [
        (|video| video.codec = VideoCodec::Hevc, "1920x1080", "hevc is not what every player has"),
        (|video| video.scan = Scan::TopFieldFirst, "1920x1080", "deinterlaced, one frame per frame"),
        (|video| video.rotation = Rotation::Quarter, "1080x1920", "turned upright by 90° clockwise"),
        (|video| video.sample_aspect_ratio = Ratio::new(4, 3), "2560x1080", "pixels of 4:3 made square"),
        (|video| video.width = 1921, "1920x1080", "odd size 1921x1080 made even"),
        (
            |video| video.pixel_format = format("yuv420p10le", 10, Chroma::C420),
            "1920x1080",
            "10-bit brought to 8-bit",
        ),
        (|video| video.pixel_format = format("yuv444p", 8, Chroma::C444), "1920x1080", "4:4:4 brought to 4:2:0"),
        (|video| video.pixel_format = format("gray", 8, Chroma::Gray), "1920x1080", "gray brought to 4:2:0"),
        (
            |video| video.color.transfer = Some("smpte2084".to_owned()),
            "1920x1080",
            "high dynamic range tone-mapped to BT.709",
        ),
        (
            |video| video.color.primaries = Some("bt2020".to_owned()),
            "1920x1080",
            "BT.2020 colours brought into BT.709",
        ),
        (|video| video.pixel_format.alpha = true, "1920x1080", "transparency dropped"),
    ];
    for (change, size, why) in table {
        check(|info, _| change(video(info)), &[&format!("1080P {size}, sound copied: {why}")]);
        let scaled = made(|info, request| {
            change(video(info));
            request.renditions = ladder(&["240P"]);
        });
        let reasons = &scaled.expect("plannable").renditions[0].reasons;
        assert!(why.starts_with("hevc") || reasons.iter().any(|reason| reason == why), "{why}: {reasons:?}");
    }
}

#[test]
fn full_range_becomes_limited_once_encoded() {
    check(
        |info, request| {
            video(info).range = Range::Full;
            request.renditions = ladder(&["720P"]);
        },
        &["720P 1280x720, sound copied: scaled from 1920x1080; full range brought to limited"],
    );
}

#[test]
fn nothing_is_enlarged_and_twins_are_merged() {
    let change = |info: &mut MediaInfo, request: &mut Request| {
        resize(info, 1280, 720);
        request.renditions = ladder(&["2160P", "1080P", "720P", "480P"]);
    };
    let expected = [
        format!(
            "720P copy, sound copied: {FITS}; serves for 1080P too, which would be the same; \
             serves for 2160P too, which would be the same"
        ),
        "480P 854x480, sound copied: scaled from 1280x720".to_owned(),
    ];
    check(change, &[&expected[0], &expected[1]]);
    let merged = made(change).expect("plannable").renditions[0].merged.clone();
    assert_eq!(merged, [name("1080P"), name("2160P")]);
    check(
        |info, request| {
            resize(info, 640, 358);
            video(info).bytes = 7_500_000;
            request.renditions = ladder(&["1080P"]);
        },
        &["1080P 640x358, sound copied: the source is 640x358 and not enlarged; \
           1.00 Mbit/s is above the 687 kbit/s that this size warrants"],
    );
}

#[test]
fn renditions_of_one_size_but_different_settings_stay_apart() {
    let plan = made(|info, request| {
        resize(info, 1280, 720);
        request.renditions = ladder(&["1080P", "720P"]);
        request.renditions[0].crf = Some(18.0);
    });
    let names: Vec<_> = plan.expect("plannable").renditions.iter().map(|rendition| rendition.name).collect();
    assert_eq!(names, [name("720P"), name("1080P")]);
    check_error(
        |_, request| {
            request.renditions = ladder(&["720P", "720"]);
            request.renditions[0].crf = Some(18.0);
        },
        "USAGE_RENDITION",
        "720P is asked for twice with different settings",
    );
}

#[test]
fn without_a_ladder_the_rendition_is_named_after_the_source() {
    for ((width, height), expected) in
        [((1920, 1080), "1080P"), ((640, 358), "358P"), ((1920, 1088), "1088P"), ((853, 481), "480P")]
    {
        let plan = made(|info, _| resize(info, width, height)).expect("plannable");
        assert_eq!(plan.renditions[0].name.to_string(), expected, "{width}x{height}");
    }
}

#[test]
fn a_source_that_ends_early_is_refused_unless_accepted() {
    let cut = Oddity::Truncated { present_seconds: 61.5, declared_seconds: Some(3600.0) };
    let text = "the source ends early: 61.5 s are there of the 3600.0 s that its header promises";
    check_error(|info, _| info.oddities.push(cut.clone()), "MEDIA_TRUNCATED", text);
    let plan = made(|info, request| {
        info.oddities.push(cut.clone());
        request.accept_truncated = true;
    });
    let plan = plan.expect("accepted");
    assert_eq!(plan.notes, ["the source ends early: 61.5 s of 3600.0 s are there and taken, as asked"]);
    assert_eq!(plan.renditions[0].action, Action::Remux);
}

#[test]
fn a_picture_that_no_encoder_takes_is_bad_input() {
    let error = made(|info, _| resize(info, 1, 1080)).expect_err("a picture of one column");
    assert_eq!((error.code(), error.class()), ("MEDIA_PICTURE_SIZE", FailureClass::Source));
}

#[test]
fn every_oddity_and_every_stream_left_out_is_noted() {
    let plan = made(|info, _| {
        info.other_streams.push(OtherStream { stream_index: 2, what: "cover art (mjpeg)".to_owned() });
        info.oddities = vec![
            Oddity::TimestampJumps { count: 2, first: Discontinuity { at_seconds: 3.0, jump_seconds: -90.25 } },
            Oddity::AudioOffset { seconds: 0.244 },
            Oddity::LateKeyframe { packets: 1, seconds: 0.04 },
            Oddity::DamagedPackets { count: 1 },
            Oddity::WrongDuration { declared_seconds: 3677.0 },
        ];
    });
    assert_eq!(
        plan.expect("plannable").notes,
        [
            "2 jumps of the clock closed, the first by -90.250 s at 3.000 s",
            "the sound begins 0.244 s after the picture, and still does in the outputs",
            "1 picture (0.04 s) before the first keyframe dropped",
            "1 damaged packet: what cannot be decoded is dropped",
            "the header's duration of 3677.0 s is wrong and not used",
            "left out: cover art (mjpeg)",
        ]
    );
}

proptest! {
    #[test]
    fn a_ladder_never_enlarges_is_even_and_descends(
        width in 16_u32..8_000, height in 16_u32..8_000, aspect in (1_i32..5, 1_i32..5), turned in any::<bool>(),
    ) {
        let mut info = lesson();
        resize(&mut info, width, height);
        video(&mut info).sample_aspect_ratio = Ratio::new(aspect.0, aspect.1);
        video(&mut info).rotation = if turned { Rotation::Quarter } else { Rotation::None };
        let (shown_width, shown_height) = video(&mut info).display_size();
        let names: Vec<_> = RenditionName::KNOWN.iter().map(u32::to_string).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let request = Request { renditions: ladder(&names), force_encode: true, ..Request::default() };
        let Ok(plan) = plan(&info, &request) else {
            prop_assert!(shown_width.max(shown_height) > 16_384.0 || shown_width.min(shown_height) < 2.0);
            return Ok(());
        };
        let sizes: Vec<_> = plan.renditions.iter().filter_map(|rendition| match &rendition.action {
            Action::Transcode(video) => Some((video.width, video.height)),
            _ => None,
        }).collect();
        prop_assert_eq!(sizes.len(), plan.renditions.len());
        for &(width, height) in &sizes {
            prop_assert!(width % 2 == 0 && height % 2 == 0 && width >= 2 && height >= 2);
            prop_assert!(f64::from(width) <= shown_width + 0.01 && f64::from(height) <= shown_height + 0.01);
        }
        let pixels = |(width, height): (u32, u32)| u64::from(width) * u64::from(height);
        prop_assert!(sizes.windows(2).all(|pair| pixels(pair[0]) > pixels(pair[1])));
        let merged: usize = plan.renditions.iter().map(|rendition| rendition.merged.len()).sum();
        prop_assert_eq!(merged + sizes.len(), RenditionName::KNOWN.len());
    }
}
