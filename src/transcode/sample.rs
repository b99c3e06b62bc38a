//! For the tests of planning: one ordinary lesson, and one ordinary way to encode it, to be made odd by each test.

use super::plan::VideoPlan;
use crate::media::{
    AccessPoint, AudioCodec, AudioInfo, Chroma, ColorTags, Container, Encoder, MediaInfo, PixelFormat, Range,
    RateControl, Ratio, Rotation, Scan, Timing, VideoCodec, VideoInfo,
};

/// Returns a minute of a 1080p25 lesson as an RTMP server records it: H.264 at 2 Mbit/s and stereo AAC in FLV.
pub(crate) fn lesson() -> MediaInfo {
    MediaInfo {
        container: Container::Flv,
        bytes: 16_000_000,
        declared_duration_seconds: Some(60.0),
        duration_seconds: 60.0,
        video: Some(picture()),
        audio: Some(sound()),
        other_streams: Vec::new(),
        oddities: Vec::new(),
        index_first: false,
        deep_analysis: false,
    }
}

fn picture() -> VideoInfo {
    VideoInfo {
        stream_index: 0,
        codec: VideoCodec::H264,
        profile: Some("High".to_owned()),
        width: 1920,
        height: 1080,
        pixel_format: format("yuv420p", 8, Chroma::C420),
        sample_aspect_ratio: Ratio::ONE,
        rotation: Rotation::None,
        mirrored: false,
        range: Range::Limited,
        color: ColorTags::default(),
        scan: Scan::Progressive,
        frame_rate: Ratio::new(25, 1),
        timing: Timing::Constant,
        packets: 1500,
        hidden: 0,
        keyframes: 15,
        longest_keyframe_gap_seconds: 4.0,
        start_seconds: 0.0,
        end_seconds: 60.0,
        bytes: 15_000_000,
        access_points: (0..15).map(|group| access_point(group * 100)).collect(),
    }
}

/// Returns the access point at a frame of the lesson, of a closed group.
fn access_point(frame: u32) -> AccessPoint {
    AccessPoint { packet: frame.into(), seconds: f64::from(frame) / 25.0, leading: 0 }
}

fn sound() -> AudioInfo {
    AudioInfo {
        stream_index: 1,
        codec: AudioCodec::Aac,
        sample_rate: 44_100,
        channels: 2,
        layout: "stereo".to_owned(),
        frame_samples: 1024,
        packets: 2584,
        priming_seconds: 0.0,
        changes: 0,
        start_seconds: 0.0,
        end_seconds: 60.0,
        bytes: 960_000,
    }
}

/// Returns a pixel format without alpha.
pub(super) fn format(name: &str, bit_depth: u8, chroma: Chroma) -> PixelFormat {
    PixelFormat { name: name.to_owned(), bit_depth, chroma, alpha: false }
}

/// Returns a plan for x264 with nothing unusual about it.
pub(crate) fn encode() -> VideoPlan {
    VideoPlan {
        encoder: Encoder::X264,
        stands_in: None,
        preset: "veryfast".to_owned(),
        rate_control: RateControl::Crf(24.0),
        width: 1280,
        height: 720,
        pixel_format: "yuv420p",
        to_limited_range: false,
        tone_map: false,
        zimg: true,
        threads: 4,
        avoid_avx512: false,
        frame_rate: Ratio::new(25, 1),
        timing: Timing::Constant,
        keyint_seconds: 4.0,
        keyint_bound_seconds: 4.0,
        counts_keyframes: false,
        encoder_options: Vec::new(),
    }
}
