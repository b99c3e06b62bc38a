//! What a stream's header says, in our own words.

use super::error::AvError;
use super::sys::{self, Parameters};
use crate::media::{AudioCodec, Chroma, ColorTags, PixelFormat, Range, Ratio, Scan, TimeBase, VideoCodec};
use ffmpeg_next::ffi;

/// What kind of stream it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamKind {
    /// Moving pictures.
    Video,
    /// Sound.
    Audio,
    /// One still picture stored as a video stream.
    CoverArt,
    /// Subtitles.
    Subtitle,
    /// Time codes, telemetry, anything else.
    Data,
}

/// A stream as its container describes it; owned, so that it outlives the demuxer.
pub struct StreamParameters {
    /// Position in the container.
    pub index: usize,
    /// What kind it is.
    pub kind: StreamKind,
    /// The time base of its packets.
    pub time_base: TimeBase,
    /// Average frame rate as the container tells it; unknown when it does not.
    pub average_frame_rate: Ratio,
    /// Degrees clockwise that a player turns the picture.
    pub rotation_degrees: f64,
    /// Whether it is mirrored, left for right, before it is turned: front cameras do.
    pub mirrored: bool,
    /// Whether the container calls it the one to take among its kind.
    pub is_default: bool,
    pub(super) raw: Parameters,
}

impl StreamParameters {
    /// Returns a copy.
    ///
    /// # Errors
    /// Out of memory.
    pub fn duplicate(&self) -> Result<Self, AvError> {
        Ok(Self { raw: self.raw.duplicate()?, ..*self })
    }

    /// Returns libav's name of the codec.
    pub fn codec_name(&self) -> String {
        sys::codec_name(self.raw.codec_id)
    }

    /// Returns the picture codec.
    pub fn video_codec(&self) -> VideoCodec {
        VideoCodec::from_name(&self.codec_name())
    }

    /// Returns the sound codec.
    pub fn audio_codec(&self) -> AudioCodec {
        AudioCodec::from_name(&self.codec_name())
    }

    /// Returns libav's name of the profile.
    pub fn profile(&self) -> Option<String> {
        self.raw.profile_name()
    }

    /// Returns coded width and height in pixels; 0 when unknown.
    pub fn size(&self) -> (u32, u32) {
        (self.raw.width.unsigned_abs(), self.raw.height.unsigned_abs())
    }

    /// Returns the width of a pixel over its height; 1/1 when unknown.
    pub fn sample_aspect_ratio(&self) -> Ratio {
        let aspect = Ratio::new(self.raw.sample_aspect_ratio.num, self.raw.sample_aspect_ratio.den);
        if aspect.is_known() { aspect } else { Ratio::ONE }
    }

    /// Returns the layout of decoded pictures; `None` when the header did not suffice to tell.
    pub fn pixel_format(&self) -> Option<PixelFormat> {
        pixel_format(self.raw.format)
    }

    /// Returns the sample range; `yuvj` formats mean full whatever the tag says.
    pub fn range(&self) -> Range {
        let full = self.pixel_format().is_some_and(|format| format.name.starts_with("yuvj"));
        if full { Range::Full } else { range(self.raw.color_range) }
    }

    /// Returns the colour tags.
    pub fn color(&self) -> ColorTags {
        let [primaries, transfer, matrix] = sys::color_names(&self.raw);
        ColorTags { primaries, transfer, matrix }
    }

    /// Returns whether the pictures are interlaced, as the header and the first pictures tell.
    pub fn scan(&self) -> Scan {
        match self.raw.field_order {
            ffi::AVFieldOrder::AV_FIELD_TT | ffi::AVFieldOrder::AV_FIELD_TB => Scan::TopFieldFirst,
            ffi::AVFieldOrder::AV_FIELD_BB | ffi::AVFieldOrder::AV_FIELD_BT => Scan::BottomFieldFirst,
            // DV is interlaced, its second field first; containers do not say so. Only its pictures of 720 lines are not.
            ffi::AVFieldOrder::AV_FIELD_UNKNOWN if self.codec_name() == "dvvideo" && self.size().1 != 720 => {
                Scan::BottomFieldFirst
            }
            _ => Scan::Progressive,
        }
    }

    /// Returns how many pictures a decoder holds back at most to put them in order.
    pub fn reorder_depth(&self) -> usize {
        usize::try_from(self.raw.video_delay).unwrap_or(0)
    }

    /// Returns samples per second; 0 when unknown.
    pub fn sample_rate(&self) -> u32 {
        self.raw.sample_rate.unsigned_abs()
    }

    /// Returns the number of channels; 0 when unknown.
    pub fn channels(&self) -> u32 {
        self.raw.ch_layout.nb_channels.unsigned_abs()
    }

    /// Returns libav's name of the channel layout.
    pub fn layout(&self) -> String {
        sys::layout_name(&self.raw.ch_layout)
    }

    /// Returns samples per packet; 0 when it varies.
    pub fn frame_samples(&self) -> u32 {
        self.raw.frame_size.unsigned_abs()
    }
}

pub(super) fn pixel_format(number: i32) -> Option<PixelFormat> {
    let facts = sys::pixel_format(number)?;
    Some(PixelFormat {
        chroma: chroma(&facts),
        bit_depth: facts.bit_depth,
        alpha: facts.flags & u64::from(ffi::AV_PIX_FMT_FLAG_ALPHA.unsigned_abs()) != 0,
        name: facts.name,
    })
}

pub(super) fn range(range: ffi::AVColorRange) -> Range {
    match range {
        ffi::AVColorRange::AVCOL_RANGE_JPEG => Range::Full,
        ffi::AVColorRange::AVCOL_RANGE_MPEG => Range::Limited,
        _ => Range::Unknown,
    }
}

fn chroma(facts: &sys::PixelFormatFacts) -> Chroma {
    let has = |flag: i32| facts.flags & u64::from(flag.unsigned_abs()) != 0;
    if has(ffi::AV_PIX_FMT_FLAG_PAL) || has(ffi::AV_PIX_FMT_FLAG_HWACCEL) || has(ffi::AV_PIX_FMT_FLAG_BAYER) {
        return Chroma::Other;
    }
    if has(ffi::AV_PIX_FMT_FLAG_RGB) {
        return Chroma::Rgb;
    }
    match (facts.components, facts.chroma_shifts) {
        (1 | 2, _) => Chroma::Gray,
        (_, (1, 1)) => Chroma::C420,
        (_, (1, 0)) => Chroma::C422,
        (_, (0, 0)) => Chroma::C444,
        _ => Chroma::Other,
    }
}
