//! Parsers: what a coded picture is, from its first bytes, without decoding it.

use std::ptr;

use super::{CodecContext, Parameters, ffi};

/// A parser of one stream's packets.
pub(in crate::av) struct Parser {
    context: *mut ffi::AVCodecParserContext,
    // The parser reads the stream's headers from here.
    codec: CodecContext,
}

// SAFETY: used by one thread at a time, like every owned object here.
unsafe impl Send for Parser {}

impl Parser {
    /// Returns a parser for a stream; `None` where libavcodec has none for its codec.
    pub(in crate::av) fn open(stream: &Parameters) -> Option<Self> {
        let mut codec = CodecContext::without_codec().ok()?;
        codec.set_parameters(stream).ok()?;
        // SAFETY: any number is allowed; null where there is no such parser.
        let context = unsafe { ffi::av_parser_init(stream.codec_id as i32) };
        // SAFETY: null or a live parser, ours alone.
        let fields = unsafe { context.as_mut() }?;
        // A demuxer's packets are whole pictures: nothing is to be collected.
        fields.flags |= ffi::PARSER_FLAG_COMPLETE_FRAMES;
        Some(Self { context, codec })
    }

    /// Returns whether the coded picture needs no other one: an I picture where the codec says that decoding may
    /// begin; `None` where the parser cannot tell.
    pub(in crate::av) fn stands_alone(&mut self, payload: &[u8]) -> Option<bool> {
        let size = i32::try_from(payload.len()).ok()?;
        let (mut out, mut out_size) = (ptr::null_mut(), 0);
        // SAFETY: a live parser and context; `payload` ends in libav's padding, being a packet's; with complete frames
        // the parser keeps no pointer to it beyond the call (libavcodec/avcodec.h).
        let fields = unsafe {
            (*self.context).key_frame = -1;
            (*self.context).pict_type = ffi::AVPictureType::AV_PICTURE_TYPE_NONE as i32;
            ffi::av_parser_parse2(
                self.context,
                self.codec.as_mut_ptr(),
                &raw mut out,
                &raw mut out_size,
                payload.as_ptr(),
                size,
                ffi::AV_NOPTS_VALUE,
                ffi::AV_NOPTS_VALUE,
                0,
            );
            &*self.context
        };
        match (fields.key_frame, fields.pict_type) {
            (0, _) => Some(false),
            (_, kind) if kind == ffi::AVPictureType::AV_PICTURE_TYPE_I as i32 => Some(true),
            (_, kind) if kind == ffi::AVPictureType::AV_PICTURE_TYPE_NONE as i32 => None,
            _ => Some(false),
        }
    }
}

impl Drop for Parser {
    fn drop(&mut self) {
        // SAFETY: ours alone, and this is the last use.
        unsafe { ffi::av_parser_close(self.context) }
    }
}
