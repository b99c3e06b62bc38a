//! One rendition of a source for the cache: the plan and the engine of the command line, in a work folder where a try that
//! was killed leaves what it had finished to the next one. Blocks; a stop comes through the interrupt.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Facts, Limits, MediaError, Transcode, Transcoded};
use crate::av::{Interrupt, probe};
use crate::media::{Container, MediaInfo, RateControlMode};
use crate::proof::{self, ProofError};
use crate::room::RoomSource;
use crate::transcode::plan::{Action, Plan, PlanError, plan};
use crate::transcode::{
    self, Finished, Identity, Job, RateControlRequest, RenditionRequest, Request, Resumption, TranscodeError,
    is_resumable, x264,
};
use crate::worker::Progress;
use crate::worker::progress::Stage;

/// Makes the rendition.
pub(super) fn transcode(
    order: &Transcode,
    limits: &Limits,
    rooms: Arc<dyn RoomSource>,
    progress: &Progress,
    interrupt: &Interrupt,
) -> Result<Transcoded, MediaError> {
    progress.enter(Stage::Proving);
    let info = probe(&order.source, interrupt).map_err(ProofError::NoRecording)?;
    limits.check_length(&info)?;
    let plan = decide(&info, order)?;
    limits.check_work(&info, &plan)?;
    prepare(&order.work_folder, order.resume)?;
    let began = Instant::now();
    let finished = carry_out(order, &info, &plan, rooms, progress, interrupt)?;
    let Resumption { chunks, reused, .. } = finished.resumption;
    if reused > 0 {
        tracing::info!(chunks, reused, "went on where an earlier try was");
    }
    let speed = speed(&plan, &finished, began.elapsed());
    // The engine has held it to what went in; here it becomes something that can be committed.
    progress.enter(Stage::Proving);
    let accepted = proof::accept(&order.output, false, interrupt)?;
    let (facts, notes) = (Facts::of(&accepted.info), notes(&plan, finished));
    Ok(Transcoded { file: accepted.file, notes, facts, speed })
}

/// Decides what is done. A preset and a quality are wishes for what is encoded, and no reason to encode what can be copied.
fn decide(info: &MediaInfo, order: &Transcode) -> Result<Plan, PlanError> {
    let request = Request {
        renditions: vec![RenditionRequest::plain(order.resolution)],
        container: Some(Container::Flv),
        accept_truncated: order.accept_truncated,
        has_avx512: x264::has_avx512(),
        ..Request::default()
    };
    let crf = RateControlRequest {
        mode: Some(RateControlMode::Crf),
        crf: Some(order.crf),
        ..RateControlRequest::default()
    };
    let encoded = Request { preset: Some(order.preset.clone()), rate_control: crf, ..request.clone() };
    // Words that mean nothing are refused also where they are not needed.
    let encoded = plan(info, &encoded)?;
    let usual = plan(info, &request)?;
    let is_encoded = usual.renditions.iter().any(|rendition| matches!(rendition.action, Action::Transcode(_)));
    Ok(if is_encoded { encoded } else { usual })
}

/// Makes the work folder, and removes from it what no try can go on from.
fn prepare(folder: &Path, resume: bool) -> Result<(), MediaError> {
    fs::create_dir_all(folder).map_err(MediaError::file("create", folder))?;
    let list = MediaError::file("list", folder);
    for entry in fs::read_dir(folder).map_err(&list)? {
        let entry = entry.map_err(&list)?;
        if resume && entry.file_name().to_str().is_some_and(is_resumable) {
            continue;
        }
        let path = entry.path();
        // The kind of the entry itself: no link is followed.
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let removed = if is_folder { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.map_err(MediaError::file("remove", &path))?;
    }
    Ok(())
}

fn carry_out(
    order: &Transcode,
    info: &MediaInfo,
    plan: &Plan,
    rooms: Arc<dyn RoomSource>,
    progress: &Progress,
    interrupt: &Interrupt,
) -> Result<Finished, MediaError> {
    let unreadable = |error| ProofError::Read { path: order.source.clone(), source: error };
    let identities = plan.renditions.iter().map(|rendition| Identity::of(&order.source, plan, rendition));
    let identities: Vec<Identity> = identities.collect::<Result<_, _>>().map_err(unreadable)?;
    let (outputs, work_folders) = ([order.output.clone()], [order.work_folder.clone()]);
    let finished = identities.first().filter(|_| order.resume);
    let finished = finished.and_then(|identity| transcode::finished(&work_folders, identity, &order.output));
    if finished.is_none() {
        remove(&order.output)?;
    }
    let job = Job {
        source: &order.source,
        info,
        plan,
        outputs: &outputs,
        work_folders: &work_folders,
        identities: &identities,
        finished: &[finished],
        jobs: order.jobs,
        overwrite: true,
        verify: true,
        rooms: Some(rooms),
    };
    let counters = Arc::new(super::counters(info, plan));
    progress.show(Stage::Transcoding, Arc::clone(&counters));
    let outcome = transcode::run(&job, &counters, interrupt);
    let result = outcome.renditions.into_iter().next().map_or(Err(TranscodeError::FeedEnded), |one| one.result);
    Ok(result?)
}

/// Removes what has the output's name: while it is there it takes room that nobody has asked for.
fn remove(output: &Path) -> Result<(), MediaError> {
    match fs::remove_file(output) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(MediaError::file("remove", output)(error)),
        _ => Ok(()),
    }
}

/// Returns how fast it was encoded, as far as it was.
fn speed(plan: &Plan, finished: &Finished, took: Duration) -> Option<f64> {
    let is_encoded = plan.renditions.iter().any(|rendition| matches!(rendition.action, Action::Transcode(_)));
    let resumption = &finished.resumption;
    #[expect(clippy::cast_precision_loss, reason = "a few thousand chunks")]
    let share = match resumption.chunks {
        0 => 1.0,
        chunks => chunks.saturating_sub(resumption.reused) as f64 / chunks as f64,
    };
    let seconds = finished.duration_seconds * share;
    (is_encoded && !finished.is_found && seconds > 0.0 && !took.is_zero()).then(|| seconds / took.as_secs_f64())
}

/// Returns what was done to it, and why.
fn notes(plan: &Plan, finished: Finished) -> Vec<String> {
    let done = plan.renditions.iter().map(|rendition| match &rendition.action {
        Action::Transcode(_) | Action::Sound => format!("transcoded: {}", rendition.reasons.join(", ")),
        Action::Remux => "remuxed".to_owned(),
        _ => "copied".to_owned(),
    });
    done.chain(plan.notes.iter().cloned()).chain(finished.repairs).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Failure;
    use crate::media::RenditionName;
    use crate::transcode::sample;

    fn order(resolution: u32) -> Transcode {
        Transcode {
            source: "source.flv".into(),
            output: "output.flv".into(),
            work_folder: "work".into(),
            resolution: RenditionName::of_source(resolution),
            preset: "veryfast".to_owned(),
            crf: 24.0,
            jobs: 1,
            accept_truncated: false,
            resume: true,
        }
    }

    #[test]
    fn what_is_good_enough_is_copied_and_the_rest_encoded_as_was_wished() {
        let info = sample::lesson();
        let action = |order: &Transcode| decide(&info, order).unwrap().renditions[0].action.clone();
        assert_eq!(action(&order(1080)), Action::Copy);
        let Action::Transcode(video) = action(&order(480)) else { panic!("not encoded") };
        assert_eq!((video.preset.as_str(), video.rate_control), ("veryfast", crate::media::RateControl::Crf(24.0)));
        let refused = decide(&info, &Transcode { preset: "hasty".to_owned(), ..order(1080) });
        assert_eq!(refused.unwrap_err().code(), "USAGE_PRESET");
    }

    #[test]
    fn only_what_the_next_try_can_take_up_stays_in_the_work_folder() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = scratch.path().join("deep/work");
        let names = || {
            let entries = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name());
            let mut names: Vec<_> = entries.map(|name| name.into_string().unwrap()).collect();
            names.sort();
            names
        };
        prepare(&folder, true).unwrap();
        fs::create_dir(folder.join("folder")).unwrap();
        for name in ["journal", "chunk-00001", "480P.flv"] {
            fs::write(folder.join(name), "x").unwrap();
        }
        prepare(&folder, true).unwrap();
        assert_eq!(names(), ["chunk-00001", "journal"]);
        prepare(&folder, false).unwrap();
        assert!(names().is_empty());
    }

    #[test]
    fn speed_counts_what_this_try_has_encoded() {
        let info = sample::lesson();
        let resumption = Resumption { chunks: 4, reused: 1, discarded: None };
        let finished = Finished {
            frames: 1500,
            duration_seconds: 60.0,
            bytes: 1,
            sha256: String::new(),
            width: 854,
            height: 480,
            video_codec: Some("h264".to_owned()),
            audio_codec: None,
            verified: true,
            repairs: Vec::new(),
            resumption,
            is_found: false,
        };
        let ten = Duration::from_secs(10);
        let encoded = decide(&info, &order(480)).unwrap();
        assert_eq!(speed(&encoded, &finished, ten), Some(4.5));
        assert_eq!(speed(&encoded, &Finished { is_found: true, ..finished.clone() }, ten), None);
        assert_eq!(speed(&decide(&info, &order(1080)).unwrap(), &finished, ten), None);
    }
}
