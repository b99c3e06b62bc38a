//! An encoder by the name that somebody typed: ours, or one of the linked libavcodec's.

use crate::av::{self, KnownEncoder};
use crate::failure::{Failure, FailureClass};
use crate::media::{Encoder, Family, LibavEncoder, Made, VideoCodec};

/// A name stands for no encoder of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncoderError {
    /// Nobody knows it.
    #[error("there is no encoder {name:?}{}", suggestion.as_ref().map(|name| format!("; did you mean {name:?}?")).unwrap_or_default())]
    Unknown {
        /// What was typed.
        name: String,
        /// The nearest name that is known.
        suggestion: Option<String>,
    },
    /// It makes something that is not made here.
    #[error("{name} makes {codec}; what is made here is H.264, HEVC and AV1")]
    OtherCodec {
        /// What was typed.
        name: String,
        /// libav's name of what it makes.
        codec: String,
    },
    /// It takes no pictures that we could give it.
    #[error("{name} takes none of the pictures that are made here, which are 4:2:0")]
    OtherPictures {
        /// What was typed.
        name: String,
    },
}

impl Failure for EncoderError {
    fn code(&self) -> &'static str {
        "USAGE_ENCODER"
    }

    fn class(&self) -> FailureClass {
        FailureClass::Usage
    }

    fn cure(&self) -> &'static str {
        "use x264, x265 or svtav1; `ffmpeg -encoders` lists the others' names"
    }
}

/// What is given to an encoder, the plainest first.
const PIXEL_FORMATS: [&str; 3] = ["yuv420p", "nv12", "p010le"];

/// How the names of families begin or end.
const FAMILIES: [(&str, Family); 8] = [
    ("_nvenc", Family::Nvenc),
    ("_qsv", Family::Qsv),
    ("_amf", Family::Amf),
    ("_v4l2m2m", Family::V4l2),
    ("_videotoolbox", Family::VideoToolbox),
    ("libaom", Family::Aom),
    ("libopenh264", Family::OpenH264),
    ("_omx", Family::Other),
];

/// Returns the encoder of that name, in any case.
///
/// # Errors
/// [`EncoderError`].
pub fn named(name: &str) -> Result<Encoder, EncoderError> {
    let wanted = name.to_ascii_lowercase();
    let own = [Encoder::X264, Encoder::X265, Encoder::SvtAv1];
    if let Some(own) = own.into_iter().find(|own| own.name() == wanted || own.libav_name() == wanted) {
        return Ok(own);
    }
    let known = av::picture_encoders();
    match known.iter().find(|encoder| encoder.name == wanted) {
        Some(found) => libav(found).map(Encoder::Libav),
        None => {
            let others = known.iter().filter(|encoder| made(&encoder.codec).is_some()).map(|encoder| encoder.name);
            let names: Vec<String> = own.map(Encoder::name).into_iter().chain(others).map(str::to_owned).collect();
            let suggestion = av::encode::nearest(&wanted, &names);
            Err(EncoderError::Unknown { name: name.to_owned(), suggestion })
        }
    }
}

fn libav(found: &KnownEncoder) -> Result<LibavEncoder, EncoderError> {
    let name = found.name;
    let other = || EncoderError::OtherCodec { name: name.to_owned(), codec: found.codec.name().to_owned() };
    let makes = made(&found.codec).ok_or_else(other)?;
    let family = FAMILIES.into_iter().find(|(part, _)| name.contains(part)).map(|(_, family)| family);
    let is_hardware = found.is_hardware
        || family.is_some_and(|family| !matches!(family, Family::Aom | Family::OpenH264))
        || name.ends_with("_vulkan");
    // Those that list none ask their device.
    let takes =
        |format: &&str| found.pixel_formats.is_empty() || found.pixel_formats.iter().any(|one| one == format);
    let pixel_format = PIXEL_FORMATS.into_iter().find(takes);
    if pixel_format.is_none() && !is_hardware {
        return Err(EncoderError::OtherPictures { name: name.to_owned() });
    }
    Ok(LibavEncoder { name, makes, family: family.unwrap_or(Family::Other), is_hardware, pixel_format })
}

const fn made(codec: &VideoCodec) -> Option<Made> {
    match codec {
        VideoCodec::H264 => Some(Made::H264),
        VideoCodec::Hevc => Some(Made::Hevc),
        VideoCodec::Av1 => Some(Made::Av1),
        VideoCodec::Other(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoder_goes_by_our_name_and_by_libavs() {
        for (name, encoder) in [
            ("x264", Encoder::X264),
            ("libx264", Encoder::X264),
            ("X265", Encoder::X265),
            ("libsvtav1", Encoder::SvtAv1),
        ] {
            assert_eq!(named(name), Ok(encoder));
        }
    }

    #[test]
    fn what_makes_none_of_the_three_codecs_is_refused_with_what_would_do() {
        for (name, said) in [
            ("x266", "there is no encoder \"x266\"; did you mean \"x264\"?"),
            ("h264_nvnec", "there is no encoder \"h264_nvnec\"; did you mean \"h264_nvenc\"?"),
            ("somethingelse", "there is no encoder \"somethingelse\""),
            ("mpeg4", "mpeg4 makes mpeg4; what is made here is H.264, HEVC and AV1"),
            ("libx264rgb", "libx264rgb takes none of the pictures that are made here, which are 4:2:0"),
        ] {
            let error = named(name).unwrap_err();
            assert_eq!((error.to_string().as_str(), error.code()), (said, "USAGE_ENCODER"));
        }
    }

    #[test]
    fn the_family_and_the_pictures_follow_from_what_libavcodec_says() {
        let known = |name: &'static str, codec, is_hardware, formats: &[&str]| {
            let pixel_formats = formats.iter().map(|&format| format.to_owned()).collect();
            libav(&KnownEncoder { name, codec, is_hardware, pixel_formats }).unwrap()
        };
        let nvenc = known("hevc_nvenc", VideoCodec::Hevc, true, &["yuv420p", "nv12", "cuda"]);
        assert_eq!((nvenc.family, nvenc.pixel_format, nvenc.makes), (Family::Nvenc, Some("yuv420p"), Made::Hevc));
        let qsv = known("av1_qsv", VideoCodec::Av1, true, &["nv12", "p010le", "qsv"]);
        assert_eq!((qsv.family, qsv.pixel_format), (Family::Qsv, Some("nv12")));
        let vaapi = known("h264_vaapi", VideoCodec::H264, true, &["vaapi"]);
        assert_eq!((vaapi.family, vaapi.pixel_format), (Family::Other, None));
        let v4l2 = known("h264_v4l2m2m", VideoCodec::H264, true, &[]);
        assert_eq!((v4l2.family, v4l2.pixel_format), (Family::V4l2, Some("yuv420p")));
        let aom = known("libaom-av1", VideoCodec::Av1, false, &["yuv420p", "yuv422p"]);
        assert_eq!((aom.family, aom.is_hardware), (Family::Aom, false));
    }
}
