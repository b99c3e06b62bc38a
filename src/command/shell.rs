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

/// Prints the manual page: the program's own, then each command's.
pub(super) fn man(console: &Console) -> Result<ExitCode, CommandError> {
    let mut root = Cli::command();
    root.build();
    let mut page = Vec::new();
    let parts = std::iter::once(root.clone()).chain(root.get_subcommands().cloned());
    for part in parts {
        // Writing into memory cannot fail; should it, what would be lost is told like any lost output.
        clap_mangen::Man::new(part).render(&mut page).map_err(CommandError::Stdout)?;
    }
    print(&page, console)
}

fn print(text: &[u8], console: &Console) -> Result<ExitCode, CommandError> {
    console.print(String::from_utf8_lossy(text).trim_end())?;
    Ok(ExitCode::Done)
}
