//! Demuxing through our own IO: libav sees one open file, and nothing of the file system or the network beside it.

use std::ffi::{c_char, c_int, c_void};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ptr;

use super::{Dictionary, Failed, Parameters, RawPacket, check, ffi, string};
use crate::av::interrupt::Interrupt;

/// Bytes libav asks the file for at a time: large enough that a system call per read does not show.
const BUFFER_BYTES: usize = 256 * 1024;

/// The file behind the demuxer, and whoever may stop it.
struct Reader {
    file: File,
    length: u64,
    interrupt: Interrupt,
}

/// An `AVIOContext` over a [`Reader`].
struct Io {
    context: *mut ffi::AVIOContext,
    reader: *mut Reader,
}

impl Io {
    fn new(file: File, length: u64, interrupt: Interrupt) -> Result<Self, Failed> {
        let out_of_memory = Failed { call: "avio_alloc_context", code: ffi::AVERROR(ffi::ENOMEM) };
        // SAFETY: plain allocation; checked below.
        let buffer = unsafe { ffi::av_malloc(BUFFER_BYTES) };
        if buffer.is_null() {
            return Err(out_of_memory);
        }
        let reader = Box::into_raw(Box::new(Reader { file, length, interrupt }));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_possible_wrap,
            reason = "a constant far below 2^31"
        )]
        let size = BUFFER_BYTES as c_int;
        // SAFETY: the context takes over the buffer; the reader outlives it (see `drop`).
        let context =
            unsafe { ffi::avio_alloc_context(buffer.cast(), size, 0, reader.cast(), Some(read), None, Some(seek)) };
        let io = Self { context, reader };
        if context.is_null() {
            // SAFETY: nobody took the buffer over.
            unsafe { ffi::av_free(buffer) };
            return Err(out_of_memory);
        }
        Ok(io)
    }
}

impl Drop for Io {
    fn drop(&mut self) {
        // SAFETY: the demuxer that used the context is closed (field order in `InputContext`); libav may have
        // replaced the buffer, so the one freed is the context's own; the reader is freed after its last user.
        unsafe {
            if let Some(context) = self.context.as_mut() {
                ffi::av_freep((&raw mut context.buffer).cast());
                ffi::avio_context_free(&raw mut self.context);
            }
            drop(Box::from_raw(self.reader));
        }
    }
}

unsafe extern "C" fn read(opaque: *mut c_void, buffer: *mut u8, size: c_int) -> c_int {
    // SAFETY: `opaque` is the reader given to `avio_alloc_context`, used by one thread at a time.
    let reader = unsafe { &mut *opaque.cast::<Reader>() };
    if reader.interrupt.should_stop() {
        return ffi::AVERROR_EXIT;
    }
    // SAFETY: libav gives `size` writable bytes.
    let buffer = unsafe { std::slice::from_raw_parts_mut(buffer, usize::try_from(size).unwrap_or(0)) };
    let left = reader.file.stream_position().map_or(0, |position| reader.length.saturating_sub(position));
    let wanted = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
    let buffer = &mut buffer[..wanted];
    loop {
        match reader.file.read(buffer) {
            Ok(0) => return ffi::AVERROR_EOF,
            Ok(count) => return c_int::try_from(count).unwrap_or(c_int::MAX),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return ffi::AVERROR(error.raw_os_error().unwrap_or(ffi::EIO)),
        }
    }
}

unsafe extern "C" fn seek(opaque: *mut c_void, offset: i64, whence: c_int) -> i64 {
    // SAFETY: as in `read`.
    let reader = unsafe { &mut *opaque.cast::<Reader>() };
    // The force flag only says that seeking may be slow.
    let whence = whence & !ffi::AVSEEK_FORCE;
    let target = match whence {
        ffi::AVSEEK_SIZE => return i64::try_from(reader.length).unwrap_or(i64::MAX),
        ffi::SEEK_SET => SeekFrom::Start(u64::try_from(offset).unwrap_or(0)),
        ffi::SEEK_CUR => SeekFrom::Current(offset),
        ffi::SEEK_END => SeekFrom::Start(reader.length.saturating_add_signed(offset)),
        _ => return i64::from(ffi::AVERROR(ffi::EINVAL)),
    };
    match reader.file.seek(target) {
        Ok(position) => i64::try_from(position).unwrap_or(i64::MAX),
        Err(error) => i64::from(ffi::AVERROR(error.raw_os_error().unwrap_or(ffi::EIO))),
    }
}

unsafe extern "C" fn interrupted(opaque: *mut c_void) -> c_int {
    // SAFETY: `opaque` is the reader; only its interrupt is looked at, which is made of atomics.
    let reader = unsafe { &*opaque.cast::<Reader>() };
    c_int::from(reader.interrupt.should_stop())
}

/// Refuses every further file or address that a demuxer would like to open.
unsafe extern "C" fn refuse_to_open(
    _context: *mut ffi::AVFormatContext,
    _io: *mut *mut ffi::AVIOContext,
    url: *const c_char,
    _flags: c_int,
    _options: *mut *mut ffi::AVDictionary,
) -> c_int {
    tracing::warn!(url = string(url).unwrap_or_default(), "refused to open what the source points to");
    ffi::AVERROR(ffi::EPERM)
}

/// A demuxer, before and after it is opened.
pub(in crate::av) struct InputContext {
    // Declared first, so closed before the IO beneath it goes.
    context: Format,
    io: Io,
}

struct Format(*mut ffi::AVFormatContext);

impl Drop for Format {
    fn drop(&mut self) {
        // SAFETY: closes and frees, or does nothing for null; our own IO is left alone (AVFMT_FLAG_CUSTOM_IO).
        unsafe { ffi::avformat_close_input(&raw mut self.0) }
    }
}

// SAFETY: used by one thread at a time, like every owned object here.
unsafe impl Send for InputContext {}

impl InputContext {
    /// Returns a demuxer over `file`, not yet opened.
    pub(in crate::av) fn new(file: File, length: u64, interrupt: Interrupt) -> Result<Self, Failed> {
        let io = Io::new(file, length, interrupt)?;
        // SAFETY: a fresh object, ours alone.
        let context = Format(unsafe { ffi::avformat_alloc_context() });
        // SAFETY: null or live.
        let Some(fields) = (unsafe { context.0.as_mut() }) else {
            return Err(Failed { call: "avformat_alloc_context", code: ffi::AVERROR(ffi::ENOMEM) });
        };
        fields.pb = io.context;
        fields.flags |= ffi::AVFMT_FLAG_CUSTOM_IO;
        fields.interrupt_callback = ffi::AVIOInterruptCB { callback: Some(interrupted), opaque: io.reader.cast() };
        fields.io_open = Some(refuse_to_open);
        Ok(Self { context, io })
    }

    /// Returns libav's name of the format that the content looks like, and its score (0 to 100). The name of the
    /// file plays no part.
    pub(in crate::av) fn detect(&mut self) -> Result<(String, i32, InputFormat), Failed> {
        let mut format = ptr::null();
        // SAFETY: our own open IO, which libav rewinds itself; the empty name keeps extensions out of it.
        let score = check("av_probe_input_buffer2", unsafe {
            ffi::av_probe_input_buffer2(self.io.context, &raw mut format, c"".as_ptr(), ptr::null_mut(), 0, 0)
        })?;
        // SAFETY: null or a static definition.
        let name = unsafe { format.as_ref() }.and_then(|format| string(format.name));
        Ok((name.unwrap_or_default(), score, InputFormat(format)))
    }

    /// Makes the file end at `length` bytes for the demuxer, whatever follows.
    pub(in crate::av) fn end_at(&mut self, length: u64) {
        // SAFETY: reader and context live as long as `io`, and no call of libav is running. What detection has
        // buffered beyond the end is cut off the buffer's end, which stays at or behind `buf_ptr`.
        unsafe {
            (*self.io.reader).length = length;
            let Some(context) = self.io.context.as_mut() else { return };
            let held = i64::try_from(context.buf_end.offset_from(context.buf_ptr)).unwrap_or(0);
            let beyond = context.pos.saturating_sub_unsigned(length).clamp(0, held);
            context.buf_end = context.buf_end.offset(-isize::try_from(beyond).unwrap_or(0));
            context.pos -= beyond;
        }
    }

    /// Opens the demuxer as `format`.
    pub(in crate::av) fn open(&mut self, format: InputFormat, options: &mut Dictionary) -> Result<(), Failed> {
        // SAFETY: a live context with our IO; on failure libav frees the context and nulls the pointer.
        let code = unsafe {
            ffi::avformat_open_input(&raw mut self.context.0, c"".as_ptr(), format.0, options.as_mut_ptr())
        };
        check("avformat_open_input", code).map(drop)
    }

    /// Reads ahead until every stream's parameters are known. No picture above `max_pixels` is decoded on the way.
    pub(in crate::av) fn find_stream_info(&mut self, max_pixels: u64) -> Result<(), Failed> {
        let limit = max_pixels.to_string();
        let mut options: Vec<Dictionary> = Vec::with_capacity(self.stream_count());
        for _ in 0..self.stream_count() {
            let invalid = Failed { call: "av_dict_set", code: ffi::AVERROR(ffi::EINVAL) };
            options.push(Dictionary::new([("max_pixels", limit.as_str())]).map_err(|_| invalid)?);
        }
        let mut pointers: Vec<*mut ffi::AVDictionary> = options.iter_mut().map(Dictionary::take).collect();
        // SAFETY: an open demuxer and one dictionary per stream, which libav replaces with leftovers.
        let code = unsafe { ffi::avformat_find_stream_info(self.context.0, pointers.as_mut_ptr()) };
        for (dictionary, pointer) in options.iter_mut().zip(pointers) {
            dictionary.give_back(pointer);
        }
        check("avformat_find_stream_info", code).map(drop)
    }

    fn fields(&self) -> Option<&ffi::AVFormatContext> {
        // SAFETY: null after a failed open, else live.
        unsafe { self.context.0.as_ref() }
    }

    /// Returns how many streams are known so far; more may turn up while reading.
    pub(in crate::av) fn stream_count(&self) -> usize {
        self.fields().map_or(0, |fields| fields.nb_streams as usize)
    }

    /// Returns stream `index`.
    pub(in crate::av) fn stream(&self, index: usize) -> Option<&ffi::AVStream> {
        let fields = self.fields()?;
        if index >= fields.nb_streams as usize {
            return None;
        }
        // SAFETY: `index` is below the count of live stream pointers.
        unsafe { (*fields.streams.add(index)).as_ref() }
    }

    /// Returns a copy of the stream's parameters.
    pub(in crate::av) fn parameters(&self, index: usize) -> Option<Result<Parameters, Failed>> {
        let stream = self.stream(index)?;
        // SAFETY: every stream has live parameters.
        Some(unsafe { Parameters::copy_of(stream.codecpar) })
    }

    /// Returns a view of the stream's parameters as they are now.
    pub(in crate::av) fn parameters_now(&self, index: usize) -> Option<&ffi::AVCodecParameters> {
        // SAFETY: every stream has live parameters for as long as the demuxer lives.
        self.stream(index).and_then(|stream| unsafe { stream.codecpar.as_ref() })
    }

    /// Returns how far a player turns the stream clockwise, in degrees, where the file says.
    /// With it goes whether the picture is mirrored, left for right, before it is turned.
    pub(in crate::av) fn orientation(&self, index: usize) -> Option<(f64, bool)> {
        let kind = ffi::AVPacketSideDataType::AV_PKT_DATA_DISPLAYMATRIX;
        let mut size = 0;
        // SAFETY: a live stream; the size is written.
        let data = unsafe { ffi::av_stream_get_side_data(self.stream(index)?, kind, &raw mut size) };
        if data.is_null() || size < 9 * 4 {
            return None;
        }
        // SAFETY: the matrix is nine 32-bit integers; libav allocates side data aligned for any type.
        let mut matrix = unsafe { data.cast::<[i32; 9]>().read() };
        let [a, b, _, c, d, ..] = matrix.map(i64::from);
        let mirrored = a * d - b * c < 0;
        if mirrored {
            // Undone in the matrix, a turn remains.
            (matrix[0], matrix[1]) = (matrix[0].saturating_neg(), matrix[1].saturating_neg());
        }
        // SAFETY: nine integers. The angle is counter-clockwise, hence the sign (libavutil/display.h).
        let degrees = -unsafe { ffi::av_display_rotation_get(matrix.as_ptr()) };
        degrees.is_finite().then_some((degrees, mirrored))
    }

    /// Returns the duration that the header claims, in microseconds.
    pub(in crate::av) fn declared_duration(&self) -> Option<i64> {
        self.fields().map(|fields| fields.duration).filter(|&duration| duration > 0)
    }

    /// Reads the next packet, of whichever stream.
    pub(in crate::av) fn read(&mut self, packet: &mut RawPacket) -> Result<(), Failed> {
        // SAFETY: an open demuxer; the packet is cleared first.
        let code = unsafe {
            ffi::av_packet_unref(packet.as_mut_ptr());
            ffi::av_read_frame(self.context.0, packet.as_mut_ptr())
        };
        check("av_read_frame", code).map(drop)
    }

    /// Returns the error that the IO met, which the demuxer may have taken for the end of the file; 0 for none.
    pub(in crate::av) fn io_error(&self) -> c_int {
        // SAFETY: the IO lives as long as we do.
        unsafe { self.io.context.as_ref() }.map_or(0, |io| io.error)
    }

    /// Marks a stream as unwanted, so that the demuxer need not assemble its packets.
    pub(in crate::av) fn discard(&mut self, index: usize) {
        let Some(stream) = self.stream(index) else { return };
        let stream = ptr::from_ref(stream).cast_mut();
        // SAFETY: a live stream of ours; `discard` may be set at any time (libavformat/avformat.h).
        unsafe { (*stream).discard = ffi::AVDiscard::AVDISCARD_ALL }
    }
}

/// A demuxer's static definition.
#[derive(Clone, Copy)]
pub(in crate::av) struct InputFormat(*const ffi::AVInputFormat);
