//! One file per subcommand: arguments to a request, the request to a stage, its values to the person.
//!
//! Here every error ends: it is printed once, and becomes the exit code.

mod book;
mod cache;
mod check;
mod child;
mod config;
mod console;
mod db;
mod demo;
mod engine;
mod error;
mod fetch;
mod footprint;
mod import_legacy;
mod oddity;
mod output;
mod probe;
mod progress;
mod request;
mod sheet;
mod shell;
mod signal;
mod table;
mod transcode;
mod version;
mod wire;
mod work_folder;
mod worker;

use std::borrow::Cow;
use std::ffi::OsString;
use std::process;

use crate::cli::{Cli, Command, Environment};
use crate::failure::{ExitCode, Failure};
use crate::telemetry::{Screen, printable};

pub use console::Console;
pub use error::CommandError;

/// Runs the command and returns the process's exit code; everything there is to say has been said.
pub fn run(cli: &Cli, environment: &Environment, screen: Screen) -> process::ExitCode {
    let console = Console::new(cli, environment, screen);
    let code = dispatch(cli, environment, &console)
        .unwrap_or_else(|error| report(&error, cli.command.wants_json(), &console));
    process::ExitCode::from(code as u8)
}

fn dispatch(cli: &Cli, environment: &Environment, console: &Console) -> Result<ExitCode, CommandError> {
    match &cli.command {
        Command::Transcode(args) => transcode::run(args, console),
        Command::Probe(args) => probe::run(args, console),
        Command::Fetch(args) => fetch::run(args, &environment.settings, console),
        Command::Worker(args) => worker::run(args, &environment.settings, console),
        Command::Demo(args) => demo::run(args, console),
        Command::Config(args) => config::run(&args.command, &environment.settings, console),
        Command::Db(args) => db::run(&args.command, &environment.settings, console),
        Command::Cache(args) => cache::run(&args.command, &environment.settings, console),
        Command::Book(args) => book::book(args, &environment.settings, console),
        Command::Over(args) => book::end(book::OVER, args, &environment.settings, console),
        Command::Cancel(args) => book::end(book::CANCEL, args, &environment.settings, console),
        Command::ImportLegacy(args) => import_legacy::run(args, &environment.settings, console),
        Command::Child(args) => child::run(args),
        Command::Completions(args) => shell::completions(args.shell, console),
        Command::Man => shell::man(console),
        Command::Version => version::run(cli.general.verbose > 0, console),
    }
}

/// Prints a failure to the person, and with `json` to the calling program.
fn report(error: &CommandError, json: bool, console: &Console) -> ExitCode {
    if json && !matches!(error, CommandError::Stdout(_)) {
        // When stdout is gone too there is nobody left to tell; the text on stderr and the exit code remain.
        let _ = console.print(&wire::error_document(error.failure()));
    }
    console.complain(error.failure());
    error.exit_code()
}

/// Answers a command line that clap did not take: help and versions on stdout, refusals on stderr, and with `--json`
/// among the words as a document on stdout too, since the caller will parse it.
pub fn refuse(error: &clap::Error, arguments: &[OsString]) -> process::ExitCode {
    if error.use_stderr() && arguments.iter().any(|argument| argument == "--json") {
        let _ = console::print_to_stdout(&wire::error_document(&CommandError::from_usage(error)));
    }
    tell_refusal(error);
    process::ExitCode::from(if error.use_stderr() { ExitCode::Usage as u8 } else { ExitCode::Done as u8 })
}

/// Tells it in its own colours, unless a word on the line would steer the terminal: a shell fills in strangers' file names.
fn tell_refusal(error: &clap::Error) {
    let text = error.render().to_string();
    let safe: Vec<_> = text.lines().map(printable).collect();
    // A closed pipe (`reelmill --help | head -1`) is no failure of ours.
    if safe.iter().all(|line| matches!(line, Cow::Borrowed(_))) {
        let _ = error.print();
    } else {
        Screen::new().say(&safe.join("\n"));
    }
}

/// Returns an error's text with its causes, `message: cause: cause`.
fn chain(error: &dyn Failure) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
