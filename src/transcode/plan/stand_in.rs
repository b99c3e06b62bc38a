//! Encoders that stand in for one whose device is not there.

use super::{Action, RenditionPlan};
use crate::media::Encoder;
use crate::transcode::{RenditionRequest, Request};

/// An encoder that was asked for and cannot be had on this machine.
#[derive(Clone, Debug, PartialEq)]
pub struct StandIn {
    /// It.
    pub asked: Encoder,
    /// Why it cannot be had.
    pub why: String,
    /// The options that are not used, since only that one has them.
    pub unused: Vec<&'static str>,
}

/// Returns who is stood in for, if somebody is.
pub(super) fn of(request: &Request) -> Option<StandIn> {
    let why = request.unavailable.clone()?;
    request.encoder.stand_in().map(|_| StandIn { asked: request.encoder, why, unused: unused(request) })
}

fn unused(request: &Request) -> Vec<&'static str> {
    let has_preset = request.preset.is_some() || request.renditions.iter().any(|one| one.preset.is_some());
    let given = [(has_preset, "--preset"), (!request.encoder_options.is_empty(), "--enc")];
    given.into_iter().filter(|(given, _)| *given).map(|(_, option)| option).collect()
}

/// Returns what is asked of the encoder that stands in: the same, but for what only the other one has.
pub(super) fn request(request: &Request, stand_in: &StandIn) -> Request {
    let plain = |rendition: &RenditionRequest| RenditionRequest { preset: None, ..rendition.clone() };
    Request {
        encoder: stand_in.asked.stand_in().unwrap_or(request.encoder),
        renditions: request.renditions.iter().map(plain).collect(),
        preset: None,
        unused_settings: stand_in.unused.clone(),
        encoder_options: Vec::new(),
        ..request.clone()
    }
}

/// Says in an encoded rendition's reasons who stands in for whom.
pub(super) fn tell(stand_in: Option<&StandIn>, rendition: &mut RenditionPlan) {
    let (Some(stand_in), Action::Transcode(video)) = (stand_in, &mut rendition.action) else { return };
    video.stands_in = Some(Box::new(stand_in.clone()));
    let (asked, used) = (stand_in.asked.name(), video.encoder.name());
    let unused = if stand_in.unused.is_empty() {
        String::new()
    } else {
        format!(" ({} not used)", stand_in.unused.join(", "))
    };
    let why = &stand_in.why;
    rendition
        .reasons
        .push(format!("made by {used} at its own settings{unused}, since {asked} cannot be had here: {why}"));
}
