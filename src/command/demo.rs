//! `reelmill demo`: makes a lesson, transcodes it into a ladder, lets a worker bring it to three classes, and says where
//! everything is. Uses nothing but the linked libraries, and the very commands a person would type.

mod class;
mod event;
mod origin;
mod process;
mod wire;

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use super::{CommandError, Console, engine, transcode};
use crate::atomic_file;
use crate::cli::{self, Command, DemoArgs, TranscodeArgs};
use crate::clip;
use crate::failure::ExitCode;

/// Long enough for four slides and to watch the bars move, short enough for a minute on an old machine.
const LESSON_SECONDS: f64 = 20.0;

/// Runs the command; the exit code is that of the first part that did not succeed.
pub(super) fn run(args: &DemoArgs, console: &Console) -> Result<ExitCode, CommandError> {
    let lesson = args.folder.join("lesson.flv");
    make_lesson(&args.folder, &lesson, console)?;
    let words = words(&args.folder, &lesson);
    say(console, &format!("\n$ {}\n", shown(&words)))?;
    let code = transcode::run(&transcode_args(&words)?, console)?;
    if code != ExitCode::Done {
        return Ok(code);
    }
    say(console, &proven(&args.folder))?;
    let code = class::run(&args.folder, &lesson, console)?;
    if code == ExitCode::Done {
        say(console, &closing(&args.folder, &lesson))?;
    }
    Ok(code)
}

/// Makes the recording unless an earlier demo has; half a clip never has the name.
fn make_lesson(folder: &Path, lesson: &Path, console: &Console) -> Result<(), CommandError> {
    if lesson.is_file() {
        return say(console, &format!("The lesson {} is there from an earlier demo.", lesson.display()));
    }
    let failed = |source| CommandError::OutputUnwritable { path: lesson.to_owned(), source };
    fs::create_dir_all(folder).map_err(failed)?;
    say(console, &format!("Making a 1080p lesson of {LESSON_SECONDS} s: slides, a moving picture, sound …"))?;
    let part = folder.join(".lesson.part");
    engine::make_clip(&clip::lesson(LESSON_SECONDS), &part)?;
    atomic_file::publish(&part, lesson).map_err(failed)
}

/// The command that is run, as a person would type it.
fn words(folder: &Path, lesson: &Path) -> Vec<OsString> {
    let mut out = folder.join("out").into_os_string();
    out.push("/");
    let plain = ["-r", "720P", "-r", "480P", "-r", "240P", "-o"].map(OsString::from);
    let mut words: Vec<OsString> = vec!["reelmill".into(), "transcode".into(), lesson.into()];
    words.extend(plain);
    words.extend([out, "-y".into()]);
    words
}

fn shown(words: &[OsString]) -> String {
    words.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

fn transcode_args(words: &[OsString]) -> Result<TranscodeArgs, CommandError> {
    match cli::parse(words).map(|cli| cli.command) {
        Ok(Command::Transcode(args)) => Ok(*args),
        Ok(_) => Err(CommandError::Engine("the demo's words are another command".to_owned())),
        Err(error) => Err(CommandError::from_usage(&error)),
    }
}

fn proven(folder: &Path) -> String {
    format!(
        "\nEach file was proven before it got its name: frames counted, clock and sound held against the source,\n\
         first and last pictures decoded. The files are in {}. Now a worker, and three classes that need 480P.",
        folder.join("out").display()
    )
}

/// Returns what to do next with what is there now.
fn closing(folder: &Path, lesson: &Path) -> String {
    let (out, lesson, config) = (folder.join("out"), lesson.display(), class::config(folder));
    let next = [
        (format!("reelmill probe {lesson}"), "what is in the recording"),
        (
            format!("reelmill transcode {lesson} -r 480P -o {}/ --explain", out.display()),
            "what would be done, and why",
        ),
        (format!("reelmill cache ls --config {}", config.display()), "what the worker keeps"),
        (format!("reelmill cache why lesson_480P --config {}", config.display()), "who holds it, and until when"),
        (format!("reelmill worker --config {}", config.display()), "let the worker go on"),
    ];
    let width = next.iter().map(|(words, _)| words.chars().count()).max().unwrap_or_default();
    let lines = next.iter().map(|(words, what)| format!("  {words:width$}  {what}\n")).collect::<String>();
    format!(
        "\nThe lesson was fetched once and made once: the second class waited for the same work, the third was handed\n\
         the file that was there. The worker has ended, and lost nothing by it. Next:\n{lines}"
    )
}

fn say(console: &Console, text: &str) -> Result<(), CommandError> {
    if console.quiet { Ok(()) } else { console.print(text) }
}
