//! Codecs, containers and pixel formats: their names, and which container can hold what.

use std::fmt;

/// A way of coding pictures. What has no rule of its own here keeps FFmpeg's name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum VideoCodec {
    /// H.264, the one codec every player of ours must have.
    H264,
    /// H.265.
    Hevc,
    /// AV1.
    Av1,
    /// Any other, by FFmpeg's name: decoded and encoded anew, never copied.
    Other(String),
}

impl VideoCodec {
    /// Returns the codec with FFmpeg's name `name`.
    pub fn from_name(name: &str) -> Self {
        match name {
            "h264" => Self::H264,
            "hevc" => Self::Hevc,
            "av1" => Self::Av1,
            other => Self::Other(other.to_owned()),
        }
    }

    /// Returns FFmpeg's name.
    pub fn name(&self) -> &str {
        match self {
            Self::H264 => "h264",
            Self::Hevc => "hevc",
            Self::Av1 => "av1",
            Self::Other(name) => name,
        }
    }
}

impl fmt::Display for VideoCodec {
    /// As people write it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::H264 => "H.264",
            Self::Hevc => "HEVC",
            Self::Av1 => "AV1",
            Self::Other(name) => name,
        })
    }
}

/// A way of coding sound.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AudioCodec {
    /// AAC, what we encode to.
    Aac,
    /// MPEG layer III.
    Mp3,
    /// Any other, by FFmpeg's name.
    Other(String),
}

impl AudioCodec {
    /// Returns the codec with FFmpeg's name `name`.
    pub fn from_name(name: &str) -> Self {
        match name {
            "aac" => Self::Aac,
            "mp3" => Self::Mp3,
            other => Self::Other(other.to_owned()),
        }
    }

    /// Returns FFmpeg's name.
    pub fn name(&self) -> &str {
        match self {
            Self::Aac => "aac",
            Self::Mp3 => "mp3",
            Self::Other(name) => name,
        }
    }
}

/// A file format that we read, and for some, write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Container {
    /// Flash video: what recorders and RTMP servers write.
    Flv,
    /// MP4 and QuickTime.
    Mp4,
    /// Matroska and WebM.
    Mkv,
    /// MPEG transport stream.
    Ts,
    /// MPEG program stream.
    Ps,
    /// Audio Video Interleave.
    Avi,
    /// Advanced Systems Format (WMV, WMA).
    Asf,
    /// Ogg.
    Ogg,
    /// Waveform audio.
    Wav,
    /// A bare MP3 stream.
    Mp3,
    /// A bare AAC stream in ADTS.
    Aac,
}

impl Container {
    /// The containers that we write.
    pub const WRITABLE: [Self; 4] = [Self::Flv, Self::Mp4, Self::Mkv, Self::Ts];

    const ALL: [Self; 11] = [
        Self::Flv,
        Self::Mp4,
        Self::Mkv,
        Self::Ts,
        Self::Ps,
        Self::Avi,
        Self::Asf,
        Self::Ogg,
        Self::Wav,
        Self::Mp3,
        Self::Aac,
    ];

    /// Returns the short name, which is also the usual file extension.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Flv => "flv",
            Self::Mp4 => "mp4",
            Self::Mkv => "mkv",
            Self::Ts => "ts",
            Self::Ps => "mpg",
            Self::Avi => "avi",
            Self::Asf => "asf",
            Self::Ogg => "ogg",
            Self::Wav => "wav",
            Self::Mp3 => "mp3",
            Self::Aac => "aac",
        }
    }

    /// Returns the container of that short name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|container| container.name() == name)
    }

    /// Returns the container that `extension` (without the dot, any case) stands for, if we can write it.
    pub fn from_output_extension(extension: &str) -> Option<Self> {
        if extension.eq_ignore_ascii_case("m4v") {
            return Some(Self::Mp4);
        }
        Self::WRITABLE.into_iter().find(|container| container.name().eq_ignore_ascii_case(extension))
    }

    /// Returns whether we can write this container.
    pub fn is_writable(self) -> bool {
        Self::WRITABLE.contains(&self)
    }

    /// Returns whether players expect `codec` in this container. AV1 has a way into a transport stream by now, which
    /// neither FFmpeg 5.1 nor players know.
    pub fn holds_video(self, codec: &VideoCodec) -> bool {
        match self {
            Self::Flv => *codec == VideoCodec::H264,
            Self::Ts => matches!(codec, VideoCodec::H264 | VideoCodec::Hevc),
            _ => matches!(codec, VideoCodec::H264 | VideoCodec::Hevc | VideoCodec::Av1),
        }
    }

    /// Returns whether players expect `codec` at `sample_rate` (Hz) in this container. FLV has room for four sample
    /// rates of MP3 only (the two bits of its audio tag header: 5.5, 11, 22, 44 kHz).
    pub fn holds_audio(self, codec: &AudioCodec, sample_rate: u32) -> bool {
        match (self, codec) {
            (_, AudioCodec::Aac) => true,
            (Self::Flv, AudioCodec::Mp3) => matches!(sample_rate, 11_025 | 22_050 | 44_100),
            (Self::Flv, AudioCodec::Other(_)) => false,
            // MPEG-4 has no layer III below that (ISO/IEC 14496-3): muxers refuse it.
            (Self::Mp4, AudioCodec::Mp3) => sample_rate >= 16_000,
            (_, AudioCodec::Mp3) => true,
            (Self::Ts, AudioCodec::Other(name)) => matches!(name.as_str(), "mp2" | "ac3" | "eac3"),
            (Self::Mkv, AudioCodec::Other(name)) => MATROSKA_SOUND.contains(&name.as_str()),
            (_, AudioCodec::Other(name)) => matches!(name.as_str(), "ac3" | "eac3" | "alac" | "opus"),
        }
    }
}

/// What Matroska has a name of its own for and players decode, beside AAC and MP3. What it takes over from AVI (WMA,
/// ADPCM …) is encoded anew.
const MATROSKA_SOUND: [&str; 13] = [
    "mp2",
    "ac3",
    "eac3",
    "dts",
    "truehd",
    "flac",
    "alac",
    "opus",
    "vorbis",
    "pcm_s16le",
    "pcm_s24le",
    "pcm_s32le",
    "pcm_f32le",
];

impl fmt::Display for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How colour is sampled beside brightness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chroma {
    /// Half in both directions: what every player decodes.
    C420,
    /// Half across.
    C422,
    /// Full.
    C444,
    /// No colour at all.
    Gray,
    /// Red, green and blue instead of brightness and colour difference.
    Rgb,
    /// Anything else (4:1:1, palettes, hardware surfaces).
    Other,
}

/// The layout of a decoded picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PixelFormat {
    /// FFmpeg's name, `yuv420p`.
    pub name: String,
    /// Bits of a brightness sample.
    pub bit_depth: u8,
    /// Colour sampling.
    pub chroma: Chroma,
    /// Whether there is an alpha plane; it is dropped, on black, by encoding.
    pub alpha: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_holds_what_players_expect_in_it() {
        let (h264, hevc, av1) = (VideoCodec::H264, VideoCodec::Hevc, VideoCodec::Av1);
        for (container, held) in [
            (Container::Flv, [true, false, false]),
            (Container::Ts, [true, true, false]),
            (Container::Mp4, [true; 3]),
            (Container::Mkv, [true; 3]),
        ] {
            assert_eq!([&h264, &hevc, &av1].map(|codec| container.holds_video(codec)), held, "{container}");
        }
    }

    #[test]
    fn sound_is_held_by_what_has_a_place_for_it() {
        let holds = |container: Container, name: &str| container.holds_audio(&AudioCodec::from_name(name), 48_000);
        for name in ["aac", "ac3", "opus", "flac", "pcm_s16le", "wmav2", "mp2", "vorbis", "mp3"] {
            let held = Container::WRITABLE.map(|container| holds(container, name));
            let wanted = match name {
                "aac" => [true; 4],
                "ac3" | "mp3" => [false, true, true, true],
                "opus" => [false, true, true, false],
                "mp2" => [false, false, true, true],
                "wmav2" => [false; 4],
                _ => [false, false, true, false],
            };
            assert_eq!(held, wanted, "{name}");
        }
        let low = Container::WRITABLE.map(|container| container.holds_audio(&AudioCodec::Mp3, 11_025));
        assert_eq!(low, [true, false, true, true], "layer III at 11 kHz");
    }
}
