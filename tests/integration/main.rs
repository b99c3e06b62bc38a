//! The tests that run the linked libraries and the binary: one file, linked once. Names are sentences.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod command;
mod disk_full;
mod fence;
mod file_trap;
mod ladder;
mod long;
mod partial;
mod probe;
mod proof;
mod result;
mod shell;
mod signal;
mod support;
