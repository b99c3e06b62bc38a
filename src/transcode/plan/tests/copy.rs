//! Copying on demand, and what becomes of sound that is not copied.

use super::*;

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
    check_error(
        |info, request| {
            copy(request);
            (info.container, video(info).rotation) = (Container::Mkv, Rotation::Half);
            info.other_streams.push(OtherStream { stream_index: 2, what: "subtitles (ass)".to_owned() });
        },
        "USAGE_COPY",
        "nothing can be copied: 1080P: a copy in mkv would lie on its side or its head",
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
