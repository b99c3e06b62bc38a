//! What is known of a rendition, as a row and as a value.

use crate::booking::decide::{Known, State};
use crate::store::{BookedFile, Rendition, RenditionState};

/// Returns what a row says.
pub(super) fn known_of(row: &Rendition) -> Known {
    let (provider, attempt) = (row.provider.clone(), row.attempt);
    let state = match row.state {
        RenditionState::Transcoding => {
            let deadline_milliseconds = row.deadline_milliseconds.unwrap_or(row.updated_milliseconds);
            State::Transcoding { provider, attempt, deadline_milliseconds }
        }
        RenditionState::Succeeded => {
            let url = Some(row.url.clone()).filter(|url| !url.is_empty());
            State::Succeeded { provider, attempt, url }
        }
        RenditionState::Failed => State::Failed { provider, attempt },
        RenditionState::TimedOut => {
            State::TimedOut { provider, attempt, since_milliseconds: row.updated_milliseconds }
        }
    };
    Known { state, returns: u8::try_from(row.returns).unwrap_or(u8::MAX) }
}

/// Returns the row that says it.
pub(super) fn row_of(file: &BookedFile, known: &Known, now: i64) -> Rendition {
    let mut row = Rendition {
        institution: file.institution.clone(),
        record: file.record.clone(),
        resolution: file.resolution,
        state: RenditionState::Failed,
        provider: String::new(),
        attempt: known.state.attempt(),
        deadline_milliseconds: None,
        url: String::new(),
        returns: known.returns.into(),
        updated_milliseconds: now,
    };
    match &known.state {
        // To whoever comes next, one that failed is as good as one that nobody has.
        State::Absent { .. } => {}
        State::Transcoding { provider, deadline_milliseconds, .. } => {
            row.state = RenditionState::Transcoding;
            row.provider.clone_from(provider);
            row.deadline_milliseconds = Some(*deadline_milliseconds);
        }
        State::Succeeded { provider, url, .. } => {
            row.state = RenditionState::Succeeded;
            row.provider.clone_from(provider);
            row.url = url.clone().unwrap_or_default();
        }
        State::Failed { provider, .. } => row.provider.clone_from(provider),
        State::TimedOut { provider, since_milliseconds, .. } => {
            row.state = RenditionState::TimedOut;
            row.provider.clone_from(provider);
            row.updated_milliseconds = *since_milliseconds;
        }
    }
    row
}
