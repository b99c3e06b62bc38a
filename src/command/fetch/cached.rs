//! `reelmill fetch --cache`: one recording into the node's cache, by whoever has that open, else by this process.

use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use url::Url;

use super::progress::{self, Live};
use super::serve::Fetching;
use super::{settings, wire};
use crate::av::Interrupt;
use crate::cache::Key;
use crate::cli::FetchArgs;
use crate::command::cache::{self, Place};
use crate::command::signal::{SignalWatch, stopping};
use crate::command::{CommandError, Console, config};
use crate::config::{Reading, Variables};
use crate::control::{self, ControlError, Fetched, Handler, Progress, Reply, Request};
use crate::download::parse_url;
use crate::failure::{ExitCode, Failure, FailureClass};
use crate::figure;
use crate::telemetry::printable;
use crate::worker::Stop;

/// What others are told of this process.
const ROLE: &str = "reelmill fetch --cache";
/// Between its lock and its socket, and at its end between its socket and its lock, a process has the cache and hears
/// nobody; that takes a moment, of a large database some seconds.
const TRIES: usize = 50;
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(100);

/// Runs the command and prints what came of it.
pub(super) fn run(
    args: &FetchArgs,
    key: &str,
    variables: &Variables,
    console: &Console,
) -> Result<ExitCode, CommandError> {
    let began = Instant::now();
    // Words that mean nothing are told before anything is opened or dialled.
    let key = Key::parse(key).map_err(CommandError::stage)?;
    let url = parse_url(&args.url).map_err(CommandError::stage)?;
    let reading = config::read_without_secrets(&args.files, variables)?;
    let place = Place::configured(&reading.config);
    let request = Request::Fetch {
        key: key.to_string(),
        url: url.to_string(),
        sha256: args.sha256.clone(),
        accept_truncated: args.accept_truncated || place.accept_truncated,
    };
    let mut live = Live::new(progress::display(args.progress, &key.to_string(), console));
    let node = Node { args, reading, place };
    let reply = node.carry_out(&request, &mut |progress| live.show(progress), console);
    live.end();
    match reply? {
        Reply::Fetched(fetched) => tell(args, &url, &fetched, began.elapsed(), console)?,
        other => return Err(CommandError::stage(ControlError::Line(format!("{other:?}")))),
    }
    Ok(ExitCode::Done)
}

/// The node whose cache it is.
struct Node<'a> {
    args: &'a FetchArgs,
    reading: Reading,
    place: Place,
}

impl Node<'_> {
    /// Has the request carried out by the process that has the cache, else by this one.
    fn carry_out(
        &self,
        request: &Request,
        progress: &mut dyn FnMut(Progress),
        console: &Console,
    ) -> Result<Reply, CommandError> {
        let (ask, told) = watch::channel(false);
        let stop = Stop { told, interrupt: Interrupt::default() };
        let engine = stopping(&stop.interrupt);
        let signals = SignalWatch::start(
            move || {
                engine();
                ask.send_replace(true);
            },
            console,
        )?;
        for tries_left in (0..TRIES).rev() {
            // Nothing here needs a clean end as long as the other one works.
            let asked = signals.while_asking(|| control::ask(&self.place.data_folder, request, progress));
            match asked {
                Err(error) if is_left_to_us(&error) => {}
                result => return result.map_err(CommandError::stage),
            }
            let error = match self.take(&stop) {
                Ok(fetching) => {
                    let result = self.by_ourselves(fetching, request, progress);
                    return result.map_err(|error| signals.attribute(error));
                }
                Err(error) => error,
            };
            let is_in_use = matches!(error.failure().code(), "DB_IN_USE" | "CACHE_IN_USE");
            if !is_in_use || tries_left == 0 || signals.exit_code().is_some() {
                return Err(error);
            }
            thread::sleep(PAUSE);
        }
        unreachable!("the last try returns")
    }

    /// Takes the database and the cache.
    fn take(&self, stop: &Stop) -> Result<Fetching, CommandError> {
        let Self { args, reading, place } = self;
        let budget = settings::budget(args, reading);
        let downloader = settings::downloader(args, reading, &budget).map_err(CommandError::stage)?;
        let serving = cache::open(place, ROLE, stop.interrupt.clone())?;
        Ok(Fetching::new(serving, downloader, settings::own_rate(args, reading), budget, stop.clone()))
    }

    fn by_ourselves(
        &self,
        fetching: Fetching,
        request: &Request,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Reply, CommandError> {
        let fetching = std::sync::Arc::new(fetching);
        let server = cache::serve(&self.place.data_folder, fetching.clone());
        let result = fetching.handle(request.clone(), progress);
        // What others asked of us meanwhile is finished before the cache closes.
        drop(server);
        result.map_err(CommandError::stage)
    }
}

/// Returns whether nobody carries the request out, or whoever did was stopped or ended: what it has got so far is there to
/// go on from.
fn is_left_to_us(error: &ControlError) -> bool {
    match error {
        ControlError::Nobody(_) | ControlError::Broken(_) => true,
        ControlError::Failed(failed) => failed.class() == FailureClass::Cancelled,
        _ => false,
    }
}

fn tell(
    args: &FetchArgs,
    url: &Url,
    fetched: &Fetched,
    took: Duration,
    console: &Console,
) -> Result<(), CommandError> {
    if args.json {
        return console.print(&wire::cached_document(url, fetched, took.as_secs_f64()));
    }
    if console.quiet {
        return Ok(());
    }
    let of_download = fetched.download.iter().flat_map(|download| &download.notes);
    for note in of_download.chain(&fetched.notes) {
        console.remark(&format!("note: {note}"));
    }
    console.print(&line(fetched, took, console))
}

/// Returns `22/6666_720P: fetched, 85.2 MiB, in 0:12 (7.1 MiB/s)`, and where it is and its hash below.
fn line(fetched: &Fetched, took: Duration, console: &Console) -> String {
    let paint = console.stdout;
    let what = match fetched.state.as_str() {
        "present" => "in the cache already",
        "replaced" => "fetched into the cache, in the place of another version",
        _ => "fetched into the cache",
    };
    let key = printable(&fetched.key);
    let mut text = format!("{}: {what}, {}", paint.strong(&key), figure::bytes(fetched.bytes));
    if let Some(download) = &fetched.download {
        if download.resumed_from_bytes > 0 {
            text.push_str(&format!(", {} of it were here", figure::bytes(download.resumed_from_bytes)));
        }
        #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
        let rate = figure::byte_rate(download.fetched_bytes as f64 / took.as_secs_f64());
        text.push_str(&format!(", in {} ({rate})", figure::length(took.as_secs_f64())));
    }
    let path = printable(&fetched.path);
    format!("{text}\n  {}    {path}\n  {}  {}", paint.faint("path"), paint.faint("sha256"), fetched.sha256)
}
