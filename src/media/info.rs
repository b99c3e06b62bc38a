//! What probing a recording tells: measured from its packets, not believed from its header.

use super::{AudioCodec, Container, Oddity, PixelFormat, Ratio, VideoCodec};

/// All that is known of a recording before a frame of it is decoded.
#[derive(Clone, Debug, PartialEq)]
pub struct MediaInfo {
    /// The format the demuxer recognised.
    pub container: Container,
    /// Size of the file.
    pub bytes: u64,
    /// What the container's header claims, in seconds; compare with [`MediaInfo::duration_seconds`].
    pub declared_duration_seconds: Option<f64>,
    /// From the earliest start to the latest end of the chosen streams' packets, in seconds, gaps repaired.
    pub duration_seconds: f64,
    /// The picture stream that will be used.
    pub video: Option<VideoInfo>,
    /// The sound stream that will be used.
    pub audio: Option<AudioInfo>,
    /// Streams that are left out, with the reason.
    pub other_streams: Vec<OtherStream>,
    /// What is unusual about this file; each is repaired, named in the result, or refused.
    pub oddities: Vec<Oddity>,
    /// For MP4: the index stands before the media, so a player can start at once.
    pub index_first: bool,
    /// A stream begins so late that the demuxer must read far ahead to know it.
    pub deep_analysis: bool,
}

impl MediaInfo {
    /// Returns the end of the last packet on the recording's own clock, in seconds.
    pub fn end_seconds(&self) -> f64 {
        let video = self.video.as_ref().map(|video| video.end_seconds);
        let audio = self.audio.as_ref().map(|audio| audio.end_seconds);
        video.into_iter().chain(audio).fold(0.0, f64::max)
    }
}

/// The chosen picture stream.
#[derive(Clone, Debug, PartialEq)]
pub struct VideoInfo {
    /// Position in the container.
    pub stream_index: usize,
    /// The codec.
    pub codec: VideoCodec,
    /// FFmpeg's name of the profile, `High`.
    pub profile: Option<String>,
    /// Width of the coded picture in pixels, before rotation.
    pub width: u32,
    /// Height of the coded picture in pixels, before rotation.
    pub height: u32,
    /// Layout of the decoded picture.
    pub pixel_format: PixelFormat,
    /// Width of a pixel over its height; 1/1 when the file does not say.
    pub sample_aspect_ratio: Ratio,
    /// How far a player turns the picture.
    pub rotation: Rotation,
    /// Whether a player mirrors it, left for right, before turning it.
    pub mirrored: bool,
    /// Sample range.
    pub range: Range,
    /// Colour tags.
    pub color: ColorTags,
    /// Progressive or interlaced.
    pub scan: Scan,
    /// Frames per second: exact for constant timing, the average for variable.
    pub frame_rate: Ratio,
    /// Whether the frames come at even distances.
    pub timing: Timing,
    /// Packets, one to a frame.
    pub packets: u64,
    /// Further packets that are decoded and not shown, by the container's word: what an edit list cuts off.
    pub hidden: u64,
    /// Packets flagged as keyframes.
    pub keyframes: u64,
    /// The longest distance between keyframes (the last one to the end included), in seconds.
    pub longest_keyframe_gap_seconds: f64,
    /// Presentation time of the first frame, in seconds on the recording's own clock.
    pub start_seconds: f64,
    /// End of the last frame, in seconds on the same clock.
    pub end_seconds: f64,
    /// Payload of the stream.
    pub bytes: u64,
    /// Where decoding can begin, at least a second apart, in the order of the file; none where the file lacks the times
    /// to tell.
    pub access_points: Vec<AccessPoint>,
}

/// A place in the picture stream where decoding can begin, and at which a recording can be cut.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AccessPoint {
    /// Packets of the picture before it, in the order of the file.
    pub packet: u64,
    /// When it is shown, in seconds on the recording's own clock.
    pub seconds: f64,
    /// Packets right after it that are shown before it: leading pictures, which lean on the group before.
    pub leading: u64,
}

impl VideoInfo {
    /// Returns the stream's average rate, in bits per second.
    pub fn bits_per_second(&self) -> f64 {
        let seconds = self.end_seconds - self.start_seconds;
        #[expect(clippy::cast_precision_loss, reason = "a rate for comparing and printing")]
        if seconds > 0.0 { self.bytes as f64 * 8.0 / seconds } else { 0.0 }
    }

    /// Returns width and height as a viewer sees them: square pixels, rotation applied, not yet made even.
    /// Ratios within 1 % of square are muxers' rounding and count as square.
    pub fn display_size(&self) -> (f64, f64) {
        let (mut width, height) = (f64::from(self.width), f64::from(self.height));
        if !self.has_square_pixels() {
            width *= self.sample_aspect_ratio.value();
        }
        if self.rotation.is_sideways() { (height, width) } else { (width, height) }
    }

    /// Returns whether the pixels count as square.
    pub fn has_square_pixels(&self) -> bool {
        const TOLERANCE: f64 = 0.01;
        let aspect = self.sample_aspect_ratio;
        !aspect.is_known() || (aspect.value() - 1.0).abs() <= TOLERANCE
    }

    /// Returns the length of one frame, in seconds; 0 when the rate is unknown.
    pub fn frame_seconds(&self) -> f64 {
        if self.frame_rate.is_known() { self.frame_rate.inverse().value() } else { 0.0 }
    }
}

/// The chosen sound stream.
#[derive(Clone, Debug, PartialEq)]
pub struct AudioInfo {
    /// Position in the container.
    pub stream_index: usize,
    /// The codec.
    pub codec: AudioCodec,
    /// Samples per second.
    pub sample_rate: u32,
    /// Number of channels.
    pub channels: u32,
    /// FFmpeg's name of the layout, `5.1(side)`.
    pub layout: String,
    /// Samples in a packet; 0 when it varies or is unknown.
    pub frame_samples: u32,
    /// Packets.
    pub packets: u64,
    /// Time of the first sample, in seconds on the recording's own clock.
    pub start_seconds: f64,
    /// Seconds from there on that decoders leave out by the container's word: whole packets of priming.
    pub priming_seconds: f64,
    /// How often its parameters (rate, channels) change in mid-stream, by the packets' own headers.
    pub changes: u64,
    /// End of the last packet, in seconds on the same clock.
    pub end_seconds: f64,
    /// Payload of the stream.
    pub bytes: u64,
}

impl AudioInfo {
    /// Returns the length of a packet, in seconds; 0 where it varies or is unknown.
    pub fn packet_seconds(&self) -> f64 {
        f64::from(self.frame_samples) / f64::from(self.sample_rate.max(1))
    }

    /// Returns when the first sample is heard, in seconds on the recording's own clock.
    pub fn heard_seconds(&self) -> f64 {
        self.start_seconds + self.priming_seconds
    }
}

/// A stream that is not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherStream {
    /// Position in the container.
    pub stream_index: usize,
    /// What it is, for people: `cover art (mjpeg)`.
    pub what: String,
}

/// How far a player turns the picture clockwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Rotation {
    /// As coded.
    #[default]
    None,
    /// A quarter turn clockwise.
    Quarter,
    /// Upside down.
    Half,
    /// A quarter turn counter-clockwise.
    ThreeQuarters,
}

impl Rotation {
    /// Returns the rotation nearest to `degrees` clockwise.
    pub fn from_degrees_clockwise(degrees: f64) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "0 to 4 after rem_euclid")]
        let quarters = (degrees.rem_euclid(360.0) / 90.0).round() as i32 % 4;
        match quarters {
            1 => Self::Quarter,
            2 => Self::Half,
            3 => Self::ThreeQuarters,
            _ => Self::None,
        }
    }

    /// Returns degrees clockwise: 0, 90, 180 or 270.
    pub const fn degrees(self) -> u16 {
        match self {
            Self::None => 0,
            Self::Quarter => 90,
            Self::Half => 180,
            Self::ThreeQuarters => 270,
        }
    }

    /// Returns whether width and height change places.
    pub const fn is_sideways(self) -> bool {
        matches!(self, Self::Quarter | Self::ThreeQuarters)
    }
}

/// Which sample values mean black and white.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// 16 to 235, what broadcast and players assume.
    Limited,
    /// 0 to 255, what cameras and screen recorders write.
    Full,
    /// The file does not say; players take it as limited.
    Unknown,
}

/// Colour description with FFmpeg's names; `None` where the file does not say, and it stays so.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ColorTags {
    /// `bt709`, `bt2020` …
    pub primaries: Option<String>,
    /// `bt709`, `smpte2084` (PQ), `arib-std-b67` (HLG) …
    pub transfer: Option<String>,
    /// `bt709`, `smpte170m`, `bt2020nc` …
    pub matrix: Option<String>,
}

/// Standard or high dynamic range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dynamics {
    /// Standard.
    Standard,
    /// High: PQ or HLG transfer.
    High,
}

impl ColorTags {
    /// Returns the dynamic range that the transfer tag stands for.
    pub fn dynamics(&self) -> Dynamics {
        match self.transfer.as_deref() {
            Some("smpte2084" | "arib-std-b67") => Dynamics::High,
            _ => Dynamics::Standard,
        }
    }
}

/// Progressive, or two half pictures in one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scan {
    /// Whole pictures.
    Progressive,
    /// Half pictures, upper lines first.
    TopFieldFirst,
    /// Half pictures, lower lines first.
    BottomFieldFirst,
}

/// Whether the frames come at even distances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timing {
    /// Each frame lies near its place on an even grid: within 0.4 of a frame and within 15 ms.
    Constant,
    /// They do not: times are passed through as they are.
    Variable,
}
