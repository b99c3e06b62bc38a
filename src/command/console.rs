//! What the commands know about the person's end: terminals, color, quietness; and how text reaches it.

use std::io::{self, IsTerminal, Write};

use super::CommandError;
use crate::cli::{Cli, Environment};
use crate::failure::Failure;
use crate::telemetry::{Screen, printable};

/// The person's end of the process.
#[derive(Clone, Debug)]
pub struct Console {
    /// Stderr.
    pub screen: Screen,
    /// Nothing but errors is to be said.
    pub quiet: bool,
    /// How stdout is painted.
    pub(super) stdout: Paint,
    /// How stderr is painted.
    pub(super) stderr: Paint,
    /// Bars can move on stderr.
    pub(super) can_move: bool,
    /// There is somebody to ask: stdin and stderr are terminals.
    pub(super) can_ask: bool,
}

impl Console {
    /// Returns the console of this process.
    pub(super) fn new(cli: &Cli, environment: &Environment, screen: Screen) -> Self {
        let when = cli.general.color;
        let (stdout, stderr) = (io::stdout().is_terminal(), io::stderr().is_terminal());
        Self {
            screen,
            quiet: cli.general.quiet,
            stdout: Paint(environment.wants_color(when, stdout)),
            stderr: Paint(environment.wants_color(when, stderr)),
            can_move: stderr && !environment.dumb_terminal,
            can_ask: stderr && io::stdin().is_terminal(),
        }
    }

    /// Prints a result to stdout.
    pub(super) fn print(&self, text: &str) -> Result<(), CommandError> {
        print_to_stdout(text)
    }

    /// Tells an error, what it was caused by, and its cure.
    pub(super) fn complain(&self, error: &dyn Failure) {
        self.screen.say(&complaint(error, self.stderr));
    }

    /// Says something in passing.
    pub(super) fn remark(&self, text: &str) {
        if !self.quiet {
            self.screen.say(&printable(text));
        }
    }
}

/// Prints `text` and a line end to stdout. A reader that has gone (`| head`) had enough: no failure.
pub(super) fn print_to_stdout(text: &str) -> Result<(), CommandError> {
    let mut stdout = io::stdout().lock();
    let result = stdout.write_all(text.as_bytes()).and_then(|()| stdout.write_all(b"\n"));
    match result.and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(CommandError::Stdout(error)),
        _ => Ok(()),
    }
}

/// Returns `error[CODE]: message: cause`, its details a line each, and the cure on a line of its own.
pub(super) fn complaint(error: &dyn Failure, paint: Paint) -> String {
    complaint_about("", error, paint)
}

/// Returns the same for one of several things that failed, named by `subject`.
pub(super) fn complaint_about(subject: &str, error: &dyn Failure, paint: Paint) -> String {
    let head = paint.bad(&format!("error[{}]", error.code()));
    let subject = if subject.is_empty() { String::new() } else { format!(" {subject}:") };
    let mut text = format!("{head}:{subject} {}", printable(&super::chain(error)));
    for detail in error.details() {
        text.push_str(&format!("\n  {}", printable(&detail)));
    }
    if !error.cure().is_empty() {
        text.push_str(&format!("\n  {}: {}", paint.good("help"), error.cure()));
    }
    text
}

/// Colors, or none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paint(pub(super) bool);

impl Paint {
    fn wrap(self, code: &str, text: &str) -> String {
        if self.0 { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// Paints what went wrong.
    pub(super) fn bad(self, text: &str) -> String {
        self.wrap("1;31", text)
    }

    /// Paints what to be careful of.
    pub(super) fn caution(self, text: &str) -> String {
        self.wrap("1;33", text)
    }

    /// Paints what went well, and advice.
    pub(super) fn good(self, text: &str) -> String {
        self.wrap("32", text)
    }

    /// Paints headings.
    pub(super) fn strong(self, text: &str) -> String {
        self.wrap("1", text)
    }

    /// Paints what is beside the point.
    pub(super) fn faint(self, text: &str) -> String {
        self.wrap("2", text)
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    fn unwritable() -> CommandError {
        CommandError::OutputUnwritable {
            path: "out/\u{1b}[2J".into(),
            source: io::Error::from(io::ErrorKind::PermissionDenied),
        }
    }

    #[test]
    fn an_error_names_its_code_its_cause_and_its_cure() {
        assert_eq!(
            complaint(&unwritable(), Paint(false)),
            "error[OUTPUT_UNWRITABLE]: cannot write out/\\u{1b}[2J: permission denied\n  \
             help: choose a folder you may write to, or free space on its disk"
        );
    }

    #[test]
    fn color_wraps_only_the_head_and_the_help() {
        let text = complaint(&unwritable(), Paint(true));
        assert!(text.starts_with("\u{1b}[1;31merror[OUTPUT_UNWRITABLE]\u{1b}[0m: cannot"), "{text:?}");
        assert!(text.contains("\n  \u{1b}[32mhelp\u{1b}[0m: choose"), "{text:?}");
    }
}
