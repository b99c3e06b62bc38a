//! The decision: copy, remux, transcode or refuse, per rendition, each with its reason.
//!
//! Pure: values in, values out. No file is opened and no libav call made here, so the whole of it is tested as a
//! table, and `--explain` prints exactly what would be done.

mod alone;
mod cut;
mod error;
mod fit;
mod ladder;
mod note;
mod rate;
mod size;
mod sound;
mod stand_in;
#[cfg(test)]
mod tests;

pub use cut::Cut;
pub(super) use cut::NOTHING_ENCODED;
pub use error::PlanError;
pub(super) use note::{picture as picture_words, sound as sound_words};
pub(super) use sound::channel_word;
pub use stand_in::StandIn;

use super::{RenditionRequest, Request, encoder};
use crate::media::{
    Container, Encoder, MediaInfo, Oddity, RateControl, RateControlMode, Ratio, RenditionName, Rotation, Scan,
    Timing, VideoInfo,
};

/// A grid finer than the frames is every frame; one wider than ten minutes makes a file nobody can seek in.
const KEYINT_SECONDS_MAX: f64 = 600.0;

/// Decides what is done with a source that looks like `info` to serve `request`.
///
/// # Errors
/// A request that contradicts itself ([`crate::failure::FailureClass::Usage`]), before anything is said of the
/// source; a source without picture and sound, or that ends early ([`crate::failure::FailureClass::Source`]).
pub fn plan(info: &MediaInfo, request: &Request) -> Result<Plan, PlanError> {
    check_options(request)?;
    let stand_in = stand_in::of(request);
    let served = stand_in.as_ref().map(|stand_in| stand_in::request(request, stand_in));
    if let Some(served) = &served {
        check_options(served)?;
    }
    let request = served.as_ref().unwrap_or(request);
    let container = container(info, request)?;
    check_whole(info, request)?;
    let notes = note::notes(info);
    let Some(video) = &info.video else {
        let audio = info.audio.as_ref().ok_or(PlanError::NoVideo)?;
        let renditions = vec![alone::plan(info, audio, request, container)?];
        let cut = Cut::Whole { reason: NOTHING_ENCODED };
        return Ok(Plan { container, prepare: Prepare::default(), cut, renditions, notes });
    };
    check_held(container, request)?;
    let mut renditions = ladder::plan(info, video, request, container)?;
    let cut = cut::plan(video, request, &renditions);
    for rendition in &mut renditions {
        fit_to(&cut, rendition);
        stand_in::tell(stand_in.as_ref(), rendition);
    }
    count_keyframes(&mut renditions);
    Ok(Plan { container, prepare: prepare(video), cut, renditions, notes })
}

/// Makes an encoder fit for chunks: side by side they do without threads of their own, which cost time and bits; and it
/// must not set keyframes by itself before those of the longest groups.
fn fit_to(cut: &Cut, rendition: &mut RenditionPlan) {
    let Action::Transcode(video) = &mut rendition.action else { return };
    if cut.is_side_by_side() {
        video.threads = 1;
    }
    let longest = cut.chunks().iter().map(|chunk| chunk.keyint_seconds);
    video.keyint_bound_seconds = longest.fold(video.keyint_seconds, f64::max);
}

/// Lets all renditions set their keyframes by counting where one cannot do otherwise, so that all have the same.
fn count_keyframes(renditions: &mut [RenditionPlan]) {
    let encoded =
        || |rendition: &RenditionPlan| matches!(&rendition.action, Action::Transcode(video) if must_count(video));
    if !renditions.iter().any(encoded()) {
        return;
    }
    for rendition in renditions {
        if let Action::Transcode(video) = &mut rendition.action {
            video.counts_keyframes = true;
        }
    }
}

/// SVT-AV1 takes keyframes where it is told to at constant quality alone.
fn must_count(video: &VideoPlan) -> bool {
    let is_free = video.encoder == Encoder::SvtAv1 && matches!(video.rate_control, RateControl::Vbr { .. });
    is_free || !video.encoder.takes_keyframes()
}

/// Checks everything that is right or wrong whatever the source.
fn check_options(request: &Request) -> Result<(), PlanError> {
    let seconds = request.keyint_seconds;
    if !(seconds > 0.0 && seconds <= KEYINT_SECONDS_MAX) {
        return Err(PlanError::KeyframeInterval { seconds });
    }
    sound::check(request.audio)?;
    for (name, value) in &request.encoder_options {
        if let Some((name, why)) = encoder::refuse(request.encoder, name, value) {
            return Err(PlanError::EncoderOption { name, why });
        }
    }
    let own = request.renditions.iter().filter_map(|rendition| rendition.preset.as_ref());
    for preset in own.chain(&request.preset) {
        let known = request.encoder.presets();
        if !known.is_empty() && !known.contains(&preset.as_str()) {
            return Err(PlanError::Preset { encoder: request.encoder, preset: preset.clone() });
        }
    }
    check_rates(request)
}

fn check_rates(request: &Request) -> Result<(), PlanError> {
    if is_copy_asked(request) {
        return check_copy(request);
    }
    // With no rendition asked for, the one after the source takes the common values alone.
    let common = RenditionRequest::plain(RenditionName::of_source(0));
    let of_source = request.renditions.is_empty().then_some(&common);
    for rendition in request.renditions.iter().chain(of_source) {
        rate::resolve(&request.rate_control, rendition, request.encoder)?;
    }
    Ok(())
}

/// Checks that nothing beside `--rate-control copy` asks for encoding.
fn check_copy(request: &Request) -> Result<(), PlanError> {
    let any = |wants: fn(&RenditionRequest) -> bool| request.renditions.iter().any(wants);
    let others = [
        (request.force_encode, "--force-encode"),
        (rate::is_asked(&request.rate_control), "a rate"),
        (any(|rung| rung.crf.is_some() || rung.bits_per_second.is_some()), "a rendition's own rate"),
        (request.preset.is_some() || any(|rung| rung.preset.is_some()), "a preset"),
        (!request.encoder_options.is_empty(), "--enc"),
        (request.encoder != Encoder::X264, "--encoder"),
    ];
    match others.into_iter().find(|(given, _)| *given) {
        Some((_, what)) => Err(PlanError::CopyContradicted { what }),
        None => Ok(()),
    }
}

fn is_copy_asked(request: &Request) -> bool {
    request.rate_control.mode == Some(RateControlMode::Copy)
}

fn container(info: &MediaInfo, request: &Request) -> Result<Container, PlanError> {
    match request.container {
        Some(container) if !container.is_writable() => Err(PlanError::Container { container }),
        Some(container) => Ok(container),
        None if info.container.is_writable() => Ok(info.container),
        None => Ok(Container::Mp4),
    }
}

/// Checks that the container can hold what the encoder makes, even where nothing will have to be encoded: whoever names an
/// encoder wants what it makes.
fn check_held(container: Container, request: &Request) -> Result<(), PlanError> {
    let encoder = request.encoder;
    if container.holds_video(&encoder.codec()) { Ok(()) } else { Err(PlanError::NotHeld { container, encoder }) }
}

fn check_whole(info: &MediaInfo, request: &Request) -> Result<(), PlanError> {
    let cut = info.oddities.iter().find_map(|oddity| match *oddity {
        Oddity::Truncated { present_seconds, declared_seconds } => Some((present_seconds, declared_seconds)),
        _ => None,
    });
    match cut {
        Some((present_seconds, declared_seconds)) if !request.accept_truncated => {
            Err(PlanError::Truncated { present_seconds, declared_seconds })
        }
        _ => Ok(()),
    }
}

fn prepare(video: &VideoInfo) -> Prepare {
    Prepare { deinterlace: video.scan != Scan::Progressive, rotation: video.rotation, mirrored: video.mirrored }
}

/// What will be done with a source.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The container of every output.
    pub container: Container,
    /// What is done to every picture once, before the renditions part ways.
    pub prepare: Prepare,
    /// Whether the picture is encoded in chunks.
    pub cut: Cut,
    /// The outputs, largest first.
    pub renditions: Vec<RenditionPlan>,
    /// Decisions about the source as a whole: what is left out, what is repaired.
    pub notes: Vec<String>,
}

impl Plan {
    /// Returns how many chunks a rendition is made in; 0 where it is not.
    pub fn chunks_of(&self, rendition: &RenditionPlan) -> usize {
        if matches!(rendition.action, Action::Transcode(_)) { self.cut.chunks().len() } else { 0 }
    }
}

/// Steps that all renditions share, done once per frame at the source's size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prepare {
    /// Interlaced pictures become whole ones, one frame per frame.
    pub deinterlace: bool,
    /// Mirrored, left for right, before it is turned.
    pub mirrored: bool,
    /// Turned upright; the output carries no rotation.
    pub rotation: Rotation,
}

/// One output.
#[derive(Clone, Debug, PartialEq)]
pub struct RenditionPlan {
    /// The name as asked, or after the source's own size.
    pub name: RenditionName,
    /// Other names asked for that would have come out the same and are served by this one.
    pub merged: Vec<RenditionName>,
    /// What is done with the picture.
    pub action: Action,
    /// Why, one sentence fragment each; never empty.
    pub reasons: Vec<String>,
    /// What is done with the sound.
    pub audio: AudioPlan,
}

/// What is done with a rendition's picture; with its sound, where there is no picture.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// The file's bytes are copied untouched.
    Copy,
    /// The picture's packets are copied into a new container (its sound may still be encoded).
    Remux,
    /// Decoded and encoded.
    Transcode(Box<VideoPlan>),
    /// There is no picture, and the sound is decoded and encoded.
    Sound,
    /// Not made.
    Refuse,
}

impl Action {
    /// Returns the name in the JSON result.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Copy => "copy",
            Self::Remux => "remux",
            Self::Transcode(_) | Self::Sound => "transcode",
            Self::Refuse => "refuse",
        }
    }
}

/// How a picture is encoded: the effective settings.
#[derive(Clone, Debug, PartialEq)]
pub struct VideoPlan {
    /// The encoder.
    pub encoder: Encoder,
    /// The encoder that was asked for, where this one serves in its place.
    pub stands_in: Option<Box<StandIn>>,
    /// Its preset; empty where that is left to it.
    pub preset: String,
    /// How it spends bits.
    pub rate_control: RateControl,
    /// Width in pixels, even.
    pub width: u32,
    /// Height in pixels, even.
    pub height: u32,
    /// The pictures that the encoder is given, by libav's name.
    pub pixel_format: &'static str,
    /// Full-range samples are brought into the limited range.
    pub to_limited_range: bool,
    /// High dynamic range is mapped to BT.709.
    pub tone_map: bool,
    /// Scaled by zimg; swscale takes what zimg cannot.
    pub zimg: bool,
    /// The encoder's own threads: one in a chunk that runs beside others, else by picture size; never by the number of
    /// jobs, so that the bytes do not depend on it.
    pub threads: u32,
    /// x264 is kept from its AVX-512 code ([`crate::transcode::x264`] says why).
    pub avoid_avx512: bool,
    /// Frames per second, for the encoder's time base (constant) or its rate control (variable).
    pub frame_rate: Ratio,
    /// Whether times are put on the even grid or passed through.
    pub timing: Timing,
    /// Distance of the keyframe grid in seconds.
    pub keyint_seconds: f64,
    /// The longest distance of two keyframes in any chunk, in seconds.
    pub keyint_bound_seconds: f64,
    /// Keyframes come every so many frames, for an encoder that takes none where it is told to.
    pub counts_keyframes: bool,
    /// Raw encoder options, applied last.
    pub encoder_options: Vec<(String, String)>,
}

impl VideoPlan {
    /// Returns the encoder and its preset, in words.
    pub fn encoder_words(&self) -> String {
        let name = self.encoder.name();
        if self.preset.is_empty() { name.to_owned() } else { format!("{name} {}", self.preset) }
    }

    /// Returns whether the pictures keep more than eight bits, and the colours that go with them.
    pub fn is_deep(&self) -> bool {
        self.pixel_format == DEEP
    }
}

/// Pictures of ten bits, as x265 and SVT-AV1 take them.
const DEEP: &str = "yuv420p10le";

/// What is done with the sound.
#[derive(Clone, Debug, PartialEq)]
pub enum AudioPlan {
    /// No sound in the output.
    None,
    /// Packets copied.
    Copy,
    /// Decoded and encoded to AAC, once for all renditions that want the same.
    Aac(AacPlan),
}

/// How sound is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AacPlan {
    /// Bits per second.
    pub bits_per_second: u64,
    /// Samples per second.
    pub sample_rate: u32,
    /// Channels: 1, 2, or the source's.
    pub channels: u32,
}
