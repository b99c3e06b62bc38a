//! Made-up recordings, from a recipe: what the demo shows and what the tests feed to the transcoder.
//!
//! Pictures and sound come from libavfilter's sources, are encoded and muxed by the linked libraries, and pass
//! through a hook on the way, which may damage them. No file of this kind is ever kept in the repository.

mod lesson;
mod write;

pub use lesson::lesson;
pub use write::{Edit, write, write_edited};

use crate::media::{Container, Ratio};

/// A recording to be made.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// Its container.
    pub container: Container,
    /// The muxer's own options.
    pub muxer_options: Vec<(&'static str, &'static str)>,
    /// Picture streams, in order.
    pub pictures: Vec<Picture>,
    /// Sound streams, in order.
    pub sounds: Vec<Sound>,
}

/// A picture stream.
#[derive(Clone, Debug)]
pub struct Picture {
    /// A libavfilter chain that makes the frames and ends (`testsrc2=…:duration=4`).
    pub source: String,
    /// libavcodec's name of the encoder.
    pub encoder: &'static str,
    /// libav's pixel format; the chain must end in it.
    pub pixel_format: &'static str,
    /// The encoder's options.
    pub options: Vec<(&'static str, &'static str)>,
    /// The encoder's time base: a tick that all frames' times are multiples of.
    pub time_base: Ratio,
    /// Frames per second as the header tells.
    pub frame_rate: Ratio,
    /// Degrees clockwise that players are told to turn it.
    pub rotation_degrees: f64,
    /// Whether it is a still picture beside the recording.
    pub cover_art: bool,
}

/// A sound stream.
#[derive(Clone, Debug)]
pub struct Sound {
    /// A libavfilter chain that makes the samples and ends (`sine=…:duration=4`).
    pub source: String,
    /// libavcodec's name of the encoder.
    pub encoder: &'static str,
    /// libav's sample format that the encoder takes.
    pub sample_format: &'static str,
    /// Samples per second.
    pub sample_rate: u32,
    /// Channels.
    pub channels: u32,
    /// Seconds after the picture that it begins.
    pub delay_seconds: f64,
}

impl Picture {
    /// Returns H.264 in 8-bit 4:2:0 of `size` (`640x360`) at `rate` frames per second for `seconds`: moving test
    /// bars with noise-free detail, a keyframe every two seconds.
    pub fn h264(size: &str, rate: Ratio, seconds: f64) -> Self {
        Self {
            source: format!("testsrc2=size={size}:rate={}/{}:duration={seconds}", rate.num, rate.den),
            encoder: "libx264",
            pixel_format: "yuv420p",
            options: vec![("preset", "ultrafast"), ("g", "50"), ("crf", "30"), ("threads", "1")],
            time_base: rate.inverse(),
            frame_rate: rate,
            rotation_degrees: 0.0,
            cover_art: false,
        }
    }

    /// Replaces the chain that makes the frames.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<String>) -> Self {
        self.source = source.into();
        self
    }

    /// Replaces the pixel format.
    #[must_use]
    pub fn with_pixel_format(mut self, name: &'static str) -> Self {
        self.pixel_format = name;
        self
    }

    /// Adds encoder options.
    #[must_use]
    pub fn with_options(mut self, options: &[(&'static str, &'static str)]) -> Self {
        self.options.extend_from_slice(options);
        self
    }
}

impl Sound {
    /// Returns stereo AAC at 44.1 kHz for `seconds`.
    pub fn aac(seconds: f64) -> Self {
        Self {
            source: format!(
                "sine=frequency=440:sample_rate=44100:duration={seconds},aformat=channel_layouts=stereo"
            ),
            encoder: "aac",
            sample_format: "fltp",
            sample_rate: 44_100,
            channels: 2,
            delay_seconds: 0.0,
        }
    }
}

impl Recipe {
    /// Returns `seconds` of H.264 and AAC at 25 frames per second, `size` as `640x360`.
    pub fn plain(container: Container, size: &str, seconds: f64) -> Self {
        Self {
            container,
            muxer_options: Vec::new(),
            pictures: vec![Picture::h264(size, Ratio::new(25, 1), seconds)],
            sounds: vec![Sound::aac(seconds)],
        }
    }
}
