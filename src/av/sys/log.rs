//! libav's log, which speaks through a variadic callback that Rust cannot express: the shim in `vendor` makes whole
//! lines of it.

use std::ffi::{c_char, c_int};

use super::{ffi, string};

unsafe extern "C" {
    /// `vendor/libav-shim/shim.c`: calls `sink` once per whole line, from any thread.
    fn reelmill_log_install(sink: extern "C" fn(c_int, *const c_char, *const c_char));
    /// The same file: C's `stderr` goes to that sink, or where it went before.
    fn reelmill_log_divert(on: c_int);
}

/// Sends every line to `tracing` from now on.
pub(in crate::av) fn install_log() {
    // SAFETY: the sink lives for ever and may be called from any thread.
    unsafe { reelmill_log_install(sink) }
}

/// Takes what C's own functions write to `stderr` for lines of the log, or no more.
pub(in crate::av) fn divert_stderr(on: bool) {
    // SAFETY: `av::log::listen`, the only caller, lets one thread at a time come here; both streams live for ever.
    unsafe { reelmill_log_divert(c_int::from(on)) }
}

/// Sets what libav logs at all: one of its own levels.
pub(in crate::av) fn set_log_level(level: c_int) {
    // SAFETY: a plain store.
    unsafe { ffi::av_log_set_level(level) }
}

/// Returns what libav logs now: one of its own levels.
pub(in crate::av) fn log_level() -> c_int {
    // SAFETY: a plain load.
    unsafe { ffi::av_log_get_level() }
}

extern "C" fn sink(level: c_int, component: *const c_char, line: *const c_char) {
    let component = string(component).unwrap_or_default();
    let line = string(line).unwrap_or_default();
    crate::av::log::forward(level, &component, &line);
}
