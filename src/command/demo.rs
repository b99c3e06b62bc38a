//! `reelmill demo`: makes a lesson, transcodes it into a ladder, and says where everything is. Uses nothing but the
//! linked libraries, and the very command a person would type.

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

/// Runs the command; the exit code is that of the transcode.
pub(super) fn run(args: &DemoArgs, console: &Console) -> Result<ExitCode, CommandError> {
    let lesson = args.folder.join("lesson.flv");
    make_lesson(&args.folder, &lesson, console)?;
    let words = words(&args.folder, &lesson);
    say(console, &format!("\n$ {}\n", shown(&words)))?;
    let code = transcode::run(&transcode_args(&words)?, console)?;
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

fn closing(folder: &Path, lesson: &Path) -> String {
    let (out, lesson) = (folder.join("out"), lesson.display());
    let probe = format!("reelmill probe {lesson}");
    let explain = format!("reelmill transcode {lesson} -r 480P -o {}/ --explain", out.display());
    let width = explain.chars().count();
    format!(
        "\nEach file was proven before it got its name: frames counted, clock and sound held against the source,\n\
         first and last pictures decoded. The files are in {}. Next:\n\
         \x20 {probe:width$}  what is in the recording\n\
         \x20 {explain}  what would be done, and why\n",
        out.display()
    )
}

fn say(console: &Console, text: &str) -> Result<(), CommandError> {
    if console.quiet { Ok(()) } else { console.print(text) }
}
