//! The encoders that we drive: what each makes, how it may spend bits, and within which numbers.

use super::{RateControlMode, VideoCodec};

/// An encoder, by our short name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoder {
    /// x264 through libavcodec's `libx264`.
    X264,
    /// x265 through libavcodec's `libx265`.
    X265,
    /// SVT-AV1 through libavcodec's `libsvtav1`.
    SvtAv1,
    /// Any other of libavcodec's, by its name there.
    Libav(LibavEncoder),
}

/// An encoder that the linked libavcodec has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LibavEncoder {
    /// libavcodec's name.
    pub name: &'static str,
    /// What it makes.
    pub makes: Made,
    /// Whose options it has.
    pub family: Family,
    /// Whether a device does the work, which may not be there.
    pub is_hardware: bool,
    /// The pictures that it is given, by libav's name; none where it takes only what lies in a card's memory.
    pub pixel_format: Option<&'static str>,
}

/// What an encoder makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Made {
    /// H.264.
    H264,
    /// H.265.
    Hevc,
    /// AV1.
    Av1,
}

/// Encoders whose options have the same names and meanings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// NVIDIA's cards.
    Nvenc,
    /// Intel's Quick Sync Video.
    Qsv,
    /// AMD's cards.
    Amf,
    /// Video4Linux devices of phones and single-board computers.
    V4l2,
    /// Apple's.
    VideoToolbox,
    /// libaom.
    Aom,
    /// Cisco's OpenH264.
    OpenH264,
    /// Any other: what all encoders have.
    Other,
}

use RateControlMode::{Abr, Cbr, Cq, Crf, Vbr};

/// x264's names, and x265's, fastest first.
const X26X_PRESETS: [&str; 10] =
    ["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow", "placebo"];
const SVT_PRESETS: [&str; 14] = ["13", "12", "11", "10", "9", "8", "7", "6", "5", "4", "3", "2", "1", "0"];

impl Encoder {
    /// Returns the name on our command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::X264 => "x264",
            Self::X265 => "x265",
            Self::SvtAv1 => "svtav1",
            Self::Libav(libav) => libav.name,
        }
    }

    /// Returns libavcodec's name.
    pub const fn libav_name(self) -> &'static str {
        match self {
            Self::X264 => "libx264",
            Self::X265 => "libx265",
            Self::SvtAv1 => "libsvtav1",
            Self::Libav(libav) => libav.name,
        }
    }

    /// Returns what it makes.
    pub const fn codec(self) -> VideoCodec {
        match self.makes() {
            Made::H264 => VideoCodec::H264,
            Made::Hevc => VideoCodec::Hevc,
            Made::Av1 => VideoCodec::Av1,
        }
    }

    const fn makes(self) -> Made {
        match self {
            Self::X264 => Made::H264,
            Self::X265 => Made::Hevc,
            Self::SvtAv1 => Made::Av1,
            Self::Libav(libav) => libav.makes,
        }
    }

    /// Returns the presets, fastest first; none where only the encoder itself knows them.
    pub const fn presets(self) -> &'static [&'static str] {
        match self {
            Self::X264 | Self::X265 => &X26X_PRESETS,
            Self::SvtAv1 => &SVT_PRESETS,
            Self::Libav(_) => &[],
        }
    }

    /// Returns the preset used unless told otherwise; empty where the encoder's own is.
    pub const fn default_preset(self) -> &'static str {
        match self {
            Self::X264 | Self::X265 => "veryfast",
            Self::SvtAv1 => "8",
            // Its own, 1, is meant for those who have a day for a minute.
            Self::Libav(LibavEncoder { family: Family::Aom, .. }) => "6",
            Self::Libav(_) => "",
        }
    }

    /// Returns the rate factor used unless told otherwise.
    pub const fn default_crf(self) -> f64 {
        match self {
            Self::X264 => 24.0,
            Self::X265 => 26.0,
            Self::SvtAv1 => 35.0,
            Self::Libav(libav) => match libav.makes {
                Made::H264 => 24.0,
                Made::Hevc => 26.0,
                Made::Av1 => 35.0,
            },
        }
    }

    /// Returns the largest CRF and quantiser (the smallest is 0).
    pub const fn max_quantiser(self) -> f64 {
        match self.makes() {
            Made::H264 | Made::Hevc => 51.0,
            Made::Av1 => 63.0,
        }
    }

    /// Returns whether its rate factor may be a fraction.
    pub const fn takes_fractions(self) -> bool {
        matches!(self, Self::X264 | Self::X265)
    }

    /// Returns the ways to spend bits that it has.
    pub const fn modes(self) -> &'static [RateControlMode] {
        match self {
            Self::X264 | Self::X265 => &[Crf, Cq, Cbr, Abr, Vbr],
            Self::SvtAv1 => &[Crf, Cq, Vbr],
            // Never opened: what stands in for it decides.
            Self::Libav(LibavEncoder { pixel_format: None, .. }) => &[Crf, Cq, Cbr, Abr, Vbr],
            Self::Libav(libav) => match libav.family {
                Family::Nvenc | Family::Qsv | Family::Aom => &[Crf, Cq, Cbr, Abr, Vbr],
                Family::Amf => &[Cq, Cbr, Abr, Vbr],
                Family::OpenH264 => &[Cq, Abr],
                Family::VideoToolbox => &[Cbr, Abr, Vbr],
                Family::V4l2 | Family::Other => &[Abr],
            },
        }
    }

    /// Returns whether its variable bitrate has a cap of ours; SVT-AV1's has a way of its own.
    pub fn caps_vbr(self) -> bool {
        self != Self::SvtAv1
    }

    /// Returns whether it keeps more than eight bits and what goes with them; the others get eight, for every player.
    pub const fn keeps_ten_bits(self) -> bool {
        matches!(self, Self::X265 | Self::SvtAv1)
    }

    /// Returns whether it sets keyframes where it is told to. Of a forced one libaom (3.6) makes two, rav1e none; what is
    /// not known is not relied on.
    pub const fn takes_keyframes(self) -> bool {
        match self {
            Self::X264 | Self::X265 | Self::SvtAv1 => true,
            Self::Libav(libav) => libav.is_hardware || matches!(libav.family, Family::OpenH264),
        }
    }

    /// Returns the encoder that serves where this one's device is not there.
    pub const fn stand_in(self) -> Option<Self> {
        match self {
            Self::Libav(LibavEncoder { is_hardware: true, makes, .. }) => Some(match makes {
                Made::H264 => Self::X264,
                Made::Hevc => Self::X265,
                Made::Av1 => Self::SvtAv1,
            }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_encoder_has_its_numbers() {
        for (encoder, libav_name, codec, crf, largest) in [
            (Encoder::X264, "libx264", VideoCodec::H264, 24.0, 51.0),
            (Encoder::X265, "libx265", VideoCodec::Hevc, 26.0, 51.0),
            (Encoder::SvtAv1, "libsvtav1", VideoCodec::Av1, 35.0, 63.0),
        ] {
            assert_eq!((encoder.libav_name(), encoder.codec()), (libav_name, codec));
            assert_eq!((encoder.default_crf(), encoder.max_quantiser()), (crf, largest));
            assert!(encoder.presets().contains(&encoder.default_preset()));
        }
    }

    #[test]
    fn a_device_is_stood_in_for_by_what_makes_the_same() {
        let device = |makes, is_hardware| {
            let (name, family, pixel_format) = ("any", Family::Other, None);
            Encoder::Libav(LibavEncoder { name, makes, family, is_hardware, pixel_format })
        };
        for (makes, stand_in) in
            [(Made::H264, Encoder::X264), (Made::Hevc, Encoder::X265), (Made::Av1, Encoder::SvtAv1)]
        {
            assert_eq!(device(makes, true).stand_in(), Some(stand_in));
            assert_eq!(device(makes, false).stand_in(), None);
            assert_eq!(device(makes, true).codec(), stand_in.codec());
        }
        assert_eq!(Encoder::X265.stand_in(), None);
    }
}
