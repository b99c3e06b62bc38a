//! Carrying requests out on a cache that this process has open: its own, and those that come by the socket meanwhile.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::state::{Cache, ScrubProgress};
use crate::cache::{CacheError, Eviction, Held, Key, Scrubbed};
use crate::clock::Clock;
use crate::control::{
    self, ControlError, Evicted, Failed, Handler, Names, Pinned, Progress, Reply, Request, Status,
};

/// A command that has the cache.
pub(super) struct Serving {
    pub(super) cache: Cache,
    pub(super) clock: Arc<dyn Clock>,
    /// Somebody asked the command to stop.
    pub(super) stop: Arc<AtomicBool>,
    /// What it was called as.
    pub(super) role: &'static str,
}

impl Serving {
    /// Carries out what this command was called for, or what others may ask of it.
    pub(super) fn carry_out(&self, request: Request, progress: &mut dyn FnMut(Progress)) -> Result<Reply, Failed> {
        let changed = match request {
            Request::Pin { key, name, for_milliseconds } => self.pin(&key, &name, for_milliseconds),
            Request::Unpin { key, name } => self.unpin(&key, name),
            Request::Evict { key, reason } => self.evict(&key, &reason),
            Request::Scrub => self.scrub(progress),
            Request::Status => Ok(self.status()),
            Request::Fetch { .. } => return Err(self.unsupported(&request)),
        };
        changed.map_err(|error| Failed::of(&error))
    }

    fn pin(&self, key: &str, name: &str, for_milliseconds: Option<u64>) -> Result<Reply, CacheError> {
        let key = Key::parse(key)?;
        let until = for_milliseconds.map(|length| self.clock.now_milliseconds().saturating_add_unsigned(length));
        let Held { holder, since_milliseconds, until_milliseconds } = self.cache.pin(&key, name, until)?;
        let key = key.to_string();
        Ok(Reply::Pinned(Pinned { key, name: holder.name, since_milliseconds, until_milliseconds }))
    }

    fn unpin(&self, key: &str, name: String) -> Result<Reply, CacheError> {
        let key = Key::parse(key)?;
        let was_pinned = self.cache.unpin(&key, &name)?;
        Ok(Reply::Unpinned { key: key.to_string(), name, was_pinned })
    }

    fn evict(&self, key: &str, reason: &str) -> Result<Reply, CacheError> {
        let Eviction { key, bytes, reason, used_milliseconds, time_milliseconds } =
            self.cache.evict(&Key::parse(key)?, reason)?;
        Ok(Reply::Evicted(Evicted { key: key.to_string(), bytes, reason, used_milliseconds, time_milliseconds }))
    }

    fn scrub(&self, progress: &mut dyn FnMut(Progress)) -> Result<Reply, CacheError> {
        let progress = RefCell::new(progress);
        let watch = |so_far: ScrubProgress| {
            (progress.borrow_mut())(Progress {
                phase: "scrubbing".to_owned(),
                files: so_far.files,
                files_total: Some(so_far.files_total),
                bytes: so_far.bytes,
                bytes_total: Some(so_far.bytes_total),
            });
        };
        let scrubbed = self.cache.scrub(&watch, &|| self.stop.load(Ordering::Relaxed))?;
        Ok(Reply::Scrubbed(told(&scrubbed)))
    }

    fn status(&self) -> Reply {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        Reply::Status(Status { pid: std::process::id(), version, role: self.role.to_owned() })
    }

    fn unsupported(&self, request: &Request) -> Failed {
        Failed::of(&ControlError::Unsupported { role: self.role, request: request.name() })
    }
}

impl Handler for Serving {
    /// Takes from others what is done at once: this command ends when its own work has, and must not be kept.
    fn handle(&self, request: Request, progress: &mut dyn FnMut(Progress)) -> Result<Reply, Failed> {
        match request {
            Request::Scrub => Err(self.unsupported(&request)),
            request => self.carry_out(request, progress),
        }
    }
}

fn told(scrubbed: &Scrubbed) -> control::Scrubbed {
    let keys = |keys: &[Key]| Names::of(keys.iter().map(ToString::to_string));
    control::Scrubbed {
        sound_files: scrubbed.sound.files,
        sound_bytes: scrubbed.sound.bytes,
        proven_files: scrubbed.proven,
        damaged: Names::of(scrubbed.damaged.iter().map(|(key, why)| format!("{key}: {why}"))),
        missing: keys(&scrubbed.missing),
        evicted: keys(&scrubbed.evicted),
        strangers: Names::of(scrubbed.strangers.iter().map(|path| path.to_string_lossy().into_owned())),
        leftover_files: scrubbed.leftovers.files,
        leftover_bytes: scrubbed.leftovers.bytes,
    }
}
