//! Muxing into a local file, which is open already.

use std::ffi::{CString, c_int, c_void};
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

use super::sink::{Sink, Unwritten};
use super::{Dictionary, Failed, Parameters, RawPacket, check, ffi};
use crate::av::interrupt::Interrupt;
use crate::room::Grant;

/// What a container says about a stream beside its codec.
#[derive(Clone, Copy)]
pub(in crate::av) struct Declared {
    pub(in crate::av) time_base: ffi::AVRational,
    pub(in crate::av) frame_rate: ffi::AVRational,
    pub(in crate::av) cover_art: bool,
    /// Clockwise.
    pub(in crate::av) rotation_degrees: f64,
    /// The container's name of the codec; zero lets the muxer choose.
    pub(in crate::av) tag: u32,
}

/// A muxer and the file it writes.
pub(in crate::av) struct OutputContext {
    // Declared first, so freed before the IO beneath it goes.
    context: Format,
    sink: Sink,
    // Boxed for a stable address: libav's callback points to it.
    interrupt: Box<Interrupt>,
}

struct Format(*mut ffi::AVFormatContext);

impl Drop for Format {
    fn drop(&mut self) {
        // SAFETY: null or live; our own IO is left alone.
        unsafe { ffi::avformat_free_context(self.0) }
    }
}

// SAFETY: used by one thread at a time, like every owned object here.
unsafe impl Send for OutputContext {}

unsafe extern "C" fn interrupted(opaque: *mut c_void) -> c_int {
    // SAFETY: `opaque` is the boxed interrupt, made of atomics, which outlives the muxer.
    let interrupt = unsafe { &*opaque.cast::<Interrupt>() };
    c_int::from(interrupt.should_stop())
}

impl OutputContext {
    /// Returns the muxer `format` over `file`, which is empty and has the name `path`.
    pub(in crate::av) fn new(
        path: &Path,
        file: File,
        grant: Grant,
        format: &str,
        interrupt: &Interrupt,
    ) -> Result<Self, Failed> {
        let call = "avformat_alloc_output_context2";
        let invalid = |_| Failed { call, code: ffi::AVERROR(ffi::EINVAL) };
        // Muxers that move what they wrote open it a second time, to read. The prefix keeps libav from reading a protocol
        // into a file name such as `concat:x`.
        let url = [b"file:", path.as_os_str().as_bytes()].concat();
        let (url, format) = (CString::new(url).map_err(invalid)?, CString::new(format).map_err(invalid)?);
        let sink = Sink::new(file, grant, interrupt.clone())?;
        let context = Format(ptr::null_mut());
        let mut output = Self { context, sink, interrupt: Box::new(interrupt.clone()) };
        // SAFETY: a fresh object, ours alone; strings are copied.
        check(call, unsafe {
            let context = &raw mut output.context.0;
            ffi::avformat_alloc_output_context2(context, ptr::null(), format.as_ptr(), url.as_ptr())
        })?;
        let opaque = ptr::from_mut(output.interrupt.as_mut()).cast();
        let io = output.sink.as_mut_ptr();
        let fields = output.fields_mut();
        fields.interrupt_callback = ffi::AVIOInterruptCB { callback: Some(interrupted), opaque };
        fields.pb = io;
        fields.flags |= ffi::AVFMT_FLAG_CUSTOM_IO;
        Ok(output)
    }

    fn fields(&self) -> &ffi::AVFormatContext {
        // SAFETY: `new` hands out no value without a live context.
        unsafe { &*self.context.0 }
    }

    fn fields_mut(&mut self) -> &mut ffi::AVFormatContext {
        // SAFETY: as above, and `&mut self` makes the access unique.
        unsafe { &mut *self.context.0 }
    }

    /// Adds a stream and returns its index.
    pub(in crate::av) fn add_stream(
        &mut self,
        parameters: &Parameters,
        declared: Declared,
    ) -> Result<usize, Failed> {
        // SAFETY: a live muxer before its header is written.
        let stream = unsafe { ffi::avformat_new_stream(self.context.0, ptr::null()).as_mut() };
        let failed = Failed { call: "avformat_new_stream", code: ffi::AVERROR(ffi::ENOMEM) };
        let stream = stream.ok_or(failed)?;
        // SAFETY: both live.
        check("avcodec_parameters_copy", unsafe {
            ffi::avcodec_parameters_copy(stream.codecpar, parameters.as_ptr())
        })?;
        // The source's tag belongs to its own container.
        // SAFETY: every stream has live parameters.
        unsafe { (*stream.codecpar).codec_tag = declared.tag };
        stream.time_base = declared.time_base;
        stream.avg_frame_rate = declared.frame_rate;
        stream.disposition = if declared.cover_art { ffi::AV_DISPOSITION_ATTACHED_PIC } else { 0 };
        if declared.rotation_degrees != 0.0 {
            rotate(stream, declared.rotation_degrees)?;
        }
        usize::try_from(stream.index).map_err(|_| failed)
    }

    /// Writes the header and leaves in `options` what the muxer did not know.
    pub(in crate::av) fn write_header(&mut self, options: &mut Dictionary) -> Result<(), Failed> {
        // SAFETY: a live muxer with its streams added.
        let code = unsafe { ffi::avformat_write_header(self.context.0, options.as_mut_ptr()) };
        check("avformat_write_header", code).map(drop)
    }

    /// Returns the time base that the muxer chose for a stream; valid after the header.
    pub(in crate::av) fn time_base(&self, index: usize) -> ffi::AVRational {
        let fields = self.fields();
        assert!(index < fields.nb_streams as usize, "a stream that add_stream returned");
        // SAFETY: the index was checked; stream pointers are live.
        unsafe { (**fields.streams.add(index)).time_base }
    }

    /// Hands a packet to the muxer's interleaver, which takes its data.
    pub(in crate::av) fn write(&mut self, packet: &mut RawPacket) -> Result<(), Failed> {
        // SAFETY: a live muxer after its header; libav takes the packet's reference and leaves it blank.
        let code = unsafe { ffi::av_interleaved_write_frame(self.context.0, packet.as_mut_ptr()) };
        check("av_interleaved_write_frame", code)?;
        self.sink.check()
    }

    /// Writes the trailer and what is buffered; to be called once.
    pub(in crate::av) fn finish(&mut self) -> Result<(), Failed> {
        // SAFETY: a live muxer after its header.
        check("av_write_trailer", unsafe { ffi::av_write_trailer(self.context.0) })?;
        self.sink.flush()
    }

    /// Returns why bytes were not written, once.
    pub(in crate::av) fn take_failure(&mut self) -> Option<Unwritten> {
        self.sink.take_failure()
    }
}

/// Tells players to turn the stream.
fn rotate(stream: &mut ffi::AVStream, degrees_clockwise: f64) -> Result<(), Failed> {
    const MATRIX_BYTES: usize = 9 * 4;
    let kind = ffi::AVPacketSideDataType::AV_PKT_DATA_DISPLAYMATRIX;
    // SAFETY: a live stream; libav owns the memory it returns, aligned for any type.
    let matrix = unsafe { ffi::av_stream_new_side_data(stream, kind, MATRIX_BYTES) };
    if matrix.is_null() {
        return Err(Failed { call: "av_stream_new_side_data", code: ffi::AVERROR(ffi::ENOMEM) });
    }
    // SAFETY: nine integers of room, all written. `av_display_rotation_set` takes the angle clockwise, though
    // `av_display_rotation_get` returns it counter-clockwise (libavutil/display.h).
    unsafe { ffi::av_display_rotation_set(matrix.cast(), degrees_clockwise) };
    Ok(())
}
