//! Sources without a picture.

use super::*;
use crate::transcode::RateControlRequest;

/// Checks the only output for the lesson's sound alone.
#[track_caller]
fn check_alone(change: impl FnOnce(&mut MediaInfo, &mut Request), expected: &str) {
    let alone = |info: &mut MediaInfo, request: &mut Request| {
        info.video = None;
        change(info, request);
    };
    check(alone, &[expected]);
}

#[test]
fn sound_that_needs_no_change_is_copied_byte_by_byte() {
    check_alone(|_, _| {}, "AUDIO copy, sound copied: there is no picture: the sound alone is kept");
}

#[test]
fn the_smallest_rung_gives_its_name_and_serves_for_all() {
    check_alone(
        |_, request| request.renditions = ladder(&["720P", "240P", "480P"]),
        "240P copy, sound copied: there is no picture: the sound alone is kept; \
         serves for 480P, 720P too, which would be the same",
    );
    let made = made(|info, request| {
        info.video = None;
        request.renditions = ladder(&["240P", "720P", "240P"]);
    });
    assert_eq!(made.unwrap().renditions[0].merged, [name("720P")]);
}

#[test]
fn sound_is_moved_into_another_container_or_encoded_where_that_cannot_hold_it() {
    check_alone(
        |_, request| request.container = Some(Container::Mp4),
        "AUDIO remux, sound copied: there is no picture: the sound alone is kept; container changed from flv to mp4",
    );
    check_alone(
        |info, _| {
            info.container = Container::Wav;
            audio(info).codec = AudioCodec::Other("pcm_s16le".to_owned());
        },
        "AUDIO transcode, aac 128000/44100/2: there is no picture: the sound alone is kept; \
         sound encoded to AAC: mp4 cannot hold pcm_s16le at 44100 Hz",
    );
    check_alone(
        |_, request| request.force_encode = true,
        "AUDIO transcode, aac 128000/44100/2: there is no picture: the sound alone is kept; \
         --force-encode given; sound encoded to AAC as asked",
    );
}

#[test]
fn channels_stay_unless_a_small_rung_was_asked_for() {
    let surround = |info: &mut MediaInfo, request: &mut Request| {
        (audio(info).channels, audio(info).layout) = (6, "5.1".to_owned());
        request.audio = AudioRequest::Aac(None);
    };
    check_alone(
        surround,
        "AUDIO transcode, aac 384000/44100/6: there is no picture: the sound alone is kept; \
         sound encoded to AAC as asked",
    );
    check_alone(
        |info, request| {
            surround(info, request);
            request.renditions = ladder(&["1080P", "480P"]);
        },
        "480P transcode, aac 128000/44100/2: there is no picture: the sound alone is kept; \
         sound encoded to AAC as asked, 5.1 mixed down to stereo; serves for 1080P too, which would be the same",
    );
}

#[test]
fn what_is_said_of_a_picture_means_nothing_and_fails_nothing() {
    check_alone(
        |_, request| {
            request.rate_control = RateControlRequest { crf: Some(20.0), ..RateControlRequest::default() };
            request.preset = Some("fast".to_owned());
        },
        "AUDIO copy, sound copied: there is no picture: the sound alone is kept; \
         without a picture rate control, a preset means nothing",
    );
    check_alone(
        |_, request| request.rate_control.mode = Some(RateControlMode::Copy),
        "AUDIO copy, sound copied: there is no picture: the sound alone is kept; \
         without a picture rate control means nothing",
    );
}

#[test]
fn damage_is_not_copied_byte_by_byte() {
    check_alone(
        |info, _| info.oddities.push(Oddity::DamagedPackets { count: 2 }),
        "AUDIO remux, sound copied: there is no picture: the sound alone is kept; \
         rewritten without its damaged packets",
    );
}

#[test]
fn with_neither_picture_nor_sound_nothing_can_be_made() {
    let nothing = |info: &mut MediaInfo, _: &mut Request| (info.video, info.audio) = (None, None);
    check_error(nothing, "MEDIA_NO_VIDEO", "the source has neither a picture nor sound");
    let silent = |info: &mut MediaInfo, request: &mut Request| {
        info.video = None;
        request.audio = AudioRequest::None;
    };
    check_error(silent, "USAGE_AUDIO", "the source has sound alone: without it nothing is left");
}
