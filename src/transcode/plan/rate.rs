//! From the rate-control options as typed to one valid [`RateControl`] per rendition.
//!
//! Values that contradict each other are errors, never guessed about: the one who typed both meant something.

use super::PlanError;
use crate::media::{Cap, Encoder, RateControl, RateControlMode, VideoCodec};
use crate::transcode::{RateControlRequest, RenditionRequest};

/// Below a kilobit x264's own unit rounds to nothing; above a gigabit the buffer no longer fits libavcodec's `int`.
const BITRATE_ACCEPTED: std::ops::RangeInclusive<u64> = 1_000..=1_000_000_000;
/// The same `int`.
const BUFFER_BITS_MAX: u64 = 2_000_000_000;
/// A decoder buffer of two seconds unless told otherwise: what players of FLV and MP4 hold anyway.
const BUFFER_SECONDS: u64 = 2;

const ONE_KIND: &str = "keep one of them: --crf, --cq or --bitrate";

/// Returns whether anything was said about how bits are spent, `copy` aside.
pub(super) fn is_asked(request: &RateControlRequest) -> bool {
    let numbers = [request.bits_per_second, request.max_bits_per_second, request.buffer_bits];
    request.crf.is_some()
        || request.cq.is_some()
        || numbers.iter().any(Option::is_some)
        || request.mode.is_some_and(|mode| mode != RateControlMode::Copy)
}

/// Returns how `rendition` spends bits: its own values win over the common ones of the same kind.
pub(super) fn resolve(
    common: &RateControlRequest,
    rendition: &RenditionRequest,
    encoder: Encoder,
) -> Result<RateControl, PlanError> {
    let request = merge(common, rendition)?;
    let mode = had(mode(&request)?, &request, encoder)?;
    match mode {
        // `copy` never comes here: the plan turns it away from encoding before.
        RateControlMode::Crf | RateControlMode::Copy => crf(&request, encoder),
        RateControlMode::Cq => cq(&request, encoder),
        RateControlMode::Cbr => cbr(&request),
        RateControlMode::Abr => abr(&request),
        RateControlMode::Vbr => vbr(&request, encoder),
    }
}

/// Returns `mode` if the encoder has it. Where none was named, a bitrate alone means the encoder's only way to take one.
fn had(
    mode: RateControlMode,
    request: &RateControlRequest,
    encoder: Encoder,
) -> Result<RateControlMode, PlanError> {
    use RateControlMode::{Abr, Copy, Crf, Vbr};
    let modes = encoder.modes();
    if mode == Copy || modes.contains(&mode) {
        return Ok(mode);
    }
    if request.mode.is_none() && mode == Abr && modes.contains(&Vbr) {
        return Ok(Vbr);
    }
    let has: Vec<&str> = modes.iter().map(|mode| mode.name()).collect();
    let what = format!("{} has no {}; it has {}", encoder.name(), mode.name(), has.join(", "));
    let cure = match () {
        () if modes.contains(&Crf) => "use --crf, or --rate-control vbr with --bitrate",
        () => "add --bitrate, as in --bitrate 2M",
    };
    Err(PlanError::RateControl { what, cure })
}

/// Puts a rendition's overrides over the common values, where both are of one kind.
fn merge(common: &RateControlRequest, rendition: &RenditionRequest) -> Result<RateControlRequest, PlanError> {
    let clash = |own: &str, common: &str| {
        let what = format!("{}:{own} contradicts {common}", rendition.name);
        Err(PlanError::RateControl { what, cure: ONE_KIND })
    };
    match (rendition.crf, rendition.bits_per_second) {
        (None, None) => Ok(*common),
        (Some(_), Some(_)) => clash("crf=", "bitrate= of the same rendition"),
        (Some(_), None) if has_bitrate(common) => clash("crf=", "the bitrate common to all renditions"),
        (None, Some(_)) if common.crf.is_some() => clash("bitrate=", "--crf"),
        (Some(_), None) if common.cq.is_some() => clash("crf=", "--cq"),
        (None, Some(_)) if common.cq.is_some() => clash("bitrate=", "--cq"),
        (Some(crf), None) => Ok(RateControlRequest { crf: Some(crf), ..*common }),
        (None, Some(bits)) => Ok(RateControlRequest { bits_per_second: Some(bits), ..*common }),
    }
}

/// A cap or a buffer without an average is of the bitrate's kind all the same: it cannot stand beside a crf.
fn has_bitrate(request: &RateControlRequest) -> bool {
    request.bits_per_second.is_some() || request.max_bits_per_second.is_some() || request.buffer_bits.is_some()
}

/// Returns the mode named, or the only one that the numbers given can mean.
fn mode(request: &RateControlRequest) -> Result<RateControlMode, PlanError> {
    let kinds = [request.crf.is_some(), request.cq.is_some(), has_bitrate(request)];
    if kinds.iter().filter(|given| **given).count() > 1 {
        return refuse("--crf, --cq and bitrates contradict each other", ONE_KIND);
    }
    if let Some(mode) = request.mode {
        return Ok(mode);
    }
    match (request.cq, request.bits_per_second, request.max_bits_per_second, request.buffer_bits) {
        (Some(_), ..) => Ok(RateControlMode::Cq),
        (None, Some(_), Some(_), _) => Ok(RateControlMode::Vbr),
        (None, Some(_), None, None) => Ok(RateControlMode::Abr),
        (None, Some(_), None, Some(_)) => {
            refuse("--bufsize alone does not say how the bitrate is held", "add --maxrate, or --rate-control cbr")
        }
        (None, None, None, None) => Ok(RateControlMode::Crf),
        (None, None, ..) => refuse("--maxrate and --bufsize need an average", "add --bitrate"),
    }
}

fn refuse<T>(what: &str, cure: &'static str) -> Result<T, PlanError> {
    Err(PlanError::RateControl { what: what.to_owned(), cure })
}

/// Refuses numbers that the mode has no use for.
fn only(request: &RateControlRequest, mode: RateControlMode) -> Result<(), PlanError> {
    let rate = matches!(mode, RateControlMode::Cbr | RateControlMode::Abr | RateControlMode::Vbr);
    let given = [
        ("--crf", request.crf.is_some(), mode == RateControlMode::Crf),
        ("--cq", request.cq.is_some(), mode == RateControlMode::Cq),
        ("--bitrate", request.bits_per_second.is_some(), rate),
        ("--maxrate", request.max_bits_per_second.is_some(), mode == RateControlMode::Vbr),
        ("--bufsize", request.buffer_bits.is_some(), matches!(mode, RateControlMode::Cbr | RateControlMode::Vbr)),
    ];
    match given.into_iter().find(|(_, given, fits)| *given && !*fits) {
        None => Ok(()),
        Some((option, ..)) => {
            let what = format!("{option} means nothing to --rate-control {}", mode.name());
            let cure = "crf takes --crf; cq --cq; abr --bitrate; cbr --bitrate, --bufsize; \
                        vbr --bitrate, --maxrate, --bufsize";
            Err(PlanError::RateControl { what, cure })
        }
    }
}

/// NaN is in no range, so it is refused with the rest.
fn crf(request: &RateControlRequest, encoder: Encoder) -> Result<RateControl, PlanError> {
    only(request, RateControlMode::Crf)?;
    let crf = request.crf.unwrap_or_else(|| encoder.default_crf());
    if !(0.0..=encoder.max_quantiser()).contains(&crf) {
        let usual = match encoder.codec() {
            VideoCodec::Av1 => "give 0 (best) to 63 (worst); 25 to 45 is usual",
            _ => "give 0 (lossless) to 51 (worst); 18 to 28 is usual",
        };
        return refuse(&format!("crf {crf} is out of range"), usual);
    }
    if !encoder.takes_fractions() && crf.fract() != 0.0 {
        return refuse(
            &format!("crf {crf} is no whole number, and {} takes no others", encoder.name()),
            "round it",
        );
    }
    Ok(RateControl::Crf(crf))
}

/// There is no default: whoever asks for a constant quantiser has a certain one in mind.
fn cq(request: &RateControlRequest, encoder: Encoder) -> Result<RateControl, PlanError> {
    only(request, RateControlMode::Cq)?;
    let (needed, wanted) = match encoder.codec() {
        VideoCodec::Av1 => ("add --cq, 0 to 63", "give 0 (best) to 63 (worst)"),
        _ => ("add --cq, 0 to 51", "give 0 (lossless) to 51 (worst)"),
    };
    let Some(quantiser) = request.cq else { return refuse("cq needs a quantiser", needed) };
    match u8::try_from(quantiser) {
        Ok(quantiser) if f64::from(quantiser) <= encoder.max_quantiser() => Ok(RateControl::Cq(quantiser)),
        _ => refuse(&format!("cq {quantiser} is out of range"), wanted),
    }
}

fn cbr(request: &RateControlRequest) -> Result<RateControl, PlanError> {
    only(request, RateControlMode::Cbr)?;
    let bitrate = bitrate(request, RateControlMode::Cbr)?;
    Ok(RateControl::Cbr { bitrate, bufsize: buffer(request, bitrate)? })
}

fn abr(request: &RateControlRequest) -> Result<RateControl, PlanError> {
    only(request, RateControlMode::Abr)?;
    Ok(RateControl::Abr { bitrate: bitrate(request, RateControlMode::Abr)? })
}

fn vbr(request: &RateControlRequest, encoder: Encoder) -> Result<RateControl, PlanError> {
    only(request, RateControlMode::Vbr)?;
    let bitrate = bitrate(request, RateControlMode::Vbr)?;
    if !encoder.caps_vbr() {
        return match (request.max_bits_per_second, request.buffer_bits) {
            (None, None) => Ok(RateControl::Vbr { bitrate, cap: None }),
            _ => refuse(
                &format!("{}'s variable bitrate takes no cap", encoder.name()),
                "leave out --maxrate and --bufsize",
            ),
        };
    }
    let Some(maxrate) = request.max_bits_per_second else {
        return refuse("vbr needs a cap", "add --maxrate, or use --rate-control abr for none");
    };
    if maxrate < bitrate || !BITRATE_ACCEPTED.contains(&maxrate) {
        let what = format!("maxrate {maxrate} bit/s does not cap an average of {bitrate} bit/s");
        return refuse(&what, "give a --maxrate of at least --bitrate, 1000M at most");
    }
    let cap = Cap { maxrate, bufsize: buffer(request, maxrate)? };
    Ok(RateControl::Vbr { bitrate, cap: Some(cap) })
}

fn bitrate(request: &RateControlRequest, mode: RateControlMode) -> Result<u64, PlanError> {
    match request.bits_per_second {
        Some(bitrate) if BITRATE_ACCEPTED.contains(&bitrate) => Ok(bitrate),
        Some(bitrate) => {
            refuse(&format!("a bitrate of {bitrate} bit/s is out of range"), "give --bitrate 1k to 1000M")
        }
        None => refuse(&format!("{} needs a bitrate", mode.name()), "add --bitrate, as in --bitrate 2M"),
    }
}

/// Returns the decoder's buffer: as asked, or two seconds at the highest rate.
fn buffer(request: &RateControlRequest, rate: u64) -> Result<u64, PlanError> {
    match request.buffer_bits {
        None => Ok(rate * BUFFER_SECONDS),
        Some(bits) if (*BITRATE_ACCEPTED.start()..=BUFFER_BITS_MAX).contains(&bits) => Ok(bits),
        Some(bits) => refuse(&format!("a buffer of {bits} bit is out of range"), "give --bufsize 1k to 2000M"),
    }
}
