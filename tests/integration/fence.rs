//! What the layer over libav promises to everything above it: no option lost, no packet lost, no end that is none.

use std::time::{Duration, Instant};

use reelmill::av::decode::{Decoder, Threads};
use reelmill::av::demux::{Analysis, Demuxer};
use reelmill::av::encode::{AudioSettings, Encoder, VideoSettings};
use reelmill::av::filter::Graph;
use reelmill::av::{AvError, Interrupt, Received, Sent, StreamKind, probe};
use reelmill::clip::Recipe;
use reelmill::failure::Failure;
use reelmill::media::{Container, Ratio, Timestamp};

use crate::support::clip::{make, scratch};
use crate::support::trap;

fn video<'a>(encoder: &'a str, options: &'a [(String, String)]) -> VideoSettings<'a> {
    VideoSettings {
        encoder,
        width: 320,
        height: 180,
        time_base: Ratio::new(1, 25),
        frame_rate: Ratio::new(25, 1),
        pixel_format: "yuv420p",
        options,
    }
}

fn refused(encoder: &str, key: &str, value: &str) -> AvError {
    let options = [(key.to_owned(), value.to_owned())];
    match Encoder::video(&video(encoder, &options), None) {
        Ok(_) => panic!("{encoder} took {key}={value}"),
        Err(error) => error,
    }
}

#[test]
fn an_option_that_no_encoder_knows_is_an_error_with_the_nearest_name() {
    let error = refused("libx264", "presett", "fast");
    assert_eq!(error.code(), "USAGE_UNKNOWN_OPTION");
    assert_eq!(error.to_string(), r#"libx264 has no option "presett"; did you mean "preset"?"#);
}

#[test]
fn a_value_that_the_encoder_refuses_is_told_from_a_name_it_does_not_know() {
    assert_eq!(refused("libx264", "preset", "warp").code(), "USAGE_ENCODER_SETTINGS");
    assert_eq!(refused("libnone", "preset", "fast").code(), "ENCODER_MISSING");
}

#[test]
fn a_key_or_a_value_that_x264_itself_does_not_know_is_not_passed_over() {
    for params in ["reff=3", "ref=many", "ref=3:sublime=7"] {
        let error = refused("libx264", "x264-params", params);
        assert_eq!(error.code(), "USAGE_ENCODER_SETTINGS", "{params}: {error}");
    }
    let fine = [("x264-params".to_owned(), "ref=3:subme=7".to_owned())];
    assert!(Encoder::video(&video("libx264", &fine), None).is_ok());
}

#[test]
fn decoders_use_all_cores_and_encoders_as_many_threads_as_they_are_told_and_no_more() {
    let folder = scratch();
    let path = make(&folder, "plain.flv", &Recipe::plain(Container::Flv, "320x180", 1.0));
    let demuxer = Demuxer::open(&path, Analysis::Usual, &Interrupt::default()).unwrap();
    let stream = demuxer.streams().unwrap().into_iter().find(|stream| stream.kind == StreamKind::Video).unwrap();
    let cores = std::thread::available_parallelism().unwrap().get();
    let auto = Decoder::open(&stream, Threads::Auto).unwrap().threads();
    assert_eq!(auto > 1, cores > 1, "{auto} threads on {cores} cores");
    assert_eq!(Decoder::open(&stream, Threads::Count(1)).unwrap().threads(), 1);
    // Left alone, libx264 would start with a thread per core and all others with one.
    for (options, threads) in [(vec![], 1), (vec![("threads".to_owned(), "3".to_owned())], 3)] {
        assert_eq!(Encoder::video(&video("libx264", &options), None).unwrap().threads(), threads);
    }
    trap::told("T39", "decoders of several threads", "each belongs to one owner at a time");
}

#[test]
fn a_chain_that_does_not_exist_is_named_in_the_error() {
    let Err(error) = Graph::video_source("testsrc2=duration=1,nosuchfilter=3") else { panic!("it was built") };
    assert_eq!(error.code(), "FILTER_FAILED");
    assert!(error.to_string().contains("nosuchfilter"), "{error}");
}

#[test]
fn an_encoder_that_is_full_takes_the_same_frame_again_and_loses_none() {
    let options: Vec<(String, String)> =
        [("preset", "ultrafast"), ("bf", "3"), ("threads", "1")].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    let mut encoder = Encoder::video(&video("libx264", &options), None).unwrap();
    let mut graph = Graph::video_source("testsrc2=size=320x180:rate=25:duration=2,format=yuv420p").unwrap();
    let (mut frames, mut packets, mut refusals) = (0, 0, 0);
    while let Received::Item(mut frame) = graph.receive().unwrap() {
        frame.set_pts(Timestamp::new(frames, Ratio::new(1, 25)));
        frames += 1;
        // Nothing is taken out before the encoder refuses: that is when packets get lost elsewhere.
        while encoder.send(&frame).unwrap() == Sent::Full {
            refusals += 1;
            while let Received::Item(_) = encoder.receive().unwrap() {
                packets += 1;
            }
        }
    }
    while encoder.send_end().unwrap() == Sent::Full {
        while let Received::Item(_) = encoder.receive().unwrap() {
            packets += 1;
        }
    }
    while let Received::Item(_) = encoder.receive().unwrap() {
        packets += 1;
    }
    assert!(matches!(encoder.receive().unwrap(), Received::End));
    assert_eq!((frames, packets), (50, 50));
    assert!(refusals > 0, "the encoder was never full, so this proved nothing");
    trap::told("T12", "an encoder that is full", "it is emptied and takes the same frame again; none is lost");
}

#[test]
fn a_sound_encoder_tells_its_frame_length_and_its_priming() {
    let settings = AudioSettings {
        encoder: "aac",
        sample_rate: 48_000,
        channels: 2,
        bits_per_second: 128_000,
        sample_format: "fltp",
    };
    let encoder = Encoder::audio(&settings).unwrap();
    assert_eq!((encoder.frame_samples(), encoder.priming_samples()), (1024, 1024));
}

#[test]
fn a_cancelled_or_late_read_is_an_error_and_never_the_end_of_the_file() {
    let folder = scratch();
    let path = make(&folder, "plain.flv", &Recipe::plain(Container::Flv, "320x180", 1.0));
    let cancelled = Interrupt::default();
    cancelled.cancel();
    assert_eq!(probe(&path, &cancelled).unwrap_err().code(), "CANCELLED");
    let late = Interrupt::default().with_deadline(Instant::now());
    assert_eq!(probe(&path, &late).unwrap_err().code(), "DEADLINE");
    let in_time = Interrupt::default().with_deadline(Instant::now() + Duration::from_secs(60));
    assert!(probe(&path, &in_time).is_ok());
}

#[test]
fn m16_an_encrypted_mp4_is_named_as_such() {
    let folder = scratch();
    let mut recipe = Recipe::plain(Container::Mp4, "320x180", 1.0);
    recipe.muxer_options = vec![
        ("encryption_scheme", "cenc-aes-ctr"),
        ("encryption_key", "76a6c65c5ea762046bd749a2e632ccbb"),
        ("encryption_kid", "a7e61c373e219033c21091fa607bf3b8"),
    ];
    let path = make(&folder, "scrambled.mp4", &recipe);
    assert_eq!(probe(&path, &Interrupt::default()).unwrap_err().code(), "MEDIA_ENCRYPTED");
    trap::told("M16", "an MP4 with cenc-aes-ctr", "MEDIA_ENCRYPTED");
}
