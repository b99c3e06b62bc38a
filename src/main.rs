//! The program: parse, start the log, run the command, answer with an exit code. Everything else is in the library.

use std::ffi::OsString;
use std::process::ExitCode;

use reelmill::telemetry::{self, Screen};
use reelmill::{cli, command};

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let cli = match cli::parse(&arguments) {
        Ok(cli) => cli,
        Err(error) => return command::refuse(&error, &arguments),
    };
    let environment = cli::Environment::read();
    let screen = Screen::new();
    let level = telemetry::level(cli.general.quiet, cli.general.verbose);
    let _log = telemetry::start(&screen, level, environment.log_filter.as_deref());
    command::run(&cli, &environment, screen)
}
