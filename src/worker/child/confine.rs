//! What a child gives up before it reads its first byte of media.
//!
//! Today limits on resources, so that a recording that makes a decoder take memory or write without end harms nobody else.
//! What a child may reach at all, files and calls of the system, is to be narrowed here too.

use std::fs;
use std::io;

use rustix::process::{Resource, Rlimit, setrlimit};
use rustix::thread::set_no_new_privs;

/// Files open at a time. A rendition in chunks has one for each thread that encodes, its source and its output; libav and the
/// C library a few.
const FILES_MAX: u64 = 1100;
/// The longest file: more than any lesson is, and less than a disk. Room is asked for besides.
const FILE_BYTES_MAX: u64 = 256 << 30;
/// When the machine's memory is out, children go before anything else of the node: they cost one try.
const OOM_SCORE_ADJUSTMENT: &str = "900";

/// Confines this process for good.
///
/// # Errors
/// What the system said: it is to do no work then.
pub(super) fn confine(memory_max: u64) -> io::Result<()> {
    set_no_new_privs(true)?;
    limit(Resource::Data, memory_max)?;
    // A core would be as large as the memory, and holds pieces of somebody's lesson.
    limit(Resource::Core, 0)?;
    limit(Resource::Nofile, FILES_MAX)?;
    limit(Resource::Fsize, FILE_BYTES_MAX)?;
    // Only a wish: where /proc is not what it is elsewhere, everybody is as likely to go.
    if let Err(error) = fs::write("/proc/self/oom_score_adj", OOM_SCORE_ADJUSTMENT) {
        tracing::debug!(%error, "cannot ask to be the first to go");
    }
    Ok(())
}

/// Lowers a limit; one that is lower already stays.
fn limit(resource: Resource, most: u64) -> io::Result<()> {
    let now = rustix::process::getrlimit(resource);
    let lower = |limit: Option<u64>| Some(limit.map_or(most, |limit| limit.min(most)));
    setrlimit(resource, Rlimit { current: lower(now.maximum), maximum: lower(now.maximum) })?;
    Ok(())
}
