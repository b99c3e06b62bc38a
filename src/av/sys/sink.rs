//! The file behind a muxer: our own IO, so that room is asked for before bytes are written, and so that what kept them from
//! being written reaches the caller as itself. A muxer that reads its own file again opens it by name, through libav.

use std::ffi::{c_int, c_void};
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};

use super::{Failed, check, ffi};
use crate::av::interrupt::Interrupt;
use crate::room::{Grant, NoRoom};

/// Bytes that libav gathers before it writes: as for files of its own, so that a system call per write does not show.
const BUFFER_BYTES: c_int = 256 * 1024;

/// What kept bytes from being written.
#[derive(Debug)]
pub(in crate::av) enum Unwritten {
    /// Nobody has room for them.
    NoRoom(NoRoom),
    /// The disk refused them.
    Disk(io::Error),
}

/// The open file, and whoever has a say in what is written.
struct Writer {
    file: File,
    position: u64,
    grant: Grant,
    interrupt: Interrupt,
    /// Why the first write that failed did.
    failure: Option<Unwritten>,
}

impl Writer {
    fn write(&mut self, bytes: &[u8]) -> Result<(), Unwritten> {
        let end = self.position + bytes.len() as u64;
        self.grant.reach(end).map_err(Unwritten::NoRoom)?;
        self.file.write_all(bytes).map_err(Unwritten::Disk)?;
        self.position = end;
        Ok(())
    }

    fn seek(&mut self, target: SeekFrom) -> io::Result<u64> {
        self.position = self.file.seek(target)?;
        Ok(self.position)
    }
}

/// An `AVIOContext` over a file that is being written.
pub(super) struct Sink {
    context: *mut ffi::AVIOContext,
    writer: *mut Writer,
}

impl Sink {
    /// Returns the IO over `file`, which is empty.
    pub(super) fn new(file: File, grant: Grant, interrupt: Interrupt) -> Result<Self, Failed> {
        let out_of_memory = Failed { call: "avio_alloc_context", code: ffi::AVERROR(ffi::ENOMEM) };
        // SAFETY: plain allocation; checked below.
        let buffer = unsafe { ffi::av_malloc(BUFFER_BYTES.unsigned_abs() as usize) };
        if buffer.is_null() {
            return Err(out_of_memory);
        }
        let writer = Writer { file, position: 0, grant, interrupt, failure: None };
        let writer = Box::into_raw(Box::new(writer));
        // SAFETY: the context takes over the buffer; the writer outlives it (see `drop`).
        let context = unsafe {
            let (opaque, buffer) = (writer.cast(), buffer.cast());
            ffi::avio_alloc_context(buffer, BUFFER_BYTES, 1, opaque, None, Some(write), Some(seek))
        };
        let sink = Self { context, writer };
        // SAFETY: null or live, and ours alone.
        let Some(fields) = (unsafe { context.as_mut() }) else {
            // SAFETY: nobody took the buffer over.
            unsafe { ffi::av_free(buffer) };
            return Err(out_of_memory);
        };
        // Without it every packet would be a write of its own.
        fields.min_packet_size = BUFFER_BYTES;
        Ok(sink)
    }

    /// Returns the IO for a muxer, which must be gone before this is.
    pub(super) fn as_mut_ptr(&mut self) -> *mut ffi::AVIOContext {
        self.context
    }

    /// Returns the error that the file met: libav buffers, so it shows here first.
    pub(super) fn check(&self) -> Result<(), Failed> {
        // SAFETY: live as long as we are.
        let error = unsafe { self.context.as_ref() }.map_or(0, |io| io.error);
        check("avio_write", error).map(drop)
    }

    /// Writes what is buffered.
    pub(super) fn flush(&mut self) -> Result<(), Failed> {
        // SAFETY: a live context.
        unsafe { ffi::avio_flush(self.context) };
        self.check()
    }

    /// Returns why bytes were not written, once.
    pub(super) fn take_failure(&mut self) -> Option<Unwritten> {
        // SAFETY: live as long as we are, and no call of libav is running that could use it.
        unsafe { (*self.writer).failure.take() }
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        // SAFETY: the muxer that used the context is gone (field order in `OutputContext`); libav may have replaced the
        // buffer, so the one freed is the context's own; the writer is freed after its last user.
        unsafe {
            if let Some(context) = self.context.as_mut() {
                ffi::av_freep((&raw mut context.buffer).cast());
                ffi::avio_context_free(&raw mut self.context);
            }
            drop(Box::from_raw(self.writer));
        }
    }
}

/// Bytes to be written, as this or that version of libavformat hands them over.
trait Bytes {
    fn start(self) -> *const u8;
}

impl Bytes for *const u8 {
    fn start(self) -> *const u8 {
        self
    }
}

impl Bytes for *mut u8 {
    fn start(self) -> *const u8 {
        self.cast_const()
    }
}

unsafe extern "C" fn write<B: Bytes>(opaque: *mut c_void, buffer: B, size: c_int) -> c_int {
    // SAFETY: `opaque` is the writer given to `avio_alloc_context`, used by one thread at a time.
    let writer = unsafe { &mut *opaque.cast::<Writer>() };
    if writer.interrupt.should_stop() {
        return ffi::AVERROR_EXIT;
    }
    // SAFETY: libav gives `size` readable bytes.
    let bytes = unsafe { std::slice::from_raw_parts(buffer.start(), usize::try_from(size).unwrap_or(0)) };
    match writer.write(bytes) {
        Ok(()) => size,
        Err(unwritten) => {
            let code = match &unwritten {
                Unwritten::NoRoom(_) => ffi::ENOSPC,
                Unwritten::Disk(error) => error.raw_os_error().unwrap_or(ffi::EIO),
            };
            writer.failure.get_or_insert(unwritten);
            ffi::AVERROR(code)
        }
    }
}

unsafe extern "C" fn seek(opaque: *mut c_void, offset: i64, whence: c_int) -> i64 {
    // SAFETY: as in `write`.
    let writer = unsafe { &mut *opaque.cast::<Writer>() };
    let moved = match whence & !ffi::AVSEEK_FORCE {
        ffi::AVSEEK_SIZE => writer.file.metadata().map(|file| file.len()),
        ffi::SEEK_SET => writer.seek(SeekFrom::Start(u64::try_from(offset).unwrap_or(0))),
        ffi::SEEK_CUR => writer.seek(SeekFrom::Current(offset)),
        ffi::SEEK_END => writer.seek(SeekFrom::End(offset)),
        _ => return i64::from(ffi::AVERROR(ffi::EINVAL)),
    };
    match moved {
        Ok(position) => i64::try_from(position).unwrap_or(i64::MAX),
        Err(error) => i64::from(ffi::AVERROR(error.raw_os_error().unwrap_or(ffi::EIO))),
    }
}
