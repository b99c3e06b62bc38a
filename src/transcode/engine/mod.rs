//! The engine: one demux feeds every rendition, which ends in a lane that muxes, proves and publishes.
//!
//! ```text
//! feed (this thread)            workers (one per job)                      lane (one thread per rendition)
//! demux ┬ picture packets ────▶ chunks: decode once, per rendition ──────▶ journal ─ mux in order ─ prove ─ publish
//!       │                               scale, encode
//!       ├ the same, in one piece: decode ─ deinterlace, turn ─ [queue] ──▶ scale ─ encode ─ mux ─ prove ─ publish
//!       ├ the same, remuxed, and sound alone ─────────────────  [queue] ──▶ mux ─ prove ─ publish
//!       └ sound: packets, or AAC once ────────────────────────  (the same queues)
//! ```
//!
//! Invariants: everything that waits is bounded, so memory does not depend on the source's length; a lane that fails
//! drops its end of the queue and the others go on; a feed that fails never sends the end, so no lane can take half a
//! source for a whole one. A picture encoder ([`encode::PictureEncoder`]) knows nothing of the source's length or of the
//! other renditions: a run of frames is all it needs, be it a chunk or the whole.

mod assemble;
mod chain;
mod chunk;
mod copy;
mod decode;
mod distribute;
mod encode;
mod expect;
mod feed;
mod flight;
mod frame_clock;
mod journal;
mod lane;
mod order;
mod output;
mod pool;
mod repair;
mod schedule;
mod sound;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use self::feed::{Feed, Outlet};
use self::journal::{ChunkFile, ChunkRecord};
use self::lane::Lane;
use self::pool::{Pool, PoolLane};
use super::plan::{Action, AudioPlan, Cut, Plan, RenditionPlan};
use super::{Finished, Outcome, Phase, Progress, RenditionOutcome, TranscodeError, filter};

pub use self::journal::{
    Identity, OutputRecord, finished, has_journal, has_progress, is_journal, is_resumable, remember,
};
use crate::av::{Frame, Interrupt, Packet};
use crate::media::MediaInfo;
use crate::room::RoomSource;

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
    /// What each rendition is made from and with.
    pub identities: &'a [Identity],
    /// The renditions that an earlier run finished; nothing is done for them.
    pub finished: &'a [Option<OutputRecord>],
    /// Threads that decode and encode chunks; 0 counts as 1. The bytes do not depend on it.
    pub jobs: usize,
    /// Whether an output may take the place of a file that has its name.
    pub overwrite: bool,
    /// Whether outputs are proven before they get their names.
    pub verify: bool,
    /// Who gives room to the files in the work folders; nobody where only the disk counts.
    pub rooms: Option<Arc<dyn RoomSource>>,
}

/// What travels in a queue.
enum Unit {
    /// A decoded picture, upright and whole.
    Frame(Frame),
    /// A coded picture, to be copied.
    Picture(Packet),
    /// Coded sound, copied or encoded.
    Sound(Packet),
    /// A finished chunk.
    Encoded(Box<(ChunkFile, ChunkRecord)>),
    /// Everything of the source up to the end of this chunk has been handed out.
    Delivered(usize),
    /// The rendition cannot be encoded.
    Failed(TranscodeError),
    /// The source has been read to its end, and well.
    End(Arc<decode::Tally>),
}

/// Carries `job` out and blocks until every rendition is done or has failed.
pub fn run(job: &Job<'_>, progress: &Progress, interrupt: &Interrupt) -> Outcome {
    let mut made = match start(job, interrupt) {
        Ok((feed, lanes)) => carry_out(job, feed, lanes, progress, interrupt),
        Err(error) => wanted(job).map(|_| Err(TranscodeError::shared(&error))).collect(),
    }
    .into_iter();
    let result = |index: usize| match &job.finished[index] {
        Some(record) => {
            progress.renditions[index].enter(Phase::Done);
            lane::found(job, index, record, interrupt)
        }
        None => made.next().unwrap_or(Err(TranscodeError::FeedEnded)),
    };
    let results: Vec<_> = (0..job.plan.renditions.len()).map(result).collect();
    let renditions = job.plan.renditions.iter().zip(job.outputs).zip(results);
    let renditions = renditions
        .map(|((rendition, path), result)| RenditionOutcome { name: rendition.name, path: path.clone(), result })
        .collect();
    Outcome { renditions }
}

/// Returns the renditions that are to be made, by their places in the plan.
fn wanted<'a>(job: &'a Job<'_>) -> impl Iterator<Item = usize> + use<'a> {
    (0..job.plan.renditions.len()).filter(|&index| job.finished[index].is_none())
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

/// Returns why the encoder of `plan` cannot be had on this machine, where it is one whose device may not be there. A
/// mistyped option is not among the reasons: [`try_encoders`] tells that.
pub fn unavailable(plan: &Plan) -> Option<String> {
    plan.renditions.iter().find_map(|rendition| match &rendition.action {
        Action::Transcode(video) => encode::unavailable(video),
        _ => None,
    })
}

/// Opens the source and what each rendition needs of it.
fn start<'a>(
    job: &'a Job<'a>,
    interrupt: &Interrupt,
) -> Result<(Option<Feed>, Vec<Started<'a>>), Arc<TranscodeError>> {
    let mut feed = None;
    if wanted(job).any(|index| flows(&job.plan.renditions[index])) {
        feed = Some(Feed::open(job, interrupt).map_err(Arc::new)?);
    }
    let mut lanes = Vec::new();
    for index in wanted(job) {
        let rendition = &job.plan.renditions[index];
        let (mut queue, mut sender) = (None, None);
        if let (Some(feed), true) = (&mut feed, flows(rendition)) {
            let (into, out) = sync_channel(QUEUE_UNITS);
            feed.add_outlet(Outlet::new(into.clone(), rendition));
            (queue, sender) = (Some(out), Some(into));
        }
        let lane = Lane::new(job, index, queue, feed.as_ref()).map_err(Arc::new)?;
        lanes.push(Started { index, lane, sender });
    }
    Ok((feed, lanes))
}

/// A lane that is about to run.
struct Started<'a> {
    index: usize,
    lane: Lane<'a>,
    /// Its queue's other end.
    sender: Option<SyncSender<Unit>>,
}

/// Returns whether a rendition takes packets or frames from the feed.
fn flows(rendition: &RenditionPlan) -> bool {
    matches!(rendition.action, Action::Remux | Action::Transcode(_) | Action::Sound)
}

/// Runs the feed on this thread, a thread per lane, and the workers.
fn carry_out<'a>(
    job: &'a Job<'a>,
    feed: Option<Feed>,
    mut lanes: Vec<Started<'a>>,
    progress: &Progress,
    interrupt: &Interrupt,
) -> Vec<Result<Finished, TranscodeError>> {
    let pool = match feed.as_ref().map(|feed| pool(job, feed, &mut lanes, progress, interrupt)).transpose() {
        Ok(pool) => pool.flatten(),
        Err(error) => {
            let error = Arc::new(error);
            return lanes.iter().map(|_| Err(TranscodeError::shared(&error))).collect();
        }
    };
    let pool = pool.as_ref();
    thread::scope(|scope| {
        let mut handles = Vec::new();
        for Started { index, lane, sender } in lanes {
            // From here on its queue ends when the feed and the pool let go of it.
            drop(sender);
            let counters = &progress.renditions[index];
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
        let fed = match pool {
            Some(pool) => pool.run(job.jobs, || feed.map_or(Ok(true), |feed| feed.run(Some(pool), interrupt))),
            None => feed.map_or(Ok(true), |feed| feed.run(None, interrupt)).map(drop).map_err(Arc::new),
        };
        handles
            .into_iter()
            .map(|handle| match handle {
                Ok(handle) => judge(handle.join(), &fed),
                Err(source) => Err(TranscodeError::Thread { source }),
            })
            .collect()
    })
}

/// Returns the pool for the renditions that are made in chunks, if there are any.
fn pool<'a>(
    job: &'a Job<'a>,
    feed: &Feed,
    lanes: &mut [Started<'_>],
    progress: &'a Progress,
    interrupt: &'a Interrupt,
) -> Result<Option<Pool<'a>>, TranscodeError> {
    let Cut::Chunks(chunks) = &job.plan.cut else { return Ok(None) };
    let mut pooled = Vec::new();
    let mut tallies = vec![None; chunks.len()];
    for Started { index, lane, sender } in lanes {
        let (Some(rendering), Some(sender)) = (lane.take_rendering(), sender.take()) else { continue };
        for (&index, record) in lane.chunks() {
            tallies[index] = Some(record.tally.clone());
        }
        let done = lane.chunks().keys().copied().collect();
        let (paths, progress) = (lane.journal().paths(), &progress.renditions[*index]);
        pooled.push(PoolLane { rendering, paths, rooms: job.rooms.clone(), progress, done, sender });
    }
    // What is encoded may all have been finished before, and a remux be left.
    if pooled.is_empty() {
        return Ok(None);
    }
    let prepare = filter::prepare(&job.plan.prepare);
    let Some(video) = feed.video() else { return Ok(None) };
    let video = video.duplicate()?;
    Ok(Some(Pool::new(chunks, video, prepare, pooled, tallies, job.jobs, interrupt)))
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
