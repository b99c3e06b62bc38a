//! `reelmill fetch`: one recording from its origin, for people and scripts; into a file, or into the cache (`cached`).

mod cached;
mod progress;
pub(super) mod serve;
pub(super) mod settings;
mod wire;

use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use self::settings::Budget;
use super::check::{self, Existing};
use super::engine::{self, Interrupt};
use super::output::Target;
use super::signal::{SignalWatch, stopping};
use super::{CommandError, Console, config};
use crate::cli::FetchArgs;
use crate::config::Variables;
use crate::download::{
    DownloadError, Downloader, Fetched, Progress, Report, Request, follow, parse_url, sidecar_path,
};
use crate::failure::{ExitCode, FailureClass};
use crate::figure;
use crate::telemetry::printable;

/// Runs the command and prints what came of it.
pub(super) fn run(args: &FetchArgs, variables: &Variables, console: &Console) -> Result<ExitCode, CommandError> {
    if let Some(key) = &args.cache {
        return cached::run(args, key, variables, console);
    }
    let began = Instant::now();
    let reading = config::read_without_secrets(&args.files, variables)?;
    let request = Request { rate: settings::own_rate(args, &reading), ..decide(args, console)? };
    let budget = settings::budget(args, &reading);
    let downloader = settings::downloader(args, &reading, &budget).map_err(CommandError::stage)?;
    let (ask, stop) = watch::channel(false);
    let interrupt = Interrupt::default();
    let engine = stopping(&interrupt);
    let signals = SignalWatch::start(
        move || {
            engine();
            ask.send_replace(true);
        },
        console,
    )?;
    let report = fetch(args, &downloader, &budget, &request, stop, console)
        .and_then(|fetched| accept(args, fetched, &interrupt))
        .and_then(|fetched| fetched.publish().map_err(CommandError::stage))
        .map_err(|error| signals.attribute(error))?;
    tell(args, &request, &report, began.elapsed(), console)?;
    Ok(ExitCode::Done)
}

/// Checks what can be checked before anything is dialled; returns what to fetch.
fn decide(args: &FetchArgs, console: &Console) -> Result<Request, CommandError> {
    let url = parse_url(&args.url).map_err(CommandError::stage)?;
    if args.output.as_deref() == Some(Path::new("-")) {
        return Err(CommandError::Usage("a download is a file: stdout could not be resumed or proven".to_owned()));
    }
    let target = Target::of(args.output.as_deref(), Path::is_dir);
    let output = match (&target, FetchArgs::name(&url)) {
        (Target::File(path), _) => path.clone(),
        (Target::Folder(folder), Some(name)) => folder.join(name),
        (Target::BesideSource, Some(name)) => PathBuf::from(name),
        (_, None) => return Err(CommandError::NamelessUrl(url.path().to_owned())),
    };
    check::folder(&target)?;
    let existing = Existing::of(args.overwrite, args.no_overwrite, console.can_ask);
    // What a killed run had named already is recognized by the download itself, from what that run left.
    let may_be_finished = sidecar_path(&output).is_file();
    let is_replaced = !may_be_finished && check::output(&output)?;
    if is_replaced {
        check::overwriting(std::slice::from_ref(&output), existing, console)?;
    }
    Ok(Request {
        url,
        output,
        resume: !args.no_resume,
        // Whoever agreed to lose one agreed; whoever was not asked did not.
        overwrite: args.overwrite || is_replaced,
        sha256: args.sha256.clone(),
        bytes_max: None,
        rate: None,
        room: None,
    })
}

/// Fetches, and shows meanwhile how far it is.
fn fetch(
    args: &FetchArgs,
    downloader: &Downloader,
    budget: &Budget,
    request: &Request,
    stop: watch::Receiver<bool>,
    console: &Console,
) -> Result<Fetched, CommandError> {
    let progress = Progress::default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| CommandError::stage(DownloadError::Thread(error)))?;
    let name = request.output.file_name().unwrap_or_default().to_string_lossy();
    let display = progress::display(args.progress, &name, console);
    // Never sent on: its end is the sign.
    let (running, over) = sync_channel::<()>(0);
    thread::scope(|scope| {
        if let Some(display) = display {
            let progress = &progress;
            scope.spawn(move || progress::follow(progress, display, &over));
        }
        let result = runtime.block_on(async {
            tokio::select! {
                result = downloader.fetch(request, &progress, stop) => result,
                () = keep_budget(downloader, budget) => unreachable!("the rate is kept for as long as it is fetched"),
            }
        });
        drop(running);
        // A resolver that does not answer must not keep us.
        runtime.shutdown_background();
        result.map_err(CommandError::stage)
    })
}

/// Keeps the rate at that of the hour, for ever.
pub(super) async fn keep_budget(downloader: &Downloader, budget: &Budget) {
    // Without windows the rate is set already, and nothing is to be looked at.
    if budget.windows.is_empty() {
        return std::future::pending().await;
    }
    #[expect(clippy::disallowed_methods, reason = "windows are times of the clock on the wall, jumps and all")]
    let clock = || jiff::Zoned::now().time();
    follow(&downloader.limit, budget.usual, &budget.windows, clock).await;
}

/// With `--media` looks into the file before it gets its name.
fn accept(args: &FetchArgs, fetched: Fetched, interrupt: &Interrupt) -> Result<Fetched, CommandError> {
    if !args.media {
        return Ok(fetched);
    }
    match engine::probe(fetched.path(), interrupt) {
        Ok(_) => Ok(fetched),
        Err(error) => {
            // A stop is no verdict on the file.
            if error.failure().class() != FailureClass::Cancelled {
                fetched.discard().map_err(CommandError::stage)?;
            }
            Err(error)
        }
    }
}

fn tell(
    args: &FetchArgs,
    request: &Request,
    report: &Report,
    took: Duration,
    console: &Console,
) -> Result<(), CommandError> {
    if args.json {
        return console.print(&wire::fetch_document(request, report, took.as_secs_f64()));
    }
    if console.quiet {
        return Ok(());
    }
    for note in &report.notes {
        console.remark(&format!("note: {note}"));
    }
    console.print(&line(request, report, took, console))
}

/// Returns `lesson.flv: 85.2 MiB, 12.1 MiB fetched in 0:12 (1.0 MiB/s)` and the hash below.
fn line(request: &Request, report: &Report, took: Duration, console: &Console) -> String {
    let path = printable(&request.output.to_string_lossy()).into_owned();
    let mut text = format!("{}: {}", console.stdout.strong(&path), figure::bytes(report.bytes));
    if report.resumed_from > 0 {
        text.push_str(&format!(", {} of it were here", figure::bytes(report.resumed_from)));
    }
    if report.fetched > 0 {
        #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
        let rate = figure::byte_rate(report.fetched as f64 / took.as_secs_f64());
        text.push_str(&format!(", fetched in {} ({rate})", figure::length(took.as_secs_f64())));
    }
    format!("{text}\n  {} {}", console.stdout.faint("sha256"), report.sha256)
}
