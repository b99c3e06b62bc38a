//! Every raw call into libav, and nothing else: owned pointers, one safe function per operation.
//!
//! No decision is taken here. The files beside this folder give these operations an order that cannot be wrong.
//! `ffmpeg_next` finds and binds the libraries; its safe wrappers are not used, because they lose what we need (read
//! errors that look like the end of the file, leftover options, packet durations, thread counts, interrupts).
#![expect(unsafe_code, reason = "the one place where foreign functions are called")]

mod codec;
mod dictionary;
mod filter;
mod input;
mod log;
mod output;
mod owned;
mod packet;
mod parser;
mod sink;

pub(super) use codec::{Codec, CodecContext, Parameters};
pub(super) use dictionary::Dictionary;
pub(super) use filter::{FilterGraph, Node};
pub(super) use input::InputContext;
pub(super) use log::{divert_stderr, install_log, log_level, set_log_level};
pub(super) use output::{Declared, OutputContext};
pub(super) use packet::{RawFrame, RawPacket};
pub(super) use parser::Parser;
pub(super) use sink::Unwritten;

use std::ffi::{CStr, c_char, c_int};

use ffmpeg_next::ffi;

pub(super) use ffi::{AVCodecID, AVCodecParameters, AVERROR_EOF, AVMediaType};

/// "Try again": the other end of the component has to be served first.
pub(super) const EAGAIN: c_int = ffi::AVERROR(ffi::EAGAIN);
/// "That makes no sense."
pub(super) const INVALID_DATA: c_int = ffi::AVERROR_INVALIDDATA;
/// "There is no memory for that."
pub(super) const ENOMEM: c_int = ffi::AVERROR(ffi::ENOMEM);
/// "There are no timestamps here."
pub(super) const NO_TIMESTAMP: i64 = i64::MIN;

/// A failed call: its name and libav's error number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Failed {
    pub(super) call: &'static str,
    pub(super) code: c_int,
}

/// Returns the call's value, or [`Failed`] when it is negative.
pub(super) fn check(call: &'static str, code: c_int) -> Result<c_int, Failed> {
    if code < 0 { Err(Failed { call, code }) } else { Ok(code) }
}

/// Returns libav's text for an error number.
pub(super) fn error_text(code: c_int) -> String {
    let mut buffer = [0 as c_char; 128];
    // SAFETY: the buffer is writable for the length given; av_strerror always ends it with a zero (libavutil/error.h).
    unsafe { ffi::av_strerror(code, buffer.as_mut_ptr(), buffer.len()) };
    let text = string(buffer.as_ptr());
    text.unwrap_or_else(|| format!("error {code}"))
}

/// Returns a copy of a C string; `None` for null. Bytes that are not UTF-8 are replaced: it is for showing only.
pub(super) fn string(text: *const c_char) -> Option<String> {
    if text.is_null() {
        return None;
    }
    // SAFETY: not null, and every caller passes a zero-terminated string that libav owns at least until it returns.
    Some(unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
}

/// Returns `(name, "major.minor.micro")` of every linked library.
pub(super) fn library_versions() -> [(&'static str, String); 6] {
    let text = |version: u32| format!("{}.{}.{}", version >> 16, (version >> 8) & 255, version & 255);
    // SAFETY: plain functions without arguments or state (libavutil/version.h and its sisters).
    unsafe {
        [
            ("libavutil", text(ffi::avutil_version())),
            ("libavcodec", text(ffi::avcodec_version())),
            ("libavformat", text(ffi::avformat_version())),
            ("libavfilter", text(ffi::avfilter_version())),
            ("libswscale", text(ffi::swscale_version())),
            ("libswresample", text(ffi::swresample_version())),
        ]
    }
}

/// Returns `(licence, configuration)` of the linked libavcodec.
pub(super) fn library_licence() -> (String, String) {
    // SAFETY: plain functions that return static strings (libavcodec/avcodec.h).
    let (licence, configuration) = unsafe { (ffi::avcodec_license(), ffi::avcodec_configuration()) };
    (string(licence).unwrap_or_default(), string(configuration).unwrap_or_default())
}

/// Returns libav's name of a codec.
pub(super) fn codec_name(id: ffi::AVCodecID) -> String {
    // SAFETY: any id is allowed; the result is a static string (libavcodec/codec_id.h).
    string(unsafe { ffi::avcodec_get_name(id) }).unwrap_or_default()
}

/// Returns libav's name of a channel layout; one without an order is named after its default of as many channels,
/// which is what libav's own tools assume.
pub(super) fn layout_name(layout: &ffi::AVChannelLayout) -> String {
    let mut buffer = [0 as c_char; 128];
    // SAFETY: a live layout; a zeroed one is valid to be filled; the default ones own no memory.
    unsafe {
        let mut default: ffi::AVChannelLayout = std::mem::zeroed();
        let ordered = if layout.order == ffi::AVChannelOrder::AV_CHANNEL_ORDER_UNSPEC {
            ffi::av_channel_layout_default(&raw mut default, layout.nb_channels);
            &raw const default
        } else {
            std::ptr::from_ref(layout)
        };
        ffi::av_channel_layout_describe(ordered, buffer.as_mut_ptr(), buffer.len());
    }
    string(buffer.as_ptr()).unwrap_or_default()
}

/// What libav knows of a pixel format.
pub(super) struct PixelFormatFacts {
    pub(super) name: String,
    pub(super) bit_depth: u8,
    pub(super) chroma_shifts: (u8, u8),
    pub(super) components: u8,
    pub(super) flags: u64,
}

/// Returns what libav knows of a pixel format; `None` for numbers it does not use.
pub(super) fn pixel_format(format: c_int) -> Option<PixelFormatFacts> {
    if !(0..ffi::AVPixelFormat::AV_PIX_FMT_NB as c_int).contains(&format) {
        return None;
    }
    // SAFETY: the number lies within the linked library's own enumeration.
    let format: ffi::AVPixelFormat = unsafe { std::mem::transmute(format) };
    // SAFETY: null or a static table entry.
    let entry = unsafe { ffi::av_pix_fmt_desc_get(format).as_ref() }?;
    Some(PixelFormatFacts {
        name: string(entry.name)?,
        bit_depth: u8::try_from(entry.comp[0].depth).unwrap_or(0),
        chroma_shifts: (entry.log2_chroma_w, entry.log2_chroma_h),
        components: entry.nb_components,
        flags: entry.flags,
    })
}

/// Returns libav's names of a stream's colour tags, "unspecified" ones left out.
pub(super) fn color_names(parameters: &ffi::AVCodecParameters) -> [Option<String>; 3] {
    // SAFETY: each takes any value of its enumeration and returns a static string or null.
    let names = unsafe {
        [
            ffi::av_color_primaries_name(parameters.color_primaries),
            ffi::av_color_transfer_name(parameters.color_trc),
            ffi::av_color_space_name(parameters.color_space),
        ]
    };
    names.map(|name| string(name).filter(|name| !matches!(name.as_str(), "unknown" | "unspecified" | "reserved")))
}

/// Returns libav's pixel format of this name.
pub(super) fn pixel_format_number(name: &str) -> Option<ffi::AVPixelFormat> {
    let name = std::ffi::CString::new(name).ok()?;
    // SAFETY: a zero-terminated name.
    let format = unsafe { ffi::av_get_pix_fmt(name.as_ptr()) };
    (format != ffi::AVPixelFormat::AV_PIX_FMT_NONE).then_some(format)
}

/// Returns libav's sample format of this name; NONE, which encoders refuse, for an unknown one.
pub(super) fn sample_format_number(name: &str) -> ffi::AVSampleFormat {
    let Ok(name) = std::ffi::CString::new(name) else { return ffi::AVSampleFormat::AV_SAMPLE_FMT_NONE };
    // SAFETY: a zero-terminated name.
    unsafe { ffi::av_get_sample_fmt(name.as_ptr()) }
}
