//! Work on media in this process: what a broken recording takes down is us.

use std::path::Path;
use std::sync::Arc;

use super::repack::{Manner, repack};
use super::{Facts, Limits, Media, MediaError, TakeIn, TakenIn, Transcode, Transcoded, encode};
use crate::av::Interrupt;
use crate::media::{Container, MediaInfo, RenditionName};
use crate::proof::{self, Accepted, VerifiedFile};
use crate::room::RoomSource;
use crate::worker::Progress;
use crate::worker::progress::Stage;

/// Works here, by itself on recordings of any length and size.
#[derive(Clone, Copy, Debug, Default)]
pub struct InProcess {
    limits: Limits,
}

impl InProcess {
    /// Returns what works within limits.
    pub fn within(limits: Limits) -> Self {
        Self { limits }
    }
}

impl Media for InProcess {
    fn take_in(
        &self,
        order: &TakeIn,
        rooms: Arc<dyn RoomSource>,
        progress: &Progress,
        interrupt: &Interrupt,
    ) -> Result<TakenIn, MediaError> {
        progress.enter(Stage::Proving);
        let accepted = proof::accept(&order.path, order.accept_truncated, interrupt)?;
        self.limits.check_length(&accepted.info)?;
        let label = order.key_label.and_then(|label| mislabelled(label, &accepted.info));
        let facts = Facts::of(&accepted.info);
        let (file, mut notes) = match accepted {
            Accepted { file, info, notes } if info.container == Container::Flv => (file, notes),
            accepted => {
                let TakeIn { accept_truncated, jobs, .. } = *order;
                let (interrupt, limits) = (interrupt.clone(), self.limits);
                let manner = Manner { accept_truncated, jobs, limits, rooms, interrupt };
                let repacked = repack(&order.folder, &accepted, &manner, progress)?;
                (repacked.file, repacked.notes)
            }
        };
        notes.extend(label);
        Ok(TakenIn { file, notes, facts })
    }

    fn transcode(
        &self,
        order: &Transcode,
        rooms: Arc<dyn RoomSource>,
        progress: &Progress,
        interrupt: &Interrupt,
    ) -> Result<Transcoded, MediaError> {
        encode::transcode(order, &self.limits, rooms, progress, interrupt)
    }

    fn prove(
        &self,
        path: &Path,
        accept_truncated: bool,
        interrupt: &Interrupt,
    ) -> Result<VerifiedFile, MediaError> {
        Ok(proof::accept(path, accept_truncated, interrupt)?.file)
    }
}

/// Returns what to say where the picture's short side is not the one that the file is called after.
fn mislabelled(label: RenditionName, info: &MediaInfo) -> Option<String> {
    let Some(video) = &info.video else { return Some(format!("no picture, labelled {label}")) };
    let (width, height) = video.display_size();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a picture's size in pixels")]
    let own = RenditionName::of_source(width.min(height).round() as u32);
    (own != label).then(|| format!("{own}, labelled {label}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcode::sample;

    #[test]
    fn a_label_that_does_not_fit_is_told() {
        let own = sample::lesson().video.unwrap().height;
        let said = |label: u32| mislabelled(RenditionName::of_source(label), &sample::lesson());
        assert_eq!(said(own), None);
        assert_eq!(said(480), Some(format!("{own}P, labelled 480P")));
        let info = MediaInfo { video: None, ..sample::lesson() };
        let silent = mislabelled(RenditionName::of_source(480), &info);
        assert_eq!(silent.as_deref(), Some("no picture, labelled 480P"));
    }
}
