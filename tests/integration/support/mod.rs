//! What the tests share: scratch folders, generated clips, runs of the engine and of the program, and FFmpeg's own tools
//! as oracles.

pub(crate) mod binary;
pub(crate) mod bytes;
pub(crate) mod clip;
pub(crate) mod flv;
pub(crate) mod kill;
pub(crate) mod leftover;
pub(crate) mod oracle;
pub(crate) mod run;
