//! `reelmill version`: ours, and with `--verbose` what we are linked with, for bug reports.

use super::{CommandError, Console, engine};
use crate::failure::ExitCode;

/// Prints the versions.
pub(super) fn run(verbose: bool, console: &Console) -> Result<ExitCode, CommandError> {
    let mut lines = vec![format!("reelmill {}", env!("CARGO_PKG_VERSION"))];
    if verbose {
        let libraries = engine::versions();
        let width = libraries.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        lines.extend(libraries.iter().map(|(name, version)| format!("  {name:<width$}  {version}")));
    }
    console.print(&lines.join("\n"))?;
    Ok(ExitCode::Done)
}
