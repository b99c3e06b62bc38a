//! More than eight bits, and high dynamic range: kept where the encoder can.

use reelmill::media::{Container, Encoder};
use tempfile::TempDir;

use super::with;
use crate::support::clip::{by_ffmpeg, scratch};
use crate::support::oracle;
use crate::support::run::transcode;

const TAGS: &str = "pix_fmt,color_range,color_space,color_transfer,color_primaries";

/// Returns a second of 426x240 in ten bits, with the colours of a camera that records PQ.
fn deep(folder: &TempDir) -> std::path::PathBuf {
    let colours = "colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:range=limited";
    let source = "-f lavfi -i testsrc2=size=426x240:rate=25:duration=1,format=yuv420p10le";
    let line = format!("{source} -c:v libx265 -preset ultrafast -x265-params log-level=none:{colours}");
    by_ffmpeg(folder, "deep.mp4", &line)
}

#[test]
fn ten_bits_and_high_dynamic_range_are_kept_by_x265_and_svtav1_with_their_tags() {
    let folder = scratch();
    let source = deep(&folder);
    for (encoder, container) in [
        (Encoder::X265, Container::Mp4),
        (Encoder::X265, Container::Mkv),
        (Encoder::X265, Container::Ts),
        (Encoder::SvtAv1, Container::Mp4),
        (Encoder::SvtAv1, Container::Mkv),
    ] {
        let ran = transcode(&source, &with(encoder, &["240P"], container)).unwrap();
        let (path, _) = ran.only();
        let what = format!("{} in {container}", encoder.name());
        assert_eq!(oracle::entry(path, "v:0", TAGS), "yuv420p10le,tv,bt2020nc,smpte2084,bt2020", "{what}");
        let kept =
            format!("10-bit and high dynamic range kept with the colours' tags, since {} can", encoder.name());
        assert!(ran.plan.renditions[0].reasons.contains(&kept), "{:?}", ran.plan.renditions[0].reasons);
        assert_eq!(oracle::decodes_whole(path), 25);
        let likeness = oracle::likeness(path, &source, "null");
        assert!(likeness > 25.0, "{what}: {likeness:.1} dB");
    }
}

#[test]
fn x264_goes_on_making_eight_bits_of_them() {
    let folder = scratch();
    let source = deep(&folder);
    let ran = transcode(&source, &with(Encoder::X264, &["240P"], Container::Mp4)).unwrap();
    assert_eq!(oracle::entry(ran.only().0, "v:0", TAGS), "yuv420p,tv,bt709,bt709,bt709");
}

#[test]
fn a_deep_picture_fits_as_it_is_where_the_encoder_asked_for_makes_the_same() {
    let folder = scratch();
    let source = deep(&folder);
    let request = reelmill::transcode::Request {
        encoder: Encoder::X265,
        container: Some(Container::Mkv),
        ..Default::default()
    };
    let ran = transcode(&source, &request).unwrap();
    let rendition = &ran.plan.renditions[0];
    assert_eq!(rendition.action.name(), "remux", "{:?}", rendition.reasons);
    assert!(rendition.reasons[0].starts_with("the picture fits as it is: HEVC 10-bit 4:2:0"), "{rendition:?}");
}
