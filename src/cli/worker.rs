//! The words of `reelmill worker`.

use clap::Args;

use super::ConfigFileArgs;

const AFTER_LONG_HELP: &str = "\
Takes bookings (Redis, HTTP, `reelmill book`), brings each class's rendition into this node's cache before it begins, and tells \
whoever should know. Everything has a default: without a configuration it keeps its state under /var/lib/reelmill and its files \
under /var/cache/reelmill, listens on http://127.0.0.1:8700 and makes renditions itself.

The first SIGTERM or Ctrl-C lets it end cleanly: nothing new is taken, downloads stop where they are, a transcode has 25 seconds \
to finish; all of it goes on at the next start. The second ends it at once, and nothing is lost by that either.

Exit codes: 0 after a clean end, 75 where another process has the database, the cache or the port, 78 where the configuration is wrong.";

/// `reelmill worker`.
#[derive(Debug, Args)]
#[command(after_long_help = AFTER_LONG_HELP)]
pub struct WorkerArgs {
    /// Where its settings are.
    #[command(flatten)]
    pub files: ConfigFileArgs,
    /// End when standard input does: for whoever starts a worker of its own, as the demo does
    #[arg(long, hide = true)]
    pub end_with_stdin: bool,
}
