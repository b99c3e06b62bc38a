//! Runs of the whole chain in process: probe, plan, transcode.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use reelmill::av::{Interrupt, probe};
use reelmill::failure::Failure;
use reelmill::media::{Container, RenditionName};
use reelmill::room::RoomSource;
use reelmill::transcode::plan::{Plan, plan};
use reelmill::transcode::x264::has_avx512;
use reelmill::transcode::{Finished, Identity, Job, Progress, RenditionOutcome, RenditionRequest, Request, run};

use super::trap;

/// What a run left behind.
pub(crate) struct Ran {
    pub(crate) plan: Plan,
    pub(crate) renditions: Vec<RenditionOutcome>,
}

impl Ran {
    /// Returns the only rendition's path and result.
    pub(crate) fn only(&self) -> (&Path, &Finished) {
        assert_eq!(self.renditions.len(), 1);
        let rendition = &self.renditions[0];
        (&rendition.path, rendition.result.as_ref().unwrap_or_else(|error| panic!("{error:?}")))
    }
}

/// A request for these rungs in this container, everything encoded.
pub(crate) fn encode(names: &[&str], container: Container) -> Request {
    let renditions =
        names.iter().map(|name| RenditionRequest::plain(RenditionName::parse(name).unwrap())).collect();
    Request {
        renditions,
        container: Some(container),
        force_encode: true,
        has_avx512: has_avx512(),
        ..Request::default()
    }
}

/// How a run is carried out, beside what it makes.
#[derive(Clone, Copy)]
pub(crate) struct Manner {
    /// The folder beside the source that outputs go to.
    pub(crate) folder: &'static str,
    pub(crate) jobs: usize,
    pub(crate) verify: bool,
}

/// As a user would who gives no option, on two cores.
pub(crate) const USUAL: Manner = Manner { folder: "out", jobs: 2, verify: true };

/// Carries `request` out into a folder beside `source`; the error of probing or planning as its code.
pub(crate) fn transcode(source: &Path, request: &Request) -> Result<Ran, &'static str> {
    transcode_as(USUAL, source, request)
}

/// Like [`transcode`], in another manner.
pub(crate) fn transcode_as(manner: Manner, source: &Path, request: &Request) -> Result<Ran, &'static str> {
    transcode_within(None, manner, source, request)
}

/// Like [`transcode_as`], in room that `rooms` gives.
pub(crate) fn transcode_within(
    rooms: Option<Arc<dyn RoomSource>>,
    manner: Manner,
    source: &Path,
    request: &Request,
) -> Result<Ran, &'static str> {
    let interrupt = Interrupt::default();
    let info = probe(source, &interrupt).map_err(|error| error.code())?;
    let plan = plan(&info, request).map_err(|error| error.code())?;
    let folder = source.parent().unwrap().join(manner.folder);
    std::fs::create_dir_all(&folder).unwrap();
    let extension = plan.container.name();
    let outputs: Vec<PathBuf> =
        (plan.renditions.iter()).map(|rendition| folder.join(format!("{}.{extension}", rendition.name))).collect();
    let names: Vec<RenditionName> = plan.renditions.iter().map(|rendition| rendition.name).collect();
    let work = tempfile::tempdir_in(&folder).unwrap();
    let frames = info.video.as_ref().map_or(0, |video| video.packets);
    let progress = Progress::new(&names, frames, info.duration_seconds);
    let work_folders: Vec<PathBuf> = names.iter().map(|name| work.path().join(name.to_string())).collect();
    work_folders.iter().for_each(|folder| std::fs::create_dir(folder).unwrap());
    let identities: Vec<Identity> =
        plan.renditions.iter().map(|rendition| Identity::of(source, &plan, rendition).unwrap()).collect();
    let finished = vec![None; outputs.len()];
    let job = Job {
        source,
        info: &info,
        plan: &plan,
        outputs: &outputs,
        work_folders: &work_folders,
        identities: &identities,
        finished: &finished,
        jobs: manner.jobs,
        overwrite: true,
        verify: manner.verify,
        rooms,
    };
    let renditions = run(&job, &progress, &interrupt).renditions;
    Ok(Ran { plan, renditions })
}

/// Carries `request` out and returns the code it ends with: that of the first failed rendition, or `OK`.
pub(crate) fn outcome(source: &Path, request: &Request) -> &'static str {
    first_code(&transcode(source, request))
}

/// Returns the code that a run ended with: that of the first failed rendition, or `OK`.
pub(crate) fn first_code(ran: &Result<Ran, &'static str>) -> &'static str {
    match ran {
        Err(code) => code,
        Ok(ran) => {
            ran.renditions.iter().find_map(|one| one.result.as_ref().err()).map_or("OK", |error| error.code())
        }
    }
}

/// Says what came of a trap by a run of the whole chain.
pub(crate) fn saw(id: &str, title: &str, ran: &Ran) {
    trap::told(id, title, &told_of(ran));
}

/// Returns what a run came to: the code that it ended with, or what was done, left out and mended, without the numbers,
/// which another version of an encoder may change.
fn told_of(ran: &Ran) -> String {
    let finished = match &ran.renditions[0].result {
        Ok(finished) => finished,
        Err(error) => return error.code().to_owned(),
    };
    let plan = &ran.plan.renditions[0];
    let reasons = plan.reasons.iter().filter(|reason| is_telling(reason));
    let notes = ran.plan.notes.iter().filter(|note| note.starts_with("left out"));
    let words: Vec<String> =
        reasons.chain(notes).chain(&finished.repairs).map(|words| without_numbers(words)).collect();
    let done = plan.action.name();
    if words.is_empty() { format!("{done}, nothing to mend") } else { format!("{done}: {}", words.join("; ")) }
}

/// Returns whether a reason is the trap's, and not the test's way of asking, or a rate that depends on the encoder.
fn is_telling(reason: &str) -> bool {
    let of_the_test = reason.starts_with("--force-encode")
        || reason.ends_with("as asked")
        || reason.ends_with("enlarged")
        || reason.ends_with("what every player has");
    !of_the_test && !reason.contains("bit/s")
}

/// Returns `text` with `n` for each word that is a number; 1 stays, for the grammar's sake.
fn without_numbers(text: &str) -> String {
    let is_number = |word: &str| word != "1" && word.trim_start_matches('(').parse::<f64>().is_ok();
    let words = text.split(' ').map(|word| if is_number(word) { "n" } else { word });
    words.collect::<Vec<_>>().join(" ")
}
