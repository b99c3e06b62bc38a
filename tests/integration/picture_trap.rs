//! Pictures that transcoders get wrong: each a generated file, the exact outcome, and FFmpeg's own conversion beside it.

use std::path::Path;

use reelmill::clip::{Picture, Recipe};
use reelmill::media::{Container, Ratio};
use tempfile::TempDir;

use crate::support::bytes::{changed, find};
use crate::support::clip::{by_ffmpeg, make, scratch};
use crate::support::oracle;
use crate::support::run::saw;
use crate::support::run::{Ran, encode, transcode};
use crate::support::trap::told;

const BOTH: [Container; 2] = [Container::Flv, Container::Mp4];
/// Soft edges: scalers agree on them, so that what differs is a mistake.
const SOFT: &str = "gblur=sigma=3";

/// One second of soft test bars by FFmpeg's tool, encoded as `codec` says.
fn soft(folder: &TempDir, name: &str, size: &str, filter: &str, codec: &str) -> std::path::PathBuf {
    let source = format!("-f lavfi -i testsrc2=size={size}:rate=25:duration=1,{SOFT},{filter} {codec}");
    by_ffmpeg(folder, name, &source)
}

const X264: &str = "-c:v libx264 -preset ultrafast -crf 16 -g 25";

/// Encodes `source` and checks what must hold of every output; `size` as `320,180`, `reference` the swscale chain
/// that makes the same pictures.
fn check(source: &Path, names: &[&str], container: Container, size: &str, reference: &str, frames: u64) -> Ran {
    let ran = transcode(source, &encode(names, container)).unwrap();
    let (path, finished) = ran.only();
    assert_eq!((finished.frames, finished.verified), (frames, true));
    assert_eq!(
        oracle::entry(path, "v:0", "width,height,sample_aspect_ratio,pix_fmt"),
        format!("{size},1:1,yuv420p")
    );
    assert_ne!(oracle::entry(path, "v:0", "color_range"), "pc");
    assert_eq!(oracle::decodes_whole(path) as u64, frames);
    let likeness = oracle::likeness(path, source, reference);
    assert!(likeness > 34.0, "{container} {names:?}: {likeness:.1} dB");
    ran
}

#[test]
fn an_odd_size_loses_a_line_and_not_the_picture_m13() {
    for (size, made, rung, scaled) in
        [("853x480", "852,480", "240P", "426,240"), ("321x241", "320,240", "240P", "320,240")]
    {
        let folder = scratch();
        let source = soft(&folder, "odd.mkv", size, "format=yuv444p", X264);
        for container in BOTH {
            for (names, size) in [(&[][..], made), (&[rung][..], scaled)] {
                let reference = format!("scale={}:flags=bicubic", size.replace(',', ":"));
                let ran = check(&source, names, container, size, &reference, 25);
                if (size, names.len()) == ("852,480", 0) {
                    saw("T24", "853x480 pixels", &ran);
                }
            }
        }
    }
}

#[test]
fn non_square_pixels_become_square_ones_in_the_right_shape() {
    let folder = scratch();
    // 640x480 shown as 853x480.
    let source = soft(&folder, "wide.mp4", "640x480", "setsar=4/3", X264);
    for container in BOTH {
        let ran = check(&source, &["240P"], container, "426,240", "scale=426:240:flags=bicubic", 25);
        saw("T25", "640x480 pixels shown as 853x480", &ran);
    }
    check(&source, &[], Container::Flv, "852,480", "scale=852:480:flags=bicubic", 25);
}

#[test]
fn a_turned_picture_comes_out_upright_without_a_rotation_tag() {
    for (degrees, size, turn) in [
        (90.0, "180,320", "transpose=clock"),
        (180.0, "320,180", "hflip,vflip"),
        (270.0, "180,320", "transpose=cclock"),
    ] {
        let folder = scratch();
        let mut recipe = Recipe::plain(Container::Mp4, "320x180", 1.0);
        recipe.pictures[0].rotation_degrees = degrees;
        let source = make(&folder, "phone.mp4", &recipe);
        let untagged = make(&folder, "flat.mp4", &Recipe::plain(Container::Mp4, "320x180", 1.0));
        for container in BOTH {
            // FFmpeg turns by itself as a player does; the chain by hand says which way that must be.
            let ran = check(&source, &[], container, size, "null", 25);
            if degrees == 90.0 {
                saw("T26", "a telephone held upright", &ran);
            }
            let (path, _) = ran.only();
            assert!(oracle::likeness(path, &untagged, turn) > 34.0, "{degrees}");
            assert_eq!(oracle::entry(path, "v:0", "stream_side_data=rotation"), "", "{degrees}");
        }
    }
}

#[test]
fn fuller_chroma_deeper_samples_and_rgb_become_eight_bit_420_of_the_same_colour_m13() {
    let cases = [
        ("4:4:4", "yuv444p", X264),
        ("4:2:2", "yuv422p", X264),
        ("10 bits, H.264", "yuv420p10le", "-c:v libx264 -preset ultrafast -crf 16 -profile:v high10"),
        ("10 bits, HEVC", "yuv420p10le", "-c:v libx265 -preset ultrafast -crf 16 -x265-params log-level=error"),
        ("gray", "gray", X264),
    ];
    for (trap, format, codec) in cases {
        let folder = scratch();
        let source = soft(&folder, "source.mp4", "320x240", &format!("format={format}"), codec);
        for container in BOTH {
            let ran = check(&source, &[], container, "320,240", "scale=in_range=limited:out_range=limited", 25);
            saw("M13", trap, &ran);
        }
    }
}

#[test]
fn rgb_is_converted_with_the_matrix_that_the_output_names() {
    for (format, codec) in [
        ("rgb24", "-c:v libx264rgb -preset ultrafast -crf 12"),
        ("gbrp", "-c:v libx264rgb -preset ultrafast -crf 12"),
    ] {
        let folder = scratch();
        let source = soft(&folder, "rgb.mp4", "320x240", &format!("format={format}"), codec);
        for container in BOTH {
            let ran =
                check(&source, &[], container, "320,240", "scale=out_color_matrix=bt709:out_range=limited", 25);
            saw("M13", "RGB", &ran);
            assert_eq!(oracle::entry(ran.only().0, "v:0", "color_space"), "bt709");
        }
    }
}

#[test]
fn transparent_pictures_lose_their_alpha_only_m13() {
    for codec in ["-c:v qtrle -pix_fmt argb", "-c:v png -pix_fmt rgba"] {
        let folder = scratch();
        let source = soft(&folder, "alpha.mov", "320x240", "format=rgba", codec);
        for container in BOTH {
            let ran = check(
                &source,
                &[],
                container,
                "320,240",
                "format=rgb24,scale=out_color_matrix=bt709:out_range=limited",
                25,
            );
            saw("M13", "transparency", &ran);
        }
    }
}

#[test]
fn full_range_becomes_limited_with_black_and_white_where_they_belong() {
    let folder = scratch();
    let bars = "-f lavfi -i color=black:size=320x240:rate=25:duration=1,drawbox=x=160:y=0:w=160:h=240:color=white:t=fill,scale=out_range=full,format=yuvj420p";
    for (name, tail) in [("full.mkv", X264), ("mjpeg.mov", "-c:v mjpeg -q:v 2")] {
        let source = by_ffmpeg(&folder, name, &format!("{bars} {tail}"));
        for container in BOTH {
            let ran = check(&source, &[], container, "320,240", "scale=in_range=full:out_range=limited", 25);
            saw("M13", "full range", &ran);
            let (path, _) = ran.only();
            let picture = oracle::raw_pictures(path, "null");
            let (black, white) = (picture[320 * 120 + 40], picture[320 * 120 + 280]);
            assert!(black.abs_diff(16) <= 1 && white.abs_diff(235) <= 1, "{name}: {black} and {white}");
        }
    }
}

#[test]
fn high_dynamic_range_is_tone_mapped_and_its_tags_do_not_survive_m13() {
    let folder = scratch();
    let tags = "-color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc -color_range tv";
    let codec = format!("-c:v libx265 -preset ultrafast -crf 12 {tags} -x265-params log-level=error");
    let source = soft(&folder, "hdr.mp4", "320x240", "format=yuv420p10le", &codec);
    assert_eq!(oracle::entry(&source, "v:0", "color_transfer"), "smpte2084");
    for container in BOTH {
        let ran = transcode(&source, &encode(&[], container)).unwrap();
        saw("T28", "HDR10 (PQ, BT.2020, 10 bits)", &ran);
        let (path, finished) = ran.only();
        assert_eq!((finished.frames, oracle::decodes_whole(path)), (25, 25));
        assert_eq!(
            oracle::entry(path, "v:0", "pix_fmt,color_range,color_space,color_transfer,color_primaries"),
            "yuv420p,tv,bt709,bt709,bt709"
        );
        let reference = "zscale=t=linear:npl=100,format=gbrpf32le,zscale=p=bt709,tonemap=mobius:desat=0:peak=10,\
                         zscale=t=bt709:m=bt709:r=tv,format=yuv420p";
        let likeness = oracle::likeness(path, &source, reference);
        assert!(likeness > 34.0, "{likeness:.1} dB");
    }
}

#[test]
fn interlaced_pictures_become_whole_ones_one_for_one_m13() {
    let folder = scratch();
    let woven =
        "-f lavfi -i testsrc2=size=320x240:rate=50:duration=2,gblur=sigma=2,tinterlace=interleave_top,setfield=tff";
    let source = by_ffmpeg(&folder, "woven.mp4", &format!("{woven} {X264} -flags +ildct+ilme -x264-params tff=1"));
    assert_eq!(oracle::entry(&source, "v:0", "field_order"), "tt");
    for container in BOTH {
        let ran = check(&source, &[], container, "320,240", "yadif=mode=send_frame", 50);
        saw("T29", "interlaced pictures", &ran);
        let (path, _) = ran.only();
        assert_eq!(oracle::entry(path, "v:0", "field_order"), "progressive");
        oracle::assert_times(&oracle::times(path, "v:0"), &oracle::times(&source, "v:0"), 0.0015);
        let combed = oracle::likeness(path, &source, "null");
        assert!(combed < oracle::likeness(path, &source, "yadif=mode=send_frame"), "{combed:.1} dB: still combed");
    }
}

#[test]
fn tiny_pictures_single_frames_and_extreme_rates_keep_every_frame_m13() {
    for (size, rate, frames) in
        [("16x16", 25, 25), ("320x180", 25, 1), ("320x180", 1, 4), ("160x90", 240, 480), ("8190x16", 5, 2)]
    {
        for container in BOTH {
            let folder = scratch();
            let seconds = f64::from(frames) / f64::from(rate);
            let recipe = Recipe {
                pictures: vec![
                    Picture::h264(size, Ratio::new(rate, 1), seconds)
                        .with_source(format!("testsrc2=size={size}:rate={rate}:duration={seconds},gblur=sigma=4")),
                ],
                sounds: Vec::new(),
                ..Recipe::plain(container, size, seconds)
            };
            let source = make(&folder, "extreme", &recipe);
            let frames = u64::try_from(frames).unwrap();
            let ran = check(&source, &[], container, &size.replace('x', ","), "null", frames);
            saw("M13", "16x16 and 8190x16 pixels, one frame, 1 and 240 frames a second", &ran);
            let (path, finished) = ran.only();
            assert!(
                (finished.duration_seconds - seconds).abs() < 0.0021 || frames == 1,
                "{}",
                finished.duration_seconds
            );
            oracle::assert_times(&oracle::times(path, "v:0"), &oracle::times(&source, "v:0"), 0.0011);
        }
    }
}

#[test]
fn a_picture_of_one_pixel_is_refused_by_name_m13() {
    let folder = scratch();
    let source = by_ffmpeg(
        &folder,
        "one.mov",
        "-f lavfi -i color=red:size=16x16:rate=25:duration=1,format=rgb24,crop=1:1 -c:v qtrle",
    );
    assert_eq!(crate::support::run::outcome(&source, &encode(&[], Container::Mp4)), "MEDIA_PICTURE_SIZE");
    told("M13", "a picture of one pixel", "MEDIA_PICTURE_SIZE");
}

#[test]
fn a_front_cameras_mirror_image_is_mirrored_back_and_not_turned() {
    let folder = scratch();
    let clip = "-f lavfi -i testsrc2=size=160x90:rate=25:duration=1 -c:v libx264 -preset ultrafast";
    let plain = by_ffmpeg(&folder, "plain.mp4", clip);
    // In a track header of version 0 the matrix stands 44 bytes behind the name; its first number is 1.0 in 16.16.
    let source = changed(&plain, "mirrored.mp4", |bytes| {
        let at = find(bytes, b"tkhd")[0] + 44;
        assert_eq!(bytes[at..at + 4], [0, 1, 0, 0]);
        bytes[at..at + 4].copy_from_slice(&[0xff, 0xff, 0, 0]);
    });
    let ran = transcode(&source, &encode(&[], Container::Mp4)).unwrap();
    saw("T26", "a front camera's mirror image", &ran);
    let (got, wanted) = (oracle::raw_pictures(ran.only().0, "null"), oracle::raw_pictures(&plain, "hflip"));
    assert!(oracle::psnr(&got, &wanted) > 25.0);
}
