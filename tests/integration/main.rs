//! The tests that run the linked libraries and the binary: one file, linked once. Names are sentences.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod accept;
mod api;
mod apparatus;
mod book;
mod cache;
mod cache_command;
mod command;
mod config;
mod counted_room;
mod disk_full;
mod fence;
mod fetch;
mod fetch_cache;
mod file_trap;
mod flush_trap;
mod kill;
mod ladder;
mod legacy;
mod long;
mod oracle_x264;
mod partial;
mod picture_trap;
mod probe;
mod proof;
mod real_clip;
mod result;
mod resume;
mod seam;
mod shell;
mod signal;
mod size_change_trap;
mod sound_trap;
mod store;
mod support;
mod timing_trap;
