//! A source without a picture: one output with its sound, whatever rungs were asked for.

use super::fit;
use super::{Action, AudioPlan, PlanError, RenditionPlan, rate, sound};
use crate::media::{AudioInfo, Container, Encoder, MediaInfo, Oddity, RenditionName};
use crate::transcode::{AudioRequest, Request};

/// Channels are not mixed down for the sake of a small picture where nobody asked for one.
const NO_SHORT_SIDE: u32 = u32::MAX;

/// Returns the one output, named by the smallest rung that was asked for.
pub(super) fn plan(
    info: &MediaInfo,
    audio: &AudioInfo,
    request: &Request,
    container: Container,
) -> Result<RenditionPlan, PlanError> {
    if request.audio == AudioRequest::None {
        return Err(PlanError::NothingLeft);
    }
    let (name, merged) = names(request);
    let short_side = if request.renditions.is_empty() { NO_SHORT_SIDE } else { name.short_side() };
    // Whoever wants nothing copied means the sound as well where there is nothing else.
    let forced = request.force_encode && request.audio == AudioRequest::Copy;
    let wish = if forced { AudioRequest::Aac(None) } else { request.audio };
    let (sound, why) = sound::plan(Some(audio), wish, container, short_side);
    let (action, fate) = action(info, container, &sound);
    let mut reasons = vec!["there is no picture: the sound alone is kept".to_owned()];
    reasons.extend(forced.then(|| "--force-encode given".to_owned()));
    reasons.extend(why);
    reasons.extend(fate);
    reasons.extend(meaningless(request));
    if !merged.is_empty() {
        let names: Vec<String> = merged.iter().map(ToString::to_string).collect();
        reasons.push(format!("serves for {} too, which would be the same", names.join(", ")));
    }
    Ok(RenditionPlan { name, merged, action, reasons, audio: sound })
}

/// Returns the name of the output, and those that it serves for as well.
fn names(request: &Request) -> (RenditionName, Vec<RenditionName>) {
    let mut names: Vec<RenditionName> = request.renditions.iter().map(|rendition| rendition.name).collect();
    names.sort_unstable();
    names.dedup();
    if names.is_empty() { (RenditionName::AUDIO, names) } else { (names.remove(0), names) }
}

/// Returns what is done, and what differs from the source's file although its packets stay.
fn action(info: &MediaInfo, container: Container, sound: &AudioPlan) -> (Action, Vec<String>) {
    if *sound != AudioPlan::Copy {
        return (Action::Sound, Vec::new());
    }
    let mut differences = fit::differences(info, container, sound);
    differences.extend(info.oddities.iter().filter_map(unclean).map(str::to_owned));
    if differences.is_empty() { (Action::Copy, differences) } else { (Action::Remux, differences) }
}

/// Returns what is done about an oddity of packets that a new file does without.
const fn unclean(oddity: &Oddity) -> Option<&'static str> {
    match oddity {
        Oddity::DamagedPackets { .. } => Some("rewritten without its damaged packets"),
        Oddity::MissingTimestamps { .. } => Some("rewritten, as packets lack their time"),
        _ => None,
    }
}

/// Returns what is said of wishes for a picture.
fn meaningless(request: &Request) -> Option<String> {
    let any = |wants: fn(&crate::transcode::RenditionRequest) -> bool| request.renditions.iter().any(wants);
    let mode = request.rate_control.mode.is_some() || rate::is_asked(&request.rate_control);
    let own_rate = any(|rung| rung.crf.is_some() || rung.bits_per_second.is_some());
    let given = [
        (mode || own_rate, "rate control"),
        (request.preset.is_some() || any(|rung| rung.preset.is_some()), "a preset"),
        (request.encoder != Encoder::X264, "an encoder of pictures"),
        (!request.encoder_options.is_empty(), "--enc"),
    ];
    let given: Vec<&str> = given.into_iter().filter(|(given, _)| *given).map(|(_, what)| what).collect();
    (!given.is_empty()).then(|| format!("without a picture {} means nothing", given.join(", ")))
}
