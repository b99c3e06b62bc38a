//! Codecs and their contexts.

use std::ffi::{CString, c_int};
use std::ptr;

use super::owned::{Owned, PlainData, Release};
use super::{Dictionary, Failed, RawFrame, RawPacket, check, ffi, string};

impl Release for ffi::AVCodecContext {
    unsafe fn release(mut object: *mut Self) {
        // SAFETY: handed over by `Owned`; closes the codec and joins its threads.
        unsafe { ffi::avcodec_free_context(&raw mut object) }
    }
}

impl Release for ffi::AVCodecParameters {
    unsafe fn release(mut object: *mut Self) {
        // SAFETY: handed over by `Owned`.
        unsafe { ffi::avcodec_parameters_free(&raw mut object) }
    }
}

impl PlainData for ffi::AVCodecParameters {}

/// What a stream's header says about how it is coded.
pub(in crate::av) type Parameters = Owned<ffi::AVCodecParameters>;

impl Parameters {
    /// Returns a copy of what `source` points to.
    ///
    /// # Safety
    /// `source` is live parameters.
    pub(super) unsafe fn copy_of(source: *const ffi::AVCodecParameters) -> Result<Self, Failed> {
        let mut parameters = Self::empty()?;
        // SAFETY: both live; the target is ours alone.
        check("avcodec_parameters_copy", unsafe { ffi::avcodec_parameters_copy(parameters.as_mut_ptr(), source) })?;
        Ok(parameters)
    }

    /// Returns a copy.
    pub(in crate::av) fn duplicate(&self) -> Result<Self, Failed> {
        // SAFETY: `self` is live.
        unsafe { Self::copy_of(self.as_ptr()) }
    }

    fn empty() -> Result<Self, Failed> {
        // SAFETY: a fresh object, ours alone.
        let parameters = unsafe { Owned::adopt(ffi::avcodec_parameters_alloc()) };
        parameters.ok_or(Failed { call: "avcodec_parameters_alloc", code: ffi::AVERROR(ffi::ENOMEM) })
    }

    /// Returns libav's name of the profile.
    pub(in crate::av) fn profile_name(&self) -> Option<String> {
        // SAFETY: any pair is allowed; the result is static or null (libavcodec/codec_desc.h).
        string(unsafe { ffi::avcodec_profile_name(self.codec_id, self.profile) })
    }
}

/// A decoder or an encoder, as registered in libavcodec.
#[derive(Clone, Copy)]
pub(in crate::av) struct Codec(*const ffi::AVCodec);

impl Codec {
    /// Returns the default decoder of a codec.
    pub(in crate::av) fn decoder(id: ffi::AVCodecID) -> Option<Self> {
        // SAFETY: any id is allowed; codecs are static.
        let codec = unsafe { ffi::avcodec_find_decoder(id) };
        if codec.is_null() { None } else { Some(Self(codec)) }
    }

    /// Returns the encoder with libavcodec's name `name`.
    pub(in crate::av) fn encoder(name: &str) -> Option<Self> {
        let name = CString::new(name).ok()?;
        // SAFETY: a zero-terminated name; codecs are static.
        let codec = unsafe { ffi::avcodec_find_encoder_by_name(name.as_ptr()) };
        if codec.is_null() { None } else { Some(Self(codec)) }
    }

    /// Returns all encoders of pictures.
    pub(in crate::av) fn picture_encoders() -> Vec<Self> {
        let mut found = Vec::new();
        let mut state = ptr::null_mut();
        loop {
            // SAFETY: the state is null at first and libav's own from then on; codecs are static.
            let codec = unsafe { ffi::av_codec_iterate(&raw mut state) };
            if codec.is_null() {
                return found;
            }
            // SAFETY: a static codec.
            let is_encoder = unsafe { ffi::av_codec_is_encoder(codec) } != 0;
            let codec = Self(codec);
            if is_encoder && codec.fields().type_ == ffi::AVMediaType::AVMEDIA_TYPE_VIDEO {
                found.push(codec);
            }
        }
    }

    fn fields(&self) -> &'static ffi::AVCodec {
        // SAFETY: codecs are static.
        unsafe { &*self.0 }
    }

    /// Returns libavcodec's name of it.
    pub(in crate::av) fn name(&self) -> &'static str {
        // SAFETY: a static string.
        unsafe { std::ffi::CStr::from_ptr(self.fields().name) }.to_str().unwrap_or_default()
    }

    /// Returns what it codes, by libav's name.
    pub(in crate::av) fn codec_name(&self) -> String {
        super::codec_name(self.fields().id)
    }

    /// Returns whether a device does the work.
    pub(in crate::av) fn is_hardware(&self) -> bool {
        let flags = ffi::AV_CODEC_CAP_HARDWARE | ffi::AV_CODEC_CAP_HYBRID;
        self.fields().capabilities.cast_unsigned() & flags != 0
    }

    /// Returns libav's names of the pictures that an encoder takes, the best first.
    pub(in crate::av) fn pixel_formats(&self) -> Vec<String> {
        let mut names = Vec::new();
        let mut next = self.fields().pix_fmts;
        // SAFETY: null, or a static list that NONE ends.
        while let Some(&format) = unsafe { next.as_ref() } {
            if format == ffi::AVPixelFormat::AV_PIX_FMT_NONE {
                break;
            }
            names.extend(super::pixel_format(format as c_int).map(|facts| facts.name));
            // SAFETY: the end has not been reached.
            next = unsafe { next.add(1) };
        }
        names
    }
}

/// A decoder or encoder at work.
pub(in crate::av) type CodecContext = Owned<ffi::AVCodecContext>;

impl CodecContext {
    /// Returns a context with the codec's own defaults. (Without naming the codec here libx264 refuses to open:
    /// "broken ffmpeg default settings detected".)
    pub(in crate::av) fn new(codec: Codec) -> Result<Self, Failed> {
        // SAFETY: a static codec; a fresh object, ours alone.
        let context = unsafe { Owned::adopt(ffi::avcodec_alloc_context3(codec.0)) };
        context.ok_or(Failed { call: "avcodec_alloc_context3", code: ffi::AVERROR(ffi::ENOMEM) })
    }

    /// Returns a context that no codec belongs to: what a parser reads a stream's headers from.
    pub(in crate::av) fn without_codec() -> Result<Self, Failed> {
        // SAFETY: null is allowed; a fresh object, ours alone.
        let context = unsafe { Owned::adopt(ffi::avcodec_alloc_context3(ptr::null())) };
        context.ok_or(Failed { call: "avcodec_alloc_context3", code: ffi::AVERROR(ffi::ENOMEM) })
    }

    /// Takes over what the stream's header says.
    pub(in crate::av) fn set_parameters(&mut self, parameters: &Parameters) -> Result<(), Failed> {
        // SAFETY: both live.
        let code = unsafe { ffi::avcodec_parameters_to_context(self.as_mut_ptr(), parameters.as_ptr()) };
        check("avcodec_parameters_to_context", code).map(drop)
    }

    /// Returns what a stream's header must say for this encoder's packets. Valid once open.
    pub(in crate::av) fn parameters(&self) -> Result<Parameters, Failed> {
        let mut parameters = Parameters::empty()?;
        // SAFETY: both live.
        let code = unsafe { ffi::avcodec_parameters_from_context(parameters.as_mut_ptr(), self.as_ptr()) };
        check("avcodec_parameters_from_context", code)?;
        Ok(parameters)
    }

    /// Sets the channel layout to libav's default for `channels`.
    pub(in crate::av) fn set_default_layout(&mut self, channels: i32) {
        // SAFETY: writes our own field, which holds no allocation before the codec is open.
        unsafe { ffi::av_channel_layout_default(&raw mut self.ch_layout, channels) }
    }

    /// Opens the codec and leaves in `options` what it did not know.
    pub(in crate::av) fn open(&mut self, codec: Codec, options: &mut Dictionary) -> Result<(), Failed> {
        // SAFETY: context and codec belong together (see `new`); libav replaces the dictionary with the leftovers.
        let code = unsafe { ffi::avcodec_open2(self.as_mut_ptr(), codec.0, options.as_mut_ptr()) };
        check("avcodec_open2", code).map(drop)
    }

    /// Returns the names of all options that this context and its codec know.
    pub(in crate::av) fn option_names(&self) -> Vec<String> {
        let mut names = Vec::new();
        for object in [self.as_ptr().cast(), self.priv_data.cast_const()] {
            if object.is_null() {
                continue;
            }
            let mut option: *const ffi::AVOption = ptr::null();
            loop {
                // SAFETY: both kinds of object begin with a pointer to their AVClass (libavutil/opt.h).
                option = unsafe { ffi::av_opt_next(object, option) };
                // SAFETY: null or a static table entry.
                let Some(entry) = (unsafe { option.as_ref() }) else { break };
                names.extend(string(entry.name));
            }
        }
        names
    }

    /// Sends a packet to a decoder; `None` means "no more will come".
    pub(in crate::av) fn send_packet(&mut self, packet: Option<&RawPacket>) -> Result<(), Failed> {
        let packet = packet.map_or(ptr::null(), RawPacket::as_ptr);
        // SAFETY: an open decoder; the packet is only read and referenced.
        check("avcodec_send_packet", unsafe { ffi::avcodec_send_packet(self.as_mut_ptr(), packet) }).map(drop)
    }

    /// Takes a frame out of a decoder.
    pub(in crate::av) fn receive_frame(&mut self, frame: &mut RawFrame) -> Result<(), Failed> {
        // SAFETY: an open decoder; the frame is cleared first by libav.
        let code = unsafe { ffi::avcodec_receive_frame(self.as_mut_ptr(), frame.as_mut_ptr()) };
        check("avcodec_receive_frame", code).map(drop)
    }

    /// Sends a frame to an encoder; `None` means "no more will come".
    pub(in crate::av) fn send_frame(&mut self, frame: Option<&RawFrame>) -> Result<(), Failed> {
        let frame = frame.map_or(ptr::null(), RawFrame::as_ptr);
        // SAFETY: an open encoder; the frame is only read and referenced.
        check("avcodec_send_frame", unsafe { ffi::avcodec_send_frame(self.as_mut_ptr(), frame) }).map(drop)
    }

    /// Takes a packet out of an encoder.
    pub(in crate::av) fn receive_packet(&mut self, packet: &mut RawPacket) -> Result<(), Failed> {
        // SAFETY: an open encoder; the packet is cleared first by libav.
        let code = unsafe { ffi::avcodec_receive_packet(self.as_mut_ptr(), packet.as_mut_ptr()) };
        check("avcodec_receive_packet", code).map(drop)
    }
}
