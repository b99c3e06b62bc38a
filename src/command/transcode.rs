//! `reelmill transcode`: options to request, request to plan, plan to outputs, run, and say what came of it.

pub(super) mod wire;

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use std::thread;

use super::check::{self, Existing};
use super::engine::{self, Identity, Interrupt, Job, OutputRecord};
use super::footprint::{Began, Cost};
use super::output::{self, Target};
use super::signal::{SignalWatch, stopping};
use super::work_folder::{self, Leftovers, WorkFolder};
use super::{CommandError, Console, console, progress, request, table};
use crate::cli::TranscodeArgs;
use crate::failure::{ExitCode, Failure, FailureClass};
use crate::media::{MediaInfo, RenditionName};
use crate::telemetry::printable;
use crate::transcode::plan::{Action, Plan};
use crate::transcode::{Outcome, Progress, TranscodeError};

/// What is to be done, decided and checked.
struct Planned {
    info: MediaInfo,
    plan: Plan,
    outputs: Vec<PathBuf>,
    /// What each rendition is made from and with.
    identities: Vec<Identity>,
    /// Whether files that have the outputs' names may be replaced.
    overwrite: bool,
}

/// Runs the command and prints its result; the exit code tells how much of it succeeded.
pub(super) fn run(args: &TranscodeArgs, console: &Console) -> Result<ExitCode, CommandError> {
    let began = Began::now();
    let target = Target::of(args.output.as_deref(), Path::is_dir);
    let interrupt = Interrupt::default();
    let signals = SignalWatch::start(stopping(&interrupt), console)?;
    let planned = decide(args, &target, &interrupt, console, &signals).map_err(|error| signals.attribute(error))?;
    if args.explain {
        return explain(&args.source, &planned, console);
    }
    check::folder(&target)?;
    let outcome = carry_out(args, &planned, &interrupt, console)?;
    tell(args, &planned, &outcome, began.cost(), console)?;
    Ok(exit_code(&outcome, signals.exit_code()))
}

/// Checks everything that can be checked before work begins, cheapest first, and makes the plan.
fn decide(
    args: &TranscodeArgs,
    target: &Target,
    interrupt: &Interrupt,
    console: &Console,
    signals: &SignalWatch,
) -> Result<Planned, CommandError> {
    target.check_count(args.renditions.len())?;
    let request = request::of(args, target.container(args.container)?)?;
    check::source(&args.source)?;
    let existing = Existing::of(args.overwrite, args.no_overwrite, console.can_ask);
    let consent = |outputs: &[PathBuf]| {
        let found = check::outputs(&args.source, outputs)?;
        found.iter().for_each(|output| work_folder::tidy(&output::work_folder(output)));
        signals.while_asking(|| check::overwriting(&found, existing, console))?;
        // Whoever agreed to lose one agreed; whoever was not asked did not.
        Ok::<bool, CommandError>(args.overwrite || !found.is_empty())
    };
    let mut overwrite = args.overwrite;
    // `--explain` touches nothing and so may be asked about outputs that exist.
    // A file named by the person is known before the source is read, which takes a while for a long one. Where an
    // earlier run left something it may be that run's own output, which only the plan can tell.
    let named = match target {
        Target::File(path) if args.no_resume || !engine::has_journal(&output::work_folder(path)) => {
            std::slice::from_ref(path)
        }
        _ => &[],
    };
    if !args.explain && !named.is_empty() {
        overwrite = consent(named)?;
        check::folder(target)?;
    }
    let info = engine::probe(&args.source, interrupt)?;
    let plan = engine::plan_here(&info, request)?;
    engine::try_encoders(&plan)?;
    let names: Vec<RenditionName> = plan.renditions.iter().map(|rendition| rendition.name).collect();
    // Again, now that the plan is known: the names asked for are not always the names made.
    target.check_count(names.len())?;
    let outputs = target.outputs(&args.source, &names, plan.container);
    let unreadable = |source| CommandError::SourceUnreadable { path: args.source.clone(), source };
    let identities = engine::identities(&args.source, &plan).map_err(unreadable)?;
    let planned = Planned { info, plan, outputs, identities, overwrite };
    if !args.explain && named.is_empty() {
        overwrite = consent(&in_the_way(&planned, args))?;
    }
    Ok(Planned { overwrite, ..planned })
}

/// Returns the outputs that will be written: neither refused by the plan nor finished by an earlier run.
fn in_the_way(planned: &Planned, args: &TranscodeArgs) -> Vec<PathBuf> {
    let Planned { plan, outputs, .. } = planned;
    let finished = finished(planned, args);
    let written = |&index: &usize| plan.renditions[index].action != Action::Refuse && finished[index].is_none();
    (0..outputs.len()).filter(written).map(|index| outputs[index].clone()).collect()
}

/// Returns, per rendition, what an earlier run finished.
fn finished(planned: &Planned, args: &TranscodeArgs) -> Vec<Option<OutputRecord>> {
    let folders: Vec<PathBuf> = planned.outputs.iter().map(|output| output::work_folder(output)).collect();
    let found = |(output, identity): (&PathBuf, &Identity)| {
        let found = || engine::finished(&folders, identity, output);
        if args.no_resume { None } else { found() }
    };
    planned.outputs.iter().zip(&planned.identities).map(found).collect()
}

/// Prints the plan and the equivalent ffmpeg line.
fn explain(source: &Path, planned: &Planned, console: &Console) -> Result<ExitCode, CommandError> {
    let Planned { info, plan, outputs, .. } = planned;
    let source = source.to_string_lossy();
    let outputs: Vec<String> = outputs.iter().map(|path| path.to_string_lossy().into_owned()).collect();
    let text = engine::explain(info, plan, &source, &outputs);
    let line = engine::ffmpeg_line(info, plan, &source, &outputs);
    console.print(&format!("{}\n\n{}", text.trim_end(), line.trim_end()))?;
    Ok(ExitCode::Done)
}

/// Runs the engine on a thread of its own while this one shows progress.
fn carry_out(
    args: &TranscodeArgs,
    planned: &Planned,
    interrupt: &Interrupt,
    console: &Console,
) -> Result<Outcome, CommandError> {
    let Planned { info, plan, outputs, identities, overwrite } = planned;
    let mut claimed = claim(outputs, args)?;
    let finished = finished(planned, args);
    let work_folders: Vec<PathBuf> = claimed.iter().map(|folder| folder.path().to_owned()).collect();
    let verify = !args.no_verify;
    let job = Job {
        source: &args.source,
        info,
        plan,
        outputs,
        work_folders: &work_folders,
        identities,
        finished: &finished,
        jobs: args.jobs.unwrap_or_else(cores),
        overwrite: *overwrite,
        verify,
        rooms: None,
    };
    let progress = progress_of(info, plan);
    let display = progress::display(args.progress, &progress, console);
    let outcome = check_answer(plan, on_a_thread(&job, &progress, interrupt, display)?)?;
    let kept = settle(&mut claimed, identities, &outcome);
    if kept > 0 {
        console.remark("finished chunks are kept; the same command goes on from there");
    }
    Ok(outcome)
}

/// Returns how many threads the machine, or what of it we are allowed, runs at once.
fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// Claims every output's work folder; where one is taken, those claimed already are given back.
fn claim(outputs: &[PathBuf], args: &TranscodeArgs) -> Result<Vec<WorkFolder>, CommandError> {
    let leftovers = if args.no_resume { Leftovers::Remove } else { Leftovers::Resume };
    outputs.iter().map(|output| WorkFolder::claim(&output::work_folder(output), leftovers)).collect()
}

/// Lets go of the work folders that nobody will come back to, and returns how many stay. A run that was stopped, or that
/// the machine could not carry, may be taken up, and then its finished outputs must be known again; what failed for the
/// source's sake would fail the same way.
fn settle(folders: &mut [WorkFolder], identities: &[Identity], outcome: &Outcome) -> usize {
    let may_be_taken_up = |error: &TranscodeError| {
        matches!(error.class(), FailureClass::Cancelled | FailureClass::Capacity | FailureClass::Transient)
    };
    let is_open = |result: &Result<_, TranscodeError>| result.as_ref().is_err_and(may_be_taken_up);
    let any_open = outcome.renditions.iter().any(|rendition| is_open(&rendition.result));
    if !any_open {
        remember(folders, identities, outcome);
    }
    for (folder, rendition) in folders.iter_mut().zip(&outcome.renditions) {
        if !any_open || (rendition.result.is_err() && !is_open(&rendition.result)) {
            folder.forget();
        }
    }
    folders.iter().filter(|folder| folder.stays()).count()
}

/// Lets the folder that goes last know of all finished outputs: a run that is killed while folders go must leave nothing
/// that the next run takes for somebody else's.
fn remember(folders: &[WorkFolder], identities: &[Identity], outcome: &Outcome) {
    let done = || {
        let finished = outcome.renditions.iter().map(|rendition| rendition.result.as_ref().ok());
        finished
            .zip(folders)
            .zip(identities)
            .filter_map(|((file, folder), identity)| Some((file?, folder, identity)))
    };
    let Some((_, last, own)) = done().next_back() else { return };
    let others = done().filter(|(_, _, identity)| *identity != own);
    let records = others.map(|(file, _, identity)| (identity, OutputRecord::of(file)));
    if let Err(error) = engine::remember(last.path(), records) {
        tracing::warn!(path = %last.path().display(), %error, "cannot note what is finished");
    }
}

fn progress_of(info: &MediaInfo, plan: &Plan) -> Progress {
    let names: Vec<RenditionName> = plan.renditions.iter().map(|rendition| rendition.name).collect();
    Progress::new(&names, info.video.as_ref().map_or(0, |video| video.packets), info.duration_seconds)
}

fn on_a_thread(
    job: &Job<'_>,
    progress: &Progress,
    interrupt: &Interrupt,
    display: Option<Box<dyn progress::Display>>,
) -> Result<Outcome, CommandError> {
    thread::scope(|scope| {
        // Nothing is ever sent: the thread's end drops its sender, and that wakes the display at once.
        let (running, over) = sync_channel(1);
        let engine = thread::Builder::new().name("transcode".to_owned()).spawn_scoped(scope, move || {
            let _running = running;
            engine::run(job, progress, interrupt)
        });
        let engine = engine.map_err(|error| CommandError::Engine(error.to_string()))?;
        if let Some(display) = display {
            progress::follow(progress, display, &over);
        }
        engine.join().map_err(|panic| CommandError::Engine(panic_text(&*panic)))
    })
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("for an unknown reason").to_owned()
}

/// An engine that says nothing about a rendition must not look like success.
fn check_answer(plan: &Plan, outcome: Outcome) -> Result<Outcome, CommandError> {
    let (asked, answered) = (plan.renditions.len(), outcome.renditions.len());
    if asked == answered {
        Ok(outcome)
    } else {
        Err(CommandError::Engine(format!("it answered for {answered} of {asked} renditions")))
    }
}

/// Says what came of it: a document for programs or a table for people, and every failure on stderr.
fn tell(
    args: &TranscodeArgs,
    planned: &Planned,
    outcome: &Outcome,
    cost: Cost,
    console: &Console,
) -> Result<(), CommandError> {
    let Planned { info, plan, .. } = planned;
    let any_done = outcome.renditions.iter().any(|rendition| rendition.result.is_ok());
    let printed = if args.json {
        console.print(&wire::transcode_document(&args.source, info, plan, outcome, cost))
    } else if any_done && !console.quiet {
        console.print(&table::table(&args.source, info, plan, outcome, cost, console.stdout))
    } else {
        Ok(())
    };
    // On stderr even when they stand in the table or the document: stdout may lead into a file that nobody watches.
    for (names, error) in failures(outcome) {
        console.screen.say(&console::complaint_about(&names, error, console.stderr));
    }
    for rendition in outcome.renditions.iter().filter(|rendition| rendition.result.is_ok()) {
        tracing::info!(path = %printable(&rendition.path.to_string_lossy()), "finished");
    }
    printed
}

/// Returns the failures, those of one text gathered under all their names: `720P, 480P`.
fn failures(outcome: &Outcome) -> Vec<(String, &TranscodeError)> {
    let mut gathered: Vec<(String, &TranscodeError)> = Vec::new();
    for rendition in &outcome.renditions {
        let Err(error) = &rendition.result else { continue };
        let text = super::chain(error);
        match gathered.iter_mut().find(|(_, earlier)| super::chain(*earlier) == text) {
            Some((names, _)) => names.push_str(&format!(", {}", rendition.name)),
            None => gathered.push((rendition.name.to_string(), error)),
        }
    }
    gathered
}

/// Returns 0 when all is done, the signal's code when one came before that, 6 when some failed, and the first
/// failure's when all did. After a signal the failures say little: a lane may notice its dry queue before the cancel.
fn exit_code(outcome: &Outcome, signal: Option<ExitCode>) -> ExitCode {
    let classes: Vec<FailureClass> = outcome
        .renditions
        .iter()
        .filter_map(|rendition| rendition.result.as_ref().err())
        .map(Failure::class)
        .collect();
    match (classes.first(), signal) {
        (None, _) => ExitCode::Done,
        (Some(_), Some(code)) => code,
        (Some(first), _) if classes.len() == outcome.renditions.len() => ExitCode::from_class(*first),
        _ => ExitCode::Partial,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::table::tests::{failed, finished};

    fn outcome(renditions: Vec<crate::transcode::RenditionOutcome>) -> Outcome {
        Outcome { renditions }
    }

    #[test]
    fn the_exit_code_tells_how_much_succeeded() {
        let code = |renditions, signal| exit_code(&outcome(renditions), signal);
        assert_eq!(code(vec![finished(720), finished(480)], None), ExitCode::Done);
        assert_eq!(code(vec![finished(720), failed(480)], None), ExitCode::Partial);
        assert_eq!(code(vec![failed(720), failed(480)], None), ExitCode::Interrupted);
        let terminated = Some(ExitCode::Terminated);
        assert_eq!(code(vec![finished(720), failed(480)], terminated), ExitCode::Terminated);
        assert_eq!(code(vec![finished(720)], terminated), ExitCode::Done);
    }

    #[test]
    fn one_failure_of_several_renditions_is_told_once() {
        let outcome = outcome(vec![failed(720), finished(480), failed(240)]);
        let told: Vec<_> = failures(&outcome).into_iter().map(|(names, _)| names).collect();
        assert_eq!(told, ["720P, 240P"]);
    }
}
