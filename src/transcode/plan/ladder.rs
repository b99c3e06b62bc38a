//! The ladder: every rendition asked for with its size, its action and its reasons, largest first, twins merged.

use super::fit::{self, Wish};
use super::size::{self, Size};
use super::{Action, DEEP, PlanError, RenditionPlan, VideoPlan, is_copy_asked, rate, sound};
use crate::media::{Container, Dynamics, Encoder, LibavEncoder, MediaInfo, Range, VideoInfo};
use crate::transcode::{RenditionRequest, Request, encoder, filter, x264};

/// Returns the renditions in the order of the plan.
pub(super) fn plan(
    info: &MediaInfo,
    video: &VideoInfo,
    request: &Request,
    container: Container,
) -> Result<Vec<RenditionPlan>, PlanError> {
    let mut rungs = Vec::new();
    for rendition in rungs_asked(video, request)? {
        let size = size::of_rendition(rendition.name, video)?;
        rungs.push((size, rung(info, video, request, &rendition, container, size)?));
    }
    let renditions = merge(rungs)?;
    refuse_empty(&renditions)?;
    Ok(renditions)
}

/// Returns the rungs as asked, repetitions dropped; none asked means the source's own size.
fn rungs_asked(video: &VideoInfo, request: &Request) -> Result<Vec<RenditionRequest>, PlanError> {
    if request.renditions.is_empty() {
        return Ok(vec![RenditionRequest::plain(size::name_of_source(size::of_source(video)?))]);
    }
    let mut rungs: Vec<RenditionRequest> = Vec::new();
    for rendition in &request.renditions {
        match rungs.iter().find(|known| known.name == rendition.name) {
            None => rungs.push(rendition.clone()),
            Some(known) if known == rendition => {}
            Some(_) => return Err(PlanError::RenditionTwice { name: rendition.name.to_string() }),
        }
    }
    Ok(rungs)
}

fn rung(
    info: &MediaInfo,
    video: &VideoInfo,
    request: &Request,
    rendition: &RenditionRequest,
    container: Container,
    size: Size,
) -> Result<RenditionPlan, PlanError> {
    let (audio, audio_reason) = sound::plan(info.audio.as_ref(), request.audio, container, size.short_side());
    let source_size = size::of_source(video)?;
    let wish = Wish { info, video, request, rendition, container, source_size, size, audio: &audio };
    let (action, mut reasons) = action(&wish)?;
    // A source of 1079 lines is made with 1078 and goes by 1080P: that is rounding, and not worth a word.
    if rendition.name.short_side() > size.short_side().max(size::name_of_source(source_size).short_side()) {
        reasons.insert(0, format!("the source is {}x{} and not enlarged", source_size.width, source_size.height));
    }
    // What would become of the sound of a file that is not made helps nobody.
    if action != Action::Refuse {
        reasons.extend(audio_reason);
    }
    Ok(RenditionPlan { name: rendition.name, merged: Vec::new(), action, reasons, audio })
}

/// Decides between keeping and encoding; who insists on copying is refused instead of being served with something else.
fn action(wish: &Wish) -> Result<(Action, Vec<String>), PlanError> {
    let insisted = is_copy_asked(wish.request);
    let reasons = if insisted { fit::refusals(wish) } else { fit::obstacles(wish) };
    match (reasons.is_empty(), insisted) {
        (true, _) => Ok(keep(wish, insisted)),
        (false, true) => Ok((Action::Refuse, reasons)),
        (false, false) => encode(wish, reasons),
    }
}

/// Returns the gentlest way of keeping the picture as it is.
fn keep(wish: &Wish, insisted: bool) -> (Action, Vec<String>) {
    let differences = fit::differences(wish.info, wish.container, wish.audio);
    let why = if insisted { "copied as asked".to_owned() } else { fits(wish) };
    let mut reasons = vec![why];
    if wish.video.range == Range::Full {
        reasons.push("full range kept".to_owned());
    }
    if differences.is_empty() {
        return (Action::Copy, reasons);
    }
    reasons.extend(differences);
    (Action::Remux, reasons)
}

fn fits(wish: &Wish) -> String {
    let (codec, depth) = (&wish.video.codec, wish.video.pixel_format.bit_depth);
    let rate = crate::figure::bit_rate(wish.video.bits_per_second());
    let gap = wish.video.longest_keyframe_gap_seconds;
    format!("the picture fits as it is: {codec} {depth}-bit 4:2:0, {rate}, keyframes at most {gap:.1} s apart")
}

/// At the source's own size the steps stand among the obstacles already; scaling alone hides them.
fn encode(wish: &Wish, mut reasons: Vec<String>) -> Result<(Action, Vec<String>), PlanError> {
    if wish.is_scaled() {
        reasons.extend(fit::steps(wish));
    }
    reasons.extend(fit::range_step(wish.video));
    reasons.extend(fit::kept(wish));
    Ok((Action::Transcode(Box::new(settings(wish)?)), reasons))
}

/// Returns the effective settings. The threads follow the size alone: their number changes x264's output, which must
/// not depend on how many cores a machine has.
fn settings(wish: &Wish) -> Result<VideoPlan, PlanError> {
    let (request, rendition, video) = (wish.request, wish.rendition, wish.video);
    let preset = rendition.preset.as_ref().or(request.preset.as_ref());
    let is_deep = wish.keeps_depth();
    Ok(VideoPlan {
        encoder: request.encoder,
        stands_in: None,
        preset: preset.cloned().unwrap_or_else(|| request.encoder.default_preset().to_owned()),
        rate_control: rate::resolve(&request.rate_control, rendition, request.encoder)?,
        width: wish.size.width,
        height: wish.size.height,
        pixel_format: pixel_format(request.encoder, is_deep),
        to_limited_range: video.range == Range::Full,
        tone_map: !is_deep && video.color.dynamics() == Dynamics::High,
        zimg: filter::zimg_takes(video),
        threads: encoder::threads(wish.size.short_side()),
        avoid_avx512: request.encoder == Encoder::X264
            && request.has_avx512
            && !wish.size.width.is_multiple_of(x264::AVX512_SAFE_WIDTH),
        frame_rate: video.frame_rate,
        timing: video.timing,
        keyint_seconds: request.keyint_seconds,
        keyint_bound_seconds: request.keyint_seconds,
        counts_keyframes: false,
        encoder_options: request.encoder_options.clone(),
    })
}

const fn pixel_format(encoder: Encoder, is_deep: bool) -> &'static str {
    match encoder {
        _ if is_deep => DEEP,
        Encoder::Libav(LibavEncoder { pixel_format: Some(format), .. }) => format,
        _ => "yuv420p",
    }
}

/// Sorts largest first and lets one rendition serve for those that would come out the same. Of twins the smallest
/// name stays: it is the true one, the others only asked for more than the source has.
fn merge(mut rungs: Vec<(Size, RenditionPlan)>) -> Result<Vec<RenditionPlan>, PlanError> {
    // Within one size the smallest name comes first, so that it is there for the others to join.
    rungs.sort_by_key(|(size, plan)| (std::cmp::Reverse(size.pixels()), plan.name));
    let mut kept: Vec<(Size, RenditionPlan)> = Vec::new();
    for (size, plan) in rungs {
        let twin = kept.iter_mut().find(|(other, twin)| {
            *other == size
                && twin.action == plan.action
                && twin.audio == plan.audio
                && plan.action != Action::Refuse
        });
        match twin {
            Some((_, twin)) => adopt(twin, &plan),
            None => kept.push((size, plan)),
        }
    }
    Ok(kept.into_iter().map(|(_, plan)| plan).collect())
}

fn adopt(twin: &mut RenditionPlan, other: &RenditionPlan) {
    twin.merged.push(other.name);
    twin.reasons.push(format!("serves for {} too, which would be the same", other.name));
}

/// With nothing left to do the request as a whole is wrong, which a caller must hear before anything is opened.
fn refuse_empty(renditions: &[RenditionPlan]) -> Result<(), PlanError> {
    if renditions.iter().any(|plan| plan.action != Action::Refuse) {
        return Ok(());
    }
    let reason = |plan: &RenditionPlan| format!("{}: {}", plan.name, plan.reasons.join(", "));
    Err(PlanError::NothingToCopy { reasons: renditions.iter().map(reason).collect() })
}
