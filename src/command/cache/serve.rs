//! Carrying requests out on a cache that this process has open: its own, and those that come by the socket meanwhile.

use std::cell::RefCell;
use std::sync::Arc;

use crate::av::Interrupt;
use crate::cache::{Cache, CacheError, Eviction, Held, Key, ScrubProgress, Scrubbed};
use crate::clock::Clock;
use crate::control::{
    self, ControlError, Evicted, Failed, Handler, Names, Pinned, Progress, Reply, Request, Status,
};

/// A command that has the cache.
pub(in crate::command) struct Serving {
    pub(in crate::command) cache: Cache,
    pub(in crate::command) clock: Arc<dyn Clock>,
    /// Somebody asked the command to stop.
    pub(in crate::command) interrupt: Interrupt,
    /// What it was called as.
    pub(in crate::command) role: &'static str,
}

impl Serving {
    /// Carries out what this command was called for, or what others may ask of it.
    pub(in crate::command) fn carry_out(
        &self,
        request: Request,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Reply, Failed> {
        let changed = match request {
            Request::Pin { key, name, for_milliseconds } => self.pin(&key, &name, for_milliseconds),
            Request::Unpin { key, name } => self.unpin(&key, name),
            Request::Evict { key, reason } => self.evict(&key, &reason),
            Request::Scrub => self.scrub(progress),
            Request::Status => Ok(self.status()),
            Request::Fetch { .. } | Request::Message { .. } | Request::Booking { .. } => {
                return Err(self.unsupported(&request));
            }
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
        let scrubbed = self.cache.scrub(&watch, &|| self.interrupt.is_cancelled())?;
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

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::super::place::Place;
    use super::super::state;
    use super::*;
    use crate::cache::Limits;
    use crate::clock::NodeClock;
    use crate::control::{Server, ask};
    use crate::failure::Failure;
    use crate::store::{FILE_NAME, Options, Store};

    fn serving(folder: &TempDir) -> Serving {
        let options = Options { backup_every: None, ..Options::default() };
        let store = Arc::new(Store::open(&folder.path().join(FILE_NAME), &options).unwrap());
        let limits = Limits { bytes_max: 1 << 20, count_max: 10, free_bytes_min: 0 };
        let (data_folder, root) = (folder.path().to_owned(), folder.path().join("root"));
        let place = Place { data_folder, root, limits, accept_truncated: false };
        let clock: Arc<dyn Clock> = Arc::new(NodeClock::start());
        let cache = state::open(store, &place, Arc::clone(&clock)).unwrap();
        Serving { cache, clock, interrupt: Interrupt::default(), role: "reelmill cache scrub" }
    }

    fn pin(key: &str) -> Request {
        Request::Pin { key: key.to_owned(), name: "ann".to_owned(), for_milliseconds: None }
    }

    #[test]
    fn a_command_that_has_the_cache_does_for_others_what_is_done_at_once_and_no_more() {
        let folder = TempDir::new().unwrap();
        let serving = Arc::new(serving(&folder));
        let _server = Server::start(folder.path(), serving.clone()).unwrap();
        let fetch = Request::Fetch {
            key: "6666".to_owned(),
            url: "http://origin/6666.flv".to_owned(),
            sha256: None,
            accept_truncated: false,
        };
        for (request, code) in [
            (pin("6666"), "CACHE_MISSING"),
            (pin("../6666"), "CACHE_KEY"),
            (Request::Scrub, "CONTROL_UNSUPPORTED"),
            (fetch, "CONTROL_UNSUPPORTED"),
        ] {
            assert_eq!(ask(folder.path(), &request, &mut |_| {}).unwrap_err().code(), code, "{request:?}");
        }
        let Ok(Reply::Status(status)) = ask(folder.path(), &Request::Status, &mut |_| {}) else {
            panic!("no status")
        };
        assert_eq!((status.pid, status.role.as_str()), (std::process::id(), "reelmill cache scrub"));
    }

    #[test]
    fn a_scrub_of_its_own_is_carried_out_and_its_progress_told() {
        let folder = TempDir::new().unwrap();
        let serving = serving(&folder);
        let mut phases = Vec::new();
        let done = serving.carry_out(Request::Scrub, &mut |progress| phases.push(progress.phase));
        assert!(matches!(done, Ok(Reply::Scrubbed(_))), "{done:?}");
        assert_eq!(phases, ["scrubbing"]);
    }
}
