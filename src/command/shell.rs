//! What a shell and `man` want of us, generated from the tree of commands.

use clap::CommandFactory;

use super::{CommandError, Console};
use crate::cli::Cli;
use crate::failure::ExitCode;

/// Prints the completions of `shell`.
pub(super) fn completions(shell: clap_complete::Shell, console: &Console) -> Result<ExitCode, CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "reelmill", &mut script);
    print(&script, console)
}

/// Prints the manual page: the program's own sections, then one for each command and its parts.
pub(super) fn man(console: &Console) -> Result<ExitCode, CommandError> {
    let mut root = Cli::command();
    root.build();
    let mut page = unfilled(&roff(&root)?);
    for command in root.get_subcommands().filter(|command| !command.is_hide_set()) {
        page.push_str(&as_section(command.get_name(), &unfilled(&roff(command)?)));
        for part in command.get_subcommands() {
            let name = format!("{} {}", command.get_name(), part.get_name());
            page.push_str(&as_section(&name, &unfilled(&roff(part)?)));
        }
    }
    print(page.as_bytes(), console)
}

fn roff(command: &clap::Command) -> Result<String, CommandError> {
    let mut page = Vec::new();
    // Writing into memory cannot fail; should it, what would be lost is told like any lost output.
    clap_mangen::Man::new(command.clone()).render(&mut page).map_err(CommandError::Stdout)?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}

/// Keeps indented lines of the notes as they are: roff would fill examples into paragraphs. What is prose it shall fill.
fn unfilled(page: &str) -> String {
    let mut lines = Vec::new();
    let (mut in_notes, mut is_kept) = (false, false);
    for line in page.lines() {
        if line == ".SH EXTRA" {
            lines.push(".SH NOTES");
            in_notes = true;
            continue;
        }
        in_notes &= !line.starts_with(".SH");
        let keep = in_notes && line.starts_with(' ');
        // An empty line is the same in both.
        if keep != is_kept && !(in_notes && line.is_empty()) {
            lines.push(if keep { ".nf" } else { ".fi" });
            is_kept = keep;
        }
        lines.push(line);
    }
    if is_kept {
        lines.push(".fi");
    }
    lines.join("\n") + "\n"
}

/// Turns a command's own page into a section of the program's: its sections become subsections, and its name and
/// version, which the section's title says already, are left out.
fn as_section(name: &str, page: &str) -> String {
    let mut section = format!(".SH \"REELMILL {}\"\n", name.to_uppercase());
    let mut is_kept = false;
    for line in page.lines() {
        if let Some(title) = line.strip_prefix(".SH ") {
            is_kept = !matches!(title, "NAME" | "VERSION");
            match title {
                "NAME" | "VERSION" => {}
                "DESCRIPTION" => section.push_str(".PP\n"),
                _ => section.push_str(&format!(".SS {title}\n")),
            }
        } else if is_kept {
            section.push_str(line);
            section.push('\n');
        }
    }
    section
}

fn print(text: &[u8], console: &Console) -> Result<ExitCode, CommandError> {
    console.print(String::from_utf8_lossy(text).trim_end())?;
    Ok(ExitCode::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manual_is_one_page_with_every_command_in_it() {
        let page =
            "preamble\n.TH probe 1\n.SH NAME\nprobe\n.SH SYNOPSIS\nwords\n.SH EXTRA\n  a  b\n.SH VERSION\nv1\n";
        assert_eq!(
            as_section("probe", &unfilled(page)),
            ".SH \"REELMILL PROBE\"\n.SS SYNOPSIS\nwords\n.SS NOTES\n.nf\n  a  b\n.fi\n"
        );
        let notes = ".SH EXTRA\nLong prose.\n\nExamples:\n  a  b\n\n  c\n\nMore prose.\n.SH VERSION\n";
        let kept = ".SH NOTES\nLong prose.\n\nExamples:\n.nf\n  a  b\n\n  c\n\n.fi\nMore prose.\n.SH VERSION\n";
        assert_eq!(unfilled(notes), kept);
    }

    #[test]
    fn every_shell_gets_completions_that_know_the_options() {
        use clap::ValueEnum;
        for shell in clap_complete::Shell::value_variants() {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "reelmill", &mut script);
            assert!(String::from_utf8_lossy(&script).contains("rate-control"), "{shell}");
        }
    }
}
