//! The picture encoders that the linked libavcodec has: what it says of each before one is opened.

use super::sys::Codec;
use crate::media::VideoCodec;

/// An encoder, as libavcodec describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownEncoder {
    /// libavcodec's name.
    pub name: &'static str,
    /// What it makes.
    pub codec: VideoCodec,
    /// Whether a device does the work, which may not be there.
    pub is_hardware: bool,
    /// libav's names of the pictures that it takes, the best first.
    pub pixel_formats: Vec<String>,
}

/// Returns all encoders of pictures in libavcodec's order, in which the usual one of a codec comes first.
pub fn picture_encoders() -> Vec<KnownEncoder> {
    let described = |codec: Codec| KnownEncoder {
        name: codec.name(),
        codec: VideoCodec::from_name(&codec.codec_name()),
        is_hardware: codec.is_hardware(),
        pixel_formats: codec.pixel_formats(),
    };
    Codec::picture_encoders().into_iter().map(described).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_linked_encoders_are_told_with_what_they_make_and_take() {
        let known = picture_encoders();
        let find = |name: &str| known.iter().find(|encoder| encoder.name == name).unwrap();
        let x265 = find("libx265");
        assert_eq!((&x265.codec, x265.is_hardware), (&VideoCodec::Hevc, false));
        assert!(x265.pixel_formats.iter().any(|name| name == "yuv420p10le"));
        let vaapi = find("h264_vaapi");
        assert_eq!((&vaapi.codec, vaapi.is_hardware), (&VideoCodec::H264, true));
        assert_eq!(vaapi.pixel_formats, ["vaapi"]);
        assert!(known.iter().all(|encoder| encoder.name != "aac"));
    }
}
