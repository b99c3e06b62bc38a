//! Decoding: packets in, frames out, each side told apart from failure.

use super::error::AvError;
use super::frame::Frame;
use super::packet::Packet;
use super::parameters::StreamParameters;
use super::sys::{Codec, CodecContext, Dictionary, RawFrame};
use super::{Received, Sent, receive, sent};
use crate::media::TimeBase;
use ffmpeg_next::ffi;

/// The largest picture that is decoded: 8K (7680 × 4320) with room for its padding. One such frame is 50 MiB.
pub const MAX_PIXELS: u64 = 36_000_000;

/// Threads a decoder may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threads {
    /// One per core, as libav counts them.
    Auto,
    /// Exactly as many.
    Count(u16),
}

/// A decoder at work. Lives on one thread at a time.
pub struct Decoder {
    context: CodecContext,
    base: TimeBase,
}

impl Decoder {
    /// Opens the default decoder of a stream.
    ///
    /// # Errors
    /// [`AvError::NoDecoder`], or [`AvError::Decode`] when the header is of no use.
    pub fn open(stream: &StreamParameters, threads: Threads) -> Result<Self, AvError> {
        let missing = || AvError::NoDecoder { codec: stream.codec_name() };
        let codec = Codec::decoder(stream.raw.codec_id).ok_or_else(missing)?;
        let mut context = CodecContext::new(codec)?;
        context.set_parameters(&stream.raw)?;
        context.pkt_timebase = rational(stream.time_base);
        context.max_pixels = i64::try_from(MAX_PIXELS).unwrap_or(i64::MAX);
        // libav starts every decoder with one thread; 0 lets it count the cores. Frame threads keep all cores busy,
        // slice threads serve codecs that have nothing else.
        context.thread_count = match threads {
            Threads::Auto => 0,
            Threads::Count(count) => i32::from(count),
        };
        context.thread_type = ffi::FF_THREAD_FRAME | ffi::FF_THREAD_SLICE;
        let mut options = Dictionary::new([]).unwrap_or_else(|_| unreachable!("no pairs, so none is refused"));
        context.open(codec, &mut options).map_err(|failed| AvError::Decode(failed.into()))?;
        Ok(Self { context, base: stream.time_base })
    }

    /// Leaves out the deblocking of pictures that nobody will see. It reads nothing from the packets, so whether they can
    /// be decoded is told all the same, in about three quarters of the time.
    pub fn skip_deblocking(&mut self) {
        self.context.skip_loop_filter = ffi::AVDiscard::AVDISCARD_ALL;
    }

    /// Returns how many threads libav settled on.
    pub fn threads(&self) -> u32 {
        self.context.thread_count.unsigned_abs()
    }

    /// Sends a packet.
    ///
    /// # Errors
    /// [`AvError::Decode`] for a packet that cannot be decoded; the decoder goes on with the next one.
    pub fn send(&mut self, packet: &Packet) -> Result<Sent, AvError> {
        sent(self.context.send_packet(Some(packet.raw()))).map_err(|failed| AvError::Decode(failed.into()))
    }

    /// Says that no packet will follow; what is still inside comes out of [`Decoder::receive`]. Like a packet, this can
    /// find the decoder full.
    ///
    /// # Errors
    /// [`AvError::Decode`].
    pub fn send_end(&mut self) -> Result<Sent, AvError> {
        match sent(self.context.send_packet(None)) {
            // Said before: nothing changes.
            Err(failed) if failed.code == super::sys::AVERROR_EOF => Ok(Sent::Accepted),
            other => other.map_err(|failed| AvError::Decode(failed.into())),
        }
    }

    /// Takes the next frame.
    ///
    /// # Errors
    /// [`AvError::Decode`] for damage that surfaces late; the decoder goes on.
    pub fn receive(&mut self) -> Result<Received<Frame>, AvError> {
        let mut raw = RawFrame::empty()?;
        let result = self.context.receive_frame(&mut raw);
        receive(result, Frame::new(raw, self.base)).map_err(|failed| AvError::Decode(failed.into()))
    }
}

pub(super) fn rational(ratio: crate::media::Ratio) -> ffi::AVRational {
    ffi::AVRational { num: ratio.num, den: ratio.den }
}
