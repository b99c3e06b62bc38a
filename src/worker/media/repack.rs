//! Bringing a recording into the container that all cached files have: its packets as they are where that container holds
//! them, else encoded. Blocks; a stop comes through the interrupt.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::{Limits, MediaError};
use crate::av::Interrupt;
use crate::media::{Container, MediaInfo, RateControlMode};
use crate::proof::{self, Accepted, ProofError, VerifiedFile};
use crate::room::RoomSource;
use crate::transcode::plan::{Action, AudioPlan, Plan, PlanError, plan};
use crate::transcode::{self, Finished, Identity, Job, Request, TranscodeError, x264};
use crate::worker::progress::Stage;
use crate::worker::{Progress, place};

/// How it is to be done.
#[derive(Clone, Debug)]
pub(super) struct Manner {
    /// A source that ends early is taken as far as it goes.
    pub(super) accept_truncated: bool,
    /// Threads that encode, where that is needed.
    pub(super) jobs: usize,
    /// How much work is taken on.
    pub(super) limits: Limits,
    /// Who gives room to the files that are made.
    pub(super) rooms: Arc<dyn RoomSource>,
    /// Ends it early.
    pub(super) interrupt: Interrupt,
}

/// A recording in the cache's container.
#[derive(Debug)]
pub(super) struct Repacked {
    /// It, proven against what went in.
    pub(super) file: VerifiedFile,
    /// What was done, one sentence fragment each.
    pub(super) notes: Vec<String>,
}

/// Makes of `source` the file that goes into the cache, in the same `folder`. What it needed on the way is gone afterwards.
pub(super) fn repack(
    folder: &Path,
    source: &Accepted,
    manner: &Manner,
    progress: &Progress,
) -> Result<Repacked, MediaError> {
    let plan = decide(&source.info, manner.accept_truncated)?;
    manner.limits.check_work(&source.info, &plan)?;
    let finished = carry_out(folder, source, &plan, manner, progress)?;
    // The engine has held it to what went in; here it becomes something that can be committed.
    let accepted = proof::accept(&place::repacked(folder), false, &manner.interrupt)?;
    Ok(Repacked { file: accepted.file, notes: notes(&source.info, &plan, finished) })
}

/// Decides what is done: where anything can be copied, it is, whatever its rate; nobody asked for a smaller file.
fn decide(info: &MediaInfo, accept_truncated: bool) -> Result<Plan, PlanError> {
    let encoded = Request {
        container: Some(Container::Flv),
        accept_truncated,
        has_avx512: x264::has_avx512(),
        ..Request::default()
    };
    let mut copied = encoded.clone();
    copied.rate_control.mode = Some(RateControlMode::Copy);
    match plan(info, &copied) {
        Err(PlanError::NothingToCopy { .. }) => plan(info, &encoded),
        decided => decided,
    }
}

fn carry_out(
    folder: &Path,
    source: &Accepted,
    plan: &Plan,
    manner: &Manner,
    progress: &Progress,
) -> Result<Finished, MediaError> {
    let (output, work_folder) = (place::repacked(folder), place::repacking(folder));
    fs::create_dir(&work_folder).map_err(MediaError::file("create", &work_folder))?;
    let (path, info) = (source.file.path(), &source.info);
    let unreadable = |error| ProofError::Read { path: path.to_owned(), source: error };
    let identities = plan.renditions.iter().map(|rendition| Identity::of(path, plan, rendition));
    let identities: Vec<Identity> = identities.collect::<Result<_, _>>().map_err(unreadable)?;
    let job = Job {
        source: path,
        info,
        plan,
        outputs: &[output],
        work_folders: std::slice::from_ref(&work_folder),
        identities: &identities,
        finished: &[None],
        jobs: manner.jobs,
        overwrite: true,
        verify: true,
        rooms: Some(Arc::clone(&manner.rooms)),
    };
    let counters = Arc::new(super::counters(info, plan));
    progress.show(Stage::Repacking, Arc::clone(&counters));
    let outcome = transcode::run(&job, &counters, &manner.interrupt);
    let result = outcome.renditions.into_iter().next().map_or(Err(TranscodeError::FeedEnded), |one| one.result);
    // What is left of it would only take room: the next try begins with what was fetched.
    fs::remove_dir_all(&work_folder).map_err(MediaError::file("remove", &work_folder))?;
    Ok(result?)
}

/// Returns what was done to it, and why.
fn notes(info: &MediaInfo, plan: &Plan, finished: Finished) -> Vec<String> {
    let (from, to) = (info.container.name(), plan.container.name());
    let done = plan.renditions.iter().map(|rendition| match (&rendition.action, &rendition.audio) {
        (Action::Transcode(_) | Action::Sound, _) => {
            format!("came as {from}, transcoded to {to}: {}", rendition.reasons.join(", "))
        }
        (_, AudioPlan::Aac(_)) => format!("came as {from}, remuxed to {to}, its sound transcoded"),
        _ => format!("came as {from}, remuxed to {to}"),
    });
    done.chain(plan.notes.iter().cloned()).chain(finished.repairs).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::VideoCodec;
    use crate::transcode::sample;

    #[test]
    fn what_the_container_holds_is_copied_whatever_its_rate_and_the_rest_encoded() {
        let mut info = MediaInfo { container: Container::Mp4, ..sample::lesson() };
        let video = info.video.as_mut().unwrap();
        video.bytes *= 100;
        let decided = decide(&info, false).unwrap();
        assert_eq!((decided.container, &decided.renditions[0].action), (Container::Flv, &Action::Remux));
        info.video.as_mut().unwrap().codec = VideoCodec::Hevc;
        assert!(matches!(decide(&info, false).unwrap().renditions[0].action, Action::Transcode(_)));
        info.video = None;
        assert_eq!(decide(&info, false).unwrap().renditions[0].action, Action::Remux);
        info.audio = None;
        assert_eq!(decide(&info, false), Err(PlanError::NoVideo));
    }
}
