//! What the tests share: scratch folders, generated clips, runs of the engine, and FFmpeg's own tools as oracles.

pub(crate) mod bytes;
pub(crate) mod clip;
pub(crate) mod flv;
pub(crate) mod oracle;
pub(crate) mod run;
