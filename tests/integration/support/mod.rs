//! What the tests share: scratch folders, generated clips, and FFmpeg's own tools as oracles.

pub(crate) mod clip;
