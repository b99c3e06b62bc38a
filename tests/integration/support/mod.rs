//! What the tests share: scratch folders, generated clips, runs of the engine and of the program, FFmpeg's own tools as
//! oracles, the documents, and what goes wrong outside of the program: origins, networks, disks, kills.

pub(crate) mod avi;
pub(crate) mod bidden;
pub(crate) mod binary;
pub(crate) mod browser;
pub(crate) mod bytes;
pub(crate) mod certificate;
pub(crate) mod clip;
pub(crate) mod document;
pub(crate) mod flv;
pub(crate) mod invariant;
pub(crate) mod kill;
pub(crate) mod leftover;
pub(crate) mod nginx;
mod node_settings;
pub(crate) mod oracle;
pub(crate) mod oracle_ended;
pub(crate) mod oracle_node;
pub(crate) mod origin;
pub(crate) mod power;
pub(crate) mod process;
pub(crate) mod proxy;
pub(crate) mod receiver;
pub(crate) mod redis;
pub(crate) mod room;
pub(crate) mod run;
pub(crate) mod setting;
pub(crate) mod small_disk;
pub(crate) mod trap;
pub(crate) mod wall_clock;
pub(crate) mod worker;
