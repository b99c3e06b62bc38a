//! reelmill: any recording in, a proven ladder of renditions out.
//!
//! Modules stand in reading order. The directions: `main → cli → command → stages → {proof, av} → media`.

pub mod api;
pub mod atomic_file;
pub mod av;
pub mod booking;
pub mod cache;
pub mod checked_line;
pub mod cli;
pub mod clip;
pub mod clock;
pub mod command;
pub mod config;
pub mod content_hash;
pub mod control;
pub mod download;
pub mod event;
pub mod failure;
pub mod figure;
pub mod held_lock;
pub mod legacy;
pub mod media;
pub mod notify;
pub mod printable;
pub mod proof;
pub mod provider;
pub mod redis_server;
pub mod room;
pub mod store;
pub mod telemetry;
pub mod transcode;
pub mod worker;
