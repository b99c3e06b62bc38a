//! Requests that contradict themselves, and what the rate-control options lead to when they do not.

use super::*;
use crate::media::Cap;
use crate::transcode::RateControlRequest;

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
        |_, request| request.container = Some(Container::Avi),
        "USAGE_CONTAINER",
        "avi is not a container that is written here",
    );
}

#[test]
fn what_would_make_other_pictures_of_them_is_no_option_of_any_encoder() {
    for encoder in [Encoder::X264, Encoder::X265, Encoder::SvtAv1] {
        for key in ["video_size", "pixel_format", "time_base", "colorspace"] {
            let error = made(|_, request| {
                request.encoder = encoder;
                request.encoder_options.push((key.to_owned(), "1".to_owned()));
            });
            assert!(matches!(&error, Err(PlanError::EncoderOption { name, .. }) if name == key), "{error:?}");
        }
    }
}

#[test]
fn renditions_that_have_their_own_bitrates_need_no_common_one() {
    let common = RateControlRequest { mode: Some(RateControlMode::Abr), ..RateControlRequest::default() };
    assert_eq!(rate_of(common, None, Some(300_000)).unwrap(), RateControl::Abr { bitrate: 300_000 });
    assert_eq!(rate_of(common, None, None).unwrap_err().code(), "USAGE_RATE_CONTROL");
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
        (capped, None, None, RateControl::Vbr { bitrate, cap: Some(Cap { maxrate, bufsize: 6_000_000 }) }),
        (
            RateControlRequest { mode: Some(Vbr), buffer_bits: Some(5_000_000), ..capped },
            None,
            Some(1_000_000),
            RateControl::Vbr { bitrate: 1_000_000, cap: Some(Cap { maxrate, bufsize: 5_000_000 }) },
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
