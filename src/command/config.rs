//! `reelmill config`: is the configuration right, what holds, and what could be set.

mod wire;

use super::{CommandError, Console};
use crate::cli::{ConfigCheckArgs, ConfigCommand, ConfigFileArgs, ConfigShowArgs};
use crate::config::{self, Origin, Reading, Setting, Variables};
use crate::failure::ExitCode;
use crate::telemetry::printable;

/// Runs the command and prints its result.
pub(super) fn run(
    command: &ConfigCommand,
    variables: &Variables,
    console: &Console,
) -> Result<ExitCode, CommandError> {
    let text = match command {
        ConfigCommand::Check(args) => check(args, variables)?,
        ConfigCommand::Show(args) => show(args, variables)?,
        ConfigCommand::Sample => config::sample().trim_end().to_owned(),
        ConfigCommand::Document => config::document().trim_end().to_owned(),
    };
    console.print(&text)?;
    Ok(ExitCode::Done)
}

/// Reads and checks the configuration but for its secrets, for a command that needs none of them.
pub(super) fn read_without_secrets(files: &ConfigFileArgs, variables: &Variables) -> Result<Reading, CommandError> {
    let sources = config::Sources { without_secrets: true, ..files.sources(variables) };
    config::read(&sources).map_err(CommandError::stage)
}

/// Reads and checks the configuration, for a command that acts on it.
pub(super) fn read(files: &ConfigFileArgs, variables: &Variables) -> Result<Reading, CommandError> {
    config::read(&files.sources(variables)).map_err(CommandError::stage)
}

fn check(args: &ConfigCheckArgs, variables: &Variables) -> Result<String, CommandError> {
    let reading = read(&args.files, variables)?;
    Ok(if args.json { wire::check_document(&reading) } else { checked(&reading) })
}

/// Returns what was read and found right, and what somebody should know about it.
fn checked(reading: &Reading) -> String {
    let sources = match reading.sources.as_slice() {
        [] => "nothing is set, the defaults hold".to_owned(),
        some => some.join(", "),
    };
    let notes = reading.notes.iter().map(|note| format!("note: {}", printable(note)));
    std::iter::once(format!("ok: {}", printable(&sources))).chain(notes).collect::<Vec<_>>().join("\n")
}

fn show(args: &ConfigShowArgs, variables: &Variables) -> Result<String, CommandError> {
    let reading = read(&args.files, variables)?;
    let asked = select(&reading.settings, &args.keys)?;
    if args.json {
        return Ok(wire::show_document(&asked));
    }
    // Single keys go by their full name; only the whole is laid out as a file.
    Ok(if args.keys.is_empty() { file(&asked, args.origin) } else { lines(&asked, args.origin) })
}

fn select<'a>(settings: &'a [Setting], keys: &[String]) -> Result<Vec<&'a Setting>, CommandError> {
    if keys.is_empty() {
        return Ok(settings.iter().collect());
    }
    let mut asked = Vec::new();
    for key in keys {
        asked.extend(config::matching(settings, key).map_err(|meant| unknown(key, meant))?);
    }
    Ok(asked)
}

fn unknown(key: &str, meant: Option<&str>) -> CommandError {
    let hint =
        meant.map_or_else(|| "reelmill config show lists all".to_owned(), |meant| format!("did you mean {meant}?"));
    CommandError::Usage(format!("there is no key {key:?}; {hint}"))
}

fn lines(settings: &[&Setting], with_origin: bool) -> String {
    settings.iter().map(|setting| line(setting.name, setting, with_origin)).collect::<Vec<_>>().join("\n")
}

/// Returns the settings as a `reelmill.toml`.
fn file(settings: &[&Setting], with_origin: bool) -> String {
    let mut text = String::new();
    let mut current = "";
    for setting in settings {
        let (table, name) = setting.parts();
        if table != current {
            text.push_str(&format!("\n[{table}]\n"));
            current = table;
        }
        text.push_str(&line(name, setting, with_origin));
        text.push('\n');
    }
    text.trim_end().to_owned()
}

/// Returns `name = value`, which stays TOML with what is said about it in a comment.
fn line(name: &str, setting: &Setting, with_origin: bool) -> String {
    /// Most settings are shorter; the comments of these stand below each other.
    const COLUMN: usize = 40;
    let mut said = Vec::new();
    // A credential is named as the secret's source already.
    if with_origin && !matches!(setting.origin, Origin::Credential(_)) {
        said.push(setting.origin.to_string());
    }
    said.extend(setting.secret_source.iter().map(|source| format!("<set, from {source}>")));
    let text = format!("{name} = {}", setting.value);
    if said.is_empty() { text } else { format!("{text:<COLUMN$}  # {}", printable(&said.join(", "))) }
}
