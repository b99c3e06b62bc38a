//! `reelmill child`: the process in which a worker has one job's media worked on. Its stdin and stdout are the worker's.

use super::CommandError;
use crate::cli::ChildArgs;
use crate::failure::ExitCode;
use crate::worker::{Fault, serve};

/// Serves the worker.
pub(super) fn run(args: &ChildArgs) -> Result<ExitCode, CommandError> {
    let unknown = |name: &String| CommandError::Usage(format!("there is no fault {name:?}"));
    let fault = args.fault.as_ref().map(|name| Fault::parse(name).ok_or_else(|| unknown(name))).transpose()?;
    serve(args.parent, fault).map_err(CommandError::stage)?;
    Ok(ExitCode::Done)
}
