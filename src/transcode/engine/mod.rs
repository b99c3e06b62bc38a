//! The engine: one demux and one decode feed every rendition, each of which scales, encodes and muxes on a thread of
//! its own.
//!
//! ```text
//! feed (this thread)                         lane (one thread per rendition)
//! demux ─ decode ─ deinterlace, turn ──▶ [queue] ─ scale ─ encode ─ mux ─ prove ─ publish
//!       ├ picture packets (remux) ─────▶ [queue] ──────────────────── mux ─ prove ─ publish
//!       └ sound: packets, or AAC once ─▶ (the same queues)
//! ```
//!
//! Invariants: the queues are bounded, so memory does not depend on the source's length; a lane that fails drops its
//! end of the queue and the others go on; a feed that fails never sends the end, so no lane can take half a source
//! for a whole one. A picture encoder ([`encode::PictureEncoder`]) knows nothing of the source's length or of the
//! other renditions: a run of frames is all it needs, which is where a chunk of frames fits in.

mod chain;
mod copy;
mod decode;
mod encode;
mod expect;
mod feed;
mod lane;
mod output;
mod repair;
mod sound;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread;

use self::feed::{Feed, Outlet};
use self::lane::Lane;
use super::plan::{Action, AudioPlan, Plan, RenditionPlan};
use super::{Finished, Outcome, Phase, Progress, RenditionOutcome, TranscodeError};
use crate::av::{Frame, Interrupt, Packet};
use crate::media::MediaInfo;

/// Frames and packets on the way to one rendition. Enough that a lane which is busy with a hard frame does not stop
/// the decoder at once; each 1080p frame holds 3 MiB, shared between all lanes.
const QUEUE_UNITS: usize = 12;

/// What the engine is handed.
#[derive(Debug)]
pub struct Job<'a> {
    /// The recording.
    pub source: &'a Path,
    /// What probing told of it.
    pub info: &'a MediaInfo,
    /// What to do.
    pub plan: &'a Plan,
    /// One path to each rendition of the plan, in its order.
    pub outputs: &'a [PathBuf],
    /// To each output an existing folder for the unfinished file, on its file system.
    pub work_folders: &'a [PathBuf],
    /// Whether an output may take the place of a file that has its name.
    pub overwrite: bool,
    /// Whether outputs are proven before they get their names.
    pub verify: bool,
}

/// What travels in a queue.
pub(super) enum Unit {
    /// A decoded picture, upright and whole.
    Frame(Frame),
    /// A coded picture, to be copied.
    Picture(Packet),
    /// Coded sound, copied or encoded.
    Sound(Packet),
    /// The source has been read to its end, and well.
    End(Arc<decode::Tally>),
}

/// Carries `job` out and blocks until every rendition is done or has failed.
pub fn run(job: &Job<'_>, progress: &Progress, interrupt: &Interrupt) -> Outcome {
    let results = match start(job, interrupt) {
        Ok((feed, lanes)) => carry_out(feed, lanes, progress, interrupt),
        Err(error) => job.plan.renditions.iter().map(|_| Err(TranscodeError::shared(&error))).collect(),
    };
    let renditions = job.plan.renditions.iter().zip(job.outputs).zip(results);
    let renditions = renditions
        .map(|((rendition, path), result)| RenditionOutcome { name: rendition.name, path: path.clone(), result })
        .collect();
    Outcome { renditions }
}

/// Opens every encoder of `plan` once and closes it again, so that a mistyped option is told before any work.
///
/// # Errors
/// What the encoder says: an option it does not know, settings it does not take.
pub fn try_encoders(plan: &Plan) -> Result<(), TranscodeError> {
    plan.renditions.iter().try_for_each(|rendition| match &rendition.action {
        Action::Transcode(video) => encode::try_out(video),
        _ => Ok(()),
    })
}

/// Opens the source and what each rendition needs of it.
fn start<'a>(
    job: &'a Job<'a>,
    interrupt: &Interrupt,
) -> Result<(Option<Feed>, Vec<Lane<'a>>), Arc<TranscodeError>> {
    let mut feed = None;
    if job.plan.renditions.iter().any(flows) {
        feed = Some(Feed::open(job, interrupt).map_err(Arc::new)?);
    }
    let mut lanes = Vec::new();
    for (index, rendition) in job.plan.renditions.iter().enumerate() {
        let queue = match &mut feed {
            Some(feed) if flows(rendition) => {
                let (sender, receiver) = sync_channel(QUEUE_UNITS);
                feed.add_outlet(Outlet::new(sender, rendition));
                Some(receiver)
            }
            _ => None,
        };
        lanes.push(Lane::new(job, index, queue, feed.as_ref()).map_err(Arc::new)?);
    }
    Ok((feed, lanes))
}

/// Returns whether a rendition takes packets or frames from the feed.
fn flows(rendition: &RenditionPlan) -> bool {
    matches!(rendition.action, Action::Remux | Action::Transcode(_))
}

/// Runs the feed on this thread and a thread per lane.
fn carry_out(
    feed: Option<Feed>,
    lanes: Vec<Lane<'_>>,
    progress: &Progress,
    interrupt: &Interrupt,
) -> Vec<Result<Finished, TranscodeError>> {
    thread::scope(|scope| {
        let mut handles = Vec::new();
        for (lane, counters) in lanes.into_iter().zip(&progress.renditions) {
            let name = format!("rendition-{}", counters.name);
            let work = move || {
                counters.enter(Phase::Running);
                let result = lane.run(counters, interrupt);
                counters.enter(if result.is_ok() { Phase::Done } else { Phase::Failed });
                result
            };
            handles.push(thread::Builder::new().name(name).spawn_scoped(scope, work));
        }
        // A panic in here must not leave the lanes waiting for ever: the feed, and with it every queue's sender, is
        // dropped while unwinding.
        let fed = feed.map_or(Ok(()), |feed| feed.run(interrupt)).map_err(Arc::new);
        handles
            .into_iter()
            .map(|handle| match handle {
                Ok(handle) => judge(handle.join(), &fed),
                Err(source) => Err(TranscodeError::Thread { source }),
            })
            .collect()
    })
}

/// Returns a lane's result; where the lane only saw its queue end too early, the feed knows why.
fn judge(
    joined: thread::Result<Result<Finished, TranscodeError>>,
    fed: &Result<(), Arc<TranscodeError>>,
) -> Result<Finished, TranscodeError> {
    match (joined, fed) {
        (Ok(Err(TranscodeError::FeedEnded)), Err(error)) => Err(TranscodeError::shared(error)),
        (Ok(result), _) => result,
        (Err(payload), _) => Err(TranscodeError::Panicked { message: panic_message(payload.as_ref()) }),
    }
}

fn panic_message(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}

/// Returns whether a rendition's sound is made or copied at all.
fn has_sound(rendition: &RenditionPlan) -> bool {
    rendition.audio != AudioPlan::None
}
