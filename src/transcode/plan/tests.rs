//! The planner as a table: a source made odd, a request, and the whole decision in one line per rendition.

use proptest::prelude::*;

use super::*;
use crate::failure::{Failure, FailureClass};
use crate::media::{AudioCodec, AudioInfo, Chroma, Discontinuity, OtherStream, Range, VideoCodec};
use crate::transcode::sample::{format, lesson};
use crate::transcode::{AudioRequest, RateControlRequest};

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
    check(|info, _| info.container = Container::Ts, &[&remux("container changed from ts to mp4")]);
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
fn copying_on_demand_ignores_cost_and_refuses_what_needs_encoding() {
    let copy = |request: &mut Request| request.rate_control.mode = Some(RateControlMode::Copy);
    check(
        |info, request| {
            copy(request);
            request.container = Some(Container::Mp4);
            video(info).bytes = 600_000_000;
            video(info).codec = VideoCodec::Hevc;
            video(info).longest_keyframe_gap_seconds = 60.0;
        },
        &["1080P remux, sound copied: copied as asked; container changed from flv to mp4"],
    );
    check(
        |_, request| {
            copy(request);
            request.renditions = ladder(&["1080P", "480P"]);
        },
        &[
            "1080P copy, sound copied: copied as asked",
            "480P refuse, sound copied: a copy stays 1920x1080, 480P was asked for",
        ],
    );
    check_error(
        |info, request| {
            copy(request);
            video(info).codec = VideoCodec::Hevc;
        },
        "USAGE_COPY",
        "nothing can be copied: 1080P: flv cannot hold hevc",
    );
    check_error(
        |info, request| {
            copy(request);
            video(info).rotation = Rotation::Quarter;
            request.container = Some(Container::Mp4);
        },
        "USAGE_COPY",
        "nothing can be copied: 1080P: a copy in mp4 would lie on its side or its head",
    );
    for (change, what) in [
        ((|request| request.force_encode = true) as fn(&mut Request), "--force-encode"),
        (|request| request.rate_control.crf = Some(20.0), "a rate"),
        (|request| request.preset = Some("fast".to_owned()), "a preset"),
        (|request| request.encoder_options.push(("bf".to_owned(), "2".to_owned())), "--enc"),
    ] {
        check_error(
            |_, request| {
                copy(request);
                change(request);
            },
            "USAGE_COPY",
            &format!("--rate-control copy encodes nothing, so {what} cannot be honoured"),
        );
    }
}

#[test]
fn sound_that_is_encoded_is_stereo_for_small_pictures() {
    let surround = |info: &mut MediaInfo, request: &mut Request| {
        (audio(info).channels, audio(info).layout) = (6, "5.1(side)".to_owned());
        (audio(info).codec, audio(info).sample_rate) = (AudioCodec::Other("dts".to_owned()), 88_201);
        request.renditions = ladder(&["1080P", "720P"]);
        request.container = Some(Container::Mp4);
        request.force_encode = true;
    };
    let plan = made(surround).expect("plannable");
    let told: Vec<_> = plan.renditions.iter().map(|rendition| rendition.reasons.last().cloned()).collect();
    let encoded = "sound encoded to AAC: mp4 cannot hold dts at 88201 Hz";
    let resampled = "88201 Hz resampled to 48000 Hz";
    assert_eq!(told[0], Some(format!("{encoded}, {resampled}")));
    assert_eq!(told[1], Some(format!("{encoded}, 5.1(side) mixed down to stereo, {resampled}")));
    let aac =
        |bits_per_second, channels| AudioPlan::Aac(AacPlan { bits_per_second, sample_rate: 48_000, channels });
    assert_eq!([&plan.renditions[0].audio, &plan.renditions[1].audio], [&aac(384_000, 6), &aac(128_000, 2)]);
}

#[test]
fn sound_is_encoded_as_asked_within_what_aac_can_carry() {
    let table = [(44_100, 1, None, 64_000), (44_100, 2, Some(96_000), 96_000), (8_000, 1, None, 48_000)];
    for (sample_rate, channels, asked, bits_per_second) in table {
        let plan = made(|info, request| {
            (audio(info).sample_rate, audio(info).channels) = (sample_rate, channels);
            request.audio = AudioRequest::Aac(asked);
        });
        let expected = AudioPlan::Aac(AacPlan { bits_per_second, sample_rate, channels });
        assert_eq!(plan.expect("plannable").renditions[0].audio, expected);
    }
    check_error(
        |_, request| request.audio = AudioRequest::Aac(Some(1_000)),
        "USAGE_AUDIO",
        "sound at 1000 bit/s is not possible",
    );
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
fn a_source_without_a_picture_is_bad_input() {
    check_error(|info, _| info.video = None, "MEDIA_NO_VIDEO", "the source has no picture stream");
    let error = made(|info, _| resize(info, 1, 1080)).expect_err("a picture of one column");
    assert_eq!((error.code(), error.class()), ("MEDIA_PICTURE_SIZE", FailureClass::Source));
}

#[test]
fn what_the_encoder_does_not_have_is_a_usage_error() {
    check_error(
        |_, request| request.preset = Some("quick".to_owned()),
        "USAGE_PRESET",
        "x264 has no preset \"quick\"; it has ultrafast, superfast, veryfast, faster, fast, medium, slow, slower, \
         veryslow, placebo",
    );
    for (key, value, named) in [
        ("g", "250", "g"),
        ("threads", "1", "threads"),
        ("x264-params", "ref=3:open_gop=1", "open-gop"),
        ("x264opts", "keyint=10", "keyint"),
    ] {
        let error = made(|_, request| request.encoder_options.push((key.to_owned(), value.to_owned())));
        assert!(
            matches!(&error, Err(PlanError::EncoderOption { name, .. }) if name == named),
            "{key}={value}: {error:?}"
        );
    }
    for seconds in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let error = made(|_, request| request.keyint_seconds = seconds).expect_err("no grid");
        assert_eq!(error.code(), "USAGE_KEYINT");
    }
    check_error(
        |_, request| request.container = Some(Container::Ts),
        "USAGE_CONTAINER",
        "ts is not a container that is written here",
    );
}

/// Returns the rate control of the one rendition that `common`, and the rung's own values, lead to.
fn rate_of(
    common: RateControlRequest,
    own_crf: Option<f64>,
    own_bits: Option<u64>,
) -> Result<RateControl, PlanError> {
    let plan = made(|_, request| {
        request.rate_control = common;
        request.force_encode = true;
        let rung =
            RenditionRequest { crf: own_crf, bits_per_second: own_bits, ..RenditionRequest::plain(name("720P")) };
        request.renditions = vec![rung];
    })?;
    match &plan.renditions[0].action {
        Action::Transcode(video) => Ok(video.rate_control),
        other => panic!("encoding was asked for, {} planned", other.name()),
    }
}

#[test]
fn rate_control_follows_from_what_is_given() {
    use RateControlMode::{Abr, Cbr, Cq, Vbr};
    let none = RateControlRequest::default();
    let bits = RateControlRequest { bits_per_second: Some(2_000_000), ..none };
    let capped = RateControlRequest { max_bits_per_second: Some(3_000_000), ..bits };
    let (bitrate, maxrate) = (2_000_000, 3_000_000);
    let table = [
        (none, None, None, RateControl::Crf(24.0)),
        (none, Some(18.5), None, RateControl::Crf(18.5)),
        (none, None, Some(500_000), RateControl::Abr { bitrate: 500_000 }),
        (RateControlRequest { crf: Some(30.0), ..none }, Some(20.0), None, RateControl::Crf(20.0)),
        (RateControlRequest { cq: Some(22), ..none }, None, None, RateControl::Cq(22)),
        (RateControlRequest { mode: Some(Cq), cq: Some(0), ..none }, None, None, RateControl::Cq(0)),
        (bits, None, None, RateControl::Abr { bitrate }),
        (RateControlRequest { mode: Some(Abr), ..bits }, None, Some(1_000), RateControl::Abr { bitrate: 1_000 }),
        (capped, None, None, RateControl::Vbr { bitrate, maxrate, bufsize: 6_000_000 }),
        (
            RateControlRequest { mode: Some(Vbr), buffer_bits: Some(5_000_000), ..capped },
            None,
            Some(1_000_000),
            RateControl::Vbr { bitrate: 1_000_000, maxrate, bufsize: 5_000_000 },
        ),
        (
            RateControlRequest { mode: Some(Cbr), ..bits },
            None,
            None,
            RateControl::Cbr { bitrate, bufsize: 4_000_000 },
        ),
    ];
    for (common, own_crf, own_bits, expected) in table {
        assert_eq!(rate_of(common, own_crf, own_bits), Ok(expected), "{common:?} {own_crf:?} {own_bits:?}");
    }
}

#[test]
fn rate_control_that_contradicts_itself_names_the_cure() {
    use RateControlMode::{Abr, Cbr, Cq, Crf, Vbr};
    let none = RateControlRequest::default();
    let mode = |mode| RateControlRequest { mode: Some(mode), ..none };
    let bits = Some(2_000_000);
    let table = [
        (mode(Cbr), None, None, "add --bitrate, as in --bitrate 2M"),
        (mode(Abr), None, None, "add --bitrate, as in --bitrate 2M"),
        (
            RateControlRequest { bits_per_second: bits, ..mode(Vbr) },
            None,
            None,
            "add --maxrate, or use --rate-control abr for none",
        ),
        (mode(Cq), None, None, "add --cq, 0 to 51"),
        (mode(Cq), Some(20.0), None, "crf takes --crf; cq --cq"),
        (mode(Crf), None, bits, "crf takes --crf; cq --cq"),
        (
            RateControlRequest { bits_per_second: bits, max_bits_per_second: bits, ..mode(Abr) },
            None,
            None,
            "crf takes",
        ),
        (RateControlRequest { crf: Some(20.0), bits_per_second: bits, ..none }, None, None, "keep one of them"),
        (RateControlRequest { crf: Some(20.0), ..none }, None, bits, "keep one of them"),
        (RateControlRequest { bits_per_second: bits, ..none }, Some(20.0), None, "keep one of them"),
        (RateControlRequest { cq: Some(20), ..none }, Some(20.0), None, "keep one of them"),
        (none, Some(20.0), bits, "keep one of them"),
        (RateControlRequest { crf: Some(51.5), ..none }, None, None, "give 0 (lossless) to 51"),
        (RateControlRequest { crf: Some(-1.0), ..none }, None, None, "give 0 (lossless) to 51"),
        (RateControlRequest { crf: Some(f64::NAN), ..none }, None, None, "give 0 (lossless) to 51"),
        (RateControlRequest { cq: Some(52), ..none }, None, None, "give 0 (lossless) to 51"),
        (RateControlRequest { bits_per_second: Some(0), ..none }, None, None, "give --bitrate 1k to 1000M"),
        (
            RateControlRequest { bits_per_second: bits, max_bits_per_second: Some(1_000_000), ..none },
            None,
            None,
            "give a --maxrate of at least --bitrate",
        ),
        (RateControlRequest { bits_per_second: bits, buffer_bits: bits, ..none }, None, None, "add --maxrate, or"),
        (RateControlRequest { max_bits_per_second: bits, ..none }, None, None, "add --bitrate"),
    ];
    for (common, own_crf, own_bits, cure) in table {
        let error = rate_of(common, own_crf, own_bits).expect_err("a contradiction");
        assert_eq!((error.code(), error.class()), ("USAGE_RATE_CONTROL", FailureClass::Usage), "{error}");
        assert!(error.cure().starts_with(cure), "{error}: {}", error.cure());
    }
}

#[test]
fn a_wrong_rate_is_an_error_even_where_the_source_would_be_copied() {
    check_error(
        |_, request| request.rate_control.mode = Some(RateControlMode::Cbr),
        "USAGE_RATE_CONTROL",
        "cbr needs a bitrate",
    );
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
