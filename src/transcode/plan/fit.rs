//! Whether a source's picture may stay as it is, and what to say when not.

use super::size::Size;
use super::{AudioPlan, rate};
use crate::figure;
use crate::media::{Chroma, Container, Dynamics, Encoder, MediaInfo, Oddity, Range, Rotation, Scan, VideoInfo};
use crate::transcode::{RenditionRequest, Request, filter};

/// More than this is spent for nothing: x264 at its default CRF needs about a third of it.
const BITS_PER_PIXEL_MAX: f64 = 0.12;
/// Seeking and joining late wait for a keyframe; twice the grid is what the contract lets pass.
const KEYFRAME_GAPS_MAX: f64 = 2.0;

/// What an encoder that keeps more than eight bits is given.
const DEEP_BITS: u8 = 10;

/// What is asked of one rendition, beside what the source is.
pub(super) struct Wish<'a> {
    pub(super) info: &'a MediaInfo,
    pub(super) video: &'a VideoInfo,
    pub(super) request: &'a Request,
    pub(super) rendition: &'a RenditionRequest,
    pub(super) container: Container,
    pub(super) source_size: Size,
    pub(super) size: Size,
    pub(super) audio: &'a AudioPlan,
}

impl Wish<'_> {
    /// Returns whether the picture is made smaller.
    pub(super) fn is_scaled(&self) -> bool {
        self.size != self.source_size
    }

    /// Returns whether more than eight bits, and colours that need them, are kept.
    pub(super) fn keeps_depth(&self) -> bool {
        self.request.encoder.keeps_ten_bits() && self.video.pixel_format.bit_depth > 8
    }
}

/// Returns why the picture cannot stay as it is when nobody insists; empty when it can.
pub(super) fn obstacles(wish: &Wish) -> Vec<String> {
    // Smaller cannot be had without encoding, so nothing else needs to be weighed.
    if wish.is_scaled() {
        return vec![format!("scaled from {}x{}", wish.source_size.width, wish.source_size.height)];
    }
    let mut found = wishes(wish);
    found.extend(coding(wish));
    found.extend(economy(wish));
    found.extend(damage(wish.info));
    found
}

/// Returns why the picture cannot be copied although copying was asked for; empty when it can.
pub(super) fn refusals(wish: &Wish) -> Vec<String> {
    let mut found = Vec::new();
    let (video, container) = (wish.video, wish.container);
    if wish.is_scaled() {
        let Size { width, height } = wish.source_size;
        found.push(format!("a copy stays {width}x{height}, {} was asked for", wish.rendition.name));
    }
    if !container.holds_video(&video.codec) {
        found.push(format!("{container} cannot hold {}", video.codec.name()));
    }
    if video.rotation != Rotation::None && !keeps_turn(wish) {
        found.push(format!("a copy in {container} would lie on its side or its head"));
    }
    if video.mirrored {
        found.push("a copy would show its mirror image".to_owned());
    }
    found.extend(damage(wish.info));
    found
}

/// Returns whether a copy is still turned by players. A turn is a tag of the container: untouched bytes keep it, and of
/// those that we write only MP4 has a place for it.
fn keeps_turn(wish: &Wish) -> bool {
    let container = wish.container;
    container == wish.info.container
        && (container == Container::Mp4 || differences(wish.info, container, wish.audio).is_empty())
}

/// Returns what differs from the source's file although its packets stay: anything here rules out copying bytes.
pub(super) fn differences(info: &MediaInfo, container: Container, audio: &AudioPlan) -> Vec<String> {
    let mut found = Vec::new();
    if info.container != container {
        found.push(format!("container changed from {} to {container}", info.container));
    } else if container == Container::Mp4 && !info.index_first {
        found.push("index moved to the front, so that playing starts at once".to_owned());
    }
    // Sound is never mended in place: other packets mean another file.
    if info.audio.is_some() && *audio != AudioPlan::Copy {
        found.push("new container for the changed sound".to_owned());
    }
    if !info.other_streams.is_empty() {
        found.push("other streams left out".to_owned());
    }
    if info.oddities.iter().any(is_mended_by_remux) {
        found.push("rewritten to mend what the notes name".to_owned());
    }
    found
}

/// Returns the steps that the picture needs however it is encoded, each of which also rules out a copy.
pub(super) fn steps(wish: &Wish) -> Vec<String> {
    let mut steps = Vec::new();
    let video = wish.video;
    let format = &video.pixel_format;
    let depth = if wish.keeps_depth() { DEEP_BITS } else { 8 };
    if video.scan != Scan::Progressive {
        steps.push("deinterlaced, one frame per frame".to_owned());
    }
    if video.mirrored {
        steps.push("mirrored, left for right".to_owned());
    }
    if video.rotation != Rotation::None {
        steps.push(format!("turned upright by {}° clockwise", video.rotation.degrees()));
    }
    if !video.has_square_pixels() {
        let aspect = video.sample_aspect_ratio;
        steps.push(format!("pixels of {}:{} made square", aspect.num, aspect.den));
    } else if !video.width.is_multiple_of(2) || !video.height.is_multiple_of(2) {
        steps.push(format!("odd size {}x{} made even", video.width, video.height));
    }
    if wish.keeps_depth() {
        // The colours stay what they are.
    } else if video.color.dynamics() == Dynamics::High {
        steps.push("high dynamic range tone-mapped to BT.709".to_owned());
    } else if filter::has_wide_gamut(&video.color) {
        steps.push("BT.2020 colours brought into BT.709".to_owned());
    }
    if format.bit_depth > depth {
        steps.push(format!("{}-bit brought to {depth}-bit", format.bit_depth));
    }
    if format.chroma != Chroma::C420 {
        steps.push(format!("{} brought to 4:2:0", chroma_name(format.chroma, &format.name)));
    }
    if format.alpha {
        steps.push("transparency dropped".to_owned());
    }
    steps
}

/// Returns what is kept in encoding that other encoders would take away.
pub(super) fn kept(wish: &Wish) -> Option<String> {
    let (name, high) = (wish.request.encoder.name(), wish.video.color.dynamics() == Dynamics::High);
    let range = if high { " and high dynamic range" } else { "" };
    wish.keeps_depth().then(|| format!("{DEEP_BITS}-bit{range} kept with the colours' tags, since {name} can"))
}

/// Returns what is said of full range when the picture is encoded.
pub(super) fn range_step(video: &VideoInfo) -> Option<String> {
    // RGB has no other range, and its way to 4:2:0 is named already.
    let told = video.range == Range::Full && video.pixel_format.chroma != Chroma::Rgb;
    told.then(|| "full range brought to limited".to_owned())
}

fn chroma_name(chroma: Chroma, format: &str) -> &str {
    match chroma {
        Chroma::C420 => "4:2:0",
        Chroma::C422 => "4:2:2",
        Chroma::C444 => "4:4:4",
        Chroma::Gray => "gray",
        Chroma::Rgb => "RGB",
        Chroma::Other => format,
    }
}

/// Whoever asks for a rate or a preset wants to see it in the output, even where the source is good enough.
fn wishes(wish: &Wish) -> Vec<String> {
    let (request, rendition) = (wish.request, wish.rendition);
    let own_rate = rendition.crf.is_some() || rendition.bits_per_second.is_some();
    let asked = [
        (request.force_encode, "--force-encode given"),
        (own_rate || rate::is_asked(&request.rate_control), "a rate was asked for"),
        (rendition.preset.is_some() || request.preset.is_some(), "a preset was asked for"),
        (!request.encoder_options.is_empty(), "encoder options were given"),
        (!request.unused_settings.is_empty(), "another encoder's settings were asked for"),
    ];
    asked.into_iter().filter(|(given, _)| *given).map(|(_, why)| why.to_owned()).collect()
}

fn coding(wish: &Wish) -> Vec<String> {
    let (video, encoder) = (wish.video, wish.request.encoder);
    let mut found = steps(wish);
    if video.codec == encoder.codec() {
        // What the encoder makes, the container holds: that was checked before.
    } else if encoder == Encoder::X264 {
        found.push(format!("{} is not what every player has", video.codec.name()));
    } else {
        found.push(format!("{} is not {}, which {} makes", video.codec, encoder.codec(), encoder.name()));
    }
    found
}

fn economy(wish: &Wish) -> Vec<String> {
    let mut found = Vec::new();
    let rate = wish.video.bits_per_second();
    match bitrate_limit(wish.size, wish.video) {
        None => found.push("its frame rate is unknown".to_owned()),
        Some(limit) if rate > limit => {
            found.push(format!(
                "{} is above the {} that this size warrants",
                figure::bit_rate(rate),
                figure::bit_rate(limit)
            ));
        }
        Some(_) => {}
    }
    let gap = wish.video.longest_keyframe_gap_seconds;
    let longest = KEYFRAME_GAPS_MAX * wish.request.keyint_seconds;
    if gap > longest {
        found.push(format!("keyframes up to {gap:.1} s apart, at most {longest} s is wanted"));
    }
    found
}

/// Returns the bitrate above which encoding anew is worth it; nothing where the frame rate is unknown.
fn bitrate_limit(size: Size, video: &VideoInfo) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "at most 2^28 pixels")]
    let pixels = size.pixels() as f64;
    video.frame_rate.is_known().then(|| BITS_PER_PIXEL_MAX * pixels * video.frame_rate.value())
}

/// Returns the damage that packets carry with them: only decoding gets rid of it, so a copy would pass it on.
fn damage(info: &MediaInfo) -> Vec<String> {
    let named = |oddity: &Oddity| match oddity {
        Oddity::MissingTimestamps { .. } => Some("packets without time are not copied"),
        Oddity::DamagedPackets { .. } => Some("damaged packets are not copied"),
        Oddity::LateKeyframe { .. } => Some("pictures before the first keyframe are not copied"),
        Oddity::ChangedParameters { .. } => Some("a picture that changes its parameters is not copied"),
        _ => None,
    };
    let hidden = info.video.as_ref().is_some_and(|video| video.hidden > 0);
    let hidden = hidden.then_some("pictures that an edit list hides would show in a copy");
    info.oddities.iter().filter_map(named).chain(hidden).map(str::to_owned).collect()
}

/// Returns whether writing the same packets anew takes the oddity away.
const fn is_mended_by_remux(oddity: &Oddity) -> bool {
    matches!(
        oddity,
        Oddity::Truncated { .. }
            | Oddity::TornTail
            | Oddity::ZeroTail { .. }
            | Oddity::TimestampJumps { .. }
            | Oddity::TimestampsRollOver { .. }
            | Oddity::UnorderedTimestamps { .. }
            | Oddity::WrongDuration { .. }
    )
}
