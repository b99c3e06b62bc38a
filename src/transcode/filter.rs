//! The libavfilter chains of a plan, as text. Pure: building and running the graph is the engine's.
//!
//! Facts about FFmpeg 5.1 that shape the chains, each seen with the command line tool:
//! - `zscale` (zimg) and `scale` (swscale) agree on brightness to 60 dB and more. In colour they differ at hard edges,
//!   since swscale ignores that 4:2:0 chroma sits left of the centre; zimg is right and three times as fast.
//! - `zscale` fails at the first frame ("image dimensions must be divisible by subsampling factor") on odd sizes with
//!   subsampled chroma, and has swscale slipped in before it for formats that it does not list, gray and nv12 among
//!   them; gray then comes out at the wrong range. Such sources are scaled by swscale with both ranges spelled out.
//! - RGB into `zscale` without `m=` is "no path between colorspaces"; swscale would take BT.601 in silence.
//! - Dithering and the floating-point steps depend on where the filter's threads cut the picture; plain scaling does
//!   not. Those steps run on one thread, so that the output's bytes never depend on the machine.

use super::plan::{Prepare, VideoPlan};
use crate::media::{Chroma, ColorTags, Range, Rotation, VideoInfo};

/// Formats that `zscale` lists; a few more that it knows are too rare to be worth a proof.
const ZIMG_FORMATS: [&str; 34] = [
    "yuv420p",
    "yuv422p",
    "yuv444p",
    "yuvj420p",
    "yuvj422p",
    "yuvj444p",
    "yuva420p",
    "yuva422p",
    "yuva444p",
    "yuv420p9le",
    "yuv422p9le",
    "yuv444p9le",
    "yuv420p10le",
    "yuv422p10le",
    "yuv444p10le",
    "yuva420p10le",
    "yuva422p10le",
    "yuva444p10le",
    "yuv420p12le",
    "yuv422p12le",
    "yuv444p12le",
    "yuv420p14le",
    "yuv422p14le",
    "yuv444p14le",
    "yuv420p16le",
    "yuv422p16le",
    "yuv444p16le",
    "gbrp",
    "gbrp9le",
    "gbrp10le",
    "gbrp12le",
    "gbrp16le",
    "gbrap",
    "gbrap16le",
];
/// Exact rounding and full chroma input: without them swscale is 1 to 2 dB worse.
const SWS_FLAGS: &str = "bicubic+accurate_rnd+full_chroma_int";
/// Ordered, since its pattern stands still from frame to frame and costs few bits; one thread for the bytes' sake.
const DITHER: &str = ":dither=ordered:threads=1";

/// Returns the chain applied once to every frame, or nothing when pictures are fit as they come. One frame in, one out.
pub fn prepare(steps: &Prepare) -> Option<String> {
    // Whole pictures between interlaced ones pass `bwdif` untouched.
    let deinterlace = steps.deinterlace.then_some("bwdif=mode=send_frame:deint=interlaced");
    let mirror = steps.mirrored.then_some("hflip");
    let turn = match steps.rotation {
        Rotation::None => None,
        Rotation::Quarter => Some("transpose=clock"),
        Rotation::Half => Some("hflip,vflip"),
        Rotation::ThreeQuarters => Some("transpose=cclock"),
    };
    let chain: Vec<&str> = deinterlace.into_iter().chain(mirror).chain(turn).collect();
    (!chain.is_empty()).then(|| chain.join(","))
}

/// Returns the chain that makes a rendition's pictures from prepared ones: its size, 4:2:0 of eight bits or what the
/// encoder keeps, limited range, square pixels. The colour tags of the frames that come out are the output's.
pub fn rendition(video: &VideoPlan, source: &VideoInfo) -> String {
    let mut chain = Vec::new();
    if video.tone_map || (!video.is_deep() && has_wide_gamut(&source.color)) {
        if !video.zimg {
            chain.push(swscale(video, source));
            chain.push("format=yuv420p10le".to_owned());
        }
        chain.extend(if video.tone_map { tone_map(video, source) } else { narrow_gamut(video, source) });
    } else if !is_ready(video, source) {
        chain.push(if video.zimg { zscale(video, source) } else { swscale(video, source) });
        if !video.zimg && is_rgb(source) {
            // Until FFmpeg 7 `scale` leaves the tag of the matrix it came from.
            chain.push("setparams=colorspace=bt709".to_owned());
        }
    }
    chain.extend(formats(video.pixel_format).iter().map(|format| format!("format={format}")));
    chain.push("setsar=1".to_owned());
    chain.join(",")
}

/// Returns the formats on the way to the encoder's own, the last: interleaved ones come from plain ones of as many bits,
/// since `zscale` makes none.
fn formats(last: &'static str) -> &'static [&'static str] {
    match last {
        "nv12" => &["yuv420p", "nv12"],
        "p010le" => &["yuv420p10le", "p010le"],
        "yuv420p10le" => &["yuv420p10le"],
        _ => &["yuv420p"],
    }
}

/// Returns whether `zscale` takes this source's pictures without help.
pub(in crate::transcode) fn zimg_takes(video: &VideoInfo) -> bool {
    let whole_width =
        !matches!(video.pixel_format.chroma, Chroma::C420 | Chroma::C422) || video.width.is_multiple_of(2);
    let whole_height = video.pixel_format.chroma != Chroma::C420 || video.height.is_multiple_of(2);
    whole_width && whole_height && ZIMG_FORMATS.contains(&video.pixel_format.name.as_str())
}

/// Returns whether colours may lie outside what BT.709 can show, at standard dynamic range.
pub(super) fn has_wide_gamut(color: &ColorTags) -> bool {
    match (color.primaries.as_deref(), color.matrix.as_deref()) {
        (Some(primaries), _) => primaries == "bt2020",
        (None, Some(matrix)) => matrix.starts_with("bt2020"),
        (None, None) => false,
    }
}

/// Returns the coded size once turned upright.
pub(in crate::transcode) fn upright_size(source: &VideoInfo) -> (u32, u32) {
    if source.rotation.is_sideways() { (source.height, source.width) } else { (source.width, source.height) }
}

fn is_ready(video: &VideoPlan, source: &VideoInfo) -> bool {
    !video.to_limited_range
        && source.pixel_format.name == formats(video.pixel_format)[0]
        && upright_size(source) == (video.width, video.height)
}

fn is_rgb(source: &VideoInfo) -> bool {
    source.pixel_format.chroma == Chroma::Rgb
}

/// Returns the source's range as the filter option `key`; what is not said is limited, as players take it. It goes
/// unsaid where `transpose` could not take the format: swscale has then been slipped in before it, has brought full
/// range to limited where it pleased, and the frame's own tag is the only truth.
fn range_in(key: &str, source: &VideoInfo) -> String {
    let is_uneven = matches!(source.pixel_format.chroma, Chroma::C422 | Chroma::Other);
    if source.rotation.is_sideways() && is_uneven {
        return String::new();
    }
    format!(":{key}={}", if source.range == Range::Full { "full" } else { "limited" })
}

fn zscale(video: &VideoPlan, source: &VideoInfo) -> String {
    let mut step = format!("zscale=w={}:h={}:f=bicubic", video.width, video.height);
    if is_rgb(source) {
        step.push_str(":m=bt709:r=limited");
    } else if video.to_limited_range {
        step.push_str(&format!("{}:r=limited", range_in("rin", source)));
    }
    if source.pixel_format.bit_depth > if video.is_deep() { 10 } else { 8 } {
        step.push_str(DITHER);
    }
    step
}

fn swscale(video: &VideoPlan, source: &VideoInfo) -> String {
    let mut step = format!("scale=w={}:h={}:flags={SWS_FLAGS}", video.width, video.height);
    if is_rgb(source) {
        step.push_str(":out_color_matrix=bt709:out_range=limited");
    } else if video.to_limited_range || source.pixel_format.chroma == Chroma::Gray {
        step.push_str(&format!("{}:out_range=limited", range_in("in_range", source)));
    }
    step
}

/// Returns how `zscale` should read the pictures: size and, for those with a matrix, range and matrix. After swscale
/// the size is right, the range limited, and RGB has become BT.709.
fn read(video: &VideoPlan, source: &VideoInfo, transfer: &str) -> String {
    let primaries = source.color.primaries.as_deref().filter(|name| *name == "bt709").unwrap_or("bt2020");
    let colors = format!(":pin={primaries}:tin={transfer}");
    if !video.zimg {
        let matrix = if is_rgb(source) { "bt709" } else { matrix(source) };
        return format!("zscale=min={matrix}:rin=limited{colors}");
    }
    let size = format!("zscale=w={}:h={}:f=bicubic", video.width, video.height);
    if is_rgb(source) {
        return format!("{size}{colors}");
    }
    format!("{size}{}{colors}:min={}", range_in("rin", source), matrix(source))
}

/// Returns the matrix to read wide colours by; without a tag, the one that goes with them.
fn matrix(source: &VideoInfo) -> &'static str {
    match source.color.matrix.as_deref() {
        Some("bt709") => "bt709",
        Some("smpte170m" | "bt470bg") => "smpte170m",
        _ => "bt2020nc",
    }
}

/// The usual way through linear light. Mobius keeps what is below the knee as bright as it was (hable, the other
/// usual choice, darkens slides by a stop: 14.7 against 22.4 dB on the same picture); the peak is fixed at 1000 cd/m²,
/// for only some frames carry the mastering display's.
fn tone_map(video: &VideoPlan, source: &VideoInfo) -> Vec<String> {
    let transfer = source.color.transfer.as_deref().unwrap_or("smpte2084");
    vec![
        format!("{}:t=linear:npl=100:threads=1", read(video, source, transfer)),
        "format=gbrpf32le".to_owned(),
        "zscale=p=bt709:threads=1".to_owned(),
        "tonemap=mobius:desat=0:peak=10".to_owned(),
        format!("zscale=p=bt709:t=bt709:m=bt709:r=limited{DITHER}"),
    ]
}

/// BT.2020 without high dynamic range has the transfer of BT.709 under other names.
fn narrow_gamut(video: &VideoPlan, source: &VideoInfo) -> Vec<String> {
    vec![format!("{}:p=bt709:t=bt709:m=bt709:r=limited{DITHER}", read(video, source, "bt709"))]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::RenditionName;
    use crate::transcode::plan::{Action, plan};
    use crate::transcode::sample::{format, lesson};
    use crate::transcode::{RenditionRequest, Request};

    /// Checks the chain for a rendition of the lesson after `change`.
    #[track_caller]
    fn check(name: &str, change: impl FnOnce(&mut VideoInfo), expected: &str) {
        let mut info = lesson();
        change(info.video.as_mut().expect("the lesson has a picture"));
        let name = RenditionName::parse(name).expect("the tests use names of the ladder");
        let renditions = vec![RenditionRequest::plain(name)];
        let plan = plan(&info, &Request { renditions, force_encode: true, ..Request::default() });
        let action = plan.expect("plannable").renditions.remove(0).action;
        let (Action::Transcode(video), Some(source)) = (action, info.video) else {
            panic!("encoding was asked for")
        };
        assert_eq!(rendition(&video, &source), format!("{expected}format=yuv420p,setsar=1"));
    }

    #[test]
    fn nothing_is_scaled_where_nothing_changes() {
        check("1080P", |_| {}, "");
        check("1080P", |video| video.rotation = Rotation::Half, "");
        check("1080P", |video| video.rotation = Rotation::Quarter, "");
    }

    #[test]
    fn ordinary_pictures_are_scaled_by_zimg() {
        check("720P", |_| {}, "zscale=w=1280:h=720:f=bicubic,");
        check("720P", |video| video.rotation = Rotation::Quarter, "zscale=w=720:h=1280:f=bicubic,");
        let to_444 = |video: &mut VideoInfo| video.pixel_format = format("yuv444p", 8, Chroma::C444);
        check("1080P", to_444, "zscale=w=1920:h=1080:f=bicubic,");
    }

    #[test]
    fn full_range_is_named_on_both_sides() {
        let full = |video: &mut VideoInfo| {
            video.range = Range::Full;
            video.pixel_format = format("yuvj420p", 8, Chroma::C420);
        };
        check("1080P", full, "zscale=w=1920:h=1080:f=bicubic:rin=full:r=limited,");
    }

    #[test]
    fn range_goes_unsaid_after_a_turn_that_needs_another_format() {
        let turned = |video: &mut VideoInfo| {
            (video.range, video.rotation) = (Range::Full, Rotation::Quarter);
            video.pixel_format = format("yuv422p10le", 10, Chroma::C422);
        };
        check("480P", turned, "zscale=w=480:h=854:f=bicubic:r=limited:dither=ordered:threads=1,");
    }

    #[test]
    fn more_than_eight_bits_are_dithered_on_one_thread() {
        let deep = |video: &mut VideoInfo| video.pixel_format = format("yuv422p10le", 10, Chroma::C422);
        check("480P", deep, "zscale=w=854:h=480:f=bicubic:dither=ordered:threads=1,");
    }

    #[test]
    fn what_zimg_cannot_take_goes_to_swscale_with_its_range_spelled_out() {
        let sws = "flags=bicubic+accurate_rnd+full_chroma_int";
        let odd = |video: &mut VideoInfo| video.width = 1921;
        check("1080P", odd, &format!("scale=w=1920:h=1080:{sws},"));
        let gray = |video: &mut VideoInfo| video.pixel_format = format("gray", 8, Chroma::Gray);
        check("720P", gray, &format!("scale=w=1280:h=720:{sws}:in_range=limited:out_range=limited,"));
        let rgb = |video: &mut VideoInfo| video.pixel_format = format("bgra", 8, Chroma::Rgb);
        let matrix = "out_color_matrix=bt709:out_range=limited,setparams=colorspace=bt709";
        check("720P", rgb, &format!("scale=w=1280:h=720:{sws}:{matrix},"));
        let odd_full = |video: &mut VideoInfo| (video.width, video.range) = (1921, Range::Full);
        check("720P", odd_full, &format!("scale=w=1280:h=720:{sws}:in_range=full:out_range=limited,"));
    }

    #[test]
    fn an_odd_side_without_subsampling_is_no_obstacle_to_zimg() {
        let mut video = lesson().video.expect("the lesson has a picture");
        video.width = 853;
        assert!(!zimg_takes(&video));
        video.pixel_format = format("yuv444p", 8, Chroma::C444);
        assert!(zimg_takes(&video));
        video.pixel_format = format("yuv422p", 8, Chroma::C422);
        assert!(!zimg_takes(&video));
        (video.width, video.height) = (854, 481);
        assert!(zimg_takes(&video));
        video.pixel_format = format("nv12", 8, Chroma::C420);
        assert!(!zimg_takes(&video));
    }

    #[test]
    fn high_dynamic_range_goes_through_linear_light() {
        let end = "t=linear:npl=100:threads=1,format=gbrpf32le,zscale=p=bt709:threads=1,\
                   tonemap=mobius:desat=0:peak=10,zscale=p=bt709:t=bt709:m=bt709:r=limited:dither=ordered:threads=1,";
        let pq = |video: &mut VideoInfo| {
            video.pixel_format = format("yuv420p10le", 10, Chroma::C420);
            video.color.transfer = Some("smpte2084".to_owned());
        };
        let read = "rin=limited:pin=bt2020:tin=smpte2084:min=bt2020nc";
        check("720P", pq, &format!("zscale=w=1280:h=720:f=bicubic:{read}:{end}"));
        let odd = |video: &mut VideoInfo| {
            pq(video);
            video.width = 1921;
        };
        let sws = "scale=w=1280:h=720:flags=bicubic+accurate_rnd+full_chroma_int,format=yuv420p10le";
        check("720P", odd, &format!("{sws},zscale=min=bt2020nc:rin=limited:pin=bt2020:tin=smpte2084:{end}"));
    }

    #[test]
    fn wide_colours_are_brought_into_bt709() {
        let wide = |video: &mut VideoInfo| video.color.matrix = Some("bt2020nc".to_owned());
        let read = "rin=limited:pin=bt2020:tin=bt709:min=bt2020nc";
        let end = "p=bt709:t=bt709:m=bt709:r=limited:dither=ordered:threads=1,";
        check("720P", wide, &format!("zscale=w=1280:h=720:f=bicubic:{read}:{end}"));
    }

    #[test]
    fn pictures_are_made_whole_before_they_are_turned() {
        assert_eq!(prepare(&Prepare::default()), None);
        let all = Prepare { deinterlace: true, rotation: Rotation::Quarter, mirrored: false };
        assert_eq!(prepare(&all).as_deref(), Some("bwdif=mode=send_frame:deint=interlaced,transpose=clock"));
        let half = Prepare { deinterlace: false, rotation: Rotation::Half, mirrored: false };
        assert_eq!(prepare(&half).as_deref(), Some("hflip,vflip"));
    }
}
