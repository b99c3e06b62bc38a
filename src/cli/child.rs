//! The words of `reelmill child`, which no person types: a worker starts it for each job.

use clap::Args;

/// `reelmill child`.
#[derive(Clone, Debug, Args)]
pub struct ChildArgs {
    /// The process that it belongs to
    #[arg(long, value_name = "PID")]
    pub parent: u32,
    /// Fail in this way before any work: for tests
    #[arg(long, value_name = "FAULT")]
    pub fault: Option<String>,
}
