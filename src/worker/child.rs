//! Work on media in a process of its own: a recording that brings a decoder down, makes it loop or fills its memory costs one
//! try, and not the node.
//!
//! ```text
//! Child (Media) ─▶ spawn: /proc/self/exe child ─── order, room, stop ──▶ serve: confine ─▶ InProcess
//!    └ parent: hears, watches, kills     ◀── progress, asks, answer ────┘   (log on stderr)
//! ```
//!
//! One process a job, over two pipes of JSON lines (`message`). What a child says is checked for what can be checked (its lines'
//! length, the files' names and lengths) and its own otherwise. Invariants: no child outlives its parent (it asks the kernel
//! to be killed with it, and its pipe's end is its end); no child outlives its call, and none is left a zombie
//! (`spawn::Running`); whatever happens to it becomes an error with a code.
//!
//! What this module does not do: shut a child in beyond limits on its resources; that is `confine`'s to grow into.

mod confine;
mod end;
mod fault;
mod log;
mod message;
mod parent;
mod room;
mod serve;
mod spawn;
mod told;
mod watch;

pub use fault::Fault;
pub use serve::{NotServed, serve};

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use self::message::{Order, Tell};
use super::media::{Limits, Media, MediaError, TakeIn, TakenIn, Transcode, Transcoded};
use super::{Progress, place};
use crate::av::Interrupt;
use crate::proof::VerifiedFile;
use crate::room::RoomSource;

/// What a child may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of memory.
    pub memory_max: u64,
    /// How long recordings and how much work are taken on.
    pub limits: Limits,
    /// How long nothing may move before it is given up.
    pub stall_time: Duration,
    /// How long all of it may take, whatever moves.
    pub time_max: Duration,
}

/// Works in a process of its own, one for each call.
#[derive(Clone, Debug)]
pub struct Child {
    program: PathBuf,
    bounds: Bounds,
    fault: Option<Fault>,
}

impl Child {
    /// Returns what works in further processes of this very program, also after its file was replaced.
    pub fn new(bounds: Bounds) -> Self {
        Self::of_program(Path::new("/proc/self/exe"), bounds)
    }

    /// Returns what works in processes of this program, which must be reelmill: for tests, which are none.
    pub fn of_program(program: &Path, bounds: Bounds) -> Self {
        Self { program: program.to_owned(), bounds, fault: None }
    }

    /// Returns what fails in this way before it works: for tests.
    #[must_use]
    pub fn with_fault(self, fault: Fault) -> Self {
        Self { fault: Some(fault), ..self }
    }
}

impl Media for Child {
    fn take_in(
        &self,
        order: &TakeIn,
        rooms: Arc<dyn RoomSource>,
        progress: &Progress,
        interrupt: &Interrupt,
    ) -> Result<TakenIn, MediaError> {
        let work = Order::TakeIn(order.clone().into());
        let tell = parent::run(self, &work, Some(rooms), progress, interrupt)?;
        let Tell::TakenIn { is_repacked, file, notes, facts } = tell else { return Err(told::senseless()) };
        let repacked = place::repacked(&order.folder);
        let path = if is_repacked { &repacked } else { &order.path };
        Ok(TakenIn { file: told::file(path, file)?, notes: told::notes(notes), facts: told::facts(&facts)? })
    }

    fn transcode(
        &self,
        order: &Transcode,
        rooms: Arc<dyn RoomSource>,
        progress: &Progress,
        interrupt: &Interrupt,
    ) -> Result<Transcoded, MediaError> {
        let work = Order::Transcode(order.clone().into());
        let tell = parent::run(self, &work, Some(rooms), progress, interrupt)?;
        let Tell::Transcoded { file, notes, facts, speed } = tell else { return Err(told::senseless()) };
        let file = told::file(&order.output, file)?;
        let speed = speed.filter(|speed| speed.is_finite() && *speed > 0.0);
        Ok(Transcoded { file, notes: told::notes(notes), facts: told::facts(&facts)?, speed })
    }

    fn prove(
        &self,
        path: &Path,
        accept_truncated: bool,
        interrupt: &Interrupt,
    ) -> Result<VerifiedFile, MediaError> {
        let order = Order::Prove { path: path.to_owned(), accept_truncated };
        match parent::run(self, &order, None, &Progress::default(), interrupt)? {
            Tell::Proven { file } => told::file(path, file),
            _ => Err(told::senseless()),
        }
    }
}
