//! Three classes that need the lesson in 480P, and a worker that brings it to them: it is made for the first, shared with the
//! second, and there already for the third.

use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::event::{Events, line};
use super::process::{Place, Worker};
use super::{origin, say, shown};
use crate::cli::{self, Command};
use crate::command::signal::SignalWatch;
use crate::command::{CommandError, Console, book};
use crate::config::Variables;
use crate::failure::ExitCode;

/// Those who book at once, and the one who comes when all is done.
const TOGETHER: [&str; 2] = ["algebra-7a", "algebra-7b"];
const LATER: [&str; 1] = ["algebra-7c"];
/// What the recording is called.
const RECORD: &str = "lesson";
/// All of it takes seconds; on the slowest machine no longer than this.
const PATIENCE: Duration = Duration::from_secs(100);
/// Between two looks at the events: sooner than a person reads a line.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Brings the lesson to its classes.
pub(super) fn run(folder: &Path, lesson: &Path, console: &Console) -> Result<ExitCode, CommandError> {
    let stop = Arc::<AtomicBool>::default();
    let told = Arc::clone(&stop);
    let signals = SignalWatch::start(move || told.store(true, Ordering::SeqCst), console)?;
    let place = Place::below(folder);
    place.begin()?;
    let origin = origin::serve(lesson).map_err(broken)?;
    say(console, &format!("\n$ reelmill worker --config {}", place.config.display()))?;
    let Some(worker) = Worker::start(&place, &stop).map_err(broken)? else {
        if let Some(code) = signals.exit_code() {
            return Ok(code);
        }
        console.remark(&format!("the worker did not begin; {} says why", place.log.display()));
        return Ok(ExitCode::Failure);
    };
    say(console, &format!("ready: http://{}, its log is {}", worker.address, place.log.display()))?;
    let events = Events::of(&worker.address);
    let school = School { origin, place: &place, deadline: Instant::now() + PATIENCE, stop: &stop, console };
    let is_ready = school.open(worker, events)?;
    let code = if is_ready { ExitCode::Done } else { ExitCode::Failure };
    Ok(signals.exit_code().unwrap_or(code))
}

fn broken(error: io::Error) -> CommandError {
    CommandError::Engine(format!("the demo's worker: {error}"))
}

/// What the classes share.
struct School<'a> {
    origin: SocketAddr,
    place: &'a Place,
    deadline: Instant,
    stop: &'a AtomicBool,
    console: &'a Console,
}

impl School<'_> {
    /// Returns whether every class got its recording. The worker has ended then.
    fn open(&self, mut worker: Worker, mut events: Events) -> Result<bool, CommandError> {
        for classes in [&TOGETHER[..], &LATER] {
            for class in classes {
                self.book(class)?;
            }
            say(self.console, "")?;
            if !self.follow(classes, &mut worker, &mut events)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn book(&self, class: &str) -> Result<(), CommandError> {
        let words = words(class, self.origin, self.place);
        say(self.console, &format!("\n$ {}", shown(&words)))?;
        match cli::parse(&words).map(|cli| cli.command) {
            Ok(Command::Book(args)) => book::book(&args, &Variables::default(), self.console).map(drop),
            Ok(_) => Err(CommandError::Engine("the demo's words are another command".to_owned())),
            Err(error) => Err(CommandError::from_usage(&error)),
        }
    }

    /// Prints what happens until these classes have got their recording, or will not.
    fn follow(&self, classes: &[&str], worker: &mut Worker, events: &mut Events) -> Result<bool, CommandError> {
        let (mut ready, mut failed) = (0, 0);
        while ready + failed < classes.len() {
            if self.stop.load(Ordering::SeqCst) {
                return Ok(false);
            }
            if Instant::now() >= self.deadline || worker.has_ended() {
                self.console
                    .remark(&format!("not all classes are ready; {} may say why", self.place.log.display()));
                return Ok(false);
            }
            thread::sleep(LOOK_EVERY);
            for event in events.next().map_err(broken)? {
                say(self.console, &line(&event, self.console.stdout))?;
                ready += usize::from(event.name == "booking.ready");
                failed += usize::from(matches!(event.name.as_str(), "booking.failed" | "booking.cancelled"));
            }
        }
        Ok(failed == 0)
    }
}

/// The booking, as a person would type it.
fn words(class: &str, origin: SocketAddr, place: &Place) -> Vec<OsString> {
    let url = format!("http://{origin}/{RECORD}.flv");
    let plain = ["reelmill", "book", class, "--record", RECORD, "--url", &url, "-r", "480P", "--data-folder"];
    let mut words: Vec<OsString> = plain.map(OsString::from).into();
    words.push(place.data.clone().into());
    words
}

/// Returns what the worker is configured by.
pub(super) fn config(folder: &Path) -> PathBuf {
    Place::below(folder).config
}
