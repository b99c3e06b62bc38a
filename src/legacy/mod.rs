//! Taking over an older node: what its databases, its disk and its Redis hold becomes a plan of what to keep here.
//!
//! Nothing here changes anything, and nothing is ever deleted: `folder` and `waiting_list` look, `row` understands,
//! `decide` says what is to be done and why, from values alone. Carrying it out is the command's.
//!
//! ```text
//! databases ─▶ store::OldTable ─▶ row ──┐
//! videos ────▶ folder ────▶ Found ──────┼─▶ decide ─▶ Plan (files, holds, renditions, waiters, notes)
//! Redis ─────▶ waiting_list ────────────┘     ▲
//!                      what is here already ──┘
//! ```

mod decide;
mod error;
mod folder;
mod note;
mod plan;
mod row;
mod waiting_list;

pub use decide::{Old, Present, Terms, decide};
pub use error::LegacyError;
pub use folder::{Found, FoundFile, list};
pub use note::{Note, NoteKind, Notes, Told};
pub use plan::{Already, FilePlan, Plan, RenditionPlan, WaiterPlan};
pub use waiting_list::{WaitingList, waiting_lists};
