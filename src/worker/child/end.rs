//! What the end of a child means that gave no answer.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use signal_hook::consts::{SIGABRT, SIGKILL};
use signal_hook::low_level::signal_name;

use super::log::Tail;
use crate::worker::media::MediaError;

/// Returns the error of a child that got less memory than it needed.
pub(super) fn out_of_memory() -> MediaError {
    MediaError::OutOfMemory("it reached its limit".to_owned())
}

/// Returns the error. We have not killed it: then nobody but the kernel has, for want of memory, or a person.
pub(super) fn judge(status: ExitStatus, tail: Tail) -> MediaError {
    let Tail { last, is_out_of_memory } = tail;
    let crashed = |how: String| MediaError::Crashed { how, last: last.unwrap_or_default() };
    match (status.signal(), status.code()) {
        (Some(SIGKILL), _) => MediaError::OutOfMemory("it was killed by the system".to_owned()),
        (Some(SIGABRT), _) if is_out_of_memory => out_of_memory(),
        (Some(signal), _) => crashed(signal_name(signal).map_or(format!("signal {signal}"), ToOwned::to_owned)),
        (None, Some(0)) => crashed("no answer".to_owned()),
        (None, code) => crashed(format!("exit code {}", code.unwrap_or(-1))),
    }
}

#[cfg(test)]
mod tests {
    use signal_hook::consts::{SIGBUS, SIGSEGV};

    use super::*;
    use crate::failure::{Failure, FailureClass};

    #[test]
    fn every_end_has_its_code_and_crashes_tell_how() {
        let judged = |raw: i32, is_out_of_memory| {
            let tail = Tail { last: Some("last words".to_owned()), is_out_of_memory };
            let error = judge(ExitStatus::from_raw(raw), tail);
            (error.code(), error.class(), error.to_string())
        };
        let crashed = |how: &str| {
            let text = format!("the process that worked on it crashed ({how}): last words");
            ("MEDIA_CRASHED", FailureClass::Transient, text)
        };
        assert_eq!(judged(SIGSEGV, false), crashed("SIGSEGV"));
        assert_eq!(judged(SIGBUS | 0x80, true), crashed("SIGBUS"));
        assert_eq!(judged(SIGABRT, false), crashed("SIGABRT"));
        assert_eq!(judged(0, false), crashed("no answer"));
        assert_eq!(judged(101 << 8, false), crashed("exit code 101"));
        for (raw, is_out_of_memory) in [(SIGKILL, false), (SIGABRT, true)] {
            let (code, class, text) = judged(raw, is_out_of_memory);
            assert_eq!((code, class), ("MEDIA_OOM", FailureClass::Capacity), "{text}");
        }
    }
}
