//! Packets and frames: reference-counted data that moves between components.

use std::{ptr, slice};

use super::owned::{Owned, PlainData, Release};
use super::{Failed, check, ffi};

impl Release for ffi::AVPacket {
    unsafe fn release(mut object: *mut Self) {
        // SAFETY: handed over by `Owned`; frees the data's reference too.
        unsafe { ffi::av_packet_free(&raw mut object) }
    }
}

impl Release for ffi::AVFrame {
    unsafe fn release(mut object: *mut Self) {
        // SAFETY: handed over by `Owned`; frees the data's reference too.
        unsafe { ffi::av_frame_free(&raw mut object) }
    }
}

impl PlainData for ffi::AVFrame {}

/// An `AVPacket`.
pub(in crate::av) type RawPacket = Owned<ffi::AVPacket>;
/// An `AVFrame`.
pub(in crate::av) type RawFrame = Owned<ffi::AVFrame>;

const OUT_OF_MEMORY: i32 = ffi::AVERROR(ffi::ENOMEM);

impl RawPacket {
    /// Returns a packet without data.
    pub(in crate::av) fn empty() -> Result<Self, Failed> {
        // SAFETY: a fresh object, ours alone.
        let packet = unsafe { Owned::adopt(ffi::av_packet_alloc()) };
        packet.ok_or(Failed { call: "av_packet_alloc", code: OUT_OF_MEMORY })
    }

    /// Returns another reference to the same data, with its own timestamps.
    pub(in crate::av) fn reference(&self) -> Result<Self, Failed> {
        // SAFETY: reads a live packet; the copy is ours alone.
        let packet = unsafe { Owned::adopt(ffi::av_packet_clone(self.as_ptr())) };
        packet.ok_or(Failed { call: "av_packet_clone", code: OUT_OF_MEMORY })
    }

    /// Returns the payload.
    pub(in crate::av) fn payload(&self) -> &[u8] {
        match usize::try_from(self.size) {
            // SAFETY: libav keeps `size` bytes readable at `data`, and both live as long as the packet.
            Ok(size) if !self.data.is_null() => unsafe { slice::from_raw_parts(self.data, size) },
            _ => &[],
        }
    }

    /// Returns the payload for changing it, detached from other references first.
    pub(in crate::av) fn payload_mut(&mut self) -> Result<&mut [u8], Failed> {
        // SAFETY: a live packet; copies the data if anybody else refers to it.
        check("av_packet_make_writable", unsafe { ffi::av_packet_make_writable(self.as_mut_ptr()) })?;
        match usize::try_from(self.size) {
            // SAFETY: as in `payload`, and the call above made us the only user of the data.
            Ok(size) if !self.data.is_null() => Ok(unsafe { slice::from_raw_parts_mut(self.data, size) }),
            _ => Ok(&mut []),
        }
    }

    /// Cuts the payload to `size` bytes.
    pub(in crate::av) fn shrink(&mut self, size: usize) {
        let size = i32::try_from(size).unwrap_or(i32::MAX);
        // SAFETY: a live packet; libav ignores a size that is not smaller.
        unsafe { ffi::av_shrink_packet(self.as_mut_ptr(), size) }
    }

    /// Returns whether the packet carries side data of this kind that is not empty.
    pub(in crate::av) fn has_side_data(&self, kind: ffi::AVPacketSideDataType) -> bool {
        self.side_data(kind).is_some_and(|data| !data.is_empty())
    }
}

impl RawPacket {
    /// Returns a packet with a copy of `payload`.
    pub(in crate::av) fn with_payload(payload: &[u8]) -> Result<Self, Failed> {
        let mut packet = Self::empty()?;
        let size = i32::try_from(payload.len()).unwrap_or(i32::MAX);
        // SAFETY: a live packet without data; libav adds its padding.
        check("av_new_packet", unsafe { ffi::av_new_packet(packet.as_mut_ptr(), size) })?;
        packet.payload_mut()?.copy_from_slice(payload);
        Ok(packet)
    }

    /// Returns the packet's side data of this kind.
    pub(in crate::av) fn side_data(&self, kind: ffi::AVPacketSideDataType) -> Option<&[u8]> {
        let mut size = 0;
        // SAFETY: reads a live packet and writes the size.
        let data = unsafe { ffi::av_packet_get_side_data(self.as_ptr(), kind, &raw mut size) };
        // SAFETY: libav keeps `size` bytes readable there for as long as the packet lives.
        (!data.is_null()).then(|| unsafe { slice::from_raw_parts(data, size) })
    }

    /// Puts a copy of `bytes` into the packet's side data, in the place of what it had of this kind.
    pub(in crate::av) fn set_side_data(
        &mut self,
        kind: ffi::AVPacketSideDataType,
        bytes: &[u8],
    ) -> Result<(), Failed> {
        // SAFETY: a live packet; the new block is `bytes.len()` long.
        unsafe {
            let block = ffi::av_packet_new_side_data(self.as_mut_ptr(), kind, bytes.len());
            if block.is_null() {
                return Err(Failed { call: "av_packet_new_side_data", code: OUT_OF_MEMORY });
            }
            ptr::copy_nonoverlapping(bytes.as_ptr(), block, bytes.len());
        }
        Ok(())
    }
}

impl RawFrame {
    /// Returns a frame without data.
    pub(in crate::av) fn empty() -> Result<Self, Failed> {
        // SAFETY: a fresh object, ours alone.
        let frame = unsafe { Owned::adopt(ffi::av_frame_alloc()) };
        frame.ok_or(Failed { call: "av_frame_alloc", code: OUT_OF_MEMORY })
    }

    /// Returns a gray or black picture as a decoder of this stream would describe its own.
    pub(in crate::av) fn blank(stream: &ffi::AVCodecParameters) -> Result<Self, Failed> {
        let mut frame = Self::empty()?;
        (frame.width, frame.height, frame.format) = (stream.width, stream.height, stream.format);
        frame.sample_aspect_ratio = stream.sample_aspect_ratio;
        frame.color_range = stream.color_range;
        frame.color_primaries = stream.color_primaries;
        frame.color_trc = stream.color_trc;
        frame.colorspace = stream.color_space;
        frame.chroma_location = stream.chroma_location;
        // SAFETY: a live frame without data whose shape is set; libav refuses shapes that make no sense.
        check("av_frame_get_buffer", unsafe { ffi::av_frame_get_buffer(frame.as_mut_ptr(), 0) })?;
        for buffer in frame.buf {
            // SAFETY: null, or a live block of `size` bytes that nobody else refers to yet.
            unsafe {
                if let Some(buffer) = buffer.as_ref() {
                    ptr::write_bytes(buffer.data, 0x80, buffer.size);
                }
            }
        }
        Ok(frame)
    }

    /// Returns another reference to the same picture or sound, with its own timestamps. The data must be treated as
    /// read-only from here on; libav's filters copy before they write (`av_frame_make_writable`).
    pub(in crate::av) fn reference(&self) -> Result<Self, Failed> {
        // SAFETY: reads a live frame; the copy is ours alone.
        let frame = unsafe { Owned::adopt(ffi::av_frame_clone(self.as_ptr())) };
        frame.ok_or(Failed { call: "av_frame_clone", code: OUT_OF_MEMORY })
    }

    /// Returns row `y` of `plane`, `width` bytes of it; empty outside the picture or with a negative line size.
    pub(in crate::av) fn row(&self, plane: usize, y: usize, width: usize) -> &[u8] {
        let (Some(&data), Some(&line)) = (self.data.get(plane), self.linesize.get(plane)) else { return &[] };
        match usize::try_from(line) {
            Ok(line) if !data.is_null() && width <= line && y < self.height.unsigned_abs() as usize => {
                // SAFETY: rows lie `line` bytes apart within the plane's buffer, and `width` is within one.
                unsafe { slice::from_raw_parts(data.add(y * line), width) }
            }
            _ => &[],
        }
    }
}
