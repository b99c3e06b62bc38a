//! The two small files by which the cache's folder is known: the marker, which says which cache it is, so that a disk that
//! is not mounted is noticed; and the lock, by which one process at a time has it.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;

use super::CacheError;
use crate::held_lock::{HeldLock, NotHeld};

/// Marks the folder.
pub(super) const MARKER: &str = ".reelmill-cache";
const LOCK: &str = ".reelmill-cache.lock";
/// What the marker begins with; the number counts the layouts.
const MARKER_HEAD: &str = "reelmill cache 1 ";
/// A marker is one short line; whatever is longer is none.
const MARKER_BYTES_MAX: u64 = 200;

/// Returns which cache the folder says it is.
pub(super) fn read(root: &Path) -> Result<Option<String>, CacheError> {
    let path = root.join(MARKER);
    let taken = |what: &str| CacheError::Taken { path: path.clone(), what: what.to_owned() };
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match rustix::fs::openat(CWD, &path, flags | OFlags::RDONLY, Mode::empty()) {
        Err(Errno::NOENT) => return Ok(None),
        Err(Errno::LOOP) => return Err(taken("a link")),
        result => File::from(result.map_err(|error| CacheError::disk("read", &path)(error.into()))?),
    };
    let mut text = String::new();
    let read = file.take(MARKER_BYTES_MAX).read_to_string(&mut text);
    let id = read.ok().and_then(|_| text.trim_end().strip_prefix(MARKER_HEAD));
    match id {
        Some(id) if !id.is_empty() => Ok(Some(id.to_owned())),
        _ => Err(taken("not the marker that reelmill wrote")),
    }
}

/// Marks the folder as the cache `id`: on the disk when this returns.
pub(super) fn write(root: &Path, id: &str) -> io::Result<()> {
    let (draft, path) = (root.join(format!("{MARKER}.new")), root.join(MARKER));
    let _ = fs::remove_file(&draft);
    let mut file = File::options().create_new(true).write(true).mode(0o644).open(&draft)?;
    writeln!(file, "{MARKER_HEAD}{id}")?;
    crate::atomic_file::publish_new(&draft, &path)
}

/// Opens the lock's file for reading: one that is open for writing would keep people from mounting the disk read-only.
pub(super) fn lock(root: &Path) -> Result<HeldLock, CacheError> {
    let path = root.join(LOCK);
    let failed = CacheError::disk("lock", &path);
    #[expect(clippy::cast_possible_wrap, reason = "flags are bits")]
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32;
    let mut options = File::options();
    let options = options.read(true).custom_flags(flags);
    let file = match options.open(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let mut new = File::options();
            drop(new.write(true).create(true).truncate(false).mode(0o644).open(&path).map_err(&failed)?);
            options.open(&path)
        }
        result => result,
    }
    .map_err(&failed)?;
    HeldLock::take(file).map_err(|why| match why {
        NotHeld::ByOther(mut file) => CacheError::InUse { root: root.to_owned(), pid: owner(&mut file) },
        NotHeld::Refused(error) => failed(error),
    })
}

/// Writes who holds the lock, for the one who is refused; a full disk is no reason not to start.
pub(super) fn tell_owner(folder: &File, text: &str) {
    let flags = OFlags::WRONLY | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat(folder, LOCK, flags, Mode::empty());
    let told = file.map_err(io::Error::from).and_then(|file| File::from(file).write_all(text.as_bytes()));
    if let Err(error) = told {
        tracing::debug!(%error, "cannot write who holds the cache's lock");
    }
}

fn owner(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(20).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

/// Returns the process that has the cache open, if one has: it takes its number out when it closes it.
pub(super) fn owner_of(root: &Path) -> Option<u32> {
    let pid = owner(&mut File::open(root.join(LOCK)).ok()?)?;
    let process = rustix::process::Pid::from_raw(i32::try_from(pid).ok()?)?;
    match rustix::process::test_kill_process(process) {
        Err(Errno::SRCH) => None,
        _ => Some(pid),
    }
}
