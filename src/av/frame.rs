//! A decoded picture or a run of samples that knows its time base.

use super::error::AvError;
use super::packet::timestamp;
use super::parameters::StreamParameters;
use super::sys::{NO_TIMESTAMP, RawFrame};
use crate::media::{PixelFormat, Range, Ratio, TimeBase, Timestamp};
use ffmpeg_next::ffi;

/// A frame. Its data may be shared with others; nothing here changes it.
pub struct Frame {
    raw: RawFrame,
    base: TimeBase,
}

/// What a filter graph must know of its input; when it changes, the graph has to be built anew.
#[derive(Clone, Debug, PartialEq)]
pub struct Geometry {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// libav's number of the pixel format.
    pub(super) format: i32,
    /// Width of a pixel over its height.
    pub sample_aspect_ratio: Ratio,
    /// Sample range.
    pub range: Range,
}

impl Geometry {
    /// Returns the layout of the picture.
    pub fn pixel_format(&self) -> Option<PixelFormat> {
        super::parameters::pixel_format(self.format)
    }
}

/// What a sound graph must know of its input; when it changes, the graph has to be built anew.
#[derive(Clone, Debug, PartialEq)]
pub struct Sound {
    /// Samples per second.
    pub sample_rate: u32,
    /// libav's number of the sample format.
    pub(super) format: i32,
    /// Channels.
    pub channels: u32,
    /// libav's name of the channel layout.
    pub layout: String,
}

impl Frame {
    pub(super) fn new(raw: RawFrame, base: TimeBase) -> Self {
        Self { raw, base }
    }

    pub(super) fn raw(&self) -> &RawFrame {
        &self.raw
    }

    /// Returns a made-up picture with the shape and the colour tags of a stream's, shown at 0.
    ///
    /// # Errors
    /// A stream whose header does not tell the shape; out of memory.
    pub fn blank(stream: &StreamParameters) -> Result<Self, AvError> {
        let mut frame = Self { raw: RawFrame::blank(&stream.raw)?, base: stream.time_base };
        frame.set_pts(Timestamp::new(0, stream.time_base));
        Ok(frame)
    }

    /// Returns another reference to the same data, with times of its own.
    ///
    /// # Errors
    /// Out of memory.
    pub fn reference(&self) -> Result<Self, AvError> {
        Ok(Self { raw: self.raw.reference()?, base: self.base })
    }

    /// Returns when it is shown, as well as libav can tell.
    pub fn pts(&self) -> Option<Timestamp> {
        let best = self.raw.best_effort_timestamp;
        timestamp(if self.raw.pts == NO_TIMESTAMP { best } else { self.raw.pts }, self.base)
    }

    /// Returns when it is shown, as its own packet says.
    pub fn told_pts(&self) -> Option<Timestamp> {
        timestamp(self.raw.pts, self.base)
    }

    /// Sets when it is shown, and the time base of that.
    pub fn set_pts(&mut self, pts: Timestamp) {
        self.raw.pts = pts.ticks;
        self.raw.best_effort_timestamp = pts.ticks;
        self.base = pts.base;
    }

    /// Asks the encoder for a keyframe here, or leaves the choice to it.
    pub fn set_keyframe(&mut self, wanted: bool) {
        let kind =
            if wanted { ffi::AVPictureType::AV_PICTURE_TYPE_I } else { ffi::AVPictureType::AV_PICTURE_TYPE_NONE };
        self.raw.pict_type = kind;
        self.raw.key_frame = i32::from(wanted);
    }

    /// Returns whether the decoder had to guess parts of it.
    pub fn is_damaged(&self) -> bool {
        self.raw.flags & ffi::AV_FRAME_FLAG_CORRUPT != 0 || self.raw.decode_error_flags != 0
    }

    /// Returns whether the picture is made of two half pictures.
    pub fn is_interlaced(&self) -> bool {
        self.raw.interlaced_frame != 0
    }

    /// Returns the picture's shape.
    pub fn geometry(&self) -> Geometry {
        let aspect = self.raw.sample_aspect_ratio;
        Geometry {
            width: self.raw.width.unsigned_abs(),
            height: self.raw.height.unsigned_abs(),
            format: self.raw.format,
            sample_aspect_ratio: Ratio::new(aspect.num, aspect.den),
            range: super::parameters::range(self.raw.color_range),
        }
    }

    /// Returns the sound's shape.
    pub fn sound(&self) -> Sound {
        Sound {
            sample_rate: self.raw.sample_rate.unsigned_abs(),
            format: self.raw.format,
            channels: self.raw.ch_layout.nb_channels.unsigned_abs(),
            layout: super::sys::layout_name(&self.raw.ch_layout),
        }
    }

    /// Returns the number of samples; 0 for a picture.
    pub fn samples(&self) -> u32 {
        self.raw.nb_samples.unsigned_abs()
    }

    /// Returns `width` bytes of row `y` of `plane`; empty outside the picture.
    pub fn row(&self, plane: usize, y: usize, width: usize) -> &[u8] {
        self.raw.row(plane, y, width)
    }
}
